//! Prints hashes of logits, so that builds can be compared bit by bit: `logits MODEL.gguf`.
//!
//! One line for each context and way of decoding: context, way, hash. `attached` is only there in a build with hooks.

#![allow(clippy::print_stdout)]

use std::path::Path;
use std::sync::Arc;

use edgeinf::llama::{
    Backend, CacheType, Compaction, Context, ContextParams, LlamaError, Logits, Model, ModelParams, NativeGate,
    built_in,
};
use edgeinf::memory::gate::{FeatureMap, Gate};

const BATCH: usize = 700;
const SINGLE: usize = 24;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: logits MODEL.gguf")?;
    let model = Model::load(Backend::init()?, Path::new(&path), ModelParams::default())?;
    let n_vocab = model.vocab().n_tokens() as u64;
    let tokens: Vec<i32> = (0..(BATCH + SINGLE) as u64).map(|i| (i * 7919 % n_vocab) as i32).collect();

    let mut contexts = vec![("unattached", Compaction::None)];
    if built_in() {
        let gate = Gate::random(&model.shape(), FeatureMap::Hedgehog, 128, 1)?;
        let gate = Some(NativeGate::new(&model, &gate)?);
        contexts.push(("attached", Compaction::Edgeinf { gate, n_front_max: 64, retain: None, model_id: 0 }));
    }
    for (name, compaction) in contexts {
        let params = ContextParams {
            n_cells: 1024,
            n_ubatch: 256,
            n_threads: 2,
            cache_type: CacheType::F16,
            flash_attention: true,
            n_outputs_max: 1,
            compaction,
            interrupt: Arc::default(),
            eval_callback: None,
        };
        let mut context = Context::new(&model, params)?;
        let (batch, single) = tokens.split_at(BATCH);
        println!("{name} batch {:016x}", hash(&mut context, batch.chunks(100))?);
        println!("{name} single {:016x}", hash(&mut context, single.chunks(1))?);
    }
    Ok(())
}

/// FNV-1a over the bits of the last logits of each part.
fn hash<'t>(context: &mut Context<'_>, parts: impl Iterator<Item = &'t [i32]>) -> Result<u64, LlamaError> {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        context.decode(part, Logits::Last)?;
        for byte in context.logits(-1)?.iter().flat_map(|x| x.to_bits().to_le_bytes()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
    Ok(hash)
}
