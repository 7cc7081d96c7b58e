//! One batch of tokens of one sequence, in the form that llama.cpp takes.

use llama_cpp_sys_2 as sys;

use super::Token;

/// Arrays that are used again from batch to batch.
#[derive(Debug, Default)]
pub(super) struct Batch {
    tokens: Vec<Token>,
    positions: Vec<i32>,
    n_seq_ids: Vec<i32>,
    seq_id: Box<i32>,
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
        sys::llama_batch {
            n_tokens: n as i32,
            token: self.tokens.as_mut_ptr(),
            embd: std::ptr::null_mut(),
            pos: self.positions.as_mut_ptr(),
            n_seq_id: self.n_seq_ids.as_mut_ptr(),
            seq_id: self.seq_ids.as_mut_ptr(),
            logits: self.logits.as_mut_ptr(),
        }
    }
}
