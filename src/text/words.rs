//! Words of a text that may come in pieces.
//!
//! A word is a run of letters, digits and accents (U+0300 to U+036F). Between two digits a comma, a full stop, an apostrophe
//! or a no-break space continues it (`8,473.50`), and an apostrophe before a letter does (`O’Neil`, `don't`). Hyphens and
//! dashes end a word. An ideograph or kana is a word by itself. Soft hyphens and joiners without width are as if they were
//! not there. Words come in the composed form (NFC), with `'` for each kind of apostrophe.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization, is_nfc};

/// No word has more bytes than this and one character; the rest is the next word.
const LONGEST: usize = 1024;

/// A word, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word<'a> {
    /// The word in its composed form.
    pub text: &'a str,
    /// Bytes of the text before it.
    pub start: usize,
    /// Bytes of the text up to its end.
    pub end: usize,
}

/// Finds words; keeps the one that is not over yet.
#[derive(Debug, Default)]
pub struct Scanner {
    /// The word so far; empty between words.
    word: String,
    /// A sign after it which the next character makes a part of the word, or its end.
    held: Option<char>,
    /// Bytes seen.
    at: usize,
    /// Where the word begins.
    start: usize,
    /// Where it ends so far.
    end: usize,
}

impl Scanner {
    /// Takes the next piece of the text, which may begin and end within a word, and gives the words that are over.
    pub fn push(&mut self, piece: &str, each: &mut impl FnMut(Word<'_>)) {
        for c in piece.chars() {
            if !matches!(c, '\u{ad}' | '\u{200c}' | '\u{200d}' | '\u{2060}' | '\u{feff}') {
                self.take(c, each);
            }
            self.at += c.len_utf8();
        }
    }

    /// Gives the last word, where the text does not end between words.
    pub fn finish(&mut self, each: &mut impl FnMut(Word<'_>)) {
        self.held = None;
        if self.word.is_empty() {
            return;
        }
        let text: Cow<'_, str> =
            if is_nfc(&self.word) { Cow::Borrowed(&self.word) } else { Cow::Owned(self.word.nfc().collect()) };
        each(Word { text: &text, start: self.start, end: self.end });
        self.word.clear();
    }

    /// Takes the next character.
    fn take(&mut self, c: char, each: &mut impl FnMut(Word<'_>)) {
        let joiner = as_joiner(c);
        if joiner.is_some() && self.held.is_none() && !self.word.is_empty() {
            self.held = joiner;
        } else if joiner.is_some() {
            self.finish(each);
        } else if is_ideograph(c) {
            self.finish(each);
            self.add(c);
            self.finish(each);
        } else if c.is_alphanumeric() {
            let after_digit = self.word.ends_with(|last: char| last.is_ascii_digit());
            match self.held.take() {
                Some('\'') if c.is_alphabetic() => self.word.push('\''),
                Some(held) if after_digit && c.is_ascii_digit() => self.word.push(held),
                Some(_) => self.finish(each),
                None => {}
            }
            if self.word.len() >= LONGEST {
                self.finish(each);
            }
            self.add(c);
        } else if matches!(c, '\u{300}'..='\u{36f}') && !self.word.is_empty() && self.held.is_none() {
            if self.word.len() < LONGEST {
                self.add(c);
            }
        } else {
            self.finish(each);
        }
    }

    /// Makes a character a part of the word.
    fn add(&mut self, c: char) {
        if self.word.is_empty() {
            self.start = self.at;
        }
        self.word.push(c);
        self.end = self.at + c.len_utf8();
    }
}

/// The sign for which a character stands that may continue a word, if it is one.
fn as_joiner(c: char) -> Option<char> {
    match c {
        '\'' | '’' | 'ʼ' => Some('\''),
        '\u{a0}' | '\u{2007}' | '\u{2009}' | '\u{202f}' => Some('\u{a0}'),
        ',' | '.' => Some(c),
        _ => None,
    }
}

/// Whether a character is a word, an ideograph or kana: writing without spaces has no other border that is easily found.
pub fn is_ideograph(c: char) -> bool {
    let east_asian = matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}');
    (east_asian || matches!(c, '\u{f900}'..='\u{faff}' | '\u{20000}'..)) && c.is_alphabetic()
}

/// Gives each word of a whole text.
pub fn each_word(text: &str, each: &mut impl FnMut(Word<'_>)) {
    let mut scanner = Scanner::default();
    scanner.push(text, each);
    scanner.finish(each);
}

/// The words of a text; an ideograph is one.
pub fn n_words(text: &str) -> usize {
    let mut n = 0;
    each_word(text, &mut |_| n += 1);
    n
}

/// A word without the difference of upper and lower case: `STRASSE` and `Straße` give the same.
pub fn folded(word: &str) -> String {
    if word.is_ascii() { word.to_ascii_lowercase() } else { word.to_lowercase().to_uppercase().to_lowercase() }
}

/// A word without the `'s` at its end.
pub fn without_possessive(word: &str) -> &str {
    word.strip_suffix("'s").or_else(|| word.strip_suffix("'S")).unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(pieces: &[&str]) -> Vec<(String, usize, usize)> {
        let mut scanner = Scanner::default();
        let mut found = Vec::new();
        let mut each = |word: Word<'_>| found.push((word.text.to_owned(), word.start, word.end));
        pieces.iter().for_each(|piece| scanner.push(piece, &mut each));
        scanner.finish(&mut each);
        found
    }

    #[test]
    fn words_end_where_they_should() {
        for (text, expected) in [
            ("“The Cat’s mat,” she said…", "The|Cat's|mat|she|said"),
            ("8,473.50 pounds in 1842, 3 of them", "8,473.50|pounds|in|1842|3|of|them"),
            ("Jean-Luc—1841–1843", "Jean|Luc|1841|1843"),
            ("O’Neil 'quoted' rock'n'roll dogs' end.Next", "O'Neil|quoted|rock'n'roll|dogs|end|Next"),
            ("1\u{202f}000\u{a0}000 5\u{a0}km", "1\u{a0}000\u{a0}000|5|km"),
            ("cafe\u{301} co\u{ad}op \u{301}x", "café|coop|x"),
            ("Größe ÄRGER 在1842年", "Größe|ÄRGER|在|1842|年"),
            ("1..2 a''b v1.2 **b**", "1|2|a|b|v1.2|b"),
            ("No.5 a,1 5,a 1'a", "No|5|a|1|5|a|1'a"),
            (" .,'’ ", ""),
        ] {
            let found: Vec<_> = words(&[text]).into_iter().map(|(word, _, _)| word).collect();
            assert_eq!(found.join("|"), expected, "{text}");
        }
        assert_eq!((n_words("two words"), n_words("日本語"), n_words("")), (2, 3, 0));
        assert_eq!(words(&["“Ä, b"]), [("Ä".into(), 3, 5), ("b".into(), 7, 8)]);
        assert_eq!(words(&["か\u{3099}漢・b"]).len(), 3);
        assert!(words(&[&format!("a{}", "\u{301}".repeat(LONGEST))])[0].0.len() <= LONGEST + 2);
        assert_eq!(words(&[&"a".repeat(LONGEST + 1)])[1], ("a".into(), LONGEST, LONGEST + 1));
    }

    #[test]
    fn case_and_possessive_are_taken_away() {
        assert_eq!([folded("STRASSE"), folded("STRAẞE"), folded("Straße")], ["strasse"; 3]);
        assert_eq!(without_possessive("O'Neil's"), "O'Neil");
        assert_eq!(without_possessive("O'NEIL'S"), "O'NEIL");
    }

    proptest! {
        #[test]
        fn pieces_give_the_words_of_the_whole(pieces in proptest::collection::vec("(\\PC|[ab1,.'’ \u{301}\u{ad}]){0,5}", 0..12)) {
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            let whole = pieces.concat();
            let found = words(&pieces);
            prop_assert_eq!(&found, &words(&[&whole]));
            for (word, start, end) in found {
                prop_assert!(!word.is_empty() && whole[start..end].starts_with(|c: char| c.is_alphanumeric()));
            }
        }
    }
}
