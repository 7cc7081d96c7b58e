//! What is kept of a document: policies, sizes and gate files.

pub mod budget;
pub mod gate;
pub mod policy;
pub mod predict;
