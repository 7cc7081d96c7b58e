//! How a document is to be read, as arguments.

use clap::{Args, ValueEnum};

use crate::input::{Encoding, InputFormat, Reading};

/// Arguments of commands that read documents.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Input")]
pub struct InputArgs {
    /// What the files are; what is only markup in them is not read (docs/formats.md).
    #[arg(long, value_name = "FORMAT", default_value = "auto")]
    pub input_format: FormatArg,
    /// How the files spell their characters, such as windows-1252 or utf-16le; a byte order mark wins, and without one auto
    /// is UTF-8.
    #[arg(long, value_name = "LABEL", default_value_t)]
    pub encoding: Encoding,
}

impl InputArgs {
    /// The same for [`crate::input`].
    pub fn reading(self) -> Reading {
        Reading { format: self.input_format.into(), encoding: self.encoding }
    }
}

/// `--input-format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    /// By the extension of the file; text if that says nothing, and from a pipe.
    Auto,
    /// Text as it stands.
    Text,
    /// SubRip: what was said, without numbers and times.
    Srt,
    /// WebVTT: what was said, without times, styles and comments.
    Vtt,
    /// Markdown, without its marks.
    #[value(alias = "md")]
    Markdown,
    /// A page, without tags, scripts, styles, comments and hidden parts.
    Html,
}

impl From<FormatArg> for InputFormat {
    fn from(arg: FormatArg) -> Self {
        match arg {
            FormatArg::Auto => Self::Auto,
            FormatArg::Text => Self::Text,
            FormatArg::Srt => Self::Srt,
            FormatArg::Vtt => Self::Vtt,
            FormatArg::Markdown => Self::Markdown,
            FormatArg::Html => Self::Html,
        }
    }
}
