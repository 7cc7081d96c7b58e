//! How likely an answer is after a document was read: a measure of what is remembered that needs no generation.

use std::ops::Range;
use std::time::Instant;

use sha2::{Digest, Sha256};

use crate::input::Markers;
use crate::llama::Token;
use crate::memory::policy::Policy;
use crate::summary::prompt::{Instructions, PromptTokens};
use crate::summary::request::Length;

use super::error::EvalError;
use super::pairs::Pair;
use super::reading::{Desk, tokenize};
use super::record::{Condition, Record, Setting};
use super::stretch::replaced;

/// Reads documents and scores answers.
#[derive(Debug)]
pub struct Examiner<'m> {
    desk: Desk<'m>,
}

/// A pair as tokens.
#[derive(Debug)]
struct Tokens {
    document: Vec<Token>,
    reference: Vec<Token>,
}

impl<'m> Examiner<'m> {
    /// An examiner that reads so.
    pub fn new(desk: Desk<'m>) -> Self {
        Self { desk }
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
        let vocab = self.desk.model.vocab();
        let mut markers = Markers::new(vocab)?;
        let mut tokens = Vec::with_capacity(pairs.len());
        for pair in pairs {
            let document = tokenize(vocab, &mut markers, &pair.document)?;
            tokens.push(Tokens { document, reference: tokenize(vocab, &mut markers, &pair.reference)? });
        }
        for i in 0..pairs.len() {
            let mut of_pair: Vec<Record> = Vec::new();
            for &condition in conditions {
                let policy = condition.policy();
                let sizes = self.desk.settings.sizes_of(policy.unwrap_or(Policy::Full), self.desk.model)?;
                let setting = setting.under(policy, sizes, &self.desk.settings.sizes);
                let case = Case { pairs, tokens: &tokens, i, condition };
                let sha256 = case.sha256();
                let instructions = pairs[i]
                    .question
                    .as_deref()
                    .map_or_else(|| Instructions::summary(Length::default()), Instructions::request)?;
                let prompt = PromptTokens::new(self.desk.model, &self.desk.form.instructions(instructions))?;
                let range = self.desk.forgotten(prompt.prefix.len(), tokens[i].document.len(), prompt.suffix.len())?;
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
                let end = |end: Condition| {
                    let here = of_pair.iter().find(|older| older.policy == end);
                    here.or_else(|| done.iter().find(|older| is_end_of(older, end, &record)))
                };
                record.recovered = recovered(&record, end(Condition::Streaming), end(Condition::Full));
                sink(&record, known.is_some())?;
                of_pair.push(record);
            }
        }
        Ok(())
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
        Ok(Record {
            case: pair.id.clone(),
            policy: case.condition,
            budget_bytes: self.desk.budget_bytes(case.condition, document.len())?,
            nll,
            nll_other,
            specific: nll_other.zip(nll).map(|(other, own)| other - own),
            recovered: None,
            skipped: nll.is_none().then(|| self.desk.too_long()),
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
        let reading = self.desk.read(condition, &prompt.prefix, document, prompt.suffix.len(), reference.len())?;
        let Some(mut reading) = reading else { return Ok(None) };
        reading.ask(&prompt.suffix)?;
        Ok(Some(reading.likelihood(reference)?.nll))
    }
}

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

/// `(nll_streaming - nll) / (nll_streaming - nll_full)`, from the results of the same pair by `streaming` and `full`; it says nothing of the
/// two ends.
fn recovered(record: &Record, streaming: Option<&Record>, full: Option<&Record>) -> Option<f64> {
    if matches!(record.policy, Condition::Full | Condition::Streaming) {
        return None;
    }
    let (streaming, full) = (streaming?.nll?, full?.nll?);
    Some((streaming - record.nll?) / (streaming - full)).filter(|share| share.is_finite())
}

/// Whether an older result is of the same reading as `record` but for the policy: of the same bytes where they are bounded.
fn is_end_of(older: &Record, policy: Condition, record: &Record) -> bool {
    let (a, b) = (&older.setting, &record.setting);
    older.policy == policy
        && (&older.case, &older.text_sha256) == (&record.case, &record.text_sha256)
        && older.forgotten_tokens == record.forgotten_tokens
        && (policy == Condition::Full || older.budget_bytes == record.budget_bytes)
        && (&a.model_sha256, a.sinks, a.segment, a.form, &a.cache_type, a.flash_attention)
            == (&b.model_sha256, b.sinks, b.segment, b.form, &b.cache_type, b.flash_attention)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::record::tests::record;

    #[test]
    fn recovered_is_a_share_of_the_way_to_full_attention() {
        let [full, streaming] = [record("a", Condition::Full, 2.0, None), record("a", Condition::Streaming, 3.0, None)];
        let memory = record("a", Condition::EdgeInfinite, 2.75, None);
        assert_eq!(recovered(&memory, Some(&streaming), Some(&full)), Some(0.25));
        assert_eq!(recovered(&memory, Some(&streaming), None), None);
        assert_eq!(recovered(&streaming, Some(&streaming), Some(&full)), None);
        assert_eq!(recovered(&full, None, None), None);
    }

    #[test]
    fn ends_may_have_been_measured_before() {
        let memory = record("a", Condition::EdgeInfinite, 2.75, None);
        let streaming = record("a", Condition::Streaming, 3.0, None);
        assert!(is_end_of(&streaming, Condition::Streaming, &memory));
        assert!(!is_end_of(&streaming, Condition::Full, &memory));
        assert!(!is_end_of(&record("b", Condition::Streaming, 3.0, None), Condition::Streaming, &memory));
        let other = Record { budget_bytes: memory.budget_bytes + 1, ..streaming.clone() };
        assert!(!is_end_of(&other, Condition::Streaming, &memory));
        let longer = Setting { segment: 2 * streaming.setting.segment, ..streaming.setting.clone() };
        assert!(!is_end_of(&Record { setting: longer, ..streaming }, Condition::Streaming, &memory));
    }
}
