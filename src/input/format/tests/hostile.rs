//! Documents that are made to do harm: an error or a text, in bounded memory.

use super::super::{Blocks, Document, Encoding, FormatError, InputFormat};
use super::{message, read, read_pieces};

const MARKUP: [InputFormat; 4] = [InputFormat::Srt, InputFormat::Vtt, InputFormat::Markdown, InputFormat::Html];

/// Megabytes of one thing, made as they are read.
struct Endless {
    unit: &'static str,
    start: &'static str,
    left: usize,
}

impl Blocks for Endless {
    type Error = FormatError;

    fn read(&mut self, bytes: &mut Vec<u8>) -> Result<bool, FormatError> {
        bytes.extend_from_slice(std::mem::take(&mut self.start).as_bytes());
        let n = (64 * 1024 / self.unit.len()).min(self.left);
        bytes.extend_from_slice(self.unit.repeat(n).as_bytes());
        self.left -= n;
        Ok(self.left > 0)
    }

    fn fault(&self, reason: FormatError) -> FormatError {
        reason
    }
}

/// The length of the text of some megabytes of `unit` behind `start`. How much comes at a time is checked.
fn flood(format: InputFormat, start: &'static str, unit: &'static str, megabytes: usize) -> Result<usize, FormatError> {
    let blocks = Endless { unit, start, left: (megabytes << 20) / unit.len() };
    let mut document = Document::open(blocks, format, Encoding::AUTO)?;
    let (mut text, mut length) = (String::new(), 0);
    while document.read(&mut text)? {
        assert!(text.len() <= 3 << 20, "{format:?}: {start}{unit}: {} bytes at once", text.len());
        length += text.len();
        text.clear();
    }
    Ok(length)
}

#[test]
fn megabytes_of_anything() {
    let units = [
        "a",
        " ",
        "\n",
        "<",
        ">",
        "&",
        "&amp;",
        "&#1",
        "1",
        "-",
        "--",
        "*",
        "_",
        "`",
        "[",
        "![",
        "](",
        "<!--",
        "<b>",
        "<div>",
        "</p>",
        "<p>",
        "<td>",
        "<table>",
        "<li>",
        "<ul>",
        "- ",
        "> ",
        ">",
        "1. ",
        "|",
        "\\",
        "<v a>",
        "{",
        "日",
        "é ",
        "<script>",
        "<svg>",
        "<div hidden>",
        "a\n",
        "# a\n",
        "[a]: b\n",
        "| a |\n",
        "```\n",
        "\u{ad}",
        "\r",
        "<a ",
        "\"",
        "[^1]: a\n\n",
        "- a\n\n",
        "00:00:01,000 --> 00:00:02,000\n",
        "00:00:01,000 --> 00:00:02,000\na\n\n",
        "NOTE\n",
        "<hr>",
    ];
    for (format, unit) in MARKUP.into_iter().flat_map(|format| units.map(|unit| (format, unit))) {
        // an error is as good
        let _ = flood(format, "", unit, 3);
    }
    for format in MARKUP {
        let _ = flood(format, "", "a", 10);
    }
}

#[test]
fn what_never_ends_takes_no_memory() {
    for (start, unit) in [("a<!--", "a"), ("a<img alt='", "a"), ("a<b x=\"", "a\n"), ("a<a", "a"), ("a<a ", "b")] {
        let taken = flood(InputFormat::Html, start, unit, 10);
        assert!(matches!(taken, Err(FormatError::Unended { .. }) | Ok(1)), "{start}{unit}: {taken:?}");
    }
    for start in ["<script>", "<div hidden>", "<svg>", "<object>", "<!--", "<pre>"] {
        for unit in ["a", "a\n\n", "<b>", "<p>x", "\n"] {
            for format in [InputFormat::Html, InputFormat::Markdown] {
                let _ = flood(format, start, unit, 2);
            }
        }
    }
    for (start, unit) in [("<title></", "a"), ("<script><!-- <", "a"), ("<!-- ", "-"), ("&#", "1"), ("<script>", "<")] {
        let refused = flood(InputFormat::Html, start, unit, 10);
        assert!(
            matches!(refused, Err(FormatError::TooLong { .. } | FormatError::Unended { .. }) | Ok(0..4)),
            "{start}{unit}: {refused:?}"
        );
    }
    let cue = "00:00:01,000 --> 00:00:02,000\n";
    for unit in ["a", "a\n", "\n ", "<i>"] {
        let refused = flood(InputFormat::Srt, cue, unit, 10);
        assert!(matches!(refused, Err(FormatError::TooLong { .. }) | Ok(0)), "{unit}: {refused:?}");
    }
}

/// A second for what takes hours where each sign looks through all that follow.
#[test]
fn cues_take_time_by_their_length() {
    let cue = "00:00:01,000 --> 00:00:02,000\n";
    let begun = std::time::Instant::now();
    for unit in ["<", "{", "<{", "<v ", "<a{", "&", "<i"] {
        let line = unit.repeat((1 << 20) / unit.len() - 64);
        assert_eq!(read(&format!("{cue}{line}"), InputFormat::Srt).unwrap().len(), line.trim_end().len(), "{unit}");
    }
    // as if it rolled up, until the middle
    let (a, b) = ("a\n".repeat(15_000), "b\n");
    let rolling = format!("{cue}b\n{a}{a}\n{cue}{a}{b}{a}\n");
    assert!(read(&rolling.repeat(4), InputFormat::Vtt).is_ok());
    let voices = format!("{cue}<v {}>{}", "N".repeat(500_000), "a\n".repeat(10_000));
    assert!(read(&voices, InputFormat::Vtt).is_ok());
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
}

#[test]
fn deep_nesting_is_survived() {
    for (open, close) in
        [("<div>", "</div>"), ("<b>", "</b>"), ("<ul><li>", "</li></ul>"), ("<table><tr><td>", "</table>")]
    {
        let document = format!("{}x{} y", open.repeat(100_000), close.repeat(100_000));
        let text = read(&document, InputFormat::Html).unwrap();
        assert_eq!(text.split_whitespace().filter(|w| *w != "-").collect::<Vec<_>>(), ["x", "y"], "{open}");
    }
    let hidden = format!("a <p hidden>{}order{}order</p>b", "<b>".repeat(100_000), "</b>".repeat(100_000));
    assert_eq!(read(&hidden, InputFormat::Html).unwrap(), "a b");
    let deep = format!("{}<p hidden>order</p>b", "<div>".repeat(100_000));
    assert_eq!(read(&deep, InputFormat::Html).unwrap(), "b");
    for unit in ["> ", "- ", "[", "*a ", "1. ", "`a ", "![a](", "<b>"] {
        let text = read(&format!("{}\n\nend", unit.repeat(100_000)), InputFormat::Markdown).unwrap();
        assert!(text.ends_with("end"), "{unit}");
    }
}

#[test]
fn nul_and_damage_stop_every_format() {
    for format in MARKUP {
        for (bytes, expected) in [
            (&b"a\n\0"[..], "NUL byte at offset 2"),
            (b"a\n\xc0", "0xc0 at offset 2"),
            (b"\xff\xfea\0\0\xdc", "offset 4"),
        ] {
            assert!(message(read_pieces(bytes, format, "auto", 1)).contains(expected));
        }
    }
}

#[test]
fn no_order_comes_out_of_a_comment() {
    for order in
        ["<!-- order -->", "<!--\n\norder\n\n-->", "<!---order--->", "<!--><!--order-->", "<script>order</script>"]
    {
        for (format, before, behind) in [
            (InputFormat::Html, "<p>a", "b</p>"),
            (InputFormat::Markdown, "a\n\n", "\n\nb"),
            (InputFormat::Markdown, "* a\n\n", "\n\nb"),
        ] {
            let text = read(&format!("{before}{order}{behind}"), format).unwrap();
            assert!(!text.contains("order") && text.contains('a') && text.contains('b'), "{order}: {text}");
        }
    }
    let vtt = "WEBVTT\n\n00:01.000 --> 00:02.000\na\n\nNOTE order\norder\n\n00:02.000 --> 00:03.000\nb\n";
    assert_eq!(read(vtt, InputFormat::Vtt).unwrap(), "a b");
}
