//! The model that compares sentences, where there is one.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Result;
use clap::Args;

use crate::embed::{EmbedError, Embedder, SentenceModel};
use crate::llama::set_fatal_exit_code;
use crate::models::{Cache, Catalogue, ModelError};

use super::exit::ExitStatus;

/// The model that is taken where none is named, if it was pulled.
const DEFAULT: &str = "minilm";
/// Where no model is wanted.
const NONE: &str = "none";

/// Arguments of what can compare sentences.
#[derive(Debug, Clone, Args)]
pub struct EmbeddingArgs {
    /// Model that compares sentences, by name or as a GGUF file; none does without [default: minilm, if it was pulled].
    #[arg(long, value_name = "MODEL")]
    pub embeddings: Option<PathBuf>,
}

impl EmbeddingArgs {
    /// Loads the model; `None` if none is wanted, or none was named and minilm is not there.
    ///
    /// # Errors
    /// Those of [`Cache::resolve`] and [`SentenceModel::load`].
    pub fn load(&self) -> Result<Option<SentenceModel>> {
        let named = self.embeddings.as_deref();
        if named == Some(Path::new(NONE)) {
            return Ok(None);
        }
        let path = Cache::from_env().and_then(|cache| {
            let resolved = cache.resolve(&Catalogue::builtin()?, named.unwrap_or(Path::new(DEFAULT)))?;
            Ok(resolved.path)
        });
        let path = match path {
            // it is not missed
            Err(ModelError::NotPulled { .. } | ModelError::NoCacheDir) if named.is_none() => return Ok(None),
            path => path?,
        };
        set_fatal_exit_code(ExitStatus::Model as i32);
        let model = SentenceModel::load(&path)?;
        set_fatal_exit_code(ExitStatus::Failure as i32);
        Ok(Some(model))
    }
}

/// Makes what computes with a model, if there is one.
///
/// # Errors
/// Those of [`Embedder::new`].
pub fn embedder<'m>(
    model: Option<&'m SentenceModel>,
    threads: u32,
    interrupt: &Arc<AtomicBool>,
) -> Result<Option<Embedder<'m>>, EmbedError> {
    model.map(|model| Embedder::new(model, threads, Arc::clone(interrupt))).transpose()
}
