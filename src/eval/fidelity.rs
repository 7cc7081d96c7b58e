//! How far a policy's predictions on a text are from those of full attention.
//!
//! Full attention and all policies go through the text side by side, some tokens at a time, so that the predictions of none of
//! them have to be kept.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::llama::{Logits, Model, Token};
use crate::memory::budget::{surviving_bytes, token_bytes};
use crate::memory::layout::{Layout, WindowSizes};
use crate::memory::policy::Policy;
use crate::memory::request::SizeRequest;
use crate::reader::Reader;
use crate::summary::error::SummaryError;
use crate::summary::plan::{Plan, Settings, windowed_layout_around};

use super::distribution::{LogSoftmax, kl};
use super::error::EvalError;
use super::record::{Condition, Setting};
use super::text::sha256_of;

/// Tokens that are decoded at once, and whose predictions are in memory together.
const BATCH: usize = 64;

/// Tokens that [`Bin`]s are wide.
const BIN: usize = 1024;

/// Who is compared with full attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Student {
    condition: Condition,
    policy: Policy,
    sizes: WindowSizes,
}

impl Student {
    /// A policy with what it makes of the sizes asked for.
    ///
    /// # Errors
    /// [`EvalError::NotComparable`] for what does not read a text, [`EvalError::NoGate`], and those of a budget.
    pub fn new(
        model: &Model,
        settings: &Settings,
        request: SizeRequest,
        condition: Condition,
    ) -> Result<Self, EvalError> {
        let policy = match condition {
            // there is no question in a text
            Condition::None | Condition::SnapKvQuestion => return Err(EvalError::NotComparable),
            _ => condition.policy().ok_or(EvalError::NotComparable)?,
        };
        policy.check_gate(settings.gate.as_ref())?;
        let memory = settings.memory_bytes(policy, model);
        let sizes = request.resolve(policy, model, settings.cache_type, memory).map_err(SummaryError::from)?;
        Ok(Self { condition, policy, sizes })
    }
}

/// Predictions of a stretch of a text.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Its first token.
    pub from: usize,
    /// How many predictions.
    pub tokens: usize,
    /// Mean of KL(full || policy), nats.
    pub kl: f64,
    /// Of the policy.
    pub perplexity: f64,
}

/// A text under a policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FidelityRecord {
    /// Name of the text.
    pub case: String,
    /// How it was read.
    pub policy: Condition,
    /// Bytes that survive a compaction.
    pub budget_bytes: u64,
    /// Mean of KL(full || policy) over the predictions, nats per token.
    pub kl: f64,
    /// Under the policy.
    pub perplexity: f64,
    /// Under full attention.
    pub perplexity_full: f64,
    /// Share of the predictions whose likeliest token is the same.
    pub same_top: f64,
    /// The first token whose prediction counts.
    pub from: usize,
    /// How many count.
    pub tokens: usize,
    /// Along the text.
    pub by_position: Vec<Bin>,
    /// Time that full attention and all policies of this pass took together.
    pub seconds: f64,
    /// Of the tokens.
    pub text_sha256: String,
    /// What it was measured with.
    pub setting: Setting,
}

/// Sums over the predictions of a policy.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    n: usize,
    kl: f64,
    nll: f64,
    nll_full: f64,
    same_top: usize,
}

impl Sums {
    fn add(&mut self, other: &Self) {
        self.n += other.n;
        self.kl += other.kl;
        self.nll += other.nll;
        self.nll_full += other.nll_full;
        self.same_top += other.same_top;
    }

    fn mean(&self, sum: f64) -> f64 {
        sum / self.n as f64
    }
}

/// Compares policies with full attention.
#[derive(Debug)]
pub struct Comparison<'m> {
    model: &'m Model,
    settings: &'m Settings,
    from: usize,
    interrupt: Arc<AtomicBool>,
}

impl<'m> Comparison<'m> {
    /// A comparison of the predictions after the tokens from `from` on.
    pub fn new(model: &'m Model, settings: &'m Settings, from: usize, interrupt: Arc<AtomicBool>) -> Self {
        Self { model, settings, from, interrupt }
    }

    /// Measures a text under each policy, except where `done` has the result, and gives the results to `sink`, the old ones too.
    ///
    /// # Errors
    /// [`EvalError::TooShort`] for a text in which nothing counts, those of the engine and of `sink`.
    pub fn run(
        &self,
        case: &str,
        text: &[Token],
        students: &[Student],
        setting: &Setting,
        done: &mut Vec<FidelityRecord>,
        sink: &mut dyn FnMut(&FidelityRecord, bool) -> Result<(), EvalError>,
    ) -> Result<(), EvalError> {
        if text.len() < self.from + 2 {
            return Err(EvalError::TooShort { case: case.into(), tokens: text.len(), needed: self.from + 2 });
        }
        let text_sha256 = sha256_of(text);
        let known = |student: &Student| {
            let setting = setting.under(Some(student.policy), student.sizes, &self.settings.sizes);
            done.iter().find(|r| {
                r.policy == student.condition
                    && r.text_sha256 == text_sha256
                    && r.from == self.from
                    && r.setting == setting
            })
        };
        let mut missing = Vec::new();
        for &student in students {
            match known(&student) {
                Some(record) => sink(record, true)?,
                None => missing.push(student),
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let begin = Instant::now();
        let sums = self.measure(text, &missing)?;
        let seconds = (begin.elapsed().as_secs_f64() * 1e3).round() / 1e3;
        for (student, bins) in missing.iter().zip(sums) {
            let mut all = Sums::default();
            bins.iter().for_each(|(_, sums)| all.add(sums));
            if !(all.kl.is_finite() && all.nll.is_finite() && all.nll_full.is_finite()) {
                return Err(EvalError::NoNumber { case: case.into(), policy: student.policy });
            }
            let record = FidelityRecord {
                case: case.into(),
                policy: student.condition,
                budget_bytes: self.budget_bytes(student, text.len()),
                kl: all.mean(all.kl),
                perplexity: all.mean(all.nll).exp(),
                perplexity_full: all.mean(all.nll_full).exp(),
                same_top: all.mean(all.same_top as f64),
                from: self.from,
                tokens: all.n,
                by_position: bins
                    .iter()
                    .map(|&(from, sums)| Bin {
                        from,
                        tokens: sums.n,
                        kl: sums.mean(sums.kl),
                        perplexity: sums.mean(sums.nll).exp(),
                    })
                    .collect(),
                seconds,
                text_sha256: text_sha256.clone(),
                setting: setting.under(Some(student.policy), student.sizes, &self.settings.sizes),
            };
            sink(&record, false)?;
            // the same text may be named twice
            done.push(record);
        }
        Ok(())
    }

    /// Under full attention everything survives.
    fn budget_bytes(&self, student: &Student, n_tokens: usize) -> u64 {
        let cache_type = self.settings.cache_type;
        if student.policy == Policy::Full {
            return n_tokens as u64 * token_bytes(self.model, cache_type);
        }
        let memory = self.settings.memory_bytes(student.policy, self.model);
        surviving_bytes(self.model, student.policy, student.sizes, cache_type, memory)
    }

    /// Sums by policy and [`BIN`] of the text.
    fn measure(&self, tokens: &[Token], students: &[Student]) -> Result<Vec<Vec<(usize, Sums)>>, EvalError> {
        let bos: Vec<Token> = self.model.vocab().bos().into_iter().collect();
        let mut teacher = self.reader(Policy::Full, None, (bos.len() + tokens.len()) as u32)?;
        let mut readers = Vec::with_capacity(students.len());
        for student in students {
            let layout = match student.policy {
                Policy::Full => None,
                _ => Some(windowed_layout_around(self.model, student.sizes, bos.len() as u32, 0)?),
            };
            let n_cells = layout.map_or((bos.len() + tokens.len()) as u32, |layout| layout.n_cells);
            readers.push(self.reader(student.policy, layout, n_cells)?);
        }
        for reader in readers.iter_mut().chain([&mut teacher]) {
            reader.predict(&bos, Logits::None)?;
        }
        let mut sums: Vec<Vec<(usize, Sums)>> = vec![Vec::new(); students.len()];
        let mut expected: Vec<LogSoftmax> = Vec::with_capacity(BATCH);
        let mut at = 0;
        // all policies make room where a segment begins, as they do when they read
        for segment in tokens.chunks(self.settings.sizes.segment.max(1) as usize) {
            for reader in &mut readers {
                reader.make_room(segment.len() as u32)?;
            }
            for batch in segment.chunks(BATCH) {
                // the last token predicts what nobody knows
                let counts = |i: usize| at + i >= self.from && at + i + 1 < tokens.len();
                let logits = if (0..batch.len()).any(counts) { Logits::All } else { Logits::None };
                teacher.extend(batch, logits)?;
                expected.clear();
                for i in (0..batch.len()).filter(|&i| counts(i)) {
                    expected.push(LogSoftmax::new(teacher.context().logits(i as i32)?));
                }
                for (reader, sums) in readers.iter_mut().zip(&mut sums) {
                    reader.predict(batch, logits)?;
                    for (i, full) in (0..batch.len()).filter(|&i| counts(i)).zip(&expected) {
                        let found = LogSoftmax::new(reader.context().logits(i as i32)?);
                        let next = tokens[at + i + 1] as usize;
                        let one = Sums {
                            n: 1,
                            kl: kl(full, &found),
                            nll: -found.of(next),
                            nll_full: -full.of(next),
                            same_top: usize::from(full.top() == found.top()),
                        };
                        let bin = ((at + i) / BIN * BIN).max(self.from);
                        match sums.last_mut() {
                            Some((from, sums)) if *from == bin => sums.add(&one),
                            _ => sums.push((bin, one)),
                        }
                    }
                }
                at += batch.len();
            }
        }
        Ok(sums)
    }

    fn reader(&self, policy: Policy, layout: Option<Layout>, n_cells: u32) -> Result<Reader<'m>, EvalError> {
        let plan = Plan::new(self.model, self.settings, policy, layout, n_cells);
        let gate = policy.gate_from(self.settings.gate.as_ref());
        Ok(plan.reader(self.model, self.settings, gate, BATCH as u32, &self.interrupt)?)
    }
}
