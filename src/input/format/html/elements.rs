//! What is known about the elements of a page.

/// How an element is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Display {
    /// Within a line.
    Inline,
    /// A paragraph of its own.
    Paragraph,
    /// A line of its own.
    Line,
    /// A paragraph with its lines and spaces as they are.
    Verbatim,
    /// A list; its items are counted.
    List,
    /// An item of a list.
    Item,
    Table,
    Row,
    Cell,
    /// Nothing of it is shown.
    Dropped,
    /// Without content.
    Void,
}

impl Display {
    /// How the element with this name, in small letters, is laid out.
    pub fn of(name: &[u8]) -> Self {
        match name {
            b"address" | b"article" | b"aside" | b"blockquote" | b"body" | b"caption" | b"center" | b"details"
            | b"dialog" | b"div" | b"dl" | b"fieldset" | b"figcaption" | b"figure" | b"footer" | b"form" | b"h1"
            | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" | b"header" | b"hgroup" | b"legend" | b"main" | b"nav" | b"p"
            | b"search" | b"section" | b"summary" | b"textarea" | b"title" => Self::Paragraph,
            b"dt" | b"dd" => Self::Line,
            b"pre" | b"listing" | b"plaintext" | b"xmp" => Self::Verbatim,
            b"ul" | b"ol" | b"menu" | b"dir" => Self::List,
            b"li" => Self::Item,
            b"table" => Self::Table,
            b"tr" => Self::Row,
            b"td" | b"th" => Self::Cell,
            b"annotation" | b"annotation-xml" | b"applet" | b"audio" | b"canvas" | b"datalist" | b"iframe"
            | b"noembed" | b"noframes" | b"noscript" | b"object" | b"script" | b"select" | b"style" | b"svg"
            | b"template" | b"video" => Self::Dropped,
            b"area" | b"base" | b"basefont" | b"bgsound" | b"br" | b"col" | b"embed" | b"frame" | b"hr" | b"img"
            | b"input" | b"keygen" | b"link" | b"meta" | b"param" | b"source" | b"track" | b"wbr" => Self::Void,
            _ => Self::Inline,
        }
    }

    /// Whether such an element may go on to the end of a document. Others end where the next one begins.
    pub fn may_swallow(self) -> bool {
        !matches!(self, Self::Line | Self::Item | Self::Row | Self::Cell)
    }

    /// Whether a paragraph that is open ends where this begins.
    pub fn ends_paragraph(self) -> bool {
        matches!(self, Self::Paragraph | Self::Line | Self::Verbatim | Self::List | Self::Item | Self::Table)
    }
}

/// Elements that end without a tag of their own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Implied<'a> {
    /// The innermost of these ends,
    pub ended: &'a [&'a [u8]],
    /// unless one of these is around what comes next.
    pub barriers: &'a [&'a [u8]],
}

impl Implied<'static> {
    /// A paragraph, where something begins that cannot be part of it.
    pub const PARAGRAPH: Self = Self { ended: &[b"p"], barriers: &SCOPES };

    /// What ends where an element of this name begins.
    pub fn by(name: &[u8]) -> Option<Self> {
        let (ended, barriers): (&[&[u8]], &[&[u8]]) = match name {
            b"li" => (&[b"li"], &[b"ul", b"ol", b"menu", b"dir"]),
            b"dt" | b"dd" => (&[b"dt", b"dd"], &[b"dl"]),
            b"td" | b"th" => (&[b"td", b"th"], &[b"tr", b"table"]),
            b"tr" | b"thead" | b"tbody" | b"tfoot" => (&[b"tr"], &[b"table"]),
            _ => return None,
        };
        Some(Self { ended, barriers })
    }
}

/// Elements that keep an end tag within them from ending what is around them, unless it is the tag of a table.
pub(super) const SCOPES: [&[u8]; 7] = [b"table", b"td", b"th", b"caption", b"template", b"object", b"foreignobject"];

/// Whether an end tag reaches through [`SCOPES`].
pub(super) fn is_table_part(name: &[u8]) -> bool {
    matches!(name, b"table" | b"tbody" | b"thead" | b"tfoot" | b"tr" | b"td" | b"th" | b"template" | b"object")
}
