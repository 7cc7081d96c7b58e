//! Documents with expectations, for a user's continuous integration and our own.
//!
//! [`Cases::load`] reads a cases file, [`Runner::run`] runs one case in a process of its own, so that its peak memory is its
//! own and a crash is one failed case, and [`Report`] says what came of it as a table, as JSON or for JUnit. What is
//! expected of a run is judged by [`Expect::judge`] alone, which only looks at values. `docs/check.md` describes the file.

mod document;
mod error;
mod expect;
mod file;
mod junit;
mod merge;
mod observed;
mod process;
mod report;
mod run;
#[cfg(test)]
mod run_tests;
mod words;

pub use document::Document;
pub use error::CheckError;
pub use expect::{Expect, Verdict};
pub use file::{Case, Cases};
pub use observed::{Observed, Seen, SeenInput, SeenMemory};
pub use process::End;
pub use report::{CaseResult, Report, SCHEMA_VERSION, TableStyle};
pub use run::Runner;
