//! What is done to an expanded rule so that it reads as English: articles, capitals, punctuation.

/// Words that begin with a vowel in writing but not in speech.
const SPOKEN_CONSONANT: [&str; 12] = [
    "one",
    "once",
    "use",
    "used",
    "useful",
    "useless",
    "usual",
    "union",
    "uniform",
    "unique",
    "university",
    "european",
];

/// Words that begin with a consonant in writing but not in speech.
const SPOKEN_VOWEL: [&str; 8] = ["hour", "hours", "honest", "honour", "honourable", "heir", "heiress", "hourly"];

/// Chooses between a and an, begins sentences with capitals, and removes doubled spaces and commas.
pub(super) fn polish(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len() + 8);
    let mut capital = true;
    let mut rest = raw.trim();
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        if c.is_ascii_alphabetic() {
            let length = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
            let (word, tail) = rest.split_at(length);
            let word = if matches!(word, "a" | "an" | "A" | "An") && tail.starts_with(' ') {
                article(word, tail)
            } else {
                word
            };
            if capital {
                out.push(word.as_bytes()[0].to_ascii_uppercase() as char);
                out.push_str(&word[1..]);
            } else {
                out.push_str(word);
            }
            capital = false;
            rest = tail;
            continue;
        }
        match c {
            ' ' if out.ends_with(' ') || after.starts_with([',', '.', ';', ' ']) => {}
            // an apposition's comma before other punctuation
            ',' if after.trim_start().starts_with([',', '.', ';', ':', '?', '!']) => {}
            _ => out.push(c),
        }
        if c.is_ascii_digit() {
            capital = false;
        } else if matches!(c, '.' | '!' | '?') {
            // after a quotation the rule itself says whether a sentence begins
            capital = after.starts_with(' ');
        }
        rest = after;
    }
    out
}

fn article(word: &str, tail: &str) -> &'static str {
    let next = tail.trim_start().trim_start_matches('"');
    let length = next.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(next.len());
    let next_word = next[..length].to_ascii_lowercase();
    let vowel = match next.bytes().next() {
        // eight, eleven, eighteen, eighty
        Some(b'8') => true,
        Some(b'1') => next.starts_with("11 ") || next.starts_with("18 "),
        Some(_) if SPOKEN_VOWEL.contains(&next_word.as_str()) => true,
        Some(_) if SPOKEN_CONSONANT.contains(&next_word.as_str()) => false,
        Some(c) => b"aeiouAEIOU".contains(&c),
        None => false,
    };
    match (word.starts_with('A'), vowel) {
        (true, true) => "An",
        (true, false) => "A",
        (false, true) => "an",
        (false, false) => "a",
    }
}

/// Splits a polished text at the ends of its sentences.
pub(super) fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = [". ", "? ", "! ", ".\" ", "?\" ", "!\" "]
            .iter()
            .filter_map(|mark| rest.find(mark).map(|at| at + mark.len()))
            .min()
            .unwrap_or(rest.len());
        let (sentence, tail) = rest.split_at(end);
        rest = tail;
        Some(sentence.trim_end())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn articles_capitals_and_commas() {
        for (raw, polished) in [
            ("an barrel and a egg.", "A barrel and an egg."),
            ("he waited a hour for a useful  man.", "He waited an hour for a useful man."),
            ("it was Mr Pell, the cooper,.", "It was Mr Pell, the cooper."),
            ("first. then, , a 8 day clock.", "First. Then, an 8 day clock."),
            ("a \"odd\" thing", "An \"odd\" thing"),
        ] {
            assert_eq!(polish(raw), polished);
        }
    }

    #[test]
    fn sentences_are_split_at_their_ends() {
        let text = "Mr Pell came. \"Why?\" he asked. \"I do not know.\" Nobody did.";
        let parts: Vec<&str> = sentences(text).collect();
        assert_eq!(parts, ["Mr Pell came.", "\"Why?\"", "he asked.", "\"I do not know.\"", "Nobody did."]);
    }
}
