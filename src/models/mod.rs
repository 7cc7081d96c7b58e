//! Models: which there are, where their files lie, how to fetch and to check them.
//!
//! [`Catalogue`] lists what `models.toml` names, [`Cache`] says where a file lies and turns what a user
//! typed into a path, [`pull()`] fetches, [`verify()`] checks, [`remove()`] removes. Nothing here prints: progress
//! goes to a callback, failures are one [`ModelError`] whose message fits on a line.

mod bert;
mod cache;
mod catalogue;
mod error;
mod hash;
mod https;
mod local;
mod lock;
mod part;
mod pip;
mod pull;
#[cfg(test)]
mod pull_tests;
mod remove;
mod source;
#[cfg(test)]
mod test_bench;
mod verify;
mod wheel;

pub use bert::BertError;
pub use cache::{Cache, ResolvedModel};
pub use catalogue::{Catalogue, DEFAULT_MODEL, GateEntry, ModelEntry};
pub use error::ModelError;
pub use hash::{Content, cached_sha256, sha256_bytes, sha256_file};
pub use pull::{PullEvent, PullOptions, pull};
pub use remove::remove;
pub use source::Source;
pub use verify::{Verified, verify, verify_cached};

use std::sync::atomic::{AtomicBool, Ordering};

/// What long work asks between two steps.
///
/// # Errors
/// [`ModelError::Interrupted`] if the flag is set.
pub fn stop(interrupt: &AtomicBool) -> Result<(), ModelError> {
    if interrupt.load(Ordering::Relaxed) { Err(ModelError::Interrupted) } else { Ok(()) }
}
