//! The fit: step after step, with measurements, a log and checkpoints.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::adam::{Adam, Rates, norm, parts, scale};
use super::error::TrainError;
use super::examples::{Example, Examples};
use super::log::{self, HeldOutLine, Line, Log, StepLine};
use super::objective::{Objective, Student, with_other};
use super::pass::Machine;
use super::{checkpoint, curves};
use crate::memory::gate::Gate;
use crate::rng::Rng;

/// Longest gradient; longer ones are cut to it.
const CLIP: f64 = 1.0;

/// How a fit goes.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The gate's file; checkpoint and log are beside it.
    pub output: PathBuf,
    /// Steps in all.
    pub steps: Option<u64>,
    /// Time for steps; what was used before an interruption does not count.
    pub time: Option<Duration>,
    /// Start of the random numbers.
    pub seed: u64,
    /// What is wanted.
    pub objective: Objective,
    /// How fast.
    pub rates: Rates,
    /// Steps between two checkpoints.
    pub checkpoint_every: u64,
    /// Steps between two measurements on what was held out; 0 measures at the beginning and at the end.
    pub measure_every: u64,
    /// Whether to go on from the checkpoint.
    pub resume: bool,
}

/// A fit that is going on.
pub struct Fit<'a> {
    settings: &'a Settings,
    examples: &'a Examples,
    gate: Gate,
    adam: Adam,
    run: String,
    student: Student<'a>,
    /// On what was held out: KL and nll of streaming at the same bytes, nll of full attention.
    baseline: Option<[f64; 3]>,
}

impl<'a> Fit<'a> {
    /// A fit that begins with `gate`, or where the last checkpoint was.
    ///
    /// # Errors
    /// Those of a checkpoint.
    pub fn new(
        machine: &'a Machine,
        examples: &'a Examples,
        gate: Gate,
        settings: &'a Settings,
    ) -> Result<Self, TrainError> {
        let run = fingerprint(&gate, examples, settings);
        let adam = Adam::new(&gate.layers);
        let student = Student::new(machine);
        let mut fit = Self { settings, examples, gate, adam, run, student, baseline: None };
        let path = checkpoint::path_of(&settings.output);
        if settings.resume && path.exists() {
            fit.adam = checkpoint::load(&path, &fit.run, &mut fit.gate.layers)?;
        }
        Ok(fit)
    }

    /// Steps that were made.
    pub fn step(&self) -> u64 {
        self.adam.step
    }

    /// Makes steps until there are enough or time is over, and tells `sink` of each line of the log. Whatever ends it, gate and
    /// checkpoint are those of the last whole step.
    ///
    /// # Errors
    /// [`TrainError::Interrupted`] and all others.
    pub fn run(mut self, sink: &mut dyn FnMut(&Line)) -> Result<Gate, TrainError> {
        let mut log = Log::open(&log::path_of(&self.settings.output), self.adam.step)?;
        let mut tell = |line: Line| {
            sink(&line);
            log.append(&line)
        };
        let ended = self.steps(&mut tell);
        // a failure to save is told only where nothing else went wrong
        let saved = self.save();
        let drawn = curves::draw(&log::path_of(&self.settings.output), &self.settings.output);
        ended.and(saved).and(drawn).map(|()| self.gate)
    }

    fn steps(&mut self, tell: &mut dyn FnMut(Line) -> Result<(), TrainError>) -> Result<(), TrainError> {
        if self.adam.step == 0 {
            self.measure(tell)?;
        }
        let started = Instant::now();
        let mut measured = self.adam.step;
        loop {
            let enough = self.settings.steps.is_some_and(|steps| self.adam.step >= steps);
            let late = self.settings.time.is_some_and(|time| started.elapsed() >= time);
            if enough || late {
                break;
            }
            let line = self.one_step()?;
            tell(Line::Step(line))?;
            let due = |every: u64| every > 0 && self.adam.step.is_multiple_of(every);
            if due(self.settings.checkpoint_every) {
                self.save()?;
            }
            if due(self.settings.measure_every) {
                self.measure(tell)?;
                measured = self.adam.step;
            }
        }
        if measured < self.adam.step {
            self.measure(tell)?;
        }
        Ok(())
    }

    fn one_step(&mut self) -> Result<StepLine, TrainError> {
        let begin = Instant::now();
        let step = self.adam.step;
        let (example, with_contrast) = self.chosen(step);
        let other = if with_contrast { with_other(example, &self.others(example, step)) } else { None };
        let objective = self.settings.objective;
        let (found, mut gradient) = self.student.step(example, other.as_deref(), &self.gate.layers, objective)?;
        let length = norm(&gradient);
        if !found.loss.is_finite() || !length.is_finite() {
            return Err(TrainError::NotFinite { step: step + 1 });
        }
        if length > CLIP {
            scale(&mut gradient, (CLIP / length) as f32);
        }
        self.adam.update(&mut self.gate.layers, &gradient, self.settings.rates);
        Ok(StepLine {
            step: self.adam.step,
            id: example.id.clone(),
            tokens: example.tokens.len(),
            loss: found.loss,
            kl: found.own.kl,
            nll: found.own.nll,
            nll_other: found.nll_other,
            gradient: length,
            gates: found.gates.iter().map(|gate| (gate * 1e4).round() / 1e4).collect(),
            seconds: begin.elapsed().as_secs_f64(),
        })
    }

    /// What a step reads, which depends on nothing but the seed and its number, and whether another document is read too. Answers and
    /// texts take turns, if there are both.
    fn chosen(&self, step: u64) -> (&'a Example, bool) {
        let train = &self.examples.train;
        let is_answer = |example: &&Example| example.n_answer > 0;
        let answers: Vec<&Example> = train.iter().filter(is_answer).collect();
        let texts: Vec<&Example> = train.iter().filter(|example| !is_answer(example)).collect();
        let (kind, turn) = match (answers.is_empty(), texts.is_empty()) {
            (false, false) if step % 2 == 1 => (texts, step / 2),
            (false, false) => (answers, step / 2),
            (true, _) => (texts, step),
            (false, true) => (answers, step),
        };
        let n = kind.len() as u64;
        let mut order: Vec<usize> = (0..kind.len()).collect();
        Rng::new(self.settings.seed).fork(turn / n).shuffle(&mut order);
        let example = kind[order[(turn % n) as usize]];
        let objective = self.settings.objective;
        let due = objective.contrast > 0.0 && turn.is_multiple_of(objective.contrast_every.max(1));
        (example, due && example.n_answer > 0)
    }

    /// Documents to take the place of that of an example, beginning at a random one.
    fn others(&self, example: &Example, step: u64) -> Vec<&'a Example> {
        let of_its_kind = |other: &&Example| other.n_answer > 0 && other.kind == example.kind;
        let mut others: Vec<&Example> = self.examples.train.iter().filter(of_its_kind).collect();
        let n = others.len();
        if n > 0 {
            others.rotate_left(Rng::new(self.settings.seed).fork(!step).index(n));
        }
        others
    }

    /// Means over the pairs that were held out.
    fn measure(&mut self, tell: &mut dyn FnMut(Line) -> Result<(), TrainError>) -> Result<(), TrainError> {
        let (begin, examples) = (Instant::now(), self.examples);
        let n = examples.held_out.len();
        if n == 0 {
            return Ok(());
        }
        let mean = |sum: f64| sum / n as f64;
        let [kl_streaming, nll_streaming, nll_full] = match self.baseline {
            Some(baseline) => baseline,
            None => {
                let mut sums = [0.0; 3];
                for example in &examples.held_out {
                    let found = self.student.measure_streaming(example)?;
                    let full = self.student.nll_full(example)?;
                    sums.iter_mut().zip([found.kl, found.nll, full]).for_each(|(sum, x)| *sum += x);
                }
                *self.baseline.insert(sums.map(mean))
            }
        };
        // of those that have another document of their kind
        let (mut n_other, mut own, mut foreign) = (0, 0.0, 0.0);
        let (mut kl, mut nll) = (0.0, 0.0);
        for (i, example) in examples.held_out.iter().enumerate() {
            // the next ones, then those that are trained on
            let (before, after) = examples.held_out.split_at(i);
            let all = after.iter().chain(before).chain(&examples.train);
            let others: Vec<&Example> = all.filter(|o| o.n_answer > 0 && o.kind == example.kind).collect();
            let other = with_other(example, &others);
            let found = self.student.measure(example, other.as_deref(), &self.gate.layers)?;
            kl += found.own.kl;
            nll += found.own.nll;
            if let Some(nll_other) = found.nll_other {
                n_other += 1;
                own += found.own.nll;
                foreign += nll_other;
            }
        }
        let of_others = |sum: f64| (n_other > 0).then(|| sum / f64::from(n_other));
        tell(Line::HeldOut(HeldOutLine {
            step: self.adam.step,
            held_out: n,
            kl: mean(kl),
            nll: mean(nll),
            nll_other: of_others(foreign),
            specific: of_others(foreign - own),
            kl_streaming,
            nll_streaming,
            nll_full,
            seconds: begin.elapsed().as_secs_f64(),
        }))
    }

    fn save(&self) -> Result<(), TrainError> {
        let output = &self.settings.output;
        checkpoint::save(&checkpoint::path_of(output), &self.run, &self.gate.layers, &self.adam)?;
        Ok(self.gate.save(output)?)
    }
}

/// What a checkpoint belongs to: everything that has a say in what a step gives.
fn fingerprint(gate: &Gate, examples: &Examples, settings: &Settings) -> String {
    let Settings { seed, objective, rates, .. } = settings;
    let layers: Vec<u32> = gate.layers.keys().copied().collect();
    let fit = gate.fit.map(|fit| [fit.n_sink, fit.n_window, fit.n_segment]);
    let of_gate = format!("{} {} {} {layers:?} {fit:?}", gate.base_sha256, gate.feature_map, gate.n_features);
    let text = format!("{of_gate} {seed} {objective:?} {rates:?} {}", examples.sha256());
    let mut hash = Sha256::new_with_prefix(text.as_bytes());
    for (_, _, values) in gate.layers.values().flat_map(parts) {
        values.iter().for_each(|value| hash.update(value.to_le_bytes()));
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The folder and the name of a gate are there to be written to, before hours are spent.
///
/// # Errors
/// [`TrainError::Io`].
pub fn check_output(output: &Path) -> Result<(), TrainError> {
    let dir = output.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let io = |cause| TrainError::Io { action: "written", path: output.to_owned(), cause };
    tempfile::Builder::new().prefix(".gate-").tempfile_in(dir).map_err(io)?;
    Ok(())
}
