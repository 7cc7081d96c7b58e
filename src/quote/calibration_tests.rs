//! How often sentences are said to be supported by documents that they are from, and by others; and how long it takes.
//!
//! Needs the texts that `make results` uses, in the folder `EDGEINF_TEXTS` or `target/results/texts`:
//! `cargo test --release quote::calibration -- --ignored --nocapture`.

#![allow(clippy::print_stdout)]

use std::sync::Arc;
use std::time::Instant;

use super::{Quote, Quotes, Verdict};
use crate::embed::{Embedder, SentenceModel, Vector, cosine};
use crate::models::Cache;
use crate::text::split::{Lines, Splitter};

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

/// What is known of a sentence and a document.
struct Evidence {
    /// The score by words, less what is needed.
    words: f64,
    /// The largest cosine of its embedding and one of a sentence of the document.
    meaning: f64,
}

/// The embedding of each sentence of a document.
fn embedded(embedder: &mut Embedder<'_>, document: &str) -> Vec<Vector> {
    let mut sentences: Vec<String> = Vec::new();
    let mut splitter = Splitter::new(Lines::Wrapped);
    splitter.push(document, &mut |sentence| sentences.push(sentence.text.to_owned()));
    splitter.finish(&mut |sentence| sentences.push(sentence.text.to_owned()));
    let texts: Vec<&str> = sentences.iter().map(String::as_str).collect();
    embedder.embed(&texts).unwrap()
}

/// Of the sentences of each reference: their own document, and the next one.
fn evidence(cases: &[Case], embedder: &mut Embedder<'_>) -> [Vec<Evidence>; 2] {
    let documents: Vec<Vec<Vector>> = cases.iter().map(|case| embedded(embedder, &case.document)).collect();
    [0, 1].map(|next| {
        let mut found = Vec::new();
        for (i, case) in cases.iter().enumerate() {
            let at = (i + next) % cases.len();
            let quotes = quotes(&case.reference, &cases[at].document);
            let texts: Vec<&str> = quotes.iter().map(|quote| quote.sentence.as_str()).collect();
            for (quote, vector) in quotes.iter().zip(embedder.embed(&texts).unwrap()) {
                let nearest = documents[at].iter().map(|other| cosine(&vector, other)).fold(0.0, f32::max);
                found.push(Evidence { words: quote.score - quote.needed, meaning: nearest.into() });
            }
        }
        found
    })
}

/// The share of pairs in the right order, and the share of the first that is above all but 1, 2 and 5 % of the second.
fn separation([own, other]: &[Vec<Evidence>; 2], of: impl Fn(&Evidence) -> f64) -> (f64, [f64; 3]) {
    let own: Vec<f64> = own.iter().map(&of).collect();
    let mut other: Vec<f64> = other.iter().map(&of).collect();
    other.sort_by(f64::total_cmp);
    let below: usize = own.iter().map(|own| other.partition_point(|other| other < own)).sum();
    let above = |share: f64| {
        let limit = other[((1.0 - share) * other.len() as f64) as usize];
        own.iter().filter(|own| **own > limit).count() as f64 / own.len() as f64
    };
    (below as f64 / (own.len() * other.len()) as f64, [0.01, 0.02, 0.05].map(above))
}

/// What embeddings add, and which cosine is needed.
#[test]
#[ignore = "needs texts and 'edgeinf model pull minilm', and some minutes"]
fn embeddings_find_what_words_do_not() {
    let path = Cache::from_env().unwrap().models_dir().join("all-MiniLM-L6-v2.gguf");
    let model = SentenceModel::load(&path).unwrap();
    let mut embedder = Embedder::new(&model, 2, Arc::default()).unwrap();
    for name in ["gulliver-chapters", "aclsum"] {
        let began = Instant::now();
        let found = evidence(&cases(&format!("{name}.jsonl")), &mut embedder);
        println!("{name}: {} sentences, {:?}", found[0].len(), began.elapsed());
        let words = separation(&found, |evidence| evidence.words);
        println!("words {words:.3?}, embeddings {:.3?}", separation(&found, |evidence| evidence.meaning));
        for weight in [0.25, 0.5, 1.0, 2.0] {
            let both = separation(&found, |evidence| evidence.words + weight * evidence.meaning);
            println!("words and {weight} of embeddings {both:.3?}");
        }
        // either of both, with limits that few sentences about others pass
        for limit in [0.5, 0.55, 0.6, 0.65, 0.7] {
            let share = |of: &[Evidence], is: fn(&Evidence, f64) -> bool| {
                of.iter().filter(|evidence| is(evidence, limit)).count() as f64 / of.len() as f64
            };
            let by_words = found.each_ref().map(|of| share(of, |evidence, _| evidence.words >= 0.0));
            let by_either = found
                .each_ref()
                .map(|of| share(of, |evidence, limit| evidence.words >= 0.0 || evidence.meaning >= limit));
            println!("by words {by_words:.3?}, or by a cosine of {limit} {by_either:.3?}");
        }
    }
}
