//! Lets the model write its answer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::llama::{LlamaError, Sampler, Token, Vocab};
use crate::reader::Reader;

use super::sentence::SentenceBuffer;

/// Tokens of a loop in all, and how often it has to come at least.
const LOOP: [usize; 2] = [48, 4];

/// Longest loop that is looked for, in tokens.
const LONGEST_LOOP: usize = 64;

/// What the model wrote.
#[derive(Debug, Clone, Default)]
pub struct Written {
    /// The text, without what was held back.
    pub text: String,
    /// Tokens generated.
    pub tokens: u32,
    /// Whether the model ended by itself; otherwise it was stopped, and an unfinished sentence left out.
    pub finished: bool,
    /// Why the text is not complete, if it is not.
    pub incomplete: Option<String>,
    /// When the first token was there, since the start of the call.
    pub first_token: Duration,
    /// Time for all tokens after the first.
    pub generation: Duration,
}

/// Writes up to `max_tokens` tokens after what `reader` has read, and gives whole sentences to `sink` as they come, until it wants no
/// more.
///
/// At the limit, and where the same words come again and again without an end, an unfinished sentence is left out. If not even one
/// sentence was finished by then, the piece is given out, and the result says so.
///
/// # Errors
/// Those of [`Reader::step`]; [`LlamaError::Interrupted`] when `interrupt` is set.
pub fn write(
    reader: &mut Reader<'_>,
    vocab: Vocab<'_>,
    sampler: &mut Sampler,
    max_tokens: u32,
    interrupt: &AtomicBool,
    sink: &mut dyn FnMut(&str) -> bool,
) -> Result<Written, LlamaError> {
    let start = Instant::now();
    let mut written = Written::default();
    let mut buffer = SentenceBuffer::default();
    let mut bytes = Vec::new();
    let mut tokens = Vec::new();
    let mut give = |text: &str, written: &mut Written| {
        // models like to begin with a line break
        let text = if written.text.is_empty() { text.trim_start() } else { text };
        if !text.is_empty() {
            written.text.push_str(text);
            return sink(text);
        }
        true
    };

    let mut token = sampler.sample(reader.logits()?);
    written.first_token = start.elapsed();
    let finished = loop {
        if vocab.is_eog(token) {
            break true;
        }
        if written.tokens == max_tokens {
            break false;
        }
        if interrupt.load(Ordering::Relaxed) {
            return Err(LlamaError::Interrupted);
        }
        written.tokens += 1;
        tokens.push(token);
        bytes.clear();
        vocab.append_piece(token, false, &mut bytes);
        let whole = buffer.push(&bytes);
        if !whole.is_empty() {
            // what is over is no sentence without end
            tokens.clear();
        }
        if !give(&whole, &mut written) {
            written.generation = start.elapsed().saturating_sub(written.first_token);
            return Ok(written);
        }
        if is_loop(&tokens) {
            break false;
        }
        token = sampler.sample(reader.step(token)?);
    };
    written.finished = finished;
    let (rest, dropped) = buffer.finish(finished);
    give(rest.trim_end(), &mut written);
    if written.text.trim().is_empty() {
        give(dropped.trim_end(), &mut written);
        written.incomplete = Some(if written.text.trim().is_empty() {
            "the model wrote nothing".into()
        } else if is_loop(&tokens) {
            "the model said the same again and again without ending a sentence".into()
        } else {
            format!("no sentence was finished within {max_tokens} tokens")
        });
    }
    written.generation = start.elapsed().saturating_sub(written.first_token);
    Ok(written)
}

/// Whether a text ends with the same tokens several times.
fn is_loop(tokens: &[Token]) -> bool {
    let [least, times] = LOOP;
    (1..=LONGEST_LOOP).any(|period| {
        let n = (times * period).max(least.next_multiple_of(period));
        let Some(end) = tokens.len().checked_sub(n).map(|first| &tokens[first..]) else { return false };
        end[period..] == end[..n - period]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loops_are_seen() {
        let text = |unit: &[Token], n: usize| [&[7, 8, 9], unit.repeat(n).as_slice()].concat();
        let long: Vec<Token> = (20..40).collect();
        for (unit, n) in [(&[1][..], 48), (&[1, 2, 1, 3][..], 12), (&long[..], 4)] {
            assert!(is_loop(&text(unit, n)), "{unit:?}");
            assert!(!is_loop(&text(unit, n - 1)), "{unit:?}");
        }
        assert!(!is_loop(&(0..200).collect::<Vec<_>>()));
        assert!(!is_loop(&[]));
    }
}
