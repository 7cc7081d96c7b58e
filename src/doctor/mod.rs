//! Whether this build on this machine has what summarizing needs.
//!
//! [`gather()`] collects [`Facts`], [`Facts::findings`] judges them, [`Facts::to_text`] shows them. Only the first one looks
//! at the machine.

mod cgroup;
mod cpu;
mod findings;
mod gather;
mod text;

use std::path::PathBuf;

use serde::Serialize;

use crate::llama::Build;

pub use findings::{Finding, Level};
pub use gather::gather;

/// Version of the JSON form; grows when a key changes its meaning or goes away.
pub const SCHEMA_VERSION: u32 = 1;

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub struct Facts {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Version of this program.
    pub version: &'static str,
    /// `release` or `debug`.
    pub profile: &'static str,
    /// Cargo features that change the engine.
    pub features: Vec<&'static str>,
    /// The engine.
    pub engine: Build,
    /// The processor.
    pub processor: Processor,
    /// Memory of the machine.
    pub memory: Memory,
    /// Where models lie.
    pub cache: CacheFacts,
    /// Each model of the catalogue.
    pub models: Vec<ModelFacts>,
    /// The model that is to work.
    pub model: Wanted,
    /// What fetches models.
    pub python: Python,
}

/// The processor.
#[derive(Debug, Clone, Serialize)]
pub struct Processor {
    /// As it calls itself.
    pub name: String,
    /// Processors of the machine.
    pub processors: usize,
    /// Threads that a run takes unless it is told otherwise: `EDGEINF_THREADS`, or the processors that this process may use.
    pub threads: usize,
    /// Why that cannot be said.
    #[serde(skip)]
    pub threads_problem: Option<String>,
    /// Instruction sets.
    pub features: Vec<Feature>,
}

/// An instruction set, in the code and in the processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Feature {
    /// Its name in llama.cpp.
    pub name: &'static str,
    /// Whether the kernels use it.
    pub compiled: bool,
    /// Whether the processor has it, where that can be found out.
    pub present: Option<bool>,
}

/// Memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// Of the machine.
    pub total_bytes: u64,
    /// That programs can have now.
    pub available_bytes: u64,
    /// That the control group of this process may use, if that is limited.
    pub limit_bytes: Option<u64>,
}

/// The cache directory.
#[derive(Debug, Clone, Serialize)]
pub struct CacheFacts {
    /// Its path; nothing if there is no place for one.
    pub dir: Option<PathBuf>,
    /// Free space of its disk, in bytes.
    pub free_bytes: Option<u64>,
    /// Whether files can be put there.
    pub writable: bool,
}

/// A model of the catalogue.
#[derive(Debug, Clone, Serialize)]
pub struct ModelFacts {
    /// Its name.
    pub name: String,
    /// Length that its file should have, where the catalogue knows it.
    pub bytes: Option<u64>,
    /// What became of it.
    pub state: ModelState,
    /// What is wrong, if it is there and wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// What is known of a model's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelState {
    /// Not in the cache.
    Absent,
    /// There, with the sha256 of the catalogue.
    Verified,
    /// There, not known to have changed; the catalogue has no sha256 of it.
    Unverified,
    /// There, and not as it should be.
    Damaged,
}

/// The model that is to work.
#[derive(Debug, Clone, Serialize)]
pub struct Wanted {
    /// As it was named.
    pub name: String,
    /// Length of its file, or what it should be.
    pub bytes: Option<u64>,
    /// Why it cannot be used, and what to do.
    pub problem: Option<String>,
    /// Whether a pull would help.
    pub can_be_pulled: bool,
}

/// What fetches models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Python {
    /// Whether there is a `python3`.
    pub found: bool,
    /// What its pip says of itself.
    pub pip: Option<String>,
}

#[cfg(test)]
mod tests;
