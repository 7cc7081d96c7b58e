//! The names and numbers in a summary.
//!
//! A name is a word that begins with a capital and has two letters or more. In runs (`Jonathan Swift`, `Jean-Luc`) each word is
//! one. In German every noun is. None are:
//!
//! - the first word of a sentence, of a line, after a colon or after the quotation mark that opens: it may be any word. A
//!   full stop after a single letter or a title ends no sentence;
//! - titles (`Mr`, `Dr`) and `I'm`, `I've`, `I'll`, `I'd`;
//! - the words of a line of three or more without a small letter: a heading.
//!
//! Capitals with nothing but full stops between them are a name together, wherever they stand: `U.S.A.`, but not `A.M.` and `P.M.`.
//!
//! Months and days of the week are names. A number is what begins with a digit: `8,473`, `3.5`, `50%`, `1842`, `16th`, `5kg`,
//! each as [`terms`] has it, but not the mark of an item in a list (`1.`, `2)`). Number words and signs before a number are not
//! understood, and nothing is calculated.

use super::numbers::terms;
use super::words::{Word, each_word, without_possessive};

/// Titles and the like: they are no names, and their full stop ends no sentence.
const TITLES: &[&str] = &[
    "Mr", "Mrs", "Ms", "Messrs", "Dr", "Prof", "St", "Rev", "Hon", "Capt", "Col", "Gen", "Lt", "Sgt", "Sr", "Jr", "No",
    "Nos", "Vol", "vs",
];

/// What stands behind an hour.
const HOURS: &[&str] = &["A.M.", "P.M."];

/// What `I` is contracted to.
const PRONOUNS: &[&str] = &["I'm", "I've", "I'll", "I'd"];

/// Signs after which a sentence may begin, beside the full stop.
const ENDS: &[char] = &['!', '?', '…', ':', '。', '！', '？', '：'];

/// Quotation marks that may open.
const QUOTES: &[char] = &['"', '\'', '“', '”', '„', '‘', '’', '‚', '«', '»', '‹', '›'];

/// Signs of markup.
const MARKUP: &[char] = &['*', '_', '`', '#'];

/// Gives each name and number of a summary, as often as it stands there.
pub fn each_name_or_number(summary: &str, each: &mut impl FnMut(&str)) {
    for line in summary.lines() {
        let mut n_words = 0;
        each_word(line, &mut |_| n_words += 1);
        let is_heading = n_words >= 3 && !line.contains(char::is_lowercase);
        let mut before: Option<Before> = None;
        let mut initials = String::new();
        each_word(line, &mut |word: Word<'_>| {
            let gap = &line[before.as_ref().map_or(0, |before| before.end)..word.start];
            let begins = before.as_ref().is_none_or(|before| before.lets_begin(gap));
            let is_mark = before.is_none() && is_list_mark(word, line);
            if !is_capital(word.text) || gap != "." {
                give_initials(&mut initials, each);
            }
            if is_capital(word.text) {
                initials.push_str(word.text);
                initials.push('.');
            }
            if word.text.starts_with(|c: char| c.is_ascii_digit()) {
                let numbers =
                    terms(word.text).into_iter().filter(|term| term.starts_with(|c: char| c.is_ascii_digit()));
                numbers.filter(|_| !is_mark).for_each(|number| each(&number));
            } else if !begins && !is_heading && is_name(word.text) {
                each(without_possessive(word.text));
            }
            before = Some(Before { ends_no_sentence: ends_no_sentence(word.text), is_mark, end: word.end });
        });
        give_initials(&mut initials, each);
    }
}

/// Whether a word is a letter, a capital.
fn is_capital(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(char::is_uppercase) && letters.next().is_none()
}

/// Gives capitals that stood together, if there are two at least, and takes them away.
fn give_initials(initials: &mut String, each: &mut impl FnMut(&str)) {
    if initials.chars().nth(2).is_some() && !HOURS.contains(&initials.as_str()) {
        each(initials);
    }
    initials.clear();
}

/// Whether a name is of initials, with a full stop behind each.
pub fn is_initials(name: &str) -> bool {
    name.ends_with('.') && name.starts_with(char::is_alphabetic)
}

/// What matters of the word before.
struct Before {
    /// Whether a full stop after it ends no sentence.
    ends_no_sentence: bool,
    /// Whether it was the mark of an item.
    is_mark: bool,
    /// Where it ends in its line.
    end: usize,
}

impl Before {
    /// Whether a sentence may begin after what stands between the word and the next.
    fn lets_begin(&self, gap: &str) -> bool {
        self.is_mark
            || gap.contains(ENDS)
            || gap.contains('.') && !self.ends_no_sentence
            || gap.trim_end_matches(MARKUP).ends_with(QUOTES)
    }
}

/// Whether a word is an abbreviation, or a letter of one.
fn ends_no_sentence(word: &str) -> bool {
    TITLES.contains(&word) || word.chars().count() == 1 && word.starts_with(char::is_alphabetic)
}

/// Whether the first word of a line is a number before an item: `1.`, `12)`.
fn is_list_mark(word: Word<'_>, line: &str) -> bool {
    let mut after = line[word.end..].chars();
    word.text.len() <= 2
        && word.text.bytes().all(|byte| byte.is_ascii_digit())
        && matches!(after.next(), Some('.' | ')'))
        && after.next().is_none_or(char::is_whitespace)
}

/// Whether a word within a sentence is a name.
fn is_name(word: &str) -> bool {
    without_possessive(word).chars().filter(|c| c.is_alphabetic()).count() >= 2
        && word.starts_with(char::is_uppercase)
        && !TITLES.contains(&word)
        && !PRONOUNS.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(summary: &str) -> String {
        let mut found = Vec::new();
        each_name_or_number(summary, &mut |name| found.push(name.to_owned()));
        found.join("|")
    }

    #[test]
    fn names_are_found() {
        for (summary, expected) in [
            ("Gulliver sailed from Bristol. He met Jean-Luc O’Neil’s men.", "Bristol|Jean|Luc|O'Neil"),
            ("The mayor, Mr. Swift, saw Dr Brell and I'm told St. Ives", "Swift|Brell|Ives"),
            ("In the U.S. Senate J. R. Smith spoke! Then Paris? Yes: London", "U.S.|Senate|Smith|Paris"),
            ("U.S.A. and U.K.\nJ.R. Smith of the U. S. N.\nA. at 5 P.M.", "U.S.A.|U.K.|J.R.|Smith|5"),
            ("He said “Come to Brell” and \"Go\" in the \"old\" Hall", "Brell|Hall"),
            ("He said **\"Come\"** to **Brell** (Kent)", "Brell|Kent"),
            ("- Item of Kent\n* **Key** of Bath", "Kent|Bath"),
            ("THE FALL OF BRELL in Kent", "FALL|OF|BRELL|Kent"),
            ("THE FALL OF BRELL 1842\nsee NASA, McDonald's and IBM’S plan", "1842|NASA|McDonald|IBM"),
            ("Die große Straße nach Österreich", "Straße|Österreich"),
            ("on Monday in March, what I may do", "Monday|March"),
            ("", ""),
        ] {
            assert_eq!(found(summary), expected, "{summary}");
        }
    }

    #[test]
    fn numbers_are_found() {
        for (summary, expected) in [
            ("8,473.50 pounds or 50% on the 16th of 1842–43 for 5kg.", "8473.50|50|16|1842|43|5"),
            ("1. The town\n2) Its men\n12. 300 of Brell\n1842. In that year", "300|Brell|1842"),
            ("in the 1840s, £5½", "1840s|5½"),
            ("the FY2023 of A4 and B2B", "FY2023|B2B"),
        ] {
            assert_eq!(found(summary), expected, "{summary}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(summary in "(\\PC|[A1.'’\n \u{301}\u{ad}]){0,40}") {
            found(&summary);
        }
    }
}
