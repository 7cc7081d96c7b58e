//! Blocks that are too long to be held.

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag};

use super::render::OPTIONS;

/// Longest begin of a block that is repeated, in bytes.
const AGAIN: usize = 4096;

/// How to cut a text that is one block.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// Where, in bytes; not 0.
    pub at: usize,
    /// What the rest has to begin with, to be read as what it is.
    pub again: String,
}

/// Elements that [`Cut::again`] may begin once more.
pub(super) const AGAIN_BEGUN: [&str; 4] = ["script", "style", "textarea", "pre"];

impl Cut {
    /// Cuts near the end of `text`.
    pub fn of(text: &str) -> Self {
        let begin = match Parser::new_ext(text, OPTIONS).next() {
            Some(Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_)))) => Begin::Fence,
            Some(Event::Start(Tag::HtmlBlock)) => Begin::Html,
            Some(Event::Start(Tag::Table(_))) => Begin::Table,
            _ => Begin::Other,
        };
        let again = match begin {
            Begin::Fence => lines(text, 1).unwrap_or("```\n").to_owned(),
            Begin::Html => html_begin(text.trim_start()).to_owned(),
            Begin::Table => lines(text, 2).unwrap_or_default().to_owned(),
            Begin::Other => String::new(),
        };
        let later = |&at: &usize| at > again.len();
        let unfinished = match begin {
            // scripts and comments go on behind the cut as what they are
            Begin::Html => {
                unfinished(text, &[("<!--", "-->"), ("<script", "</script"), ("<style", "</style"), ("<", ">")])
            }
            Begin::Other => unfinished(text, &[("<!--", "-->")]),
            Begin::Fence | Begin::Table => None,
        };
        let newline = text.rfind('\n').map(|at| at + 1);
        let space = text.rfind(' ').map(|at| at + 1);
        let at = unfinished.filter(later).or(newline.filter(later)).or(space.filter(later)).unwrap_or(text.len());
        Self { at, again }
    }
}

/// What a block is.
enum Begin {
    Fence,
    Html,
    Table,
    Other,
}

/// The first lines of `text`, if they are not long.
fn lines(text: &str, n: usize) -> Option<&str> {
    let (at, _) = text.match_indices('\n').nth(n - 1)?;
    (at < AGAIN).then(|| &text[..=at])
}

/// What begins a block of HTML that ends where this one ends. Where that is behind us, there is only its last line.
fn html_begin(text: &str) -> &'static str {
    const BEGINS: [(&str, &str, &str); 7] = [
        ("<!--", "-->", "<!--\n"),
        ("<?", "?>", "<?\n"),
        ("<![CDATA[", "]]>", "<![CDATA[\n"),
        ("<script", "</script", "<script>\n"),
        ("<style", "</style", "<style>\n"),
        ("<textarea", "</textarea", "<textarea>\n"),
        ("<pre", "</pre", "<pre>\n"),
    ];
    let is = |begin: &str| text.get(..begin.len()).is_some_and(|t| t.eq_ignore_ascii_case(begin));
    match BEGINS.into_iter().find(|(begin, ..)| is(begin)) {
        Some((_, end, _)) if text.contains(end) => "",
        Some((_, _, again)) => again,
        // begins such a block, and says nothing
        None => "<link>\n",
    }
}

/// Where the first of the last openings begins that is not closed.
fn unfinished(text: &str, pairs: &[(&str, &str)]) -> Option<usize> {
    let open = |&(open, close): &(&str, &str)| text.rfind(open).filter(|&at| !text[at..].contains(close));
    pairs.iter().filter_map(open).min()
}
