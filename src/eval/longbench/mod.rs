//! LongBench (Bai et al., 2024) from a folder of its files: reading the English and code tasks, and their scores.
//!
//! Nothing of the benchmark is part of this program: cases, prompts and answer lengths are all read from the folder.

mod case;
mod cases;
mod error;
mod metrics;
mod run;
mod set;
mod task;
mod template;

pub use case::Case;
pub use cases::Cases;
pub use error::LongBenchError;
pub use metrics::score;
pub use run::{LongBenchRecord, run};
pub use set::{BenchmarkSet, Dataset};
pub use task::{Family, Task};
pub use template::{PromptTemplate, TemplateError};
