//! A GGUF file of a sentence encoder, made of the files that its makers publish.
//!
//! The folder has `config.json`, `vocab.txt` (WordPiece) and `model.safetensors` of a model of transformers' class `BertModel`. What
//! comes out is what llama.cpp's own converter makes of them: the same names, keys and vocabulary, matrices in 16 bits and the rest in
//! 32. Sentences are embedded by the mean over their tokens, as sentence-transformers does it for the models that this program knows.
//! The same files give the same bytes, so that a checksum of the result checks all of them.

mod config;
mod error;
mod safetensors;
mod tensors;
#[cfg(test)]
pub(super) mod tests;
mod vocabulary;

pub use error::BertError;

use std::fs;
use std::path::Path;

use crate::gguf::{GgufWriter, Value};
use config::Config;
use safetensors::SafeTensors;

/// The files that are needed, with the most bytes that each may have.
pub(super) const FILES: [(&str, u64); 3] =
    [("config.json", 1 << 20), ("vocab.txt", 16 << 20), ("model.safetensors", 1 << 30)];

/// `general.file_type` of llama.cpp: matrices are F16.
const MOSTLY_F16: u32 = 1;
/// `pooling_type` of llama.cpp: the mean over all tokens.
const POOLING_MEAN: u32 = 1;

/// Makes the file `to` of the files in `folder`; `name` is what the model is called in it.
///
/// # Errors
/// [`BertError`].
pub(super) fn convert(folder: &Path, name: &str, to: &Path) -> Result<(), BertError> {
    let [config, vocabulary, weights] = FILES.map(|(file, _)| folder.join(file));
    let config = Config::parse(&read(&config)?)?;
    let tokens = vocabulary::tokens(&read(&vocabulary)?)?;
    let weights = SafeTensors::open(&weights)?;

    let mut out = GgufWriter::new();
    out.set("general.architecture", "bert").set("general.type", "model").set("general.name", name);
    out.set("general.file_type", MOSTLY_F16);
    for (key, value) in [
        ("context_length", config.max_position_embeddings),
        ("embedding_length", config.hidden_size),
        ("feed_forward_length", config.intermediate_size),
        ("block_count", config.num_hidden_layers),
        ("attention.head_count", config.num_attention_heads),
        ("pooling_type", POOLING_MEAN),
    ] {
        out.set(format!("bert.{key}"), value);
    }
    out.set("bert.attention.layer_norm_epsilon", config.layer_norm_eps).set("bert.attention.causal", false);
    out.set("tokenizer.ggml.model", "bert").set("tokenizer.ggml.token_type_count", config.type_vocab_size);
    let n_tokens = tokens.texts.len() as u64;
    for (key, id) in tokens.special {
        out.set(format!("tokenizer.ggml.{key}_token_id"), id);
    }
    out.set("tokenizer.ggml.tokens", tokens.texts).set("tokenizer.ggml.token_type", Value::from(tokens.kinds));
    tensors::copy(&config, n_tokens, &weights, &mut out)?;
    out.write_to(to)?;
    Ok(())
}

/// The text of one of the files.
fn read(path: &Path) -> Result<String, BertError> {
    fs::read_to_string(path).map_err(|cause| BertError::Read { file: file_name(path), cause })
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
