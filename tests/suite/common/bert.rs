//! A tiny random encoder, and what it should give, once more in plain Rust.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use edgeinf::gguf::{GgufWriter, TensorData, Value};

use super::tiny::Rng;

const N_LAYER: usize = 2;
const N_HEAD: usize = 4;
const N_EMBD: usize = 32;
const N_FF: usize = 64;
const N_CTX: usize = 64;
const EPSILON: f64 = 1e-12;

/// Words of its vocabulary, behind the five tokens that steer; `##` goes on with a word.
const WORDS: [&str; 11] = ["the", "harbour", "of", "brell", "was", "open", "##ed", "##s", "in", "1842", "."];

/// A model with random weights.
pub struct TinyBert {
    weights: HashMap<String, Vec<f32>>,
}

impl TinyBert {
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng(seed);
        let mut weights = HashMap::new();
        let mut add = |name: String, n: usize, around: f32, scale: f32| {
            weights.insert(name, (0..n).map(|_| around + scale * rng.uniform()).collect::<Vec<f32>>());
        };
        for (name, rows) in [("token_embd", 5 + WORDS.len()), ("position_embd", N_CTX), ("token_types", 2)] {
            add(format!("{name}.weight"), rows * N_EMBD, 0.0, 1.0);
        }
        add("token_embd_norm.weight".into(), N_EMBD, 1.0, 0.1);
        add("token_embd_norm.bias".into(), N_EMBD, 0.0, 0.1);
        for il in 0..N_LAYER {
            for (name, rows, columns) in Self::maps() {
                let scale = 1.5 * (3.0 / columns as f32).sqrt();
                add(format!("blk.{il}.{name}.weight"), rows * columns, 0.0, scale);
                add(format!("blk.{il}.{name}.bias"), rows, 0.0, 0.1);
            }
            for name in ["attn_output_norm", "layer_output_norm"] {
                add(format!("blk.{il}.{name}.weight"), N_EMBD, 1.0, 0.1);
                add(format!("blk.{il}.{name}.bias"), N_EMBD, 0.0, 0.1);
            }
        }
        Self { weights }
    }

    /// Linear maps of a layer: name, rows, columns.
    fn maps() -> [(&'static str, usize, usize); 6] {
        [
            ("attn_q", N_EMBD, N_EMBD),
            ("attn_k", N_EMBD, N_EMBD),
            ("attn_v", N_EMBD, N_EMBD),
            ("attn_output", N_EMBD, N_EMBD),
            ("ffn_up", N_FF, N_EMBD),
            ("ffn_down", N_EMBD, N_FF),
        ]
    }

    /// Writes it as GGUF; `edit` may change or add keys.
    pub fn write(&self, path: &Path, edit: impl FnOnce(&mut GgufWriter)) -> PathBuf {
        let mut w = GgufWriter::new();
        w.set("general.architecture", "bert");
        for (key, value) in [
            ("context_length", N_CTX),
            ("embedding_length", N_EMBD),
            ("feed_forward_length", N_FF),
            ("block_count", N_LAYER),
            ("attention.head_count", N_HEAD),
        ] {
            w.set(format!("bert.{key}"), value as u32);
        }
        w.set("bert.attention.layer_norm_epsilon", EPSILON as f32).set("bert.attention.causal", false);
        let texts = WORDS.iter().map(|word| match word.strip_prefix("##") {
            Some(rest) => rest.to_owned(),
            None => format!("\u{2581}{word}"),
        });
        let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map(str::to_owned);
        let texts: Vec<String> = special.into_iter().chain(texts).collect();
        let kinds: Vec<i32> = (0..texts.len()).map(|i| if i < 5 { 3 } else { 1 }).collect();
        w.set("tokenizer.ggml.model", "bert").set("tokenizer.ggml.token_type_count", 2_u32);
        for (key, id) in [("padding", 0_u32), ("unknown", 1), ("cls", 2), ("bos", 2), ("seperator", 3), ("mask", 4)] {
            w.set(format!("tokenizer.ggml.{key}_token_id"), id);
        }
        w.set("tokenizer.ggml.tokens", texts).set("tokenizer.ggml.token_type", Value::from(kinds));
        let mut names: Vec<&String> = self.weights.keys().collect();
        names.sort();
        for name in names {
            let values = &self.weights[name];
            let columns = if name.contains("ffn_down.weight") { N_FF } else { N_EMBD };
            let is_matrix = name.ends_with("weight") && !name.contains("norm");
            let dims = if is_matrix {
                vec![columns as u64, (values.len() / columns) as u64]
            } else {
                vec![values.len() as u64]
            };
            w.tensor(name.clone(), &dims, TensorData::F32(values.clone()));
        }
        edit(&mut w);
        w.write_to(path).unwrap();
        path.to_owned()
    }

    /// The mean over the tokens of what comes out, of length 1. Tokens as they are counted above, with those that enclose them.
    pub fn embed(&self, tokens: &[usize]) -> Vec<f64> {
        let row = |name: &str, i: usize| -> Vec<f64> {
            self.weights[name][i * N_EMBD..(i + 1) * N_EMBD].iter().map(|&x| x.into()).collect()
        };
        let input = tokens.iter().enumerate().map(|(position, &token)| {
            let parts =
                [row("token_embd.weight", token), row("position_embd.weight", position), row("token_types.weight", 0)];
            (0..N_EMBD).map(|i| parts.iter().map(|part| part[i]).sum()).collect::<Vec<f64>>()
        });
        let mut x: Vec<Vec<f64>> = input.map(|x| self.norm("token_embd_norm", &x)).collect();
        for il in 0..N_LAYER {
            let map = |name: &str, x: &[f64]| self.map(&format!("blk.{il}.{name}"), x);
            let norm = |name: &str, x: &[f64]| self.norm(&format!("blk.{il}.{name}"), x);
            let [q, k, v] =
                ["attn_q", "attn_k", "attn_v"].map(|name| x.iter().map(|x| map(name, x)).collect::<Vec<_>>());
            let attended: Vec<Vec<f64>> = (0..x.len()).map(|t| attend(&q[t], &k, &v)).collect();
            x = x
                .iter()
                .zip(&attended)
                .map(|(x, attended)| {
                    let x = norm("attn_output_norm", &sum(x, &map("attn_output", attended)));
                    let inner: Vec<f64> = map("ffn_up", &x).into_iter().map(gelu).collect();
                    norm("layer_output_norm", &sum(&x, &map("ffn_down", &inner)))
                })
                .collect();
        }
        let mean: Vec<f64> = (0..N_EMBD).map(|i| x.iter().map(|x| x[i]).sum()).collect();
        let length = mean.iter().map(|x| x * x).sum::<f64>().sqrt();
        mean.iter().map(|x| x / length).collect()
    }

    fn map(&self, name: &str, x: &[f64]) -> Vec<f64> {
        let rows = self.weights[&format!("{name}.weight")].chunks(x.len());
        let product = |row: &[f32]| row.iter().zip(x).map(|(&w, x)| f64::from(w) * x).sum::<f64>();
        rows.zip(&self.weights[&format!("{name}.bias")]).map(|(row, &bias)| product(row) + f64::from(bias)).collect()
    }

    fn norm(&self, name: &str, x: &[f64]) -> Vec<f64> {
        let n = x.len() as f64;
        let mean = x.iter().sum::<f64>() / n;
        let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
        let (weight, bias) = (&self.weights[&format!("{name}.weight")], &self.weights[&format!("{name}.bias")]);
        let scaled = x.iter().map(|x| (x - mean) / (variance + EPSILON).sqrt());
        scaled.zip(weight.iter().zip(bias)).map(|(x, (&w, &b))| x * f64::from(w) + f64::from(b)).collect()
    }
}

/// Attention of a token over all, head by head.
fn attend(q: &[f64], k: &[Vec<f64>], v: &[Vec<f64>]) -> Vec<f64> {
    let d = N_EMBD / N_HEAD;
    let mut out = vec![0.0; N_EMBD];
    for head in 0..N_HEAD {
        let part = head * d..(head + 1) * d;
        let dot = |k: &Vec<f64>| q[part.clone()].iter().zip(&k[part.clone()]).map(|(q, k)| q * k).sum::<f64>();
        let weights: Vec<f64> = k.iter().map(|k| (dot(k) / (d as f64).sqrt()).exp()).collect();
        let all: f64 = weights.iter().sum();
        for (weight, v) in weights.iter().zip(v) {
            part.clone().for_each(|i| out[i] += weight / all * v[i]);
        }
    }
    out
}

fn sum(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

/// As llama.cpp approximates it.
fn gelu(x: f64) -> f64 {
    0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3))).tanh())
}
