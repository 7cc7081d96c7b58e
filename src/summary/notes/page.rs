//! The form of a summary that is written sentence by sentence.

use crate::summary::request::{Length, Style};
use crate::text::sentences::sentences;

/// The summary so far.
#[derive(Debug)]
pub(super) struct Page {
    style: Style,
    length: Length,
    text: String,
    /// The part, from 1, and sentences in it.
    at: (usize, usize),
}

impl Page {
    /// An empty one.
    pub(super) fn new(style: Style, length: Length) -> Self {
        Self { style, length, text: String::new(), at: (0, 0) }
    }

    /// Adds a sentence of a part, counted from 0.
    pub(super) fn put(&mut self, part: usize, sentence: &str, sink: &mut dyn FnMut(&str)) {
        let first = self.at.0 != part + 1;
        self.at = (part + 1, if first { 1 } else { self.at.1 + 1 });
        let separator = match (self.style, first) {
            _ if self.text.is_empty() => "",
            (Style::Paragraph, true) if matches!(self.length, Length::Long) || self.length.words() > 250 => "\n\n",
            (Style::Paragraph, _) => " ",
            _ => "\n",
        };
        let mark = match (self.style, first) {
            (Style::Paragraph, _) => String::new(),
            (Style::Bullets | Style::Minutes, _) => "- ".into(),
            (Style::Outline, true) => format!("{}. ", part + 1),
            (Style::Outline, false) => "   - ".into(),
        };
        let text = format!("{separator}{mark}{sentence}");
        self.text.push_str(&text);
        sink(&text);
    }

    /// Whether nothing stands on it.
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Its last sentence; empty at the beginning.
    pub(super) fn last_sentence(&self) -> &str {
        sentences(&self.text).last().map_or("", |range| &self.text[range.clone()])
    }

    /// The whole text.
    pub(super) fn into_text(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_style_has_its_form() {
        let write = |style, length| {
            let mut page = Page::new(style, length);
            let mut given = String::new();
            for (part, sentence) in [(0, "One."), (0, "Two."), (1, "Three.")] {
                page.put(part, sentence, &mut |text| given.push_str(text));
            }
            assert_eq!(page.last_sentence(), if style == Style::Paragraph { "Three." } else { page.last_sentence() });
            assert_eq!(page.into_text(), given);
            given
        };
        assert_eq!(write(Style::Paragraph, Length::Medium), "One. Two. Three.");
        assert_eq!(write(Style::Paragraph, Length::Long), "One. Two.\n\nThree.");
        assert_eq!(write(Style::Bullets, Length::Long), "- One.\n- Two.\n- Three.");
        assert_eq!(write(Style::Outline, Length::Long), "1. One.\n   - Two.\n2. Three.");
    }
}
