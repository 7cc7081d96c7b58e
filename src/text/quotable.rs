//! Which sentences of a text can stand alone.

use std::ops::Range;

use super::marks::{goes_on, is_bullet, leads_to_page};
use super::references::is_reference;
use super::sentences::is_whole;
use super::split::{Lines, Sentence, Splitter};
use super::words::{each_word, is_ideograph};

/// Words that a sentence has, or it is a heading or no sentence at all.
const LENGTHS: Range<usize> = 6..61;

/// Words of a piece of a line that is longer than a sentence may be.
const PIECE: usize = 30;

/// What can stand alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quotable {
    /// Bytes of the text, without the mark of an item before it.
    pub range: Range<usize>,
    /// What stands behind it where it does not end as a sentence does.
    pub closing: &'static str,
}

/// The sentences of a text that say something where they stand alone. A text without any, a list or what somebody said without a full stop,
/// gives its lines, and pieces of long ones.
pub fn quotable(text: &str) -> Vec<Quotable> {
    let bytes: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let (mut whole, mut items) = (Vec::new(), Vec::new());
    let mut each = |sentence: Sentence<'_>| {
        let [from, to] = sentence.place.characters.map(|at| bytes[at as usize]);
        let said = without_bullet(&text[from..to]);
        let range = to - said.len()..to;
        if !sentence.is_rest && !sentence.is_own_line && is_quotable(said) && !is_reference(text, &range) {
            whole.push(Quotable { range, closing: "" });
        } else if said.len() < to - from && is_item(said) {
            items.push(Quotable { range, closing: "." });
        }
    };
    let mut splitter = Splitter::new(Lines::Wrapped);
    splitter.push(text, &mut each);
    splitter.finish(&mut each);
    match (whole.is_empty(), items.is_empty()) {
        (false, _) => whole,
        (true, false) => items,
        (true, true) => pieces(text),
    }
}

/// Whether a sentence says something where it stands alone: it begins and ends as a sentence does, and is neither written as a heading is nor the
/// row of a table, an entry of a table of contents, or what an older mail said.
pub fn is_quotable(sentence: &str) -> bool {
    let has_mark =
        sentence.starts_with(['-', '*', '•', '#', '|']) || sentence.starts_with("..") || sentence.contains(" | ");
    let is_mail = sentence.lines().any(|line| line.trim_start().starts_with('>'));
    let is_rest = sentence.split_whitespace().next().is_none_or(goes_on);
    LENGTHS.contains(&length(sentence))
        && is_whole(sentence)
        && !has_mark
        && !is_mail
        && !is_rest
        && !has_leader(sentence)
        && !is_heading(sentence)
}

/// A sentence without the mark of an item before it.
pub fn without_bullet(sentence: &str) -> &str {
    let first = sentence.split_whitespace().next().unwrap_or_default();
    match sentence.strip_prefix(first) {
        Some(rest) if is_bullet(first) && !rest.trim().is_empty() => rest.trim_start(),
        _ => sentence,
    }
}

/// Whether an item of a list says something, though no full stop ends it.
fn is_item(item: &str) -> bool {
    LENGTHS.contains(&length(item)) && item.ends_with(char::is_alphanumeric) && !has_leader(item) && !is_heading(item)
}

/// Lines of a text without sentences, those that are too long in pieces.
fn pieces(text: &str) -> Vec<Quotable> {
    let mut found = Vec::new();
    let mut from = 0;
    for line in text.split_inclusive(['\n', '\r']) {
        let mut ends: Vec<usize> = Vec::new();
        each_word(line, &mut |word| ends.push(word.end));
        let mut begin = 0;
        for last in ends.chunks(PIECE).map(|words| words[words.len() - 1]) {
            // up to where the next token begins
            let end = last + line[last..].find(char::is_whitespace).unwrap_or(line.len() - last);
            if end > begin {
                let said = line[begin..end].trim();
                let said = without_bullet(said);
                let at = from + (said.as_ptr() as usize - line.as_ptr() as usize);
                if LENGTHS.contains(&length(said)) && !has_leader(said) && !is_heading(said) {
                    let closing = if is_whole(said) { "" } else { " …" };
                    found.push(Quotable { range: at..at + said.len(), closing });
                }
                begin = end;
            }
        }
        from += line.len();
    }
    found
}

/// Words of a sentence; two ideographs count as one.
fn length(sentence: &str) -> usize {
    let (mut n, mut n_ideographs) = (0, 0);
    each_word(sentence, &mut |word| *if word.text.chars().all(is_ideograph) { &mut n_ideographs } else { &mut n } += 1);
    n + n_ideographs / 2
}

fn has_leader(sentence: &str) -> bool {
    sentence.match_indices('.').any(|(at, _)| leads_to_page(&sentence[..=at]))
}

/// Whether a text is written as a heading is: most of its words begin with a capital.
fn is_heading(text: &str) -> bool {
    let n_small = text.split_whitespace().filter(|word| word.starts_with(char::is_lowercase)).count();
    // a script without capitals has no small letters either, whatever foreign word stands in it
    let n_letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let has_case = 2 * text.chars().filter(|c| c.is_uppercase() || c.is_lowercase()).count() > n_letters;
    has_case && 3 * n_small < text.split_whitespace().count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(text: &str) -> Vec<String> {
        quotable(text).into_iter().map(|found| text[found.range].replace('\n', " ") + found.closing).collect()
    }

    #[test]
    fn sentences_that_stand_alone_are_told() {
        let whole = "The council sold the harbour to Anne Gray.";
        for (text, expected) in [
            (whole, whole),
            // items, without their marks
            ("3. The council sold the harbour to Anne Gray.", whole),
            ("– The council sold the harbour to Anne Gray.", whole),
            // not the rest of what stood on another page, not a row, not what somebody is answered
            ("sold all of the land behind the pier.\n\nThe council sold the harbour to Anne Gray.", whole),
            (
                "> The council had asked for the land and\n> nobody gave it.\n\nThe council sold the harbour to Anne Gray.",
                whole,
            ),
            ("Norham | It has a harbour and a pier.\n\nThe council sold the harbour to Anne Gray.", whole),
            (
                "The opening of the harbour of Norham . . . . . 3\nWhat was said of it by the council ..... 17\nThe council sold the harbour to Anne Gray.",
                whole,
            ),
            // where there is nothing else
            (
                "- buy milk and bread for the evening\n- call Anne about the old harbour\n",
                "buy milk and bread for the evening.|call Anne about the old harbour.",
            ),
            (
                "so today we are going to talk about the harbour\nand who has it\n",
                "so today we are going to talk about the harbour …",
            ),
            ("", ""),
        ] {
            assert_eq!(told(text).join("|"), expected, "{text}");
        }
        let endless = "and then we went on ".repeat(20);
        assert_eq!(told(&endless).len(), 4);
    }

    #[test]
    fn the_rest_of_what_was_cut_is_no_sentence() {
        let long = "the mayor and the council of the town of Norham and\n".repeat(13);
        let text = format!(
            "On the third day {long}Anne Gray sold the harbour to the mayor for good. Nobody of them was ever seen there again."
        );
        assert_eq!(told(&text), ["Nobody of them was ever seen there again."]);
    }

    #[test]
    fn scripts_without_capitals_or_spaces_have_sentences_too() {
        for text in [
            "Совет города продал старую гавань Анне Грей за триста фунтов.",
            "Το συμβούλιο πούλησε το παλιό λιμάνι στην Άννα Γκρέι.",
            "市议会以三百英镑的价格把旧港口卖给了安妮，她答应在五年内修好码头，并且每年向城市交付三十英镑的租金，镇上的人都说这是一笔好买卖，因为港口已经十年没有船来过了。",
        ] {
            assert_eq!(told(text), [text]);
        }
    }

    proptest! {
        #[test]
        fn what_is_told_stands_there(text in "(\\PC|[aB1.!。 \n\r-]){0,60}") {
            for found in quotable(&text) {
                prop_assert!(!text[found.range].trim().is_empty());
            }
        }
    }
}
