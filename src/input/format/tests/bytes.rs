//! Encodings, and files that are no text.

use std::path::Path;

use super::super::{Encoding, InputFormat};
use super::{message, read_pieces};

fn decode(bytes: &[u8], encoding: &str) -> Result<String, super::FormatError> {
    let whole = read_pieces(bytes, InputFormat::Text, encoding, 64 * 1024);
    for piece in [1, 2, 3] {
        assert_eq!(read_pieces(bytes, InputFormat::Text, encoding, piece), whole);
    }
    whole
}

fn utf16(text: &str, mark: bool, swap: bool) -> Vec<u8> {
    let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
    units.flat_map(|unit| if swap { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

#[test]
fn marks_tell_the_encoding() {
    let text = "Grüße 😀 日本\n";
    assert_eq!(decode(text.as_bytes(), "auto").unwrap(), text);
    assert_eq!(decode(format!("\u{feff}{text}\u{feff}").as_bytes(), "auto").unwrap(), format!("{text}\u{feff}"));
    for swap in [false, true] {
        assert_eq!(decode(&utf16(text, true, swap), "auto").unwrap(), text);
        assert_eq!(decode(&utf16(text, true, swap), "windows-1252").unwrap(), text);
        assert_eq!(decode(&utf16(text, false, swap), if swap { "utf-16be" } else { "utf-16" }).unwrap(), text);
    }
}

#[test]
fn labels_tell_the_encoding() {
    assert_eq!(decode(b"Gr\xfc\xdfe \x80", "latin1").unwrap(), "Grüße €");
    assert_eq!(decode(b"\x93\xfa\x96{", "Shift_JIS").unwrap(), "日本");
    assert_eq!(decode(b"\x81\x30\x81\x30", "gb18030").unwrap(), "\u{80}");
    assert_eq!("UTF8".parse::<Encoding>().unwrap().to_string(), "utf-8");
    assert_eq!(Encoding::default().to_string(), "auto");
    for unknown in ["", "klingon", "iso-2022-kr", "a\nb"] {
        let error = unknown.parse::<Encoding>().unwrap_err().to_string();
        assert!(error.contains("is no encoding; use a name such as") && !error.contains('\n'), "{error}");
    }
}

#[test]
fn damage_is_found_where_it_is() {
    assert!(message(decode(b"ab\xff", "auto")).contains("not UTF-8 text: invalid byte 0xff at offset 2; name its"));
    assert!(message(decode(b"abc\xf0\x9f\x98", "auto")).contains("0xf0 at offset 3"));
    assert!(message(decode(b"ab\0", "auto")).contains("NUL byte at offset 2"));
    assert!(message(decode("\u{feff}a\0".as_bytes(), "auto")).contains("NUL byte at offset 4"));
    assert!(message(decode(&utf16("a😀\0", true, false), "auto")).contains("NUL byte at offset 8"));
    assert!(message(decode(b"ab\0", "latin1")).contains("NUL byte at offset 2"));
    assert!(message(decode(b"ab\x93", "shift_jis")).contains("not Shift_JIS text: invalid bytes at offset 2"));
    assert!(message(decode(b"abc\x81\x30\x81a", "gb18030")).contains("invalid bytes at offset 3"));
    // ends within a unit, and units that are half a character
    for damaged in [&b"\xff\xfea\0b"[..], b"\xff\xfea\0\x3d\xd8", b"\xff\xfea\0\x3d\xd8b\0", b"\xff\xfea\0\0\xde"] {
        assert!(message(decode(damaged, "auto")).contains("not UTF-16LE text: invalid bytes at offset 4"));
    }
}

#[test]
fn other_files_are_named_with_a_converter() {
    let refused = [
        (
            &b"%PDF-1.7\n%\xe2\xe3"[..],
            "is a PDF, not text; extract its text first: pdftotext FILE - | edgeinf summarize",
        ),
        (
            b"PK\x03\x04....[Content_Types].xml....word/document.xml",
            "a Word document, not text; extract its text first: pandoc",
        ),
        (b"PK\x03\x04....mimetypeapplication/epub+zip", "an EPUB book"),
        (b"PK\x03\x04....mimetypeapplication/vnd.oasis.opendocument.text", "an OpenDocument text"),
        (b"PK\x03\x04....a.txt", "a ZIP archive"),
        (b"{\\rtf1\\ansi", "RTF"),
        (b"\x1f\x8b\x08", "zcat FILE | edgeinf summarize"),
        (b"BZh91AY&SY", "bzip2"),
        (b"\x89PNG\r\n\x1a\n", "tesseract"),
        (b"GIF89a\x01\0\x01\0\0\0\0", "GIF"),
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document"),
        (b"\0\0\0\x18ftypmp42", "whisper.cpp"),
        (b"\0\0\0\x18ftypheic", "a HEIC image"),
        (b"\0\0\0\x18ftypavif", "an AVIF image"),
        (b"\n\n%PDF-1.7", "pdftotext"),
        (b"\xef\xbb\xbf%PDF-1.7", "pdftotext"),
        (b"\xff\xfe\0\0a\0\0\0", "iconv -f UTF-32"),
        (b"BM\x3a\0\0\0\0\0\0\0", "a BMP image"),
        (b"MZ\x90\0\x03\0", "a program"),
        (b"AT&TFORM\0\0\x01\x02DJVU", "djvutxt"),
        (b"PK\x05\x06\0\0", "an empty ZIP archive"),
        (b"#!AMR\n\x3c", "an AMR recording"),
        (b"OggS\0\x02", "an Ogg recording"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "a WAV recording"),
        (b"ID3\x04\0", "an MP3 recording"),
        (b"\xff\xfb\x90\x64\0", "an MP3 recording"),
    ];
    for (bytes, expected) in refused {
        for format in [InputFormat::Text, InputFormat::Srt, InputFormat::Html, InputFormat::Markdown] {
            assert!(message(read_pieces(bytes, format, "latin1", 1)).contains(expected), "{expected}");
        }
    }
}

#[test]
fn texts_about_such_files_are_texts() {
    for text in [
        "ID3 tags",
        "The ftyp box",
        "RIFF of WAVE",
        "GIF89a is old, and large",
        "BZh is",
        "PK",
        "GGUF is",
        "",
        "BMW",
        "MZ",
        "A %PDF-1.7 file",
    ] {
        assert_eq!(decode(text.as_bytes(), "auto").unwrap(), text);
    }
    assert_eq!(decode(b"\xff\xf1\xed\xee", "windows-1251").unwrap(), "ясно");
}

#[test]
fn extensions_tell_the_format() {
    use InputFormat::{Auto, Html, Markdown, Srt, Text, Vtt};
    let known = [("a.srt", Srt), ("a.b.VTT", Vtt), ("x/a.md", Markdown), ("a.markdown", Markdown), ("a.htm", Html)];
    for (name, format) in known.into_iter().chain([("a.XHTML", Html), ("a.html", Html), ("a", Text), ("a.log", Text)]) {
        assert_eq!(InputFormat::of_path(Path::new(name)), format, "{name}");
        assert_eq!(Auto.for_path(Path::new(name)), format);
        assert_eq!(Text.for_path(Path::new(name)), Text);
    }
}
