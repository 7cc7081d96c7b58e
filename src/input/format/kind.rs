//! The formats, and how files are told apart.

use std::ffi::OsStr;
use std::path::Path;

/// What a document is written in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum InputFormat {
    /// By the extension of the file; text if that says nothing.
    #[default]
    Auto,
    /// Text as it stands.
    Text,
    /// SubRip: what was said, without numbers and times.
    Srt,
    /// WebVTT: what was said, without times, styles and comments.
    Vtt,
    /// Markdown, without its marks.
    Markdown,
    /// A page, without tags, scripts, styles, comments and hidden parts.
    Html,
}

impl InputFormat {
    /// What the extension of a file says; [`InputFormat::Text`] if it says nothing.
    pub fn of_path(path: &Path) -> Self {
        let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
        match extension.to_ascii_lowercase().as_str() {
            "srt" => Self::Srt,
            "vtt" => Self::Vtt,
            "md" | "markdown" => Self::Markdown,
            "html" | "htm" | "xhtml" => Self::Html,
            _ => Self::Text,
        }
    }

    /// This format, or for [`InputFormat::Auto`] that of the file.
    pub fn for_path(self, path: &Path) -> Self {
        if self == Self::Auto { Self::of_path(path) } else { self }
    }
}
