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
                if let Some(how) = likeness(&quote.sentence, &passage.text) {
                    writeln!(text, "{INDENT}{lines}, {how}")
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

/// How a sentence is its passage, if it is: but for a full stop, the mark of an item before one of them, and the name of who says it. A name that
/// the passage does not have is not said to be its own.
fn likeness(sentence: &str, passage: &str) -> Option<&'static str> {
    let plain = |text: &str| one_line(text).trim_end_matches('.').to_owned();
    let (sentence, passage) = (plain(sentence), plain(passage));
    // `1,` is no mark before `500 men`
    let unmarked = |text: &str| match text.split_once(' ') {
        Some((mark, rest)) if is_bullet(mark) => rest.to_owned(),
        _ => text.to_owned(),
    };
    let (sentence, passage) = (unmarked(&sentence), unmarked(&passage));
    if sentence == passage || sentence == said(&passage) {
        Some("word for word")
    } else if said(&sentence) == passage {
        Some("word for word behind the name")
    } else {
        None
    }
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
        for (sentence, passage, how) in [
            ("Tea was sold.", "Tea was\nsold.", "word for word"),
            ("Tea was sold.", "- Tea was sold", "word for word"),
            ("Tea was sold.", "Anna: Tea was sold.", "word for word"),
            ("Anna: Tea was sold.", "Tea was sold.", "word for word behind the name"),
            ("Anna: Tea was sold.", "Bob: Tea was sold.", ""),
            ("Tea was sold.", "Tea was sold. It rained.", ""),
            ("tea was sold.", "It is not true that tea was sold.", ""),
            ("500 men came to the town.", "1,500 men came to the town.", ""),
            ("2 degrees were measured.", "-2 degrees were measured.", ""),
        ] {
            quote.sentence = sentence.into();
            quote.passage.as_mut().unwrap().text = passage.into();
            let shown = show(&[quote.clone()], 60);
            let below = shown.lines().nth(1).unwrap();
            assert_eq!(below.strip_prefix("  line 120-122, ").unwrap_or_default(), how, "{passage}");
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
