//! The sentences of a summary, and an index from their words to them.

use std::collections::HashMap;

use crate::text::marks::is_bullet;
use crate::text::names::{each_name_or_number, is_initials};
use crate::text::speaker::said;
use crate::text::split::{Lines, Sentence, Splitter};
use crate::text::stems::each_term;

/// Words of a line that announces what follows and says nothing: `The main points are:`.
const LONGEST_ANNOUNCEMENT: usize = 8;

/// A sentence of a summary.
#[derive(Debug)]
pub(super) struct Claim {
    /// Its text, without the mark of an item.
    pub text: String,
    /// Its names and numbers.
    pub names: Vec<String>,
    /// Its different terms, in order.
    pub terms: Vec<usize>,
    /// Its different pairs of neighbouring terms, in order.
    pub pairs: Vec<usize>,
    /// Its terms, as often as they stand there.
    pub n_terms: usize,
}

/// What a text has in common with the summary.
#[derive(Debug, Default, Clone)]
pub(super) struct Shared {
    /// Different terms, in order.
    pub terms: Vec<usize>,
    /// Different pairs of neighbouring terms, in order.
    pub pairs: Vec<usize>,
    /// All terms of the text, shared or not.
    pub n_terms: usize,
}

/// The sentences of a summary.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// The sentences, without headings.
    pub all: Vec<Claim>,
    /// Terms, by what they are; each has a number, from 0.
    terms: HashMap<String, usize>,
    /// Pairs of neighbouring terms.
    pairs: HashMap<[usize; 2], usize>,
    /// By term: whether it is a name or a number.
    pub named: Vec<bool>,
    /// By term: the sentences that have it.
    pub with_term: Vec<Vec<usize>>,
    /// By pair: the sentences that have it.
    pub with_pair: Vec<Vec<usize>>,
    /// By pair: its terms.
    pub terms_of_pair: Vec<[usize; 2]>,
}

impl Claims {
    /// Takes a summary apart.
    pub(super) fn new(summary: &str) -> Self {
        let mut claims = Self::default();
        let mut splitter = Splitter::new(Lines::Separate);
        let mut each = |sentence: Sentence<'_>| claims.add(sentence);
        splitter.push(summary, &mut each);
        splitter.finish(&mut each);
        claims
    }

    /// Adds a sentence, unless it claims nothing.
    fn add(&mut self, sentence: Sentence<'_>) {
        let text = match sentence.text.split_once(' ') {
            Some((mark, rest)) if is_bullet(mark) => rest,
            _ => sentence.text,
        };
        let mut names = Vec::new();
        each_name_or_number(text, &mut |name| names.push(name.to_owned()));
        let mut sequence = Vec::new();
        // who says it may stand at the beginning of a long turn
        each_term(said(text), &mut |term| {
            let next = self.terms.len();
            sequence.push(*self.terms.entry(term).or_insert(next));
        });
        self.named.resize(self.terms.len(), false);
        self.with_term.resize(self.terms.len(), Vec::new());
        if sequence.is_empty() || sentence.is_own_line || is_heading(text, names.is_empty(), sequence.len()) {
            return;
        }
        // letters by themselves are no terms that tell
        for name in names.iter().filter(|name| !is_initials(name)) {
            each_term(name, &mut |term| {
                if let Some(&term) = self.terms.get(&term) {
                    self.named[term] = true;
                }
            });
        }
        let pairs = sequence.windows(2).map(|pair| {
            let pair = [pair[0], pair[1]];
            let next = self.pairs.len();
            let number = *self.pairs.entry(pair).or_insert(next);
            if number == next {
                self.terms_of_pair.push(pair);
                self.with_pair.push(Vec::new());
            }
            number
        });
        let pairs = different(pairs.collect());
        let n_terms = sequence.len();
        let terms = different(sequence);
        terms.iter().for_each(|&term| self.with_term[term].push(self.all.len()));
        pairs.iter().for_each(|&pair| self.with_pair[pair].push(self.all.len()));
        self.all.push(Claim { text: text.to_owned(), names, terms, pairs, n_terms });
    }

    /// What a text has in common with the summary.
    pub(super) fn shared_with(&self, text: &str) -> Shared {
        let mut shared = Shared::default();
        let mut before = None;
        each_term(text, &mut |term| {
            let term = self.terms.get(&term).copied();
            if let (Some(before), Some(term)) = (before, term) {
                shared.pairs.extend(self.pairs.get(&[before, term]));
            }
            shared.terms.extend(term);
            shared.n_terms += 1;
            before = term;
        });
        shared.terms = different(shared.terms);
        shared.pairs = different(shared.pairs);
        shared
    }

    /// How many different terms there are.
    pub(super) fn n_terms(&self) -> usize {
        self.named.len()
    }
}

impl Shared {
    /// What two texts have together.
    pub(super) fn with(&self, other: &Self) -> Self {
        Self {
            terms: different([self.terms.as_slice(), &other.terms].concat()),
            pairs: different([self.pairs.as_slice(), &other.pairs].concat()),
            n_terms: self.n_terms + other.n_terms,
        }
    }
}

/// Whether a line announces what follows, or is bold throughout without the mark of a sentence.
fn is_heading(text: &str, is_without_names: bool, n_terms: usize) -> bool {
    let inner = text.trim_matches(['*', '_']);
    let is_bold =
        text.starts_with(['*', '_']) && text.ends_with(['*', '_']) && !inner.contains(['.', '!', '?', '*', '_']);
    is_bold || inner.ends_with([':', '：']) && is_without_names && n_terms <= LONGEST_ANNOUNCEMENT
}

/// The different numbers, in order.
fn different(mut numbers: Vec<usize>) -> Vec<usize> {
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_and_marks_are_no_claims() {
        let summary = "# The Town\n**Summary**\nThe main points are:\n- Brell has a harbour.\n2. It has *no* road.\n---\nIn **Kent** fell:\n";
        let texts: Vec<String> = Claims::new(summary).all.into_iter().map(|claim| claim.text).collect();
        assert_eq!(texts, ["Brell has a harbour.", "It has *no* road.", "In **Kent** fell:"]);
    }

    #[test]
    fn shared_words_and_pairs_are_found() {
        let claims = Claims::new("The keeper of Brell saw 8,473 ships. The ships left Brell.");
        assert_eq!(claims.named.iter().filter(|named| **named).count(), 2);
        assert_eq!(claims.all[1].names, ["Brell"]);
        let shared = claims.shared_with("Of ships, the keeper’s 8473 ships of Brell left.");
        assert_eq!((shared.terms.len(), shared.n_terms), (7, 9));
        // the keeper, 8473 ship, of Brell
        assert_eq!(shared.pairs.len(), 3);
        let terms = shared.with(&shared).terms;
        assert_eq!(terms, shared.terms);
    }
}
