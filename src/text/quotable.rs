//! Which sentences of a text can stand alone.

use std::ops::Range;

use super::sentences::is_whole;

/// Words that a sentence has, or it is a heading or no sentence at all.
const LENGTHS: Range<usize> = 6..61;

/// Whether a sentence of so many words says something where it stands alone: it ends as a sentence does, and is neither an item of a list
/// nor written as a heading is.
pub fn is_quotable(sentence: &str, n_words: usize) -> bool {
    let small = sentence.split_whitespace().filter(|word| word.starts_with(char::is_lowercase)).count();
    // a script without capitals has no small letters either, whatever foreign word stands in it
    let n_letters = sentence.chars().filter(|c| c.is_alphabetic()).count();
    let has_case = 2 * sentence.chars().filter(|c| c.is_uppercase() || c.is_lowercase()).count() > n_letters;
    LENGTHS.contains(&n_words)
        && is_whole(sentence)
        && !sentence.starts_with(['-', '*', '•', '#', '|'])
        && (!has_case || 3 * small >= sentence.split_whitespace().count())
}
