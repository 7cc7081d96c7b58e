//! Arguments of `bench`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::args::EngineArgs;
use crate::reader::MARK_EVERY;

use super::kernel::KernelArgs;
use super::lengths::{LengthsArgs, LengthsRunArgs};

/// Arguments of `bench`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct BenchArgs {
    /// Something else to measure.
    #[command(subcommand)]
    pub command: Option<BenchCommand>,
    /// Text file to read.
    #[arg(required = true)]
    pub file: Option<PathBuf>,
    #[command(flatten)]
    pub engine: EngineArgs,
    /// Tokens to read in each run.
    #[arg(long, value_name = "N", default_value_t = 16384)]
    pub tokens: u64,
    /// Runs of each policy; medians are compared. Every other round runs in reverse order, so use an even number.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub runs: u32,
    /// Policies to compare; the first is what the others are measured by.
    #[arg(long, value_name = "POLICY", value_delimiter = ',', default_value = "plain,streaming,edgeinfinite")]
    pub policies: Vec<BenchPolicy>,
    /// Compare the speed at the end of the text with that after its first 8,192 tokens N times in each run, in turn, by two
    /// saved states, which count in the peak.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub growth: u32,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

impl BenchArgs {
    /// Refuses what cannot go together.
    pub fn check(&self) -> Result<(), clap::Error> {
        match &self.command {
            Some(BenchCommand::Lengths(args)) => args.check(),
            Some(BenchCommand::Kernel(args)) => args.check(),
            Some(BenchCommand::LengthsRun(args)) => args.engine.check(),
            None => {
                self.engine.check()?;
                let retains = |policy: &BenchPolicy| {
                    matches!(policy, BenchPolicy::Snapkv | BenchPolicy::Pyramidkv | BenchPolicy::Learned)
                };
                self.engine.check_choice(self.policies.iter().any(retains))
            }
        }
    }
}

/// What `bench` measures beside ratios.
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// Time to the first token, speed and memory by part against the length of the text (docs/bench.md).
    Lengths(LengthsArgs),
    /// Where the time of a segment goes, part by part, beside what this machine multiplies at best (docs/bench.md).
    Kernel(KernelArgs),
    #[command(hide = true)]
    LengthsRun(LengthsRunArgs),
}

/// Arguments of one run in a process of its own.
#[derive(Debug, Args)]
pub struct BenchRunArgs {
    /// Text file to read.
    pub file: PathBuf,
    #[command(flatten)]
    pub engine: EngineArgs,
    /// Tokens to read.
    #[arg(long)]
    pub tokens: u64,
    /// Rounds of comparing end and beginning.
    #[arg(long, default_value_t = 0)]
    pub growth: u32,
    /// How many tokens are compared.
    #[arg(long, default_value_t = MARK_EVERY)]
    pub growth_tokens: u64,
    /// How.
    #[arg(long)]
    pub policy: BenchPolicy,
}

/// `--policies` of bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BenchPolicy {
    /// The window by llama.cpp's own means.
    Plain,
    /// Ours, without a memory.
    Streaming,
    /// Ours, with tokens that are chosen to stay.
    Snapkv,
    /// The same, with more of them in lower layers than in higher ones.
    Pyramidkv,
    /// Ours, with tokens that the gate's scores find worth keeping.
    Learned,
    /// Ours, with a memory; a random gate unless --gate or the catalogue names one.
    Edgeinfinite,
}
