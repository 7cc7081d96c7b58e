//! What a run cost, for people and for programs.

pub mod dry_run;
pub mod failure;
pub mod memory;
pub mod statistics;
