//! A model that says what it was told to say, whatever it reads: each token knows the next one by heart.

use std::path::{Path, PathBuf};

use edgeinf::gguf::{GgufWriter, TensorData};

use super::zoo::byte_letters;

/// Size of a head, of which there is one.
const D: u32 = 32;

/// What comes behind the last word of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The end.
    Ends,
    /// The first word again.
    Again,
}

/// Writes a model into a directory. Its words have to differ from each other and have two bytes or more; without
/// any it ends at once.
///
/// A llama of one layer whose weights are zero: what goes in comes out, so that the embedding of a token, which is one in a place of its
/// own, meets the row of the token that is to follow.
pub fn scripted(dir: &Path, words: &[&str], then: Then) -> PathBuf {
    let end = 256 + words.len();
    let n_vocab = end + 1;
    let n_embd = n_vocab.next_multiple_of(D as usize);
    let mut tokens = byte_letters();
    let spelled: Vec<String> =
        words.iter().map(|word| word.bytes().map(|byte| tokens[byte as usize].as_str()).collect()).collect();
    tokens.extend(spelled);
    tokens.push("<|end|>".into());
    let types: Vec<i32> = (0..n_vocab).map(|token| if token < end { 1 } else { 3 }).collect();

    let mut w = GgufWriter::new();
    w.set("general.architecture", "llama");
    w.set("tokenizer.ggml.model", "gpt2");
    w.set("tokenizer.ggml.pre", "gpt-2");
    w.set("tokenizer.ggml.tokens", tokens);
    w.set("tokenizer.ggml.token_type", types);
    w.set("tokenizer.ggml.merges", Vec::<String>::new());
    for key in ["bos_token_id", "eos_token_id"] {
        w.set(format!("tokenizer.ggml.{key}"), end as u32);
    }
    let numbers = [
        ("block_count", 1),
        ("context_length", 4096),
        ("embedding_length", n_embd as u32),
        ("feed_forward_length", D),
        ("attention.head_count", n_embd as u32 / D),
        ("attention.head_count_kv", 1),
        ("rope.dimension_count", D),
    ];
    for (key, value) in numbers {
        w.set(format!("llama.{key}"), value);
    }
    w.set("llama.attention.layer_norm_rms_epsilon", 1e-5_f32);

    let follows = |token: usize| match token {
        // whatever was read, the script begins
        0..256 => 256,
        _ if token + 1 < end || then == Then::Ends => (token + 1).min(end),
        _ => 256,
    };
    let mut embedding = vec![0.0; n_embd * n_vocab];
    let mut output = embedding.clone();
    for token in 0..n_vocab {
        embedding[token * n_embd + token] = 1.0;
        output[follows(token) * n_embd + token] = 2.0;
    }
    let (e, v, d) = (n_embd as u64, n_vocab as u64, u64::from(D));
    let mut tensor = |name: &str, dims: &[u64], data| {
        w.tensor(name.to_owned(), dims, TensorData::F32(data));
    };
    tensor("token_embd.weight", &[e, v], embedding);
    tensor("output.weight", &[e, v], output);
    tensor("output_norm.weight", &[e], vec![1.0; n_embd]);
    for name in ["attn_norm", "ffn_norm"] {
        tensor(&format!("blk.0.{name}.weight"), &[e], vec![1.0; n_embd]);
    }
    let zero = [
        ("attn_q", [e, e]),
        ("attn_k", [e, d]),
        ("attn_v", [e, d]),
        ("attn_output", [e, e]),
        ("ffn_gate", [e, d]),
        ("ffn_up", [e, d]),
        ("ffn_down", [d, e]),
    ];
    for (name, dims) in zero {
        tensor(&format!("blk.0.{name}.weight"), &dims, vec![0.0; (dims[0] * dims[1]) as usize]);
    }
    let path = dir.join("scripted.gguf");
    w.write_to(&path).unwrap();
    path
}
