//! What the model is asked.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use crate::llama::{LlamaError, Model, Token};

use super::template::{ChatTemplate, TemplateError};

/// The request around a document: it stands before the text, and again after it.
///
/// A small model forgets an instruction that stands only before a long text, and reads a text without purpose when it
/// stands only after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instructions {
    /// Role of the model, for templates that know one.
    pub system: Option<String>,
    /// Before the document.
    pub before: String,
    /// After the document.
    pub after: String,
}

impl Instructions {
    /// Asks for a summary.
    pub fn summary(length: Length) -> Self {
        // a word of the wording changes what a small model writes: these were read with the default model
        let (kind, form) = match length {
            Length::Short => ("short summary", "in one or two sentences".to_owned()),
            Length::Medium => ("short summary", "in one paragraph".to_owned()),
            Length::Long => ("detailed summary", "in several paragraphs".to_owned()),
            Length::Words(n) => ("summary", format!("in about {n} words")),
        };
        Self {
            system: Some("You summarize documents. You state only what the document says.".into()),
            before: format!("Read this document. Afterwards you will write a {kind} of it.\n\n"),
            after: format!("\n\nWrite a {kind} of the document above {form}. State only what it says."),
        }
    }

    /// Asks what a user wants to know.
    pub fn request(text: &str) -> Self {
        Self {
            system: Some("You answer from documents. You state only what the document says.".into()),
            before: format!("Read this document. Afterwards you will be asked this: {text}\n\n"),
            after: format!("\n\nAnswer from the document above: {text}"),
        }
    }
}

impl Default for Instructions {
    fn default() -> Self {
        Self::summary(Length::default())
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

/// The tokens around a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptTokens {
    /// Before the document, with the token that begins a sequence.
    pub prefix: Vec<Token>,
    /// After the document, up to where the answer begins.
    pub suffix: Vec<Token>,
}

/// Why a prompt could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// The chat template.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The tokenizer.
    #[error(transparent)]
    Llama(#[from] LlamaError),
}

impl PromptTokens {
    /// Puts instructions into the chat format of a model.
    ///
    /// # Errors
    /// If the model's template cannot be used or the text not be tokenized.
    pub fn new(model: &Model, instructions: &Instructions) -> Result<Self, PromptError> {
        let template = ChatTemplate::from_model(model);
        let split = template.render_split(instructions.system.as_deref(), &instructions.before, &instructions.after)?;
        let vocab = model.vocab();
        let mut prefix: Vec<Token> = vocab.bos().into_iter().filter(|_| split.add_bos).collect();
        prefix.extend(vocab.tokenize(&split.prefix, true)?);
        Ok(Self { prefix, suffix: vocab.tokenize(&split.suffix, true)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_and_written() {
        for text in ["short", "medium", "long", "1", "120"] {
            assert_eq!(text.parse::<Length>().unwrap().to_string(), text);
        }
        for text in ["", "0", "-5", "1.5", "huge", "20001"] {
            assert!(text.parse::<Length>().is_err(), "{text}");
        }
        assert_eq!(Length::Medium.max_tokens(), 255);
        assert_eq!(Length::Words(1).max_tokens(), 24);
    }

    #[test]
    fn what_is_asked_stands_before_and_after() {
        let asked = Instructions::request("Who built the bridge?");
        assert!(
            asked.before.ends_with("Who built the bridge?\n\n") && asked.after.ends_with(": Who built the bridge?")
        );
        assert!(Instructions::summary(Length::Words(80)).after.contains("about 80 words"));
    }
}
