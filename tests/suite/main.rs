//! All that is tested from outside, in one program: each one by itself would be linked with the whole engine.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::needless_range_loop)]

mod common;

mod bench;
mod check;
mod cli;
mod compaction;
mod doctor;
mod embeddings;
mod eval;
mod extract;
mod forgetting;
mod formats;
mod forms;
mod gates;
mod install;
mod longbench;
mod models;
mod needle;
mod note_cost;
mod notes;
mod parity;
mod plain;
mod policies;
mod prediction;
mod reading;
mod refusals;
mod retain;
mod sample;
mod scripted;
mod summarize;
#[cfg(unix)]
mod terminal;
#[cfg(feature = "train")]
mod train;
#[cfg(feature = "train")]
mod train_parity;
