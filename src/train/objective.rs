//! What a step wants: predictions like those of full attention, the answer's own tokens, and that they need this document.

use std::collections::HashMap;

use candle_core::Tensor;

use super::adam::add;
use super::error::TrainError;
use super::examples::Example;
use super::loss::{Losses, Predicted, Weights};
use super::pass::{LayerGates, Machine};
use super::schedule::Schedule;
use crate::eval::replaced;

/// How much each part counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Objective {
    /// Of the negative log-likelihood of an answer; KL to the teacher counts 1.
    pub nll: f64,
    /// Of the contrast: that the answer is likelier after its own document than after one whose folded part is another's.
    pub contrast: f64,
    /// Every how many steps the other document is read too, which takes as long again.
    pub contrast_every: u64,
    /// Tokens before the end that gradients run through: the answer, what asks for it, and what was read last.
    pub through: usize,
}

/// Nats per token by which the own document should make an answer likelier than another. Full attention gains about 0.5 on papers.
const MARGIN: f64 = 0.5;

/// Nats over which the contrast gives in when the margin is reached.
const SOFTNESS: f64 = 0.25;

/// What a step found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// What was made smaller.
    pub loss: f64,
    /// With the own document.
    pub own: Losses,
    /// Negative log-likelihood with another document; only where it was read.
    pub nll_other: Option<f64>,
    /// Mean gate of each layer that has a memory.
    pub gates: Vec<f64>,
}

/// What a measurement found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// With the own document.
    pub own: Losses,
    /// Negative log-likelihood with another document; only where it was read.
    pub nll_other: Option<f64>,
}

/// What full attention makes of an example.
#[derive(Debug, Clone)]
struct Teacher {
    /// Its last hidden states where something is predicted, `[n, n_embd]`.
    states: Tensor,
    /// Its negative log-likelihood of what is predicted.
    nll: f64,
}

/// Reads examples and remembers what full attention makes of them.
#[derive(Debug)]
pub struct Student<'a> {
    /// The model.
    pub machine: &'a Machine,
    /// What full attention makes of answers, by the example's name.
    teacher: HashMap<String, Teacher>,
}

impl<'a> Student<'a> {
    /// A student that has seen nothing yet.
    pub fn new(machine: &'a Machine) -> Self {
        Self { machine, teacher: HashMap::new() }
    }

    /// The loss of an example and its gradient.
    ///
    /// # Errors
    /// [`TrainError`].
    pub fn step(
        &mut self,
        example: &Example,
        other: Option<&[i32]>,
        gates: &LayerGates,
        objective: Objective,
    ) -> Result<(Found, LayerGates), TrainError> {
        let teacher = self.teacher(example)?;
        let (first, next) = example.predicted();
        let predicted = Predicted { first, next, teacher: Some(&teacher.states) };
        let blind = Predicted { teacher: None, ..predicted };
        let schedule = &example.schedule;
        let model = &self.machine.model;
        // the first prediction is made one token earlier
        let through = objective.through.max(next.len() + 1);
        let mut weights = Weights { kl: 1.0, nll: if example.n_answer > 0 { objective.nll } else { 0.0 } };

        let own = self.machine.forward(&example.tokens, schedule, gates)?;
        let open = own.gates();
        let Some(other) = other else {
            let (losses, d_hidden) = model.losses_backward(&own.hidden, predicted, weights)?;
            let loss = weights.kl * losses.kl + weights.nll * losses.nll;
            let gradient = self.machine.backward(own, d_hidden, schedule, gates, through)?;
            return Ok((Found { loss, own: losses, nll_other: None, gates: open }, gradient));
        };
        // how far both are apart decides how much each is pushed
        let foreign = self.machine.forward(other, schedule, gates)?;
        let (of_own, of_other) = (model.losses(&own.hidden, blind)?.nll, model.losses(&foreign.hidden, blind)?.nll);
        let (contrast, push) = contrast(of_other - of_own);
        let push = objective.contrast * push;
        weights.nll += push;
        let (losses, d_hidden) = model.losses_backward(&own.hidden, predicted, weights)?;
        let mut gradient = self.machine.backward(own, d_hidden, schedule, gates, through)?;
        let away = Weights { kl: 0.0, nll: -push };
        let (_, d_hidden) = model.losses_backward(&foreign.hidden, blind, away)?;
        add(&mut gradient, &self.machine.backward(foreign, d_hidden, schedule, gates, through)?);
        let loss = losses.kl + objective.nll * losses.nll + objective.contrast * contrast;
        Ok((Found { loss, own: losses, nll_other: Some(of_other), gates: open }, gradient))
    }

    /// The losses of an example under streaming, with a cache of as many bytes as the student's and its memory together.
    ///
    /// # Errors
    /// [`TrainError`].
    pub fn measure_streaming(&mut self, example: &Example) -> Result<Losses, TrainError> {
        let teacher = self.teacher(example)?;
        let (first, next) = example.predicted();
        let hidden = self.machine.read(&example.tokens, &example.streaming, &LayerGates::new())?;
        Ok(self.machine.model.losses(&hidden, Predicted { first, next, teacher: Some(&teacher.states) })?)
    }

    /// The losses of an example, and those with another document, without a gradient.
    ///
    /// # Errors
    /// [`TrainError`].
    pub fn measure(
        &mut self,
        example: &Example,
        other: Option<&[i32]>,
        gates: &LayerGates,
    ) -> Result<Measured, TrainError> {
        let teacher = self.teacher(example)?;
        let (first, next) = example.predicted();
        let read = |tokens: &[i32], teacher: Option<&Tensor>| -> Result<Losses, TrainError> {
            let hidden = self.machine.read(tokens, &example.schedule, gates)?;
            Ok(self.machine.model.losses(&hidden, Predicted { first, next, teacher })?)
        };
        let own = read(&example.tokens, Some(&teacher.states))?;
        let nll_other = other.map(|tokens| read(tokens, None)).transpose()?.map(|losses| losses.nll);
        Ok(Measured { own, nll_other })
    }

    /// The negative log-likelihood of what is predicted under full attention.
    ///
    /// # Errors
    /// [`TrainError`].
    pub fn nll_full(&mut self, example: &Example) -> Result<f64, TrainError> {
        Ok(self.teacher(example)?.nll)
    }

    /// What full attention makes of an example. Answers are remembered: they come again, and are short.
    fn teacher(&mut self, example: &Example) -> Result<Teacher, TrainError> {
        if let Some(teacher) = self.teacher.get(&example.id) {
            return Ok(teacher.clone());
        }
        let (first, next) = example.predicted();
        let schedule = Schedule::full(example.tokens.len());
        let model = &self.machine.model;
        let hidden = self.machine.read(&example.tokens, &schedule, &LayerGates::new())?;
        let states = model.last_states(&hidden, first, next.len())?;
        let nll = if example.n_answer > 0 { model.nll(&states, next)? } else { 0.0 };
        let teacher = Teacher { states, nll };
        if example.n_answer > 0 {
            self.teacher.insert(example.id.clone(), teacher.clone());
        }
        Ok(teacher)
    }
}

/// `s softplus((m - difference) / s)`, and minus its derivative.
fn contrast(difference: f64) -> (f64, f64) {
    let x = (MARGIN - difference) / SOFTNESS;
    // ln(1 + e^x) without an overflow
    let softplus = x.max(0.0) + (-x.abs()).exp().ln_1p();
    (SOFTNESS * softplus, 1.0 / (1.0 + (-x).exp()))
}

/// The example with what has left the cache replaced by the same stretch of other documents, as `eval answer` does it; nothing if
/// there is no other.
pub fn with_other(example: &Example, others: &[&Example]) -> Option<Vec<i32>> {
    let others = others.iter().filter(|other| other.id != example.id);
    let others = others.map(|other| (other.id.as_str(), other.document()));
    let (document, _) = replaced(example.document(), &example.forgotten(), others)?;
    Some(example.with_document(&document))
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
