//! `--quote`.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;

use crate::embed::Embedder;
use crate::input::{InputError, Source, TokenStream};
use crate::quote::{Alike, FoundBy, Quote, Quotes, Verdict};

/// Characters of a line with a quotation.
pub const WIDTH: usize = 100;

/// Bytes that are read at a time.
const BLOCK: usize = 64 * 1024;

/// Lets a document keep its text in a temporary file, without a name, in which quotes can be looked for.
///
/// # Errors
/// [`InputError::Copy`].
pub fn keep(document: &mut TokenStream<'_>) -> Result<(), InputError> {
    let file = tempfile::tempfile().map_err(|reason| InputError::Copy { reason })?;
    document.keep_copy(file);
    Ok(())
}

/// The text of a document that no model reads, in such a file, and its bytes.
///
/// # Errors
/// [`InputError`].
pub fn copy(mut source: Source) -> Result<(File, u64), InputError> {
    let fail = |reason| InputError::Copy { reason };
    let mut file = tempfile::tempfile().map_err(fail)?;
    let (mut text, mut n_bytes, mut more) = (String::new(), 0, true);
    while more {
        more = source.read(&mut text)?;
        file.write_all(text.as_bytes()).map_err(fail)?;
        n_bytes += text.len() as u64;
        text.clear();
    }
    Ok((file, n_bytes))
}

/// The passages of a document whose text was kept which support the sentences of a summary: found by words, and then, with an embedder, by
/// meaning.
///
/// # Errors
/// [`InputError::Copy`], [`InputError::Interrupted`], those of [`Alike`].
pub fn find(
    mut file: File,
    summary: &str,
    embedder: Option<&mut Embedder<'_>>,
    interrupt: &AtomicBool,
) -> Result<Vec<Quote>> {
    let mut counted = Quotes::new(summary);
    each_block(&mut file, interrupt, &mut |text| {
        counted.count(text);
        Ok(())
    })?;
    let mut finder = counted.end_count();
    each_block(&mut file, interrupt, &mut |text| {
        finder.find(text);
        Ok(())
    })?;
    let mut quotes = finder.finish();
    if let Some(embedder) = embedder
        && let Some(mut alike) = Alike::new(embedder, &quotes)?
    {
        each_block(&mut file, interrupt, &mut |text| Ok(alike.find(text)?))?;
        alike.finish(&mut quotes)?;
    }
    Ok(quotes)
}

/// Reads a file of text from its beginning.
fn each_block(file: &mut File, interrupt: &AtomicBool, each: &mut dyn FnMut(&str) -> Result<()>) -> Result<()> {
    let fail = |reason| InputError::Copy { reason };
    file.rewind().map_err(fail)?;
    let mut bytes = vec![0; BLOCK];
    let mut n_kept = 0;
    loop {
        let n = n_kept + file.read(&mut bytes[n_kept..]).map_err(fail)?;
        if interrupt.load(Ordering::Relaxed) {
            return Err(InputError::Interrupted.into());
        }
        if n == n_kept {
            return Ok(());
        }
        // a character may go on in the next block
        let valid = match std::str::from_utf8(&bytes[..n]) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
        };
        each(valid)?;
        let end = valid.len();
        bytes.copy_within(end..n, 0);
        n_kept = n - end;
    }
}

/// How many sentences have a passage, in a line for people.
pub fn count(quotes: &[Quote]) -> String {
    let of = |verdict| quotes.iter().filter(|quote| quote.verdict == verdict).count();
    let [supported, weak, none] = [Verdict::Supported, Verdict::Weak, Verdict::Unsupported].map(of);
    let by_meaning = quotes.iter().filter(|quote| quote.found_by == Some(FoundBy::Embeddings)).count();
    let by_meaning = if by_meaning > 0 { format!(" ({by_meaning} by meaning)") } else { String::new() };
    format!("{:<20} {supported} supported{by_meaning}, {weak} weakly, {none} not", "sentences")
}
