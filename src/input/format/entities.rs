//! Character references, such as `&amp;`.

use html5gum::{Emitter, Error, State, Tokenizer};

/// Puts the characters in the place of their references. Tags stay as they are.
pub(super) fn unescape(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    let mut collected = Vec::with_capacity(text.len());
    let mut tokenizer = Tokenizer::new_with_emitter(text, Collect(&mut collected));
    // in which there are no tags, only references
    tokenizer.set_state(State::RcData);
    for _ in tokenizer.by_ref() {}
    drop(tokenizer);
    String::from_utf8(collected).unwrap_or_else(|_| text.to_owned())
}

/// Takes characters, and nothing else.
struct Collect<'a>(&'a mut Vec<u8>);

impl Emitter for Collect<'_> {
    type Token = std::convert::Infallible;

    fn emit_string(&mut self, characters: &[u8]) {
        self.0.extend_from_slice(characters);
    }

    fn should_emit_errors(&mut self) -> bool {
        false
    }

    fn pop_token(&mut self) -> Option<Self::Token> {
        None
    }

    fn emit_current_tag(&mut self) -> Option<State> {
        None
    }

    fn current_is_appropriate_end_tag_token(&mut self) -> bool {
        false
    }

    fn set_last_start_tag(&mut self, _: Option<&[u8]>) {}
    fn emit_eof(&mut self) {}
    fn emit_error(&mut self, _: Error) {}
    fn init_start_tag(&mut self) {}
    fn init_end_tag(&mut self) {}
    fn init_comment(&mut self) {}
    fn emit_current_comment(&mut self) {}
    fn emit_current_doctype(&mut self) {}
    fn set_self_closing(&mut self) {}
    fn set_force_quirks(&mut self) {}
    fn push_tag_name(&mut self, _: &[u8]) {}
    fn push_comment(&mut self, _: &[u8]) {}
    fn push_doctype_name(&mut self, _: &[u8]) {}
    fn init_doctype(&mut self) {}
    fn init_attribute(&mut self) {}
    fn push_attribute_name(&mut self, _: &[u8]) {}
    fn push_attribute_value(&mut self, _: &[u8]) {}
    fn set_doctype_public_identifier(&mut self, _: &[u8]) {}
    fn set_doctype_system_identifier(&mut self, _: &[u8]) {}
    fn push_doctype_public_identifier(&mut self, _: &[u8]) {}
    fn push_doctype_system_identifier(&mut self, _: &[u8]) {}
}
