//! What the policies are worth: the same model, bytes and text under each of them.

mod answer;
mod bootstrap;
mod distribution;
mod error;
mod fidelity;
pub mod gates;
pub mod longbench;
pub mod needle;
mod pairs;
mod reading;
mod record;
pub mod report;
#[cfg(test)]
mod salience_tests;
mod scores;
mod stretch;
pub mod summary;
mod table;
mod task_table;
mod text;

pub use answer::Examiner;
pub use error::EvalError;
pub use fidelity::{Comparison, FidelityRecord, Student};
pub use gates::{GatesRecord, gates_table};
pub use needle::{Haystack, NeedleRecord};
pub use pairs::{Pair, read_pairs};
pub use reading::{ANSWER_BATCH, Desk, Form, tokenize};
pub use record::{Condition, Record, RecordFile, Setting};
pub use scores::{Fact, RougeError, Scorer, Scores, compression, coverage, repetition, rouge, similarity};
pub use stretch::{forgotten, replaced};
pub use summary::SummaryRecord;
pub use table::{fidelity_table, table};
pub use task_table::{longbench_table, needle_table, summary_table};
pub use text::read_text_within_context;
