//! Fitting the memory of a frozen model.
//!
//! [`schedule`] says what leaves the cache when, exactly as [`crate::reader`] does it; [`weights`] has the model in 32-bit floats;
//! [`layer`] computes a layer over a whole sequence and back.

pub mod adam;
mod allocate;
pub mod attention;
pub mod beside;
pub mod checkpoint;
pub mod choice;
pub mod curves;
pub mod error;
pub mod examples;
pub mod fit;
pub mod heads;
pub mod kept;
pub mod layer;
pub mod log;
pub mod loss;
pub mod memory;
pub mod notice;
pub mod objective;
pub mod pass;
pub mod rows;
pub mod schedule;
pub mod score;
pub mod score_fit;
pub mod share_fit;
pub mod start;
pub mod tensors;
pub mod weights;

#[cfg(test)]
mod gradient_tests;
#[cfg(test)]
mod test_values;

pub use error::TrainError;
