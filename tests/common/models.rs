//! Real models, fetched once for each machine by this project's own `model pull`.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use edgeinf::models::{Cache, Catalogue, PullOptions, pull};

/// The default model.
pub fn smollm2() -> PathBuf {
    pulled("smollm2-135m")
}

pub fn pulled(name: &str) -> PathBuf {
    let catalogue = Catalogue::builtin().unwrap();
    let interrupt = AtomicBool::new(false);
    let cache = Cache::from_env().unwrap();
    pull(catalogue.get(name).unwrap(), &PullOptions::new(&cache, &interrupt), &mut |_| {}).unwrap()
}
