//! Fitting the scores by which tokens are retained: a document is read once with full attention, and what its tokens are worth is gone through
//! several times beside that of others that were read before.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use candle_core::Tensor;
use serde::Serialize;

use super::error::TrainError;
use super::examples::{Example, Examples, in_turns};
use super::kept::{best, errors, kept};
use super::log;
use super::notice::{Notice, Noticed, notice};
use super::pass::Machine;
use super::score::FittedScore;
use crate::memory::gate::Gate;
use crate::memory::policy::SNAPKV_KERNEL;
use crate::rng::Rng;

/// How a fit of scores goes.
#[derive(Debug, Clone)]
pub struct ScoreSettings {
    /// The gate's file; the log is beside it.
    pub output: PathBuf,
    /// Documents that are read.
    pub steps: Option<u64>,
    /// Time for them.
    pub time: Option<Duration>,
    /// Start of the random numbers.
    pub seed: u64,
    /// Last tokens of a text that need no score, as the window keeps them.
    pub window: usize,
    /// Hidden units.
    pub n_hidden: usize,
    /// How much what is asked counts beside what the text itself needs.
    pub asked: f64,
    /// Whether scores are fitted to what attention over the tokens that are kept gives.
    pub choice: bool,
    /// Tokens that are kept.
    pub n_retain: usize,
    /// Bytes of documents that are gone through again.
    pub kept_bytes: usize,
    /// How many of them after each document that is read.
    pub rounds: u64,
    /// Rate of learning, which falls to a tenth.
    pub rate: f64,
    /// Steps between two files.
    pub checkpoint_every: u64,
    /// Steps between two measurements on what was held out; 0 measures at the end.
    pub measure_every: u64,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScoreStep {
    /// Its number, from 1.
    pub step: u64,
    /// What was read.
    pub id: String,
    /// Tokens of it.
    pub tokens: usize,
    /// [`FittedScore::loss`], or for whole choices the distance that [`FittedScore::learn_choice`] gives, before the step learned of the document, a
    /// mean over layers.
    pub loss: f64,
    /// Time that it took.
    pub seconds: f64,
}

/// A measurement on what was held out: of all that tokens which may be kept are worth, the share of those that are kept, by different
/// choices.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScoreMeasure {
    /// Steps made.
    pub step: u64,
    /// Documents.
    pub held_out: usize,
    /// Tokens kept in each KV head.
    pub kept: usize,
    /// Worth to questions and answers: by the scores, by SnapKV's at the end of the text, the newest ones, and the best that there is.
    pub asked: Option<[f64; 4]>,
    /// Worth to later parts of the text, likewise; none where there are none.
    pub text: Option<[f64; 4]>,
    /// The error of attention when something is asked, with that of no token kept as its unit: by the scores, by SnapKV's, by the newest ones.
    pub asked_error: [f64; 3],
    /// While the text is read, likewise.
    pub text_error: [f64; 3],
    /// All that they are worth to what is asked, and to a segment, means over documents, layers, KV heads and moments.
    pub worth: [f64; 2],
    /// Time that it took.
    pub seconds: f64,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ScoreLine {
    /// A step.
    Step(ScoreStep),
    /// A measurement.
    HeldOut(ScoreMeasure),
}

/// Fits scores for all layers and puts them into `gate`, whose memory stays as it is. Whatever ends it, the gate is on disk as it was after
/// the last whole step, if there was one.
///
/// # Errors
/// [`TrainError`].
pub fn fit(
    machine: &Machine,
    examples: &Examples,
    gate: Gate,
    settings: &ScoreSettings,
    sink: &mut dyn FnMut(&ScoreLine),
) -> Result<Gate, TrainError> {
    let path = log::path_of(&settings.output);
    let io = |cause| TrainError::Io { action: "written", path: path.clone(), cause };
    let mut file = File::create(&path).map_err(io)?;
    let mut tell = |line: &ScoreLine| {
        sink(line);
        let text = serde_json::to_string(line).map_err(std::io::Error::from);
        text.and_then(|text| file.write_all((text + "\n").as_bytes())).map_err(io)
    };
    let mut fit =
        Fit { machine, examples, gate, settings, layers: Vec::new(), read: VecDeque::new(), held: Vec::new(), step: 0 };
    let ended = fit.steps(&mut tell);
    let saved = match ended {
        _ if fit.step > 0 => fit.save(),
        Ok(()) => Err(TrainError::NoStep),
        Err(_) => Ok(()),
    };
    ended.and(saved).map(|()| fit.gate)
}

struct Fit<'a> {
    machine: &'a Machine,
    examples: &'a Examples,
    gate: Gate,
    settings: &'a ScoreSettings,
    /// Scores of all layers; none before the first document.
    layers: Vec<FittedScore>,
    /// What was noticed in the documents that were read last.
    read: VecDeque<Notice>,
    /// In those that are held out.
    held: Vec<Notice>,
    step: u64,
}

impl Fit<'_> {
    fn steps(&mut self, tell: &mut dyn FnMut(&ScoreLine) -> Result<(), TrainError>) -> Result<(), TrainError> {
        let settings = self.settings;
        let started = Instant::now();
        let mut order = in_turns(&self.examples.train, settings.seed);
        // what fits altogether needs no choice
        let needed = settings.window + if settings.choice { settings.n_retain } else { 0 };
        let limit = order.iter().map(|example| example.tokens.len()).max().unwrap_or(0);
        order.retain(|example| example.schedule.n_text > example.schedule.n_front + needed);
        if order.is_empty() {
            return Err(TrainError::TooShort { examples: self.examples.train.len(), needed, limit });
        }
        let mut measured = None;
        loop {
            let elapsed = started.elapsed();
            let enough = settings.steps.is_some_and(|steps| self.step >= steps);
            let late = settings.time.is_some_and(|time| elapsed >= time);
            if enough || late {
                break;
            }
            // neither is 0 here
            let of_steps = settings.steps.map_or(0.0, |steps| self.step as f64 / steps as f64);
            let of_time = settings.time.map_or(0.0, |time| elapsed.as_secs_f64() / time.as_secs_f64());
            let rate = settings.rate * (1.0 - 0.9 * of_steps.max(of_time));
            let begin = Instant::now();
            let example = order[self.step as usize % order.len()];
            let loss = self.one_step(example, rate)?;
            self.step += 1;
            for (il, layer) in self.layers.iter().enumerate() {
                self.gate.scores.insert(il as u32, layer.to_gate()?);
            }
            tell(&ScoreLine::Step(ScoreStep {
                step: self.step,
                id: example.id.clone(),
                tokens: example.tokens.len(),
                loss,
                seconds: begin.elapsed().as_secs_f64(),
            }))?;
            if self.step.is_multiple_of(settings.checkpoint_every.max(1)) {
                self.save()?;
            }
            if settings.measure_every > 0 && self.step.is_multiple_of(settings.measure_every) {
                self.measure(tell)?;
                measured = Some(self.step);
            }
        }
        if measured != Some(self.step) {
            self.measure(tell)?;
        }
        Ok(())
    }

    fn one_step(&mut self, example: &Example, rate: f64) -> Result<f64, TrainError> {
        let settings = self.settings;
        let mut rng = Rng::new(settings.seed).fork(self.step);
        let mut noticed = notice(self.machine, example, settings.window)?;
        if !settings.choice {
            noticed.layers.iter_mut().for_each(|layer| layer.looks = None);
        }
        if self.layers.is_empty() {
            let scores = &self.gate.scores;
            let new = |(il, noticed): (usize, &Noticed)| match scores.get(&(il as u32)) {
                Some(score) => FittedScore::from_gate(score, &noticed.x, &mut rng),
                None => FittedScore::new(&noticed.x, settings.n_hidden, &mut rng),
            };
            self.layers = noticed.layers.iter().enumerate().map(new).collect::<Result<_, _>>()?;
        }
        self.read.push_back(noticed);
        let held: usize = self.held.iter().map(Notice::n_bytes).sum();
        while self.read.len() > 1 && held + self.read.iter().map(Notice::n_bytes).sum::<usize>() > settings.kept_bytes {
            self.read.pop_front();
        }
        let newest = self.read.len() - 1;
        let mut first = None;
        for round in 0..settings.rounds.max(1) {
            let chosen = if round == 0 { newest } else { rng.index(self.read.len()) };
            let mut sum = 0.0;
            self.machine.stop()?;
            let notice = &self.read[chosen];
            for (layer, noticed) in self.layers.iter_mut().zip(&notice.layers) {
                sum += if settings.choice {
                    layer.learn_choice(notice, noticed, settings.asked, settings.n_retain, rate)?
                } else {
                    layer.learn(notice, noticed, settings.asked, rate)?
                };
            }
            if !sum.is_finite() {
                return Err(TrainError::NotFinite { step: self.step + 1 });
            }
            first.get_or_insert(sum / self.layers.len().max(1) as f64);
        }
        Ok(first.unwrap_or(0.0))
    }

    fn measure(&mut self, tell: &mut dyn FnMut(&ScoreLine) -> Result<(), TrainError>) -> Result<(), TrainError> {
        let begin = Instant::now();
        let n = self.settings.n_retain;
        if self.examples.held_out.is_empty() || self.layers.is_empty() {
            return Ok(());
        }
        if self.held.is_empty() {
            let read = |example| notice(self.machine, example, self.settings.window);
            self.held = self.examples.held_out.iter().map(read).collect::<Result<_, _>>()?;
        }
        // for whom, by whom
        let mut sums = [[0.0; 4]; 2];
        let mut all = [0.0; 2];
        let mut n_all = [0.0; 2];
        let mut errors_of = [[0.0; 2]; 3];
        for notice in &self.held {
            for (layer, noticed) in self.layers.iter().zip(&notice.layers) {
                let by = [layer.scores(notice, noticed)?, by_snapkv(notice, noticed)?, by_number(notice, noticed)?];
                let kept = |scores: &Vec<Tensor>| kept(notice, noticed, scores, n);
                let choices = [kept(&by[0])?, kept(&by[1])?, kept(&by[2])?, best(noticed, n)?];
                for (sums, scores) in errors_of.iter_mut().zip(&by) {
                    let errors = errors(notice, noticed, scores, n)?;
                    sums.iter_mut().zip(errors).for_each(|(sum, error)| *sum += error);
                }
                for (i, worth) in [&noticed.asked, &noticed.text].into_iter().enumerate() {
                    for (sum, choice) in sums[i].iter_mut().zip(&choices) {
                        *sum += choice[i];
                    }
                    all[i] += f64::from(worth.sum_all()?.to_scalar::<f32>()?);
                }
                let n_kv = noticed.asked.dim(0)? as f64;
                n_all[0] += n_kv;
                n_all[1] += n_kv * (notice.moments.len() - 1) as f64;
            }
        }
        let [asked, text] = [0, 1].map(|i| (all[i] > 0.0).then(|| sums[i].map(|sum| sum / all[i])));
        let n_heads = f64::max(n_all[0], 1.0);
        let [asked_error, text_error] = [0, 1].map(|i| errors_of.map(|errors| errors[i] / n_heads));
        let worth = [0, 1].map(|i| all[i] / f64::max(n_all[i], 1.0));
        let seconds = begin.elapsed().as_secs_f64();
        let held_out = self.held.len();
        tell(&ScoreLine::HeldOut(ScoreMeasure {
            step: self.step,
            held_out,
            kept: n,
            asked,
            text,
            asked_error,
            text_error,
            worth,
            seconds,
        }))
    }

    fn save(&self) -> Result<(), TrainError> {
        Ok(self.gate.save(&self.settings.output)?)
    }
}

/// The largest of `kernel` neighbours.
fn around(scores: &Tensor, kernel: usize) -> candle_core::Result<Tensor> {
    let half = kernel / 2;
    let rows: Vec<Vec<f32>> = scores.to_vec2()?;
    let pool = |row: &Vec<f32>| -> Vec<f32> {
        let at = |i: usize| {
            row[i.saturating_sub(half)..row.len().min(i + half + 1)].iter().copied().fold(f32::MIN, f32::max)
        };
        (0..row.len()).map(at).collect()
    };
    Tensor::new(rows.iter().map(pool).collect::<Vec<_>>(), scores.device())
}

/// SnapKV's scores at each moment.
fn by_snapkv(notice: &Notice, layer: &Noticed) -> candle_core::Result<Vec<Tensor>> {
    let at = |moment| {
        let shares = layer.snap.narrow(1, moment, 1)?.squeeze(1)?.narrow(1, 0, notice.n_left(moment))?;
        around(&shares, SNAPKV_KERNEL as usize)
    };
    (0..notice.moments.len()).map(at).collect()
}

/// Scores by which the newest stay.
fn by_number(notice: &Notice, layer: &Noticed) -> candle_core::Result<Vec<Tensor>> {
    let heads = layer.asked.dim(0)?;
    let at = |moment| {
        let row: Vec<f32> = (0..notice.n_left(moment)).map(|i| i as f32).collect();
        Tensor::new(vec![row; heads], layer.asked.device())
    };
    (0..notice.moments.len()).map(at).collect()
}
