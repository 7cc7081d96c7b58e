//! Text to tokens and back.

use std::ffi::CStr;

use llama_cpp_sys_2 as sys;

use super::{LlamaError, Model, last_error};

/// A token id of the model.
pub type Token = i32;

/// What kind of entry of the vocabulary a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// Learned from text.
    Text,
    /// Steers the model: `<|im_end|>`, `</s>`.
    Control,
    /// Added to the vocabulary by the model's makers: `<think>`, runs of spaces.
    UserDefined,
    /// A byte, unknown or unused.
    Other,
}

/// The vocabulary of a model.
#[derive(Debug, Clone, Copy)]
pub struct Vocab<'m> {
    model: &'m Model,
}

impl<'m> Vocab<'m> {
    pub(super) fn new(model: &'m Model) -> Self {
        Self { model }
    }

    fn as_ptr(self) -> *const sys::llama_vocab {
        // SAFETY: the model is valid; its vocabulary lives as long.
        unsafe { sys::llama_model_get_vocab(self.model.as_ptr()) }
    }

    /// Number of tokens.
    pub fn n_tokens(self) -> usize {
        // SAFETY: the pointer is valid.
        usize::try_from(unsafe { sys::llama_vocab_n_tokens(self.as_ptr()) }).unwrap_or(0)
    }

    /// Tokenizes `text`. With `special`, names of control tokens in the text become those tokens; without, they are text
    /// as far as llama.cpp knows (user-defined tokens still are recognized). No BOS is added.
    ///
    /// # Errors
    /// [`LlamaError::Tokenize`], also for texts of 2 GiB and more.
    pub fn tokenize(self, text: &str, special: bool) -> Result<Vec<Token>, LlamaError> {
        let too_long = || LlamaError::Tokenize(format!("{} bytes at once are too many", text.len()));
        let length = i32::try_from(text.len()).map_err(|_| too_long())?;
        let mut tokens = vec![0; text.len() / 3 + 16];
        loop {
            let capacity = i32::try_from(tokens.len()).map_err(|_| too_long())?;
            // SAFETY: text and tokens are valid for the lengths given.
            let n = unsafe {
                sys::llama_edgeinf_tokenize(
                    self.as_ptr(),
                    text.as_ptr().cast(),
                    length,
                    tokens.as_mut_ptr(),
                    capacity,
                    false,
                    special,
                )
            };
            if n == i32::MIN {
                return Err(LlamaError::Tokenize(last_error()));
            }
            match usize::try_from(n) {
                Ok(n) => {
                    tokens.truncate(n);
                    return Ok(tokens);
                }
                // not enough room: -n tokens are needed
                Err(_) => tokens.resize(n.unsigned_abs() as usize, 0),
            }
        }
    }

    /// Appends the bytes that a token stands for. With `special`, control tokens give their names, else nothing.
    pub fn append_piece(self, token: Token, special: bool, bytes: &mut Vec<u8>) {
        let mut buffer = [0_u8; 64];
        // SAFETY: the buffer is valid for the length given.
        let n = unsafe {
            sys::llama_token_to_piece(self.as_ptr(), token, buffer.as_mut_ptr().cast(), buffer.len() as i32, 0, special)
        };
        if let Ok(n) = usize::try_from(n) {
            bytes.extend_from_slice(&buffer[..n]);
            return;
        }
        let mut large = vec![0_u8; n.unsigned_abs() as usize];
        // SAFETY: as above.
        let n = unsafe { sys::llama_token_to_piece(self.as_ptr(), token, large.as_mut_ptr().cast(), -n, 0, special) };
        large.truncate(usize::try_from(n).unwrap_or(0));
        bytes.extend_from_slice(&large);
    }

    /// The text of some tokens, control tokens by name; bytes that are no UTF-8 are replaced.
    pub fn text(self, tokens: &[Token]) -> String {
        let mut bytes = Vec::new();
        for &token in tokens {
            self.append_piece(token, true, &mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Whether the model ends its answer with this token.
    pub fn is_eog(self, token: Token) -> bool {
        // SAFETY: the pointer is valid; any token id is accepted.
        unsafe { sys::llama_vocab_is_eog(self.as_ptr(), token) }
    }

    /// What kind of entry a token is.
    pub fn kind(self, token: Token) -> TokenKind {
        if usize::try_from(token).map_or(true, |t| t >= self.n_tokens()) {
            return TokenKind::Other;
        }
        // SAFETY: the pointer is valid and the token id was checked.
        let attr = unsafe { sys::llama_vocab_get_attr(self.as_ptr(), token) };
        if attr & sys::LLAMA_TOKEN_ATTR_CONTROL != 0 {
            TokenKind::Control
        } else if attr & sys::LLAMA_TOKEN_ATTR_USER_DEFINED != 0 {
            TokenKind::UserDefined
        } else if attr & sys::LLAMA_TOKEN_ATTR_NORMAL != 0 {
            TokenKind::Text
        } else {
            TokenKind::Other
        }
    }

    /// The text of the vocabulary's entry, as it stands in the file; empty if there is none.
    pub fn entry(self, token: Token) -> String {
        if usize::try_from(token).map_or(true, |t| t >= self.n_tokens()) {
            return String::new();
        }
        // SAFETY: the pointer is valid and the token id was checked; the string lives as long as the model.
        unsafe {
            let text = sys::llama_vocab_get_text(self.as_ptr(), token);
            if text.is_null() { String::new() } else { CStr::from_ptr(text).to_string_lossy().into_owned() }
        }
    }

    /// The token that begins a sequence, if the model wants one.
    pub fn bos(self) -> Option<Token> {
        // SAFETY: the pointer is valid.
        let (wanted, token) =
            unsafe { (sys::llama_vocab_get_add_bos(self.as_ptr()), sys::llama_vocab_bos(self.as_ptr())) };
        (wanted && token >= 0).then_some(token)
    }

    /// The tokens that begin and end a sequence for an encoder, if it has both.
    pub fn enclosing(self) -> Option<[Token; 2]> {
        // SAFETY: the pointer is valid.
        let tokens = unsafe { [sys::llama_vocab_bos(self.as_ptr()), sys::llama_vocab_sep(self.as_ptr())] };
        tokens.iter().all(|&token| token >= 0).then_some(tokens)
    }

    /// Name of the begin or end token as text, for chat templates; empty if the model has none.
    pub fn special_text(self, end: bool) -> String {
        // SAFETY: the pointer is valid.
        let token =
            unsafe { if end { sys::llama_vocab_eos(self.as_ptr()) } else { sys::llama_vocab_bos(self.as_ptr()) } };
        self.entry(token)
    }
}
