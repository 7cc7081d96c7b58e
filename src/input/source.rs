//! The text of a document, block by block, from a file or a pipe.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use super::error::{InputError, quoted};
use super::format::{self, Document, Encoding, FormatError, InputFormat};

/// Bytes read at a time.
const BLOCK: usize = 64 * 1024;

/// How long an interrupt may go unnoticed while a pipe is silent.
const PATIENCE: Duration = Duration::from_millis(50);

/// How the bytes of a document are to be understood.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reading {
    /// What is text in it, and what is markup.
    pub format: InputFormat,
    /// How its characters are spelled.
    pub encoding: Encoding,
}

/// A document that is being read: a file, or what arrives through a pipe.
///
/// The text is checked as it comes, so a damaged byte in the middle of a long file is found only there. The first
/// block is checked by the constructors. A byte order mark at the start is dropped.
#[derive(Debug)]
pub struct Source {
    name: String,
    document: Document<Bytes>,
    total_bytes: Option<u64>,
    /// The first text, until it is asked for.
    ready: Option<String>,
    format: InputFormat,
    blank: bool,
    ended: bool,
}

impl Source {
    /// Opens a file, or the standard input for `-`, and checks the first block. Setting `interrupt` ends all waiting
    /// for data with [`InputError::Interrupted`].
    ///
    /// # Errors
    /// [`InputError`] for what cannot be opened or is not text.
    pub fn open(path: &Path, reading: Reading, interrupt: &Arc<AtomicBool>) -> Result<Self, InputError> {
        if path == Path::new("-") {
            let blocks = Blocks::pipe("standard input", || Ok(io::stdin()))?;
            return Self::start("standard input".into(), blocks, None, reading, interrupt);
        }
        let reading = Reading { format: reading.format.for_path(path), ..reading };
        let name = quoted(path);
        let metadata = fs::metadata(path).map_err(|e| InputError::from_io(&name, e))?;
        if metadata.is_dir() {
            return Err(InputError::Directory { name });
        }
        if !metadata.is_file() {
            // even opening a named pipe waits, for somebody to write
            let path = PathBuf::from(path);
            let blocks = Blocks::pipe(&name, move || File::open(path))?;
            return Self::start(name, blocks, None, reading, interrupt);
        }
        let file = File::open(path).map_err(|e| InputError::from_io(&name, e))?;
        // files of /proc claim to have no bytes
        let total_bytes = Some(metadata.len()).filter(|&n| n > 0);
        Self::start(name, Blocks::Direct(Box::new(file)), total_bytes, reading, interrupt)
    }

    /// Reads text from anything that does not keep one waiting for long; `name` stands in messages.
    ///
    /// # Errors
    /// [`InputError`] if the first block is not text.
    pub fn from_reader(
        name: &str,
        reader: impl Read + Send + 'static,
        interrupt: &Arc<AtomicBool>,
    ) -> Result<Self, InputError> {
        Self::start(name.into(), Blocks::Direct(Box::new(reader)), None, Reading::default(), interrupt)
    }

    fn start(
        name: String,
        blocks: Blocks,
        total_bytes: Option<u64>,
        reading: Reading,
        interrupt: &Arc<AtomicBool>,
    ) -> Result<Self, InputError> {
        let bytes = Bytes { name: name.clone(), blocks, interrupt: Arc::clone(interrupt) };
        let document = Document::open(bytes, reading.format, reading.encoding)?;
        let mut source =
            Self { name, document, total_bytes, ready: None, format: reading.format, blank: true, ended: false };
        let mut first = String::new();
        // a file without text is found before anything else is loaded
        while source.blank && first.len() < BLOCK && source.read(&mut first)? {}
        source.ready = Some(first);
        Ok(source)
    }

    /// Appends the next text, perhaps none, to `text`; false at the end.
    ///
    /// # Errors
    /// [`InputError`] for what is not text, and if the whole document turns out to be white space.
    pub fn read(&mut self, text: &mut String) -> Result<bool, InputError> {
        if let Some(first) = self.ready.take() {
            text.push_str(&first);
            return Ok(true);
        }
        if self.ended {
            return Ok(false);
        }
        let start = text.len();
        self.ended = !self.document.read(text)?;
        self.blank = self.blank && text[start..].chars().all(char::is_whitespace);
        if self.ended && self.blank { Err(self.empty()) } else { Ok(!self.ended) }
    }

    /// What the document is called in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is what somebody said, in paragraphs that may begin with a name.
    pub fn is_transcript(&self) -> bool {
        matches!(self.format, InputFormat::Srt | InputFormat::Vtt)
    }

    /// Bytes of the whole document; `None` if it is a pipe.
    pub fn total_bytes(&self) -> Option<u64> {
        self.total_bytes
    }

    /// Bytes of the document that were taken by now, whatever text they gave.
    pub(super) fn bytes_taken(&self) -> u64 {
        self.document.bytes_taken()
    }

    /// Bytes of the byte order mark, which no text is given for.
    pub(super) fn mark_bytes(&self) -> u64 {
        self.document.mark_bytes()
    }

    fn empty(&self) -> InputError {
        let none = self.document.bytes_taken() == self.document.mark_bytes();
        let converted = !matches!(self.format, InputFormat::Auto | InputFormat::Text);
        let what = match (none, converted) {
            (true, _) => "is empty",
            (false, false) => "has only white space",
            (false, true) => "has no text besides its markup",
        };
        InputError::Empty { name: self.name.clone(), what }
    }
}

/// The bytes of a document, and what it is called.
struct Bytes {
    name: String,
    blocks: Blocks,
    interrupt: Arc<AtomicBool>,
}

impl format::Blocks for Bytes {
    type Error = InputError;

    fn read(&mut self, bytes: &mut Vec<u8>) -> Result<bool, InputError> {
        self.blocks.read(bytes, &self.interrupt, &self.name)
    }

    fn fault(&self, reason: FormatError) -> InputError {
        InputError::Format { name: self.name.clone(), reason }
    }
}

/// Where blocks come from.
enum Blocks {
    /// Read where they are wanted.
    Direct(Box<dyn Read + Send>),
    /// Read by a thread of their own: reading a pipe may wait for ever, and nothing wakes it from that.
    Piped(Receiver<io::Result<Vec<u8>>>),
}

impl Blocks {
    fn pipe<R: Read>(name: &str, open: impl FnOnce() -> io::Result<R> + Send + 'static) -> Result<Self, InputError> {
        let (sender, receiver) = sync_channel(1);
        let work = move || {
            let mut reader = match open() {
                Ok(reader) => reader,
                Err(error) => {
                    let _ = sender.send(Err(error));
                    return;
                }
            };
            loop {
                let mut block = Vec::new();
                let read = fill(&mut reader, &mut block, &|| false);
                let last = !matches!(read, Ok(true));
                // a send fails when nobody wants more
                if sender.send(read.map(|_| block)).is_err() || last {
                    return;
                }
            }
        };
        let started = thread::Builder::new().name("input".into()).spawn(work);
        started.map_err(|e| InputError::from_io(name, e))?;
        Ok(Self::Piped(receiver))
    }

    /// Appends the next block; false if it was the last.
    fn read(&mut self, bytes: &mut Vec<u8>, interrupt: &AtomicBool, name: &str) -> Result<bool, InputError> {
        let stop = || interrupt.load(Ordering::Relaxed);
        if stop() {
            return Err(InputError::Interrupted);
        }
        match self {
            Self::Direct(reader) => match fill(reader, bytes, &stop) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(InputError::Interrupted),
                read => read.map_err(|e| InputError::from_io(name, e)),
            },
            Self::Piped(receiver) => loop {
                match receiver.recv_timeout(PATIENCE) {
                    Ok(Ok(block)) => {
                        bytes.extend_from_slice(&block);
                        return Ok(block.len() == BLOCK);
                    }
                    Ok(Err(error)) => return Err(InputError::from_io(name, error)),
                    Err(RecvTimeoutError::Timeout) if stop() => return Err(InputError::Interrupted),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return Ok(false),
                }
            },
        }
    }
}

/// Appends up to [`BLOCK`] bytes; false if the end came first. A signal is no error unless `stop` says so.
fn fill(reader: &mut dyn Read, bytes: &mut Vec<u8>, stop: &dyn Fn() -> bool) -> io::Result<bool> {
    let start = bytes.len();
    bytes.resize(start + BLOCK, 0);
    let mut end = start;
    while end < bytes.len() {
        match reader.read(&mut bytes[end..]) {
            Ok(0) => break,
            Ok(n) => end += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted && !stop() => {}
            Err(error) => return Err(error),
        }
    }
    let full = end == bytes.len();
    bytes.truncate(end);
    Ok(full)
}
