//! Tests of the whole.

use proptest::prelude::*;

use super::{Quote, Quotes, Verdict};

/// Quotes for a summary from a document in blocks.
fn quotes(summary: &str, blocks: &[&str]) -> Vec<Quote> {
    let mut quotes = Quotes::new(summary);
    blocks.iter().for_each(|block| quotes.count(block));
    let mut finder = quotes.end_count();
    blocks.iter().for_each(|block| finder.find(block));
    finder.finish()
}

const DOCUMENT: &str = "THE DIARY\r\n\r\nThe harbour of Brell was opened in 1842. It is the largest\r\nof the county. The keeper was Ottoline Burncroft.\r\n\r\nShe kept a cow — nobody knew why — and sold milk. The sailors liked it, and they came\r\nfrom far away. In winter the ships stayed at Älmhult. Nothing grew on the hills but grass.\r\n";

/// Sentences of the document.
const SENTENCES: &[&str] = &[
    "The harbour of Brell was opened in 1842.",
    "It is the largest of the county.",
    "The keeper was Ottoline Burncroft.",
    "She kept a cow — nobody knew why — and sold milk.",
    "The sailors liked it, and they came from far away.",
    "In winter the ships stayed at Älmhult.",
    "Nothing grew on the hills but grass.",
];

/// What stands at the place of a passage.
fn at(document: &str, [from, to]: [u64; 2]) -> String {
    let there = document.chars().skip(usize::try_from(from).unwrap()).take(usize::try_from(to - from).unwrap());
    there.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn copied_sentences_are_found_at_their_places() {
    let found = quotes(&SENTENCES.join(" "), &[DOCUMENT]);
    let lines = [[3, 3], [3, 4], [4, 4], [6, 6], [6, 7], [7, 7], [7, 7]];
    assert_eq!(found.len(), SENTENCES.len());
    for ((quote, sentence), lines) in found.iter().zip(SENTENCES).zip(lines) {
        let passage = quote.passage.as_ref().unwrap();
        assert_eq!((quote.verdict, quote.score), (Verdict::Supported, 1.0), "{quote:?}");
        assert_eq!((passage.text.as_str(), passage.lines), (*sentence, lines));
        assert_eq!(at(DOCUMENT, passage.characters), *sentence);
        assert!(quote.missing.is_empty() && quote.elsewhere.is_empty());
    }
}

#[test]
fn a_sentence_that_joins_two_is_found_in_both() {
    let found = quotes("The keeper Ottoline Burncroft had the largest of the county.", &[DOCUMENT]);
    let passage = found[0].passage.as_ref().unwrap();
    assert_eq!(passage.text, "It is the largest of the county. The keeper was Ottoline Burncroft.");
    assert_eq!(passage.lines, [3, 4]);
    assert_eq!(at(DOCUMENT, passage.characters), passage.text);
    // not across paragraphs
    let found = quotes("Ottoline Burncroft sold milk.", &[DOCUMENT]);
    assert_eq!(found[0].passage.as_ref().unwrap().lines[0], found[0].passage.as_ref().unwrap().lines[1]);
}

#[test]
fn what_is_missing_is_named() {
    let found = quotes("The harbour of Kent was opened in 1842. In 1842 the ships stayed at Älmhult.", &[DOCUMENT]);
    assert_eq!((found[0].verdict, &found[0].missing), (Verdict::Weak, &vec!["Kent".to_owned()]));
    assert_eq!((&found[1].missing, &found[1].elsewhere), (&Vec::new(), &vec!["1842".to_owned()]));
}

#[test]
fn another_topic_is_unsupported() {
    for sentence in ["Neural networks learn representations from labels.", "Quantum fields carry no charge."] {
        let found = quotes(sentence, &[DOCUMENT]);
        assert_eq!((found[0].verdict, found[0].passage.is_none()), (Verdict::Unsupported, true), "{found:?}");
    }
}

#[test]
fn empty_texts_have_no_quotes() {
    assert!(quotes("", &[DOCUMENT]).is_empty() && quotes("# Head\n---", &[DOCUMENT]).is_empty());
    let found = quotes("Brell fell.", &[]);
    assert_eq!((found[0].verdict, found[0].score), (Verdict::Unsupported, 0.0));
}

#[test]
fn something_else_can_choose() {
    let summary = "The harbour and the ships in winter.";
    let mut counted = Quotes::new(summary);
    counted.count(DOCUMENT);
    let mut finder = counted.end_count().keep(3);
    finder.find(DOCUMENT);
    let mut seen = Vec::new();
    let quotes = finder.finish_by(|sentence, candidates| {
        assert_eq!(sentence, summary);
        assert!(candidates.windows(2).all(|pair| pair[0].score >= pair[1].score));
        seen = candidates.to_vec();
        Ok::<_, ()>(1)
    });
    let quote = &quotes.unwrap()[0];
    assert_eq!(seen.len(), 3);
    assert!((quote.score - seen[1].score).abs() < 0.001);
    let mut finder = Quotes::new(summary).end_count().keep(2);
    finder.find(DOCUMENT);
    assert_eq!(finder.finish_by(|_, _| Err(7)), Err(7));
}

proptest! {
    #[test]
    fn blocks_make_no_difference(
        cuts in proptest::collection::vec(0.0..1.0_f64, 0..12),
        summary in proptest::sample::subsequence(SENTENCES.to_vec(), 0..4),
        extra in "(cow|ships|in|\\PC| |Brell|\\. ){0,8}",
    ) {
        let chars: Vec<char> = DOCUMENT.chars().collect();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| (cut * chars.len() as f64) as usize).collect();
        cuts.extend([0, chars.len()]);
        cuts.sort_unstable();
        let blocks: Vec<String> = cuts.windows(2).map(|cut| chars[cut[0]..cut[1]].iter().collect()).collect();
        let blocks: Vec<&str> = blocks.iter().map(String::as_str).collect();
        let summary = format!("{} {extra}", summary.join(" "));
        prop_assert_eq!(quotes(&summary, &blocks), quotes(&summary, &[DOCUMENT]));
    }

    #[test]
    fn any_text_has_quotes_at_their_places(document in "(\\PC|[ab. \n。]){0,80}", summary in "(\\PC|[ab. \n。]){0,40}") {
        for quote in quotes(&summary, &[&document]) {
            prop_assert!((0.0..=1.0).contains(&quote.score));
            prop_assert_eq!(quote.passage.is_none(), quote.verdict == Verdict::Unsupported);
            if let Some(passage) = quote.passage {
                let squeeze = |text: &str| text.split_whitespace().collect::<String>();
                prop_assert_eq!(squeeze(&passage.text), squeeze(&at(&document, passage.characters)));
            }
        }
    }

    #[test]
    fn a_copied_sentence_scores_one(
        sentences in proptest::collection::vec(proptest::collection::vec("[a-z]{1,9}|[0-9]{1,5}", 1..9), 1..12),
        pick in 0_usize..12,
    ) {
        let sentences: Vec<String> = sentences.iter().map(|words| format!("So {} it.", words.join(" "))).collect();
        let document = sentences.join(" ");
        let wanted = &sentences[pick % sentences.len()];
        let found = quotes(wanted, &[&document]);
        let passage = found[0].passage.as_ref().unwrap();
        prop_assert_eq!((found[0].verdict, found[0].score), (Verdict::Supported, 1.0));
        prop_assert!(sentences.contains(&passage.text));
    }
}
