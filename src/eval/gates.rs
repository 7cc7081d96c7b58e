//! How far the gates of the memory are open when something is asked of a text, by layer and by how much of the text was read.
//!
//! A text is read once; at each length a summary is asked for from a copy of what is remembered, and reading goes on as if nothing had
//! been asked.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::llama::{Context, EvalTensor, Model, NativeGate, Token, Watch};
use crate::memory::budget::surviving_bytes;
use crate::memory::policy::Policy;
use crate::reader::Reader;
use crate::summary::plan::{Plan, Settings, context_params, windowed_plan};
use crate::summary::prompt::{Instructions, PromptTokens};
use crate::summary::request::Length;

use super::error::EvalError;
use super::record::{Condition, Setting};
use super::text::{read_text, sha256_of};

const POLICY: Policy = Policy::EdgeInfinite;

/// The gates of a layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenLayer {
    /// Which layer.
    pub layer: u32,
    /// Mean over what is asked and over query heads, from 0 to 1.
    pub gate: f64,
    /// Mean over what is asked, by query head.
    pub heads: Vec<f64>,
}

/// The gates of all layers that have a memory, at some length of a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GatesRecord {
    /// Name of the text.
    pub case: String,
    /// How it was read: with the memory.
    pub policy: Condition,
    /// Bytes that survive a compaction.
    pub budget_bytes: u64,
    /// Tokens of the text that were read.
    pub length: u64,
    /// Tokens in the memory, in the layer that has most of them.
    pub tokens_folded: u64,
    /// Layers, lowest first.
    pub layers: Vec<OpenLayer>,
    /// Time that reading took from the last length on, and asking, in seconds.
    pub seconds: f64,
    /// Of the tokens that were read.
    pub text_sha256: String,
    /// What it was measured with.
    pub setting: Setting,
}

/// Sums over tokens of the gates that were seen, by layer and query head.
#[derive(Debug, Default)]
struct Seen {
    /// Whether anybody wants to see them.
    wanted: bool,
    sums: BTreeMap<u32, Vec<f64>>,
    n_tokens: BTreeMap<u32, usize>,
}

impl Seen {
    /// Whether the data of a tensor is wanted; with it, adds it up. Gates are `[1, n_tokens, n_head]`.
    fn see(&mut self, tensor: &EvalTensor<'_>) -> bool {
        let layer = tensor.name.strip_prefix("edgeinf_gate-").and_then(|layer| layer.parse::<u32>().ok());
        let Some(layer) = layer.filter(|_| self.wanted) else { return false };
        if let Some(data) = &tensor.data {
            let [_, n_tokens, n_head, _] = tensor.shape.map(|n| usize::try_from(n).unwrap_or(0));
            let sums = self.sums.entry(layer).or_insert_with(|| vec![0.0; n_head]);
            for (sum, gates) in sums.iter_mut().zip(data.chunks(n_tokens.max(1))) {
                *sum += gates.iter().map(|&gate| f64::from(gate)).sum::<f64>();
            }
            *self.n_tokens.entry(layer).or_default() += n_tokens;
        }
        true
    }

    /// The means; forgets what was seen.
    fn take(&mut self) -> Vec<OpenLayer> {
        let n_tokens = std::mem::take(&mut self.n_tokens);
        let each = |(layer, sums): (u32, Vec<f64>)| {
            let n = n_tokens.get(&layer).map_or(1.0, |&n| n as f64);
            let heads: Vec<f64> = sums.into_iter().map(|sum| sum / n).collect();
            OpenLayer { layer, gate: heads.iter().sum::<f64>() / heads.len().max(1) as f64, heads }
        };
        std::mem::take(&mut self.sums).into_iter().map(each).collect()
    }
}

/// A text that is long enough.
#[derive(Debug)]
pub struct LongText {
    case: String,
    tokens: Vec<Token>,
}

impl LongText {
    /// As much of a text file as the largest length takes.
    ///
    /// # Errors
    /// [`EvalError::TextTooShort`] if it ends before, and those of reading.
    pub fn read(model: &Model, path: &Path, length: u64, interrupt: &Arc<AtomicBool>) -> Result<Self, EvalError> {
        let n = usize::try_from(length).unwrap_or(usize::MAX);
        let tokens = read_text(model, path, n, interrupt)?;
        if tokens.len() < n {
            return Err(EvalError::TextTooShort { path: path.to_owned(), tokens: tokens.len(), length });
        }
        let case = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Ok(Self { case, tokens })
    }

    /// Its name.
    pub fn case(&self) -> &str {
        &self.case
    }
}

/// Who asks, and with what.
#[derive(Debug)]
pub struct Asker<'m> {
    model: &'m Model,
    settings: &'m Settings,
    setting: Setting,
    budget_bytes: u64,
    prompt: PromptTokens,
    plan: Plan,
    interrupt: Arc<AtomicBool>,
}

impl<'m> Asker<'m> {
    /// With the gate and the sizes of some settings.
    ///
    /// # Errors
    /// [`EvalError::NoGate`], and what keeps a model from being read so.
    pub fn new(
        model: &'m Model,
        settings: &'m Settings,
        setting: &Setting,
        interrupt: &Arc<AtomicBool>,
    ) -> Result<Self, EvalError> {
        POLICY.check_gate(settings.gate.as_ref())?;
        let sizes = settings.sizes_of(POLICY, model)?;
        let memory = settings.memory_bytes(POLICY, model);
        let prompt = PromptTokens::new(model, &Instructions::summary(Length::default())?)?;
        let plan = windowed_plan(model, settings, POLICY, &prompt)?;
        Ok(Self {
            model,
            settings,
            setting: setting.under(Some(POLICY), sizes, &settings.sizes),
            budget_bytes: surviving_bytes(model, POLICY, sizes, settings.cache_type, memory),
            prompt,
            plan,
            interrupt: Arc::clone(interrupt),
        })
    }

    /// Measures at each length, rising, of a text, except where `done` has the results, and gives the results to `sink` one by one, the old
    /// ones too.
    ///
    /// # Errors
    /// [`EvalError::NothingFolded`], others of [`EvalError`], and those of `sink`.
    pub fn run(
        &self,
        text: &LongText,
        lengths: &[u64],
        done: &mut Vec<GatesRecord>,
        sink: &mut dyn FnMut(&GatesRecord, bool) -> Result<(), EvalError>,
    ) -> Result<(), EvalError> {
        let seen = Rc::new(RefCell::new(Seen::default()));
        // prompt and text are one stream, so that segments are the same wherever something is asked
        let stream = [&self.prompt.prefix[..], &text.tokens].concat();
        let (mut reader, mut at) = (None, 0);
        for &length in lengths {
            let text_sha256 = sha256_of(&text.tokens[..length as usize]);
            let same =
                |r: &&GatesRecord| (r.length, &r.text_sha256, &r.setting) == (length, &text_sha256, &self.setting);
            if let Some(record) = done.iter().find(same) {
                sink(record, true)?;
                continue;
            }
            let begin = Instant::now();
            let reader = match &mut reader {
                Some(reader) => reader,
                None => reader.insert(self.reader(&seen)?),
            };
            let end = self.prompt.prefix.len() + length as usize;
            reader.push(&stream[at..end])?;
            // what waits for its segment is decoded with what is asked, and once more when reading goes on
            at = end - reader.n_pending();
            let state = reader.context().save_state()?;
            seen.borrow_mut().wanted = true;
            reader.finish(&self.prompt.suffix)?;
            let tokens_folded = reader.context().n_folded();
            seen.borrow_mut().wanted = false;
            reader.context().restore_state(&state)?;
            let layers = seen.borrow_mut().take();
            if layers.is_empty() {
                return Err(EvalError::NothingFolded { case: text.case.clone(), length });
            }
            let record = GatesRecord {
                case: text.case.clone(),
                policy: Condition::EdgeInfinite,
                budget_bytes: self.budget_bytes,
                length,
                tokens_folded,
                layers,
                seconds: (begin.elapsed().as_secs_f64() * 1e3).round() / 1e3,
                text_sha256,
                setting: self.setting.clone(),
            };
            sink(&record, false)?;
            done.push(record);
        }
        Ok(())
    }

    fn reader(&self, seen: &Rc<RefCell<Seen>>) -> Result<Reader<'m>, EvalError> {
        let gate = POLICY.gate_from(self.settings.gate.as_ref());
        let gate = gate.map(|gate| NativeGate::new(self.model, &gate)).transpose()?;
        let mut params = context_params(self.model, self.settings, gate, &self.plan, 1, &self.interrupt);
        let seen = Rc::clone(seen);
        params.eval_callback = Some(Watch::Data(Box::new(move |tensor| seen.borrow_mut().see(&tensor))));
        let context = Context::new(self.model, params)?;
        Ok(Reader::new(context, self.plan.layout, self.settings.sizes.segment.max(1)))
    }
}

/// A row for each layer and a column for each length: means over the texts.
pub fn gates_table(records: &[GatesRecord]) -> String {
    let mut lengths: Vec<u64> = records.iter().map(|r| r.length).collect();
    lengths.sort_unstable();
    lengths.dedup();
    let mut layers: Vec<u32> = records.iter().flat_map(|r| r.layers.iter().map(|l| l.layer)).collect();
    layers.sort_unstable();
    layers.dedup();
    let row = |name: &str, of: &dyn Fn(u64) -> Option<f64>| {
        let columns: Vec<Option<f64>> = lengths.iter().map(|&length| of(length)).collect();
        let mut text = format!("{name:>5}");
        for column in &columns {
            let _ = write!(text, " {:>8}", column.map_or_else(|| "-".to_owned(), |gate| format!("{gate:.4}")));
        }
        text + "\n"
    };
    let mean = |all: &mut dyn Iterator<Item = f64>| {
        let (n, sum) = all.fold((0_u32, 0.0), |(n, sum), gate| (n + 1, sum + gate));
        (n > 0).then(|| sum / f64::from(n))
    };
    let mut text = format!("{:>5}", "layer");
    lengths.iter().for_each(|length| {
        let _ = write!(text, " {length:>8}");
    });
    text.push('\n');
    let of = |length: u64| records.iter().filter(move |r| r.length == length).flat_map(|r| &r.layers);
    for layer in layers {
        text += &row(&layer.to_string(), &|length| mean(&mut of(length).filter(|l| l.layer == layer).map(|l| l.gate)));
    }
    text += &row("all", &|length| mean(&mut of(length).map(|l| l.gate)));
    text + "mean gate of what is asked, over its tokens, query heads and texts, by tokens read\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_are_means_over_tokens_by_head() {
        let mut seen = Seen::default();
        let tensor = |data| EvalTensor { name: "edgeinf_gate-3", op: "UNARY", shape: [1, 2, 3, 1], data };
        assert!(!seen.see(&tensor(None)), "nobody wants it");
        seen.wanted = true;
        for name in ["edgeinf_gate-3 (view)", "edgeinf_out-3", "edgeinf_gate-"] {
            assert!(!seen.see(&EvalTensor { name, ..tensor(None) }), "{name}");
        }
        assert!(seen.see(&tensor(None)));
        assert!(seen.see(&tensor(Some(vec![0.0, 0.5, 0.25, 0.25, 1.0, 0.0]))));
        assert!(seen.see(&EvalTensor { shape: [1, 1, 3, 1], ..tensor(Some(vec![1.0, 0.25, 0.5])) }));
        let layers = seen.take();
        assert_eq!(layers.len(), 1);
        assert_eq!((layers[0].layer, layers[0].heads.as_slice()), (3, &[0.5, 0.25, 0.5][..]));
        assert!((layers[0].gate - 1.25 / 3.0).abs() < 1e-12);
        assert!(seen.take().is_empty());
    }
}
