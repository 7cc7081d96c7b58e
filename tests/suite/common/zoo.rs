//! Tiny random models of architectures that are refused, or read in a special way. Each has the tensors that its loader
//! wants and no other, and a vocabulary of single bytes, so that the program can read text with it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use edgeinf::gguf::{GgufWriter, TensorData, Value};

use super::tiny::Rng;

/// Width of the embeddings, and of all heads together.
pub const E: u64 = 64;
/// Size of a head.
pub const D: u64 = 32;
/// Width of the feed-forward network.
const F: u64 = 32;
/// The bytes and a token that ends a text.
const N_VOCAB: u64 = 257;

/// A name within a layer and dimensions in the order of ggml.
type Tensors<'a> = &'a [(&'a str, &'a [u64])];

const NORMS: Tensors<'_> = &[("attn_norm.weight", &[E]), ("ffn_norm.weight", &[E])];
const POST_NORMS: Tensors<'_> = &[("post_attention_norm.weight", &[E]), ("post_ffw_norm.weight", &[E])];
const HEAD_NORMS: Tensors<'_> = &[("attn_q_norm.weight", &[D]), ("attn_k_norm.weight", &[D])];
const ATTENTION: Tensors<'_> = &[
    ("attn_q.weight", &[E, E]),
    ("attn_k.weight", &[E, D]),
    ("attn_v.weight", &[E, D]),
    ("attn_output.weight", &[E, E]),
];
const DENSE: Tensors<'_> = &[("ffn_gate.weight", &[E, F]), ("ffn_up.weight", &[E, F]), ("ffn_down.weight", &[F, E])];

/// The letters that GPT-2 writes for the 256 bytes.
pub fn byte_letters() -> Vec<String> {
    let plain = |byte: u32| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    let mut others = 256..;
    let letters = (0..256).map(|byte| if plain(byte) { byte } else { others.next().unwrap() });
    letters.map(|code| char::from_u32(code).unwrap().to_string()).collect()
}

/// A model that is being put together.
pub struct Zoo {
    arch: &'static str,
    label: String,
    n_layer: u32,
    keys: BTreeMap<String, Value>,
    tensors: Vec<(String, Vec<u64>)>,
}

impl Zoo {
    fn new(arch: &'static str, n_layer: u32) -> Self {
        let mut zoo = Self { arch, label: arch.into(), n_layer, keys: BTreeMap::new(), tensors: Vec::new() };
        zoo.keys.insert("general.architecture".into(), arch.into());
        zoo = zoo.byte_vocabulary();
        let numbers = [
            ("block_count", n_layer),
            ("context_length", 4096),
            ("embedding_length", E as u32),
            ("feed_forward_length", F as u32),
            ("attention.head_count", 2),
            ("attention.head_count_kv", 1),
            ("attention.key_length", D as u32),
            ("attention.value_length", D as u32),
            ("rope.dimension_count", D as u32),
        ];
        zoo = numbers.into_iter().fold(zoo, |zoo, (name, value)| zoo.key(name, value));
        zoo.key("attention.layer_norm_rms_epsilon", 1e-5_f32)
            .tensor("token_embd.weight", &[E, N_VOCAB])
            .tensor("output_norm.weight", &[E])
    }

    fn byte_vocabulary(mut self) -> Self {
        let mut tokens = byte_letters();
        tokens.push("<|end|>".into());
        let types: Vec<i32> = (0..N_VOCAB).map(|token| if token < 256 { 1 } else { 3 }).collect();
        let end = N_VOCAB as u32 - 1;
        let keys: [(&str, Value); 7] = [
            ("model", "gpt2".into()),
            ("pre", "gpt-2".into()),
            ("tokens", tokens.into()),
            ("token_type", types.into()),
            ("merges", Vec::<String>::new().into()),
            ("bos_token_id", end.into()),
            ("eos_token_id", end.into()),
        ];
        self.keys.extend(keys.map(|(name, value)| (format!("tokenizer.ggml.{name}"), value)));
        self
    }

    /// Sets a key of the architecture.
    fn key(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.keys.insert(format!("{}.{name}", self.arch), value.into());
        self
    }

    fn tensor(mut self, name: &str, dims: &[u64]) -> Self {
        self.tensors.push((name.into(), dims.into()));
        self
    }

    fn each_of(mut self, layers: Range<u32>, tensors: Tensors<'_>) -> Self {
        for il in layers {
            self.tensors.extend(tensors.iter().map(|(name, dims)| (format!("blk.{il}.{name}"), dims.to_vec())));
        }
        self
    }

    fn each(self, tensors: Tensors<'_>) -> Self {
        let layers = 0..self.n_layer;
        self.each_of(layers, tensors)
    }

    /// Tells variants of an architecture apart in messages of tests and names of files.
    fn called(mut self, label: &str) -> Self {
        self.label = format!("{}-{label}", self.arch);
        self
    }

    /// `general.architecture`.
    pub fn arch(&self) -> &'static str {
        self.arch
    }

    /// The architecture and the variant.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Writes the model into a directory and returns its path.
    pub fn write(&self, dir: &Path) -> PathBuf {
        let path = dir.join(format!("{}.gguf", self.label));
        let mut w = GgufWriter::new();
        for (key, value) in &self.keys {
            w.set(key.clone(), value.clone());
        }
        let mut rng = Rng(7);
        for (name, dims) in &self.tensors {
            let n = dims.iter().product::<u64>();
            // norms and biases lie around 1, decay below 0; the rest keeps the size of what goes through it
            let (centre, spread) = match dims.len() {
                1 => (1.0, 0.1),
                _ if name.ends_with("ssm_a") => (-1.0, 0.1),
                _ => (0.0, (3.0 / dims[0] as f32).sqrt()),
            };
            let data = (0..n).map(|_| centre + spread * rng.uniform()).collect();
            w.tensor(name.clone(), dims, TensorData::F32(data));
        }
        w.write_to(&path).unwrap();
        path
    }
}

/// What llama and architectures that only compute differently consist of.
pub fn like_llama(arch: &'static str, n_layer: u32) -> Zoo {
    Zoo::new(arch, n_layer).tensor("output.weight", &[E, N_VOCAB]).each(NORMS).each(ATTENTION).each(DENSE)
}

/// llama with a way to scale RoPE.
pub fn scaled(kind: &str) -> Zoo {
    like_llama("llama", 2).called(kind).key("rope.scaling.type", kind).key("rope.scaling.factor", 4.0_f32)
}

/// llama with an attention factor, as LongRoPE has it, and no other sign of scaling.
pub fn attention_factor() -> Zoo {
    like_llama("llama", 2).called("factor").key("rope.scaling.attn_factor", 1.2_f32)
}

/// Keys compressed into one latent vector; the legacy file expands them again before attention.
pub fn deepseek2(legacy: bool) -> Zoo {
    let zoo = Zoo::new("deepseek2", 2)
        .key("attention.q_lora_rank", 32_u32)
        .key("attention.kv_lora_rank", 32_u32)
        .key("rope.dimension_count", 16_u32)
        .key("expert_feed_forward_length", F as u32)
        .key("expert_shared_count", 0_u32)
        .key("leading_dense_block_count", 2_u32)
        .each(NORMS)
        .each(DENSE)
        .each(&[
            ("attn_q_a.weight", &[E, 32]),
            ("attn_q_a_norm.weight", &[32]),
            ("attn_q_b.weight", &[32, E]),
            ("attn_kv_a_mqa.weight", &[E, 32 + 16]),
            ("attn_kv_a_norm.weight", &[32]),
            ("attn_output.weight", &[E, E]),
        ]);
    if legacy {
        let expand = &[("attn_kv_b.weight", &[32, 2 * (16 + D)][..])];
        zoo.called("legacy").key("attention.head_count_kv", 2_u32).each(expand)
    } else {
        zoo.key("attention.key_length", 32 + 16_u32)
            .key("attention.value_length", 32_u32)
            .key("attention.key_length_mla", D as u32)
            .key("attention.value_length_mla", D as u32)
            .each(&[("attn_k_b.weight", &[16, 32, 2]), ("attn_v_b.weight", &[32, D, 2])])
    }
}

/// No attention at all.
pub fn mamba() -> Zoo {
    const INNER: u64 = 2 * E;
    Zoo::new("mamba", 2)
        .key("attention.head_count", 0_u32)
        .key("attention.head_count_kv", 0_u32)
        .key("feed_forward_length", 0_u32)
        .key("ssm.conv_kernel", 4_u32)
        .key("ssm.inner_size", INNER as u32)
        .key("ssm.state_size", 16_u32)
        .key("ssm.time_step_rank", 4_u32)
        .each(&[
            ("attn_norm.weight", &[E]),
            ("ssm_in.weight", &[E, 2 * INNER]),
            ("ssm_conv1d.weight", &[4, INNER]),
            ("ssm_conv1d.bias", &[INNER]),
            ("ssm_x.weight", &[INNER, 4 + 2 * 16]),
            ("ssm_dt.weight", &[4, INNER]),
            ("ssm_dt.bias", &[INNER]),
            ("ssm_a", &[16, INNER]),
            ("ssm_d", &[INNER]),
            ("ssm_out.weight", &[INNER, E]),
        ])
}

/// A layer of short convolution, then one of attention.
pub fn lfm2() -> Zoo {
    let mut zoo = Zoo::new("lfm2", 2)
        .key("attention.head_count_kv", vec![0_u32, 1])
        .key("shortconv.l_cache", 3_u32)
        .each(NORMS)
        .each(DENSE)
        .each_of(
            0..1,
            &[
                ("shortconv.conv.weight", &[3, E]),
                ("shortconv.in_proj.weight", &[E, 3 * E]),
                ("shortconv.out_proj.weight", &[E, E]),
            ],
        )
        .each_of(1..2, ATTENTION)
        .each_of(1..2, HEAD_NORMS);
    // its file has the last norm under another name
    zoo.tensors.iter_mut().filter(|(name, _)| name == "output_norm.weight").for_each(|t| {
        t.0 = "token_embd_norm.weight".into();
    });
    zoo
}

/// Every fourth layer without RoPE.
pub fn llama4() -> Zoo {
    like_llama("llama4", 4)
        .key("expert_count", 2_u32)
        .key("expert_used_count", 1_u32)
        .key("expert_feed_forward_length", F as u32)
        .key("interleave_moe_layer_step", 0_u32)
}

/// Every fourth layer without RoPE; only the 64 layers of the 32B model have a sliding window.
pub fn exaone4(n_layer: u32) -> Zoo {
    let zoo = Zoo::new("exaone4", n_layer).each(ATTENTION).each(DENSE).each(HEAD_NORMS).each(POST_NORMS);
    if n_layer == 64 { zoo.called("32b") } else { zoo }
}

/// Every fourth layer without RoPE.
pub fn afmoe() -> Zoo {
    Zoo::new("afmoe", 4)
        .key("leading_dense_block_count", 4_u32)
        .key("expert_feed_forward_length", F as u32)
        .key("expert_shared_count", 0_u32)
        .key("attention.sliding_window", 16_u32)
        .each(NORMS)
        .each(POST_NORMS)
        .each(HEAD_NORMS)
        .each(ATTENTION)
        .each(DENSE)
        .each(&[("attn_gate.weight", &[E, E])])
}

/// Every fourth layer without RoPE.
pub fn smallthinker() -> Zoo {
    Zoo::new("smallthinker", 4)
        .key("attention.sliding_window", 4096_u32)
        .key("expert_count", 2_u32)
        .key("expert_used_count", 1_u32)
        .key("expert_feed_forward_length", F as u32)
        .key("expert_gating_func", 2_u32)
        .each(NORMS)
        .each(ATTENTION)
        .each(&[
            ("ffn_gate_inp.weight", &[E, 2]),
            ("ffn_gate_exps.weight", &[E, F, 2]),
            ("ffn_down_exps.weight", &[F, E, 2]),
            ("ffn_up_exps.weight", &[E, F, 2]),
        ])
}

/// RoPE switched off by a key.
pub fn granite() -> Zoo {
    like_llama("granite", 2).key("logit_scale", 1.0_f32).key("rope.scaling.finetuned", false)
}

/// Norms of keys and queries after RoPE.
pub fn hunyuan() -> Zoo {
    Zoo::new("hunyuan-dense", 2).each(NORMS).each(ATTENTION).each(DENSE).each(HEAD_NORMS)
}

/// Positions in three directions.
pub fn qwen2vl() -> Zoo {
    like_llama("qwen2vl", 2).key("rope.dimension_sections", vec![4_i32, 6, 6, 0])
}

/// A pair of caches.
pub fn gemma2() -> Zoo {
    Zoo::new("gemma2", 2)
        .key("attention.sliding_window", 4096_u32)
        .each(NORMS)
        .each(POST_NORMS)
        .each(ATTENTION)
        .each(DENSE)
}

/// A pair of caches, of the only kind that is read. `sliding` says it of each layer.
pub fn gemma3(n_swa: u32, sliding: &[bool]) -> Zoo {
    let pattern: String = sliding.iter().map(|s| if *s { 's' } else { 'g' }).collect();
    Zoo::new("gemma3", sliding.len() as u32)
        .called(&format!("{n_swa}-{pattern}"))
        .key("attention.sliding_window", n_swa)
        .key("attention.sliding_window_pattern", sliding.to_vec())
        .key("rope.freq_base", GEMMA3_BASE as f32)
        .key("rope.freq_base_swa", GEMMA3_BASE_SLIDING as f32)
        .each(NORMS)
        .each(POST_NORMS)
        .each(HEAD_NORMS)
        .each(ATTENTION)
        .each(DENSE)
}

/// Base of RoPE in the layers of [`gemma3`] that see everything.
pub const GEMMA3_BASE: f64 = 1e5;
/// Base of RoPE in the layers of [`gemma3`] that slide.
pub const GEMMA3_BASE_SLIDING: f64 = 1e4;
