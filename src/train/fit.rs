//! The fit: step after step, with measurements, a log and checkpoints.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::adam::{Adam, Rates, norm, parts, scale};
use super::beside::Beside;
use super::error::TrainError;
use super::examples::{Example, Examples};
use super::log::{self, AnswerLine, HeldOutLine, Line, Log, StepLine};
use super::objective::{Measured, Objective, Other, Student, other_of};
use super::pass::Machine;
use super::{checkpoint, curves};
use crate::memory::gate::{Gate, ReadOut};
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
    /// Bytes of texts that are kept once they were read, where they do not depend on the gate.
    pub kept_bytes: usize,
    /// How often what is asked of those that are kept together is gone through.
    pub rounds: u64,
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
        let run = fingerprint(&gate, examples, settings, machine.retained());
        let adam = Adam::new(&gate.layers);
        let student = Student::new(machine, gate.read_out, settings.kept_bytes);
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
        let begin = self.adam.step;
        let path = log::path_of(&self.settings.output);
        // an older log gives way when there is a step to tell of
        let (mut log, mut first) = (None, Vec::new());
        let mut tell = |line: Line| {
            sink(&line);
            let is_step = matches!(line, Line::Step(_));
            first.push(line);
            if log.is_none() && is_step {
                log = Some(Log::open(&path, begin)?);
            }
            match &mut log {
                Some(log) => first.drain(..).try_for_each(|line| log.append(&line)),
                None => Ok(()),
            }
        };
        let ended = self.steps(&mut tell);
        // one that was ended before its first step has nothing that an older gate should give way to
        let has_begun = self.adam.step > begin || ended.is_ok();
        // a failure to save is told only where nothing else went wrong
        let saved = if has_begun { self.save() } else { Ok(()) };
        let is_told = self.adam.step > begin;
        let drawn = if is_told { curves::draw(&path, &self.settings.output) } else { Ok(()) };
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
        let (example, others) = self.chosen(step);
        let other = other_of(example, &others, self.gate.read_out);
        let objective = self.settings.objective;
        let (found, mut gradient) = self.student.step(example, other.as_ref(), &self.gate.layers, objective)?;
        let length = norm(&gradient);
        if !found.loss.is_finite() || !length.is_finite() {
            return Err(TrainError::NotFinite { step: step + 1 });
        }
        if length > CLIP {
            scale(&mut gradient, (CLIP / length) as f32);
        }
        self.adam.update(&mut self.gate.layers, &gradient, self.settings.rates);
        let mean = Measured::mean(&found.answers);
        Ok(StepLine {
            step: self.adam.step,
            id: example.id.clone(),
            tokens: example.tokens.len(),
            loss: found.loss,
            kl: mean.own.kl,
            nll: mean.own.nll,
            nll_other: mean.nll_other,
            answers: found.answers.iter().map(AnswerLine::from).collect(),
            gradient: length,
            gates: found.gates.iter().map(|gate| (gate * 1e4).round() / 1e4).collect(),
            seconds: begin.elapsed().as_secs_f64(),
        })
    }

    /// What a step reads, which depends on nothing but the seed and its number, and other documents where they are looked at too,
    /// beginning at a random one. Answers and texts take turns, if there are both.
    fn chosen(&self, step: u64) -> (&'a Example, Vec<&'a Example>) {
        let train = &self.examples.train;
        let is_answer = |example: &&Example| example.is_asked();
        let answers: Vec<&Example> = train.iter().filter(is_answer).collect();
        let texts: Vec<&Example> = train.iter().filter(|example| !is_answer(example)).collect();
        let (all, turn) = match (answers.is_empty(), texts.is_empty()) {
            (false, false) if step % 2 == 1 => (texts, step / 2),
            (false, false) => (answers, step / 2),
            (true, _) => (texts, step),
            (false, true) => (answers, step),
        };
        let (group, rounds) = self.groups(&all);
        let (chosen, near) = turn_of(all.len(), group, rounds, self.settings.seed, turn);
        let example = all[chosen];
        let objective = self.settings.objective;
        let due = objective.contrast > 0.0 && turn.is_multiple_of(objective.contrast_every.max(1));
        if !due || !example.is_asked() {
            return (example, Vec::new());
        }
        // those that were read for the same group come first
        let far = (0..all.len()).filter(|i| !near.contains(i));
        let mut rng = Rng::new(self.settings.seed).fork(!step);
        let mut others = Vec::new();
        for part in [near.clone(), far.collect()] {
            let mut part: Vec<&Example> = part.into_iter().map(|i| all[i]).filter(|o| o.kind == example.kind).collect();
            if !part.is_empty() {
                let n = part.len();
                part.rotate_left(rng.index(n));
            }
            others.extend(part);
        }
        (example, others)
    }

    /// How many texts are kept together, and how often what is asked of them is gone through.
    fn groups(&self, all: &[&Example]) -> (usize, u64) {
        if self.gate.read_out == ReadOut::Always {
            return (all.len(), 1);
        }
        let longest = all.iter().map(|example| example.schedule.n_text).max().unwrap_or(1);
        let n_bytes = longest * self.student.machine.model.config.kv_bytes();
        // what is held out is kept beside them
        let n_kept = (self.settings.kept_bytes / n_bytes.max(1)).saturating_sub(self.examples.held_out.len());
        (n_kept.clamp(1, all.len()), self.settings.rounds.max(1))
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
            let others: Vec<&Example> = all.filter(|o| o.is_asked() && o.kind == example.kind).collect();
            let other: Option<Other<'_>> = other_of(example, &others, self.gate.read_out);
            let found = self.student.measure(example, other.as_ref(), &self.gate.layers)?;
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

/// Which of `n` is chosen in a turn, and its group: all are divided into groups of a size, and each group is gone through so many times,
/// always in another order, before the next one begins.
fn turn_of(n: usize, group: usize, rounds: u64, seed: u64, turn: u64) -> (usize, Vec<usize>) {
    let per_epoch = n as u64 * rounds;
    let (epoch, turn) = (turn / per_epoch, turn % per_epoch);
    let mut order: Vec<usize> = (0..n).collect();
    Rng::new(seed).fork(epoch).shuffle(&mut order);
    let number = turn / (group as u64 * rounds);
    let first = number as usize * group;
    let mut members = order[first..n.min(first + group)].to_vec();
    let size = members.len() as u64;
    let turn = turn - first as u64 * rounds;
    if turn >= size {
        Rng::new(seed).fork(epoch).fork(number).fork(turn / size).shuffle(&mut members);
    }
    (members[(turn % size) as usize], members)
}

/// What a checkpoint belongs to: everything that has a say in what a step gives.
fn fingerprint(gate: &Gate, examples: &Examples, settings: &Settings, retained: Option<&Beside>) -> String {
    let Settings { seed, objective, rates, kept_bytes, rounds, .. } = settings;
    let layers: Vec<u32> = gate.layers.keys().copied().collect();
    let fit = gate.fit.map(|fit| [fit.n_sink, fit.n_window, fit.n_segment]);
    let Gate { base_sha256, feature_map, n_features, read_out, .. } = gate;
    let of_gate = format!("{base_sha256} {feature_map} {n_features} {read_out:?} {layers:?} {fit:?}");
    let groups = (*read_out == ReadOut::Asked).then_some((kept_bytes, rounds));
    let text = format!("{of_gate} {seed} {objective:?} {rates:?} {groups:?} {}", examples.sha256());
    let mut hash = Sha256::new_with_prefix(text.as_bytes());
    for (_, _, values) in gate.layers.values().flat_map(parts) {
        values.iter().for_each(|value| hash.update(value.to_le_bytes()));
    }
    if let Some(beside) = retained {
        beside.put_into(&mut hash);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_gone_through_several_times_before_the_next() {
        let chosen: Vec<usize> = (0..20).map(|turn| turn_of(10, 4, 2, 7, turn).0).collect();
        for (first, size) in [(0, 4), (8, 4), (16, 2)] {
            let mut rounds: Vec<Vec<usize>> = chosen[first..first + 2 * size].chunks(size).map(<[_]>::to_vec).collect();
            rounds.iter_mut().for_each(|round| round.sort_unstable());
            assert_eq!(rounds[0], rounds[1]);
            let mut group = turn_of(10, 4, 2, 7, first as u64 + 1).1;
            group.sort_unstable();
            assert_eq!(group, rounds[0]);
        }
        let mut all = chosen.clone();
        all.sort_unstable();
        assert_eq!(all, Vec::from_iter((0..10).flat_map(|i| [i, i])));
        // without groups as it was: each once in an order of its own
        let plain: Vec<usize> = (0..10).map(|turn| turn_of(10, 10, 1, 7, turn).0).collect();
        let mut order: Vec<usize> = (0..10).collect();
        Rng::new(7).fork(0).shuffle(&mut order);
        assert_eq!(plain, order);
    }
}
