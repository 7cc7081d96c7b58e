//! Summarizes documents that are longer than a small model's context, in memory that does not grow with them.
//!
//! Data flows one way: [`input`] turns a file into tokens, [`reader`] feeds them to a context of [`llama`] in segments,
//! [`memory`] says what is kept, [`summary`] lets the model write, [`report`] says what it cost. [`cli`] knows them all
//! and nobody knows it.

#![deny(unused_crate_dependencies)]

// of the integration tests
#[cfg(test)]
use {jsonschema as _, rcgen as _, rustls as _};
// candle calls it; it is named in Cargo.toml for one of its features
#[cfg(feature = "train")]
use gemm as _;

pub mod bench;
pub mod check;
pub mod cli;
pub mod doctor;
pub mod embed;
pub mod eval;
pub mod gguf;
pub mod input;
pub mod llama;
pub mod memory;
pub mod models;
pub mod quote;
pub mod reader;
pub mod report;
mod rng;
pub mod sample;
pub mod size;
pub mod summary;
pub mod text;
pub mod threads;
#[cfg(feature = "train")]
pub mod train;
