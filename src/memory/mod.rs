//! What is kept of a document: policies, sizes and gate files.

pub mod budget;
pub mod gate;
pub mod layout;
pub mod policy;
pub mod predict;
pub mod queries;
pub mod request;
