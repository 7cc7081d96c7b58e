//! Signs and words by which sentences are told apart.
//!
//! A token is what stands between white space. Most rules look at one token only, so that they need no more of the text.

/// Marks that end a sentence where white space follows.
const ENDS: &[char] = &['.', '!', '?', '…', '‥', '؟', '۔', '।', '॥', '։', '።', '။', '។'];
/// Marks that end a sentence whatever follows.
const WIDE_ENDS: &[char] = &['。', '！', '？', '｡'];
/// What may follow such a mark and is a part of the sentence. In German “ closes.
const CLOSERS: &[char] =
    &['"', '\'', ')', ']', '”', '’', '“', '‘', '»', '›', '«', '‹', '*', '_', '`', '」', '』', '）', '】'];
/// Those of them which stand by themselves at the end of a sentence (`« Oui. »`) and open none.
const ONLY_CLOSERS: &[char] = &[')', ']', '”', '’', '»', '」', '』', '）', '】'];
/// What may stand before the first word of a sentence.
const OPENERS: &[char] =
    &['"', '\'', '(', '[', '“', '„', '‘', '‚', '«', '‹', '»', '*', '_', '`', '「', '『', '（', '【', '¿', '¡'];
/// Words whose full stop ends no sentence, in small letters: titles, firms and places, what texts shorten, months, and Russian ones. A sentence that
/// goes on though it is over does less harm than half of one that seems to be whole.
const ABBREVIATIONS: &[&str] = &[
    "mr", "mrs", "ms", "messrs", "mme", "mlle", "dr", "prof", "st", "rev", "hon", "capt", "col", "gen", "lt", "sgt",
    "jr", "sr", "sra", "srta", "sen", "gov", "rep", "maj", "cmdr", "cpl", "pres", "supt", "insp", "hr", "fr", "inc",
    "ltd", "co", "corp", "bros", "dept", "mt", "ave", "blvd", "vs", "e.g", "i.e", "nr", "cf", "al", "ca", "approx",
    "bzw", "ed", "eds", "op", "ph.d", "ggf", "vgl", "evtl", "sog", "inkl", "jan", "feb", "apr", "jun", "jul", "aug",
    "sept", "oct", "nov", "dec", "гг", "им", "др", "пр", "ул", "стр", "руб", "тыс", "млн", "млрд",
];
/// Those that are words too, and whose full stop ends no sentence where a number follows.
const BEFORE_NUMBERS: &[&str] = &[
    "no", "nos", "vol", "vols", "p", "pp", "fig", "figs", "eq", "eqs", "sec", "secs", "art", "arts", "ch", "chap",
    "abs", "tab", "nrn", "núm", "pág", "bd", "lit",
];
/// Words that no line ends with which is whole, of English, German, French and Spanish.
const LEADING_ON: &[&str] = &[
    "a", "an", "the", "of", "to", "in", "on", "at", "by", "for", "with", "from", "into", "and", "or", "but", "that",
    "which", "as", "his", "her", "their", "its", "my", "our", "your", "was", "were", "is", "are", "be", "had", "has",
    "have", "der", "die", "das", "den", "dem", "des", "ein", "eine", "einen", "einem", "einer", "und", "oder", "von",
    "vom", "zu", "zum", "zur", "mit", "im", "am", "auf", "für", "le", "la", "les", "un", "une", "du", "et", "ou", "à",
    "au", "aux", "en", "par", "pour", "sur", "que", "qui", "el", "los", "las", "una", "y", "de", "del", "al", "con",
    "por", "para",
];
/// Signs before an item of a list.
const BULLETS: &[&str] = &["-", "*", "+", "•", "‣", "◦", "▪", "●", "–", "—", "·"];

/// Whether a sentence is over after a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Over {
    /// It goes on.
    #[default]
    No,
    /// It is, unless a small letter or a number follows.
    UnlessNumber,
    /// It is, unless a small letter follows.
    Perhaps,
    /// It is, whatever follows.
    Yes,
}

/// Whether a character is white space that separates tokens. Spaces that do not break separate none: they stand within numbers.
pub fn separates(c: char) -> bool {
    c.is_whitespace() && !matches!(c, '\u{a0}' | '\u{2007}' | '\u{2009}' | '\u{202f}')
}

/// Whether a character ends a sentence, if something else does not say that it goes on.
pub fn is_end(c: char) -> bool {
    ENDS.contains(&c) || is_wide_end(c)
}

/// Whether a character ends a sentence whatever follows.
pub fn is_wide_end(c: char) -> bool {
    WIDE_ENDS.contains(&c)
}

/// Whether a character stays with the end of a sentence before it.
pub fn stays(c: char) -> bool {
    is_end(c) || CLOSERS.contains(&c)
}

/// Whether a sentence is over after a token.
pub fn over_after(token: &str) -> Over {
    let token = without_notes(token).trim_end().trim_end_matches(CLOSERS).trim_end();
    match token.chars().next_back() {
        Some(last) if WIDE_ENDS.contains(&last) => Over::Yes,
        Some('.') if leads_to_page(token) || is_abbreviation(token) => Over::No,
        Some('.') if is_one_of(BEFORE_NUMBERS, token) => Over::UnlessNumber,
        Some(last) if ENDS.contains(&last) => Over::Perhaps,
        _ => Over::No,
    }
}

/// A token without marks of notes at its end: `end.[12]`.
fn without_notes(mut token: &str) -> &str {
    while let Some(at) = token.strip_suffix(']').and_then(|rest| rest.rfind('['))
        && at > 0
        && token[at + 1..token.len() - 1].bytes().all(|byte| byte.is_ascii_digit())
    {
        token = &token[..at];
    }
    token
}

/// Whether the full stop at the end of a token ends no sentence: an abbreviation, an initial, a number of one or two digits
/// (`3.` before an item; `4. Mai`).
fn is_abbreviation(token: &str) -> bool {
    let Some(word) = token.trim_start_matches(OPENERS).strip_suffix('.') else { return false };
    let mut chars = word.chars();
    // J., and z. in 'z. B.', but p. stands before a number
    let initial = chars.next().is_some_and(char::is_alphabetic) && chars.next().is_none();
    let number = !word.is_empty() && word.len() <= 2 && word.bytes().all(|byte| byte.is_ascii_digit());
    // U.S, z.B
    let letters = word.contains('.') && word.split('.').all(|part| part.chars().count() == 1);
    initial && word != "p" || number || letters || is_one_of(ABBREVIATIONS, token)
}

/// Whether a token is a word of a list and its full stop.
fn is_one_of(list: &[&str], token: &str) -> bool {
    let word = token.trim_start_matches(OPENERS).strip_suffix('.');
    word.is_some_and(|word| list.contains(&word.to_lowercase().as_str()))
}

/// Whether a text ends with dots that lead to a page number, `.....` or `. . . . .`; fewer stand for what is left out.
pub fn leads_to_page(text: &str) -> bool {
    n_dots(text) > 4
}

/// Whether a line is an entry of a table of contents, with its page.
pub fn is_entry(line: &str) -> bool {
    let words = line.trim_end_matches(|c: char| c.is_ascii_digit() || "ivxlc".contains(c));
    words.len() < line.len() && n_dots(words) > 3
}

/// How many full stops a text ends with, spaces between them or not.
fn n_dots(text: &str) -> usize {
    text.chars().rev().filter(|c| *c != ' ').take_while(|c| *c == '.').take(5).count()
}

/// Whether a text ends with a mark that ends sentences, be it of an abbreviation.
pub fn has_end(text: &str) -> bool {
    without_notes(text.trim_end()).trim_end_matches(CLOSERS).trim_end().ends_with(is_end)
}

/// The number of an item whose mark may be the day of a date: `4.`.
pub fn ordinal(bullet: &str) -> Option<u32> {
    bullet.strip_suffix('.').filter(|_| !bullet.starts_with('(')).and_then(|number| number.parse().ok())
}

/// Whether a token is a sign before an item, without a number or a letter.
pub fn is_sign(token: &str) -> bool {
    BULLETS.contains(&token)
}

/// Whether a token is nothing but full stops.
pub fn is_dots(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| byte == b'.')
}

/// Whether a token begins as a number does.
pub fn starts_with_digit(token: &str) -> bool {
    token.trim_start_matches(OPENERS).starts_with(|c: char| c.is_ascii_digit())
}

/// Whether a line that ends with this token goes on in the next: an article, a preposition, a conjunction.
pub fn leads_on(token: &str) -> bool {
    LEADING_ON.contains(&token)
}

/// Whether a sentence that begins with this token is none: its first letter is small.
pub fn goes_on(token: &str) -> bool {
    token.trim_start_matches(OPENERS).starts_with(char::is_lowercase)
}

/// Whether the first letter of a token is a capital.
pub fn starts_with_capital(token: &str) -> bool {
    token.trim_start_matches(OPENERS).starts_with(char::is_uppercase)
}

/// Whether a token is only signs that close what stands before it.
pub fn closes(token: &str) -> bool {
    token.chars().all(|c| ONLY_CLOSERS.contains(&c))
}

/// Whether the first token of a line is the mark of an item: a bullet, `1.`, `12)`, `(3)`, `a)`, `(iv)`.
pub fn is_bullet(token: &str) -> bool {
    if BULLETS.contains(&token) {
        return true;
    }
    let inner = token.strip_prefix('(').unwrap_or(token);
    let Some(inner) = inner.strip_suffix([')', '.']) else { return false };
    let is_number = (1..=3).contains(&inner.len()) && inner.bytes().all(|byte| byte.is_ascii_digit());
    let is_roman = (1..=4).contains(&inner.len()) && inner.bytes().all(|byte| matches!(byte, b'i' | b'v' | b'x'));
    let is_letter = inner.len() == 1 && inner.bytes().all(|byte| byte.is_ascii_lowercase());
    is_number || token.ends_with(')') && (is_letter || is_roman)
}

/// Whether a line that begins with this token is complete by itself: a heading, a row of a table, a ruled line, the fence of
/// a block.
pub fn is_own_line(token: &str) -> bool {
    let is_rule = token.len() >= 3 && token.bytes().all(|byte| matches!(byte, b'-' | b'=' | b'*' | b'_' | b'~'));
    token.starts_with(['#', '|']) || token.starts_with("```") || is_rule
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_that_end_sentences() {
        for token in [
            "left.",
            "left.\"",
            "(left.)",
            "left?!",
            "1842.",
            "3.50.",
            "so…",
            "left.[1][23]",
            ".",
            "...",
            "mot.\u{a0}»",
        ] {
            assert_eq!(over_after(token), Over::Perhaps, "{token}");
        }
        for token in [
            "Mr.", "(e.g.", "J.", "U.S.", "z.B.", "z.", "4.", "left,", "3.5", "[12]", "Ltd.", "al.", "“Dr.", "", "É.",
            ".....", "г.",
        ] {
            assert_eq!(over_after(token), Over::No, "{token}");
        }
        for token in ["(No.", "pp.", "p.", "Art."] {
            assert_eq!(over_after(token), Over::UnlessNumber, "{token}");
        }
        for token in ["次。", "次。」", "次？！"] {
            assert_eq!(over_after(token), Over::Yes, "{token}");
        }
    }

    #[test]
    fn items_have_numbers_and_lines_have_ends() {
        assert_eq!(["4.", "01.", "4)", "(4)", "a)", "-"].map(ordinal), [Some(4), Some(1), None, None, None, None]);
        assert!(is_sign("-") && !is_sign("4.") && !is_sign("--"));
        assert!(
            is_entry("The harbour .... 12") && is_entry("The harbour . . . . xii") && !is_entry("He left .... then")
        );
        assert!(has_end("It was sold to Acme Co. Ltd.") && has_end("He left.\"[2]") && !has_end("He left"));
    }

    #[test]
    fn marks_of_lines() {
        for token in ["-", "*", "•", "1.", "12)", "(3)", "a)", "(iv)", "123."] {
            assert!(is_bullet(token), "{token}");
        }
        for token in ["1842.", "A.", "--", "a.", "I", "()", "."] {
            assert!(!is_bullet(token), "{token}");
        }
        for token in ["#", "##", "|", "```rust", "---", "====", "|a|"] {
            assert!(is_own_line(token), "{token}");
        }
        assert!(!is_own_line("--") && !is_own_line("**Bold") && !is_own_line(""));
        assert!(goes_on("(see") && goes_on("“said") && !goes_on("See") && !goes_on("次") && !goes_on("12"));
    }
}
