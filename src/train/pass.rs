//! A sequence through all layers, and gradients back.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::{DType, Device, Tensor};

use super::attention::Attended;
use super::beside::{Beside, Chosen, Parted};
use super::error::TrainError;
use super::heads::Rope;
use super::layer::{Given, Kept, Kv, Pass};
use super::schedule::{Block, Schedule};
use super::weights::Frozen;
use crate::memory::gate::LayerGate;

/// What is fitted, by layer; also its gradients, and what an optimizer remembers of them.
pub type LayerGates = BTreeMap<u32, LayerGate>;

/// Keys and values of a text that was read without a memory, by layer, in 16 bits as the engine's cache has them.
#[derive(Debug)]
pub struct Text {
    layers: Vec<Kv>,
    /// What is retained of it.
    chosen: Chosen,
}

impl Text {
    /// Of keys and values of all layers.
    pub(super) fn new(layers: Vec<Kv>) -> Self {
        Self { layers, chosen: Chosen::default() }
    }

    /// What it takes.
    pub fn n_bytes(&self) -> usize {
        self.layers.iter().flat_map(|kv| [&kv.k, &kv.v]).map(|x| x.elem_count() * x.dtype().size_in_bytes()).sum()
    }

    fn of_layer(&self, il: usize, tokens: Option<&Range<usize>>) -> Result<Kv, TrainError> {
        let part = |x: &Tensor| -> candle_core::Result<Tensor> {
            let x = match tokens {
                Some(tokens) => x.narrow(1, tokens.start, tokens.len())?,
                None => x.clone(),
            };
            x.to_dtype(DType::F32)?.contiguous()
        };
        Ok(Kv { k: part(&self.layers[il].k)?, v: part(&self.layers[il].v)? })
    }
}

/// A text that something is asked of, and what has left the window then: some of its tokens, or of another's.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The text.
    pub text: &'a Text,
    /// Whose tokens have left.
    pub left: &'a Text,
    /// Which.
    pub tokens: &'a Range<usize>,
    /// How many tokens of the text stand behind them.
    pub n_behind: usize,
}

impl Source<'_> {
    fn of_layer(&self, il: usize, beside: Option<&Beside>) -> Result<Given, TrainError> {
        let text = self.text.of_layer(il, None)?;
        let left = self.left.of_layer(il, Some(self.tokens))?;
        let parted = match beside {
            Some(beside) => beside.part(il, &left, self.tokens, self.n_behind, &self.left.chosen)?,
            None => Parted { retained: None, folded: Some(left) },
        };
        Ok(Given { text, parted, n_most: beside.map_or(0, |beside| beside.most(self.tokens.len())) })
    }
}

/// A sequence that has passed all layers.
#[derive(Debug)]
pub struct Passed {
    /// Output of the last layer, `[n, n_embd]`.
    pub hidden: Tensor,
    /// The first token that passed.
    pub first: usize,
    /// What the way back needs, by layer; empty where none was wanted.
    kept: Vec<Kept>,
}

impl Passed {
    /// Mean gate of each layer that has a memory, in order.
    pub fn gates(&self) -> Vec<f64> {
        self.kept.iter().filter_map(|kept| kept.gate).collect()
    }
}

/// Who looks on while a sequence passes.
pub trait Watcher {
    /// The attention in a block of the layer that is being computed.
    ///
    /// # Errors
    /// Those of candle.
    fn see(&mut self, block: &Block, attended: &Attended) -> candle_core::Result<()>;

    /// All blocks of a layer were seen; these are its keys and values.
    ///
    /// # Errors
    /// Those of candle.
    fn layer(&mut self, il: usize, kv: &Kv) -> candle_core::Result<()>;
}

/// A model that reads sequences of up to so many tokens.
#[derive(Debug)]
pub struct Machine {
    /// The model.
    pub model: Frozen,
    rope: Rope,
    /// What is retained beside the memory.
    beside: Option<Beside>,
    /// Ends the work between two layers when it is set.
    interrupt: Arc<AtomicBool>,
}

impl Machine {
    /// A model, for sequences of at most `n_tokens`.
    pub fn new(model: Frozen, n_tokens: usize, interrupt: Arc<AtomicBool>) -> Self {
        let rope = Rope::new(&model.config, model.rope_factors.as_deref(), n_tokens);
        Self { model, rope, beside: None, interrupt }
    }

    /// The same with tokens that are retained beside the memory when something is asked of a text that was read before.
    #[must_use]
    pub fn beside(self, beside: Option<Beside>) -> Self {
        Self { beside, ..self }
    }

    /// What is retained beside the memory.
    pub(super) fn retained(&self) -> Option<&Beside> {
        self.beside.as_ref()
    }

    /// Ends the work if it was interrupted.
    pub(super) fn stop(&self) -> Result<(), TrainError> {
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
            hidden = layer.forward(&hidden, self.pass(schedule), gates.get(&(il as u32)), None)?.output;
        }
        Ok(hidden)
    }

    /// Reads the text of a sequence, without what is asked of it and without a memory.
    ///
    /// # Errors
    /// As [`Machine::read`].
    pub fn read_text(&self, tokens: &[i32], schedule: &Schedule) -> Result<Text, TrainError> {
        let schedule = schedule.text_alone();
        let mut hidden = self.embed(&tokens[..schedule.n_text])?;
        let mut all = Vec::with_capacity(self.model.layers.len());
        for layer in &self.model.layers {
            self.stop()?;
            let passed = layer.forward(&hidden, self.pass(&schedule), None, None)?;
            all.push(Kv { k: passed.kv.k.to_dtype(DType::F16)?, v: passed.kv.v.to_dtype(DType::F16)? });
            hidden = passed.output;
        }
        Ok(Text::new(all))
    }

    /// Reads a sequence without a memory; for each layer `watcher` says who is told of its attention, and then gets its keys and
    /// values.
    ///
    /// # Errors
    /// As [`Machine::read`].
    pub fn watch(&self, tokens: &[i32], schedule: &Schedule, watcher: &mut dyn Watcher) -> Result<(), TrainError> {
        let mut hidden = self.embed(tokens)?;
        for (il, layer) in self.model.layers.iter().enumerate() {
            self.stop()?;
            let mut see = |block: &Block, attended: &Attended| watcher.see(block, attended);
            let (output, kv) = layer.watched(&hidden, self.pass(schedule), &mut see)?;
            watcher.layer(il, &kv)?;
            hidden = output;
        }
        Ok(())
    }

    /// What a layer makes of what is asked of a text that was read before, without a memory, from its input `[n, n_embd]`.
    ///
    /// # Errors
    /// As [`Machine::read`].
    pub fn one_layer(&self, il: usize, input: &Tensor, schedule: &Schedule, text: &Text) -> Result<Tensor, TrainError> {
        self.stop()?;
        let parted = Parted { retained: None, folded: None };
        let given = Given { text: text.of_layer(il, None)?, parted, n_most: 0 };
        Ok(self.model.layers[il].forward(input, self.pass(schedule), None, Some(&given))?.output)
    }

    /// Reads a sequence, or what is asked of a text that was read before, and keeps what the way back needs.
    ///
    /// # Errors
    /// As [`Machine::read`].
    pub fn forward(
        &self,
        tokens: &[i32],
        schedule: &Schedule,
        gates: &LayerGates,
        source: Option<Source<'_>>,
    ) -> Result<Passed, TrainError> {
        let first = source.map_or(0, |_| schedule.n_text);
        let mut hidden = self.embed(&tokens[first..])?;
        let mut kept = Vec::with_capacity(self.model.layers.len());
        for (il, layer) in self.model.layers.iter().enumerate() {
            self.stop()?;
            let given = source.map(|source| source.of_layer(il, self.beside.as_ref())).transpose()?;
            let passed = layer.forward(&hidden, self.pass(schedule), gates.get(&(il as u32)), given.as_ref())?;
            kept.push(passed.kept);
            hidden = passed.output;
        }
        Ok(Passed { hidden, first, kept })
    }

    /// The gradients of what is fitted for that of the output of the last layer. They run through the last `through` tokens, rounded up
    /// to whole blocks, and through what the memory holds of all tokens; that gates have a say in what earlier tokens become is left
    /// out. Where the text was read before they have none.
    ///
    /// # Errors
    /// As [`Machine::read`].
    pub fn backward(
        &self,
        passed: Passed,
        d_hidden: Tensor,
        schedule: &Schedule,
        gates: &LayerGates,
        source: Option<Source<'_>>,
        through: usize,
    ) -> Result<LayerGates, TrainError> {
        let mut gradients = LayerGates::new();
        let through = if source.is_some() { 0 } else { through };
        let pass = Pass { live: schedule.first_block_of_last(through), ..self.pass(schedule) };
        let live = pass.live_tokens();
        let lowest = gates.keys().next().copied().unwrap_or(u32::MAX);
        let mut d_output = d_hidden.narrow(0, live.start - passed.first, live.len())?.contiguous()?;
        let mut kept = passed.kept;
        for (il, layer) in self.model.layers.iter().enumerate().rev() {
            self.stop()?;
            // nothing below is fitted
            if (il as u32) < lowest {
                break;
            }
            let Some(of_layer) = kept.pop() else { break };
            let gate = gates.get(&(il as u32));
            let given = source.map(|source| source.of_layer(il, self.beside.as_ref())).transpose()?;
            let (d_input, gradient) = layer.backward(&of_layer, &d_output, pass, gate, given.as_ref())?;
            gradients.extend(gradient.map(|gradient| (il as u32, gradient)));
            d_output = d_input;
        }
        Ok(gradients)
    }

    pub(super) fn embed(&self, tokens: &[i32]) -> Result<Tensor, TrainError> {
        let ids: Vec<u32> = tokens.iter().map(|&token| token as u32).collect();
        let ids = Tensor::from_vec(ids, tokens.len(), &Device::Cpu)?;
        Ok(self.model.embedding.index_select(&ids, 0)?)
    }
}
