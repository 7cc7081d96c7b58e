//! Long texts, tokenized piece by piece to the ids that the whole text would give.
//!
//! A tokenizer first splits a text into words by rules of its own, then merges characters within each word. Words, and
//! so tokens, depend on what stands around them: `\s+(?!\S)` looks ahead, runs of newlines and of digits are grouped
//! from their start, an added token may begin anywhere. Therefore no cut is trusted for its looks. A stretch of text,
//! which begins where the last cut was, is tokenized together with some text that follows (the head). A cut is good if
//! the text after it, tokenized alone, gives exactly the last tokens of that. Then
//!
//! - the tokens before the cut were made with the true text on both sides of them, and
//! - the tokenizer, started at the cut, goes on as it would have gone on in the whole text.
//!
//! Cuts are tried where tokenizers split anyway, best first: around line ends, before the space between two words,
//! between letters and punctuation (also of Chinese and Japanese), between letters and digits, and at last at any
//! character. The rest of an accepted cut is one assumption: what stands further ahead than the head (1 KiB) changes
//! nothing. It holds for the word rules and merges in use, with one exception, below.
//!
//! # Very long words
//!
//! A text without spaces or punctuation, such as a megabyte of one letter, is one word to the tokenizer. Some of the word
//! rules run on `std::regex`, which takes up to 350 bytes of stack for each character of a match. So a run of more
//! than 2048 letters, of spaces or of other signs ends the stretch, no call is given more than 16 KiB, and 8 MiB of
//! stack are enough. Such runs are cut at characters that pass the test above. Where none of 160 does, the run is cut
//! after about 1 KiB without it: its text is still spelled exactly, but the tokens next to that cut may be others than
//! those of the whole. Rules that group the digits of a number from its end cannot be followed through numbers of more
//! than 2048 digits, either.

use crate::llama::{LlamaError, Token, Vocab};

/// Candidates of a kind that are tested at each cut.
const TRIES: usize = 8;

/// Candidates of the last kind: more than there are characters in the longest tokens (128 spaces).
const LAST_TRIES: usize = 160;

/// What may stand before a text for tokenizers that put a space before every text they are given. The first is spelled
/// by a byte token, which nothing is merged with.
const SEPARATORS: [&str; 2] = ["\u{1}", "\n"];

/// How much text is tokenized at once, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// Longest piece.
    pub piece: usize,
    /// Text behind a cut that it is tested with, and half of the longest run of like characters, then in characters.
    pub head: usize,
}

impl Sizes {
    pub const DEFAULT: Self = Self { piece: 15 * 1024, head: 1024 };
}

/// Tokenizes a text from its start to its end.
#[derive(Debug)]
pub(super) struct Pieces<'m> {
    vocab: Vocab<'m>,
    sizes: Sizes,
    continues: Continuation,
    begun: bool,
}

impl<'m> Pieces<'m> {
    pub fn new(vocab: Vocab<'m>, sizes: Sizes) -> Result<Self, LlamaError> {
        Ok(Self { vocab, sizes, continues: Continuation::new(vocab)?, begun: false })
    }

    /// Bytes that [`Pieces::next`] wants to see, unless the text ends before.
    pub fn wanted(&self) -> usize {
        self.sizes.piece + self.sizes.head
    }

    /// Appends the tokens of the beginning of `text`, and gives its length in bytes. `complete` if the document ends
    /// where `text` ends. The next call gets what follows.
    pub fn next(&mut self, text: &str, complete: bool, tokens: &mut Vec<Token>) -> Result<usize, LlamaError> {
        let end = window_end(text, self.sizes);
        let window = &text[..end];
        let whole = self.encode(window)?;
        if complete && end == text.len() {
            self.begun = true;
            tokens.extend(whole);
            return Ok(end);
        }
        for place in Place::BEST_FIRST {
            let tries = if place == Place::Anywhere { LAST_TRIES } else { TRIES };
            for cut in candidates(window, place, self.sizes).take(tries) {
                let Some(rest) = self.continues.encode(self.vocab, &window[cut..])? else { continue };
                if let Some(before) = whole.strip_suffix(rest.as_slice()) {
                    self.begun = true;
                    tokens.extend(before);
                    return Ok(cut);
                }
            }
        }
        let cut = boundary_before(window, self.sizes.head);
        let cut = if cut == 0 { end } else { cut };
        tokens.extend(self.encode(&window[..cut])?);
        self.begun = true;
        Ok(cut)
    }

    /// The tokens of a text that stands where the last cut was.
    fn encode(&self, text: &str) -> Result<Vec<Token>, LlamaError> {
        if self.begun
            && let Some(tokens) = self.continues.encode(self.vocab, text)?
        {
            return Ok(tokens);
        }
        self.vocab.tokenize(text, false)
    }
}

/// Tokenizes what is not the beginning of a text.
#[derive(Debug)]
pub(super) struct Continuation {
    /// One of [`SEPARATORS`] and its tokens, where a space would be added without it.
    separator: Option<(&'static str, Vec<Token>)>,
}

impl Continuation {
    pub fn new(vocab: Vocab<'_>) -> Result<Self, LlamaError> {
        let mut continuation = Self { separator: None };
        for text in SEPARATORS {
            let tokens = continuation.encode(vocab, "a")?.unwrap_or_default();
            if vocab.text(&tokens) == "a" {
                break;
            }
            continuation.separator = Some((text, vocab.tokenize(text, false)?));
        }
        Ok(continuation)
    }

    /// The tokens of `text`, or nothing if they cannot be told from the separator's.
    pub fn encode(&self, vocab: Vocab<'_>, text: &str) -> Result<Option<Vec<Token>>, LlamaError> {
        let Some((separator, skipped)) = &self.separator else {
            return vocab.tokenize(text, false).map(Some);
        };
        let tokens = vocab.tokenize(&format!("{separator}{text}"), false)?;
        Ok(tokens.strip_prefix(skipped.as_slice()).map(<[Token]>::to_vec))
    }
}

/// A place between two characters, as word rules see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// At the begin or end of a line that begins or ends with a letter or digit.
    LineEnd,
    /// Before the space before a word.
    Space,
    /// Between a letter and a sign.
    Sign,
    /// Between a letter and a digit.
    Digit,
    Anywhere,
}

impl Place {
    const BEST_FIRST: [Self; 5] = [Self::LineEnd, Self::Space, Self::Sign, Self::Digit, Self::Anywhere];

    fn is_between(self, before: char, after: &str) -> bool {
        let mut following = after.chars();
        let (Some(next), second) = (following.next(), following.next()) else { return false };
        let line_end = |c| c == '\n' || c == '\r';
        match self {
            Self::LineEnd => (before == '\n' && next.is_alphanumeric()) || (before.is_alphanumeric() && line_end(next)),
            Self::Space => !before.is_whitespace() && next == ' ' && second.is_some_and(char::is_alphanumeric),
            // 's and the like are words
            Self::Sign => {
                before.is_alphabetic() && !next.is_alphanumeric() && !next.is_whitespace() && !"'’".contains(next)
            }
            Self::Digit => before.is_alphabetic() && next.is_numeric(),
            Self::Anywhere => true,
        }
    }
}

/// Places in the second half of what stands before the head of `window`, last first.
fn candidates(window: &str, place: Place, sizes: Sizes) -> impl Iterator<Item = usize> {
    let last = boundary_before(window, sizes.head);
    let first = last / 2;
    let before = window[..last].char_indices().rev().map(|(at, c)| (at + c.len_utf8(), c));
    before
        .take_while(move |&(cut, _)| cut >= first)
        .filter(move |&(cut, c)| place.is_between(c, &window[cut..]))
        .map(|(cut, _)| cut)
}

/// The last place between characters that has at least `head` bytes behind it, or 0.
fn boundary_before(text: &str, head: usize) -> usize {
    let last = text.len().saturating_sub(head);
    (0..=last).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// How far the next stretch goes: as long as allowed, but no further than a run of like characters may go on.
fn window_end(text: &str, sizes: Sizes) -> usize {
    let longest = sizes.piece + sizes.head;
    let (mut run, mut kind) = (0, None);
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        if end > longest {
            return at;
        }
        let this = Some(if c.is_alphanumeric() { 0 } else { 1 + u8::from(c.is_whitespace()) });
        run = if kind == this { run + 1 } else { 1 };
        kind = this;
        if run >= 2 * sizes.head {
            return end;
        }
    }
    text.len()
}
