//! Planted facts: sentences that say something which stands nowhere else, with a question.

use serde::Serialize;

use super::calendar::month_name;
use super::fact_words::{FIRST, PLACE_ENDS, PLACE_PREFIXES, TEMPLATES, Template};
use super::figures::grouped;
use super::names::{LAST_BEGIN, LAST_END};
use crate::rng::Rng;

/// Tokens of the document for each fact, where there are many.
const SPACING: u64 = 4096;

/// Facts in a document that is shorter than so many spacings.
const FEWEST: u64 = 5;

/// A document has no more facts than one in so many tokens.
const DENSEST: u64 = 200;

/// Something that the document says once.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fact {
    /// Number and kind, such as `0003-date`.
    pub id: String,
    /// Part of the document's bytes that stand before the sentence, from 0 to 1.
    pub depth: f64,
    /// Bytes before the sentence.
    pub offset: u64,
    /// The sentence as it stands in the document.
    pub sentence: String,
    /// A question that the sentence answers.
    pub question: String,
    /// The answer: a part of the sentence that occurs nowhere else in the document.
    pub answer: String,
}

/// What kind of thing an answer or a subject is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Six digits.
    Number,
    /// First and last name.
    Name,
    /// A place.
    Place,
    /// A day, in a form that the rest of the document does not use.
    Date,
    /// Pounds and shillings, more than anything else in the document.
    Amount,
}

/// Walks through all numbers below `n` in a scrambled order, without remembering them.
#[derive(Debug, Clone)]
struct Walk {
    n: u64,
    step: u64,
    at: u64,
}

impl Walk {
    fn new(rng: &mut Rng, n: u64) -> Self {
        let mut step = rng.between(n / 3, n / 2);
        while gcd(step, n) != 1 {
            step += 1;
        }
        Self { n, step, at: rng.below(n) }
    }

    fn next(&mut self) -> u64 {
        self.at = (self.at + self.step) % self.n;
        self.at
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Takes digits of a number in a mixed base.
fn digit(n: &mut u64, base: usize) -> usize {
    let digit = *n % base as u64;
    *n /= base as u64;
    digit as usize
}

/// Which facts stand where.
#[derive(Debug)]
pub(super) struct FactPlan {
    rng: Rng,
    /// Facts in all.
    n: u64,
    /// Facts so far.
    made: u64,
    /// Length of the document in tokens.
    tokens: u64,
    due: u64,
    numbers: Walk,
    names: Walk,
    places: Walk,
    dates: Walk,
    amounts: Walk,
    templates: Vec<Template>,
}

impl FactPlan {
    /// A plan for a document of so many tokens.
    pub(super) fn new(mut rng: Rng, tokens: u64) -> Self {
        let n = (tokens / SPACING).max(FEWEST.min(tokens / DENSEST));
        let mut plan = Self {
            n,
            made: 0,
            tokens,
            due: 0,
            numbers: Walk::new(&mut rng, 900_000),
            names: Walk::new(&mut rng, (FIRST.len() * LAST_BEGIN.len() * LAST_END.len()) as u64),
            places: Walk::new(
                &mut rng,
                (PLACE_PREFIXES.len() * LAST_BEGIN.len() * LAST_END.len() * PLACE_ENDS.len()) as u64,
            ),
            dates: Walk::new(&mut rng, 28 * 12 * 190),
            amounts: Walk::new(&mut rng, 8000 * 18),
            templates: Vec::new(),
            rng,
        };
        plan.set_due();
        plan
    }

    /// Evenly, with jitter of a third of the spacing to either side.
    fn set_due(&mut self) {
        let spacing = self.tokens / self.n.max(1);
        self.due = self.made * spacing + spacing / 6 + self.rng.below(spacing * 2 / 3 + 1);
    }

    /// Whether the next fact belongs at or before a depth in tokens.
    pub(super) fn is_due(&self, tokens: u64) -> bool {
        self.made < self.n && self.due <= tokens
    }

    /// Whether facts are left.
    pub(super) fn is_open(&self) -> bool {
        self.made < self.n
    }

    /// The next fact, at an offset. Its depth is not known yet.
    pub(super) fn make(&mut self, offset: u64) -> Fact {
        if self.templates.is_empty() {
            self.templates = TEMPLATES.to_vec();
            self.rng.shuffle(&mut self.templates);
            // kinds take turns: stable, so that the order within a kind stays shuffled
            let mut seen = [0_usize; 5];
            let mut ranked: Vec<(usize, Template)> = Vec::new();
            for template in self.templates.drain(..) {
                let rank = &mut seen[template.answer as usize];
                ranked.push((*rank, template));
                *rank += 1;
            }
            ranked.sort_by_key(|&(rank, _)| std::cmp::Reverse(rank));
            self.templates = ranked.into_iter().map(|(_, template)| template).collect();
        }
        self.made += 1;
        self.set_due();
        let template = self.templates.pop().unwrap_or(TEMPLATES[0]);
        let (subject, answer) = (self.value(template.subject), self.value(template.answer));
        let kind = match template.answer {
            Kind::Number => "number",
            Kind::Name => "name",
            Kind::Place => "place",
            Kind::Date => "date",
            Kind::Amount => "amount",
        };
        Fact {
            id: format!("{:04}-{kind}", self.made),
            depth: 0.0,
            offset,
            sentence: template.sentence.replace("{s}", &subject).replace("{a}", &answer),
            question: template.question.replace("{s}", &subject),
            answer,
        }
    }

    fn value(&mut self, kind: Kind) -> String {
        match kind {
            Kind::Number => (100_000 + self.numbers.next()).to_string(),
            Kind::Name => {
                let mut n = self.names.next();
                let first = FIRST[digit(&mut n, FIRST.len())];
                format!("{first} {}", compound(&mut n))
            }
            Kind::Place => {
                let mut n = self.places.next();
                let prefix = PLACE_PREFIXES[digit(&mut n, PLACE_PREFIXES.len())];
                let end = PLACE_ENDS[digit(&mut n, PLACE_ENDS.len())];
                format!("{prefix} {} {end}", compound(&mut n))
            }
            Kind::Date => {
                let mut n = self.dates.next();
                let (day, month) = (1 + digit(&mut n, 28), digit(&mut n, 12));
                format!("{} {day}, {}", month_name(month as u64), 1590 + n)
            }
            Kind::Amount => {
                let mut n = self.amounts.next();
                let shillings = 2 + digit(&mut n, 18);
                format!("{} pounds and {shillings} shillings", grouped(2000 + n))
            }
        }
    }
}

/// A word of two parts; no two numbers give the same.
fn compound(n: &mut u64) -> String {
    let begin = LAST_BEGIN[digit(n, LAST_BEGIN.len())];
    format!("{begin}{}", LAST_END[digit(n, LAST_END.len())])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn there_are_enough_of_each_kind_for_the_longest_document() {
        let tokens = super::super::MAX_TOKENS;
        let mut plan = FactPlan::new(Rng::new(7), tokens);
        let mut answers = HashSet::new();
        let mut questions = HashSet::new();
        while plan.is_open() {
            let fact = plan.make(0);
            assert!(fact.sentence.matches(&fact.answer).count() == 1, "{fact:?}");
            assert!(!fact.question.contains(&fact.answer), "{fact:?}");
            assert!(questions.insert(fact.question), "{}", fact.sentence);
            assert!(answers.insert(fact.answer), "{}", fact.sentence);
        }
        assert!(answers.len() as u64 >= tokens / SPACING);
    }

    #[test]
    fn facts_are_spread_evenly() {
        for tokens in [200, 2000, 30_000, 131_072] {
            let mut plan = FactPlan::new(Rng::new(1), tokens);
            let n = plan.n;
            assert_eq!(n, (tokens / 4096).max(5.min(tokens / 200)));
            for i in 0..n {
                let bounds = i * (tokens / n)..(i + 1) * (tokens / n);
                assert!(bounds.contains(&plan.due), "{tokens}: {} is not in {bounds:?}", plan.due);
                plan.make(0);
            }
            assert!(!plan.is_open());
        }
    }
}
