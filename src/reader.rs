//! A document through the cache, segment by segment.

use std::ops::Range;
use std::time::{Duration, Instant};

use crate::llama::{Context, LlamaError, Logits, Token};
use crate::memory::layout::{ANSWER_RESERVE, Layout};

/// Tokens between two marks of [`Progress::marks`].
pub const MARK_EVERY: u64 = 8192;

/// What was read, and how fast.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// Tokens decoded, prompt included, answer not.
    pub tokens_read: u64,
    /// Batches that they were read in.
    pub segments: u64,
    /// Times that tokens were moved out of the cache.
    pub compactions: u64,
    /// Tokens that left the cache.
    pub tokens_dropped: u64,
    /// When each [`MARK_EVERY`] tokens had been read, since the start.
    pub marks: Vec<Duration>,
}

impl Progress {
    /// Seconds for each [`MARK_EVERY`] tokens, to the millisecond.
    pub fn seconds_between_marks(&self) -> Vec<f64> {
        let before = std::iter::once(&Duration::ZERO).chain(&self.marks);
        before.zip(&self.marks).map(|(a, b)| ((*b - *a).as_secs_f64() * 1e3).round() / 1e3).collect()
    }
}

/// Feeds tokens to a context and keeps it within its layout.
///
/// Without a layout nothing ever leaves the cache (full attention).
#[derive(Debug)]
pub struct Reader<'m> {
    context: Context<'m>,
    layout: Option<Layout>,
    segment: usize,
    pending: Vec<Token>,
    started: Instant,
    progress: Progress,
    /// Whether cells that are kept for asides may be used.
    aside: bool,
}

impl<'m> Reader<'m> {
    /// A reader on an empty context. `segment` tokens are decoded at a time.
    pub fn new(context: Context<'m>, layout: Option<Layout>, segment: u32) -> Self {
        Self {
            context,
            layout,
            segment: segment.max(1) as usize,
            pending: Vec::new(),
            started: Instant::now(),
            progress: Progress::default(),
            aside: false,
        }
    }

    /// Takes the next tokens of prompt or document; whole segments are decoded at once, the rest waits.
    ///
    /// # Errors
    /// Those of [`Context::decode`] and [`Context::compact`].
    pub fn push(&mut self, tokens: &[Token]) -> Result<(), LlamaError> {
        self.pending.extend_from_slice(tokens);
        let whole = self.pending.len() - self.pending.len() % self.segment;
        let batch: Vec<Token> = self.pending.drain(..whole).collect();
        self.context.set_asked(false)?;
        for segment in batch.chunks(self.segment) {
            self.read(segment, Logits::None)?;
        }
        Ok(())
    }

    /// Decodes what still waits.
    ///
    /// # Errors
    /// As [`Reader::push`].
    pub fn flush(&mut self) -> Result<(), LlamaError> {
        let rest = std::mem::take(&mut self.pending);
        self.context.set_asked(false)?;
        if rest.is_empty() { Ok(()) } else { self.read(&rest, Logits::None) }
    }

    /// Decodes what still waits and then `suffix`, whose last token gets logits. There is room for
    /// [`ANSWER_RESERVE`] more tokens afterwards.
    ///
    /// # Errors
    /// As [`Reader::push`].
    pub fn finish(&mut self, suffix: &[Token]) -> Result<(), LlamaError> {
        self.flush()?;
        self.make_room(suffix.len() as u32 + ANSWER_RESERVE)?;
        self.context.set_asked(true)?;
        let last = suffix.len().saturating_sub(1) / self.segment;
        for (i, part) in suffix.chunks(self.segment).enumerate() {
            self.read(part, if i == last { Logits::Last } else { Logits::None })?;
        }
        Ok(())
    }

    /// Appends one token of the answer and gives the logits of the next.
    ///
    /// # Errors
    /// As [`Reader::push`].
    pub fn step(&mut self, token: Token) -> Result<&[f32], LlamaError> {
        self.make_room(1)?;
        self.context.set_asked(true)?;
        self.context.decode(&[token], Logits::Last)?;
        self.context.logits(-1)
    }

    /// Appends some tokens of an answer that is known; at most [`ANSWER_RESERVE`] at once where there was no [`Reader::make_room`] for
    /// more.
    ///
    /// # Errors
    /// As [`Reader::push`].
    pub fn extend(&mut self, tokens: &[Token], logits: Logits) -> Result<(), LlamaError> {
        self.make_room(tokens.len() as u32)?;
        self.context.set_asked(true)?;
        self.context.decode(tokens, logits)
    }

    /// Appends some tokens of the text that need not be a whole segment, to see how they were predicted.
    ///
    /// # Errors
    /// As [`Reader::push`].
    pub fn predict(&mut self, tokens: &[Token], logits: Logits) -> Result<(), LlamaError> {
        self.make_room(tokens.len() as u32)?;
        self.context.set_asked(false)?;
        self.context.decode(tokens, logits)
    }

    /// Logits of the last token.
    ///
    /// # Errors
    /// If the last token has none.
    pub fn logits(&mut self) -> Result<&[f32], LlamaError> {
        self.context.logits(-1)
    }

    fn read(&mut self, tokens: &[Token], logits: Logits) -> Result<(), LlamaError> {
        self.make_room(tokens.len() as u32)?;
        self.context.decode(tokens, logits)?;
        self.progress.segments += 1;
        self.progress.tokens_read += tokens.len() as u64;
        while self.progress.tokens_read / MARK_EVERY > self.progress.marks.len() as u64 {
            self.progress.marks.push(self.started.elapsed());
        }
        Ok(())
    }

    /// Sees to it that `n` tokens fit: if they do not, everything leaves that does not stay.
    ///
    /// # Errors
    /// Those of [`Context::compact`].
    pub fn make_room(&mut self, n: u32) -> Result<(), LlamaError> {
        let Some(layout) = &self.layout else { return Ok(()) };
        let kept = if self.aside { 0 } else { layout.n_aside };
        if n + kept <= self.context.n_free() {
            return Ok(());
        }
        self.compact(layout.surplus(self.context.n_cached(), self.context.n_retained()))
    }

    /// Lets everything leave now that does not stay.
    ///
    /// # Errors
    /// Those of [`Context::compact`].
    pub fn settle(&mut self) -> Result<(), LlamaError> {
        let Some(layout) = self.layout else { return Ok(()) };
        self.compact(layout.surplus(self.context.n_cached(), self.context.n_retained()))
    }

    /// Decodes what still waits and then `suffix` as [`Reader::finish`] does, and compacts once more, so that the queries of the
    /// suffix have a say in what is retained. Where [`Layout::with_aside`] has room for the suffix there is always something to choose from.
    ///
    /// # Errors
    /// As [`Reader::push`].
    pub fn finish_and_choose(&mut self, suffix: &[Token]) -> Result<(), LlamaError> {
        let Some(layout) = self.layout else { return self.finish(suffix) };
        self.flush()?;
        let (body, last) = suffix.split_at(suffix.len().saturating_sub(1));
        // in the cells that reading leaves free: if room were made now, nothing would be left to choose from
        if layout.n_aside < body.len() as u32 {
            self.make_room(body.len() as u32)?;
        }
        self.context.set_asked(true)?;
        for part in body.chunks(self.segment) {
            self.context.decode(part, Logits::None)?;
        }
        // the suffix comes on top of what survives, as it does where nothing is chosen after it
        let n_text = self.context.n_cached().saturating_sub(body.len() as u32);
        self.compact(layout.surplus(n_text, self.context.n_retained()))?;
        self.read(last, Logits::Last)
    }

    fn compact(&mut self, surplus: Range<u32>) -> Result<(), LlamaError> {
        if surplus.is_empty() {
            return Ok(());
        }
        let n_before = self.context.n_cached();
        self.context.compact(surplus.start, surplus.end)?;
        self.progress.compactions += 1;
        self.progress.tokens_dropped += u64::from(n_before - self.context.n_cached());
        Ok(())
    }

    /// Cells that a text by itself can use: those for tokens that may be retained take no others.
    pub fn n_apart(&self) -> u32 {
        self.context.n_cells().saturating_sub(self.layout.map_or(0, |layout| layout.n_retain))
    }

    /// Tokens that wait for their segment to be whole.
    pub fn n_pending(&self) -> usize {
        self.pending.len()
    }

    /// Decodes a question whose last token gets logits, in the cells that are kept for it; [`Reader::step`] uses them too until
    /// [`Reader::resume`]. It does not count as read.
    ///
    /// # Errors
    /// Those of [`Context::decode`].
    pub fn ask(&mut self, suffix: &[Token]) -> Result<(), LlamaError> {
        if !self.aside {
            self.context.begin_aside()?;
            self.aside = true;
        }
        self.context.set_asked(true)?;
        let last = suffix.len().saturating_sub(1) / self.segment;
        for (i, part) in suffix.chunks(self.segment).enumerate() {
            self.context.decode(part, if i == last { Logits::Last } else { Logits::None })?;
        }
        Ok(())
    }

    /// Takes everything out of the cache again but the oldest `n_cached` tokens, those that were in it before a question was asked.
    ///
    /// # Errors
    /// [`LlamaError::State`] if that is not possible.
    pub fn resume(&mut self, n_cached: u32) -> Result<(), LlamaError> {
        self.aside = false;
        self.context.end_aside(n_cached)
    }

    /// Empties cache and memory, for a text by itself that fits the whole cache. It does not count as read.
    ///
    /// # Errors
    /// Those of [`Context::decode`].
    pub fn begin_apart(&mut self, tokens: &[Token]) -> Result<(), LlamaError> {
        self.pending.clear();
        self.context.clear();
        self.ask(tokens)
    }

    /// What was read so far.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The context that is read into.
    pub fn context(&mut self) -> &mut Context<'m> {
        &mut self.context
    }
}
