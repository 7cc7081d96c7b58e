//! The right paragraph among those that are named.

use super::count;

/// The share of the numbers in a prediction that are that of the answer's paragraph; 0 where the answer names none. The numbers
/// need no word before them.
pub fn score(prediction: &str, answer: &str) -> f64 {
    paragraph(answer).map_or(0.0, |number| count::score(prediction, number))
}

/// The number after the first `Paragraph` that has one.
pub fn paragraph(answer: &str) -> Option<&str> {
    answer.split("Paragraph ").skip(1).find_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        Some(&rest[..end]).filter(|number| !number.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_computed_by_hand() {
        for (prediction, expected) in [
            ("Paragraph 12", 1.0),
            ("12", 1.0),
            ("paragraph 12 or Paragraph 1", 0.5),
            ("Paragraph 1", 0.0),
            ("Paragraph twelve", 0.0),
            ("", 0.0),
        ] {
            assert_eq!(score(prediction, "Paragraph 12"), expected, "{prediction}");
        }
        assert_eq!(score("12", "12"), 0.0);
    }

    #[test]
    fn a_paragraph_is_named_by_its_number() {
        assert_eq!(paragraph("Paragraph 12"), Some("12"));
        assert_eq!(paragraph("the Paragraph before Paragraph 3, not Paragraph 4"), Some("3"));
        assert_eq!(paragraph("Paragraph x"), None);
        assert_eq!(paragraph("paragraph 12"), None);
    }
}
