//! `edgeinf train`.

#[cfg(feature = "train")]
mod fit;

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};

use crate::memory::gate::ReadOut;
use crate::models::DEFAULT_MODEL;
use crate::threads;

use super::args::conflict;
use super::place::same_file;

#[cfg(feature = "train")]
pub use fit::run;

/// Arguments of `train`. In a build without it none is needed, as it only says how to make one.
#[derive(Debug, Args)]
#[cfg_attr(not(feature = "train"), allow(dead_code))]
pub struct TrainArgs {
    /// Name of a model (see 'edgeinf model list') or path of a GGUF file: llama, qwen2 or qwen3, in any quantization. It stays as
    /// it is.
    #[arg(short, long, default_value = DEFAULT_MODEL)]
    pub model: PathBuf,
    /// Documents with answers to learn from: JSON objects with id, document, reference and, where it is no summary, the question
    /// (docs/eval.md). Pairs of a file with the same document are read together: the document once, and what is asked of it
    /// each time as if it alone followed. Documents that are longer than --tokens end with the last sentence that
    /// fits. Some are held out to measure with.
    #[arg(long, value_name = "PAIRS.jsonl", num_args = 1.., help_heading = "Material")]
    pub pairs: Vec<PathBuf>,
    /// Plain texts to learn from with --read-out always, files or folders of files, in pieces of --tokens.
    #[arg(long, value_name = "FILE|DIR", num_args = 1.., help_heading = "Material")]
    pub text: Vec<PathBuf>,
    /// Longest sequence in tokens, at most what the model was trained with; memory and time grow with it.
    #[arg(long, value_name = "MAX", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(64..=1_000_000), help_heading = "Material")]
    pub tokens: u32,
    /// Where the gate goes; GATE.log.jsonl and, for a memory, GATE.checkpoint are written beside it.
    #[arg(short, long, value_name = "GATE.gguf")]
    #[cfg_attr(not(feature = "train"), arg(default_value = "gate.gguf", hide_default_value = true))]
    pub output: PathBuf,
    /// End after so many steps, one sequence each.
    #[arg(long, value_name = "N")]
    #[cfg_attr(feature = "train", arg(required_unless_present = "minutes"))]
    pub steps: Option<u64>,
    /// End when so many minutes have gone into steps and measurements.
    #[arg(long, value_name = "M", value_parser = parse_minutes)]
    pub minutes: Option<f64>,
    /// Go on from GATE.checkpoint, if it is there, as if there had been no interruption; all else must be as it was.
    #[arg(long)]
    pub resume: bool,
    /// Steps between two checkpoints.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub checkpoint_every: u64,
    /// Steps between two measurements on what is held out; 0 measures only at the beginning (not scores) and at the end.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub measure_every: u64,
    /// Documents that are held out to measure with, at most one of eight.
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub held_out: u32,
    /// Start of the random numbers: the same seed, material, machine and threads give the same file.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Threads; the default is what EDGEINF_THREADS says, else the number of processors.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(threads::MOST)))]
    pub threads: Option<u32>,
    /// What is fitted; the other parts of the gate are those of --from. Scores, by which policies learned and edgeinfinite choose tokens, are for
    /// all layers, and a step of their fit reads one document.
    #[arg(long, value_enum, default_value_t = Part::Memory, help_heading = "Memory")]
    pub fit: Part,
    /// Hidden units of a score in each KV head, where --from has none.
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=4096), help_heading = "Memory")]
    pub hidden: u32,
    /// What scores are fitted to.
    #[arg(long, value_enum, default_value_t = Goal::Worth, help_heading = "Memory")]
    pub goal: Goal,
    /// How much what is asked of a document counts for scores, where what the next segment of its text needs counts 1.
    #[arg(long, value_name = "X", default_value_t = 4.0, value_parser = parse_weight, help_heading = "Memory")]
    pub asked: f64,
    /// Tokens that are kept in each KV head: beside a memory by the scores of --from, where something is asked, a mean over layers [default:
    /// none]; for --goal choice and when scores are measured on what is held out, and for shares the mean over layers [default: 256].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000), help_heading = "Memory")]
    pub retain: Option<u32>,
    /// Begin with a gate that was fitted before, its map, its scores and its layers, or those of --layers, instead of a new one.
    #[arg(long, value_name = "GATE.gguf", conflicts_with = "map", help_heading = "Memory")]
    pub from: Option<PathBuf>,
    /// Feature map of the memory: elu, or hedgehog:F for a learned one with F features, F even [default: hedgehog:128].
    #[arg(long, value_name = "MAP", help_heading = "Memory")]
    pub map: Option<MapArg>,
    /// What reads from the memory: only what is asked of a document, and answered, or always what comes after something was folded
    /// [default: asked, or that of --from].
    #[arg(long, value_name = "asked|always", value_parser = parse_read_out, help_heading = "Memory")]
    pub read_out: Option<ReadOut>,
    /// Layers that get a memory, such as 0,4-7 [default: all, or those of --from].
    #[arg(long, value_name = "LAYERS", value_parser = parse_layers, help_heading = "Memory")]
    pub layers: Option<Layers>,
    /// GiB of documents that are kept once they were read, with --read-out asked and for scores, which do not depend on the gate then.
    #[arg(long, value_name = "GIB", default_value_t = 6.0, value_parser = parse_weight, help_heading = "Material")]
    pub keep: f64,
    /// Times that the answers of documents that are kept together are gone through before the next ones, with --read-out asked; for scores,
    /// documents that are learned from after each one that is read.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=1000), help_heading = "Material")]
    pub rounds: u64,
    /// First tokens of a document that always stay in the cache.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(0..=65536), help_heading = "Memory")]
    pub sinks: u32,
    /// Most recent tokens that stay in the cache. A smaller window than that of use leaves more for the memory to learn from.
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=1_000_000), help_heading = "Memory")]
    pub window: u32,
    /// Tokens read at a time; scores are always fitted to 512.
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=65536), help_heading = "Memory")]
    pub segment: u32,
    /// How much an answer's likelihood counts; being like full attention counts 1.
    #[arg(long, value_name = "X", default_value_t = 0.3, value_parser = parse_weight, help_heading = "Objective")]
    pub nll: f64,
    /// How much it counts that an answer is likelier after its own document than after one whose folded part is another's.
    #[arg(long, value_name = "X", default_value_t = 0.3, value_parser = parse_weight, help_heading = "Objective")]
    pub contrast: f64,
    /// Every how many answers that is looked at.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Objective")]
    pub contrast_every: u64,
    /// With --read-out always, tokens before the end of an answer that gradients run through; what was read before is taken as it is, which saves up to a
    /// third of a step. Plain texts always have all.
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=1_000_000), help_heading = "Objective")]
    pub through: u32,
    /// Factor for all rates of learning: biases of gates 0.1, their weights 0.02, maps 0.005; scores 0.003, falling to a tenth.
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = parse_weight, help_heading = "Objective")]
    pub rate: f64,
}

impl TrainArgs {
    /// Refuses what cannot go together.
    pub fn check(&self) -> Result<(), clap::Error> {
        if cfg!(feature = "train") && self.pairs.is_empty() && self.text.is_empty() {
            return Err(conflict("train needs something to learn from; name --pairs, --text or both"));
        }
        let of_memory = self.fit == Part::Memory;
        if !of_memory && (self.pairs.is_empty() || !self.text.is_empty() || self.resume) {
            return Err(conflict(
                "scores and shares are fitted to --pairs alone, in one go: leave out --text and --resume",
            ));
        }
        if self.fit == Part::Shares && (self.from.is_none() || self.steps.is_none() || self.minutes.is_some()) {
            return Err(conflict(
                "shares are of a gate with scores, and found in so many documents: name --from and --steps, and leave out --minutes",
            ));
        }
        if !of_memory && (self.map.is_some() || self.layers.is_some() || self.read_out.is_some()) {
            return Err(conflict(
                "--map, --layers and --read-out are of the memory, which a fit of scores or shares leaves as it is",
            ));
        }
        if of_memory && self.retain.is_some() && (self.from.is_none() || self.read_out == Some(ReadOut::Always)) {
            return Err(conflict(
                "beside a memory tokens are retained by the scores of a gate, where something is asked: name --from, and leave out --read-out always",
            ));
        }
        let mut read = self.from.iter().chain(&self.pairs).chain(&self.text).chain([&self.model]);
        if let Some(read) = read.find(|read| same_file(read, &self.output)) {
            let read = read.display();
            return Err(conflict(&format!(
                "'{read}' is read and would be overwritten by --output; choose another name for the gate"
            )));
        }
        Ok(())
    }
}

/// `--goal`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Goal {
    /// To what each token is worth by itself.
    Worth,
    /// To what attention over all that is kept gives, from scores that were fitted the other way before: slower, and facts lose by it
    /// (docs/memory.md).
    Choice,
}

/// `--fit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// What is folded, and how much each head listens to it.
    Memory,
    /// Which tokens are worth keeping as they are.
    Scores,
    /// How many of them each layer retains, of a gate with scores: --steps documents are read.
    Shares,
}

/// `--map`; none for ELU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapArg(pub Option<u32>);

impl Default for MapArg {
    fn default() -> Self {
        Self(Some(128))
    }
}

impl FromStr for MapArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let width = |text: &str| text.parse().ok().filter(|n: &u32| *n >= 2 && n.is_multiple_of(2) && *n <= 65536);
        match text.split_once(':') {
            None if text == "elu" => Ok(Self(None)),
            Some(("hedgehog", n)) if width(n).is_some() => Ok(Self(width(n))),
            _ => Err("expected elu, or hedgehog:F with F even and from 2 to 65536".into()),
        }
    }
}

/// `--layers`, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layers(pub Vec<u32>);

fn parse_layers(text: &str) -> Result<Layers, String> {
    let mut layers = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        match (first.parse::<u16>(), last.parse::<u16>()) {
            (Ok(first), Ok(last)) if first <= last => layers.extend(u32::from(first)..=u32::from(last)),
            _ => return Err(format!("'{part}' is no layer and no range of layers; write 0,4-7")),
        }
    }
    layers.sort_unstable();
    layers.dedup();
    Ok(Layers(layers))
}

fn parse_read_out(text: &str) -> Result<ReadOut, String> {
    ReadOut::from_name(text).ok_or_else(|| "expected asked or always".into())
}

fn parse_minutes(text: &str) -> Result<f64, String> {
    parse_weight(text).ok().filter(|&minutes| minutes > 0.0).ok_or_else(|| "expected a number above 0".into())
}

fn parse_weight(text: &str) -> Result<f64, String> {
    let value = text.parse().ok().filter(|&x: &f64| (0.0..=1e6).contains(&x));
    value.ok_or_else(|| "expected a number that is not negative".into())
}

/// Says how to build a program that can train.
#[cfg(not(feature = "train"))]
pub fn run(
    _: &TrainArgs,
    printer: &mut super::printer::Printer,
    _: &std::sync::Arc<std::sync::atomic::AtomicBool>,
) -> anyhow::Result<super::exit::ExitStatus> {
    printer
        .usage("error: this build of edgeinf cannot train; build one that can: cargo build --release --features train");
    Ok(super::exit::ExitStatus::Usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_numbers_and_ranges() {
        assert_eq!(parse_layers("4-6,0,5").unwrap(), Layers(vec![0, 4, 5, 6]));
        for text in ["", "a", "3-1", "1,,2", "-1"] {
            assert!(parse_layers(text).is_err(), "{text}");
        }
    }

    #[test]
    fn maps_have_an_even_width() {
        assert_eq!("elu".parse(), Ok(MapArg(None)));
        assert_eq!("hedgehog:64".parse(), Ok(MapArg(Some(64))));
        for text in ["", "hedgehog", "hedgehog:7", "hedgehog:0", "elu:3", "relu"] {
            assert!(text.parse::<MapArg>().is_err(), "{text}");
        }
    }
}
