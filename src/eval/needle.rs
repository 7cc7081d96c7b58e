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
use super::reading::{Desk, Likelihood, Reading, tokenize};
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
    /// Negative log-likelihood of the answer in nats per token, behind the question and what stands before the answer in the fact's
    /// sentence; `None` without a result.
    pub nll: Option<f64>,
    /// The same without the document.
    pub nll_closed_book: Option<f64>,
    /// Whether greedy decoding would go on in the begun sentence with the tokens of the answer; `None` without a result.
    pub completed: Option<bool>,
    /// The same without the document.
    #[serde(default)]
    pub completed_closed_book: bool,
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

/// A question as tokens.
struct Question {
    suffix: Vec<Token>,
    /// The fact's sentence up to the answer.
    given: Vec<Token>,
    answer: Vec<Token>,
}

/// The questions as tokens.
struct Questions {
    prefix: Vec<Token>,
    each: Vec<Question>,
}

impl Questions {
    fn new(desk: &Desk<'_>, facts: &[Fact]) -> Result<Self, EvalError> {
        let mut prefix = Vec::new();
        let mut each = Vec::with_capacity(facts.len());
        for fact in facts {
            let prompt = prompt(desk, &fact.question)?;
            prefix = prompt.prefix;
            // the blank before a word is a part of its token
            let given = fact.sentence.split(&fact.answer).next().unwrap_or_default().trim_end();
            let answer = format!(" {}", fact.answer);
            let tokenize = |text: &str| desk.model.vocab().tokenize(text, false);
            each.push(Question { suffix: prompt.suffix, given: tokenize(given)?, answer: tokenize(&answer)? });
        }
        Ok(Self { prefix, each })
    }

    fn longest(&self) -> usize {
        self.each.iter().map(|question| question.suffix.len()).max().unwrap_or(0)
    }

    /// Room for what the model writes, and for the facts' sentences.
    fn longest_answer(&self) -> usize {
        let sentences = self.each.iter().map(|question| question.given.len() + question.answer.len());
        sentences.max().unwrap_or(0).max(ANSWER_TOKENS as usize)
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
    let mut closed_book: Option<Vec<Told>> = None;
    for &condition in conditions {
        let sizes = desk.settings.sizes_of(condition.policy().unwrap_or(Policy::Full), desk.model)?;
        let setting = setting.under(condition.policy(), sizes, &desk.settings.sizes);
        let known = |case: &str| {
            let same = |r: &&NeedleRecord| {
                // those of earlier builds lack this
                let is_whole = r.completed.is_some() || r.skipped.is_some();
                is_whole
                    && r.case == case
                    && r.policy == condition
                    && r.text_sha256 == haystack.sha256
                    && r.setting == setting
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
                closed_book = Some(without_document(desk, &questions)?);
            }
            let (reading, state) = match &mut reading {
                Some(read) => read,
                None => {
                    let (n_suffix, n_answer) = (questions.longest(), questions.longest_answer());
                    let mut read = desk.read(condition, &questions.prefix, &document, n_suffix, n_answer)?;
                    let state = read.as_mut().map(Reading::save).transpose()?;
                    reading.insert((read, state))
                }
            };
            let begin = Instant::now();
            let told = match (reading, state) {
                (Some(reading), Some(state)) => Some(Told::new(reading, state, &questions.each[i])?),
                _ => None,
            };
            let without = closed_book.as_ref().and_then(|told| told.get(i));
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
                correct: told.as_ref().map(|told| says(&told.text, &fact.answer)),
                closed_book: without.is_some_and(|told| says(&told.text, &fact.answer)),
                nll: told.as_ref().map(|told| told.right.nll),
                nll_closed_book: without.map(|told| told.right.nll),
                completed: told.as_ref().map(|told| told.right.likeliest),
                completed_closed_book: without.is_some_and(|told| told.right.likeliest),
                skipped: told.is_none().then(|| desk.too_long()),
                given: told.map(|told| told.text),
                seconds: (begin.elapsed().as_secs_f64() * 1e3).round() / 1e3,
                text_sha256: haystack.sha256.clone(),
                setting: setting.clone(),
            };
            sink(&record, false)?;
        }
    }
    Ok(())
}

/// What the model makes of a question.
struct Told {
    /// What it writes.
    text: String,
    /// How likely the right answer is where the fact's sentence has been begun.
    right: Likelihood,
}

impl Told {
    /// Asks twice, each time from a copy of what is remembered.
    fn new(reading: &mut Reading<'_>, state: &[u8], question: &Question) -> Result<Self, EvalError> {
        reading.restore(state)?;
        reading.ask(&question.suffix)?;
        let right = reading.likelihood_after(&question.given, &question.answer)?;
        reading.restore(state)?;
        reading.ask(&question.suffix)?;
        Ok(Self { text: reading.complete(ANSWER_TOKENS)?, right })
    }
}

/// What the model makes of the questions without having read anything; nothing if they are too long for it.
fn without_document(desk: &Desk<'_>, questions: &Questions) -> Result<Vec<Told>, EvalError> {
    let (n_suffix, n_answer) = (questions.longest(), questions.longest_answer());
    let Some(mut reading) = desk.read(Condition::None, &questions.prefix, &[], n_suffix, n_answer)? else {
        return Ok(Vec::new());
    };
    let state = reading.save()?;
    questions.each.iter().map(|question| Told::new(&mut reading, &state, question)).collect()
}
