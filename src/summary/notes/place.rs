//! Where the model writes from notes.

use crate::memory::policy::Policy;
use crate::reader::Reader;
use crate::summary::error::SummaryError;
use crate::summary::prompt::{Instructions, PromptTokens};
use crate::summary::scribe::Scribe;
use crate::summary::writer::Written;

/// Where the model writes from notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In an empty cache.
    Apart,
    /// Behind what the memory and retained tokens have of the document, in the cells of its window.
    Beside,
}

impl Place {
    /// That of a document which was read under a policy. Beside a memory the model is better informed than by the notes alone
    /// (docs/summaries.md); a window that forgets adds nothing.
    pub fn after(policy: Policy) -> Self {
        if policy.rule().folds() { Self::Beside } else { Self::Apart }
    }

    /// Cells that are not for notes, as `n_front` prompt tokens and sinks stay in front of them.
    pub fn n_taken(self, n_front: u32) -> u32 {
        if self == Self::Beside { n_front } else { 0 }
    }

    /// Makes room for notes when the document was read.
    ///
    /// # Errors
    /// Those of [`Reader::close`].
    pub(super) fn begin(self, reader: &mut Reader<'_>) -> Result<(), SummaryError> {
        if self == Self::Beside {
            reader.close()?;
        }
        Ok(())
    }

    /// Cells for notes, what is asked, and the answer.
    pub(super) fn n_cells(self, reader: &mut Reader<'_>) -> u32 {
        if self == Self::Beside { reader.context().n_free() } else { reader.n_apart() }
    }

    /// What stands around notes.
    ///
    /// # Errors
    /// Those of [`Scribe::prompt`].
    pub(super) fn prompt(self, scribe: &mut Scribe<'_>, asked: &Instructions) -> Result<PromptTokens, SummaryError> {
        if self == Self::Beside { scribe.prompt_within(asked) } else { scribe.prompt(asked) }
    }

    /// Lets the model write from notes as [`Scribe::apart`] does.
    ///
    /// # Errors
    /// Those of [`Scribe::apart`].
    pub(super) fn write<'m>(
        self,
        (scribe, reader): (&mut Scribe<'m>, &mut Reader<'m>),
        asked: &Instructions,
        notes: &str,
        max_tokens: u32,
        sink: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Written, SummaryError> {
        let text = scribe.tokens(notes)?;
        match self {
            Self::Apart => scribe.apart(reader, asked, &text, max_tokens, sink),
            Self::Beside => scribe.beside(reader, asked, &text, max_tokens, sink),
        }
    }
}
