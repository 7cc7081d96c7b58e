//! The frozen model: what its GGUF holds, in 32-bit floats.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use candle_core::quantized::gguf_file::Content;
use candle_core::{Device, Tensor};

use super::error::TrainError;
use super::tensors::floats;
use crate::gguf::{Gguf, Value};
use crate::memory::gate::{LayerShape, ModelShape};

/// Architectures whose layers are computed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// llama.cpp's `llama`: RoPE turns neighbours.
    Llama,
    /// `qwen2`: biases of queries, keys and values; RoPE turns halves.
    Qwen2,
    /// `qwen3`: norms of queries and keys; RoPE turns halves.
    Qwen3,
}

/// Sizes and constants of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Which layers it has.
    pub architecture: Architecture,
    /// Layers.
    pub n_layer: usize,
    /// Elements of a hidden state.
    pub n_embd: usize,
    /// Query heads.
    pub n_head: usize,
    /// KV heads.
    pub n_head_kv: usize,
    /// Elements of a query, key or value of one head.
    pub d_head: usize,
    /// Elements of it that RoPE turns.
    pub n_rot: usize,
    /// Base of the frequencies of RoPE.
    pub rope_base: f64,
    /// What a norm adds to the mean square.
    pub eps: f32,
    /// Tokens that the model was trained with.
    pub n_ctx_train: usize,
}

/// One layer. Matrices are `[out, in]`, as in the file.
#[derive(Debug)]
pub struct Layer {
    /// `[n_embd]`
    pub attn_norm: Vec<f32>,
    /// Queries, keys and values one below the other: `[(n_head + 2 n_head_kv) d_head, n_embd]`.
    pub wqkv: Tensor,
    /// Their biases, with `qwen2`.
    pub bias: Option<Vec<f32>>,
    /// `[d_head]` for queries and for keys, with `qwen3`.
    pub head_norms: Option<[Vec<f32>; 2]>,
    /// `[n_embd, n_head d_head]`
    pub wo: Tensor,
    /// `[n_embd]`
    pub ffn_norm: Vec<f32>,
    /// Gate and up one below the other: `[2 n_ff, n_embd]`.
    pub w_gate_up: Tensor,
    /// `[n_embd, n_ff]`
    pub w_down: Tensor,
}

/// The model.
#[derive(Debug)]
pub struct Frozen {
    /// Its sizes.
    pub config: Config,
    /// `[n_vocab, n_embd]`
    pub embedding: Tensor,
    /// Its layers.
    pub layers: Vec<Layer>,
    /// `[n_embd]`
    pub output_norm: Vec<f32>,
    /// `[n_vocab, n_embd]`: the embedding where the file has nothing else.
    pub output: Tensor,
    /// What divides the frequencies of RoPE, in files that say so.
    pub rope_factors: Option<Vec<f32>>,
}

impl Frozen {
    /// Reads and dequantizes a model.
    ///
    /// # Errors
    /// [`TrainError::Unsupported`], [`TrainError::Tensor`], [`TrainError::Gguf`].
    pub fn load(path: &Path) -> Result<Self, TrainError> {
        let config = Config::of(&Gguf::open(path)?, path)?;
        let mut reader = Reader::open(path)?;
        let c = &config;
        let (n_qkv, n_embd) = ((c.n_head + 2 * c.n_head_kv) * c.d_head, c.n_embd);
        let embedding = reader.matrix("token_embd.weight", None, n_embd)?;
        let n_vocab = embedding.dim(0)?;
        let mut layers = Vec::with_capacity(c.n_layer);
        for il in 0..c.n_layer {
            let name = |part: &str| format!("blk.{il}.{part}");
            let mut stack = |parts: &[&str], rows: Option<usize>| -> Result<Tensor, TrainError> {
                let parts: Result<Vec<_>, _> =
                    parts.iter().map(|part| reader.matrix(&name(part), None, n_embd)).collect();
                let stacked = Tensor::cat(&parts?, 0)?;
                match rows {
                    Some(rows) if stacked.dim(0)? != rows => {
                        let detail = format!("and those beside it have {} rows, expected {rows}", stacked.dim(0)?);
                        Err(TrainError::Tensor { path: path.to_owned(), tensor: name("attn_q.weight"), detail })
                    }
                    _ => Ok(stacked),
                }
            };
            let wqkv = stack(&["attn_q.weight", "attn_k.weight", "attn_v.weight"], Some(n_qkv))?;
            let w_gate_up = stack(&["ffn_gate.weight", "ffn_up.weight"], None)?;
            let n_ff = w_gate_up.dim(0)? / 2;
            let bias = match c.architecture {
                Architecture::Qwen2 => {
                    let mut bias = reader.vector(&name("attn_q.bias"), c.n_head * c.d_head)?;
                    bias.extend(reader.vector(&name("attn_k.bias"), c.n_head_kv * c.d_head)?);
                    bias.extend(reader.vector(&name("attn_v.bias"), c.n_head_kv * c.d_head)?);
                    Some(bias)
                }
                _ => None,
            };
            let head_norms = match c.architecture {
                Architecture::Qwen3 => Some([
                    reader.vector(&name("attn_q_norm.weight"), c.d_head)?,
                    reader.vector(&name("attn_k_norm.weight"), c.d_head)?,
                ]),
                _ => None,
            };
            layers.push(Layer {
                attn_norm: reader.vector(&name("attn_norm.weight"), n_embd)?,
                wqkv,
                bias,
                head_norms,
                wo: reader.matrix(&name("attn_output.weight"), Some(n_embd), c.n_head * c.d_head)?,
                ffn_norm: reader.vector(&name("ffn_norm.weight"), n_embd)?,
                w_gate_up,
                w_down: reader.matrix(&name("ffn_down.weight"), Some(n_embd), n_ff)?,
            });
        }
        let output_norm = reader.vector("output_norm.weight", n_embd)?;
        let output = if reader.has("output.weight") {
            reader.matrix("output.weight", Some(n_vocab), n_embd)?
        } else {
            embedding.clone()
        };
        let rope_factors =
            reader.has("rope_freqs.weight").then(|| reader.vector("rope_freqs.weight", c.n_rot / 2)).transpose()?;
        Ok(Self { config, embedding, layers, output_norm, output, rope_factors })
    }

    /// Tokens that the model knows.
    pub fn n_vocab(&self) -> usize {
        self.embedding.dims().first().copied().unwrap_or(0)
    }
}

impl Config {
    /// Bytes of the keys and values of a token in all layers, in 16 bits.
    pub fn kv_bytes(&self) -> usize {
        4 * self.n_layer * self.n_head_kv * self.d_head
    }

    /// Reads the keys of a model.
    fn of(gguf: &Gguf, path: &Path) -> Result<Self, TrainError> {
        let unsupported = |detail: String| TrainError::Unsupported { path: path.to_owned(), detail };
        let name = gguf.get_str("general.architecture")?;
        let architecture = match name {
            "llama" => Architecture::Llama,
            "qwen2" => Architecture::Qwen2,
            "qwen3" => Architecture::Qwen3,
            other => return Err(unsupported(format!("its architecture is '{}'", other.escape_debug()))),
        };
        let key = |key: &str| format!("{name}.{key}");
        let number = |part: &str| match gguf.get(&key(part)) {
            Some(Value::Array(_)) => Err(unsupported(format!("its layers differ in {}", key(part)))),
            _ => Ok(gguf.get_u32(&key(part))? as usize),
        };
        let number_or = |part: &str, default: usize| {
            if gguf.get(&key(part)).is_some() { number(part) } else { Ok(default) }
        };
        if gguf.get(&key("rope.scaling.type")).is_some_and(|kind| *kind != Value::String("none".into())) {
            return Err(unsupported("it scales the positions of RoPE".into()));
        }
        if number_or("expert_count", 0)? > 0 {
            return Err(unsupported("it is a mixture of experts".into()));
        }
        let (n_embd, n_head) = (number("embedding_length")?, number("attention.head_count")?.max(1));
        let n_head_kv = number_or("attention.head_count_kv", n_head)?.max(1);
        let d_head = number_or("attention.key_length", n_embd / n_head)?;
        let n_rot = number_or("rope.dimension_count", d_head)?;
        let rope_base = match gguf.get(&key("rope.freq_base")) {
            Some(_) => f64::from(gguf.get_f32(&key("rope.freq_base"))?),
            None => 10_000.0,
        };
        if number_or("attention.value_length", d_head)? != d_head {
            return Err(unsupported("its keys and values have different lengths".into()));
        }
        if n_head % n_head_kv != 0 || n_rot > d_head || n_rot % 2 != 0 || d_head == 0 {
            return Err(unsupported(format!("it has {n_head} heads of {d_head} elements for {n_head_kv} KV heads")));
        }
        Ok(Self {
            architecture,
            n_layer: number("block_count")?,
            n_embd,
            n_head,
            n_head_kv,
            d_head,
            n_rot,
            rope_base,
            eps: gguf.get_f32(&key("attention.layer_norm_rms_epsilon"))?,
            n_ctx_train: number("context_length")?,
        })
    }

    /// What a gate is checked against.
    pub fn shape(&self) -> ModelShape {
        let (n_head, n_head_kv, d) = (self.n_head as u32, self.n_head_kv as u32, self.d_head as u32);
        let architecture = match self.architecture {
            Architecture::Llama => "llama",
            Architecture::Qwen2 => "qwen2",
            Architecture::Qwen3 => "qwen3",
        };
        ModelShape {
            architecture: architecture.into(),
            n_layer: self.n_layer as u32,
            layers: vec![LayerShape { n_head, n_head_kv, d_k: d, d_v: d }; self.n_layer],
        }
    }
}

/// candle's view of the file.
struct Reader {
    path: PathBuf,
    file: BufReader<File>,
    content: Content,
}

impl Reader {
    fn open(path: &Path) -> Result<Self, TrainError> {
        let io = |cause| TrainError::Io { action: "read", path: path.to_owned(), cause };
        let mut file = BufReader::new(File::open(path).map_err(io)?);
        let content = Content::read(&mut file)?;
        Ok(Self { path: path.to_owned(), file, content })
    }

    fn has(&self, name: &str) -> bool {
        self.content.tensor_infos.contains_key(name)
    }

    fn tensor(&mut self, name: &str) -> Result<Tensor, TrainError> {
        let read = self.content.tensor(&mut self.file, name, &Device::Cpu);
        read.and_then(|tensor| tensor.dequantize(&Device::Cpu)).map_err(|error| self.wrong(name, error.to_string()))
    }

    fn wrong(&self, name: &str, detail: String) -> TrainError {
        TrainError::Tensor { path: self.path.clone(), tensor: name.to_owned(), detail }
    }

    /// `[rows, columns]`; any number of rows if there is no number.
    fn matrix(&mut self, name: &str, rows: Option<usize>, columns: usize) -> Result<Tensor, TrainError> {
        let tensor = self.tensor(name)?;
        match *tensor.dims() {
            [m, n] if n == columns && rows.is_none_or(|rows| rows == m) => Ok(tensor),
            ref dims => Err(self.wrong(name, format!("has the shape {dims:?}, expected rows of {columns}"))),
        }
    }

    fn vector(&mut self, name: &str, n: usize) -> Result<Vec<f32>, TrainError> {
        let values = floats(&self.tensor(name)?)?;
        if values.len() == n {
            return Ok(values);
        }
        Err(self.wrong(name, format!("has {} elements, expected {n}", values.len())))
    }
}
