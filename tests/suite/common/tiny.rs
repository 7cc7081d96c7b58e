//! Random models without a vocabulary, small enough to be built and run in a test.

use std::path::PathBuf;

use edgeinf::gguf::{GgufWriter, TensorData};

/// splitmix64
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in [-1, 1).
    pub fn uniform(&mut self) -> f32 {
        ((self.next() >> 40) as f32 / (1_u64 << 23) as f32) - 1.0
    }
}

/// Shape of a tiny model.
#[derive(Debug, Clone, Copy)]
pub struct Tiny {
    pub arch: &'static str,
    pub n_layer: u32,
    pub n_head: u32,
    pub n_head_kv: u32,
    pub d: u32,
    pub n_vocab: u32,
    /// As far as it says that it was trained.
    pub n_ctx: u32,
    pub seed: u64,
    /// The only layer whose attention has a say, if there is one: what a token does to others it does there.
    pub attends: Option<u32>,
}

impl Tiny {
    pub fn new(arch: &'static str) -> Self {
        Self { arch, n_layer: 2, n_head: 4, n_head_kv: 2, d: 64, n_vocab: 256, n_ctx: 32768, seed: 1, attends: None }
    }

    /// Writes the model into cargo's directory for such things and returns its path.
    pub fn write(self) -> PathBuf {
        let Self { arch, n_layer, n_head, n_head_kv, d, n_vocab, n_ctx, seed, attends } = self;
        let only = attends.map_or(String::new(), |il| format!("-only{il}"));
        let name = format!(
            "tiny-{arch}-{n_layer}-{n_head}-{n_head_kv}-{d}-{n_vocab}-{n_ctx}-{seed}{only}-{}.gguf",
            std::process::id()
        );
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        // qwen2 wants n_embd = n_head * d, the others should not depend on it
        let n_embd = if arch == "qwen2" { n_head * d } else { 128 };
        let n_ff = 256_u32;
        let mut w = GgufWriter::new();
        w.set("general.architecture", arch.to_string());
        w.set("tokenizer.ggml.model", "none".to_string());
        let mut number = |key: &str, value: u32| {
            w.set(format!("{arch}.{key}"), value);
        };
        number("block_count", n_layer);
        number("context_length", n_ctx);
        number("embedding_length", n_embd);
        number("feed_forward_length", n_ff);
        number("attention.head_count", n_head);
        number("attention.head_count_kv", n_head_kv);
        number("attention.key_length", d);
        number("attention.value_length", d);
        number("rope.dimension_count", d);
        number("vocab_size", n_vocab);
        w.set(format!("{arch}.rope.freq_base"), 1e5_f32);
        w.set(format!("{arch}.attention.layer_norm_rms_epsilon"), 1e-5_f32);

        let mut rng = Rng(seed);
        // scale 1.5: attention that is neither uniform nor a single token
        let mut matrix = |w: &mut GgufWriter, name: String, rows: u32, columns: u32| {
            let scale = 1.5 * (3.0 / columns as f32).sqrt();
            let data = (0..rows * columns).map(|_| scale * rng.uniform()).collect();
            w.tensor(name, &[columns.into(), rows.into()], TensorData::F32(data));
        };
        let vector = |w: &mut GgufWriter, name: String, n: u32, around: f32| {
            let mut rng = Rng(u64::from(n) + name.len() as u64);
            let data = (0..n).map(|_| around + 0.1 * rng.uniform()).collect();
            w.tensor(name, &[n.into()], TensorData::F32(data));
        };
        matrix(&mut w, "token_embd.weight".into(), n_vocab, n_embd);
        matrix(&mut w, "output.weight".into(), n_vocab, n_embd);
        vector(&mut w, "output_norm.weight".into(), n_embd, 1.0);
        for il in 0..n_layer {
            let t = |name: &str| format!("blk.{il}.{name}");
            vector(&mut w, t("attn_norm.weight"), n_embd, 1.0);
            vector(&mut w, t("ffn_norm.weight"), n_embd, 1.0);
            matrix(&mut w, t("attn_q.weight"), n_head * d, n_embd);
            matrix(&mut w, t("attn_k.weight"), n_head_kv * d, n_embd);
            matrix(&mut w, t("attn_v.weight"), n_head_kv * d, n_embd);
            if attends.is_none_or(|layer| layer == il) {
                matrix(&mut w, t("attn_output.weight"), n_embd, n_head * d);
            } else {
                let zeros = vec![0.0; (n_embd * n_head * d) as usize];
                w.tensor(t("attn_output.weight"), &[(n_head * d).into(), n_embd.into()], TensorData::F32(zeros));
            }
            matrix(&mut w, t("ffn_gate.weight"), n_ff, n_embd);
            matrix(&mut w, t("ffn_up.weight"), n_ff, n_embd);
            matrix(&mut w, t("ffn_down.weight"), n_embd, n_ff);
            if arch == "qwen2" {
                vector(&mut w, t("attn_q.bias"), n_head * d, 0.0);
                vector(&mut w, t("attn_k.bias"), n_head_kv * d, 0.0);
                vector(&mut w, t("attn_v.bias"), n_head_kv * d, 0.0);
            }
            if arch == "qwen3" {
                vector(&mut w, t("attn_q_norm.weight"), d, 1.0);
                vector(&mut w, t("attn_k_norm.weight"), d, 1.0);
            }
        }
        w.write_to(&path).unwrap();
        path
    }
}
