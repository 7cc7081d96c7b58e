//! How far into a file its text is.

use std::collections::VecDeque;

/// Places in the text of a document, and where they are in its file.
///
/// Text that was converted or decoded has other lengths than the bytes it came from. Both are known where a block ends;
/// in between, the place is estimated by their ratio, which is exact for UTF-8 that is read as it stands.
#[derive(Debug)]
pub(super) struct Progress {
    /// The place that was reached last, and those known from there on; never empty.
    known: VecDeque<Place>,
}

/// A place, in bytes from the start.
#[derive(Debug, Clone, Copy)]
struct Place {
    text: u64,
    file: u64,
}

impl Progress {
    /// For text that begins behind `mark_bytes` bytes of the file.
    pub fn new(mark_bytes: u64) -> Self {
        Self { known: VecDeque::from([Place { text: 0, file: mark_bytes }]) }
    }

    /// Notes that `n` bytes of text were read, and `file` bytes of the file by now.
    pub fn read(&mut self, n: usize, file: u64) {
        match self.known.back_mut() {
            // what gives no text belongs to the text before it
            Some(last) if n == 0 => last.file = file,
            last => {
                let text = last.map_or(0, |last| last.text) + n as u64;
                self.known.push_back(Place { text, file });
            }
        }
    }

    /// Notes that `n` bytes of text were used.
    pub fn advance(&mut self, n: usize) {
        let Some(&from) = self.known.front() else { return };
        let text = from.text + n as u64;
        let mut before = from;
        while let Some(&next) = self.known.get(1).filter(|next| next.text <= text) {
            before = next;
            self.known.pop_front();
        }
        let file = match self.known.get(1) {
            Some(next) => before.file + share(next.file - before.file, text - before.text, next.text - before.text),
            None => before.file,
        };
        if let Some(first) = self.known.front_mut() {
            *first = Place { text, file };
        }
    }

    /// Bytes of the file whose text was used.
    pub fn file_bytes(&self) -> u64 {
        self.known.front().map_or(0, |place| place.file)
    }
}

/// `whole * part / parts`.
fn share(whole: u64, part: u64, parts: u64) -> u64 {
    u64::try_from(u128::from(whole) * u128::from(part) / u128::from(parts.max(1))).unwrap_or(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_as_it_stands_is_measured_exactly() {
        let mut progress = Progress::new(3);
        assert_eq!(progress.file_bytes(), 3);
        progress.read(100, 103);
        progress.read(7, 110);
        for used in 1..=107 {
            progress.advance(1);
            assert_eq!(progress.file_bytes(), 3 + used);
        }
    }

    #[test]
    fn converted_text_is_measured_in_the_file() {
        let mut progress = Progress::new(0);
        progress.read(0, 50);
        progress.read(10, 150);
        progress.read(30, 180);
        assert_eq!(progress.file_bytes(), 50);
        progress.advance(5);
        assert_eq!(progress.file_bytes(), 100);
        progress.advance(5);
        assert_eq!(progress.file_bytes(), 150);
        progress.advance(30);
        assert_eq!(progress.file_bytes(), 180);
        // the end of the file has no text
        progress.read(0, 999);
        assert_eq!(progress.file_bytes(), 999);
    }

    #[test]
    fn it_never_goes_back() {
        let mut progress = Progress::new(0);
        let mut last = 0;
        for block in 1..50_u64 {
            progress.read((block * 7 % 5) as usize, block * 11);
            progress.advance((block * 3 % 4).min(block * 7 % 5) as usize);
            assert!(progress.file_bytes() >= last && progress.file_bytes() <= block * 11);
            last = progress.file_bytes();
        }
    }
}
