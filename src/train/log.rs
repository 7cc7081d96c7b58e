//! What a fit tells of itself: a line of JSON for each step and each measurement.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::checkpoint::beside;
use super::error::TrainError;
use super::objective::Measured;

/// A step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepLine {
    /// Its number, from 1.
    pub step: u64,
    /// What was read.
    pub id: String,
    /// Tokens of it.
    pub tokens: usize,
    /// What the step made smaller.
    pub loss: f64,
    /// KL(teacher || student), nats per predicted token.
    pub kl: f64,
    /// Negative log-likelihood of what is predicted, nats per token.
    pub nll: f64,
    /// The same after the other document, where it was read.
    pub nll_other: Option<f64>,
    /// Of each answer, of which `kl`, `nll` and `nll_other` are means.
    pub answers: Vec<AnswerLine>,
    /// Euclidean norm of the gradient before it was cut.
    pub gradient: f64,
    /// Mean gate of each layer that has a memory, over heads and all tokens that saw one.
    pub gates: Vec<f64>,
    /// Time that it took.
    pub seconds: f64,
}

/// An answer of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnswerLine {
    /// KL(teacher || student), nats per token.
    pub kl: f64,
    /// Negative log-likelihood, nats per token.
    pub nll: f64,
    /// The same after the other document, where it was read.
    pub nll_other: Option<f64>,
}

impl From<&Measured> for AnswerLine {
    fn from(found: &Measured) -> Self {
        Self { kl: found.own.kl, nll: found.own.nll, nll_other: found.nll_other }
    }
}

/// A measurement on the pairs that were held out: means over them, in nats per token of the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeldOutLine {
    /// Steps made.
    pub step: u64,
    /// Pairs.
    pub held_out: usize,
    /// KL(teacher || student).
    pub kl: f64,
    /// Negative log-likelihood.
    pub nll: f64,
    /// The same after a document whose folded part is another's, over the pairs that have another of their kind.
    pub nll_other: Option<f64>,
    /// `nll_other - nll` over these.
    pub specific: Option<f64>,
    /// Without a memory, and a window that takes its bytes too.
    pub kl_streaming: f64,
    /// Likewise.
    pub nll_streaming: f64,
    /// Full attention.
    pub nll_full: f64,
    /// Time that it took.
    pub seconds: f64,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Line {
    /// Of a step.
    Step(StepLine),
    /// Of a measurement.
    HeldOut(HeldOutLine),
}

impl Line {
    fn step(&self) -> u64 {
        match self {
            Self::Step(line) => line.step,
            Self::HeldOut(line) => line.step,
        }
    }
}

/// The file that they go to.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: File,
}

/// The log beside a gate.
pub fn path_of(gate: &Path) -> PathBuf {
    beside(gate, "log.jsonl")
}

impl Log {
    /// Begins a log, or goes on with one after `step` steps: lines of later ones, which will be made again, are taken away.
    ///
    /// # Errors
    /// [`TrainError::Io`].
    pub fn open(path: &Path, step: u64) -> Result<Self, TrainError> {
        let io = |cause| TrainError::Io { action: "written", path: path.to_owned(), cause };
        let old = if step > 0 { fs::read_to_string(path).unwrap_or_default() } else { String::new() };
        let known = |line: &&str| serde_json::from_str::<Line>(line).is_ok_and(|line| line.step() <= step);
        let kept: String = old.lines().filter(known).flat_map(|line| [line, "\n"]).collect();
        let mut file = File::create(path).map_err(io)?;
        file.write_all(kept.as_bytes()).map_err(io)?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Appends a line.
    ///
    /// # Errors
    /// [`TrainError::Io`].
    pub fn append(&mut self, line: &Line) -> Result<(), TrainError> {
        let text = serde_json::to_string(line).map_err(std::io::Error::from);
        let written = text.and_then(|text| self.file.write_all((text + "\n").as_bytes()));
        written.map_err(|cause| TrainError::Io { action: "written", path: self.path.clone(), cause })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(step: u64) -> Line {
        Line::Step(StepLine {
            step,
            id: "a".into(),
            tokens: 10,
            loss: 1.0,
            kl: 1.0,
            nll: 2.0,
            nll_other: None,
            answers: Vec::new(),
            gradient: 0.1,
            gates: vec![0.02],
            seconds: 1.0,
        })
    }

    #[test]
    fn a_log_goes_on_after_its_checkpoint() {
        let dir = tempfile::tempdir().unwrap();
        let path = path_of(&dir.path().join("a.gguf"));
        let mut log = Log::open(&path, 0).unwrap();
        (1..=3).for_each(|step| log.append(&line(step)).unwrap());
        let mut log = Log::open(&path, 2).unwrap();
        log.append(&line(3)).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<Line> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines, [line(1), line(2), line(3)]);
        Log::open(&path, 0).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "");
    }
}
