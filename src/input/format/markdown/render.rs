//! Markdown as the page that it stands for.

use pulldown_cmark::{BrokenLink, CowStr, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd};

use super::super::html::{Page, write_fragment, write_in_line};

/// What is understood besides CommonMark.
pub(super) const OPTIONS: Options = Options::ENABLE_TABLES
    .union(Options::ENABLE_FOOTNOTES)
    .union(Options::ENABLE_STRIKETHROUGH)
    .union(Options::ENABLE_TASKLISTS);

/// Writes a part of a document that ends between two blocks.
pub(super) fn render(text: &str, page: &mut Page) {
    let mut known = |link: BrokenLink<'_>| is_link(text, &link).then(|| (CowStr::from(""), CowStr::from("")));
    let mut html = None;
    for event in Parser::new_with_broken_link_callback(text, OPTIONS, Some(&mut known)) {
        match event {
            Event::Start(Tag::HtmlBlock) => html = Some(String::new()),
            Event::End(TagEnd::HtmlBlock) => {
                page.paragraph();
                write_fragment(&html.take().unwrap_or_default(), page);
                page.paragraph();
            }
            Event::Html(part) | Event::InlineHtml(part) => match &mut html {
                Some(html) => html.push_str(&part),
                None => write_in_line(&part, page),
            },
            Event::Start(tag) => begin(&tag, page),
            Event::End(tag) => end(tag, page),
            Event::Text(text) | Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                page.text(&text);
            }
            Event::FootnoteReference(name) => page.text(&format!("[^{name}]")),
            Event::SoftBreak => page.soft(),
            Event::HardBreak => page.begin("br"),
            Event::Rule => page.begin("hr"),
            Event::TaskListMarker(done) => page.text(if done { "[x] " } else { "[ ] " }),
        }
    }
}

/// `[text][name]` is a link even if the name is explained in another part, but `x[i][j]` is none.
fn is_link(text: &str, link: &BrokenLink<'_>) -> bool {
    let full = matches!(
        link.link_type,
        LinkType::ReferenceUnknown | LinkType::Reference | LinkType::CollapsedUnknown | LinkType::Collapsed
    );
    full && !text[..link.span.start].ends_with(|c: char| c.is_alphanumeric() || c == ']')
}

/// The element that stands for a block.
fn name(tag: TagEnd) -> Option<&'static str> {
    Some(match tag {
        TagEnd::Paragraph => "p",
        TagEnd::Heading(level) => match level {
            HeadingLevel::H1 => "h1",
            HeadingLevel::H2 => "h2",
            HeadingLevel::H3 => "h3",
            HeadingLevel::H4 => "h4",
            HeadingLevel::H5 => "h5",
            HeadingLevel::H6 => "h6",
        },
        TagEnd::BlockQuote(_) => "blockquote",
        TagEnd::CodeBlock => "pre",
        TagEnd::List(true) => "ol",
        TagEnd::List(false) => "ul",
        TagEnd::Item => "li",
        TagEnd::FootnoteDefinition => "section",
        TagEnd::Table => "table",
        TagEnd::TableHead | TagEnd::TableRow => "tr",
        TagEnd::TableCell => "td",
        _ => return None,
    })
}

fn begin(tag: &Tag<'_>, page: &mut Page) {
    if let Tag::List(Some(first)) = tag {
        page.begin_ordered(*first);
    } else if let Some(name) = name(tag.to_end()) {
        page.begin_block(name);
    }
    if let Tag::FootnoteDefinition(label) = tag {
        page.lead(format!("[^{label}]: "));
    }
}

fn end(tag: TagEnd, page: &mut Page) {
    if name(tag).is_some() {
        page.end_block();
    }
}
