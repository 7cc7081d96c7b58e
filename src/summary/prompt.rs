//! What the model is asked, as tokens.

use crate::input::Markers;
use crate::llama::{LlamaError, Model, Token, Vocab};

use super::prompts::{CLOSE, OPEN, Prompts, PromptsError};
use super::request::{Length, Request};
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
    /// Asks for a summary, with the program's own templates.
    ///
    /// # Errors
    /// None that a test would not have found.
    pub fn summary(length: Length) -> Result<Self, PromptError> {
        Ok(Prompts::built_in()?.of_request(&Request { length, ..Request::default() })?)
    }

    /// Asks what a user wants to know, with the program's own templates.
    ///
    /// # Errors
    /// None that a test would not have found.
    pub fn request(text: &str) -> Result<Self, PromptError> {
        Ok(Prompts::built_in()?.of_request(&Request { question: Some(text.into()), ..Request::default() })?)
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
    /// The templates of what is asked.
    #[error(transparent)]
    Prompts(#[from] PromptsError),
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
        Self::with(&ChatTemplate::from_model(model), model.vocab(), None, instructions)
    }

    /// The same with what was made before. Without `markers` instructions must not have text of the document in them.
    ///
    /// # Errors
    /// As [`PromptTokens::new`].
    pub fn with<'m>(
        template: &ChatTemplate,
        vocab: Vocab<'m>,
        mut markers: Option<&mut Markers<'m>>,
        instructions: &Instructions,
    ) -> Result<Self, PromptError> {
        let split = template.render_split(instructions.system.as_deref(), &instructions.before, &instructions.after)?;
        let mut tokens = |text: &str| tokenize(vocab, markers.as_deref_mut(), text);
        let mut prefix: Vec<Token> = vocab.bos().into_iter().filter(|_| split.add_bos).collect();
        prefix.extend(tokens(&split.prefix)?);
        Ok(Self { prefix, suffix: tokens(&split.suffix)? })
    }
}

/// The tokens of an instruction. Names of control tokens are such tokens in it, but for what stands between the marks of a quotation.
fn tokenize(vocab: Vocab<'_>, markers: Option<&mut Markers<'_>>, text: &str) -> Result<Vec<Token>, LlamaError> {
    let Some(markers) = markers else { return vocab.tokenize(text, true) };
    let mut tokens = Vec::new();
    for (i, piece) in text.split([OPEN, CLOSE]).enumerate().filter(|(_, piece)| !piece.is_empty()) {
        // the marks come in pairs, so every second piece is a quotation
        let is_quoted = i % 2 == 1;
        let mut piece = vocab.tokenize(piece, !is_quoted)?;
        if is_quoted {
            markers.replace(&mut piece)?;
        }
        tokens.extend(piece);
    }
    Ok(tokens)
}
