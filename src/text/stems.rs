//! What of the words of two texts is compared.
//!
//! Case, a `'s` and the separators within numbers make no difference. Of English words a plural `s`, `ed` and `ing` are taken
//! away, and what these change at the end of a word: `carry`, `carries` and `carried` are the same, as are `stop` and `stopping`.
//! That is less than a full stemmer does, so that few words of other languages fall together.

use super::numbers::terms;
use super::words::{each_word, folded};

/// Gives each term of a text.
pub fn each_term(text: &str, each: &mut impl FnMut(String)) {
    each_word(text, &mut |word| terms(word.text).iter().for_each(|term| each(stem(folded(term)))));
}

/// A folded word without its ending.
fn stem(mut word: String) -> String {
    if word.len() < 4 || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return word;
    }
    if word.ends_with('s') && !word.ends_with("ss") && !word.ends_with("us") && !word.ends_with("is") {
        let sibilant = ["sses", "xes", "ches", "shes", "zes"].iter().any(|ending| word.ends_with(ending));
        word.truncate(word.len() - if sibilant { 2 } else { 1 });
    }
    if let Some(n) = ["ing", "ed"].iter().find_map(|ending| word.strip_suffix(ending)).map(str::len)
        && n >= 3
        && word[..n].contains(['a', 'e', 'i', 'o', 'u', 'y'])
        && !word.ends_with("eed")
    {
        word.truncate(n);
        let doubled = n > 3 && word.as_bytes()[n - 1] == word.as_bytes()[n - 2];
        if doubled && !word.ends_with(['a', 'e', 'i', 'o', 'l', 's', 'z']) {
            word.pop();
        }
    }
    if word.len() > 3 && word.ends_with('e') {
        word.pop();
    }
    // carries lost its s and its e
    if word.len() > 2 && word.ends_with('y') {
        word.pop();
        word.push('i');
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> String {
        let mut found = Vec::new();
        each_term(text, &mut |term| found.push(term));
        found.join(" ")
    }

    #[test]
    fn forms_of_a_word_are_the_same() {
        for words in [
            "carry carries carried carrying",
            "describe describes described describing",
            "stop stops stopped stopping",
            "box boxes boxed",
            "call calls called calling",
            "class classes",
            "horse horses Horse’s HORSE",
            "Gulliver Gulliver's",
            "8,473 8473",
            "STRASSE Straße",
        ] {
            let found = found(words);
            let different: std::collections::HashSet<&str> = found.split(' ').collect();
            assert_eq!(different.len(), 1, "{found}");
        }
    }

    #[test]
    fn short_words_stay() {
        for word in ["red", "bed", "bring", "is", "us", "this", "feed", "thus", "für", "次"] {
            assert_eq!(found(word), word);
        }
        assert_eq!(found("5kg 16th"), "5 kg 16");
    }
}
