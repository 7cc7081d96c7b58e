//! From a document to a summary: prompts, chat templates, the pass over the text, and writing.

pub mod direct;
pub mod error;
pub mod forecast;
pub mod plan;
pub mod prompt;
pub mod sentence;
pub mod template;
pub mod writer;
