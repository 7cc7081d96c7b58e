//! One layer over a whole sequence, forwards and backwards.
//!
//! All blocks of a sequence pass a layer before the next layer begins: what a memory holds depends on the same layer alone. Backwards a
//! layer is computed once more from its input, so that only inputs are kept; gradients of frozen matrices, which nobody needs, are
//! not computed, and so the frozen part is written out here where candle would give them all.

use std::ops::Range;

use candle_core::{Result, Tensor, Var};

use super::attention::{Attended, Attention, Retained, Sums};
use super::beside::Parted;
use super::heads::{self, Heads, Rope};
use super::memory::{Fitted, Memory, openness, with_gradient};
use super::rows;
use super::schedule::{Block, Schedule};
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
    /// The first block that gradients run through; what was read before is taken as given.
    pub live: usize,
}

impl Pass<'_> {
    /// The first block and the first token that pass: with a text that is given those of what is asked.
    fn first(&self, given: Option<&Given>) -> (usize, usize) {
        if given.is_some() { (self.schedule.first_asked(), self.schedule.n_text) } else { (0, 0) }
    }

    /// The tokens that gradients run through.
    pub fn live_tokens(&self) -> Range<usize> {
        let blocks = &self.schedule.blocks;
        blocks.get(self.live).map_or(0..0, |block| block.tokens.start..self.schedule.n_tokens())
    }
}

/// Keys and values of tokens in one layer, `[n_head_kv, n, d]`, keys without RoPE.
#[derive(Debug, Clone)]
pub struct Kv {
    /// Keys.
    pub k: Tensor,
    /// Values.
    pub v: Tensor,
}

/// A text that was read before, without a memory: only what is asked of it passes the layer.
#[derive(Debug, Clone)]
pub struct Given {
    /// Of the whole text.
    pub text: Kv,
    /// Of what has left the window when something is asked.
    pub parted: Parted,
    /// How many tokens the layer retains that retains most.
    pub n_most: usize,
}

impl Given {
    fn folded(&self) -> Option<&Kv> {
        self.parted.folded.as_ref()
    }

    fn retained(&self) -> Retained<'_> {
        Retained { kv: self.parted.retained.as_ref(), n_most: self.n_most }
    }
}

/// The gate of a layer, where there is something for it to read.
fn used<'a>(gate: Option<&'a LayerGate>, given: Option<&Given>) -> Option<&'a LayerGate> {
    gate.filter(|_| given.is_none_or(|given| given.folded().is_some()))
}

/// What a layer makes of a sequence.
#[derive(Debug)]
pub struct Forward {
    /// Its output, `[n, n_embd]`.
    pub output: Tensor,
    /// What the way back needs.
    pub kept: Kept,
    /// Keys and values of all tokens.
    pub kv: Kv,
}

/// What is kept of a layer for the way back, tensors `[n, n_embd]`.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Its input.
    input: Tensor,
    /// The input of its feed-forward network, before the norm.
    middle: Tensor,
    /// Mean of its gates over heads and all tokens that saw a memory; none where none did.
    pub gate: Option<f64>,
}

impl Layer {
    /// The output of the layer for `input` `[n, n_embd]`, of all tokens or of what is asked of a text that is given.
    ///
    /// # Errors
    /// Those of candle.
    pub fn forward(
        &self,
        input: &Tensor,
        pass: Pass<'_>,
        gate: Option<&LayerGate>,
        given: Option<&Given>,
    ) -> Result<Forward> {
        let config = pass.config;
        let heads = behind(heads::split(&self.qkv(input, config)?, self, config)?, given)?;
        let (first_block, first) = pass.first(given);
        let attention = Attention::new(pass.schedule, pass.rope, &heads)?.beside(given.map(Given::retained));
        let fitted = used(gate, given).map(|gate| Fitted::new(gate, config.d_head)).transpose()?;
        let mut memory = Memory::default();
        if let (Some(fitted), Some(folded)) = (&fitted, given.and_then(Given::folded)) {
            memory.fold(fitted, &folded.k, &folded.v)?;
            memory.detach();
        }
        let mut outs = Vec::with_capacity(pass.schedule.blocks.len());
        let mut open = (0.0, 0);
        for (i, block) in pass.schedule.blocks.iter().enumerate().skip(first_block) {
            let local = attention.forward(block)?.out;
            let Some(fitted) = fitted.as_ref().filter(|_| block.dropped > 0) else {
                outs.push(local);
                continue;
            };
            let leaving = pass.schedule.leaving(i);
            if given.is_none() && !leaving.is_empty() {
                let [k, v] = [&heads.k, &heads.v].map(|x| x.narrow(1, leaving.start, leaving.len())?.contiguous());
                memory.fold(fitted, &k?, &v?)?;
                memory.detach();
            }
            let q = heads.q.narrow(1, block.tokens.start - first, block.tokens.len())?.contiguous()?;
            let (mixed, logit) = memory.read(fitted, &q, &local, n_folded(block, given)?)?;
            let (sum, n) = openness(&logit)?;
            open = (open.0 + sum, open.1 + n);
            outs.push(mixed.detach());
        }
        let (output, middle) = self.behind_attention(input, &outs, config)?;
        let gate = (open.1 > 0).then(|| open.0 / open.1 as f64);
        let kept = Kept { input: input.clone(), middle, gate };
        Ok(Forward { output, kept, kv: Kv { k: heads.k, v: heads.v } })
    }

    /// The output of the layer without a memory, and its keys and values. `see` is told of the attention in each block.
    ///
    /// # Errors
    /// Those of candle and of `see`.
    pub fn watched(
        &self,
        input: &Tensor,
        pass: Pass<'_>,
        see: &mut dyn FnMut(&Block, &Attended) -> Result<()>,
    ) -> Result<(Tensor, Kv)> {
        let config = pass.config;
        let heads = heads::split(&self.qkv(input, config)?, self, config)?;
        let attention = Attention::new(pass.schedule, pass.rope, &heads)?;
        let mut outs = Vec::with_capacity(pass.schedule.blocks.len());
        for block in &pass.schedule.blocks {
            let attended = attention.forward(block)?;
            see(block, &attended)?;
            outs.push(attended.out);
        }
        let (output, _) = self.behind_attention(input, &outs, config)?;
        Ok((output, Kv { k: heads.k, v: heads.v }))
    }

    /// The output of the layer for what attention gave in each block, and the input of its feed-forward network.
    fn behind_attention(&self, input: &Tensor, outs: &[Tensor], config: &Config) -> Result<(Tensor, Tensor)> {
        let mixed = heads::merge(&Tensor::cat(outs, 1)?)?;
        let middle = rows::add(input, &mixed.matmul(&self.wo.t()?)?)?;
        let normed = rows::rms_norm(&middle, &self.ffn_norm, config.eps)?;
        let active = rows::swiglu(&normed.matmul(&self.w_gate_up.t()?)?)?;
        Ok((rows::add(&middle, &active.matmul(&self.w_down.t()?)?)?, middle))
    }

    /// The gradients of the input and of what is fitted, for that of the output; those of input and output are of the live tokens
    /// alone, `[n_live, n_embd]`. What the memory holds of tokens before has gradients in the map, but not in these tokens.
    ///
    /// # Errors
    /// Those of candle.
    pub fn backward(
        &self,
        kept: &Kept,
        d_output: &Tensor,
        pass: Pass<'_>,
        gate: Option<&LayerGate>,
        given: Option<&Given>,
    ) -> Result<(Tensor, Option<LayerGate>)> {
        let (config, blocks) = (pass.config, &pass.schedule.blocks);
        let live = pass.live_tokens();
        let (first_block, first) = pass.first(given);
        let of_live = |x: &Tensor| x.narrow(0, live.start - first, live.len())?.contiguous();
        let d_middle = self.feed_forward_backward(&of_live(&kept.middle)?, d_output, config)?;
        let qkv = self.qkv(&kept.input, config)?;
        let heads = behind(heads::split(&qkv, self, config)?, given)?;
        let attention = Attention::new(pass.schedule, pass.rope, &heads)?.beside(given.map(Given::retained));
        let d_mixed = heads::unmerge(&d_middle.matmul(&self.wo)?, config.n_head)?;
        let mut sums = Sums::new(&heads)?;
        let mut remembering = used(gate, given).map(|gate| Remembering::new(gate, config)).transpose()?;
        if let (Some(remembering), Some(folded)) = (&mut remembering, given.and_then(Given::folded)) {
            remembering.memory.fold(&remembering.fitted, &folded.k, &folded.v)?;
        }
        let d_of = |block: &Block| d_mixed.narrow(1, block.tokens.start - live.start, block.tokens.len())?.contiguous();
        // what attention answers is needed where the memory is mixed in, its shares everywhere
        let mut all_shares = Vec::with_capacity(blocks.len() - pass.live);
        for (i, block) in blocks.iter().enumerate().skip(first_block) {
            if let Some(remembering) = remembering.as_mut().filter(|_| given.is_none() && block.dropped > 0) {
                remembering.fold(&heads.k, &heads.v, pass.schedule.leaving(i), live.start)?;
            }
            if i < pass.live {
                continue;
            }
            let attended = attention.forward(block)?;
            if let Some(remembering) = remembering.as_mut().filter(|_| block.dropped > 0) {
                let (q, d_out) = (&heads.q, d_of(block)?);
                let at = block.tokens.start - first;
                let q = q.narrow(1, at, block.tokens.len())?.contiguous()?;
                remembering.read(i, at, &q, &attended.out, &d_out, n_folded(block, given)?)?;
            }
            all_shares.push(attended.into_shares());
        }
        let (mut d_locals, gradients) = match remembering {
            Some(remembering) => remembering.backward(blocks.len(), &mut sums)?,
            None => (vec![None; blocks.len()], None),
        };
        for ((block, d_local), shares) in blocks.iter().zip(&mut d_locals).skip(pass.live).zip(&all_shares) {
            let d_out = match d_local.take() {
                Some(d_local) => d_local,
                None => d_of(block)?,
            };
            attention.backward(block, shares, &d_out, &mut sums)?;
        }
        let d_heads = attention.gradients(sums)?.tokens(&live)?;
        let d_qkv = heads::split_backward(&d_heads, &of_live(&qkv)?, self, config)?;
        let d_normed = d_qkv.matmul(&self.wqkv)?;
        let d_input =
            rows::rms_norm_backward(&d_middle, &d_normed, &of_live(&kept.input)?, &self.attn_norm, config.eps)?;
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

/// Keys and values of what passes, behind those of a text that is given.
fn behind(heads: Heads, given: Option<&Given>) -> Result<Heads> {
    let Some(Given { text, .. }) = given else { return Ok(heads) };
    Ok(Heads { q: heads.q, k: Tensor::cat(&[&text.k, &heads.k], 1)?, v: Tensor::cat(&[&text.v, &heads.v], 1)? })
}

/// Tokens in the memory that a block reads.
fn n_folded(block: &Block, given: Option<&Given>) -> Result<usize> {
    given.and_then(Given::folded).map_or(Ok(block.dropped), |folded| folded.k.dim(1))
}

/// The memory of a layer with everything that has a gradient as a variable.
struct Remembering {
    fitted: Fitted,
    memory: Memory,
    /// First token, k, v.
    folded: Vec<(usize, Var, Var)>,
    /// Number of the block, first query, q, answer of local attention.
    read: Vec<(usize, usize, Var, Var)>,
    /// What has the gradient `d_out` in the result of each block.
    objective: Option<Tensor>,
}

impl Remembering {
    fn new(gate: &LayerGate, config: &Config) -> Result<Self> {
        let fitted = Fitted::new(gate, config.d_head)?;
        Ok(Self { fitted, memory: Memory::default(), folded: Vec::new(), read: Vec::new(), objective: None })
    }

    /// Tokens before `live` have no gradients.
    fn fold(&mut self, k: &Tensor, v: &Tensor, tokens: Range<usize>, live: usize) -> Result<()> {
        if tokens.is_empty() {
            return Ok(());
        }
        let part = |x: &Tensor| x.narrow(1, tokens.start, tokens.len())?.contiguous();
        let (k, v) = (part(k)?, part(v)?);
        if tokens.end <= live {
            return self.memory.fold(&self.fitted, &k, &v);
        }
        let (k, v) = (Var::from_tensor(&k)?, Var::from_tensor(&v)?);
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
        let (out, _) = self.memory.read(&self.fitted, &q, &local, n_folded)?;
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
