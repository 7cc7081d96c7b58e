//! Facts of an invented document, asked for after it was read.
//!
//! A document is read once under each policy; every question begins from a copy of what is remembered then.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::input::Markers;
use crate::llama::Token;
use crate::memory::policy::Policy;
use crate::sample::{Fact, Sample};
use crate::summary::prompt::{Instructions, PromptTokens};

use super::error::EvalError;
use super::reading::{Desk, Reading, tokenize};
use super::record::{Condition, Setting};
use super::scores::says;

/// Longest answer in tokens.
const ANSWER_TOKENS: u32 = 48;

/// A question about a document under a policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NeedleRecord {
    /// Length and seed of the document, and the fact.
    pub case: String,
    /// How the document was read.
    pub policy: Condition,
    /// Bytes that survive a compaction; under full attention those of the whole document.
    pub budget_bytes: u64,
    /// Tokens that the document was to have.
    pub length: u64,
    /// Tokens that it has.
    pub document_tokens: u32,
    /// Where the fact stands, from 0 to 1.
    pub depth: f64,
    /// The tenth of the document that it stands in, from 0.
    pub decile: u32,
    /// Whether streaming has forgotten it when the question comes.
    pub forgotten: bool,
    /// What is asked.
    pub question: String,
    /// The answer.
    pub expected: String,
    /// What the model wrote; `None` without a result.
    pub given: Option<String>,
    /// Whether the answer stands in it.
    pub correct: Option<bool>,
    /// Whether the model said it without the document too.
    pub closed_book: bool,
    /// Why there is no result.
    pub skipped: Option<String>,
    /// Time that the question took, in seconds, without that of reading.
    pub seconds: f64,
    /// Of the document.
    pub text_sha256: String,
    /// What it was measured with.
    pub setting: Setting,
}

/// A document with questions.
#[derive(Debug)]
pub struct Haystack {
    length: u64,
    seed: u64,
    text: String,
    sha256: String,
    facts: Vec<Fact>,
}

impl Haystack {
    /// The document that `edgeinf sample` writes for a length and a seed.
    ///
    /// # Errors
    /// [`EvalError::Sample`] for a length that it does not write.
    pub fn new(length: u64, seed: u64) -> Result<Self, EvalError> {
        let mut bytes = Vec::new();
        let facts = Sample::new(length, seed)?.write(&mut bytes)?;
        let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        // a sample is ASCII
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Self { length, seed, text, sha256, facts })
    }

    /// Its name.
    pub fn name(&self) -> String {
        format!("sample-{}-{}", self.length, self.seed)
    }

    /// How many questions there are.
    pub fn n_questions(&self) -> usize {
        self.facts.len()
    }
}

fn prompt(desk: &Desk<'_>, question: &str) -> Result<PromptTokens, EvalError> {
    let asked = Instructions::request(question)?;
    let instructions = Instructions {
        before: "Read this document. Afterwards you will be asked about it.\n\n".into(),
        after: format!("\n\nAnswer from the document above in a few words: {question}"),
        ..asked
    };
    Ok(PromptTokens::new(desk.model, &desk.form.instructions(instructions))?)
}

/// The questions as tokens.
struct Questions {
    prefix: Vec<Token>,
    suffixes: Vec<Vec<Token>>,
}

impl Questions {
    fn new(desk: &Desk<'_>, facts: &[Fact]) -> Result<Self, EvalError> {
        let mut prefix = Vec::new();
        let mut suffixes = Vec::with_capacity(facts.len());
        for fact in facts {
            let prompt = prompt(desk, &fact.question)?;
            prefix = prompt.prefix;
            suffixes.push(prompt.suffix);
        }
        Ok(Self { prefix, suffixes })
    }

    fn longest(&self) -> usize {
        self.suffixes.iter().map(Vec::len).max().unwrap_or(0)
    }
}

/// Asks for all facts of a document under each condition, except where `done` has the results, and gives the results to `sink` one by
/// one, the old ones too.
///
/// # Errors
/// [`EvalError`], and those of `sink`.
pub fn run(
    desk: &Desk<'_>,
    haystack: &Haystack,
    conditions: &[Condition],
    setting: &Setting,
    done: &[NeedleRecord],
    sink: &mut dyn FnMut(&NeedleRecord, bool) -> Result<(), EvalError>,
) -> Result<(), EvalError> {
    let vocab = desk.model.vocab();
    let mut markers = Markers::new(vocab)?;
    let document = tokenize(vocab, &mut markers, &haystack.text)?;
    let questions = Questions::new(desk, &haystack.facts)?;
    let range = desk.forgotten(questions.prefix.len(), document.len(), questions.longest())?;
    let mut places = Vec::with_capacity(haystack.facts.len());
    for fact in &haystack.facts {
        let before = haystack.text.get(..fact.offset as usize).unwrap_or_default();
        places.push(vocab.tokenize(before, false)?.len());
    }
    let mut closed_book: Option<Vec<bool>> = None;
    for &condition in conditions {
        let sizes = desk.settings.sizes_of(condition.policy().unwrap_or(Policy::Full), desk.model)?;
        let setting = setting.under(condition.policy(), sizes, &desk.settings.sizes);
        let known = |case: &str| {
            let same = |r: &&NeedleRecord| {
                r.case == case && r.policy == condition && r.text_sha256 == haystack.sha256 && r.setting == setting
            };
            done.iter().find(same)
        };
        let cases: Vec<String> = haystack.facts.iter().map(|f| format!("{}/{}", haystack.name(), f.id)).collect();
        let mut reading = None;
        for (i, fact) in haystack.facts.iter().enumerate() {
            if let Some(record) = known(&cases[i]) {
                sink(record, true)?;
                continue;
            }
            if closed_book.is_none() {
                closed_book = Some(without_document(desk, &questions, &haystack.facts)?);
            }
            let (reading, state) = match &mut reading {
                Some(read) => read,
                None => {
                    let n_answer = ANSWER_TOKENS as usize;
                    let mut read = desk.read(condition, &questions.prefix, &document, questions.longest(), n_answer)?;
                    let state = read.as_mut().map(Reading::save).transpose()?;
                    reading.insert((read, state))
                }
            };
            let begin = Instant::now();
            let given = match (reading, state) {
                (Some(reading), Some(state)) => {
                    reading.restore(state)?;
                    reading.ask(&questions.suffixes[i])?;
                    Some(reading.complete(ANSWER_TOKENS)?)
                }
                _ => None,
            };
            let record = NeedleRecord {
                case: cases[i].clone(),
                policy: condition,
                budget_bytes: desk.budget_bytes(condition, document.len())?,
                length: haystack.length,
                document_tokens: document.len() as u32,
                depth: fact.depth,
                decile: ((fact.depth * 10.0) as u32).min(9),
                forgotten: range.contains(&places[i]),
                question: fact.question.clone(),
                expected: fact.answer.clone(),
                correct: given.as_deref().map(|text| says(text, &fact.answer)),
                closed_book: closed_book.as_ref().is_some_and(|said| said[i]),
                skipped: given.is_none().then(|| desk.too_long()),
                given,
                seconds: (begin.elapsed().as_secs_f64() * 1e3).round() / 1e3,
                text_sha256: haystack.sha256.clone(),
                setting: setting.clone(),
            };
            sink(&record, false)?;
        }
    }
    Ok(())
}

/// Which answers the model gives without having read anything.
fn without_document(desk: &Desk<'_>, questions: &Questions, facts: &[Fact]) -> Result<Vec<bool>, EvalError> {
    let n_answer = ANSWER_TOKENS as usize;
    let reading = desk.read(Condition::None, &questions.prefix, &[], questions.longest(), n_answer)?;
    let Some(mut reading) = reading else { return Ok(vec![false; facts.len()]) };
    let state = reading.save()?;
    let mut said = Vec::with_capacity(facts.len());
    for (fact, suffix) in facts.iter().zip(&questions.suffixes) {
        reading.restore(&state)?;
        reading.ask(suffix)?;
        said.push(says(&reading.complete(ANSWER_TOKENS)?, &fact.answer));
    }
    Ok(said)
}
