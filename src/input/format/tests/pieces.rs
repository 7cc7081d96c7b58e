//! However a document is split, its text is the same.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::super::InputFormat;
use super::read_pieces;

/// Bits of markup.
fn bit(format: InputFormat) -> BoxedStrategy<String> {
    let marks: &'static [&'static str] = match format {
        InputFormat::Srt | InputFormat::Vtt => &[
            "\n",
            "\r\n",
            "\r",
            "\n\n",
            "1\n",
            "00:00:01,000 --> 00:00:02,000\n",
            "\n\n00:01.5 --> 00:09.000 a:b\n",
            "NOTE ",
            "STYLE\n",
            "<v Anna>",
            "</v>",
            "<i>",
            "<",
            "<00:00:01.000>",
            "{\\an8}",
            "- ",
            "BEN: ",
            "&amp;",
            "&",
            "WEBVTT",
        ],
        InputFormat::Markdown => &[
            "\n",
            "\r\n",
            "\n\n",
            "\n\n",
            "# ",
            "- ",
            "1. ",
            "> ",
            "```\n",
            "~~~",
            "    ",
            "*",
            "**",
            "_",
            "`",
            "[",
            "](",
            ")",
            "][",
            "]: ",
            "![",
            "<!--",
            "-->",
            "<script>",
            "</script>",
            "<div>",
            "</div>",
            "<b hidden>",
            "|",
            "|--|--|\n",
            "---\n",
            "\n===\n",
            "&amp;",
            "\\",
            "[^1]",
            "[^1]: ",
            ";base64,",
            "  \n",
            "<?",
            "?>",
            "<a href=",
        ],
        _ => &[
            "<p>",
            "</p>",
            "<div>",
            "</div>",
            "<div hidden>",
            "<span hidden>",
            "</span>",
            "<li>",
            "<ul>",
            "</ul>",
            "<ol>",
            "<table>",
            "<tr>",
            "<td>",
            "</td>",
            "</table>",
            "<pre>",
            "</pre>",
            "<br>",
            "<script>",
            "</script>",
            "<style>",
            "</style>",
            "<!--",
            "-->",
            "--!>",
            "<![CDATA[",
            "]]>",
            "<svg>",
            "</svg>",
            "<svg/>",
            "<title>",
            "</title>",
            "<textarea>",
            "&amp;",
            "&notit;",
            "&#",
            "&#x41;",
            "&",
            "<",
            ">",
            "</",
            "/>",
            "<img alt='a b'>",
            "<img alt=\"",
            "\"",
            "'",
            "=",
            "<?xml ?>",
            "\r\n",
            "\n",
            " ",
            "\u{ad}",
            "\u{a0}",
            "<template>",
            "</template>",
            "<h1>",
            "</h1>",
            "<select>",
            "<b style='display:none'>",
        ],
    };
    let mark = prop::sample::select(marks).prop_map(String::from);
    prop_oneof![4 => mark, 2 => "[a-z]{1,8}", 1 => " ", 1 => "\\PC{1,3}", 1 => "[日本語。é😀]{1,4}"].boxed()
}

fn check(format: InputFormat) {
    let config = Config { cases: 400, failure_persistence: None, ..Config::default() };
    let document = prop::collection::vec(bit(format), 0..80).prop_map(|bits| bits.concat());
    TestRunner::new(config)
        .run(&(document, 1..40_usize), |(document, piece)| {
            let document = document.replace('\0', "");
            let whole = read_pieces(document.as_bytes(), format, "auto", 1 << 20);
            prop_assert_eq!(read_pieces(document.as_bytes(), format, "auto", piece), whole.clone());
            prop_assert_eq!(read_pieces(document.as_bytes(), format, "auto", 1), whole.clone());
            let units: Vec<u8> =
                std::iter::once(0xfeff).chain(document.encode_utf16()).flat_map(u16::to_le_bytes).collect();
            prop_assert_eq!(read_pieces(&units, format, "auto", piece), whole);
            Ok(())
        })
        .unwrap();
}

#[test]
fn subrip() {
    check(InputFormat::Srt);
}

#[test]
fn webvtt() {
    check(InputFormat::Vtt);
}

#[test]
fn markdown() {
    check(InputFormat::Markdown);
}

#[test]
fn html() {
    check(InputFormat::Html);
}

#[test]
fn long_markdown() {
    let config = Config { cases: 6, failure_persistence: None, ..Config::default() };
    let document = prop::collection::vec(bit(InputFormat::Markdown), 40_000).prop_map(|bits| bits.concat());
    TestRunner::new(config)
        .run(&(document, 1..5000_usize), |(document, piece)| {
            let whole = read_pieces(document.as_bytes(), InputFormat::Markdown, "auto", 1 << 30);
            prop_assert!(read_pieces(document.as_bytes(), InputFormat::Markdown, "auto", piece) == whole);
            Ok(())
        })
        .unwrap();
}
