//! Files that are no text, known by their first bytes.

use super::error::FormatError;

/// Bytes of the start of a file that [`refuse_foreign`] wants to see.
pub(super) const START: usize = 4096;

const PANDOC: &str = "extract its text first: pandoc -t plain FILE | edgeinf summarize";
const OFFICE: &str =
    "convert it first: soffice --headless --convert-to 'txt:Text (encoded):UTF8' FILE, then summarize the .txt";
const SPEECH: &str = "transcribe it first with a speech recognizer, such as whisper.cpp: whisper-cli -osrt -f FILE, then summarize the .srt";
const PDF: &str = "extract its text first: pdftotext FILE - | edgeinf summarize";
const IMAGE: &str = "read its text first: magick FILE png:- | tesseract - - | edgeinf summarize";
const UTF32: &str = "convert it first: iconv -f UTF-32 -t UTF-8 FILE | edgeinf summarize";
const NO_TEXT: &str = "give the path of a text";
const SCAN: &str = "read its text first: tesseract FILE - | edgeinf summarize";

/// First bytes, what they mean, what to do.
const STARTS: &[(&[u8], &str, &str)] = &[
    (b"%!PS", "PostScript", "extract its text first: ps2txt FILE | edgeinf summarize"),
    (b"{\\rtf", "a rich text document (RTF)", PANDOC),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document (.doc, .xls or .ppt)", OFFICE),
    (b"\x1f\x8b", "compressed with gzip", "unpack it first: zcat FILE | edgeinf summarize"),
    (b"BZh", "compressed with bzip2", "unpack it first: bzcat FILE | edgeinf summarize"),
    (b"\xfd7zXZ\0", "compressed with xz", "unpack it first: xzcat FILE | edgeinf summarize"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "unpack it first: zstdcat FILE | edgeinf summarize"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first: 7z x FILE"),
    (b"Rar!\x1a\x07", "a RAR archive", "unpack it first: unrar x FILE"),
    (b"\x89PNG\r\n\x1a\n", "a PNG image", SCAN),
    (b"\xff\xd8\xff", "a JPEG image", SCAN),
    (b"\xff\xfe\0\0", "a text in UTF-32", UTF32),
    (b"\0\0\xfe\xff", "a text in UTF-32", UTF32),
    (b"AT&TFORM", "a DjVu document", "extract its text first: djvutxt FILE | edgeinf summarize"),
    (b"MSCF\0\0\0\0", "a cabinet archive", "unpack it first: cabextract FILE"),
    (b"\x1f\x9d", "compressed with compress", "unpack it first: zcat FILE | edgeinf summarize"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a WMA or WMV recording", SPEECH),
    (b"#!AMR", "an AMR recording", SPEECH),
    (b"\0asm", "a program", NO_TEXT),
    (b"\xca\xfe\xba\xbe", "a program", NO_TEXT),
    (b"II*\0", "a TIFF image", SCAN),
    (b"MM\0*", "a TIFF image", SCAN),
    (b"OggS\0", "an Ogg recording", SPEECH),
    (b"fLaC\0", "a FLAC recording", SPEECH),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM recording", SPEECH),
    (b"\xff\xfb", "an MP3 recording", SPEECH),
    (b"\xff\xf3", "an MP3 recording", SPEECH),
    (b"\xff\xf2", "an MP3 recording", SPEECH),
    (b"\xff\xf1", "an AAC recording", SPEECH),
    (b"\x7fELF", "a program", NO_TEXT),
    (b"SQLite format 3\0", "a database", "export its text first: sqlite3 FILE .dump | edgeinf summarize"),
    (b"GGUF\x02\0", "a model", "give it to --model, and the path of a text here"),
    (b"GGUF\x03\0", "a model", "give it to --model, and the path of a text here"),
];

/// Refuses a file that begins with `start` if it is of a kind that is known to be no text.
pub(super) fn refuse_foreign(start: &[u8]) -> Result<(), FormatError> {
    match foreign(start) {
        Some((kind, hint)) => Err(FormatError::Foreign { kind, hint }),
        None => Ok(()),
    }
}

fn foreign(start: &[u8]) -> Option<(&'static str, &'static str)> {
    if start.starts_with(b"PK\x03\x04") {
        return Some(archive(start));
    }
    let at = |offset: usize, bytes: &[u8]| start.get(offset..).is_some_and(|rest| rest.starts_with(bytes));
    // a sentence about such files may begin with the same letters, but goes on with letters
    if at(0, b"\0") && at(4, b"ftyp") {
        return Some(match start.get(8..12) {
            Some(b"heic" | b"heix" | b"heim" | b"heis" | b"mif1" | b"msf1") => ("a HEIC image", IMAGE),
            Some(b"avif" | b"avis") => ("an AVIF image", IMAGE),
            _ => ("an MP4 or MOV recording", SPEECH),
        });
    }
    // some have a line break before the mark
    if start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start().starts_with(b"%PDF-") {
        return Some(("a PDF", PDF));
    }
    // text has no such bytes
    let odd = |range: std::ops::Range<usize>| start.get(range).is_some_and(|b| b.iter().any(|&b| b < 9));
    if at(0, b"RIFF") && odd(4..start.len().min(64)) {
        return match start.get(8..12)? {
            b"WAVE" => Some(("a WAV recording", SPEECH)),
            b"AVI " => Some(("an AVI recording", SPEECH)),
            b"WEBP" => Some(("a WebP image", SCAN)),
            _ => None,
        };
    }
    if at(0, b"GIF8") && odd(6..13) {
        return Some(("a GIF image", SCAN));
    }
    if at(0, b"BM") && at(6, b"\0\0\0\0") {
        return Some(("a BMP image", SCAN));
    }
    if at(0, b"MZ") && odd(2..start.len().min(64)) {
        return Some(("a program", NO_TEXT));
    }
    if at(0, b"PK\x05\x06") {
        return Some(("an empty ZIP archive", NO_TEXT));
    }
    if at(0, b"ID3") && odd(3..5) {
        return Some(("an MP3 recording", SPEECH));
    }
    if at(257, b"ustar\0") || at(257, b"ustar  \0") {
        return Some(("a tar archive", "unpack it first: tar xf FILE"));
    }
    let (_, kind, hint) = STARTS.iter().find(|(bytes, ..)| {
        // letters, or in a Cyrillic encoding two letters: what follows tells
        let certain = match *bytes {
            b"BZh" => at(4, b"1AY&SY"),
            [0xff, _] => odd(2..start.len().min(256)),
            _ => true,
        };
        certain && start.starts_with(bytes)
    })?;
    Some((kind, hint))
}

/// What is in a ZIP archive, by the names of its first members.
fn archive(start: &[u8]) -> (&'static str, &'static str) {
    let has = |name: &[u8]| start.windows(name.len()).any(|window| window == name);
    if has(b"application/epub+zip") {
        ("an EPUB book", PANDOC)
    } else if has(b"application/vnd.oasis.opendocument.text") {
        ("an OpenDocument text", PANDOC)
    } else if has(b"application/vnd.oasis.opendocument") {
        ("an OpenDocument file", OFFICE)
    } else if has(b"word/") {
        ("a Word document", PANDOC)
    } else if has(b"xl/") {
        ("an Excel document", "save it as CSV first, then summarize that")
    } else if has(b"ppt/") {
        ("a PowerPoint document", OFFICE)
    } else if has(b"[Content_Types].xml") {
        ("an Office document", PANDOC)
    } else {
        ("a ZIP archive", "unpack it first: unzip FILE")
    }
}
