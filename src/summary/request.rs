//! What a user wants of a document.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use super::prompts::{Task, Values};

/// What is to be written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// How long it is to be.
    pub length: Length,
    /// In which form.
    pub style: Style,
    /// In which language; `None` leaves that to the model.
    pub language: Option<String>,
    /// A question instead of a summary.
    pub question: Option<String>,
}

impl Request {
    /// What is asked of a document that was just read.
    pub fn task(&self) -> Task {
        if self.question.is_some() { Task::Question } else { Task::Summary }
    }

    /// Whether sentences of the document can stand beside those of the model: not in an answer, and not in another language.
    pub fn is_quoting(&self) -> bool {
        self.question.is_none() && self.language.is_none()
    }

    /// What templates can use of it.
    pub fn values(&self) -> Values {
        // a word of the wording changes what a small model writes: these were read with the default model
        let (kind, size) = match self.length {
            Length::Short => ("short summary", "in one or two sentences".to_owned()),
            Length::Medium => ("short summary", "in one paragraph".to_owned()),
            Length::Long => ("detailed summary", "in several paragraphs".to_owned()),
            Length::Words(n) => ("summary", format!("in about {n} words")),
        };
        let about = format!("in about {} words", self.length.words());
        let form = match self.style {
            Style::Paragraph => size,
            Style::Bullets => format!("as a list of bullet points, {about}"),
            Style::Outline => format!("as an outline with headings and points, {about}"),
            Style::Minutes => {
                format!("as minutes, with what was discussed, what was decided and who does what, {about}")
            }
        };
        Values {
            kind: kind.into(),
            form,
            style: self.style.to_string(),
            language: self.language.clone().unwrap_or_default(),
            question: self.question.clone().unwrap_or_default(),
            words: self.length.words(),
            ..Values::default()
        }
    }
}

/// In which form a summary is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Style {
    /// Running text.
    #[default]
    Paragraph,
    /// A list of points.
    Bullets,
    /// Numbered parts in the order of the document, each with its points.
    Outline,
    /// As of a meeting: what was discussed, decided and who does what.
    Minutes,
}

impl Style {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Paragraph, Self::Bullets, Self::Outline, Self::Minutes];
}

impl Display for Style {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Paragraph => "paragraph",
            Self::Bullets => "bullets",
            Self::Outline => "outline",
            Self::Minutes => "minutes",
        })
    }
}

impl FromStr for Style {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|style| style.to_string() == text);
        found.ok_or_else(|| "must be paragraph, bullets, outline or minutes".into())
    }
}

/// How long a summary is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Length {
    /// A sentence or two.
    Short,
    /// A paragraph.
    #[default]
    Medium,
    /// Several paragraphs.
    Long,
    /// About so many words.
    Words(u32),
}

impl Length {
    /// Most words that can be asked for.
    pub const MAX_WORDS: u32 = 20_000;

    /// About how many words that is.
    pub fn words(self) -> u32 {
        match self {
            Self::Short => 50,
            Self::Medium => 150,
            Self::Long => 400,
            Self::Words(n) => n,
        }
    }

    /// Most tokens to generate: an English word takes about 1.3 of them, and the last sentence wants to be finished.
    pub fn max_tokens(self) -> u32 {
        (self.words() * 17).div_ceil(10).max(24)
    }
}

impl FromStr for Length {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "short" => Ok(Self::Short),
            "medium" => Ok(Self::Medium),
            "long" => Ok(Self::Long),
            _ => match text.parse() {
                Ok(n) if (1..=Self::MAX_WORDS).contains(&n) => Ok(Self::Words(n)),
                _ => Err(format!("must be short, medium, long or a number of words from 1 to {}", Self::MAX_WORDS)),
            },
        }
    }
}

impl Display for Length {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => f.write_str("short"),
            Self::Medium => f.write_str("medium"),
            Self::Long => f.write_str("long"),
            Self::Words(n) => write!(f, "{n}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_styles_are_read_and_written() {
        for text in ["short", "medium", "long", "1", "120"] {
            assert_eq!(text.parse::<Length>().unwrap().to_string(), text);
        }
        for text in ["", "0", "-5", "1.5", "huge", "20001"] {
            assert!(text.parse::<Length>().is_err(), "{text}");
        }
        assert_eq!(Length::Medium.max_tokens(), 255);
        assert_eq!(Length::Words(1).max_tokens(), 24);
        for style in Style::ALL {
            assert_eq!(style.to_string().parse(), Ok(style));
        }
        assert!("prose".parse::<Style>().is_err());
    }
}
