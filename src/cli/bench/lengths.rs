//! `edgeinf bench lengths`: time to the first token, speed and memory against the length of the text.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::Result;
use clap::Args;

use crate::bench::error::BenchError;
use crate::bench::lengths::{self, LengthRun};
use crate::bench::rows::{Extrapolation, LengthCase, LengthRow, RowNames};
use crate::cli::args::EngineArgs;
use crate::cli::engine::Engine;
use crate::cli::exit::ExitStatus;
use crate::cli::printer::Printer;
use crate::cli::stamp::Stamp;
use crate::eval::RecordFile;
use crate::input::{Reading, Source, TokenStream};
use crate::memory::policy::Policy;
use crate::size::parse_size;

use super::lengths_table::lengths_table;
use super::{Child, any_policy, build_name, check_policies, settings};

/// Lengths that full attention is measured at however long it takes: through fewer points there is no line.
const ALWAYS_MEASURED: usize = 2;

/// Arguments of `bench lengths`.
#[derive(Debug, Args)]
pub struct LengthsArgs {
    /// Text file, at least as long as the longest length.
    pub file: PathBuf,
    /// Lengths in tokens; K is 1024.
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = parse_length,
        default_value = "1K,2K,4K,8K,16K,32K,64K,128K")]
    pub lengths: Vec<u64>,
    /// Policies to measure; edgeinfinite takes a random gate unless --gate or the catalogue names one.
    #[arg(long, value_name = "POLICY", value_delimiter = ',', value_parser = any_policy(),
        default_value = "full,streaming,snapkv,edgeinfinite")]
    pub policies: Vec<Policy>,
    /// Runs of each; every other round goes backwards.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub runs: u32,
    /// Full attention is extrapolated where a run would take longer than this; its two shortest lengths are always measured.
    #[arg(long, value_name = "S", default_value_t = 600)]
    pub max_seconds: u64,
    /// Print JSON, a line for each policy and length.
    #[arg(long)]
    pub json: bool,
    /// Append these lines to FILE as they come.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Model, sizes of the cache and so on.
    #[command(flatten)]
    pub engine: EngineArgs,
}

impl LengthsArgs {
    /// Refuses what cannot go together.
    pub fn check(&self) -> Result<(), clap::Error> {
        check_policies(&self.engine, &self.policies)
    }
}

/// Arguments of one run in a process of its own.
#[derive(Debug, Args)]
pub struct LengthsRunArgs {
    /// Text file.
    pub file: PathBuf,
    /// Lengths in tokens, in ascending order.
    #[arg(long, value_delimiter = ',')]
    pub lengths: Vec<u64>,
    /// The policy.
    #[arg(long, value_parser = any_policy())]
    pub policy: Policy,
    /// Model, sizes of the cache and so on.
    #[command(flatten)]
    pub engine: EngineArgs,
}

fn parse_length(text: &str) -> Result<u64, String> {
    let n = parse_size(text)?;
    if n <= 1 << 30 { Ok(n) } else { Err("more tokens than any cache holds".into()) }
}

/// The runs of a policy: one process for all lengths, or one for each.
struct Track {
    policy: Policy,
    cases: Vec<LengthCase>,
    /// Lengths that take too long.
    extrapolated: Vec<u64>,
}

impl Track {
    fn new(policy: Policy, lengths: &[u64]) -> Self {
        let case = |lengths: &[u64]| LengthCase { lengths: lengths.to_vec(), runs: Vec::new() };
        let cases = match policy {
            Policy::Full => lengths.chunks(1).map(case).collect(),
            _ => vec![case(lengths)],
        };
        Self { policy, cases, extrapolated: Vec::new() }
    }

    /// One run of each case.
    fn round(&mut self, args: &LengthsArgs, printer: &mut Printer) -> Result<()> {
        let mut i = 0;
        while i < self.cases.len() {
            let longest = self.cases[i].lengths.last().copied().unwrap_or(0);
            let first = self.cases[i].runs.is_empty();
            if self.policy == Policy::Full && first && i >= ALWAYS_MEASURED {
                let forecast = Extrapolation::from(&self.cases[..i]).map_or(0.0, |e| e.ttft_seconds(longest));
                if forecast > args.max_seconds as f64 {
                    printer.detail(&format!("full, {longest} tokens: {forecast:.0} s are too long; extrapolated"));
                    self.extrapolated = self.cases.drain(i..).flat_map(|case| case.lengths).collect();
                    break;
                }
            }
            printer.detail(&format!("{}, {longest} tokens", self.policy));
            let run = spawn(args, self.policy, &self.cases[i].lengths)?;
            self.cases[i].runs.push(run);
            i += 1;
        }
        Ok(())
    }

    fn rows(&self, args: &LengthsArgs) -> Vec<LengthRow> {
        let names = RowNames {
            policy: self.policy.to_string(),
            model: args.engine.model.display().to_string(),
            build: build_name(),
        };
        let mut rows: Vec<LengthRow> = self.cases.iter().flat_map(|case| case.rows(&names)).collect();
        if let Some(extrapolation) = Extrapolation::from(&self.cases) {
            rows.extend(self.extrapolated.iter().map(|&length| extrapolation.row(length, &names)));
        }
        rows
    }
}

/// Measures.
pub fn run(args: &LengthsArgs, printer: &mut Printer, interrupt: &Arc<AtomicBool>) -> Result<ExitStatus> {
    if args.file.as_os_str() == "-" {
        return Err(BenchError::Stdin.into());
    }
    let lengths: Vec<u64> = args.lengths.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    let mut output = args.output.as_deref().map(RecordFile::open::<LengthRow>).transpose()?.map(|(file, _)| file);
    check_length(args, lengths.last().copied().unwrap_or(0), printer, interrupt)?;

    let mut tracks: Vec<Track> = args.policies.iter().map(|&policy| Track::new(policy, &lengths)).collect();
    let mut table: Vec<Vec<LengthRow>> = tracks.iter().map(|_| Vec::new()).collect();
    let stamp = Stamp::default();
    for round in 1..=args.runs {
        printer.detail(&format!("round {round} of {}", args.runs));
        let mut order: Vec<_> = tracks.iter_mut().zip(&mut table).collect();
        if round % 2 == 0 {
            order.reverse();
        }
        for (track, table) in order {
            track.round(args, printer)?;
            if round < args.runs {
                continue;
            }
            *table = track.rows(args);
            for row in &*table {
                let line = stamp.line(row)?;
                if let Some(file) = &mut output {
                    file.append(&line)?;
                }
                if args.json {
                    printer.stdout(&line)?;
                }
            }
        }
    }
    if !args.json {
        printer.stdout(&lengths_table(&table.concat(), args))?;
    }
    Ok(ExitStatus::Success)
}

/// Refuses a text that is too short before anything is measured.
fn check_length(args: &LengthsArgs, wanted: u64, printer: &mut Printer, interrupt: &Arc<AtomicBool>) -> Result<()> {
    let source = Source::open(&args.file, Reading::default(), interrupt)?;
    let engine = Engine::load(&args.engine, printer)?;
    let mut document = TokenStream::new(source, engine.model.vocab(), Arc::clone(interrupt))?;
    let (mut chunk, mut tokens) = (Vec::new(), 0);
    while tokens < wanted && document.next_chunk(&mut chunk)? {
        tokens += chunk.len() as u64;
        chunk.clear();
    }
    if tokens < wanted {
        return Err(BenchError::TooShort { path: args.file.clone(), tokens, wanted }.into());
    }
    Ok(())
}

fn spawn(args: &LengthsArgs, policy: Policy, lengths: &[u64]) -> Result<LengthRun> {
    let mut child = Child::new(&["bench", "lengths-run"], &args.file, &args.engine)?;
    let lengths: Vec<String> = lengths.iter().map(u64::to_string).collect();
    child.args(["--lengths", &lengths.join(","), "--policy", policy.rule().name()]);
    child.result(policy.rule().name())
}

/// One run; prints its result as JSON.
pub fn run_one(
    args: &LengthsRunArgs,
    printer: &mut Printer,
    interrupt: &Arc<AtomicBool>,
    started: Instant,
) -> Result<ExitStatus> {
    let path: &Path = &args.file;
    let source = Source::open(path, Reading::default(), interrupt)?;
    let mut engine = Engine::load(&args.engine, printer)?;
    let settings = settings(&args.engine, &mut engine, args.policy, printer)?;
    let mut document = TokenStream::new(source, engine.model.vocab(), Arc::clone(interrupt))?;
    let text = (path, &mut document);
    let run = lengths::run(&engine.model, text, settings, args.policy, &args.lengths, started, interrupt)?;
    printer.stdout(&(serde_json::to_string(&run)? + "\n"))?;
    Ok(ExitStatus::Success)
}
