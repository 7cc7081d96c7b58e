//! What Project Gutenberg adds to a book: a head before it, and its terms behind.

use std::borrow::Cow;

/// Bytes that a head has at most: what comes later and looks like its end is a part of the text.
const LONGEST_HEAD: usize = 10_000;

/// Finds the books in a text that comes in pieces of whole lines or sentences.
#[derive(Debug, Default)]
pub struct Licence {
    /// Whether a book has begun behind its head.
    has_begun: bool,
    /// Whether the last book is over.
    is_over: bool,
    /// Bytes that came before, of what may be a head.
    n_before: usize,
}

impl Licence {
    /// What of the next piece is no head and no terms.
    pub fn book<'a>(&mut self, piece: &'a str) -> Cow<'a, str> {
        let was_over = self.is_over;
        let mut book = String::new();
        let mut has_marks = false;
        for line in piece.split_inclusive(['\n', '\r']) {
            let mark = mark(line).filter(|is_end| if *is_end { self.has_begun } else { self.n_before <= LONGEST_HEAD });
            match mark {
                Some(is_end) => {
                    has_marks = true;
                    if !is_end && !self.is_over {
                        // the head of the file; that of the next one was left out with the terms
                        book.clear();
                    }
                    (self.is_over, self.has_begun, self.n_before) = (is_end, !is_end, 0);
                }
                None if self.is_over => {}
                None => {
                    self.n_before += line.len();
                    book.push_str(line);
                }
            }
        }
        if has_marks || was_over { Cow::Owned(book) } else { Cow::Borrowed(piece) }
    }
}

/// Whether a line says that a book ends, or that one begins.
fn mark(line: &str) -> Option<bool> {
    let line = line.trim();
    let is_mark = line.starts_with("***") && line.to_uppercase().contains("PROJECT GUTENBERG");
    let says = |what: &str| is_mark && line.to_uppercase().contains(what);
    if says("START OF") { Some(false) } else { says("END OF").then_some(true) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_and_terms_are_left_out() {
        let mut licence = Licence::default();
        let head =
            "This ebook is for anyone.\n*** START OF THE PROJECT GUTENBERG EBOOK 829 ***\nMy father had an estate.\n";
        assert_eq!(licence.book(head), "My father had an estate.\n");
        assert!(matches!(licence.book("It was small.\n"), Cow::Borrowed("It was small.\n")));
        assert_eq!(licence.book("The end.\n***END OF THIS PROJECT GUTENBERG EBOOK***\nTerms.\n"), "The end.\n");
        assert_eq!(licence.book("More terms.\n"), "");
        assert_eq!(
            licence.book("Terms.\n*** START OF THE PROJECT GUTENBERG EBOOK 830 ***\nAnother book.\n"),
            "Another book.\n"
        );
        assert_eq!(licence.book("*** a break ***\n"), "*** a break ***\n");
        let (end, start) =
            ("*** END OF THE PROJECT GUTENBERG EBOOK 1 ***", "*** START OF THE PROJECT GUTENBERG EBOOK 2 ***");
        assert_eq!(licence.book(&format!("The end.\n{end}\nTerms.\n{start}\nA wolf.\n")), "The end.\nA wolf.\n");
        // without a head there are no terms, and a head is short
        let quoted = "*** END OF THE PROJECT GUTENBERG EBOOK 829 ***\nMore.\n";
        assert_eq!(Licence::default().book(quoted), quoted);
        let long = "A line.\n".repeat(2000) + "*** START OF THE PROJECT GUTENBERG EBOOK 829 ***\rMore.\r";
        assert_eq!(Licence::default().book(&long), long);
    }
}
