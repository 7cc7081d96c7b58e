//! How often sentences are said to be supported by documents that they are from, and by others; and how long it takes.
//!
//! Needs the texts that `make results` uses, in the folder `EDGEINF_TEXTS` or `target/results/texts`:
//! `cargo test --release quote::calibration -- --ignored --nocapture`.

#![allow(clippy::print_stdout)]

use std::time::Instant;

use super::{Quote, Quotes, Verdict};

/// Characters of a block.
const BLOCK: usize = 64 * 1024;

/// A document and what its author says it is about.
struct Case {
    document: String,
    reference: String,
}

fn read(name: &str) -> String {
    let folder = std::env::var("EDGEINF_TEXTS").unwrap_or_else(|_| "target/results/texts".to_owned());
    std::fs::read_to_string(format!("{folder}/{name}")).unwrap()
}

fn cases(name: &str) -> Vec<Case> {
    let lines: Vec<serde_json::Value> = read(name).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let text = |line: &serde_json::Value, key: &str| line[key].as_str().unwrap().to_owned();
    lines.iter().map(|line| Case { document: text(line, "document"), reference: text(line, "reference") }).collect()
}

fn quotes(summary: &str, document: &str) -> Vec<Quote> {
    let mut quotes = Quotes::new(summary);
    quotes.count(document);
    let mut finder = quotes.end_count();
    finder.find(document);
    finder.finish()
}

/// What was said of sentences.
#[derive(Default)]
struct Tally {
    all: usize,
    supported: usize,
    /// By their score alone, whatever names are missing.
    by_score: usize,
    weak: usize,
    /// Supported, though the passage lacks a name or a number that is elsewhere.
    lacking: usize,
    /// Supported by a passage of the first document.
    in_first: usize,
}

impl Tally {
    fn add(&mut self, quotes: &[Quote], first: &str) {
        let end = first.chars().count() as u64;
        for quote in quotes {
            self.all += 1;
            self.by_score += usize::from(quote.score >= quote.needed);
            self.weak += usize::from(quote.verdict == Verdict::Weak);
            if quote.verdict == Verdict::Supported {
                self.supported += 1;
                self.lacking += usize::from(!quote.elsewhere.is_empty());
                self.in_first += usize::from(quote.passage.as_ref().unwrap().characters[1] <= end);
            }
        }
    }

    fn share(&self, n: usize) -> f64 {
        n as f64 / self.all as f64
    }

    fn print(&self, what: &str) {
        println!(
            "{what}: {} sentences, supported {:.3} (by score {:.3}; {:.3} lacking; {} of {} in the first), weak {:.3}",
            self.all,
            self.share(self.supported),
            self.share(self.by_score),
            self.share(self.lacking),
            self.in_first,
            self.supported,
            self.share(self.weak)
        );
    }
}

/// Tallies each reference against so many documents in a row: its own and the following, or only the following.
fn tally(cases: &[Case], n: usize) -> [Tally; 2] {
    let mut tallies = [Tally::default(), Tally::default()];
    for (i, case) in cases.iter().enumerate() {
        for (from, tally) in tallies.iter_mut().enumerate() {
            let mut documents: Vec<&str> = (1..=n).map(|k| cases[(i + k) % cases.len()].document.as_str()).collect();
            if from == 0 {
                documents[0] = &case.document;
            }
            tally.add(&quotes(&case.reference, &documents.join("\n\n")), documents[0]);
        }
    }
    tallies
}

#[test]
#[ignore = "needs texts, and a minute"]
fn few_sentences_are_supported_by_other_documents() {
    let mut unseen = cases("aclsum-train.jsonl");
    // the first 60 were used to find what score is needed
    unseen.drain(..60);
    for (name, cases) in
        [("papers", cases("aclsum.jsonl")), ("unseen papers", unseen), ("chapters", cases("gulliver-chapters.jsonl"))]
    {
        for n in [1, 10, 29] {
            let [own, other] = tally(&cases, n);
            own.print(&format!("{name}, own and {} others", n - 1));
            other.print(&format!("{name}, {n} others"));
            assert!(other.share(other.supported) < 0.1);
            assert!(own.share(own.supported) > if name == "chapters" { 0.05 } else { 0.7 });
        }
    }
}

#[test]
#[ignore = "needs texts"]
fn few_sentences_are_supported_by_other_books() {
    let names = ["don-quixote-1", "moby-dick-1", "moby-dick-2", "war-and-peace-1", "war-and-peace-2", "wonderland"];
    let books: Vec<String> = names.iter().map(|name| read(&format!("{name}.txt"))).collect();
    for document in [&books[1], &books.join("\n\n")] {
        let mut tally = Tally::default();
        cases("gulliver-chapters.jsonl").iter().for_each(|case| tally.add(&quotes(&case.reference, document), ""));
        tally.print(&format!("chapters, other books of {} characters", document.chars().count()));
        assert!(tally.share(tally.supported) < 0.05);
    }
}

#[test]
#[ignore = "needs texts"]
fn a_pass_is_fast() {
    let case = &cases("gulliver-book.jsonl")[0];
    let sentences: Vec<&str> = case.reference.split_inclusive(". ").collect();
    let chars: Vec<char> = case.document.chars().collect();
    let blocks: Vec<String> = chars.chunks(BLOCK).map(|block| block.iter().collect()).collect();
    for n in [10, 100] {
        let began = Instant::now();
        let mut counted = Quotes::new(&sentences[..n].concat());
        blocks.iter().for_each(|block| counted.count(block));
        let mut finder = counted.end_count();
        let first = began.elapsed();
        blocks.iter().for_each(|block| finder.find(block));
        let found = finder.finish();
        let second = began.elapsed() - first;
        println!("{} sentences, {} characters: {first:?} and {second:?}", found.len(), chars.len());
    }
}
