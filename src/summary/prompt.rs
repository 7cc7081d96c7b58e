//! What the model is asked.

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

impl Default for Instructions {
    fn default() -> Self {
        Self {
            system: Some("You summarize documents. You state only what the document says.".into()),
            before: "Read this document. Afterwards you will write a short summary of it.\n\n".into(),
            after: "\n\nWrite a short summary of the document above in one paragraph. State only what it says.".into(),
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
