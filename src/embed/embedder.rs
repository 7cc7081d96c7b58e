//! Texts to vectors.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::llama::{Encoder, EncoderParams, Token};

use super::pieces::pieces;
use super::{EmbedError, SentenceModel, Vector};

/// Most tokens of a piece of a text, with the two that enclose it: what the makers of all-MiniLM-L6-v2 use it with.
pub const MAX_PIECE: usize = 256;

/// Tokens that are computed at once.
const BATCH: usize = 512;

/// Sequences that are computed at once. llama.cpp takes 256.
const SEQUENCES: usize = 64;

/// Computes vectors.
#[derive(Debug)]
pub struct Embedder<'m> {
    model: &'m SentenceModel,
    encoder: Encoder<'m>,
    /// Tokens of the longest piece, without those that enclose it.
    max_piece: usize,
}

impl<'m> Embedder<'m> {
    /// Makes the buffers for it.
    ///
    /// # Errors
    /// [`EmbedError::Llama`] if there is not enough memory.
    pub fn new(model: &'m SentenceModel, threads: u32, interrupt: Arc<AtomicBool>) -> Result<Self, EmbedError> {
        let params =
            EncoderParams { n_tokens: BATCH as u32, n_sequences: SEQUENCES as u32, n_threads: threads, interrupt };
        let encoder = Encoder::new(&model.model, params)?;
        let max_piece = MAX_PIECE.min(model.model.n_ctx_train() as usize) - model.ends.len();
        Ok(Self { model, encoder, max_piece })
    }

    /// The vector of each text. One of more than 254 tokens is cut into pieces of equal length, and its vector is the direction of
    /// the sum of theirs.
    ///
    /// # Errors
    /// [`EmbedError::Llama`], also when the run is interrupted.
    pub fn embed(&mut self, texts: &[&str]) -> Result<Vec<Vector>, EmbedError> {
        let mut found: Vec<Vec<Vector>> = vec![Vec::new(); texts.len()];
        let mut batch: Vec<Vec<Token>> = Vec::new();
        let mut of_text = Vec::new();
        for (i, text) in texts.iter().enumerate() {
            let tokens = self.model.model.vocab().tokenize(text, false)?;
            for piece in pieces(tokens.len(), self.max_piece) {
                let [begin, end] = self.model.ends;
                let n_batch: usize = batch.iter().map(Vec::len).sum();
                if n_batch + piece.len() + 2 > BATCH || batch.len() == SEQUENCES {
                    self.compute(&mut batch, &mut of_text, &mut found)?;
                }
                batch.push([&[begin], &tokens[piece], &[end]].concat());
                of_text.push(i);
            }
        }
        self.compute(&mut batch, &mut of_text, &mut found)?;
        Ok(found.iter().map(|pieces| Vector::mean(pieces)).collect())
    }

    /// Computes a batch, hands its vectors to their texts, and empties it.
    fn compute(
        &mut self,
        batch: &mut Vec<Vec<Token>>,
        of_text: &mut Vec<usize>,
        found: &mut [Vec<Vector>],
    ) -> Result<(), EmbedError> {
        let vectors = self.encoder.encode(batch)?;
        for (text, vector) in of_text.drain(..).zip(vectors) {
            found[text].push(Vector::direction_of(vector));
        }
        batch.clear();
        Ok(())
    }
}
