//! A server on this machine that answers as a test tells it to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// One answer; gets the stream and the head of the request.
pub(super) type Answer = Box<dyn Fn(&mut TcpStream, &str) + Send>;

/// Gives its answers in turn and remembers what it was asked. When they are used up it closes every connection.
pub(super) struct Server {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(super) fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&requests);
        thread::spawn(move || {
            let mut answers = answers.into_iter();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut head = String::new();
                let mut lines = BufReader::new(stream.try_clone().unwrap());
                while lines.read_line(&mut head).unwrap_or(0) > 2 {}
                log.lock().unwrap().push(head.to_ascii_lowercase());
                if let Some(answer) = answers.next() {
                    answer(&mut stream, &head.to_ascii_lowercase());
                }
            }
        });
        Self { address, requests }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/model.gguf", self.address)
    }

    /// The heads of all requests so far, in lower case.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// The first byte that each request asked for, if it asked for a part.
    pub(super) fn ranges(&self) -> Vec<Option<u64>> {
        self.requests().iter().map(|head| first_byte(head)).collect()
    }
}

fn first_byte(head: &str) -> Option<u64> {
    let (_, rest) = head.split_once("range: bytes=")?;
    rest.split_once("-\r\n")?.0.parse().ok()
}

/// Sends a head with `status` and `headers`, each ended by `\n`, and then `body`.
pub(super) fn send(stream: &mut TcpStream, status: &str, headers: &str, body: &[u8]) {
    let head = format!("HTTP/1.1 {status}\r\n{}Connection: close\r\n\r\n", headers.replace('\n', "\r\n"));
    // Whoever has seen enough may be gone.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}

/// An answer with `status` and `headers`, each ended by `\n`, and then `body`.
pub(super) fn reply(status: &'static str, headers: &str, body: &[u8]) -> Answer {
    let (headers, body) = (headers.to_owned(), body.to_vec());
    Box::new(move |stream, _| send(stream, status, &headers, &body))
}

/// The whole of `content`, whatever was asked for.
pub(super) fn whole(content: &[u8]) -> Answer {
    reply("200 OK", &format!("Content-Length: {}\n", content.len()), content)
}

/// The first `n` bytes of `content`, which is promised as a whole; then the line breaks.
pub(super) fn broken(content: &[u8], n: usize, headers: &str) -> Answer {
    reply("200 OK", &format!("Content-Length: {}\n{headers}", content.len()), &content[..n])
}

/// What a server that knows parts answers.
pub(super) fn rest(content: &[u8]) -> Answer {
    let content = content.to_vec();
    Box::new(move |stream, head| {
        let first = first_byte(head).unwrap() as usize;
        let (last, total) = (content.len() - 1, content.len());
        let headers = format!("Content-Length: {}\nContent-Range: bytes {first}-{last}/{total}\n", total - first);
        send(stream, "206 Partial Content", &headers, &content[first..]);
    })
}

/// Sends `body` and no more, but keeps the line until the other end closes it.
pub(super) fn silent(body: &[u8]) -> Answer {
    let body = body.to_vec();
    Box::new(move |stream, _| {
        let _ = stream.write_all(&body);
        let _ = stream.read(&mut [0]);
    })
}
