//! Quotes for people.

use std::fmt::Write;

use crate::text::marks::is_bullet;
use crate::text::one_line;
use crate::text::speaker::said;

use super::verdict::{FoundBy, Quote, Verdict};

/// Characters at the beginning of each line below a sentence.
const INDENT: &str = "  ";

/// Each sentence of a summary, and below it the line of the document and the passage, unless that is the same. A passage is shortened at the
/// end of a word so that its line has at most `width` characters, but no further than to 20.
pub fn show(quotes: &[Quote], width: usize) -> String {
    let mut text = String::new();
    for quote in quotes {
        // writing to a string cannot fail
        let _ = writeln!(text, "{}", quote.sentence);
        let _ = match &quote.passage {
            Some(passage) => {
                let [first, last] = passage.lines;
                let lines = if first == last { format!("line {first}") } else { format!("line {first}-{last}") };
                let weak = if quote.verdict == Verdict::Weak { ", weak" } else { "" };
                let meaning = if quote.found_by == Some(FoundBy::Embeddings) { ", by meaning" } else { "" };
                if is_same(&quote.sentence, &passage.text) {
                    writeln!(text, "{INDENT}{lines}, word for word")
                } else {
                    let head = format!("{INDENT}{lines}{weak}{meaning}: ");
                    let room = width.saturating_sub(head.chars().count() + 2).max(20);
                    writeln!(text, "{head}\"{}\"", shortened(&passage.text, room))
                }
            }
            None => writeln!(text, "{INDENT}no support found"),
        };
        for (what, names) in [("not in the document", &quote.missing), ("not in this passage", &quote.elsewhere)] {
            if !names.is_empty() {
                let _ = writeln!(text, "{INDENT}{what}: {}", names.join(", "));
            }
        }
    }
    text
}

/// Whether a sentence is its passage, but for a full stop and, before one of them, the mark of an item or who says it.
fn is_same(sentence: &str, passage: &str) -> bool {
    let plain = |text: &str| one_line(text).trim_end_matches('.').to_owned();
    let (sentence, passage) = (plain(sentence), plain(passage));
    let (long, short) = if sentence.len() > passage.len() { (sentence, passage) } else { (passage, sentence) };
    // `1,` is none before `500 men`
    let is_item = long.split_once(' ').is_some_and(|(mark, rest)| is_bullet(mark) && rest == short);
    long == short || said(&long) == short || is_item
}

/// The beginning of a text that has at most so many characters, with `…` for the rest of it.
fn shortened(text: &str, width: usize) -> String {
    let Some((limit, _)) = text.char_indices().nth(width) else { return text.to_owned() };
    // room for the sign
    let head: &str = text[..limit].char_indices().next_back().map_or("", |(last, _)| &text[..last]);
    let end = match head.rfind(' ') {
        _ if text[head.len()..].starts_with(' ') => head.len(),
        // writing without spaces, or a very long word
        Some(space) if space * 2 > head.len() => space,
        _ => head.len(),
    };
    format!("{}…", head[..end].trim_end_matches([',', ';', ':', ' ']))
}

#[cfg(test)]
mod tests {
    use super::super::best::Passage;
    use super::*;

    fn quote(verdict: Verdict, lines: [u64; 2]) -> Quote {
        let text = "The harbour of Brell, which the town had wanted for so long, was opened in spring.".to_owned();
        Quote {
            sentence: "The harbour of Kent was opened in 1842.".into(),
            verdict,
            score: 0.7,
            needed: 0.4,
            missing: vec!["Kent".into()],
            elsewhere: if lines[0] == 1 { vec!["1842".into()] } else { Vec::new() },
            passage: (verdict != Verdict::Unsupported).then_some(Passage { text, lines, characters: [0, 82] }),
            found_by: None,
            similarity: None,
        }
    }

    #[test]
    fn quotes_are_shown() {
        let quotes =
            [quote(Verdict::Supported, [120, 122]), quote(Verdict::Weak, [1, 1]), quote(Verdict::Unsupported, [2, 2])];
        let expected = "\
The harbour of Kent was opened in 1842.
  line 120-122: \"The harbour of Brell, which the town had…\"
  not in the document: Kent
The harbour of Kent was opened in 1842.
  line 1, weak: \"The harbour of Brell, which the town had…\"
  not in the document: Kent
  not in this passage: 1842
The harbour of Kent was opened in 1842.
  no support found
  not in the document: Kent
";
        assert_eq!(show(&quotes, 60), expected);
    }

    #[test]
    fn a_sentence_of_the_document_is_not_shown_twice() {
        let mut quote = quote(Verdict::Supported, [120, 122]);
        quote.missing.clear();
        for (sentence, passage, same) in [
            ("Tea was sold.", "Tea was\nsold.", true),
            ("Tea was sold.", "- Tea was sold", true),
            ("Anna: Tea was sold.", "Tea was sold.", true),
            ("Tea was sold.", "Tea was sold. It rained.", false),
            ("tea was sold.", "It is not true that tea was sold.", false),
            ("500 men came to the town.", "1,500 men came to the town.", false),
            ("2 degrees were measured.", "-2 degrees were measured.", false),
            ("", "", true),
        ] {
            quote.sentence = sentence.into();
            quote.passage.as_mut().unwrap().text = passage.into();
            assert_eq!(
                show(&[quote.clone()], 60).contains(&format!("{sentence}\n  line 120-122, word for word\n")),
                same,
                "{passage}"
            );
        }
    }

    #[test]
    fn it_is_said_what_words_did_not_find() {
        let mut quote = quote(Verdict::Supported, [2, 2]);
        (quote.found_by, quote.similarity) = (Some(FoundBy::Embeddings), Some(0.81));
        assert!(show(&[quote.clone()], 60).contains("\n  line 2, by meaning: \"The harbour"));
        let json = serde_json::to_value(quote).unwrap();
        assert_eq!((&json["found_by"], &json["similarity"]), (&"embeddings".into(), &0.81.into()));
    }

    #[test]
    fn texts_are_shortened_between_words() {
        for (text, width, expected) in [
            ("one two three", 13, "one two three"),
            ("one two three", 12, "one two…"),
            ("one two three", 8, "one two…"),
            ("one two, three", 9, "one two…"),
            ("a 一二三四五六七", 6, "a 一二三…"),
            ("", 3, ""),
        ] {
            assert_eq!(shortened(text, width), expected, "{text} {width}");
        }
    }

    #[test]
    fn json_is_as_described() {
        let json = serde_json::to_value(quote(Verdict::Weak, [1, 3])).unwrap();
        assert_eq!(json["verdict"], "weak");
        // without embeddings nothing is said of them
        assert_eq!(json.as_object().unwrap().len(), 7);
        assert_eq!(json["passage"]["lines"], serde_json::json!([1, 3]));
        assert_eq!(json["passage"]["characters"], serde_json::json!([0, 82]));
        assert!(serde_json::to_value(quote(Verdict::Unsupported, [1, 3])).unwrap()["passage"].is_null());
    }
}
