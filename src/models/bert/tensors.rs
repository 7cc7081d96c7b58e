//! The weights, under the names of llama.cpp.

use crate::gguf::{GgufWriter, TensorData};

use super::BertError;
use super::config::Config;
use super::safetensors::SafeTensors;

/// Linear maps and layer norms of a layer: the name there, the name in a GGUF file.
const LAYER: [(&str, &str); 8] = [
    ("attention.self.query", "attn_q"),
    ("attention.self.key", "attn_k"),
    ("attention.self.value", "attn_v"),
    ("attention.output.dense", "attn_output"),
    ("attention.output.LayerNorm", "attn_output_norm"),
    ("intermediate.dense", "ffn_up"),
    ("output.dense", "ffn_down"),
    ("output.LayerNorm", "layer_output_norm"),
];

/// Adds all tensors of the encoder, whose vocabulary has `n_tokens`. What comes after it (`pooler`) is for another task.
pub(super) fn copy(config: &Config, n_tokens: u64, from: &SafeTensors, to: &mut GgufWriter) -> Result<(), BertError> {
    let [n_embd, n_ff] = [config.hidden_size, config.intermediate_size].map(u64::from);
    let mut add = |theirs: &str, ours: &str, shape: &[u64], is_f16: bool| {
        let values = from.read(theirs, shape)?;
        let data = if is_f16 { TensorData::rounded_to_f16(&values) } else { TensorData::F32(values) };
        let dims: Vec<u64> = shape.iter().rev().copied().collect();
        to.tensor(ours, &dims, data);
        Ok::<_, BertError>(())
    };
    add("embeddings.word_embeddings.weight", "token_embd.weight", &[n_tokens, n_embd], true)?;
    // these two are added as they are, so they stay as they are
    for (theirs, ours, rows) in [
        ("embeddings.position_embeddings.weight", "position_embd.weight", config.max_position_embeddings),
        ("embeddings.token_type_embeddings.weight", "token_types.weight", config.type_vocab_size),
    ] {
        add(theirs, ours, &[rows.into(), n_embd], false)?;
    }
    for part in ["weight", "bias"] {
        add(&format!("embeddings.LayerNorm.{part}"), &format!("token_embd_norm.{part}"), &[n_embd], false)?;
    }
    for layer in 0..config.num_hidden_layers {
        for (theirs, ours) in LAYER {
            let [rows, columns] = match ours {
                "ffn_up" => [n_ff, n_embd],
                "ffn_down" => [n_embd, n_ff],
                _ => [n_embd, n_embd],
            };
            let name =
                |part: &str| (format!("encoder.layer.{layer}.{theirs}.{part}"), format!("blk.{layer}.{ours}.{part}"));
            let (weight, bias) = (name("weight"), name("bias"));
            let is_norm = ours.ends_with("norm");
            let shape: &[u64] = if is_norm { &[rows] } else { &[rows, columns] };
            add(&weight.0, &weight.1, shape, !is_norm)?;
            add(&bias.0, &bias.1, &[rows], false)?;
        }
    }
    Ok(())
}
