//! A summary while it is written.

use crate::summary::request::Request;
use crate::summary::writer::Written;

use super::clean::Cleaner;
use super::draft::{Draft, Sources};
use super::note::Note;
use super::page::Page;
use super::parts::{Part, stretches};
use super::quotes::{Quote, details};

/// What was written, and what of it goes on the page.
pub(super) struct Sheet {
    page: Page,
    pub cleaner: Cleaner,
    /// Words on the page.
    n_words: usize,
    /// Parts that have text.
    n_parts: usize,
    /// All but the text.
    pub all: Written,
}

impl Sheet {
    /// An empty one for what is written from `parts`.
    pub(super) fn new<'a>(request: &Request, parts: impl IntoIterator<Item = &'a Part>) -> Self {
        // names are written in another way in another language
        let mut cleaner = Cleaner::new(request.language.is_none()).with_overview();
        if let Some(question) = &request.question {
            cleaner = cleaner.brief();
            cleaner.heard(question);
        }
        parts.into_iter().for_each(|part| cleaner.learn(&part.source));
        let page = Page::new(request.style, request.length);
        Self { page, cleaner, n_words: 0, n_parts: 0, all: Written::default() }
    }

    /// The last sentence on the page; empty at the beginning.
    pub(super) fn last_sentence(&self) -> &str {
        self.page.last_sentence()
    }

    /// The next part, to be written from `sources`.
    pub(super) fn draft<'a>(&'a mut self, sources: Sources<'a>) -> Draft<'a> {
        Draft::new(&mut self.page, &mut self.cleaner, self.n_parts, sources)
    }

    /// Ends a part that has so many words; one without any was none.
    pub(super) fn end_part(&mut self, n_words: usize) {
        self.n_words += n_words;
        self.n_parts += usize::from(n_words > 0);
    }

    /// Adds the best of some sentences, at most `n`, in so many words, or the shortest.
    pub(super) fn answer(&mut self, quotes: &[Quote<'_>], longest: usize, n: usize, sink: &mut dyn FnMut(&str)) {
        let mut draft = self.draft(Sources { source: "", quoted: "", quotes, whole: None });
        draft.fill(longest, n, sink);
        draft.fill_empty(sink);
        let n_words = draft.n_words();
        self.end_part(n_words);
    }

    /// Adds sentences of the document until there are so many words: a part from each of equal stretches, `n` with the one that is there already. If
    /// that is the only one, they belong to it.
    pub(super) fn quote(&mut self, notes: &[Note], longest: usize, n: usize, sink: &mut dyn FnMut(&str)) {
        let goes_on = n < 2 && self.n_parts > 0;
        if goes_on {
            self.n_parts -= 1;
        }
        let all = details(notes);
        let stretches = stretches(notes.len(), n - self.n_parts);
        for (i, stretch) in stretches.iter().enumerate() {
            let before = if goes_on { self.n_words } else { 0 };
            let most = before + longest.saturating_sub(self.n_words) / (stretches.len() - i);
            let quotes: Vec<Quote<'_>> = all.iter().filter(|quote| stretch.contains(&quote.note)).copied().collect();
            let draft = self.draft(Sources { source: "", quoted: "", quotes: &quotes, whole: None });
            let mut draft = draft.with_words(before);
            draft.fill(most, usize::MAX, sink);
            let n_words = draft.n_words() - before;
            self.end_part(n_words);
        }
        if self.n_words == 0 {
            self.answer(&all, 0, 0, sink);
        }
    }

    /// What it has become; where it is empty, `nothing` says why.
    pub(super) fn finish(mut self, nothing: &str) -> Written {
        self.all.text = self.page.into_text();
        if self.all.text.trim().is_empty() {
            self.all.incomplete = Some(nothing.into());
        }
        self.all
    }
}

#[cfg(test)]
mod tests {
    use super::super::note::Detail;
    use super::*;
    use crate::summary::request::{Length, Style};

    /// A note of each stretch, with sentences of the document of eight words each.
    fn notes(n_sentences: &[usize]) -> Vec<Note> {
        let note = |(i, &n): (usize, &usize)| {
            let detail = |k| Detail {
                score: -(k as f32),
                text: format!("Clerk{i} number{k} of town{i} sold horse{k} to place{i}{k}."),
            };
            let bytes = 10 * i as u64..10 * i as u64 + 10;
            Note { text: String::new(), details: (0..n).map(detail).collect(), tokens: bytes.clone(), bytes }
        };
        n_sentences.iter().enumerate().map(note).collect()
    }

    fn quoted(said: &str, style: Style, notes: &[Note], (longest, n): (usize, usize)) -> String {
        let request = Request { style, length: Length::Words(300), ..Request::default() };
        let mut sheet = Sheet::new(&request, None);
        if !said.is_empty() {
            let quotes = [Quote { note: 0, score: 1.0, text: said }];
            sheet.answer(&quotes, 99, 1, &mut |_| {});
        }
        sheet.quote(notes, longest, n, &mut |_| {});
        sheet.finish("nothing").text
    }

    #[test]
    fn parts_without_text_are_none() {
        let notes = notes(&[1, 0, 2]);
        let lines = |text: String| text.lines().map(|line| line[..9].to_owned()).collect::<Vec<_>>();
        let outline = |said: &str, n| lines(quoted(said, Style::Outline, &notes, (99, n)));
        assert_eq!(outline("", 3), ["1. Clerk0", "2. Clerk2", "   - Cler"]);
        assert_eq!(outline("A town sold all of its horses.", 4), ["1. A town", "2. Clerk0", "3. Clerk2", "   - Cler"]);
        // one part has all of it
        assert_eq!(outline("A town sold all of its horses.", 1), ["1. A town", "   - Cler", "   - Cler", "   - Cler"]);
    }

    #[test]
    fn a_summary_has_so_many_words_and_no_stretch_is_passed_over() {
        let notes = notes(&[3, 3, 3, 3]);
        let n = |longest, n| {
            let text = quoted("", Style::Bullets, &notes, (longest, n));
            (0..4).map(|i| text.matches(&format!("Clerk{i} ")).count()).collect::<Vec<_>>()
        };
        assert_eq!(n(32, 4), [1, 1, 1, 1]);
        assert_eq!(n(64, 2), [2, 2, 2, 2]);
        assert_eq!(n(500, 1), [3, 3, 3, 3]);
        // better one sentence than none, and no more than that
        assert_eq!(n(5, 4).iter().sum::<usize>(), 1);
        assert_eq!(quoted("", Style::Paragraph, &[], (99, 3)), "");
    }
}
