//! How alike a summary and a reference are in meaning.

use crate::embed::{EmbedError, Embedder, cosine};

/// The cosine of the embeddings of two texts, from -1 to 1, in steps of a ten-thousandth (beyond that it depends on the processor).
///
/// Each text is embedded as a whole: in pieces of equal length of at most 256 tokens, whose embeddings, each of length 1, are added up.
/// So it says whether the texts are about the same, and little about whether one says what the other does. A summary without text has
/// 0; `None` without a reference.
///
/// # Errors
/// [`EmbedError`].
pub fn similarity(embedder: &mut Embedder<'_>, reference: &str, summary: &str) -> Result<Option<f64>, EmbedError> {
    if reference.trim().is_empty() {
        return Ok(None);
    }
    if summary.trim().is_empty() {
        return Ok(Some(0.0));
    }
    let vectors = embedder.embed(&[reference, summary])?;
    Ok(Some((f64::from(cosine(&vectors[0], &vectors[1])) * 1e4).round() / 1e4))
}
