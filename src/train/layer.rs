//! One layer over a whole sequence, forwards and backwards.
//!
//! All blocks of a sequence pass a layer before the next layer begins: what a memory holds depends on the same layer alone. Backwards a
//! layer is computed once more from its input, so that only inputs are kept; gradients of frozen matrices, which nobody needs, are
//! not computed, and so the frozen part is written out here where candle would give them all.

use std::ops::Range;

use candle_core::{Result, Tensor, Var};

use super::attention::{Attention, Sums};
use super::heads::{self, Rope};
use super::memory::{Fitted, Memory, with_gradient};
use super::rows;
use super::schedule::Schedule;
use super::weights::{Config, Layer};
use crate::memory::gate::LayerGate;

/// What layers have in common while a sequence passes.
#[derive(Debug, Clone, Copy)]
pub struct Pass<'a> {
    /// Sizes of the model.
    pub config: &'a Config,
    /// How the sequence is read.
    pub schedule: &'a Schedule,
    /// Angles for all positions.
    pub rope: &'a Rope,
}

/// What is kept of a layer for the way back, both `[n, n_embd]`.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Its input.
    input: Tensor,
    /// The input of its feed-forward network, before the norm.
    middle: Tensor,
}

impl Layer {
    /// The output of the layer for `input` `[n, n_embd]`, and what the way back needs.
    ///
    /// # Errors
    /// Those of candle.
    pub fn forward(&self, input: &Tensor, pass: Pass<'_>, gate: Option<&LayerGate>) -> Result<(Tensor, Kept)> {
        let config = pass.config;
        let heads = heads::split(&self.qkv(input, config)?, self, config)?;
        let attention = Attention::new(pass.schedule, pass.rope, &heads)?;
        let fitted = gate.map(|gate| Fitted::new(gate, config.d_head)).transpose()?;
        let mut memory = Memory::default();
        let mut outs = Vec::with_capacity(pass.schedule.blocks.len());
        for (i, block) in pass.schedule.blocks.iter().enumerate() {
            let local = attention.forward(block)?.out;
            let Some(fitted) = fitted.as_ref().filter(|_| block.dropped > 0) else {
                outs.push(local);
                continue;
            };
            let leaving = pass.schedule.leaving(i);
            if !leaving.is_empty() {
                let [k, v] = [&heads.k, &heads.v].map(|x| x.narrow(1, leaving.start, leaving.len())?.contiguous());
                memory.fold(fitted, &k?, &v?)?;
                memory.detach();
            }
            let q = heads.q.narrow(1, block.tokens.start, block.tokens.len())?.contiguous()?;
            outs.push(memory.read(fitted, &q, &local, block.dropped)?.detach());
        }
        let mixed = heads::merge(&Tensor::cat(&outs, 1)?)?;
        let middle = rows::add(input, &mixed.matmul(&self.wo.t()?)?)?;
        let normed = rows::rms_norm(&middle, &self.ffn_norm, config.eps)?;
        let active = rows::swiglu(&normed.matmul(&self.w_gate_up.t()?)?)?;
        let output = rows::add(&middle, &active.matmul(&self.w_down.t()?)?)?;
        Ok((output, Kept { input: input.clone(), middle }))
    }

    /// The gradients of the input, `[n, n_embd]`, and of what is fitted, for that of the output.
    ///
    /// # Errors
    /// Those of candle.
    pub fn backward(
        &self,
        kept: &Kept,
        d_output: &Tensor,
        pass: Pass<'_>,
        gate: Option<&LayerGate>,
    ) -> Result<(Tensor, Option<LayerGate>)> {
        let config = pass.config;
        let d_middle = self.feed_forward_backward(&kept.middle, d_output, config)?;
        let qkv = self.qkv(&kept.input, config)?;
        let heads = heads::split(&qkv, self, config)?;
        let attention = Attention::new(pass.schedule, pass.rope, &heads)?;
        let d_mixed = heads::unmerge(&d_middle.matmul(&self.wo)?, config.n_head)?;
        let mut sums = Sums::new(&heads)?;
        let mut remembering = gate.map(|gate| Remembering::new(gate, config)).transpose()?;
        // what attention answers is needed where the memory is mixed in, its shares everywhere
        let mut all_shares = Vec::with_capacity(pass.schedule.blocks.len());
        for (i, block) in pass.schedule.blocks.iter().enumerate() {
            let attended = attention.forward(block)?;
            let d_out = d_mixed.narrow(1, block.tokens.start, block.tokens.len())?.contiguous()?;
            if let Some(remembering) = remembering.as_mut().filter(|_| block.dropped > 0) {
                let [q, k, v] = [&heads.q, &heads.k, &heads.v];
                remembering.fold(k, v, pass.schedule.leaving(i))?;
                let q = q.narrow(1, block.tokens.start, block.tokens.len())?.contiguous()?;
                remembering.read(i, block.tokens.start, &q, &attended.out, &d_out, block.dropped)?;
            }
            all_shares.push(attended.into_shares());
        }
        let (mut d_locals, gradients) = match remembering {
            Some(remembering) => remembering.backward(pass.schedule.blocks.len(), &mut sums)?,
            None => (vec![None; pass.schedule.blocks.len()], None),
        };
        for (i, block) in pass.schedule.blocks.iter().enumerate() {
            let d_out = match d_locals[i].take() {
                Some(d_local) => d_local,
                None => d_mixed.narrow(1, block.tokens.start, block.tokens.len())?.contiguous()?,
            };
            attention.backward(block, &all_shares[i], &d_out, &mut sums)?;
        }
        let d_heads = attention.gradients(sums)?;
        let d_qkv = heads::split_backward(&d_heads, &qkv, self, config)?;
        let d_normed = d_qkv.matmul(&self.wqkv)?;
        let d_input = rows::rms_norm_backward(&d_middle, &d_normed, &kept.input, &self.attn_norm, config.eps)?;
        Ok((d_input, gradients))
    }

    fn qkv(&self, input: &Tensor, config: &Config) -> Result<Tensor> {
        rows::rms_norm(input, &self.attn_norm, config.eps)?.matmul(&self.wqkv.t()?)
    }

    fn feed_forward_backward(&self, middle: &Tensor, d_output: &Tensor, config: &Config) -> Result<Tensor> {
        let normed = rows::rms_norm(middle, &self.ffn_norm, config.eps)?;
        let gate_up = normed.matmul(&self.w_gate_up.t()?)?;
        let d_gate_up = rows::swiglu_backward(&gate_up, &d_output.matmul(&self.w_down)?)?;
        let d_normed = d_gate_up.matmul(&self.w_gate_up)?;
        rows::rms_norm_backward(d_output, &d_normed, middle, &self.ffn_norm, config.eps)
    }
}

/// The memory of a layer with everything that has a gradient as a variable.
struct Remembering {
    fitted: Fitted,
    memory: Memory,
    /// First token, k, v.
    folded: Vec<(usize, Var, Var)>,
    /// Number of the block, first token, q, answer of local attention.
    read: Vec<(usize, usize, Var, Var)>,
    /// What has the gradient `d_out` in the result of each block.
    objective: Option<Tensor>,
}

impl Remembering {
    fn new(gate: &LayerGate, config: &Config) -> Result<Self> {
        let fitted = Fitted::new(gate, config.d_head)?;
        Ok(Self { fitted, memory: Memory::default(), folded: Vec::new(), read: Vec::new(), objective: None })
    }

    fn fold(&mut self, k: &Tensor, v: &Tensor, tokens: Range<usize>) -> Result<()> {
        if tokens.is_empty() {
            return Ok(());
        }
        let part = |x: &Tensor| Var::from_tensor(&x.narrow(1, tokens.start, tokens.len())?.contiguous()?);
        let (k, v) = (part(k)?, part(v)?);
        self.memory.fold(&self.fitted, &k, &v)?;
        self.folded.push((tokens.start, k, v));
        Ok(())
    }

    fn read(
        &mut self,
        block: usize,
        first: usize,
        q: &Tensor,
        local: &Tensor,
        d_out: &Tensor,
        n_folded: usize,
    ) -> Result<()> {
        let (q, local) = (Var::from_tensor(q)?, Var::from_tensor(local)?);
        let out = self.memory.read(&self.fitted, &q, &local, n_folded)?;
        let objective = with_gradient(&out, d_out)?;
        self.objective = Some(match self.objective.take() {
            Some(sum) => (sum + objective)?,
            None => objective,
        });
        self.read.push((block, first, q, local));
        Ok(())
    }

    /// Gradients of the answers of local attention by block, and of what is fitted; those of q, k and v go to `sums`.
    fn backward(self, n_blocks: usize, sums: &mut Sums) -> Result<(Vec<Option<Tensor>>, Option<LayerGate>)> {
        let mut d_locals = vec![None; n_blocks];
        let Some(objective) = &self.objective else { return Ok((d_locals, None)) };
        let store = objective.backward()?;
        for (first, k, v) in &self.folded {
            for (sum, var) in [(&mut sums.k_plain, k), (&mut sums.v, v)] {
                if let Some(gradient) = store.get(var) {
                    sum.add(*first, &gradient.contiguous()?)?;
                }
            }
        }
        for (block, first, q, local) in &self.read {
            if let Some(gradient) = store.get(q) {
                sums.q_plain.add(*first, &gradient.contiguous()?)?;
            }
            d_locals[*block] = store.get(local).map(Tensor::contiguous).transpose()?;
        }
        Ok((d_locals, Some(self.fitted.gradients(&store)?)))
    }
}
