//! The encoder's file.

use std::path::{Path, PathBuf};

use crate::llama::{Backend, LlamaError, Model, ModelParams, Token};

use super::EmbedError;

/// Fewest tokens that its context must have.
const MIN_CONTEXT: usize = 8;

/// A model that turns sentences into vectors, loaded. It outlives its embedders.
#[derive(Debug)]
pub struct SentenceModel {
    pub(super) model: Model,
    /// What begins and ends each sequence.
    pub(super) ends: [Token; 2],
    path: PathBuf,
}

impl SentenceModel {
    /// Loads a GGUF file of architecture `bert` with its WordPiece vocabulary.
    ///
    /// # Errors
    /// [`EmbedError::Model`] for one that is something else, [`LlamaError::ModelLoad`] for one that cannot be loaded.
    pub fn load(path: &Path) -> Result<Self, EmbedError> {
        if !path.is_file() {
            let reason = "it is not a file".to_owned();
            return Err(LlamaError::ModelLoad { path: path.to_owned(), reason }.into());
        }
        let model = Model::load(Backend::init()?, path, ModelParams::default())?;
        let refuse = |reason: &str| EmbedError::Model { path: path.to_owned(), reason: reason.to_owned() };
        model.check_embeds()?;
        let ends = model.vocab().enclosing().ok_or_else(|| refuse("it has no tokens [CLS] and [SEP]"))?;
        if (model.n_ctx_train() as usize) < MIN_CONTEXT {
            return Err(refuse("its context is shorter than a sentence"));
        }
        Ok(Self { model, ends, path: path.to_owned() })
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Length of the vectors.
    pub fn n_embd(&self) -> usize {
        self.model.n_embd_out()
    }
}
