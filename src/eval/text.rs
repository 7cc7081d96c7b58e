//! The tokens of a text file that is read for itself, without a question.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use sha2::{Digest, Sha256};

use crate::input::{Reading, Source, TokenStream};
use crate::llama::{Model, Token};
use crate::summary::error::SummaryError;

use super::error::EvalError;

/// The first `n` tokens of a text file, or all.
///
/// # Errors
/// [`EvalError`] if the file is no text.
pub fn read_text(model: &Model, path: &Path, n: usize, interrupt: &Arc<AtomicBool>) -> Result<Vec<Token>, EvalError> {
    let source = Source::open(path, Reading::default(), interrupt).map_err(SummaryError::from)?;
    let mut stream = TokenStream::new(source, model.vocab(), Arc::clone(interrupt)).map_err(SummaryError::from)?;
    let mut tokens = Vec::new();
    while tokens.len() < n && stream.next_chunk(&mut tokens).map_err(SummaryError::from)? {}
    tokens.truncate(n);
    Ok(tokens)
}

/// The same, as far as it fits the context of the model.
///
/// # Errors
/// [`EvalError`] if the file is no text.
pub fn read_text_within_context(
    model: &Model,
    path: &Path,
    n: usize,
    interrupt: &Arc<AtomicBool>,
) -> Result<Vec<Token>, EvalError> {
    let most = model.n_ctx_train() as usize - usize::from(model.vocab().bos().is_some());
    read_text(model, path, n.min(most), interrupt)
}

/// The sha256 of tokens, in hexadecimal.
pub fn sha256_of(tokens: &[Token]) -> String {
    let mut hash = Sha256::new();
    tokens.iter().for_each(|token| hash.update(token.to_le_bytes()));
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
