//! What the policies are worth: the same model, bytes and text under each of them.

mod answer;
mod bootstrap;
mod distribution;
mod error;
mod fidelity;
mod pairs;
mod record;
mod stretch;
mod table;

pub use answer::Examiner;
pub use error::EvalError;
pub use fidelity::{Comparison, FidelityRecord, Student, read_text};
pub use pairs::{Pair, read_pairs};
pub use record::{Condition, Record, RecordFile, Setting};
pub use stretch::forgotten;
pub use table::{fidelity_table, table};
