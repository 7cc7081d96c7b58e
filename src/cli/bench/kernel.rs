//! `edgeinf bench kernel`: where the time of a segment goes.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Result;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::bench::error::BenchError;
use crate::bench::kernel::{self, KernelReport, Phase, Product};
use crate::cli::args::{EngineArgs, conflict};
use crate::cli::engine::Engine;
use crate::cli::exit::ExitStatus;
use crate::cli::printer::Printer;
use crate::input::{Reading, Source, TokenStream};
use crate::llama::TensorType;
use crate::memory::policy::Policy;

use super::{build_name, check_policies, policy_named, settings, window_name};

/// Arguments of `bench kernel`.
#[derive(Debug, Args)]
pub struct KernelArgs {
    /// Text file; some thousand tokens of it are read.
    pub file: PathBuf,
    /// Policies to measure; edgeinfinite takes a random gate unless --gate or the catalogue names one.
    #[arg(long, value_name = "POLICY", value_delimiter = ',', value_parser = compacting_policy(),
        default_value = "streaming,edgeinfinite")]
    pub policies: Vec<Policy>,
    /// Segments to measure, once the cache is full; each is read twice, with a clock at each operation and without.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub segments: u32,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// Model, sizes of the cache and so on.
    #[command(flatten)]
    pub engine: EngineArgs,
}

impl KernelArgs {
    /// Refuses what cannot go together.
    pub fn check(&self) -> Result<(), clap::Error> {
        check_policies(&self.engine, &self.policies)?;
        if self.engine.gpu_layers > 0 {
            return Err(conflict("bench kernel measures the processor; leave --gpu-layers out"));
        }
        Ok(())
    }
}

/// Reads the names of policies under which tokens leave the cache.
fn compacting_policy() -> impl TypedValueParser<Value = Policy> {
    let names = Policy::ALL.into_iter().filter(|&policy| policy != Policy::Full).map(|policy| policy.rule().name());
    PossibleValuesParser::new(names).try_map(|name| policy_named(&name))
}

/// Measures.
pub fn run(args: &KernelArgs, printer: &mut Printer, interrupt: &Arc<AtomicBool>) -> Result<ExitStatus> {
    if args.file.as_os_str() == "-" {
        return Err(BenchError::Stdin.into());
    }
    let mut engine = Engine::load(&args.engine, printer)?;
    let gate = engine.gate.clone();
    let (mut phases, mut main_weight_type) = (Vec::new(), None);
    for &policy in &args.policies {
        printer.detail(&format!("{policy}: {} segments", args.segments));
        engine.gate.clone_from(&gate);
        let settings = settings(&args.engine, &mut engine, policy, printer)?;
        let source = Source::open(&args.file, Reading::default(), interrupt)?;
        let document = TokenStream::new(source, engine.model.vocab(), Arc::clone(interrupt))?;
        let text = (args.file.as_path(), document);
        let measured = kernel::run(&engine.model, text, settings, policy, args.segments, interrupt)?;
        phases.extend(measured.phases);
        main_weight_type = main_weight_type.or(measured.main_weight_type);
    }
    printer.detail("products of square matrices");
    let mut kinds = vec![TensorType::F32];
    kinds.extend(main_weight_type.filter(|&kind| kind != TensorType::F32));
    let products = kernel::best_products(&kinds, engine.threads)?;
    for phase in &mut phases {
        phase.compare(&products, main_weight_type);
    }
    let report = KernelReport {
        model: args.engine.model.display().to_string(),
        build: build_name(),
        threads: engine.threads,
        products,
        phases,
    };
    let text = if args.json { serde_json::to_string(&report)? + "\n" } else { table(&report, args) };
    printer.stdout(&text)?;
    Ok(ExitStatus::Success)
}

fn table(report: &KernelReport, args: &KernelArgs) -> String {
    let mut text = format!("{}, {}, {} threads\n", report.model, window_name(&args.engine), report.threads);
    for product in &report.products {
        let Product { kind, size, gflops_per_second } = product;
        let _ = writeln!(text, "best product of {kind} and f32, {size} x {size}: {gflops_per_second:.1} GFLOP/s");
    }
    for phase in &report.phases {
        let what = if phase.phase == "segment" {
            format!("a segment of {} tokens", phase.tokens)
        } else {
            "a token of the answer".to_owned()
        };
        let _ = writeln!(
            text,
            "\n{}, {what}, mean of {}: {:.2} ms; with the clock {:.2} ms ({:+.1} %)",
            phase.policy,
            phase.count,
            1e3 * phase.seconds,
            1e3 * phase.clocked_seconds,
            1e2 * phase.clock_overhead
        );
        text += &part_lines(phase);
    }
    text
}

fn part_lines(phase: &Phase) -> String {
    let mut text = format!("  {:<12} {:>10} {:>7} {:>9} {:>16}\n", "part", "ms", "share", "GFLOP/s", "of best product");
    for row in &phase.parts {
        let speed = row.gflops_per_second.map_or("-".into(), |speed| format!("{speed:.1}"));
        let of_best = row.of_best_product.map_or("-".into(), |share| format!("{:.0} %", 1e2 * share));
        let _ = writeln!(
            text,
            "  {:<12} {:>10.3} {:>5.1} % {speed:>9} {of_best:>16}",
            row.part.name(),
            1e3 * row.seconds,
            1e2 * row.share
        );
    }
    text
}
