//! A document that was read under a policy, and what the model makes of it.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use crate::input::Markers;
use crate::llama::{LlamaError, Logits, Model, Sampler, SamplerParams, Token, Vocab};
use crate::memory::budget::{surviving_bytes, token_bytes};
use crate::memory::layout::{ANSWER_RESERVE, Layout, WindowSizes};
use crate::memory::policy::Policy;
use crate::reader::Reader;
use crate::summary::plan::{Plan, Settings, windowed_layout_around};
use crate::summary::prompt::Instructions;
use crate::summary::writer::{Written, write};

use super::distribution::LogSoftmax;
use super::error::EvalError;
use super::record::Condition;
use super::stretch::forgotten;

/// Tokens of an answer that are scored at once.
pub const ANSWER_BATCH: usize = 32;

/// The likeliest token each time: a penalty for repetition would keep a number with equal digits from being written.
const GREEDY: SamplerParams =
    SamplerParams { repeat_penalty: 1.0, repeat_last_n: 0, temperature: 0.0, top_p: 1.0, seed: 0 };

// an answer is scored in what is kept free for one that is written
const _: () = assert!(ANSWER_BATCH <= ANSWER_RESERVE as usize);

/// The tokens of a text: none of them steers the model.
///
/// # Errors
/// [`LlamaError::Tokenize`].
pub fn tokenize(vocab: Vocab<'_>, markers: &mut Markers<'_>, text: &str) -> Result<Vec<Token>, LlamaError> {
    let mut tokens = vocab.tokenize(text, false)?;
    markers.replace(&mut tokens)?;
    Ok(tokens)
}

/// Ways of reading that only an evaluation has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Form {
    /// The whole document is one segment and everything leaves at once behind it, as SnapKV was published; else segment by segment.
    #[serde(default)]
    pub prefill_once: bool,
    /// Neither prompt nor sinks stay, and the instruction stands only behind the document (an ablation of EdgeInfinite).
    #[serde(default)]
    pub no_sinks: bool,
}

impl Form {
    /// What is asked, in this form.
    pub fn instructions(self, asked: Instructions) -> Instructions {
        if self.no_sinks { Instructions { system: None, before: String::new(), ..asked } } else { asked }
    }
}

/// What a document is read with.
#[derive(Debug, Clone)]
pub struct Desk<'m> {
    /// The model.
    pub model: &'m Model,
    /// How it reads; the policy does not matter.
    pub settings: Settings,
    /// In which form.
    pub form: Form,
    /// Ends the work when it is set.
    pub interrupt: Arc<AtomicBool>,
}

impl<'m> Desk<'m> {
    /// Reads `prefix` and `document` under a condition. Suffixes of up to `n_suffix` tokens can follow, and `n_answer` more. `None`
    /// if full attention cannot hold that within the trained context.
    ///
    /// # Errors
    /// [`EvalError`].
    pub fn read(
        &self,
        condition: Condition,
        prefix: &[Token],
        document: &[Token],
        n_suffix: usize,
        n_answer: usize,
    ) -> Result<Option<Reading<'m>>, EvalError> {
        let n_all = prefix.len() + document.len() + n_suffix + n_answer;
        // without a document nothing has to leave
        let policy = condition.policy().unwrap_or(Policy::Full);
        let layout = match policy {
            Policy::Full => None,
            _ => {
                let layout = self.layout(policy, prefix.len(), document.len(), n_suffix)?;
                let is_asked_first = condition == Condition::SnapKvQuestion;
                Some(if is_asked_first { layout.with_aside(n_suffix as u32, 0) } else { layout })
            }
        };
        let n_cells = layout.map_or(n_all, |layout| layout.n_cells as usize);
        if n_cells > self.model.n_ctx_train() as usize {
            return Ok(None);
        }
        policy.check_gate(self.settings.gate.as_ref())?;
        let gate = policy.gate_from(self.settings.gate.as_ref());
        let plan = Plan::new(self.model, &self.settings, policy, layout, n_cells as u32);
        let mut reader = plan.reader(self.model, &self.settings, gate, ANSWER_BATCH as u32, &self.interrupt)?;
        reader.push(prefix)?;
        reader.push(document)?;
        reader.flush()?;
        if self.form.prefill_once && condition != Condition::SnapKvQuestion {
            reader.settle()?;
        }
        Ok(Some(Reading { desk: self.clone(), condition, reader }))
    }

    /// Where everything lies under a policy that compacts.
    fn layout(&self, policy: Policy, n_prefix: usize, n_document: usize, n_suffix: usize) -> Result<Layout, EvalError> {
        let sizes = self.settings.sizes_of(policy, self.model)?;
        let (n_prefix, n_suffix) = (n_prefix as u32, n_suffix as u32);
        let mut layout = if self.form.no_sinks {
            let sizes = WindowSizes { sinks: 0, ..sizes };
            windowed_layout_around(self.model, sizes, 0, n_suffix)?
        } else {
            windowed_layout_around(self.model, sizes, n_prefix, n_suffix)?
        };
        if self.form.prefill_once {
            // a text takes no cells of retained tokens
            let n_all = n_prefix + n_document as u32 + n_suffix + ANSWER_RESERVE + layout.n_retain;
            layout.n_cells = layout.n_cells.max(n_all.next_multiple_of(64));
        }
        Ok(layout)
    }

    /// What streaming has forgotten of a document when the answer begins: the same for all policies.
    ///
    /// # Errors
    /// Those of a budget.
    pub fn forgotten(&self, n_prefix: usize, n_document: usize, n_suffix: usize) -> Result<Range<usize>, EvalError> {
        let layout = self.layout(Policy::Streaming, n_prefix, n_document, n_suffix)?;
        let (n_prefix, n_document, n_suffix) = (n_prefix as u32, n_document as u32, n_suffix as u32);
        if !self.form.prefill_once {
            return Ok(forgotten(&layout, n_prefix, n_document, n_suffix));
        }
        let surplus = layout.surplus(n_prefix + n_document, 0);
        let in_document = |i: u32| i.saturating_sub(n_prefix) as usize;
        Ok(in_document(surplus.start)..in_document(surplus.end))
    }

    /// Bytes that survive a compaction under a condition; under full attention those of the whole document.
    ///
    /// # Errors
    /// Those of a budget.
    pub fn budget_bytes(&self, condition: Condition, n_document: usize) -> Result<u64, EvalError> {
        let cache_type = self.settings.cache_type;
        Ok(match condition.policy() {
            None => 0,
            Some(Policy::Full) => n_document as u64 * token_bytes(self.model, cache_type),
            Some(policy) => {
                let sizes = self.settings.sizes_of(policy, self.model)?;
                surviving_bytes(self.model, policy, sizes, cache_type, self.settings.memory_bytes(policy, self.model))
            }
        })
    }

    /// Why [`Desk::read`] gave nothing.
    pub fn too_long(&self) -> String {
        format!("longer than the {} tokens that the model was trained with", self.model.n_ctx_train())
    }
}

/// How likely an answer is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Likelihood {
    /// Negative log-likelihood in nats per token.
    pub nll: f64,
    /// Whether each of its tokens is the likeliest behind those before it: greedy decoding would begin with just these.
    pub likeliest: bool,
}

/// A document that was read.
#[derive(Debug)]
pub struct Reading<'m> {
    desk: Desk<'m>,
    condition: Condition,
    reader: Reader<'m>,
}

impl Reading<'_> {
    /// Saves what is remembered, so that several questions can begin from it.
    ///
    /// # Errors
    /// Those of [`crate::llama::Context::save_state`].
    pub fn save(&mut self) -> Result<Vec<u8>, LlamaError> {
        self.reader.context().save_state()
    }

    /// Goes back to what was saved.
    ///
    /// # Errors
    /// Those of [`crate::llama::Context::restore_state`].
    pub fn restore(&mut self, state: &[u8]) -> Result<(), LlamaError> {
        self.reader.context().restore_state(state)
    }

    /// Reads what stands behind the document, up to where the answer begins.
    ///
    /// # Errors
    /// Those of [`Reader::finish`].
    pub fn ask(&mut self, suffix: &[Token]) -> Result<(), LlamaError> {
        if self.condition == Condition::SnapKvQuestion {
            self.reader.finish_and_choose(suffix)
        } else {
            self.reader.finish(suffix)
        }
    }

    /// How likely an answer is that follows.
    ///
    /// # Errors
    /// Those of [`Reader::extend`]; an answer without a token is one.
    pub fn likelihood(&mut self, answer: &[Token]) -> Result<Likelihood, LlamaError> {
        let Some((&first, next)) = answer.split_first() else {
            return Err(LlamaError::Tokenize("a reference gives no token".into()));
        };
        let mut all = Likelihood { nll: 0.0, likeliest: true };
        let mut add = |logits: &[f32], token: Token| {
            let predicted = LogSoftmax::new(logits);
            all.nll -= predicted.of(token as usize) / answer.len() as f64;
            all.likeliest &= predicted.top() == token as usize;
        };
        add(self.reader.logits()?, first);
        // the last token is only predicted
        let known = &answer[..answer.len() - 1];
        for (part, next) in known.chunks(ANSWER_BATCH).zip(next.chunks(ANSWER_BATCH)) {
            self.reader.extend(part, Logits::All)?;
            for (i, &token) in next.iter().enumerate() {
                add(self.reader.context().logits(i as i32)?, token);
            }
        }
        Ok(all)
    }

    /// The same of an answer after the first tokens of what says it, which count for nothing.
    ///
    /// # Errors
    /// As [`Reading::likelihood`].
    pub fn likelihood_after(&mut self, given: &[Token], answer: &[Token]) -> Result<Likelihood, LlamaError> {
        for part in given.chunks(ANSWER_BATCH) {
            self.reader.extend(part, Logits::Last)?;
        }
        self.likelihood(answer)
    }

    /// Lets the model go on, with the likeliest token each time, until it ends by itself or `max_tokens` were written.
    ///
    /// # Errors
    /// Those of [`Reader::step`]; [`LlamaError::Interrupted`].
    pub fn complete(&mut self, max_tokens: u32) -> Result<String, LlamaError> {
        let vocab = self.desk.model.vocab();
        let mut sampler = Sampler::new(vocab, GREEDY)?;
        let mut bytes = Vec::new();
        let mut token = sampler.sample(self.reader.logits()?);
        for _ in 0..max_tokens {
            if vocab.is_eog(token) {
                break;
            }
            if self.desk.interrupt.load(Ordering::Relaxed) {
                return Err(LlamaError::Interrupted);
            }
            vocab.append_piece(token, false, &mut bytes);
            token = sampler.sample(self.reader.step(token)?);
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Lets the model write a text of whole sentences.
    ///
    /// # Errors
    /// Those of [`write()`].
    pub fn answer(&mut self, max_tokens: u32, sampler: SamplerParams) -> Result<Written, LlamaError> {
        let vocab = self.desk.model.vocab();
        let mut sampler = Sampler::new(vocab, sampler)?;
        write(&mut self.reader, vocab, &mut sampler, max_tokens, &self.desk.interrupt, &mut |_| true)
    }
}
