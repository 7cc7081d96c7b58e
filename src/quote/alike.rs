//! The third pass over the document: sentences that say the same in other words.

use super::best::Passage;
use super::finder::elsewhere;
use super::verdict::{FoundBy, Quote, Verdict};
use crate::embed::{EmbedError, Embedder, Vector, cosine};
use crate::text::split::{Lines, Place, Sentence, Splitter};

/// The cosine from which a sentence of the document supports one of the summary; see the module's documentation for how it was found.
const NEEDED: f32 = 0.7;

/// Sentences of the document that are embedded together; no more of it is kept than these and those of a block.
const TOGETHER: usize = 64;

/// Looks for sentences that are alike in meaning to those of a summary which words left without support.
#[derive(Debug)]
pub struct Alike<'e, 'm> {
    embedder: &'e mut Embedder<'m>,
    splitter: Splitter,
    wanted: Vec<Wanted>,
    waiting: Vec<(String, Place)>,
}

/// A sentence of the summary that is looked for.
#[derive(Debug)]
struct Wanted {
    /// Its number among the quotes.
    quote: usize,
    vector: Vector,
    /// What is most like it, of what is alike enough.
    best: f32,
    passage: Option<Passage>,
}

impl<'e, 'm> Alike<'e, 'm> {
    /// Begins with what words have found. `None` if there is nothing to look for: a sentence with a name or a number that the document
    /// lacks is not supported, whatever it is like.
    ///
    /// # Errors
    /// [`EmbedError`].
    pub fn new(embedder: &'e mut Embedder<'m>, quotes: &[Quote]) -> Result<Option<Self>, EmbedError> {
        let is_open = |quote: &Quote| quote.verdict != Verdict::Supported && quote.missing.is_empty();
        let open: Vec<usize> = (0..quotes.len()).filter(|&i| is_open(&quotes[i])).collect();
        if open.is_empty() {
            return Ok(None);
        }
        let texts: Vec<&str> = open.iter().map(|&i| quotes[i].sentence.as_str()).collect();
        let found = open.iter().zip(embedder.embed(&texts)?);
        let wanted = found.map(|(&quote, vector)| Wanted { quote, vector, best: NEEDED, passage: None }).collect();
        Ok(Some(Self { embedder, splitter: Splitter::new(Lines::Wrapped), wanted, waiting: Vec::new() }))
    }

    /// Reads the next block of the document, which may begin and end anywhere.
    ///
    /// # Errors
    /// [`EmbedError`].
    pub fn find(&mut self, block: &str) -> Result<(), EmbedError> {
        let Self { splitter, waiting, .. } = self;
        splitter.push(block, &mut |sentence| wait(waiting, &sentence));
        if self.waiting.len() >= TOGETHER { self.compare() } else { Ok(()) }
    }

    /// Ends the pass, and changes what is said of the sentences for which something was found.
    ///
    /// # Errors
    /// [`EmbedError`].
    pub fn finish(mut self, quotes: &mut [Quote]) -> Result<(), EmbedError> {
        let Self { splitter, waiting, .. } = &mut self;
        splitter.finish(&mut |sentence| wait(waiting, &sentence));
        self.compare()?;
        for quote in &mut *quotes {
            quote.found_by = quote.passage.as_ref().map(|_| FoundBy::Words);
        }
        for Wanted { quote, best, passage, .. } in self.wanted {
            let (Some(passage), Some(quote)) = (passage, quotes.get_mut(quote)) else { continue };
            quote.verdict = Verdict::Supported;
            quote.elsewhere = elsewhere(&quote.sentence, &passage.text, |_| false);
            quote.passage = Some(passage);
            quote.found_by = Some(FoundBy::Embeddings);
            quote.similarity = Some((f64::from(best) * 1000.0).round() / 1000.0);
        }
        Ok(())
    }

    /// Compares what waits with what is wanted. Of equals the earlier one stays.
    fn compare(&mut self) -> Result<(), EmbedError> {
        for sentences in self.waiting.chunks(TOGETHER) {
            let texts: Vec<&str> = sentences.iter().map(|(text, _)| text.as_str()).collect();
            for ((text, place), vector) in sentences.iter().zip(self.embedder.embed(&texts)?) {
                for wanted in &mut self.wanted {
                    let found = cosine(&wanted.vector, &vector);
                    if found > wanted.best {
                        let Place { lines, characters } = *place;
                        wanted.best = found;
                        wanted.passage = Some(Passage { text: text.clone(), lines, characters });
                    }
                }
            }
        }
        self.waiting.clear();
        Ok(())
    }
}

fn wait(waiting: &mut Vec<(String, Place)>, sentence: &Sentence<'_>) {
    waiting.push((sentence.text.to_owned(), sentence.place));
}
