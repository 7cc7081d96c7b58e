//! Tests with a tiny model.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::convert;
use crate::gguf::Gguf;

const WORDS: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\n##s\n##";

/// The files of a model with one layer and a hidden state of 4.
pub(in crate::models) fn files() -> [(&'static str, Vec<u8>); 3] {
    [
        ("config.json", config().to_string().into()),
        ("vocab.txt", WORDS.into()),
        ("model.safetensors", weights(&shapes())),
    ]
}

fn config() -> Value {
    json!({"model_type": "bert", "hidden_act": "gelu", "hidden_size": 4, "intermediate_size": 6, "num_hidden_layers": 1,
        "num_attention_heads": 2, "max_position_embeddings": 9, "type_vocab_size": 2, "layer_norm_eps": 1e-12})
}

fn shapes() -> Vec<(String, Vec<usize>)> {
    let mut shapes = vec![
        ("embeddings.position_ids".to_owned(), vec![1, 9]),
        ("embeddings.word_embeddings.weight".to_owned(), vec![8, 4]),
        ("embeddings.position_embeddings.weight".to_owned(), vec![9, 4]),
        ("embeddings.token_type_embeddings.weight".to_owned(), vec![2, 4]),
    ];
    let mut both = |name: &str, weight: &[usize]| {
        shapes.push((format!("{name}.weight"), weight.to_vec()));
        shapes.push((format!("{name}.bias"), vec![weight[0]]));
    };
    both("embeddings.LayerNorm", &[4]);
    let layer = "encoder.layer.0.";
    for name in ["attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"] {
        both(&format!("{layer}{name}"), &[4, 4]);
    }
    both(&format!("{layer}intermediate.dense"), &[6, 4]);
    both(&format!("{layer}output.dense"), &[4, 6]);
    both(&format!("{layer}attention.output.LayerNorm"), &[4]);
    both(&format!("{layer}output.LayerNorm"), &[4]);
    both("pooler.dense", &[4, 4]);
    shapes
}

/// A file in which element i of tensor t is t + i / 16.
fn weights(shapes: &[(String, Vec<usize>)]) -> Vec<u8> {
    let mut header = serde_json::Map::new();
    header.insert("__metadata__".into(), json!({"format": "pt"}));
    let mut data: Vec<u8> = Vec::new();
    for (t, (name, shape)) in shapes.iter().enumerate() {
        let from = data.len();
        let n: usize = shape.iter().product();
        (0..n).for_each(|i| data.extend((t as f32 + i as f32 / 16.0).to_le_bytes()));
        header.insert(name.clone(), json!({"dtype": "F32", "shape": shape, "data_offsets": [from, data.len()]}));
    }
    let header = Value::Object(header).to_string();
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &data].concat()
}

fn put(folder: &Path, files: &[(&str, Vec<u8>)]) {
    files.iter().for_each(|(name, content)| fs::write(folder.join(name), content).unwrap());
}

#[test]
fn names_shapes_and_words_are_those_of_llama_cpp() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), &files());
    let [first, second] = ["a.gguf", "b.gguf"].map(|name| dir.path().join(name));
    convert(dir.path(), "tiny", &first).unwrap();
    convert(dir.path(), "tiny", &second).unwrap();
    assert_eq!(fs::read(&first).unwrap(), fs::read(&second).unwrap());

    let file = Gguf::open(&first).unwrap();
    assert_eq!(
        (file.get_str("general.architecture").unwrap(), file.get_str("general.name").unwrap()),
        ("bert", "tiny")
    );
    assert_eq!(
        file.get_strings("tokenizer.ggml.tokens").unwrap()[..7],
        ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "\u{2581}the", "s"]
    );
    assert_eq!(file.get_i32s("tokenizer.ggml.token_type").unwrap(), [3, 3, 3, 3, 3, 1, 1, 1]);
    for (key, expected) in [
        ("bert.context_length", 9),
        ("bert.feed_forward_length", 6),
        ("bert.attention.head_count", 2),
        ("bert.pooling_type", 1),
        ("tokenizer.ggml.token_type_count", 2),
        ("tokenizer.ggml.cls_token_id", 2),
        ("tokenizer.ggml.bos_token_id", 2),
        ("tokenizer.ggml.seperator_token_id", 3),
    ] {
        assert_eq!(file.get_u32(key).unwrap(), expected, "{key}");
    }
    assert!(!file.get_bool("bert.attention.causal").unwrap());
    // the pooler and the numbers of positions are left out
    assert_eq!(file.tensors().len(), 5 + 16);
    let down = file.tensor("blk.0.ffn_down.weight").unwrap();
    assert_eq!((down.dims.as_slice(), down.type_id), (&[6, 4][..], crate::gguf::F16));
    assert_eq!(file.tensor("position_embd.weight").unwrap().type_id, crate::gguf::F32);
    let down = file.tensor_f32("blk.0.ffn_down.weight").unwrap();
    // tensor 16 of the file
    assert_eq!((down[0], down[23]), (16.0, 16.0 + 23.0 / 16.0));
}

#[test]
fn odd_files_are_told_of_in_a_line() {
    let cut = |n: usize| weights(&shapes())[..n].to_vec();
    let with = |at: usize, name: &str, shape: &[usize]| {
        let mut shapes = shapes();
        shapes[at] = (name.to_owned(), shape.to_vec());
        weights(&shapes)
    };
    let config_with = |key: &str, value: Value| {
        let mut config = config();
        config[key] = value;
        config.to_string().into_bytes()
    };
    let mut huge = weights(&shapes());
    huge[7] = 0xff;
    let cases: [(&str, Vec<u8>, &str); 17] = [
        ("config.json", b"{".to_vec(), "config.json: EOF"),
        ("config.json", b"{}".to_vec(), "config.json: missing field"),
        ("config.json", vec![0xff], "config.json cannot be read: "),
        (
            "config.json",
            config_with("model_type", "gpt2\n".into()),
            "model_type is 'gpt2\\n', and only 'bert' is known",
        ),
        ("config.json", config_with("hidden_act", "relu".into()), "hidden_act is 'relu'"),
        ("config.json", config_with("hidden_size", 0.into()), "its sizes are those of no model"),
        ("config.json", config_with("num_attention_heads", 3.into()), "its sizes are those of no model"),
        (
            "config.json",
            config_with("num_hidden_layers", 2.into()),
            "encoder.layer.1.attention.self.query.weight' is missing",
        ),
        ("vocab.txt", b"the\nthe".to_vec(), "vocab.txt: 'the' stands there twice"),
        ("vocab.txt", b"[PAD]\nthe".to_vec(), "vocab.txt: [UNK] is missing"),
        ("vocab.txt", format!("{WORDS}\nmore").into(), "is F32 [8, 4], and should be F32 [9, 4]"),
        ("model.safetensors", cut(5), "it has no header"),
        ("model.safetensors", cut(20), "its header does not fit"),
        ("model.safetensors", huge, "its header does not fit"),
        ("model.safetensors", cut(weights(&shapes()).len() - 1), "the tensor 'pooler.dense.bias' is not in it"),
        ("model.safetensors", with(1, "embeddings.word_embeddings.weight", &[4, 8]), "should be F32 [8, 4]"),
        ("model.safetensors", with(4, "x", &[4]), "embeddings.LayerNorm.weight' is missing"),
    ];
    for (name, content, expected) in cases {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), &files());
        put(dir.path(), &[(name, content)]);
        let to = dir.path().join("a.gguf");
        let message = convert(dir.path(), "tiny", &to).unwrap_err().to_string();
        assert!(message.contains(expected) && message.lines().count() == 1, "{expected}: {message}");
        assert!(!to.exists());
    }
}
