//! Real models, fetched once for each machine by this project's own `model pull`.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

use edgeinf::gguf::{Gguf, GgufWriter, TensorData};
use edgeinf::models::{Cache, Catalogue, PullOptions, pull};

/// The default model.
pub fn smollm2() -> PathBuf {
    pulled("smollm2-135m")
}

pub fn pulled(name: &str) -> PathBuf {
    let catalogue = Catalogue::builtin().unwrap();
    let interrupt = AtomicBool::new(false);
    let cache = Cache::from_env().unwrap();
    pull(catalogue.get(name).unwrap(), &PullOptions::new(&cache, &interrupt), &mut |_| {}).unwrap()
}

/// The first four of the default model's 30 layers, as if it had been trained with 2,048 tokens: seven times as fast, with the same
/// tokens and the same head. What it says makes no sense; it is for tests of what is done with a text, whatever is said about it.
pub fn shallow() -> String {
    static PATH: OnceLock<String> = OnceLock::new();
    PATH.get_or_init(|| cut(4, 2048).display().to_string()).clone()
}

/// The first eight of the default model's layers: nearly four times as fast, and in each layer all is as it is in the whole model.
pub fn eight_layers() -> String {
    static PATH: OnceLock<String> = OnceLock::new();
    PATH.get_or_init(|| cut(8, 8192).display().to_string()).clone()
}

fn cut(n_layer: u32, n_ctx: u32) -> PathBuf {
    let whole = Gguf::open(&smollm2()).unwrap();
    let mut file = File::open(whole.path()).unwrap();
    let mut w = GgufWriter::new();
    for key in whole.keys() {
        match key {
            "llama.block_count" => w.set(key, n_layer),
            "llama.context_length" => w.set(key, n_ctx),
            _ => w.set(key, whole.get(key).unwrap().clone()),
        };
    }
    for tensor in whole.tensors() {
        let layer = tensor.name.strip_prefix("blk.").and_then(|name| name.split('.').next()?.parse::<u32>().ok());
        if layer.is_none_or(|layer| layer < n_layer) {
            let mut bytes = vec![0; tensor.n_bytes as usize];
            file.seek(SeekFrom::Start(tensor.offset)).unwrap();
            file.read_exact(&mut bytes).unwrap();
            w.tensor(&tensor.name, &tensor.dims, TensorData::Raw { type_id: tensor.type_id, bytes });
        }
    }
    // takes the place of what another run left, at once
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("smollm2-{n_layer}-layers-{n_ctx}.gguf"));
    w.write_to(&path).unwrap();
    path
}
