//! Whether a sentence has its ground in what the model had before it.

use std::collections::HashSet;

use crate::text::one_line;
use crate::text::sentences::{is_whole, sentences};
use crate::text::stems::each_term;
use crate::text::support::Support;

/// Letters from which on a word says something, more or less: the others are mostly `the`, `of` and `was`.
const LONG: usize = 4;

/// So many different words with something to say are needed to judge.
const ENOUGH: usize = 4;

/// A sentence is of its sources if they have so many of a hundred of these words.
const SHARED: usize = 50;

/// Letters of a word that are compared: endings tell how it is used, in many languages.
const STEM: usize = 5;

/// Words at the end of a copy that are looked for.
const TAIL: usize = 4;

/// Words of a copy that breaks off; a shorter piece without an end may be the item of a list.
const CUT: usize = 16;

/// Whether all names and numbers of a sentence are in one of the sources.
pub(super) fn is_supported(sentence: &str, sources: &[&str]) -> bool {
    let mut support = Support::new(sentence);
    for source in sources {
        support.read(source);
        support.read("\n");
    }
    support.finish().unsupported.is_empty()
}

/// Whether a sentence is made of what its sources say: they have half of its words at least, or words that begin alike. True where that cannot
/// be told: of a few words, and where neither the sources nor `language`, short words of the document, have most of its short words, so that it
/// is in another language.
pub(super) fn is_of_sources(sentence: &str, sources: &[&str], language: &HashSet<String>) -> bool {
    let (mut long, mut short) = (HashSet::new(), HashSet::new());
    each_term(sentence, &mut |term| {
        if term.chars().count() < LONG {
            short.insert(term)
        } else {
            long.insert(begin(&term))
        };
    });
    if long.len() < ENOUGH {
        return true;
    }
    let (mut n_long, mut n_short) = (long.len(), short.len());
    short.retain(|term| !language.contains(term));
    for source in sources {
        each_term(source, &mut |term| {
            long.remove(&begin(&term));
            short.remove(&term);
        });
    }
    n_long -= long.len();
    n_short -= short.len();
    n_short <= 3 * short.len() || n_long * 100 >= (n_long + long.len()) * SHARED
}

/// How a word begins, whatever its ending.
fn begin(term: &str) -> String {
    term.chars().take(STEM).collect()
}

/// The different longer words of a text, by how they begin.
pub(super) fn long_words(text: &str) -> HashSet<String> {
    let mut long = HashSet::new();
    each_term(text, &mut |term| {
        if term.chars().count() >= LONG {
            long.insert(begin(&term));
        }
    });
    long
}

/// The short words of a text, which tell its language.
pub(super) fn short_words(text: &str, each: &mut impl FnMut(String)) {
    each_term(text, &mut |term| {
        if term.chars().count() < LONG {
            each(term);
        }
    });
}

/// Whether a piece without an end was copied from the middle of a sentence of the sources.
pub(super) fn is_cut_off(sentence: &str, sources: &[&str]) -> bool {
    let words: Vec<&str> = sentence.split_whitespace().collect();
    if words.len() < CUT || is_whole(sentence) {
        return false;
    }
    let tail = words[words.len() - TAIL..].join(" ") + " ";
    let goes_on = |text: &str| is_whole(text) && one_line(text).contains(&tail);
    sources.iter().any(|source| sentences(source).into_iter().any(|range| goes_on(&source[range])))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "The traders halted at the sound of this confession, and one of them, who was fond of a joke and was very\n\
                          sharp, laughed at the knight. At noon the regretting smith of Norham sold his mare";

    fn is_of_sources(sentence: &str, sources: &[&str]) -> bool {
        super::is_of_sources(sentence, sources, &HashSet::new())
    }

    #[test]
    fn a_few_words_do_not_tell_a_language() {
        let told = "The senators in various ministries on departments.";
        let source = "Old Tobias sold two letters before the flood.";
        assert!(is_of_sources(told, &[source]));
        let mut language = HashSet::new();
        short_words("In March it snowed on the mill.", &mut |word| {
            language.insert(word);
        });
        assert!(!super::is_of_sources(told, &[source], &language));
    }

    #[test]
    fn what_the_sources_do_not_speak_of_is_of_something_else() {
        for told in [
            "The traders halted, and one of them laughed at the knight.",
            "A smith regretted that he had sold a mare.",
            "One of the traders, a joker, laughed when he heard the confession.",
            // too little to tell
            "The committee was happy.",
            "",
        ] {
            assert!(is_of_sources(told, &["", SOURCE]), "{told}");
        }
        let told = "The committee was composed of representatives from various departments and of the government.";
        assert!(!is_of_sources(told, &[SOURCE]));
        // another language is no invention
        let told = "Das Komitee bestand aus Vertretern verschiedener Behörden und der Regierung.";
        assert!(is_of_sources(told, &[SOURCE]));
        assert!(is_of_sources("委員会は政府の代表で構成されていた。", &[SOURCE]));
        let dutch = "De smid van Norham was in mei op de markt en heeft daar een merrie verkocht.";
        assert!(is_of_sources("The smith of Norham sold the horse which was bought in Brell.", &[dutch]));
        // endings make no difference
        let russian = "Кузнец из Норхэма продал кобылу в мае.";
        assert!(is_of_sources("В мае кобыла была продана кузнецом из Норхэма.", &[russian]));
    }

    #[test]
    fn a_copy_that_breaks_off_is_cut() {
        assert!(is_cut_off(
            "The traders halted at the sound, and one of them, who was fond of a joke and was very",
            &["", SOURCE]
        ));
        for whole in [
            "The traders halted at the sound of this confession, and one of them was fond of a joke and was very.",
            "The traders halted at the sound of this confession, and one of them, who was fond of a joke, laughed",
            // it may be an item of a list, and there the sources have no end either
            "who was fond of a joke and was very",
            "At the market of Brell, where he had been three times that year, the regretting smith of Norham sold his",
        ] {
            assert!(!is_cut_off(whole, &[SOURCE]), "{whole}");
        }
    }
}
