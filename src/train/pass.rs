//! A sequence through all layers, and gradients back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::{Device, Tensor};

use super::error::TrainError;
use super::heads::Rope;
use super::layer::{Kept, Pass};
use super::schedule::Schedule;
use super::weights::Frozen;
use crate::memory::gate::LayerGate;

/// What is fitted, by layer; also its gradients, and what an optimizer remembers of them.
pub type LayerGates = BTreeMap<u32, LayerGate>;

/// A sequence that has passed all layers.
#[derive(Debug)]
pub struct Passed {
    /// Output of the last layer, `[n, n_embd]`.
    pub hidden: Tensor,
    /// What the way back needs, by layer; empty where none was wanted.
    kept: Vec<Kept>,
}

impl Passed {
    /// Mean gate of each layer that has a memory, in order.
    pub fn gates(&self) -> Vec<f64> {
        self.kept.iter().filter_map(|kept| kept.gate).collect()
    }
}

/// A model that reads sequences of up to so many tokens.
#[derive(Debug)]
pub struct Machine {
    /// The model.
    pub model: Frozen,
    rope: Rope,
    /// Ends the work between two layers when it is set.
    interrupt: Arc<AtomicBool>,
}

impl Machine {
    /// A model, for sequences of at most `n_tokens`.
    pub fn new(model: Frozen, n_tokens: usize, interrupt: Arc<AtomicBool>) -> Self {
        let rope = Rope::new(&model.config, model.rope_factors.as_deref(), n_tokens);
        Self { model, rope, interrupt }
    }

    fn stop(&self) -> Result<(), TrainError> {
        if self.interrupt.load(Ordering::Relaxed) { Err(TrainError::Interrupted) } else { Ok(()) }
    }

    fn pass<'a>(&'a self, schedule: &'a Schedule) -> Pass<'a> {
        Pass { config: &self.model.config, schedule, rope: &self.rope, live: 0 }
    }

    /// Reads a sequence without a way back. Layers that are not in `gates` have no memory.
    ///
    /// # Errors
    /// [`TrainError::Interrupted`], and those of candle.
    pub fn read(&self, tokens: &[i32], schedule: &Schedule, gates: &LayerGates) -> Result<Tensor, TrainError> {
        let mut hidden = self.embed(tokens)?;
        for (il, layer) in self.model.layers.iter().enumerate() {
            self.stop()?;
            hidden = layer.forward(&hidden, self.pass(schedule), gates.get(&(il as u32)))?.0;
        }
        Ok(hidden)
    }

    /// Reads a sequence and keeps what the way back needs.
    ///
    /// # Errors
    /// As [`Machine::read`].
    pub fn forward(&self, tokens: &[i32], schedule: &Schedule, gates: &LayerGates) -> Result<Passed, TrainError> {
        let mut hidden = self.embed(tokens)?;
        let mut kept = Vec::with_capacity(self.model.layers.len());
        for (il, layer) in self.model.layers.iter().enumerate() {
            self.stop()?;
            let (output, of_layer) = layer.forward(&hidden, self.pass(schedule), gates.get(&(il as u32)))?;
            kept.push(of_layer);
            hidden = output;
        }
        Ok(Passed { hidden, kept })
    }

    /// The gradients of what is fitted for that of the output of the last layer. They run through the last `through` tokens, rounded up
    /// to whole blocks, and through what the memory holds of all tokens; that gates have a say in what earlier tokens become is left
    /// out.
    ///
    /// # Errors
    /// As [`Machine::read`].
    pub fn backward(
        &self,
        passed: Passed,
        d_hidden: Tensor,
        schedule: &Schedule,
        gates: &LayerGates,
        through: usize,
    ) -> Result<LayerGates, TrainError> {
        let mut gradients = LayerGates::new();
        let pass = Pass { live: schedule.first_block_of_last(through), ..self.pass(schedule) };
        let live = pass.live_tokens();
        let lowest = gates.keys().next().copied().unwrap_or(u32::MAX);
        let mut d_output = d_hidden.narrow(0, live.start, live.len())?.contiguous()?;
        let mut kept = passed.kept;
        for (il, layer) in self.model.layers.iter().enumerate().rev() {
            self.stop()?;
            // nothing below is fitted
            if (il as u32) < lowest {
                break;
            }
            let Some(of_layer) = kept.pop() else { break };
            let gate = gates.get(&(il as u32));
            let (d_input, gradient) = layer.backward(&of_layer, &d_output, pass, gate)?;
            gradients.extend(gradient.map(|gradient| (il as u32, gradient)));
            d_output = d_input;
        }
        Ok(gradients)
    }

    fn embed(&self, tokens: &[i32]) -> Result<Tensor, TrainError> {
        let ids: Vec<u32> = tokens.iter().map(|&token| token as u32).collect();
        let ids = Tensor::from_vec(ids, tokens.len(), &Device::Cpu)?;
        Ok(self.model.embedding.index_select(&ids, 0)?)
    }
}
