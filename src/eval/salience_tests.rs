//! What it is worth which sentences are taken for the most salient: ROUGE against summaries of papers by experts and of the chapters of a
//! novel by its author, and planted facts.
//!
//! Needs the texts of `scripts/eval_pairs.py`, in the folder `EDGEINF_TEXTS` or `target/results/texts`:
//! `cargo test --release eval::salience -- --ignored --nocapture`.

#![allow(clippy::print_stdout)]

use super::scores::rouge;
use crate::sample::Sample;
use crate::summary::notes::{Detail, Note, extracted};
use crate::summary::request::{Length, Request};
use crate::text::counts::Counts;
use crate::text::one_line;
use crate::text::salience::{DANGLING, HANDICAP, Salient, salient};
use crate::text::sentences::sentences;

/// Bytes of a stretch, about: those of 1,536 tokens.
const STRETCH: usize = 6000;

/// How news and centrality of a sentence make one score, and whether it leans on another one.
type Weigh<'a> = &'a dyn Fn(f32, f32, bool) -> f32;

/// A summary of so many words.
fn summary(document: &str, words: u32, weigh: Weigh<'_>) -> String {
    let mut counts = Counts::default();
    let (mut notes, mut begin) = (Vec::new(), 0);
    let ends: Vec<usize> = sentences(document).into_iter().map(|range| range.end).collect();
    for &end in &ends {
        if end - begin >= STRETCH || Some(&end) == ends.last() {
            let text = &document[begin..end];
            let scored = salient(&mut counts, text, 12, weigh);
            let detail = |s: Salient| Detail { score: s.score, text: one_line(&text[s.range]) };
            let details = scored.into_iter().map(detail).collect();
            notes.push(Note { text: String::new(), details, tokens: 0..1, bytes: begin as u64..end as u64 });
            begin = end;
        }
    }
    let request = Request { length: Length::Words(words), ..Request::default() };
    extracted(&request, &notes, 2 * words, &mut |_| {}).text
}

/// ROUGE-1 and ROUGE-2 in the mean.
fn rouges(name: &str, words: u32, weigh: Weigh<'_>) -> (f64, f64) {
    let folder = std::env::var("EDGEINF_TEXTS").unwrap_or_else(|_| "target/results/texts".to_owned());
    let lines = std::fs::read_to_string(format!("{folder}/{name}")).unwrap();
    let (mut sums, mut n) = ((0.0, 0.0), 0.0);
    for line in lines.lines() {
        let pair: serde_json::Value = serde_json::from_str(line).unwrap();
        let told = summary(pair["document"].as_str().unwrap(), words, weigh);
        let scores = rouge(pair["reference"].as_str().unwrap(), &told).unwrap();
        sums = (sums.0 + scores.one, sums.1 + scores.two);
        n += 1.0;
    }
    (sums.0 / n, sums.1 / n)
}

/// Facts of ten samples that are told in 400 words, of the first halves and of the second, and how many there are.
fn facts(weigh: Weigh<'_>) -> [(usize, usize); 2] {
    let mut halves = [(0, 0); 2];
    for seed in 911..921 {
        let mut document = Vec::new();
        let facts = Sample::new(128_000, seed).unwrap().write(&mut document).unwrap();
        let told = summary(&String::from_utf8(document).unwrap(), 400, weigh);
        for fact in facts {
            let half = &mut halves[usize::from(fact.depth >= 0.5)];
            half.0 += usize::from(told.contains(&fact.answer));
            half.1 += 1;
        }
    }
    halves
}

#[test]
#[ignore = "needs texts, and half a minute"]
fn what_tells_most() {
    let both = |handicap: f32, leaning: f32| {
        move |news: f32, central: f32, dangles: bool| {
            (news - handicap).max(central) - if dangles { leaning } else { 0.0 }
        }
    };
    let ways: [(&str, Weigh<'_>); 12] = [
        ("news alone", &|news, _, _| news),
        ("central alone", &|_, central, _| central),
        ("their sum", &|news, central, _| news + central),
        ("news less 1", &both(1.0, 0.0)),
        ("news less 1.5", &both(1.5, 0.0)),
        ("news less 1.75", &both(HANDICAP, 0.0)),
        ("news less 2", &both(2.0, 0.0)),
        ("news less 2.5", &both(2.5, 0.0)),
        ("news less 1.75, leaning 0.5", &both(HANDICAP, 0.5)),
        ("news less 1.75, leaning 1", &both(HANDICAP, 1.0)),
        ("news less 1.75, leaning 2", &both(HANDICAP, DANGLING)),
        ("news less 1.75, leaning 9", &both(HANDICAP, 9.0)),
    ];
    println!(
        "| | papers: ROUGE-1 | ROUGE-2 | chapters: ROUGE-1 | ROUGE-2 | the book: ROUGE-1 | ROUGE-2 | facts of the first halves | of the second |"
    );
    println!("|{}", "---|".repeat(9));
    for (name, weigh) in ways {
        let papers = rouges("aclsum.jsonl", 120, weigh);
        let chapters = rouges("gulliver-chapters.jsonl", 60, weigh);
        let book = rouges("gulliver-book.jsonl", 400, weigh);
        let numbers = [papers.0, papers.1, chapters.0, chapters.1, book.0, book.1].map(|value| format!("{value:.3}"));
        let facts = facts(weigh).map(|(told, of)| format!("{told} of {of}"));
        println!("| {name} | {} | {} |", numbers.join(" | "), facts.join(" | "));
    }
}
