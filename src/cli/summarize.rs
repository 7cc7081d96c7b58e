//! `edgeinf summarize`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::input::{Source, TokenStream};
use crate::llama::{Backend, LlamaError, Model, ModelParams, SamplerParams, set_fatal_exit_code};
use crate::memory::gate::{Gate, GateSpec};
use crate::memory::policy::WindowSizes;
use crate::models::{Cache, Catalogue, ResolvedModel, cached_sha256};
use crate::report::memory::peak_rss_bytes;
use crate::report::statistics::{Run, Statistics};
use crate::summary::direct::{Event, Settings, summarize};
use crate::summary::prompt::Instructions;

use super::args::{EngineArgs, SummarizeArgs};
use super::exit::ExitStatus;
use super::printer::{Printer, Unit};

/// Reads a document, prints its summary and what it cost.
pub fn run(
    args: &SummarizeArgs,
    printer: &mut Printer,
    interrupt: &Arc<AtomicBool>,
    start: Instant,
) -> Result<ExitStatus> {
    // the document first: its faults are cheap to find
    let source = Source::open(&args.file, interrupt)?;
    let total_bytes = source.total_bytes();
    let engine = Engine::load(&args.engine, printer)?;
    let mut document = TokenStream::new(source, engine.model.vocab(), Arc::clone(interrupt))?;
    let settings = Settings {
        policy: args.policy.policy(),
        sizes: engine.sizes,
        cache_type: args.engine.cache_type.into(),
        flash_attention: !args.engine.no_flash_attention,
        threads: engine.threads,
        max_tokens: args.max_tokens,
        max_memory: args.max_memory,
        gate: engine.gate,
        model_id: engine.model_id,
        instructions: Instructions::default(),
        sampler: SamplerParams::default(),
    };

    let before = start.elapsed();
    let mut write_error = None;
    let mut wrote = false;
    let outcome = summarize(&engine.model, &mut document, settings, interrupt, &mut |event| match event {
        Event::Started(policy) => printer.detail(&format!("policy {policy}")),
        Event::Read { tokens, bytes } => {
            printer.progress(bytes, total_bytes, Unit::Bytes, &format!("{tokens} tokens read"));
        }
        Event::ReadAll => printer.end_progress(),
        Event::Text(_) if args.json => {}
        Event::Text(text) => {
            wrote = true;
            if let Err(error) = printer.summary(text) {
                // nothing that comes could be written either
                interrupt.store(true, Ordering::Relaxed);
                write_error.get_or_insert(error);
            }
        }
    });
    if let Some(error) = write_error {
        return Err(error.into());
    }
    printer.end_progress();
    if wrote {
        printer.summary("\n")?;
    }
    let outcome = outcome?;

    let run = Run {
        input: args.file.display().to_string(),
        input_bytes: document.bytes_read(),
        model: engine.path.display().to_string(),
        gate: engine.gate_name.filter(|_| outcome.policy == crate::memory::policy::Policy::EdgeInfinite),
        weights_bytes: engine.model.weight_bytes(),
        load: engine.load_time,
        before,
        total: start.elapsed(),
        peak_rss_bytes: peak_rss_bytes(),
    };
    let statistics = Statistics::new(run, &outcome);
    if args.json {
        let mut json = serde_json::to_string(&statistics)?;
        json.push('\n');
        printer.stdout(&json)?;
    } else {
        printer.note(&statistics.to_text());
    }
    match statistics.incomplete_reason {
        Some(reason) => {
            printer.warn(&format!("the summary is not complete: {reason}"));
            Ok(ExitStatus::Incomplete)
        }
        None => Ok(ExitStatus::Success),
    }
}

/// A model that is ready to read, with its gate.
pub struct Engine {
    /// The model.
    pub model: Model,
    /// Its file.
    pub path: PathBuf,
    /// The gate and how it was named.
    pub gate: Option<Gate>,
    /// As the user named it.
    pub gate_name: Option<String>,
    /// Identifies the model; 0 if nobody asked.
    pub model_id: u64,
    /// Sizes of the cache.
    pub sizes: WindowSizes,
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
        let named = resolved.entry.as_ref().and_then(|entry| cache.gate_of(entry)).map(GateSpec::File);
        let gate_spec = args.gate.clone().or(named);
        let (gate, model_id) = load_gate(gate_spec.as_ref(), &model, &resolved, cache.dir(), printer)?;
        let processors = std::thread::available_parallelism().map_or(1, |n| n.get() as u32);
        Ok(Self {
            path: resolved.path,
            gate,
            gate_name: gate_spec.as_ref().map(ToString::to_string),
            model_id,
            sizes: WindowSizes { sinks: args.sinks, window: args.window, segment: args.segment },
            threads: args.threads.unwrap_or(processors),
            load_time,
            model,
        })
    }
}

fn load_gate(
    spec: Option<&GateSpec>,
    model: &Model,
    resolved: &ResolvedModel,
    cache_dir: &Path,
    printer: &mut Printer,
) -> Result<(Option<Gate>, u64)> {
    let Some(spec) = spec else { return Ok((None, 0)) };
    // a model that no gate can serve is the better reason
    let gate = spec.open(&model.shape()).or_else(|error| {
        model.check_compaction()?;
        Err(anyhow::Error::from(error))
    })?;
    let sha256 = cached_sha256(&resolved.path, cache_dir)?;
    if !gate.matches_base(&sha256) {
        printer.warn(&format!("the gate {spec} was fitted to another file than {}", resolved.path.display()));
    }
    let model_id = u64::from_str_radix(sha256.get(..16).unwrap_or_default(), 16).unwrap_or(0);
    Ok((Some(gate), model_id))
}
