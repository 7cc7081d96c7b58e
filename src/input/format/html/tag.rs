//! A tag, as it is put together.

use html5gum::State;

/// Bytes of a name that are kept; no known name is longer.
pub(super) const NAME: usize = 24;

/// Bytes of the value of an attribute that are kept.
const VALUE: usize = 2048;

/// The tag that is being read.
#[derive(Debug, Default)]
pub(super) struct Current {
    pub name: Vec<u8>,
    pub is_end: bool,
    pub self_closing: bool,
    pub hidden: bool,
    pub alt: Vec<u8>,
    pub attribute: Vec<u8>,
    pub value: Vec<u8>,
    /// Length of the attributes, whether they are kept or not.
    pub bytes: usize,
}

impl Current {
    pub fn begin(&mut self, is_end: bool) {
        *self = Self { is_end, ..Self::default() };
    }

    /// Takes more of the value of the attribute, if it is of interest.
    pub fn push_value(&mut self, value: &[u8]) {
        self.bytes += value.len();
        if matches!(self.attribute.as_slice(), b"alt" | b"style") {
            append(&mut self.value, value, VALUE);
        }
    }

    /// Notes the attribute that was read.
    pub fn end_attribute(&mut self) {
        let value = std::mem::take(&mut self.value);
        match std::mem::take(&mut self.attribute).as_slice() {
            b"hidden" => self.hidden = true,
            b"style" => self.hidden |= hides(&value),
            b"alt" => self.alt = value,
            _ => {}
        }
    }
}

/// Whether a style keeps the element from being shown.
fn hides(style: &[u8]) -> bool {
    let plain: Vec<u8> = style.iter().filter(|b| !b.is_ascii_whitespace()).map(u8::to_ascii_lowercase).collect();
    let has = |rule: &[u8]| plain.windows(rule.len()).any(|window| window == rule);
    has(b"display:none") || has(b"visibility:hidden")
}

/// Appends as much as there is room for.
pub(super) fn append(bytes: &mut Vec<u8>, more: &[u8], limit: usize) {
    let room = limit.saturating_sub(bytes.len());
    bytes.extend_from_slice(&more[..more.len().min(room)]);
}

/// The characters at the begin of `bytes`, of which the last may be cut off.
pub(super) fn characters(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    }
}

/// How the content of an element is read, where that is not as usual.
pub(super) fn content_of(name: &[u8]) -> Option<State> {
    match name {
        b"textarea" | b"title" => Some(State::RcData),
        b"plaintext" => Some(State::PlainText),
        b"script" => Some(State::ScriptData),
        b"style" | b"iframe" | b"xmp" | b"noembed" | b"noframes" | b"noscript" => Some(State::RawText),
        _ => None,
    }
}
