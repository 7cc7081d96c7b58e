//! A result of a text, whatever was measured.

use serde::Deserialize;

use super::setting::{Policy, Setting};

/// What every result of a text has.
#[derive(Debug, Clone, Deserialize)]
pub struct Common {
    /// Name of the text.
    pub case: String,
    /// How it was read.
    pub policy: Policy,
    /// Bytes that survive a compaction.
    pub budget_bytes: u64,
    /// Why there is no result.
    pub skipped: Option<String>,
    /// Of the text.
    #[serde(default)]
    pub text_sha256: String,
    /// What it was measured with.
    #[serde(default)]
    pub setting: Setting,
}

/// A result of a text.
#[derive(Debug, Clone)]
pub struct Case<T> {
    /// What all have.
    pub common: Common,
    /// What this kind has.
    pub own: T,
}

/// What a table keeps apart beside the settings, like the length of a document.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// Where it comes, before the name.
    pub order: u64,
    /// How it is shown.
    pub name: String,
}

/// A kind of result of a text.
pub trait Measure {
    /// What is kept apart.
    fn group(&self) -> Group {
        Group::default()
    }

    /// Whether there is a result.
    fn scored(&self) -> bool;

    /// Which of several results of one text counts: the one where this is largest.
    fn reach(&self) -> u64 {
        0
    }

    /// Whether the values make sense.
    ///
    /// # Errors
    /// A remark on what does not.
    fn check(&self) -> Result<(), &'static str> {
        Ok(())
    }
}
