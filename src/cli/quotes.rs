//! `--quote`.

use std::fs::File;
use std::io::{Read, Seek};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::input::{InputError, TokenStream};
use crate::quote::{Quote, Quotes, Verdict};

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

/// The passages of a document that was kept which support the sentences of a summary.
///
/// # Errors
/// [`InputError::Copy`], [`InputError::Interrupted`].
pub fn find(document: &mut TokenStream<'_>, summary: &str, interrupt: &AtomicBool) -> Result<Vec<Quote>, InputError> {
    let Some(mut file) = document.take_copy()? else { return Ok(Vec::new()) };
    let mut quotes = Quotes::new(summary);
    each_block(&mut file, interrupt, &mut |text| quotes.count(text))?;
    let mut finder = quotes.end_count();
    each_block(&mut file, interrupt, &mut |text| finder.find(text))?;
    Ok(finder.finish())
}

/// Reads a file of text from its beginning.
fn each_block(file: &mut File, interrupt: &AtomicBool, each: &mut dyn FnMut(&str)) -> Result<(), InputError> {
    let fail = |reason| InputError::Copy { reason };
    file.rewind().map_err(fail)?;
    let mut bytes = vec![0; BLOCK];
    let mut n_kept = 0;
    loop {
        let n = n_kept + file.read(&mut bytes[n_kept..]).map_err(fail)?;
        if interrupt.load(Ordering::Relaxed) {
            return Err(InputError::Interrupted);
        }
        if n == n_kept {
            return Ok(());
        }
        // a character may go on in the next block
        let valid = match std::str::from_utf8(&bytes[..n]) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
        };
        each(valid);
        let end = valid.len();
        bytes.copy_within(end..n, 0);
        n_kept = n - end;
    }
}

/// How many sentences have a passage, in a line for people.
pub fn count(quotes: &[Quote]) -> String {
    let of = |verdict| quotes.iter().filter(|quote| quote.verdict == verdict).count();
    let [supported, weak, none] = [Verdict::Supported, Verdict::Weak, Verdict::Unsupported].map(of);
    format!("{:<20} {supported} supported, {weak} weakly, {none} not", "sentences")
}
