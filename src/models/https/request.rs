//! One request, read by a thread of its own so that an interrupt need not wait for the server.

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use ureq::http::header::{CONTENT_ENCODING, CONTENT_RANGE, ETAG, HeaderName, IF_RANGE, RANGE};
use ureq::http::{HeaderMap, Response};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, Proxy};

use super::answer::Head;
use super::environment;

/// Bytes handed over at a time.
const BLOCK: usize = 64 * 1024;

/// Blocks that may wait for the disk.
const WAITING: usize = 16;

/// How often the interrupt flag is looked at.
const PATIENCE: Duration = Duration::from_millis(50);

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// The flag was set.
    Interrupted,
    /// Nothing came for too long.
    Silent,
    /// This variable is no address.
    Proxy(&'static str),
    /// In words.
    Other(String),
}

impl From<ureq::Error> for Failure {
    fn from(error: ureq::Error) -> Self {
        match error {
            ureq::Error::Timeout(_) => Self::Silent,
            ureq::Error::Io(error) => match error.kind() {
                io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Self::Silent,
                _ => Self::Other(error.to_string()),
            },
            ureq::Error::RequireHttpsOnly(url) => Self::Other(format!("it leads to '{url}', which is not https")),
            error => Self::Other(error.to_string()),
        }
    }
}

/// A part of an answer.
#[derive(Debug)]
pub(super) enum Message {
    /// Comes first.
    Head(Head),
    /// The next bytes of the body.
    Chunk(Vec<u8>),
}

/// Sends requests.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) silence: Duration,
    pub(super) proxy: Option<Proxy>,
    pub(super) roots: RootCerts,
}

impl Client {
    /// With the proxy and the certificates that the environment names.
    pub(super) fn from_env(silence: Duration) -> Result<Self, Failure> {
        let proxy = environment::proxy(|name| std::env::var(name).ok())?;
        Ok(Self { silence, proxy, roots: environment::roots()? })
    }

    /// Asks for the file from byte `from` on; where it has another tag than `tag`, for all of it.
    pub(super) fn get(&self, url: &str, from: u64, tag: Option<&str>) -> Result<Answer, Failure> {
        let mut request = self.agent(url).get(url);
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
            if let Some(tag) = tag {
                request = request.header(IF_RANGE, tag);
            }
        }
        let (sender, receiver) = sync_channel(WAITING);
        let work = move || match request.call() {
            Ok(response) => read(response, &sender),
            Err(error) => {
                let _ = sender.send(Err(error.into()));
            }
        };
        let started = thread::Builder::new().name("download".into()).spawn(work);
        started.map_err(|error| Failure::Other(error.to_string()))?;
        Ok(Answer { receiver })
    }

    /// Each step is bounded by the time of silence. A file may take as long as it likes, while bytes arrive.
    fn agent(&self, url: &str) -> Agent {
        // The catalogue knows no other URLs; tests have them.
        let is_https = url.starts_with("https://");
        let silence = Some(self.silence);
        let config = Agent::config_builder()
            .https_only(is_https)
            .http_status_as_error(false)
            .user_agent(concat!("edgeinf/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .proxy(self.proxy.clone().filter(|_| is_https))
            .tls_config(TlsConfig::builder().root_certs(self.roots.clone()).build())
            .timeout_resolve(silence)
            .timeout_connect(silence)
            .timeout_send_request(silence)
            .timeout_recv_response(silence)
            .timeout_per_read(silence)
            .timeout_per_write(silence);
        config.build().new_agent()
    }
}

/// An answer that is arriving.
#[derive(Debug)]
pub(super) struct Answer {
    receiver: Receiver<Result<Message, Failure>>,
}

impl Answer {
    /// The next part; nothing at the end.
    pub(super) fn next(&mut self, interrupt: &AtomicBool) -> Result<Option<Message>, Failure> {
        loop {
            if interrupt.load(Ordering::Relaxed) {
                return Err(Failure::Interrupted);
            }
            match self.receiver.recv_timeout(PATIENCE) {
                Ok(message) => return message.map(Some),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
            }
        }
    }
}

/// Hands the answer over until it ends or nobody listens any more.
fn read(response: Response<Body>, sender: &SyncSender<Result<Message, Failure>>) {
    let (parts, body) = response.into_parts();
    let text = |name| header(&parts.headers, &name);
    let head = Head {
        status: parts.status.as_u16(),
        length: body.content_length(),
        range: text(CONTENT_RANGE),
        etag: text(ETAG),
        encoding: text(CONTENT_ENCODING),
    };
    let mut heard = sender.send(Ok(Message::Head(head)));
    let mut reader = body.into_reader();
    while heard.is_ok() {
        let mut block = vec![0; BLOCK];
        heard = match reader.read(&mut block) {
            Ok(0) => return,
            Ok(n) => {
                block.truncate(n);
                sender.send(Ok(Message::Chunk(block)))
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => {
                let _ = sender.send(Err(ureq::Error::from(error).into()));
                return;
            }
        };
    }
}

fn header(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}
