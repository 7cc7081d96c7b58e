//! Which sentences of a text can stand alone.

use std::collections::HashSet;
use std::ops::Range;

use super::marks::{goes_on, has_end, is_bullet, is_entry, is_sign, leads_to_page, ordinal};
use super::references::is_reference;
use super::split::{Lines, Sentence, Splitter};
use super::words::{each_word, is_ideograph};

/// Words that a sentence has, or it is a heading or no sentence at all.
const LENGTHS: Range<usize> = 6..61;

/// Words of a piece of a line that is longer than a sentence may be.
const PIECE: usize = 30;

/// Months that a day stands before, with a full stop.
const MONTHS: &[&str] = &[
    "Januar",
    "Jänner",
    "Februar",
    "Feber",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];

/// What can stand alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quotable {
    /// Bytes of the text, without the mark of an item before it.
    pub range: Range<usize>,
    /// What stands behind it where it does not end as a sentence does.
    pub closing: &'static str,
}

/// The sentences of a text that say something where they stand alone, and the items of a list that is the greater part of it. A text without
/// any, what somebody said without a full stop, gives its lines, and pieces of long ones.
pub fn quotable(text: &str) -> Vec<Quotable> {
    let (mut whole, mut items, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
    let parts = parts(text);
    let numbers: HashSet<u32> =
        parts.iter().filter_map(|part| bullet(&text[part.range.clone()]).and_then(ordinal)).collect();
    for part in parts {
        let all = &text[part.range.clone()];
        let mark = bullet(all).filter(|mark| ordinal(mark).is_none_or(|n| is_listed(n, &numbers) && !is_day(all)));
        let said = mark.map_or(all, |mark| behind(all, mark));
        let range = part.range.end - said.len()..part.range.end;
        if part.is_own_line || is_apparatus(said) || is_reference(text, &range) {
            skipped.push(part.range);
        } else if part.is_rest || !LENGTHS.contains(&length(said)) || is_heading(said) || is_figures(said) {
            // says nothing by itself
        } else if has_end(said) && (mark.is_some() || !is_half(said)) {
            whole.push(Quotable { range, closing: "" });
        } else if mark.is_some() && said.ends_with(char::is_alphanumeric) {
            items.push(Quotable { range, closing: "." });
        }
    }
    if items.len() >= whole.len() {
        whole.append(&mut items);
        whole.sort_by_key(|found| found.range.start);
    }
    if whole.is_empty() { pieces(text, &skipped) } else { whole }
}

/// Whether there is an item before or after this one.
fn is_listed(n: u32, numbers: &HashSet<u32>) -> bool {
    numbers.contains(&n.saturating_add(1)) || n.checked_sub(1).is_some_and(|before| numbers.contains(&before))
}

/// Whether a text begins with a day of a month, as German has it: `4. Mai`.
fn is_day(text: &str) -> bool {
    text.split_whitespace().nth(1).is_some_and(|word| MONTHS.iter().any(|month| word.starts_with(month)))
}

/// A sentence as it stands in a text.
struct Part {
    range: Range<usize>,
    is_own_line: bool,
    is_rest: bool,
}

fn parts(text: &str) -> Vec<Part> {
    let bytes: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let mut parts = Vec::new();
    let mut each = |sentence: Sentence<'_>| {
        let [from, to] = sentence.place.characters.map(|at| bytes[at as usize]);
        parts.push(Part { range: from..to, is_own_line: sentence.is_own_line, is_rest: sentence.is_rest });
    };
    let mut splitter = Splitter::new(Lines::Wrapped);
    splitter.push(text, &mut each);
    splitter.finish(&mut each);
    parts
}

/// The mark of an item that a sentence begins with.
fn bullet(sentence: &str) -> Option<&str> {
    sentence.split_whitespace().next().filter(|first| is_bullet(first))
}

/// A sentence without the sign of an item before it. `4.` may be the day of a date.
pub fn without_bullet(sentence: &str) -> &str {
    bullet(sentence).filter(|mark| is_sign(mark)).map_or(sentence, |mark| behind(sentence, mark))
}

/// What stands behind the mark of an item; all of it where nothing does.
fn behind<'a>(sentence: &'a str, mark: &str) -> &'a str {
    let rest = sentence.strip_prefix(mark).map(str::trim_start);
    rest.filter(|rest| !rest.is_empty()).unwrap_or(sentence)
}

/// Whether something is no sentence of the text itself: a row of a table, an entry of a table of contents, what an older mail said, markup, a set or a
/// block of code.
fn is_apparatus(said: &str) -> bool {
    let has_mark = said.starts_with(['#', '|', '{', '}']) || said.starts_with("..") || said.contains(" | ");
    let is_mail = said.split(['\n', '\r']).any(|line| line.trim_start().starts_with('>'));
    has_mark || is_mail || is_entry(said) || said.match_indices('.').any(|(at, _)| leads_to_page(&said[..=at]))
}

/// Whether more than two words in three are numbers.
fn is_figures(said: &str) -> bool {
    let (mut n, mut n_numbers) = (0, 0);
    each_word(said, &mut |word| {
        n += 1;
        n_numbers += usize::from(word.text.starts_with(|c: char| c.is_ascii_digit()));
    });
    3 * n_numbers > 2 * n
}

/// Whether a sentence is the second half of one: it begins with a small letter, and not as `iPhone` does.
fn is_half(said: &str) -> bool {
    said.split_whitespace().next().is_none_or(|first| goes_on(first) && !first.contains(char::is_uppercase))
}

/// Lines of a text without sentences, those that are too long in pieces, but for what is skipped.
fn pieces(text: &str, skipped: &[Range<usize>]) -> Vec<Quotable> {
    let mut found = Vec::new();
    let mut from = 0;
    for line in text.split_inclusive(['\n', '\r']) {
        let mut ends: Vec<usize> = Vec::new();
        each_word(line, &mut |word| ends.push(word.end));
        let mut begin = 0;
        for last in ends.chunks(PIECE).map(|words| words[words.len() - 1]) {
            // up to where the next token begins
            let next = line[last..].find(|c: char| c.is_whitespace() || is_ideograph(c));
            let end = last + next.unwrap_or(line.len() - last);
            if end > begin {
                let said = line[begin..end].trim();
                let at = from + (said.as_ptr() as usize - line.as_ptr() as usize);
                let is_skipped = skipped.iter().any(|range| range.start < at + said.len() && at < range.end);
                if LENGTHS.contains(&length(said)) && !is_skipped && !is_heading(said) && is_speech(said) {
                    let closing = if begin == 0 && has_end(said) { "" } else { " …" };
                    found.push(Quotable { range: at..at + said.len(), closing });
                }
                begin = end;
            }
        }
        from += line.len();
    }
    found
}

/// Whether a text is words, and not signs between them as in programs and tables.
fn is_speech(text: &str) -> bool {
    let n_signs = text.chars().filter(|c| !c.is_alphanumeric() && !c.is_whitespace()).count();
    8 * n_signs < text.chars().count()
}

/// Words of a sentence; two ideographs count as one.
fn length(sentence: &str) -> usize {
    let (mut n, mut n_ideographs) = (0, 0);
    each_word(sentence, &mut |word| *if word.text.chars().all(is_ideograph) { &mut n_ideographs } else { &mut n } += 1);
    n + n_ideographs / 2
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
            ("3. The council sold the harbour to Anne Gray.\n4. There is no other.", whole),
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
            // a day is no mark, and abbreviations end what is over
            ("4. Mai: Der Hafen wird an Anne verkauft.", "4. Mai: Der Hafen wird an Anne verkauft."),
            (
                "It was sold to Acme Shipping Co. Ltd.\n\nNobody knew the unknown quantity x.",
                "It was sold to Acme Shipping Co. Ltd.|Nobody knew the unknown quantity x.",
            ),
            (
                "Nobody waited for them for hours.... Then the captain of the ship left.",
                "Nobody waited for them for hours....|Then the captain of the ship left.",
            ),
            ("- the men of the pier went home.\n", "the men of the pier went home."),
            // a list is the greater part
            (
                "This is what the council wants to do.\n- buy milk and bread for the evening\n- call Anne about the old harbour\n",
                "This is what the council wants to do.|buy milk and bread for the evening.|call Anne about the old harbour.",
            ),
            ("let a = compute(&text[range.clone()], other_46, more + 46);\n", ""),
            ("{ harbour: 0.21, pier: 0.15, council: 0.10, ...\n\nThe council sold the harbour to Anne Gray.", whole),
            ("Harbour 0.21 0.15 0.10 0.33 pier 0.4 0.3 1.\n\nThe council sold the harbour to Anne Gray.", whole),
            ("Norham won 3-2, 4-1, 6-0, 2-1 and 5-4 at home.", "Norham won 3-2, 4-1, 6-0, 2-1 and 5-4 at home."),
            ("| 54 | the harbour of the town of Norham | 162 |\n", ""),
            (
                "4. Mai: Der Hafen wird an Anne verkauft.\n5. Mai: Der Rat wird von ihr bezahlt.",
                "4. Mai: Der Hafen wird an Anne verkauft.|5. Mai: Der Rat wird von ihr bezahlt.",
            ),
            (
                "(i) the men of the pier went home.\n(ii) the council sold the harbour to Anne.",
                "the men of the pier went home.|the council sold the harbour to Anne.",
            ),
            (
                "**Anna:** We decided to sell the harbour to Mr Gray.",
                "**Anna:** We decided to sell the harbour to Mr Gray.",
            ),
            // where there is nothing else
            (
                "# Transcript\nso today we are going to talk about the harbour\n\n> and who has it now and then\n",
                "so today we are going to talk about the harbour …",
            ),
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
        assert!(told(&"议会把旧港口卖给了安妮她答应在五年内修好码头".repeat(9)).len() > 5);
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
            let mut last = 0;
            for Quotable { range, .. } in quotable(&text) {
                let said = &text[range.clone()];
                prop_assert!(last <= range.start && !said.is_empty() && said == said.trim());
                last = range.end;
            }
        }
    }
}
