//! What the formats have in common.

use super::error::FormatError;

/// Most of a document that is held back until its meaning is known, in bytes.
pub(super) const LIMIT: usize = 1 << 20;

/// Takes a document piece by piece and gives the text that a reader sees.
///
/// How the document is cut into pieces does not matter.
pub(super) trait Convert {
    /// Takes the next piece, and appends the text that is known by now to `out`.
    ///
    /// # Errors
    /// [`FormatError`] for what this format cannot be.
    fn push(&mut self, piece: &str, out: &mut String) -> Result<(), FormatError>;

    /// Appends the text that was held back, at the end of the document.
    ///
    /// # Errors
    /// [`FormatError`] for what this format cannot be.
    fn finish(&mut self, out: &mut String) -> Result<(), FormatError>;
}
