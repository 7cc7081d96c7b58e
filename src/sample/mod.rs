//! Invented documents of any length: the papers of towns that never were, with facts planted at known depths.
//!
//! Minutes, letters, diaries, reports, newspapers and day-books of a town over years. People come and go, and matters
//! that occupy the town (a bridge, a mill, a fire; see `town.rs`) begin, develop and end, so there is something to summarize. A document
//! longer than [`TOWN_TOKENS`] holds the papers of several towns, one after the other.
//!
//! The text is plain ASCII, made from the grammar in `grammar/*.txt` by a generator of its own: the same length and seed give the
//! same bytes on every platform. No sentence occurs twice, except for lines of layout, which [`BOILERPLATE`] lists.
//! Between the sentences stand [`Fact`]s, evenly with some jitter: one for every 4,096 tokens and at least five, but
//! none in less than 200 tokens. Neither a fact nor its answer occurs elsewhere.
//!
//! Only hashes of sentences (8 bytes each, less than 1 KiB for 1,000 tokens) and the facts are kept in memory.

mod calendar;
mod expand;
mod fact;
mod fact_words;
mod figures;
mod grammar;
mod matter;
mod names;
mod papers;
mod parse;
mod people;
mod polish;
mod scribe;
mod sheet;
mod tokens;
mod topic;
mod town;

#[cfg(test)]
mod tests;

use std::io::{self, Write};

pub use fact::Fact;

use crate::rng::Rng;
use calendar::Day;
use fact::FactPlan;
use grammar::Grammar;
use scribe::Scribe;
use sheet::Sheet;
use town::Town;

/// Length of the shortest document.
pub const MIN_TOKENS: u64 = 200;

/// Length of the longest document.
pub const MAX_TOKENS: u64 = 1_000_000_000;

/// The papers of a town are not longer than so many tokens.
pub const TOWN_TOKENS: u64 = 200_000;

/// Lines of layout, the only ones that may occur twice; `*` stands for anything, `#` for a digit.
pub const BOILERPLATE: &[&str] = papers::BOILERPLATE;

/// Tokens for each year of a town's papers.
const YEAR_TOKENS: u64 = 6000;

const GRAMMAR: &[(&str, &str)] = &[
    ("common.txt", include_str!("grammar/common.txt")),
    ("trades.txt", include_str!("grammar/trades.txt")),
    ("topics_people.txt", include_str!("grammar/topics_people.txt")),
    ("topics_town.txt", include_str!("grammar/topics_town.txt")),
    ("topics_country.txt", include_str!("grammar/topics_country.txt")),
    ("matters_works.txt", include_str!("grammar/matters_works.txt")),
    ("matters_troubles.txt", include_str!("grammar/matters_troubles.txt")),
    ("talk.txt", include_str!("grammar/talk.txt")),
    ("papers.txt", include_str!("grammar/papers.txt")),
];

/// Why a document cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// A length that is not possible.
    #[error("a sample has from {MIN_TOKENS} to {MAX_TOKENS} tokens, not {0}; ask for a length between")]
    Length(u64),
    /// The grammar is not valid; only a wrong build has this.
    #[error("the grammar of samples is not valid at {file}:{line}: {what}; correct it and build again")]
    Grammar {
        /// Its file.
        file: &'static str,
        /// Line in the file, from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
}

/// A document to be written.
#[derive(Debug)]
pub struct Sample {
    tokens: u64,
    seed: u64,
    grammar: Grammar,
}

impl Sample {
    /// A document of about `tokens` tokens of the default model's tokenizer: within 3 % from 2,000 tokens on.
    ///
    /// # Errors
    /// [`SampleError::Length`] unless `tokens` is between [`MIN_TOKENS`] and [`MAX_TOKENS`].
    pub fn new(tokens: u64, seed: u64) -> Result<Self, SampleError> {
        if !(MIN_TOKENS..=MAX_TOKENS).contains(&tokens) {
            return Err(SampleError::Length(tokens));
        }
        Ok(Self { tokens, seed, grammar: Grammar::parse(GRAMMAR)? })
    }

    /// Writes the document and returns the facts that were planted in it. Writes in small pieces: give it a buffer.
    ///
    /// # Errors
    /// What `out` fails with.
    pub fn write(self, out: impl Write) -> io::Result<Vec<Fact>> {
        let mut rng = Rng::new(self.seed ^ self.tokens.rotate_left(40));
        let mut sheet = Sheet::new(out, self.tokens, FactPlan::new(rng.fork(1), self.tokens));
        let n_towns = self.tokens.div_ceil(TOWN_TOKENS);
        let mut scribe: Option<Scribe> = None;
        let mut grammar = Some(self.grammar);
        for i in 0..n_towns {
            let end = self.tokens * (i + 1) / n_towns;
            let years = ((end - sheet.tokens().min(end)) / YEAR_TOKENS).clamp(2, 34) as i64;
            let first = Day(Day::new_year(1838).0 + rng.below(365 * 12) as i64);
            let town = Town::new(&mut rng.fork(2), first, years * 365);
            match &mut scribe {
                Some(scribe) => scribe.town = town,
                None => scribe = grammar.take().map(|grammar| Scribe::new(grammar, rng.fork(3), town)),
            }
            if let Some(scribe) = &mut scribe {
                let part = (n_towns > 1).then_some(i + 1);
                papers::write_town(scribe, &mut sheet, &papers::Span { first, n_days: years * 365, end, part })?;
            }
        }
        sheet.finish()
    }
}
