//! Tokens that steer a model, kept out of documents.
//!
//! A document may contain `<|im_end|>` or `<think>`: it is text about such things, or an attempt to make the model do
//! something. Tokenizing without special tokens is not enough. Tokens that were added to a vocabulary are found
//! in any text, and some tokenizers merge letters into a control token as if it were a word.
//!
//! What is replaced: control tokens, and added tokens of more than one character with something visible in them. Added
//! tokens of one character or of white space only are how such text is spelled for that model, and stay.
//!
//! Tokenizers that put a space before every text (`add_space_prefix`) also put one after each added token. Where such a
//! token was replaced, that space stays.

use std::collections::HashMap;

use super::pieces::Continuation;
use crate::llama::{LlamaError, Token, TokenKind, Vocab};

/// The tokens of a vocabulary that do not belong into a document, and how to spell them.
#[derive(Debug)]
pub struct Markers<'m> {
    vocab: Vocab<'m>,
    continues: Continuation,
    is_marker: Vec<bool>,
    /// Filled as markers turn up; few of them ever do.
    spelled: HashMap<Token, Vec<Token>>,
}

impl<'m> Markers<'m> {
    /// Looks through a vocabulary.
    ///
    /// # Errors
    /// [`LlamaError::Tokenize`] if its tokenizer does not work.
    pub fn new(vocab: Vocab<'m>) -> Result<Self, LlamaError> {
        let is_marker = (0..).take(vocab.n_tokens()).map(|token| steers(vocab, token)).collect();
        Ok(Self { vocab, continues: Continuation::new(vocab)?, is_marker, spelled: HashMap::new() })
    }

    /// Whether a token does not belong into a document.
    pub fn contains(&self, token: Token) -> bool {
        usize::try_from(token).ok().and_then(|t| self.is_marker.get(t)).copied().unwrap_or(false)
    }

    /// Puts the spelling of each marker in its place.
    ///
    /// # Errors
    /// [`LlamaError::Tokenize`]
    pub fn replace(&mut self, tokens: &mut Vec<Token>) -> Result<(), LlamaError> {
        let Some(first) = tokens.iter().position(|&t| self.contains(t)) else { return Ok(()) };
        let found = tokens.split_off(first);
        for token in found {
            if self.contains(token) {
                tokens.extend(self.spelling(token)?);
            } else {
                tokens.push(token);
            }
        }
        Ok(())
    }

    /// Tokens with the text of `marker` that are no markers.
    fn spelling(&mut self, marker: Token) -> Result<&[Token], LlamaError> {
        if !self.spelled.contains_key(&marker) {
            let text = self.vocab.text(&[marker]);
            let mut tokens = Vec::new();
            self.spell(&text, &mut tokens)?;
            if self.vocab.text(&tokens) != text {
                tokens.clear();
                for c in text.chars() {
                    self.spell(c.encode_utf8(&mut [0; 4]), &mut tokens)?;
                }
            }
            self.spelled.insert(marker, tokens);
        }
        Ok(self.spelled.get(&marker).map_or(&[], Vec::as_slice))
    }

    fn spell(&self, text: &str, tokens: &mut Vec<Token>) -> Result<(), LlamaError> {
        let found = match self.continues.encode(self.vocab, text)? {
            Some(found) => found,
            None => self.vocab.tokenize(text, false)?,
        };
        if !found.iter().any(|&t| self.contains(t)) {
            tokens.extend(found);
            return Ok(());
        }
        let mut rest = text.chars();
        match rest.next() {
            Some(first) if !rest.as_str().is_empty() => {
                self.spell(first.encode_utf8(&mut [0; 4]), tokens)?;
                self.spell(rest.as_str(), tokens)
            }
            // one character that is a control token: there is no other way to write it
            _ => Ok(()),
        }
    }
}

fn steers(vocab: Vocab<'_>, token: Token) -> bool {
    match vocab.kind(token) {
        TokenKind::Control => true,
        TokenKind::UserDefined => {
            let text = vocab.entry(token);
            // U+2581 stands for a space in the vocabularies of SentencePiece
            text.chars().nth(1).is_some() && !text.chars().all(|c| c.is_whitespace() || c == '\u{2581}')
        }
        TokenKind::Text | TokenKind::Other => false,
    }
}
