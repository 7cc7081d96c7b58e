//! Sentences as vectors: how alike in meaning two texts are.
//!
//! Done by a small encoder such as all-MiniLM-L6-v2 (`edgeinf model pull minilm`). Nothing needs it: without its file everything else
//! works, with words alone.

mod embedder;
mod error;
mod model;
mod pieces;
mod vector;

pub use embedder::{Embedder, MAX_PIECE};
pub use error::EmbedError;
pub use model::SentenceModel;
pub use vector::{Vector, cosine};
