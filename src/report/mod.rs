//! What a run cost, for people and for programs.

pub mod memory;
pub mod statistics;
