//! Summaries that a model writes, against those that somebody wrote.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::embed::Embedder;
use crate::input::Markers;
use crate::llama::SamplerParams;
use crate::memory::policy::Policy;
use crate::summary::prompt::{Instructions, PromptTokens};
use crate::summary::request::Length;

use super::error::EvalError;
use super::pairs::Pair;
use super::reading::{Desk, tokenize};
use super::record::{Condition, Setting};
use super::scores::{Scorer, Scores, similarity};

/// A summary of a document under a policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SummaryRecord {
    /// Name of the pair.
    pub case: String,
    /// How the document was read.
    pub policy: Condition,
    /// Bytes that survive a compaction; under full attention those of the whole document.
    pub budget_bytes: u64,
    /// Against the reference and the document; none without a result.
    #[serde(flatten)]
    pub scores: Option<Scores>,
    /// sha256 of the model that `similarity` was computed with, if it was.
    #[serde(default)]
    pub similarity_model: Option<String>,
    /// Names and numbers in it that the document does not have.
    pub not_in_document: Vec<String>,
    /// What the model wrote.
    pub summary: Option<String>,
    /// Whether it ended by itself or at the end of a sentence.
    pub complete: bool,
    /// Why there is no result.
    pub skipped: Option<String>,
    /// The length that was asked for.
    pub asked: String,
    /// Length of the document.
    pub document_tokens: u32,
    /// Length of the summary.
    pub summary_tokens: u32,
    /// Time that reading and writing took.
    pub seconds: f64,
    /// Of document, reference, facts and question.
    pub text_sha256: String,
    /// What it was measured with.
    pub setting: Setting,
}

/// Of all text that a result depends on. Parts are separated by a byte that no text has.
fn sha256(pair: &Pair) -> String {
    let mut hash = Sha256::new();
    let values = pair.facts.iter().map(|fact| fact.value.as_str());
    let parts =
        [pair.document.as_str(), pair.reference.as_str()].into_iter().chain(values).chain(pair.question.as_deref());
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0xff]);
    }
    for fact in &pair.facts {
        hash.update(fact.depth.to_le_bytes());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// How summaries are made.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    /// How documents are read.
    pub conditions: &'a [Condition],
    /// How long summaries are to be.
    pub length: Length,
    /// What they are made with.
    pub setting: &'a Setting,
}

/// What compares summaries with references: an embedder, and the sha256 of its model.
pub type Comparer<'a, 'm> = (&'a mut Embedder<'m>, &'a str);

/// Lets the model summarize each document under each condition, except where `done` has the result, and gives the results to `sink`
/// one by one, the old ones too, as they are. Without a comparer nothing is said of similarity.
///
/// # Errors
/// [`EvalError`], and those of `sink`.
pub fn run(
    desk: &Desk<'_>,
    pairs: &[Pair],
    plan: Plan<'_>,
    mut comparer: Option<Comparer<'_, '_>>,
    done: &[SummaryRecord],
    sink: &mut dyn FnMut(&SummaryRecord, bool) -> Result<(), EvalError>,
) -> Result<(), EvalError> {
    let Plan { conditions, length, setting } = plan;
    let vocab = desk.model.vocab();
    let mut markers = Markers::new(vocab)?;
    for pair in pairs {
        let instructions =
            pair.question.as_deref().map_or_else(|| Instructions::summary(length), Instructions::request)?;
        let prompt = PromptTokens::new(desk.model, &desk.form.instructions(instructions))?;
        let text_sha256 = sha256(pair);
        let mut document = None;
        for &condition in conditions {
            let sizes = desk.settings.sizes_of(condition.policy().unwrap_or(Policy::Full), desk.model)?;
            let setting = setting.under(condition.policy(), sizes, &desk.settings.sizes);
            let same = |r: &&SummaryRecord| {
                (r.policy, &r.case, &r.text_sha256) == (condition, &pair.id, &text_sha256)
                    && r.asked == length.to_string()
                    && r.setting == setting
            };
            if let Some(record) = done.iter().find(same) {
                sink(record, true)?;
                continue;
            }
            let document = match &mut document {
                Some(document) => document,
                none => none.insert(tokenize(vocab, &mut markers, &pair.document)?),
            };
            let own = if condition == Condition::None { &[][..] } else { &document[..] };
            let begin = Instant::now();
            let max_tokens = length.max_tokens();
            let reading = desk.read(condition, &prompt.prefix, own, prompt.suffix.len(), max_tokens as usize)?;
            let written = match reading {
                Some(mut reading) => {
                    reading.ask(&prompt.suffix)?;
                    Some(reading.answer(max_tokens, SamplerParams::default())?)
                }
                None => None,
            };
            let seconds = (begin.elapsed().as_secs_f64() * 1e3).round() / 1e3;
            let scored = written.as_ref().map(|written| {
                let mut scorer = Scorer::new(&written.text);
                scorer.read(&pair.document);
                scorer.finish(&pair.reference, &pair.facts)
            });
            let (mut scores, not_in_document) =
                scored.transpose()?.map_or((None, Vec::new()), |(scores, names)| (Some(scores), names));
            let mut similarity_model = None;
            if let (Some(scores), Some(written), Some((embedder, sha256))) = (&mut scores, &written, &mut comparer) {
                scores.similarity = similarity(embedder, &pair.reference, &written.text)?;
                similarity_model = scores.similarity.map(|_| (*sha256).to_owned());
            }
            let record = SummaryRecord {
                case: pair.id.clone(),
                policy: condition,
                budget_bytes: desk.budget_bytes(condition, document.len())?,
                scores,
                similarity_model,
                not_in_document,
                complete: written.as_ref().is_some_and(|w| w.incomplete.is_none()),
                skipped: written.is_none().then(|| desk.too_long()),
                asked: length.to_string(),
                document_tokens: document.len() as u32,
                summary_tokens: written.as_ref().map_or(0, |w| w.tokens),
                summary: written.map(|w| w.text),
                seconds,
                text_sha256: text_sha256.clone(),
                setting,
            };
            sink(&record, false)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_question_or_place_of_a_fact_is_another_text() {
        let fact = |depth: f64| format!(r#"{{"value": "1842", "depth": {depth}}}"#);
        let pair = |more: &str| -> Pair {
            serde_json::from_str(&format!(r#"{{"id": "a", "document": "d", "reference": "r"{more}}}"#)).unwrap()
        };
        let texts = [
            pair(""),
            pair(r#", "question": "Who?""#),
            pair(r#", "question": "When?""#),
            pair(&format!(r#", "facts": [{}]"#, fact(0.2))),
            pair(&format!(r#", "facts": [{}]"#, fact(0.7))),
        ];
        let mut seen: Vec<String> = texts.iter().map(sha256).collect();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), texts.len());
    }
}
