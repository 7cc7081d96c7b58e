//! The two passes over the document.

use std::collections::HashSet;
use std::convert::Infallible;

use super::best::{Best, Candidate};
use super::claims::{Claim, Claims, Shared};
use super::score::Weights;
use super::verdict::{Quote, Verdict};
use crate::text::speaker::said;
use crate::text::split::{Lines, Place, Sentence, Splitter};
use crate::text::support::{Support, identity};

/// The first pass over a document: counts in how many sentences the words of a summary occur, and looks for its names and numbers.
#[derive(Debug)]
pub struct Quotes {
    claims: Claims,
    support: Support,
    splitter: Splitter,
    counts: Counts,
}

/// What the first pass counts.
#[derive(Debug)]
struct Counts {
    /// By term: the sentences of the document that have it.
    with_term: Vec<u64>,
    /// Sentences of the document.
    all: u64,
}

impl Counts {
    /// Counts a sentence.
    fn add(&mut self, claims: &Claims, text: &str) {
        let shared = claims.shared_with(text);
        shared.terms.iter().for_each(|&term| self.with_term[term] += 1);
        self.all += u64::from(shared.n_terms > 0);
    }
}

impl Quotes {
    /// Begins with a summary.
    pub fn new(summary: &str) -> Self {
        let claims = Claims::new(summary);
        // a line for each, so that names are what they are in each sentence by itself
        let texts: Vec<&str> = claims.all.iter().map(|claim| claim.text.as_str()).collect();
        Self {
            support: Support::new(&texts.join("\n")),
            splitter: Splitter::new(Lines::Wrapped),
            counts: Counts { with_term: vec![0; claims.n_terms()], all: 0 },
            claims,
        }
    }

    /// Reads the next block of the document, which may begin and end anywhere.
    pub fn count(&mut self, block: &str) {
        let Self { claims, support, splitter, counts } = self;
        support.read(block);
        splitter.push(block, &mut |sentence| counts.add(claims, sentence.text));
    }

    /// Ends the first pass. The second reads the same document once more.
    pub fn end_count(self) -> Finder {
        let Self { claims, support, mut splitter, mut counts } = self;
        splitter.finish(&mut |sentence| counts.add(&claims, sentence.text));
        let missing = support.finish().unsupported.iter().map(|name| identity(name).to_owned()).collect();
        let search = Search {
            weights: Weights::new(&claims, &counts.with_term, counts.all),
            missing,
            best: claims.all.iter().map(|_| Best::default()).collect(),
            n_best: 1,
            before: None,
            sums: vec![[0.0; 2]; claims.all.len()],
            claims,
        };
        Finder { splitter: Splitter::new(Lines::Wrapped), search }
    }
}

/// The second pass over a document: finds the passages that support the sentences of a summary best.
#[derive(Debug)]
pub struct Finder {
    splitter: Splitter,
    search: Search,
}

impl Finder {
    /// Keeps so many passages for each sentence, so that [`Finder::finish_by`] has a choice. One is kept without this.
    #[must_use]
    pub fn keep(mut self, n: usize) -> Self {
        self.search.n_best = n.max(1);
        self
    }

    /// Reads the next block of the document.
    pub fn find(&mut self, block: &str) {
        let Self { splitter, search } = self;
        splitter.push(block, &mut |sentence| search.take(sentence));
    }

    /// What was found for each sentence of the summary, in order. Headings of the summary are left out.
    pub fn finish(self) -> Vec<Quote> {
        let Ok(quotes) = self.finish_by(|_, _| Ok::<_, Infallible>(0));
        quotes
    }

    /// The same where something else, such as embeddings, chooses among the passages kept for a sentence. Where there are two or more
    /// it gets the sentence and the passages, best first, and gives the place of one. A place that does not exist is taken for the
    /// first. The verdict follows from the score of the passage that was chosen.
    ///
    /// # Errors
    /// Those of `choose`.
    pub fn finish_by<E>(
        mut self,
        mut choose: impl FnMut(&str, &[Candidate]) -> Result<usize, E>,
    ) -> Result<Vec<Quote>, E> {
        let search = &mut self.search;
        self.splitter.finish(&mut |sentence| search.take(sentence));
        let Search { claims, best, missing, weights, .. } = self.search;
        let found = claims.all.into_iter().zip(best).zip(weights.needed);
        found.map(|((claim, best), needed)| quote(claim, best, needed, &missing, &mut choose)).collect()
    }
}

/// What the second pass knows.
#[derive(Debug)]
struct Search {
    claims: Claims,
    weights: Weights,
    /// Names and numbers that the document lacks, as [`identity`] has them.
    missing: HashSet<String>,
    /// By sentence of the summary: what was found.
    best: Vec<Best>,
    /// How many passages are kept for each.
    n_best: usize,
    /// The sentence of the document before, if the next is in the same paragraph.
    before: Option<(String, Place, Shared)>,
    /// Room for [`Weights::score`].
    sums: Vec<[f64; 2]>,
}

impl Search {
    /// Looks at the next sentence of the document, by itself and together with the one before.
    fn take(&mut self, sentence: Sentence<'_>) {
        let shared = self.claims.shared_with(sentence.text);
        self.offer(&shared, sentence.place, || sentence.text.to_owned());
        let before = self.before.take().filter(|_| !sentence.begins_paragraph);
        if let Some((text, place, others)) = before
            && !shared.terms.is_empty()
            && !others.terms.is_empty()
        {
            let both = Place {
                lines: [place.lines[0], sentence.place.lines[1]],
                characters: [place.characters[0], sentence.place.characters[1]],
            };
            let space = if place.characters[1] == sentence.place.characters[0] { "" } else { " " };
            self.offer(&others.with(&shared), both, || [&text, space, sentence.text].concat());
        }
        self.before = Some((sentence.text.to_owned(), sentence.place, shared));
    }

    /// Offers a passage to the sentences that share a word with it.
    fn offer(&mut self, shared: &Shared, place: Place, text: impl Fn() -> String) {
        let Self { claims, weights, best, n_best, sums, .. } = self;
        weights.score(claims, shared, sums, &mut |claim, score| best[claim].offer(*n_best, score, place, &text));
    }
}

/// What is said of a sentence of the summary.
fn quote<E>(
    claim: Claim,
    best: Best,
    needed: f64,
    missing: &HashSet<String>,
    choose: &mut impl FnMut(&str, &[Candidate]) -> Result<usize, E>,
) -> Result<Quote, E> {
    let chosen = match best.candidates.as_slice() {
        [] => None,
        [only] => Some(only),
        [first, ..] => best.candidates.get(choose(&claim.text, &best.candidates)?).or(Some(first)),
    };
    let score = chosen.map_or(0.0, |chosen| chosen.score);
    let is_missing = |name: &str| missing.contains(identity(name));
    let verdict = Verdict::new(score, needed, claim.names.iter().any(|name| is_missing(name)));
    let passage = chosen.map(|chosen| chosen.passage.clone()).filter(|_| verdict != Verdict::Unsupported);
    let elsewhere = passage.as_ref().map_or_else(Vec::new, |passage| elsewhere(&claim.text, &passage.text, is_missing));
    let mut seen = HashSet::new();
    let names = claim.names.into_iter();
    let missing = names.filter(|name| is_missing(name) && seen.insert(identity(name).to_owned())).collect();
    Ok(Quote {
        sentence: claim.text,
        verdict,
        score: rounded(score),
        needed: rounded(needed),
        missing,
        elsewhere,
        passage,
        found_by: None,
        similarity: None,
    })
}

/// Names and numbers of a sentence that a passage lacks, but for those that the document lacks.
pub(super) fn elsewhere(sentence: &str, passage: &str, is_missing: impl Fn(&str) -> bool) -> Vec<String> {
    let mut support = Support::new(said(sentence));
    support.read(passage);
    support.finish().unsupported.into_iter().filter(|name| !is_missing(name)).collect()
}

/// In steps of a thousandth.
fn rounded(score: f64) -> f64 {
    (score * 1000.0).round() / 1000.0
}
