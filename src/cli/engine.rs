//! The model and gate that the arguments name, loaded.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::llama::{Backend, LlamaError, Model, ModelParams, set_fatal_exit_code};
use crate::memory::gate::{BuiltIn, Gate, GateSpec};
use crate::memory::policy::Shares;
use crate::memory::request::SizeRequest;
use crate::models::{Cache, Catalogue, cached_sha256};
use crate::threads::by_default;

use super::args::EngineArgs;
use super::exit::ExitStatus;
use super::printer::Printer;

/// A model that is ready to read, with its gate.
pub struct Engine {
    /// The model.
    pub model: Model,
    /// Its file.
    pub path: PathBuf,
    /// Whether a run may do without the gate.
    pub is_gate_offered: bool,
    /// The gate; that of the catalogue only after [`Engine::open_built_in`] or [`Engine::offer_built_in`].
    pub gate: Option<Gate>,
    /// Where it is from.
    pub gate_spec: Option<GateSpec>,
    /// Whether the catalogue says that a direct summary is read with it.
    is_gate_for_direct: bool,
    /// Whether attention is computed by the fused kernel, without which no tokens are retained.
    flash_attention: bool,
    /// Whether the user named it, and it is not only there because the catalogue has one for the model.
    pub is_gate_named: bool,
    /// Identifies the model; 0 if nobody asked.
    pub model_id: u64,
    /// Sizes of the cache.
    pub sizes: SizeRequest,
    /// Threads.
    pub threads: u32,
    /// Time that loading took.
    pub load_time: Duration,
}

impl Engine {
    /// Loads what the arguments name.
    pub fn load(args: &EngineArgs, printer: &mut Printer) -> Result<Self> {
        let cache = Cache::from_env()?;
        let resolved = cache.resolve(&Catalogue::builtin()?, &args.model)?;
        let begin = Instant::now();
        let backend = Backend::init()?;
        set_fatal_exit_code(ExitStatus::Model as i32);
        let params = ModelParams { n_gpu_layers: args.gpu_layers, ..ModelParams::default() };
        if !resolved.path.is_file() {
            let reason = "it is not a file".to_owned();
            return Err(LlamaError::ModelLoad { path: resolved.path, reason }.into());
        }
        let model = Model::load(backend, &resolved.path, params)?;
        set_fatal_exit_code(ExitStatus::Failure as i32);
        let load_time = begin.elapsed();
        // what was typed, else what the catalogue names for this model
        let entry = resolved.entry.as_ref().and_then(|entry| entry.gate.as_ref());
        let named = entry.and_then(|gate| BuiltIn::find(&gate.file));
        let (gate, model_id) = load_gate(args.gate.as_ref(), &model, &resolved.path, cache.dir(), printer)?;
        let flash_attention = !args.no_flash_attention;
        let shares = shares(gate.as_ref(), flash_attention);
        let gate_spec = args.gate.clone().or(named.map(GateSpec::BuiltIn));
        Ok(Self {
            path: resolved.path,
            gate,
            gate_spec,
            is_gate_named: args.gate.is_some(),
            is_gate_for_direct: entry.is_some_and(|gate| gate.direct),
            is_gate_offered: false,
            flash_attention,
            model_id,
            sizes: SizeRequest {
                sinks: args.sinks,
                window: args.window,
                segment: args.segment,
                retain: args.retain,
                budget: args.budget,
                queries: args.queries,
                shares,
            },
            threads: threads(args.threads)?,
            load_time,
            model,
        })
    }
}

impl Engine {
    /// Opens the gate that the catalogue has for the model, for a policy that needs one, if nobody named another.
    pub fn open_built_in(&mut self, printer: &mut Printer) -> Result<()> {
        if let (None, Some(GateSpec::BuiltIn(_))) = (&self.gate, &self.gate_spec) {
            let cache = Cache::from_env()?;
            (self.gate, self.model_id) =
                load_gate(self.gate_spec.as_ref(), &self.model, &self.path, cache.dir(), printer)?;
            self.sizes.shares = shares(self.gate.as_ref(), self.flash_attention);
        }
        Ok(())
    }

    /// The same for a direct summary, which can do without: it goes on with no gate if the catalogue does not say that this one serves it, if it
    /// is not for just this model file, has no scores, or cannot be looked at.
    pub fn offer_built_in(&mut self) {
        if !self.is_gate_for_direct {
            return;
        }
        let (None, Some(spec @ GateSpec::BuiltIn(_))) = (&self.gate, &self.gate_spec) else { return };
        let Ok(gate) = spec.open(&self.model.shape()) else { return };
        let Some(sha256) = Cache::from_env().ok().and_then(|cache| cached_sha256(&self.path, cache.dir()).ok()) else {
            return;
        };
        if gate.matches_base(&sha256) && !gate.scores.is_empty() {
            self.sizes.shares = shares(Some(&gate), self.flash_attention);
            self.model_id = model_id(&sha256);
            self.gate = Some(gate);
            self.is_gate_offered = true;
        }
    }
}

/// How the scores of a gate share out what stays; none where they cannot be used, since tokens are only retained with flash attention.
fn shares(gate: Option<&Gate>, flash_attention: bool) -> Option<Shares> {
    gate.filter(|_| flash_attention).and_then(Gate::shares)
}

fn model_id(sha256: &str) -> u64 {
    u64::from_str_radix(sha256.get(..16).unwrap_or_default(), 16).unwrap_or(0)
}

/// Those that were asked for, or what is used by default.
///
/// # Errors
/// [`crate::threads::BadThreads`], exit code 2.
pub fn threads(asked: Option<u32>) -> Result<u32> {
    match asked {
        Some(threads) => Ok(threads),
        None => Ok(by_default()?),
    }
}

fn load_gate(
    spec: Option<&GateSpec>,
    model: &Model,
    path: &Path,
    cache_dir: &Path,
    printer: &mut Printer,
) -> Result<(Option<Gate>, u64)> {
    let Some(spec) = spec else { return Ok((None, 0)) };
    // a model that no gate can serve is the better reason
    let gate = spec.open(&model.shape()).or_else(|error| {
        model.check_compaction()?;
        Err(anyhow::Error::from(error))
    })?;
    let sha256 = cached_sha256(path, cache_dir)?;
    if !gate.matches_base(&sha256) {
        printer.warn(&format!("the gate {spec} was fitted to another file than {}", path.display()));
    }
    Ok((Some(gate), model_id(&sha256)))
}
