//! What a model answers to the benchmark's cases.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::eval::error::EvalError;
use crate::eval::reading::{Desk, tokenize};
use crate::eval::record::{Condition, Setting};
use crate::input::Markers;
use crate::llama::Token;
use crate::memory::policy::Policy;
use crate::summary::prompt::{Instructions, PromptTokens};

use super::case::Case;
use super::metrics::score;
use super::set::Dataset;

/// A case under a policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LongBenchRecord {
    /// Dataset and name of the case.
    pub case: String,
    /// The dataset, with `_e` where it is of LongBench-E.
    pub dataset: String,
    /// How the text was read.
    pub policy: Condition,
    /// Bytes that survive a compaction; under full attention those of the whole text.
    pub budget_bytes: u64,
    /// From 0 to 1, by the metric of the dataset; `None` without a result.
    pub score: Option<f64>,
    /// What the model wrote.
    pub given: Option<String>,
    /// Why there is no result.
    pub skipped: Option<String>,
    /// Length of the text as the benchmark counts it, in words.
    pub length: u64,
    /// Its length in tokens.
    pub document_tokens: u32,
    /// Time that reading and answering took.
    pub seconds: f64,
    /// Of text, question, answers and prompt.
    pub text_sha256: String,
    /// What it was measured with.
    pub setting: Setting,
}

/// Of all text that a result depends on. Parts are separated by a byte that no text has.
fn sha256(case: &Case, before: &str, after: &str) -> String {
    let mut hash = Sha256::new();
    let texts = [before, &case.context, after].into_iter();
    for part in texts.chain(case.answers.iter().chain(&case.all_classes).map(String::as_str)) {
        hash.update(part.as_bytes());
        hash.update([0xff]);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The tokens around the text of a case.
fn prompt(desk: &Desk<'_>, case: &Case, before: String, after: String) -> Result<PromptTokens, EvalError> {
    if case.task.chat {
        return Ok(PromptTokens::new(desk.model, &Instructions { system: None, before, after })?);
    }
    let vocab = desk.model.vocab();
    let mut prefix: Vec<Token> = vocab.bos().into_iter().collect();
    prefix.extend(vocab.tokenize(&before, false)?);
    Ok(PromptTokens { prefix, suffix: vocab.tokenize(&after, false)? })
}

/// Answers a case under each condition, except where `done` has the result, and gives the results to `sink` one by one, the old ones
/// too. No text is cut: what full attention cannot hold has no result.
///
/// # Errors
/// [`EvalError`], and those of `sink`.
pub fn run(
    desk: &Desk<'_>,
    dataset: &Dataset,
    case: &Case,
    conditions: &[Condition],
    setting: &Setting,
    done: &[LongBenchRecord],
    sink: &mut dyn FnMut(&LongBenchRecord, bool) -> Result<(), EvalError>,
) -> Result<(), EvalError> {
    let vocab = desk.model.vocab();
    let (before, after) = dataset.prompt.around(&case.input);
    let text_sha256 = sha256(case, &before, &after);
    let name = format!("{}/{}", case.dataset, case.id);
    let mut texts: Option<(PromptTokens, Vec<Token>)> = None;
    for &condition in conditions {
        let sizes = desk.settings.sizes_of(condition.policy().unwrap_or(Policy::Full), desk.model)?;
        let setting = setting.under(condition.policy(), sizes, &desk.settings.sizes);
        let same = |r: &&LongBenchRecord| {
            (r.policy, &r.case, &r.text_sha256) == (condition, &name, &text_sha256) && r.setting == setting
        };
        if let Some(record) = done.iter().find(same) {
            sink(record, true)?;
            continue;
        }
        let (prompt, document) = match &mut texts {
            Some(texts) => texts,
            none => {
                let mut document = tokenize(vocab, &mut Markers::new(vocab)?, &case.context)?;
                let mut prompt = prompt(desk, case, before.clone(), after.clone())?;
                if prompt.suffix.is_empty() {
                    // an answer begins behind a token
                    prompt.suffix.extend(document.pop());
                }
                none.insert((prompt, document))
            }
        };
        let own = if condition == Condition::None { &[][..] } else { &document[..] };
        let begin = Instant::now();
        let n_answer = dataset.max_answer as usize;
        let given = match desk.read(condition, &prompt.prefix, own, prompt.suffix.len(), n_answer)? {
            Some(mut reading) => {
                reading.ask(&prompt.suffix)?;
                Some(reading.complete(dataset.max_answer)?)
            }
            None => None,
        };
        let record = LongBenchRecord {
            case: name.clone(),
            dataset: case.dataset.clone(),
            policy: condition,
            budget_bytes: desk.budget_bytes(condition, document.len())?,
            score: given.as_deref().map(|text| score(case.task, text, &case.answers, &case.all_classes)),
            skipped: given.is_none().then(|| desk.too_long()),
            given,
            length: case.length,
            document_tokens: document.len() as u32,
            seconds: (begin.elapsed().as_secs_f64() * 1e3).round() / 1e3,
            text_sha256: text_sha256.clone(),
            setting,
        };
        sink(&record, false)?;
    }
    Ok(())
}
