//! What a step wants: predictions like those of full attention, the answer's own tokens, and that they need this document.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use candle_core::Tensor;

use super::adam::add;
use super::error::TrainError;
use super::examples::Example;
use super::loss::{Losses, Predicted, Weights};
use super::pass::{LayerGates, Machine, Source, Text};
use super::schedule::Schedule;
use crate::eval::replaced;
use crate::memory::gate::ReadOut;

/// How much each part counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Objective {
    /// Of the negative log-likelihood of an answer; KL to the teacher counts 1.
    pub nll: f64,
    /// Of the contrast: that the answer is likelier after its own document than after one whose folded part is another's.
    pub contrast: f64,
    /// Every how many steps the other document is looked at.
    pub contrast_every: u64,
    /// Tokens before the end that gradients run through: what was read last. What asks and answers comes with it.
    pub through: usize,
}

/// Nats per token by which the own document should make an answer likelier than another. Full attention gains about 0.5 on papers.
const MARGIN: f64 = 0.5;

/// Nats over which the contrast gives in when the margin is reached.
const SOFTNESS: f64 = 0.25;

/// Less than this of the contrast's weight is not worth a way back.
const LEAST_PUSH: f64 = 0.01;

/// What a step found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// What was made smaller.
    pub loss: f64,
    /// Of each answer, or of a plain text.
    pub answers: Vec<Measured>,
    /// Mean gate of each layer that has a memory.
    pub gates: Vec<f64>,
}

/// What was found of an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// With the own document.
    pub own: Losses,
    /// Negative log-likelihood with another document; only where it was read.
    pub nll_other: Option<f64>,
}

impl Measured {
    /// The mean over answers; the other document is read for all of them or for none.
    pub fn mean(answers: &[Self]) -> Self {
        let mean = |of: &dyn Fn(&Self) -> f64| answers.iter().map(of).sum::<f64>() / answers.len() as f64;
        let own = Losses { kl: mean(&|answer| answer.own.kl), nll: mean(&|answer| answer.own.nll) };
        let is_read = answers.iter().all(|answer| answer.nll_other.is_some());
        Self { own, nll_other: is_read.then(|| mean(&|answer| answer.nll_other.unwrap_or(0.0))) }
    }
}

/// What full attention makes of some tokens.
#[derive(Debug, Clone)]
struct Teacher {
    /// Its last hidden states where something is predicted, `[n, n_embd]`.
    states: Tensor,
    /// Its negative log-likelihood of what is predicted.
    nll: f64,
}

/// A document in the place of another one.
#[derive(Debug, Clone)]
pub enum Other<'a> {
    /// The sequence with the other document's tokens where the own ones are forgotten.
    Tokens(Vec<i32>),
    /// What is folded of this example's document is in the memory.
    Example(&'a Example),
}

/// Reads examples and remembers what full attention makes of them, and texts that do not depend on what is fitted.
#[derive(Debug)]
pub struct Student<'a> {
    /// The model.
    pub machine: &'a Machine,
    /// What reads from the memory.
    read_out: ReadOut,
    /// What full attention makes of answers, by the example's name.
    teachers: HashMap<String, Vec<Teacher>>,
    /// Texts that were read without a memory, with the example's name, the one that was wanted last at the end.
    texts: VecDeque<(String, Arc<Text>)>,
    /// Bytes that they may take.
    n_bytes: usize,
}

impl<'a> Student<'a> {
    /// A student that has seen nothing yet, and keeps at most so many bytes of texts.
    pub fn new(machine: &'a Machine, read_out: ReadOut, n_bytes: usize) -> Self {
        Self { machine, read_out, teachers: HashMap::new(), texts: VecDeque::new(), n_bytes }
    }

    /// The text of an example, read without a memory. When there are too many, those that were not wanted for longest are forgotten.
    fn text(&mut self, example: &Example) -> Result<Arc<Text>, TrainError> {
        let found = self.texts.iter().position(|(id, _)| *id == example.id);
        let (id, text) = match found.and_then(|i| self.texts.remove(i)) {
            Some(kept) => kept,
            None => (example.id.clone(), Arc::new(self.machine.read_text(&example.tokens, &example.schedule)?)),
        };
        let n_bytes =
            |texts: &VecDeque<(String, Arc<Text>)>| texts.iter().map(|(_, text)| text.n_bytes()).sum::<usize>();
        while !self.texts.is_empty() && n_bytes(&self.texts) + text.n_bytes() > self.n_bytes {
            self.texts.pop_front();
        }
        self.texts.push_back((id, Arc::clone(&text)));
        Ok(text)
    }

    /// The texts of an example and of another one, where they are read by themselves.
    fn texts(&mut self, example: &Example, other: Option<&Other<'_>>) -> Result<Option<Texts>, TrainError> {
        if self.read_out == ReadOut::Always {
            return Ok(None);
        }
        let own = (self.text(example)?, example.schedule.forgotten());
        let other = match other {
            Some(Other::Example(other)) => {
                let range = other.schedule.forgotten();
                // no more than of the own text
                let end = range.end.min(range.start + own.1.len());
                Some((self.text(other)?, range.start..end))
            }
            _ => None,
        };
        let n_behind = example.schedule.n_text - own.1.end;
        Ok(Some(Texts { own, other, n_behind }))
    }

    /// The loss of an example, a mean over its answers, and its gradient.
    ///
    /// # Errors
    /// [`TrainError`].
    pub fn step(
        &mut self,
        example: &Example,
        other: Option<&Other<'_>>,
        gates: &LayerGates,
        objective: Objective,
    ) -> Result<(Found, LayerGates), TrainError> {
        let texts = self.texts(example, other)?;
        let schedule = &example.schedule;
        let model = &self.machine.model;
        let teachers = self.teachers(example)?;
        let through = if example.is_asked() { objective.through } else { usize::MAX };
        let own_source = texts.as_ref().map(Texts::own);
        let own = self.machine.forward(&example.tokens, schedule, gates, own_source)?;
        let other_source = texts.as_ref().and_then(Texts::other);
        let foreign = match other {
            Some(Other::Tokens(tokens)) => Some(self.machine.forward(tokens, schedule, gates, None)?),
            Some(Other::Example(_)) => Some(self.machine.forward(&example.tokens, schedule, gates, other_source)?),
            None => None,
        };
        let (mut loss, mut answers) = (0.0, Vec::new());
        let (mut d_own, mut d_foreign) = (None, None);
        let share = 1.0 / teachers.len() as f64;
        for ((first, next), teacher) in example.predicted().into_iter().zip(&teachers) {
            let predicted = Predicted { first: first - own.first, next, teacher: Some(&teacher.states) };
            let blind = Predicted { teacher: None, ..predicted };
            let mut weights = Weights { kl: share, nll: if example.is_asked() { share * objective.nll } else { 0.0 } };
            let mut nll_other = None;
            if let Some(foreign) = &foreign {
                // how far both are apart decides how much each is pushed
                let of_other = model.losses(&foreign.hidden, blind)?.nll;
                let (contrast, push) = contrast(of_other - model.losses(&own.hidden, blind)?.nll);
                let push = share * objective.contrast * push;
                weights.nll += push;
                if push > LEAST_PUSH * share {
                    let away = Weights { kl: 0.0, nll: -push };
                    sum(&mut d_foreign, model.losses_backward(&foreign.hidden, blind, away)?.1)?;
                }
                loss += share * objective.contrast * contrast;
                nll_other = Some(of_other);
            }
            let (losses, d_hidden) = model.losses_backward(&own.hidden, predicted, weights)?;
            sum(&mut d_own, d_hidden)?;
            loss += share * (losses.kl + if example.is_asked() { objective.nll * losses.nll } else { 0.0 });
            answers.push(Measured { own: losses, nll_other });
        }
        let open = own.gates();
        let mut gradient = LayerGates::new();
        for (passed, d_hidden, source) in [(Some(own), d_own, own_source), (foreign, d_foreign, other_source)] {
            let (Some(passed), Some(d_hidden)) = (passed, d_hidden) else { continue };
            let more = self.machine.backward(passed, d_hidden, schedule, gates, source, through)?;
            if gradient.is_empty() {
                gradient = more;
            } else {
                add(&mut gradient, &more);
            }
        }
        Ok((Found { loss, answers, gates: open }, gradient))
    }

    /// The losses of an example, means over its answers, under streaming, with a cache of as many bytes as the student's and its
    /// memory together.
    ///
    /// # Errors
    /// [`TrainError`].
    pub fn measure_streaming(&mut self, example: &Example) -> Result<Losses, TrainError> {
        let hidden = self.machine.read(&example.tokens, &example.streaming, &LayerGates::new())?;
        self.losses(example, &hidden, 0)
    }

    /// The losses of an example, means over its answers, and those with another document, without a gradient.
    ///
    /// # Errors
    /// [`TrainError`].
    pub fn measure(
        &mut self,
        example: &Example,
        other: Option<&Other<'_>>,
        gates: &LayerGates,
    ) -> Result<Measured, TrainError> {
        let texts = self.texts(example, other)?;
        let mut read = |tokens: &[i32], source: Option<Source<'_>>| -> Result<Losses, TrainError> {
            let Some(source) = source else {
                let hidden = self.machine.read(tokens, &example.schedule, gates)?;
                return self.losses(example, &hidden, 0);
            };
            let passed = self.machine.forward(tokens, &example.schedule, gates, Some(source))?;
            self.losses(example, &passed.hidden, passed.first)
        };
        let own = read(&example.tokens, texts.as_ref().map(Texts::own))?;
        let foreign = match other {
            Some(Other::Tokens(tokens)) => Some(read(tokens, None)?),
            Some(Other::Example(_)) => Some(read(&example.tokens, texts.as_ref().and_then(Texts::other))?),
            None => None,
        };
        Ok(Measured { own, nll_other: foreign.map(|losses| losses.nll) })
    }

    /// Means over the answers, for the last hidden states from a token on.
    fn losses(&mut self, example: &Example, hidden: &Tensor, from: usize) -> Result<Losses, TrainError> {
        let teachers = self.teachers(example)?;
        let each = |((first, next), teacher): ((usize, &[i32]), &Teacher)| -> Result<Measured, TrainError> {
            let predicted = Predicted { first: first - from, next, teacher: Some(&teacher.states) };
            Ok(Measured { own: self.machine.model.losses(hidden, predicted)?, nll_other: None })
        };
        let answers: Vec<Measured> =
            example.predicted().into_iter().zip(&teachers).map(each).collect::<Result<_, _>>()?;
        Ok(Measured::mean(&answers).own)
    }

    /// The negative log-likelihood of what is predicted under full attention, a mean over the answers.
    ///
    /// # Errors
    /// [`TrainError`].
    pub fn nll_full(&mut self, example: &Example) -> Result<f64, TrainError> {
        let teachers = self.teachers(example)?;
        Ok(teachers.iter().map(|teacher| teacher.nll).sum::<f64>() / teachers.len() as f64)
    }

    /// What full attention makes of each answer. They are remembered: they come again, and are short.
    fn teachers(&mut self, example: &Example) -> Result<Vec<Teacher>, TrainError> {
        if let Some(teachers) = self.teachers.get(&example.id) {
            return Ok(teachers.clone());
        }
        let schedule = Schedule::full(example.schedule.n_text, &example.asked);
        let model = &self.machine.model;
        let hidden = self.machine.read(&example.tokens, &schedule, &LayerGates::new())?;
        let each = |(first, next): (usize, &[i32])| -> Result<Teacher, TrainError> {
            let states = model.last_states(&hidden, first, next.len())?;
            let nll = if example.is_asked() { model.nll(&states, next)? } else { 0.0 };
            Ok(Teacher { states, nll })
        };
        let teachers: Vec<Teacher> = example.predicted().into_iter().map(each).collect::<Result<_, _>>()?;
        if example.is_asked() {
            self.teachers.insert(example.id.clone(), teachers.clone());
        }
        Ok(teachers)
    }
}

/// Texts that were read by themselves, with the tokens of each that have left, and how many stand behind these.
struct Texts {
    own: (Arc<Text>, Range<usize>),
    other: Option<(Arc<Text>, Range<usize>)>,
    n_behind: usize,
}

impl Texts {
    fn own(&self) -> Source<'_> {
        Source { text: &self.own.0, left: &self.own.0, tokens: &self.own.1, n_behind: self.n_behind }
    }

    fn other(&self) -> Option<Source<'_>> {
        let (left, tokens) = self.other.as_ref()?;
        Some(Source { text: &self.own.0, left, tokens, n_behind: self.n_behind })
    }
}

/// Adds to a sum that may not have begun.
fn sum(total: &mut Option<Tensor>, more: Tensor) -> Result<(), TrainError> {
    *total = Some(match total.take() {
        Some(total) => (total + more)?,
        None => more,
    });
    Ok(())
}

/// `s softplus((m - difference) / s)`, and minus its derivative.
fn contrast(difference: f64) -> (f64, f64) {
    let x = (MARGIN - difference) / SOFTNESS;
    // ln(1 + e^x) without an overflow
    let softplus = x.max(0.0) + (-x.abs()).exp().ln_1p();
    (SOFTNESS * softplus, 1.0 / (1.0 + (-x).exp()))
}

/// Another document for an example: where the memory is always read, the sequence with what has left the cache replaced by the same
/// stretch of other documents, as `eval answer` does it; nothing if there is no other.
pub fn other_of<'a>(example: &Example, others: &[&'a Example], read_out: ReadOut) -> Option<Other<'a>> {
    let others = others.iter().copied().filter(|other| other.id != example.id);
    if read_out == ReadOut::Asked {
        let mut others = others;
        return others.next().map(Other::Example);
    }
    let others = others.map(|other| (other.id.as_str(), other.document()));
    let (document, _) = replaced(example.document(), &example.forgotten(), others)?;
    Some(Other::Tokens(example.with_document(&document)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_pushes_until_the_margin_is_reached() {
        let (none, far) = (contrast(-0.5), contrast(2.0));
        assert!(none.0 > 1.0 && none.1 > 0.98, "{none:?}");
        assert!(far.0 < 1e-3 && far.1 < 0.01, "{far:?}");
        let step = (contrast(0.3 + 1e-5).0 - contrast(0.3 - 1e-5).0) / 2e-5;
        assert!((step + contrast(0.3).1).abs() < 1e-6);
        assert!(contrast(-1e4).0.is_finite());
    }
}
