//! A process with a time limit, which does not outlive an interrupt.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::CheckError;

/// How often the process, the clock and the interrupt flag are looked at.
const POLL: Duration = Duration::from_millis(20);

/// Time to end in order after SIGTERM, before SIGKILL.
const GRACE: Duration = Duration::from_secs(5);

/// Bytes of output that are kept: far more than statistics have.
const OUTPUT_MAX: u64 = 16 << 20;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// It was ended because it ran longer than so many seconds.
    TimedOut(u64),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(number) => match Signal::try_from(number) {
                Ok(signal) => write!(f, "ended by signal {signal}"),
                Err(_) => write!(f, "ended by signal {number}"),
            },
            Self::TimedOut(seconds) => write!(f, "not finished after {seconds} s"),
        }
    }
}

/// What a process left.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) end: End,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    pub(super) seconds: f64,
}

/// Runs `command` to its end, `timeout` seconds at most.
///
/// Ctrl-C in a terminal reaches the child as well; SIGTERM reaches only this process, so it is passed on.
pub(super) fn run(command: &mut Command, timeout: u64, interrupt: &AtomicBool) -> Result<Finished, CheckError> {
    // files, not pipes: nobody has to read while it runs
    let (mut stdout, mut stderr) = (tempfile()?, tempfile()?);
    command.stdin(Stdio::null());
    command.stdout(duplicate(&stdout)?).stderr(duplicate(&stderr)?);
    let start = Instant::now();
    let child = command.spawn();
    let program = || command.get_program().into();
    let mut child = child.map_err(|cause| CheckError::Start { program: program(), cause })?;
    let end = wait(&mut child, start, timeout, interrupt);
    let seconds = start.elapsed().as_secs_f64();
    Ok(Finished { end: end?, stdout: content(&mut stdout)?, stderr: content(&mut stderr)?, seconds })
}

fn wait(child: &mut Child, start: Instant, timeout: u64, interrupt: &AtomicBool) -> Result<End, CheckError> {
    loop {
        if let Some(status) = child.try_wait().map_err(CheckError::Temporary)? {
            // the child may have been faster to honour Ctrl-C
            return if interrupt.load(Ordering::Relaxed) { Err(CheckError::Interrupted) } else { Ok(end_of(status)) };
        }
        if interrupt.load(Ordering::Relaxed) {
            stop(child);
            return Err(CheckError::Interrupted);
        }
        if start.elapsed() >= Duration::from_secs(timeout) {
            stop(child);
            return Ok(End::TimedOut(timeout));
        }
        thread::sleep(POLL);
    }
}

fn end_of(status: ExitStatus) -> End {
    status.code().map_or_else(|| End::Signal(status.signal().unwrap_or(0)), End::Code)
}

/// Ends a child, in order if it can.
fn stop(child: &mut Child) {
    let asked = Instant::now();
    // it was not waited for, so the number is still its own
    if let Ok(id) = i32::try_from(child.id()) {
        let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
    }
    while asked.elapsed() < GRACE {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        thread::sleep(POLL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

fn tempfile() -> Result<File, CheckError> {
    tempfile::tempfile().map_err(CheckError::Temporary)
}

fn duplicate(file: &File) -> Result<File, CheckError> {
    file.try_clone().map_err(CheckError::Temporary)
}

fn content(file: &mut File) -> Result<Vec<u8>, CheckError> {
    let mut bytes = Vec::new();
    let read = file.rewind().and_then(|()| file.take(OUTPUT_MAX).read_to_end(&mut bytes));
    read.map_err(|e: io::Error| CheckError::Temporary(e))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn output_and_end_are_kept() {
        let never = AtomicBool::new(false);
        let done = run(&mut sh("echo out; echo err >&2; exit 7"), 60, &never).unwrap();
        assert_eq!((done.end, &done.stdout[..], &done.stderr[..]), (End::Code(7), &b"out\n"[..], &b"err\n"[..]));
        let done = run(&mut sh("kill -KILL $$"), 60, &never).unwrap();
        assert_eq!(done.end, End::Signal(9));
        // more than a pipe holds, to both
        let done = run(&mut sh("head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2"), 60, &never).unwrap();
        assert_eq!((done.end, done.stdout.len(), done.stderr.len()), (End::Code(0), 300_000, 300_000));
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        let error = run(&mut Command::new("/no/such"), 1, &AtomicBool::new(false)).unwrap_err();
        assert!(error.to_string().starts_with("'/no/such' cannot be run"), "{error}");
    }

    #[test]
    fn time_is_limited() {
        let done = run(&mut sh("exec sleep 60"), 1, &AtomicBool::new(false)).unwrap();
        assert_eq!(done.end, End::TimedOut(1));
        assert!(done.seconds < 30.0);
    }

    #[test]
    fn an_interrupt_reaches_the_child() {
        let dir = tempfile::tempdir().unwrap();
        let (ready, told) = (dir.path().join("ready"), dir.path().join("told"));
        let script = format!(
            "trap 'echo > {}; exit 130' TERM; echo > {}; while :; do sleep 0.05; done",
            told.display(),
            ready.display()
        );
        let interrupt = Arc::new(AtomicBool::new(false));
        let setter = thread::spawn({
            let interrupt = Arc::clone(&interrupt);
            move || {
                while !ready.exists() {
                    thread::sleep(POLL);
                }
                interrupt.store(true, Ordering::Relaxed);
            }
        });
        let result = run(&mut sh(&script), 60, &interrupt);
        setter.join().unwrap();
        assert!(matches!(result, Err(CheckError::Interrupted)), "{result:?}");
        assert!(told.exists());
    }
}
