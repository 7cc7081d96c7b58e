//! Fetching a file from a server, and going on where an earlier try broke off.

mod answer;
mod environment;
mod partial;
mod request;
#[cfg(test)]
mod test_server;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::hash::{Content, Tick};
use super::part::PartFile;
use super::{ModelEntry, ModelError, stop};
use answer::Plan;
use partial::Partial;
use request::{Client, Failure, Message};

/// How often one source may break off in the middle before it is left.
const BREAKS: usize = 5;

/// One file on one server.
pub(super) struct Download<'a> {
    pub(super) entry: &'a ModelEntry,
    pub(super) url: &'a str,
    /// Created if it is missing; what arrived stays here when the line breaks.
    pub(super) dir: &'a Path,
    pub(super) silence: Duration,
    pub(super) interrupt: &'a AtomicBool,
}

/// What [`Download::fetch`] is doing.
#[derive(Debug, Clone, Copy)]
pub(super) enum Progress {
    /// Bytes of an earlier try are there.
    Resuming(u64),
    /// Bytes that are there, of how many.
    Received(u64, u64),
}

/// How one request ended.
enum End {
    /// The whole file is there.
    Whole,
    /// The server cannot go on where the file ends.
    Anew,
    /// The line broke.
    Broken(String),
}

impl Download<'_> {
    /// Returns the path of the checked file and what is in it.
    pub(super) fn fetch(&self, progress: &mut dyn FnMut(Progress)) -> Result<(PathBuf, Content), ModelError> {
        let client = Client::from_env(self.silence).map_err(|failure| self.failed(failure))?;
        let partial = Partial::open(self.dir, self.entry, self.url)?;
        let mut stop = |_| stop(self.interrupt);
        match self.fetch_into(&partial, &client, &mut stop, progress) {
            Err(error @ (ModelError::SizeMismatch { .. } | ModelError::HashMismatch { .. })) => {
                partial.remove();
                Err(error)
            }
            done => done,
        }
    }

    fn fetch_into(
        &self,
        partial: &Partial,
        client: &Client,
        stop: &mut Tick<'_>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(PathBuf, Content), ModelError> {
        let mut part = PartFile::resume(&partial.path(), self.entry, format!("'{}'", self.url), stop)?;
        if self.entry.bytes.is_some_and(|expected| part.bytes() > expected) {
            part.restart()?;
        }
        if part.is_resumed() {
            progress(Progress::Resuming(part.bytes()));
        }
        let mut breaks = 0;
        loop {
            let before = part.bytes();
            let end = if self.entry.bytes == Some(before) {
                End::Whole
            } else {
                self.request(&mut part, partial, client, progress)?
            };
            match end {
                End::Whole => match part.finish() {
                    // An earlier try may have left what another source sent, or what a power cut made of it.
                    Err(ModelError::HashMismatch { .. }) if part.is_resumed() => part.restart()?,
                    done => return Ok((partial.path(), done?)),
                },
                End::Anew => part.restart()?,
                End::Broken(reason) => {
                    breaks += 1;
                    if breaks == BREAKS || part.bytes() == before {
                        return Err(ModelError::Broken { url: self.url.to_owned(), bytes: part.bytes(), reason });
                    }
                }
            }
        }
    }

    /// Asks once for what is missing and appends what comes.
    fn request(
        &self,
        part: &mut PartFile<'_>,
        partial: &Partial,
        client: &Client,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<End, ModelError> {
        let tag = partial.tag(self.url);
        // Without a hash only the server can tell whether it still has the same file.
        if !self.entry.is_checked() && tag.is_none() {
            part.restart()?;
        }
        let have = part.bytes();
        let failed = |failure| self.failed(failure);
        let mut answer = client.get(self.url, have, tag.as_deref()).map_err(failed)?;
        let Some(Message::Head(head)) = answer.next(self.interrupt).map_err(failed)? else {
            return Err(failed(Failure::Other("it sent no answer".into())));
        };
        let plan = answer::plan(&head, have, tag.as_deref(), self.entry.bytes);
        let total = match plan.map_err(|reason| failed(Failure::Other(reason)))? {
            Plan::Anew => return Ok(End::Anew),
            Plan::Append { total } => total,
            Plan::Restart { total } => {
                part.restart()?;
                partial.set_tag(self.url, head.etag.as_deref())?;
                total
            }
        };
        loop {
            match answer.next(self.interrupt) {
                Ok(Some(Message::Chunk(chunk))) => {
                    let found = part.bytes() + chunk.len() as u64;
                    if found > total {
                        return Err(self.too_long(total, found));
                    }
                    part.write(&chunk)?;
                }
                Ok(_) if part.bytes() == total => return Ok(End::Whole),
                Ok(_) => return Ok(End::Broken(format!("{total} were promised"))),
                Err(Failure::Other(reason)) => return Ok(End::Broken(reason)),
                Err(failure) => return Err(failed(failure)),
            }
            progress(Progress::Received(part.bytes(), total));
        }
    }

    fn too_long(&self, expected: u64, found: u64) -> ModelError {
        ModelError::SizeMismatch { what: format!("'{}'", self.url), name: self.entry.name.clone(), expected, found }
    }

    fn failed(&self, failure: Failure) -> ModelError {
        let url = self.url.to_owned();
        match failure {
            Failure::Interrupted => ModelError::Interrupted,
            Failure::Silent => ModelError::Silent { url, silence: self.silence },
            Failure::Proxy(variable) => ModelError::Proxy { variable },
            Failure::Other(reason) => ModelError::Https { url, reason },
        }
    }
}
