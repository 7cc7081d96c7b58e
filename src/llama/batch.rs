//! One batch of tokens, in the form that llama.cpp takes.

use llama_cpp_sys_2 as sys;

use super::Token;

/// Arrays that are used again from batch to batch.
#[derive(Debug, Default)]
pub(super) struct Batch {
    tokens: Vec<Token>,
    positions: Vec<i32>,
    n_seq_ids: Vec<i32>,
    seq_id: Box<i32>,
    // of a batch of several sequences
    seq_id_of: Vec<i32>,
    seq_ids: Vec<*mut i32>,
    logits: Vec<i8>,
}

impl Batch {
    /// Fills the batch with tokens at consecutive positions from `pos` on. `logits(i)` says whether token i gets logits.
    ///
    /// The result borrows from self, which the raw pointers in it do not show.
    pub(super) fn fill(&mut self, tokens: &[Token], pos: i32, logits: impl Fn(usize) -> bool) -> sys::llama_batch {
        let n = tokens.len();
        self.tokens.clear();
        self.tokens.extend_from_slice(tokens);
        self.positions.clear();
        self.positions.extend((pos..).take(n));
        self.n_seq_ids.resize(n, 1);
        let seq_id: *mut i32 = &raw mut *self.seq_id;
        self.seq_ids.clear();
        self.seq_ids.resize(n, seq_id);
        self.logits.clear();
        self.logits.extend((0..n).map(|i| i8::from(logits(i))));
        self.native()
    }

    /// Fills the batch with several sequences, 0, 1, ..., each from position 0 on.
    ///
    /// The result borrows from self, as that of [`Batch::fill`] does.
    pub(super) fn fill_sequences(&mut self, sequences: &[Vec<Token>]) -> sys::llama_batch {
        self.tokens.clear();
        self.positions.clear();
        self.seq_id_of.clear();
        for (sequence, id) in sequences.iter().zip(0..) {
            self.tokens.extend_from_slice(sequence);
            self.positions.extend((0..).take(sequence.len()));
            self.seq_id_of.resize(self.tokens.len(), id);
        }
        let n = self.tokens.len();
        self.n_seq_ids.resize(n, 1);
        self.seq_ids.clear();
        self.seq_ids.extend(self.seq_id_of.iter_mut().map(|id| &raw mut *id));
        self.logits.clear();
        self.logits.resize(n, 1);
        self.native()
    }

    fn native(&mut self) -> sys::llama_batch {
        sys::llama_batch {
            n_tokens: self.tokens.len() as i32,
            token: self.tokens.as_mut_ptr(),
            embd: std::ptr::null_mut(),
            pos: self.positions.as_mut_ptr(),
            n_seq_id: self.n_seq_ids.as_mut_ptr(),
            seq_id: self.seq_ids.as_mut_ptr(),
            logits: self.logits.as_mut_ptr(),
        }
    }
}
