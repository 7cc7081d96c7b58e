//! What is text, and what each other thing is called.

use std::fs::{self, File};
use std::io::{self, Cursor, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::format::FormatError;
use super::{InputError, Reading, Source};

/// Gives one byte, then a signal, and so on.
struct Drip(Cursor<Vec<u8>>, bool);

impl Read for Drip {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        if self.1 { Err(io::ErrorKind::Interrupted.into()) } else { self.0.read(&mut buffer[..1]) }
    }
}

fn read_from(reader: impl Read + Send + 'static) -> Result<String, InputError> {
    let mut source = Source::from_reader("'x'", reader, &Arc::default())?;
    let mut text = String::new();
    while source.read(&mut text)? {}
    Ok(text)
}

fn read(bytes: impl Into<Vec<u8>>) -> Result<String, InputError> {
    read_from(Cursor::new(bytes.into()))
}

fn open(path: &Path) -> Result<Source, InputError> {
    Source::open(path, Reading::default(), &Arc::default())
}

fn message(result: Result<impl Sized, InputError>) -> String {
    let message = result.err().unwrap().to_string();
    assert!(!message.contains('\n'), "{message}");
    message
}

#[test]
fn characters_across_blocks_stay_whole() {
    for shift in 0..4 {
        let text = "x".repeat(shift) + &"日本😀é".repeat(20_000);
        assert_eq!(read(text.clone()).unwrap(), text);
    }
    assert_eq!(read_from(Drip(Cursor::new("aé😀\r\n".into()), false)).unwrap(), "aé😀\r\n");
}

#[test]
fn only_the_mark_at_the_start_is_dropped() {
    assert_eq!(read("\u{feff}a\u{feff}").unwrap(), "a\u{feff}");
}

#[test]
fn files_tell_their_size() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.txt");
    fs::write(&path, "\u{feff}text").unwrap();
    let mut source = open(&path).unwrap();
    assert_eq!((source.total_bytes(), source.mark_bytes(), source.bytes_taken()), (Some(7), 3, 7));
    let mut text = String::new();
    while source.read(&mut text).unwrap() {}
    assert_eq!(text, "text");
}

#[test]
fn paths_that_lead_to_no_file() {
    let dir = tempfile::tempdir().unwrap();
    assert!(
        message(open(&dir.path().join("no\nne")))
            .ends_with("no\\nne' does not exist; check the path, or pipe the text into '-'")
    );
    assert!(message(open(dir.path())).contains("is a directory"));
    let file = dir.path().join("a");
    fs::write(&file, "a").unwrap();
    assert!(matches!(open(&file.join("b")), Err(InputError::NotFound { .. })));
}

#[cfg(unix)]
#[test]
fn files_that_may_not_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a");
    fs::write(&file, "a").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    // permissions do not stop root
    if File::open(&file).is_err() {
        assert!(message(open(&file)).contains("may not be read"));
    }
    let denied = InputError::from_io("'a'", io::ErrorKind::PermissionDenied.into());
    assert_eq!(denied.to_string(), "'a' may not be read by this user; change its permissions, or copy it");
}

#[test]
fn nothing_to_summarize() {
    assert_eq!(message(read("")), "'x' is empty; there is nothing to summarize");
    assert!(message(read("\u{feff}")).contains("is empty"));
    assert!(message(read(" \r\n\t\u{3000}")).contains("has only white space"));
    assert!(message(read(" ".repeat(200_000))).contains("has only white space"));
    assert!(read(" ".repeat(200_000) + "a").is_ok());
    // found before anything else is loaded
    assert!(Source::from_reader("'x'", Cursor::new(" \n"), &Arc::default()).is_err());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.html");
    fs::write(&path, "<p> </p>").unwrap();
    assert!(message(open(&path)).contains("has no text besides its markup"));
}

#[test]
fn what_is_not_text() {
    assert!(message(read("ab\0c")).contains("NUL byte at offset 2"));
    assert!(message(read("é\u{feff}\0")).contains("offset 5"));
    assert!(message(read(b"ab\xff\0".to_vec())).contains("invalid byte 0xff at offset 2"));
    assert!(message(read(b"\xff\xfea\0\0\0".to_vec())).contains("NUL byte at offset 4"));
    // ends within a character
    assert!(message(read(b"abc\xf0\x9f\x98".to_vec())).contains("invalid byte 0xf0 at offset 3"));
    let mut long = "é".repeat(100_001).into_bytes();
    long.push(0xc0);
    assert!(message(read(long)).contains("offset 200002"));
    assert!(message(read(b"\xed\xa0\x80".to_vec())).contains("offset 0"));
}

#[test]
fn a_damaged_first_block_stops_the_opening() {
    let opened = Source::from_reader("'x'", Cursor::new(b"a\0"), &Arc::default());
    assert!(matches!(opened, Err(InputError::Format { reason: FormatError::Nul { offset: 1 }, .. })));
    let late = "a".repeat(100_000) + "\0";
    let mut source = Source::from_reader("'x'", Cursor::new(late), &Arc::default()).unwrap();
    let mut text = String::new();
    assert!(source.read(&mut text).unwrap());
    assert!(matches!(
        source.read(&mut text),
        Err(InputError::Format { reason: FormatError::Nul { offset: 100_000 }, .. })
    ));
}

#[test]
fn errors_of_the_system_are_told() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("disk on fire"))
        }
    }
    assert!(message(read_from(Broken)).contains("disk on fire"));
}

#[test]
fn an_interrupt_stops_reading() {
    let stop = Arc::new(AtomicBool::new(false));
    let mut source = Source::from_reader("'x'", Cursor::new("a".repeat(100_000)), &stop).unwrap();
    let mut text = String::new();
    source.read(&mut text).unwrap();
    stop.store(true, Ordering::Relaxed);
    assert!(matches!(source.read(&mut text), Err(InputError::Interrupted)));
    let signalled = Source::from_reader("'x'", Drip(Cursor::new(vec![b'a'; 9]), false), &stop);
    assert!(matches!(signalled, Err(InputError::Interrupted)));
}

#[cfg(unix)]
#[test]
fn a_silent_pipe_can_be_interrupted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let stop = Arc::new(AtomicBool::new(false));
    // nobody has opened the other end
    let setter = Arc::clone(&stop);
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        setter.store(true, Ordering::Relaxed);
    });
    assert!(matches!(Source::open(&path, Reading::default(), &stop), Err(InputError::Interrupted)));
    thread.join().unwrap();
    // frees the thread that waits in open
    drop(fs::OpenOptions::new().write(true).open(&path).unwrap());
}

#[cfg(unix)]
#[test]
fn pipes_are_read_to_their_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let writer = path.clone();
    let thread = std::thread::spawn(move || {
        let mut file = fs::OpenOptions::new().write(true).open(writer).unwrap();
        for _ in 0..1000 {
            file.write_all("日本語のテキスト ".repeat(8).as_bytes()).unwrap();
        }
    });
    let mut source = open(&path).unwrap();
    assert_eq!(source.total_bytes(), None);
    let mut text = String::new();
    while source.read(&mut text).unwrap() {}
    assert_eq!(text, "日本語のテキスト ".repeat(8000));
    thread.join().unwrap();
}
