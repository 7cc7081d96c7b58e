//! Numbers within words, in one form whatever their separators.

use super::words::{folded, without_possessive};

/// What may stand between the digits of a number.
const SEPARATORS: &[char] = &[',', '.', '\'', '\u{a0}'];

/// The parts of a word that are compared. A word that begins with a digit gives its numbers, and then what follows them:
///
/// - `8,473`, `8'473` and `8473` are the same, as are `2.50` and `2,50`;
/// - `16th` is 16, and `1840s` stays what it is;
/// - `5kg` is 5 and kg;
/// - anything else that goes on with other signs or further digits, such as `5½` or `3f9a`, stays whole.
///
/// Any other word loses its `'s`.
pub fn terms(word: &str) -> Vec<String> {
    let word = without_possessive(word);
    if !word.starts_with(|c: char| c.is_ascii_digit()) {
        return vec![word.to_owned()];
    }
    let end = word.find(|c: char| !is_of_number(c)).unwrap_or(word.len());
    let (run, rest) = (word[..end].trim_end_matches(SEPARATORS), &word[end..]);
    let mut found = numbers(run);
    match folded(rest).as_str() {
        "" | "st" | "nd" | "rd" | "th" => {}
        "s" => found.iter_mut().next_back().into_iter().for_each(|last| last.push('s')),
        _ if rest.chars().all(char::is_alphabetic) => found.push(rest.to_owned()),
        _ => return vec![word.to_owned()],
    }
    found
}

/// All numbers within a word, such as 2023 in `FY2023`.
pub fn numbers_in(word: &str) -> impl Iterator<Item = String> {
    let runs = word.split(|c: char| !is_of_number(c)).map(|run| run.trim_matches(SEPARATORS));
    runs.filter(|run| !run.is_empty()).flat_map(numbers)
}

/// Whether a character may be a part of a number.
fn is_of_number(c: char) -> bool {
    c.is_ascii_digit() || SEPARATORS.contains(&c)
}

/// The numbers in a run of digits with single separators between them: one number if the separators can be understood so
/// (thousands, and then a decimal sign), and otherwise each group of digits. A comma before three digits separates thousands,
/// a single full stop never does.
fn numbers(run: &str) -> Vec<String> {
    let groups: Vec<&str> = run.split(SEPARATORS).collect();
    let signs: Vec<char> = run.chars().filter(|c| SEPARATORS.contains(c)).collect();
    if (signs.len() > 1 || signs != ['.']) && are_thousands(&groups, &signs) {
        return vec![groups.concat()];
    }
    if let ([before @ .., sign @ (',' | '.')], [whole @ .., fraction]) = (signs.as_slice(), groups.as_slice())
        && !before.contains(sign)
        && are_thousands(whole, before)
    {
        return vec![format!("{}.{fraction}", whole.concat())];
    }
    groups.into_iter().map(ToOwned::to_owned).collect()
}

/// Whether groups of digits are one whole number: a single one, or a first one without a zero in front and then threes, all with the
/// same separator.
fn are_thousands(groups: &[&str], signs: &[char]) -> bool {
    let [first, others @ ..] = groups else { return false };
    others.is_empty()
        || (1..=3).contains(&first.len())
            && !first.starts_with('0')
            && others.iter().all(|group| group.len() == 3)
            && signs.windows(2).all(|pair| pair[0] == pair[1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn separators_make_no_difference() {
        for (word, expected) in [
            ("1842", "1842"),
            ("8,473", "8473"),
            ("8'473", "8473"),
            ("8\u{a0}473\u{a0}001", "8473001"),
            ("1.234.567", "1234567"),
            ("1,234.56", "1234.56"),
            ("1.234,56", "1234.56"),
            ("3.14", "3.14"),
            ("3,5", "3.5"),
            ("3.500", "3.500"),
            ("0,125", "0.125"),
            ("12.5.1842", "12|5|1842"),
            ("1,2,3", "1|2|3"),
            ("5'10", "5|10"),
            ("1,234,56", "1|234|56"),
            ("1842,300", "1842.300"),
            ("16th", "16"),
            ("21ST", "21"),
            ("1840s", "1840s"),
            ("1840's", "1840"),
            ("1,000kg", "1000|kg"),
            ("5½", "5½"),
            ("3f9a", "3f9a"),
            ("Brell's", "Brell"),
            ("FY2023", "FY2023"),
        ] {
            assert_eq!(terms(word).join("|"), expected, "{word}");
        }
        assert_eq!(numbers_in("FY2,023b7").collect::<Vec<_>>(), ["2023", "7"]);
        assert_eq!(numbers_in("O'Neil").count(), 0);
    }

    proptest! {
        #[test]
        fn thousands_are_the_plain_number(n in 0_u64.., sign in prop::sample::select(vec![",", "'", "\u{a0}"])) {
            let digits = n.to_string();
            let mut parts: Vec<&str> = digits.as_bytes().rchunks(3).map(|part| std::str::from_utf8(part).unwrap()).collect();
            parts.reverse();
            prop_assert_eq!(terms(&parts.join(sign)), vec![digits.clone()]);
            prop_assert_eq!(numbers_in(&parts.join(sign)).collect::<Vec<_>>(), vec![digits.clone()]);
        }
    }
}
