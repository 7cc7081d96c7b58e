//! What can be typed.

use std::path::{Path, PathBuf};

use clap::builder::FalseyValueParser;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::input::Encoding;
use crate::llama::CacheType;
use crate::memory::budget::Budget;
use crate::memory::gate::GateSpec;
use crate::memory::policy::Policy;
use crate::memory::queries::Queries;
use crate::models::DEFAULT_MODEL;
use crate::size::parse_size;
use crate::summary::request::{Length, Style};
use crate::summary::strategy::Strategy;
use crate::threads;

use super::bench::args::{BenchArgs, BenchRunArgs};
use super::check::CheckArgs;
use super::doctor::DoctorArgs;
use super::embeddings::EmbeddingArgs;
use super::eval::EvalArgs;
use super::input::{FormatArg, InputArgs};
use super::place::same_file;
use super::sample::SampleArgs;
use super::train::TrainArgs;

const EXIT_CODES: &str = "\
Exit codes:
  0  the whole input was read, and the summary ends at the end of a sentence
  1  something failed
  2  usage: the arguments do not fit together or not the input
  3  the input is unreadable, empty or not text
  4  the model or gate is missing, broken or of another model
  5  more memory would be needed than --max-memory allows
  6  the run finished, but the summary is not complete
130  interrupted; a second Ctrl-C ends the process at once";

/// Summarizes documents that are longer than a small model's context, in memory that does not grow with them.
#[derive(Debug, Parser)]
#[command(name = "edgeinf", version, about, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Cli {
    /// Show what llama.cpp logs.
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Nothing on stderr but errors.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read a document and print its summary; statistics go to stderr.
    #[command(after_help = EXIT_CODES)]
    Summarize(SummarizeArgs),
    /// Fetch, find, check and remove models.
    Model(ModelArgs),
    /// Measure speed and memory of the policies side by side, as ratios; other measurements are commands of it.
    Bench(BenchArgs),
    /// Measure what the policies remember of documents.
    Eval(EvalArgs),
    /// Fit the memory of a model to documents with answers and to texts, on an ordinary processor.
    Train(TrainArgs),
    /// Write an invented document of a given length, with facts planted in it.
    Sample(SampleArgs),
    /// Summarize documents and compare with what is expected of them; for continuous integration.
    Check(CheckArgs),
    /// Look at this build and this machine: is everything there that summarize needs?
    Doctor(DoctorArgs),
    /// Print the completions of a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    #[command(hide = true)]
    BenchRun(BenchRunArgs),
    /// Write man pages and completions below a directory, as an installation wants them.
    #[command(hide = true)]
    Generate {
        /// Such as /usr/local/share.
        dir: PathBuf,
    },
}

/// Arguments of `summarize`.
#[derive(Debug, Args)]
pub struct SummarizeArgs {
    /// Text, SubRip, WebVTT, Markdown or HTML files, or - for standard input; without any, what is piped in.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub input: InputArgs,
    /// How long the summary is to be: short (50 words), medium (150), long (400), or a number of words.
    #[arg(long, value_name = "LENGTH", default_value = "medium", help_heading = "Summary")]
    pub length: Length,
    /// In which form: paragraph, bullets, outline or minutes.
    #[arg(long, value_name = "STYLE", default_value_t = Style::Paragraph, help_heading = "Summary")]
    pub style: Style,
    /// Write in this language, such as German; how well depends on the model.
    #[arg(long, value_name = "LANGUAGE", help_heading = "Summary", value_parser = parse_prompt)]
    pub language: Option<String>,
    /// How a document that does not fit the model's context becomes a summary: notes are taken while reading, of which the summary is
    /// made (notes), it is written from what is still in the cache and the memory (direct), chunks are summarized one by one
    /// (map-reduce), or the document's sentences that tell most are chosen in seconds and the model reads nothing (extract); auto takes notes,
    /// and reads directly what fits.
    #[arg(long, value_name = "STRATEGY", default_value = "auto", help_heading = "Summary", value_parser = parse_strategy)]
    pub strategy: StrategyArg,
    /// Below each sentence of the summary print the passage of the document that supports it best, with its lines; a sentence
    /// without one is marked.
    #[arg(long, help_heading = "Summary")]
    pub quote: bool,
    /// What finds passages for --quote that say the same in other words.
    #[command(flatten, next_help_heading = "Summary")]
    pub embeddings: EmbeddingArgs,
    /// Write the notes to FILE as they come, as JSONL if its name ends so.
    #[arg(long, value_name = "FILE", help_heading = "Summary")]
    pub keep_notes: Option<PathBuf>,
    /// Let the model read no document, but write the summary from notes that --keep-notes wrote to FILE as JSONL (- is standard input): in
    /// another length, style or language, or of what a run that was broken off has read. With --quote name the document too.
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Summary",
        conflicts_with_all = ["keep_notes", "note_every", "note_tokens", "dry_run"]
    )]
    pub from_notes: Option<PathBuf>,
    /// Tokens of the document for each note [default: what window and segment hold].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000), help_heading = "Summary")]
    pub note_every: Option<u32>,
    /// Longest note in tokens [default: what a third of the time of reading allows, at most 96].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(8..=1024), help_heading = "Summary")]
    pub note_tokens: Option<u32>,
    /// Templates for what the model is asked (docs/templates.md).
    #[arg(long, value_name = "FILE", help_heading = "Summary")]
    pub template: Option<PathBuf>,
    /// Ask this of the document instead of a summary.
    #[arg(long, value_name = "TEXT", help_heading = "Summary", value_parser = parse_prompt)]
    pub prompt: Option<String>,
    /// Longest answer, in tokens; it ends at the end of a sentence [default: 1.7 for each word of --length].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65536), help_heading = "Summary")]
    pub max_tokens: Option<u32>,
    /// Temperature; at 0 the likeliest token is taken, and the same run gives the same text.
    #[arg(long, value_name = "T", default_value_t = 0.0, value_parser = parse_temperature, help_heading = "Summary")]
    pub temp: f32,
    /// With --temp: choose among the likeliest tokens that have this much probability together.
    #[arg(long, value_name = "P", default_value_t = 0.95, value_parser = parse_probability, help_heading = "Summary")]
    pub top_p: f32,
    /// With --temp: start of the random numbers.
    #[arg(long, value_name = "S", default_value_t = 0, help_heading = "Summary")]
    pub seed: u32,
    /// Write to this file instead of stdout ('-'); it appears when it is whole.
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,
    /// Print one JSON object for each file, summary and statistics in it (docs/json.md).
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Do not summarize: say how many tokens and segments there are, and how much memory and time it would take.
    #[arg(long, help_heading = "Output")]
    pub dry_run: bool,
    /// What to keep of a document that does not fit the model's context.
    #[arg(long, value_name = "POLICY", default_value = "auto", help_heading = "Engine")]
    pub policy: PolicyArg,
    /// Largest memory the run may take, such as 500M or 2G; predicted before it starts.
    #[arg(long, value_name = "SIZE", value_parser = parse_size, help_heading = "Engine")]
    pub max_memory: Option<u64>,
    #[command(flatten, next_help_heading = "Engine")]
    pub engine: EngineArgs,
}

impl SummarizeArgs {
    /// Refuses what cannot go together.
    pub fn check(&self) -> Result<(), clap::Error> {
        self.engine.check()?;
        if self.policy == PolicyArg::Learned && self.engine.queries.is_some() {
            return Err(conflict("policy learned goes by the gate's scores and asks no queries; leave --queries out"));
        }
        self.engine
            .check_choice(matches!(self.policy, PolicyArg::Snapkv | PolicyArg::Pyramidkv | PolicyArg::Learned))?;
        let to_file = self.output.as_ref().is_some_and(|output| output.as_os_str() != "-");
        if to_file && self.files.len() > 1 && !self.json {
            return Err(conflict(
                "--output takes the summary of one file; with several, redirect stdout or add --json",
            ));
        }
        self.check_output()?;
        self.check_notes()?;
        if self.strategy.0 == Some(Strategy::Extract) && self.language.is_some() {
            return Err(conflict(
                "--strategy extract quotes the document as it stands; leave --language or --strategy out",
            ));
        }
        self.check_from_notes()?;
        if self.keep_notes.is_some() && self.files.len() > 1 {
            return Err(conflict("--keep-notes takes the notes of one file; call edgeinf for each file"));
        }
        if self.files.iter().chain(&self.from_notes).filter(|file| file.as_os_str() == "-").count() > 1 {
            return Err(conflict("standard input (-) can be read only once"));
        }
        Ok(())
    }
}

impl SummarizeArgs {
    /// Whether the document, or the notes of it, are what is piped in.
    pub fn reads_stdin(&self) -> bool {
        match &self.from_notes {
            Some(notes) => notes.as_os_str() == "-",
            None => self.files.is_empty(),
        }
    }

    /// Whether the gate that the catalogue has for the model may be of use where nobody names a policy. Where a document is read and then written about
    /// at once, what its scores keep of the beginning is worth something; notes are written of what is in the window anyway.
    pub fn may_use_gate(&self) -> bool {
        let engine = &self.engine;
        self.policy == PolicyArg::Auto
            && self.strategy.0 == Some(Strategy::Direct)
            && !engine.no_flash_attention
            && engine.queries.is_none()
    }

    /// Refuses what a summary from notes does not look at.
    fn check_from_notes(&self) -> Result<(), clap::Error> {
        if self.from_notes.is_none() {
            return Ok(());
        }
        if self.strategy.0.is_some_and(|strategy| strategy != Strategy::Notes) {
            return Err(conflict("--from-notes writes by strategy notes; leave --strategy out"));
        }
        if self.quote && self.files.len() != 1 {
            return Err(conflict(
                "--from-notes with --quote looks for passages in the document; name the one file that the notes are of",
            ));
        }
        let is_read_otherwise =
            self.input.input_format != FormatArg::Auto || self.input.encoding != Encoding::default();
        if !self.quote && (!self.files.is_empty() || is_read_otherwise || self.embeddings.embeddings.is_some()) {
            return Err(conflict(
                "--from-notes reads a document only for --quote; add that, or leave out the file and how it is to be read",
            ));
        }
        Ok(())
    }

    /// Refuses to write the summary over a file that is needed.
    fn check_output(&self) -> Result<(), clap::Error> {
        match &self.output {
            Some(output) if self.reads(output, Path::new("")) => {
                Err(conflict("--output names a file that is read; give the summary a file of its own"))
            }
            _ => Ok(()),
        }
    }

    /// Refuses to write notes over a file that is needed.
    fn check_notes(&self) -> Result<(), clap::Error> {
        let Some(notes) = &self.keep_notes else { return Ok(()) };
        if self.reads(notes, Path::new("")) || self.output.as_deref().is_some_and(|output| same_file(notes, output)) {
            return Err(conflict(
                "--keep-notes names a file that is read or written otherwise; give the notes a file of their own",
            ));
        }
        Ok(())
    }

    /// Whether a path is that of a file which is read; names are seen from the folder `dir`, empty for that of the process.
    pub fn reads(&self, path: &Path, dir: &Path) -> bool {
        let gate = self.engine.gate.as_ref().and_then(GateSpec::path);
        let named = self.files.iter().chain(&self.from_notes).map(PathBuf::as_path);
        let stdin = self.reads_stdin() || self.files.iter().any(|file| file == Path::new("-"));
        let others = named.filter(|file| *file != Path::new("-")).chain(stdin.then_some(Path::new("/dev/stdin")));
        // a model may be a name of the catalogue, which is no file here
        let models = [Some(self.engine.model.as_path()), self.embeddings.embeddings.as_deref()];
        let mut all = others.chain(self.template.as_deref()).chain(gate).chain(models.into_iter().flatten());
        all.any(|other| same_file(path, &dir.join(other)))
    }
}

/// `--strategy`; none for auto.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StrategyArg(pub Option<Strategy>);

fn parse_strategy(text: &str) -> Result<StrategyArg, String> {
    if text == "auto" {
        return Ok(StrategyArg(None));
    }
    text.parse().map(|strategy| StrategyArg(Some(strategy))).map_err(|error: String| format!("{error}, or auto"))
}

pub(super) fn conflict(message: &str) -> clap::Error {
    Cli::command().error(clap::error::ErrorKind::ArgumentConflict, message)
}

/// Arguments that say how the engine runs.
#[derive(Debug, Clone, Args)]
pub struct EngineArgs {
    /// Name of a model (see 'edgeinf model list') or path of a GGUF file.
    #[arg(short, long, default_value = DEFAULT_MODEL)]
    pub model: PathBuf,
    /// Gate of the memory: a file, built-in:NAME, or random:SEED for tests of the machine [default: what the catalogue has for the
    /// model by its name, which is part of the program, if --policy edgeinfinite or learned, or --strategy direct, asks
    /// for it].
    #[arg(long, value_name = "GATE")]
    pub gate: Option<GateSpec>,
    /// First tokens of the document that always stay in the cache.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(0..=65536))]
    pub sinks: u32,
    /// Tokens between them and the window that policies snapkv, pyramidkv, learned and edgeinfinite choose to keep, others in each KV
    /// head; a mean over layers where these differ [default: a quarter of the window; with edgeinfinite none if its gate has no
    /// scores, or with --queries or --no-flash-attention].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=65536))]
    pub retain: Option<u32>,
    /// Whose attention chooses them: that of the N newest tokens, or with /STRIDE of N of which one in STRIDE tokens asks
    /// [default: 32, as SnapKV was published; edgeinfinite goes by the gate's scores instead, if it has some].
    #[arg(long, value_name = "N[/STRIDE]")]
    pub queries: Option<Queries>,
    /// Everything that survives when tokens leave, sinks, retained tokens, window and memory, as bytes or as what so many
    /// tokens take: 24MiB or 516tok; the window gets what is left of it.
    #[arg(long, value_name = "SIZE", conflicts_with = "window")]
    pub budget: Option<Budget>,
    /// Most recent tokens that stay in the cache.
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub window: u32,
    /// Tokens read at a time.
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub segment: u32,
    /// Element type of the KV cache.
    #[arg(long, value_name = "TYPE", default_value = "f16")]
    pub cache_type: CacheTypeArg,
    /// Compute attention without the fused kernel.
    #[arg(long)]
    pub no_flash_attention: bool,
    /// Threads; the default is what EDGEINF_THREADS says, else the number of processors.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(threads::MOST)))]
    pub threads: Option<u32>,
    /// Layers to put on a GPU, in a build with the feature cuda, metal or vulkan.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub gpu_layers: u32,
}

impl EngineArgs {
    /// Refuses what cannot go together.
    pub fn check(&self) -> Result<(), clap::Error> {
        if self.no_flash_attention && self.cache_type == CacheTypeArg::Q8_0 {
            return Err(conflict("--cache-type q8_0 needs the fused attention kernel; leave --no-flash-attention out"));
        }
        if self.no_flash_attention && self.retain.is_some_and(|n| n > 0) {
            return Err(conflict("--retain needs the fused attention kernel; leave --no-flash-attention out"));
        }
        Ok(())
    }

    /// Refuses a policy that retains tokens where values are stored in the other direction.
    pub fn check_choice(&self, retains: bool) -> Result<(), clap::Error> {
        if retains && self.no_flash_attention {
            return Err(conflict(
                "policies snapkv, pyramidkv and learned need the fused attention kernel; leave --no-flash-attention out",
            ));
        }
        Ok(())
    }
}

/// Arguments of `model`.
#[derive(Debug, Args)]
pub struct ModelArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ModelCommand,
}

/// The commands of `model`.
#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    /// Fetch a model into the cache and check it.
    Pull {
        /// Its name.
        name: String,
        /// Fail where something would have to be downloaded.
        #[arg(long, env = "EDGEINF_OFFLINE", value_parser = FalseyValueParser::new())]
        offline: bool,
    },
    /// List the models of the catalogue.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print where a model's file lies.
    Path {
        /// Its name.
        name: String,
    },
    /// Read models in the cache again and compare them with the catalogue.
    Verify {
        /// Their names; all that are in the cache if there is none.
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
    /// Remove models from the cache, with their gates and what broken downloads left.
    Rm {
        /// Their names.
        #[arg(value_name = "NAME", required = true)]
        names: Vec<String>,
    },
}

/// `--policy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PolicyArg {
    /// Full attention if the document fits the context, else what a gate named by --gate is for, or with --strategy direct the model's own
    /// if it serves that, as the default model's does: edgeinfinite if it has a memory, learned if it has only scores, or if the memory
    /// would take more than a quarter of --budget, or with --strategy direct does not fit --max-memory. Streaming without a gate.
    Auto,
    /// Ordinary attention over everything.
    Full,
    /// Keep prompt, sinks and window; forget the rest.
    Streaming,
    /// Keep prompt, sinks, window and what the newest tokens attend to; forget the rest.
    Snapkv,
    /// The same, more of it in lower layers than in higher ones.
    Pyramidkv,
    /// Keep prompt, sinks, window and what the gate's scores find worth keeping; forget the rest.
    Learned,
    /// Keep prompt, sinks, window and, if the gate has scores, what these find worth keeping; fold the rest into a memory.
    Edgeinfinite,
}

impl PolicyArg {
    /// The policy; `None` for auto.
    pub fn policy(self) -> Option<Policy> {
        match self {
            Self::Auto => None,
            Self::Full => Some(Policy::Full),
            Self::Streaming => Some(Policy::Streaming),
            Self::Snapkv => Some(Policy::SnapKv),
            Self::Pyramidkv => Some(Policy::PyramidKv),
            Self::Learned => Some(Policy::Learned),
            Self::Edgeinfinite => Some(Policy::EdgeInfinite),
        }
    }
}

/// `--cache-type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CacheTypeArg {
    /// 32-bit floats.
    F32,
    /// 16-bit floats.
    F16,
    /// 8-bit blocks.
    #[value(name = "q8_0")]
    Q8_0,
}

impl From<CacheTypeArg> for CacheType {
    fn from(arg: CacheTypeArg) -> Self {
        match arg {
            CacheTypeArg::F32 => Self::F32,
            CacheTypeArg::F16 => Self::F16,
            CacheTypeArg::Q8_0 => Self::Q8_0,
        }
    }
}

fn parse_prompt(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() { Err("says nothing".into()) } else { Ok(text.to_owned()) }
}

fn parse_temperature(text: &str) -> Result<f32, String> {
    let number: f32 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=5.0).contains(&number) { Ok(number) } else { Err("must be from 0 to 5".into()) }
}

fn parse_probability(text: &str) -> Result<f32, String> {
    let number: f32 = text.parse().map_err(|_| "not a number".to_owned())?;
    if number > 0.0 && number <= 1.0 { Ok(number) } else { Err("must be above 0 and at most 1".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
    }
}
