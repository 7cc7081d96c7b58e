//! How likely an answer is after a document was read: a measure of what is remembered that needs no generation.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use sha2::{Digest, Sha256};

use crate::input::Markers;
use crate::llama::{LlamaError, Logits, Model, NativeGate, Token};
use crate::memory::budget::{surviving_bytes, token_bytes};
use crate::memory::layout::ANSWER_RESERVE;
use crate::memory::policy::Policy;
use crate::reader::Reader;
use crate::summary::plan::{Plan, Settings, new_context, windowed_layout};
use crate::summary::prompt::{Instructions, PromptTokens};

use super::distribution::LogSoftmax;
use super::error::EvalError;
use super::pairs::Pair;
use super::record::{Condition, Record, Setting};
use super::stretch::{forgotten, replaced};

/// Tokens of an answer that are scored at once.
const BATCH: usize = 32;

/// Reads documents and scores answers.
#[derive(Debug)]
pub struct Examiner<'m> {
    model: &'m Model,
    settings: Settings,
    interrupt: Arc<AtomicBool>,
}

/// A pair as tokens.
#[derive(Debug)]
struct Tokens {
    document: Vec<Token>,
    reference: Vec<Token>,
}

impl<'m> Examiner<'m> {
    /// An examiner that reads as `settings` say; their policy does not matter.
    pub fn new(model: &'m Model, settings: Settings, interrupt: Arc<AtomicBool>) -> Self {
        Self { model, settings, interrupt }
    }

    /// Scores each pair under each condition, except where `done` has the result, and gives the results to `sink` one by one,
    /// the old ones too.
    ///
    /// # Errors
    /// [`EvalError`], and those of `sink`.
    pub fn run(
        &self,
        pairs: &[Pair],
        conditions: &[Condition],
        setting: &Setting,
        done: &[Record],
        sink: &mut dyn FnMut(&Record, bool) -> Result<(), EvalError>,
    ) -> Result<(), EvalError> {
        let vocab = self.model.vocab();
        let mut markers = Markers::new(vocab)?;
        let mut tokens = Vec::with_capacity(pairs.len());
        for pair in pairs {
            // both are text: no token in them steers the model
            let [mut document, mut reference] =
                [&pair.document, &pair.reference].map(|text| vocab.tokenize(text, false));
            for part in [&mut document, &mut reference] {
                part.as_mut().map_or(Ok(()), |part| markers.replace(part))?;
            }
            tokens.push(Tokens { document: document?, reference: reference? });
        }
        for i in 0..pairs.len() {
            let mut of_pair: Vec<Record> = Vec::new();
            for &condition in conditions {
                let policy = condition.policy();
                let sizes = self.settings.sizes_of(policy.unwrap_or(Policy::Full), self.model)?;
                let setting = setting.under(policy, sizes);
                let case = Case { pairs, tokens: &tokens, i, condition };
                let sha256 = case.sha256();
                let instructions =
                    pairs[i].question.as_deref().map_or_else(Instructions::default, Instructions::request);
                let prompt = PromptTokens::new(self.model, &instructions)?;
                let range = self.forgotten(&prompt, &tokens[i].document)?;
                // the same sizes may come of another window, with another stretch that is replaced
                let same = |r: &&Record| {
                    r.case == pairs[i].id
                        && r.forgotten_tokens as usize == range.len()
                        && r.is_of(condition, &sha256, &setting)
                };
                let known = done.iter().find(same);
                let mut record = match known {
                    Some(record) => record.clone(),
                    None => self.score(&case, &prompt, &range, sha256.clone(), setting.clone())?,
                };
                record.recovered = recovered(&record, &of_pair);
                sink(&record, known.is_some())?;
                of_pair.push(record);
            }
        }
        Ok(())
    }

    /// What streaming has forgotten of a document: the same for all policies.
    fn forgotten(&self, prompt: &PromptTokens, document: &[Token]) -> Result<Range<usize>, EvalError> {
        let layout = windowed_layout(self.model, self.settings.sizes_of(Policy::Streaming, self.model)?, prompt)?;
        Ok(forgotten(&layout, prompt.prefix.len() as u32, document.len() as u32, prompt.suffix.len() as u32))
    }

    fn score(
        &self,
        case: &Case<'_>,
        prompt: &PromptTokens,
        range: &Range<usize>,
        text_sha256: String,
        setting: Setting,
    ) -> Result<Record, EvalError> {
        let begin = Instant::now();
        let (pair, Tokens { document, reference }) = (&case.pairs[case.i], &case.tokens[case.i]);
        let nothing: &[Token] = &[];
        let own = if case.condition == Condition::None { nothing } else { document };
        let nll = self.nll(case.condition, prompt, own, reference)?;
        let other = Some(()).filter(|()| nll.is_some() && case.condition != Condition::None && !range.is_empty());
        let other = other.and_then(|()| replaced(document, range, case.others()));
        let (nll_other, names) = match other {
            Some((tokens, names)) => (self.nll(case.condition, prompt, &tokens, reference)?, names),
            None => (None, Vec::new()),
        };
        let cache_type = self.settings.cache_type;
        let trained = self.model.n_ctx_train();
        Ok(Record {
            case: pair.id.clone(),
            policy: case.condition,
            budget_bytes: match case.condition.policy() {
                None => 0,
                Some(Policy::Full) => document.len() as u64 * token_bytes(self.model, cache_type),
                Some(policy) => {
                    let sizes = self.settings.sizes_of(policy, self.model)?;
                    let memory = self.settings.memory_bytes(policy, self.model);
                    surviving_bytes(self.model, policy, sizes, cache_type, memory)
                }
            },
            nll,
            nll_other,
            specific: nll_other.zip(nll).map(|(other, own)| other - own),
            recovered: None,
            skipped: nll.is_none().then(|| format!("longer than the {trained} tokens that the model was trained with")),
            other: names.into_iter().map(str::to_owned).collect(),
            reference_tokens: reference.len() as u32,
            document_tokens: document.len() as u32,
            forgotten_tokens: range.len() as u32,
            seconds: (begin.elapsed().as_secs_f64() * 1e3).round() / 1e3,
            text_sha256,
            setting,
        })
    }

    /// Nats per token of `reference` after prompt and document; `None` if full attention cannot hold them.
    fn nll(
        &self,
        condition: Condition,
        prompt: &PromptTokens,
        document: &[Token],
        reference: &[Token],
    ) -> Result<Option<f64>, EvalError> {
        let Some((&first, next)) = reference.split_first() else {
            return Err(LlamaError::Tokenize("a reference gives no token".into()).into());
        };
        let n_all = prompt.prefix.len() + document.len() + prompt.suffix.len() + reference.len();
        // without a document nothing has to leave
        let policy = condition.policy().unwrap_or(Policy::Full);
        let (layout, n_cells) = match policy {
            Policy::Full if n_all > self.model.n_ctx_train() as usize => return Ok(None),
            Policy::Full => (None, n_all as u32),
            _ => {
                let layout = windowed_layout(self.model, self.settings.sizes_of(policy, self.model)?, prompt)?;
                (Some(layout), layout.n_cells)
            }
        };
        let gate = match &self.settings.gate {
            None if policy.rule().folds() => return Err(EvalError::NoGate),
            Some(gate) if policy.rule().folds() => Some(NativeGate::new(self.model, gate)?),
            _ => None,
        };
        let plan = Plan::new(self.model, &self.settings, policy, layout, n_cells);
        let context = new_context(self.model, &self.settings, gate, &plan, BATCH as u32, &self.interrupt)?;
        let mut reader = Reader::new(context, layout, self.settings.sizes.segment);
        reader.push(&prompt.prefix)?;
        reader.push(document)?;
        if condition == Condition::SnapKvQuestion {
            reader.finish_and_choose(&prompt.suffix)?;
        } else {
            reader.finish(&prompt.suffix)?;
        }
        let mut sum = -LogSoftmax::new(reader.logits()?).of(first as usize);
        // the last token is only predicted
        let known = &reference[..reference.len() - 1];
        for (part, next) in known.chunks(BATCH).zip(next.chunks(BATCH)) {
            reader.extend(part, Logits::All)?;
            for (i, &token) in next.iter().enumerate() {
                sum -= LogSoftmax::new(reader.context().logits(i as i32)?).of(token as usize);
            }
        }
        Ok(Some(sum / reference.len() as f64))
    }
}

// an answer is scored in what is kept free for one that is written
const _: () = assert!(BATCH <= ANSWER_RESERVE as usize);

/// A pair under a condition, with the pairs that can stand in for it.
struct Case<'a> {
    pairs: &'a [Pair],
    tokens: &'a [Tokens],
    i: usize,
    condition: Condition,
}

impl<'a> Case<'a> {
    /// The other documents, from the next one on.
    fn others(&self) -> impl Iterator<Item = (&'a str, &'a [Token])> + Clone {
        let (pairs, tokens, i) = (self.pairs, self.tokens, self.i);
        let order = (1..pairs.len()).map(move |k| (i + k) % pairs.len());
        order.map(move |j| (pairs[j].id.as_str(), tokens[j].document.as_slice()))
    }

    /// Of all text that the result depends on. Parts are separated by a byte that no text has.
    fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        let mut add = |part: &str| {
            hash.update(part.as_bytes());
            hash.update([0xff]);
        };
        let own = &self.pairs[self.i];
        add(own.question.as_deref().unwrap_or_default());
        add(&own.reference);
        if self.condition != Condition::None {
            add(&own.document);
            let n = self.pairs.len();
            for k in 1..n {
                add(&self.pairs[(self.i + k) % n].document);
            }
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// `(nll_streaming - nll) / (nll_streaming - nll_full)`, from earlier results of the same pair and this one; it says nothing of the
/// two ends.
fn recovered(record: &Record, earlier: &[Record]) -> Option<f64> {
    if matches!(record.policy, Condition::Full | Condition::Streaming) {
        return None;
    }
    let nll = |policy| earlier.iter().find(|r| r.policy == policy).and_then(|r| r.nll);
    let (streaming, full) = (nll(Condition::Streaming)?, nll(Condition::Full)?);
    Some((streaming - record.nll?) / (streaming - full)).filter(|share| share.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::record::tests::record;

    #[test]
    fn recovered_is_a_share_of_the_way_to_full_attention() {
        let earlier = [record("a", Condition::Full, 2.0, None), record("a", Condition::Streaming, 3.0, None)];
        assert_eq!(recovered(&record("a", Condition::EdgeInfinite, 2.75, None), &earlier), Some(0.25));
        assert_eq!(recovered(&earlier[1], &earlier[..1]), None);
        assert_eq!(recovered(&earlier[0], &[]), None);
    }
}
