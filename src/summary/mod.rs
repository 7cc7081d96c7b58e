//! From a document to a summary: prompts, chat templates, the pass over the text, and writing.

pub mod again;
pub mod error;
mod extract;
mod filter;
pub mod forecast;
pub mod map_reduce;
pub mod notes;
mod opening;
pub mod plan;
pub mod prompt;
pub mod prompts;
mod repeats;
pub mod request;
pub mod run;
pub mod scribe;
pub mod sentence;
pub mod strategy;
mod talk;
pub mod template;
mod wording;
pub mod writer;
pub mod writing;
