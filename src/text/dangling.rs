//! Which sentences lean on what stands before them.
//!
//! A sentence that begins with a pronoun or says that it contradicts or follows from another one tells little where the other one is missing.
//! Which words these are is a matter of the language, and there are lists for some.

use super::words::{each_word, folded};

/// First words, of English, German, French and Spanish, folded. `This` and `these` are not here: papers call themselves so. Nor are words that
/// begin many sentences of another language, like `il` and `o`.
const FIRST: &[&str] = &[
    // English
    "he",
    "she",
    "it",
    "they",
    "him",
    "her",
    "them",
    "his",
    "hers",
    "its",
    "their",
    "theirs",
    "but",
    "and",
    "or",
    "nor",
    "yet",
    "however",
    "therefore",
    "thus",
    "hence",
    "then",
    "so",
    "such",
    "otherwise",
    "moreover",
    "furthermore",
    "nevertheless",
    "nonetheless",
    "consequently",
    "accordingly",
    "whereupon",
    "likewise",
    "similarly",
    "instead",
    "besides",
    "also",
    "here",
    "there",
    "that",
    "those",
    // German
    "er",
    "sie",
    "es",
    "ihm",
    "ihn",
    "ihnen",
    "ihr",
    "ihre",
    "sein",
    "seine",
    "aber",
    "und",
    "oder",
    "doch",
    "denn",
    "jedoch",
    "dennoch",
    "trotzdem",
    "deshalb",
    "daher",
    "darum",
    "dann",
    "dabei",
    "damit",
    "dazu",
    "dort",
    // French
    "elle",
    "ils",
    "elles",
    "lui",
    "leur",
    "leurs",
    "ses",
    "mais",
    "donc",
    "puis",
    "alors",
    "cependant",
    "pourtant",
    "ainsi",
    "ensuite",
    // Spanish
    "él",
    "ella",
    "ellos",
    "ellas",
    "su",
    "sus",
    "pero",
    "y",
    "entonces",
    "así",
    "luego",
    "además",
];

/// Words of English that do the same behind one of [`BEFORE`]: `In this manner`, `At that time`.
const SECOND: &[&str] = &["that", "those", "such", "which", "him", "her", "them", "his", "its", "their", "it"];

/// Prepositions that a sentence may begin with.
const BEFORE: &[&str] =
    &["in", "at", "on", "by", "for", "from", "of", "to", "with", "after", "before", "upon", "during", "under"];

/// Whether a sentence leans on another one.
pub fn is_dangling(sentence: &str) -> bool {
    let mut first: Vec<String> = Vec::new();
    each_word(sentence, &mut |word| {
        if first.len() < 2 {
            // `IT` is another word, and `he'd` the same
            let is_name = word.text.chars().nth(1).is_some() && word.text.chars().all(char::is_uppercase);
            first.push(folded(if is_name { "" } else { word.text.split('\'').next().unwrap_or_default() }));
        }
    });
    let is = |at: usize, list: &[&str]| first.get(at).is_some_and(|word| list.contains(&word.as_str()));
    is(0, FIRST) || is(0, BEFORE) && is(1, SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pronouns_and_conjunctions_lean_on_what_stands_before_them() {
        for leans in [
            "He sold the mare.",
            "\u{201c}But it rained,\u{201d} said Anne.",
            "In that year it rained.",
            "Its walls fell.",
            "However, nobody came.",
            "Er verkaufte die Stute.",
            "Él vendió la yegua.",
            "They",
            "He'd sold the mare.",
        ] {
            assert!(is_dangling(leans), "{leans}");
        }
        for stands in [
            "Anne sold her mare.",
            "In this paper, we sell mares.",
            "This work is on mares.",
            "In March it rained.",
            "Heat rises.",
            "IT rises.",
            "Il re disse di no.",
            "\u{706f}\u{53f0}\u{3002}",
            "",
        ] {
            assert!(!is_dangling(stands), "{stands}");
        }
    }

    #[test]
    fn the_lists_are_folded() {
        for list in [FIRST, SECOND, BEFORE] {
            for (at, word) in list.iter().enumerate() {
                assert_eq!(folded(word), *word);
                assert!(!list[..at].contains(word), "{word} stands there twice");
            }
        }
    }
}
