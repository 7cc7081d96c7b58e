//! How many threads a command uses that was not told.

use std::env;
use std::num::NonZero;
use std::thread;

/// The variable that says it.
pub const VARIABLE: &str = "EDGEINF_THREADS";

/// The most that can be asked for.
pub const MOST: u32 = 1024;

/// A variable that says something else.
#[derive(Debug, thiserror::Error)]
#[error("{VARIABLE} is '{0}', which is no number from 1 to {MOST}; set it to one, or unset it to use all processors")]
pub struct BadThreads(String);

/// What [`VARIABLE`] says, else as many as there are processors.
///
/// # Errors
/// [`BadThreads`].
pub fn by_default() -> Result<u32, BadThreads> {
    match env::var_os(VARIABLE) {
        Some(text) if !text.is_empty() => read(&text.to_string_lossy()),
        _ => Ok(thread::available_parallelism().map_or(1, NonZero::get) as u32),
    }
}

fn read(text: &str) -> Result<u32, BadThreads> {
    text.trim().parse().ok().filter(|n| (1..=MOST).contains(n)).ok_or_else(|| BadThreads(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_and_nothing_else() {
        assert_eq!(read("1").unwrap(), 1);
        assert_eq!(read(" 16 ").unwrap(), 16);
        for text in ["0", "1025", "-1", "two", "1.5"] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(text) && error.contains("EDGEINF_THREADS"), "{error}");
        }
    }
}
