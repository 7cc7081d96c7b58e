//! The only place that prints. Summaries go to stdout, everything else to stderr.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::exit::ExitStatus;
use super::output::OutputFile;
use super::progress::Reading;

/// How much is said on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// Errors only.
    Quiet,
    /// What a person wants to know.
    Normal,
    /// Also what helps to find out what is going on.
    Verbose,
}

/// Writes to the terminal, or to whatever takes its place.
#[derive(Debug)]
pub struct Printer {
    verbosity: Verbosity,
    stdout_is_terminal: bool,
    animate: bool,
    closed: bool,
    output: Option<OutputFile>,
    /// Whether something was written to it.
    is_output_written: bool,
    progress: Option<Progress>,
}

/// A bar, and what it was made for.
#[derive(Debug)]
struct Progress {
    bar: ProgressBar,
    total: Option<u64>,
    unit: Unit,
}

impl Printer {
    /// A printer for this process.
    pub fn new(verbosity: Verbosity) -> Self {
        Self {
            verbosity,
            stdout_is_terminal: io::stdout().is_terminal(),
            animate: verbosity == Verbosity::Normal && io::stderr().is_terminal() && can_animate(),
            closed: false,
            output: None,
            is_output_written: false,
            progress: None,
        }
    }

    /// Sends what would go to stdout to a file, until [`Printer::finish_output`].
    ///
    /// # Errors
    /// If the file could not be written.
    pub fn redirect(&mut self, path: &Path) -> io::Result<()> {
        self.output = Some(OutputFile::create(path)?);
        Ok(())
    }

    /// Gives the file of [`Printer::redirect`] its name, if there is one. Where nothing was written, an older file stays what it was.
    ///
    /// # Errors
    /// If the file cannot be written to its end.
    pub fn finish_output(&mut self) -> io::Result<()> {
        self.output.take().filter(|_| self.is_output_written).map_or(Ok(()), OutputFile::finish)
    }

    /// Whether whoever read stdout has gone away.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Writes a piece of the summary.
    ///
    /// # Errors
    /// If stdout cannot be written; when its reader has gone away, [`Printer::is_closed`] is set too.
    pub fn summary(&mut self, text: &str) -> io::Result<()> {
        self.end_progress();
        if self.stdout_is_terminal && self.output.is_none() {
            self.stdout(&escape_controls(text))
        } else {
            self.stdout(text)
        }
    }

    /// Writes to stdout as it is.
    ///
    /// # Errors
    /// As [`Printer::summary`].
    pub fn stdout(&mut self, text: &str) -> io::Result<()> {
        if let Some(output) = &mut self.output {
            self.is_output_written |= !text.is_empty();
            return output.write(text);
        }
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
        if written.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::BrokenPipe) {
            self.closed = true;
        }
        written.map_err(|e| io::Error::new(e.kind(), format!("the output cannot be written: {e}")))
    }

    /// Writes lines for a person.
    pub fn note(&mut self, text: &str) {
        if self.verbosity != Verbosity::Quiet {
            self.end_progress();
            stderr(text.trim_end());
        }
    }

    /// Writes what a usage error shows, however little was asked for.
    pub fn usage(&mut self, text: &str) {
        self.end_progress();
        stderr(text.trim_end());
    }

    /// Writes a line only if more was asked for.
    pub fn detail(&mut self, text: &str) {
        if self.verbosity == Verbosity::Verbose {
            self.note(text);
        }
    }

    /// Writes a warning of one line.
    pub fn warn(&mut self, text: &str) {
        self.note(&format!("warning: {}", one_line(text)));
    }

    /// Writes a line about something that is missing in the end.
    pub fn problem(&mut self, text: &str) {
        self.end_progress();
        stderr(&format!("error: {}", one_line(text)));
    }

    /// Writes an error of one line and gives its exit code.
    pub fn fail(&mut self, error: &anyhow::Error) -> ExitStatus {
        self.end_progress();
        stderr(&format!("error: {}", one_line(&chain(error))));
        ExitStatus::of(error)
    }

    /// Shows how far a task is; only on a terminal. `total` is unknown for a pipe.
    pub fn progress(&mut self, done: u64, total: Option<u64>, unit: Unit, message: &str) {
        if !self.animate {
            return;
        }
        if self.progress.as_ref().is_some_and(|shown| (shown.total, shown.unit) != (total, unit)) {
            self.end_progress();
        }
        let shown = self.progress.get_or_insert_with(|| Progress { bar: new_bar(done, total, unit), total, unit });
        shown.bar.set_position(done);
        shown.bar.set_message(message.to_owned());
    }

    /// Shows how far a document was read; only on a terminal.
    pub fn reading(&mut self, reading: &Reading) {
        if !self.animate {
            return;
        }
        let total = reading.total_bytes;
        let shown = self.progress.get_or_insert_with(|| Progress { bar: reading_bar(total), total, unit: Unit::Bytes });
        shown.bar.set_position(reading.bytes);
        shown.bar.set_message(reading.line());
    }

    /// Takes the progress bar away.
    pub fn end_progress(&mut self) {
        if let Some(shown) = self.progress.take() {
            shown.bar.finish_and_clear();
        }
    }
}

/// What a progress bar counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes of a file.
    Bytes,
    /// Bytes of a file from elsewhere, whose speed is of interest.
    Download,
}

fn new_bar(done: u64, total: Option<u64>, unit: Unit) -> ProgressBar {
    let counts = match (unit, total) {
        (Unit::Bytes, _) => "{decimal_bytes}",
        (Unit::Download, None) => "{decimal_bytes}  {decimal_bytes_per_sec}",
        (Unit::Download, Some(_)) => "{decimal_bytes} of {decimal_total_bytes}  {decimal_bytes_per_sec}",
    };
    let template = match total {
        Some(_) => format!("{{bar:24}} {{percent:>3}} %  {{msg}}  {counts}  {{eta}} left"),
        None => format!("{{spinner}} {{msg}}  {counts}  {{elapsed}}"),
    };
    let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(5));
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    // what was there before does not count as speed
    bar.set_position(done);
    bar.reset_eta();
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}

fn reading_bar(total_bytes: Option<u64>) -> ProgressBar {
    let template = if total_bytes.is_some() { "{bar:20} {percent:>3} %  {wide_msg}" } else { "{spinner} {wide_msg}" };
    let bar = total_bytes.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(5));
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// A terminal that cannot move its cursor gets no line that is drawn again and again.
fn can_animate() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

fn stderr(text: &str) {
    // nobody is left to tell if this fails
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// An error and what caused it. An outer error often repeats the inner one.
pub fn chain(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for part in error.chain().map(ToString::to_string) {
        if !line.contains(&part) {
            line += if line.is_empty() { "" } else { ": " };
            line += &part;
        }
    }
    line
}

/// A message as one line without control characters, whatever a path or a file put into it.
pub fn one_line(text: &str) -> String {
    escape_controls(&text.replace(['\n', '\r', '\t'], " "))
}

/// Shows control and direction-changing characters instead of sending them to a terminal.
fn escape_controls(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let hidden = (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        if hidden { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}

/// The log of llama.cpp, with `--verbose`.
pub fn llama_log(text: &str) {
    let _ = write!(io::stderr().lock(), "{text}");
}

/// The last words of llama.cpp.
pub fn llama_abort(message: &str) {
    // "directories/file:line: message": the directories are those of the machine that built this
    let (place, what) = message.split_once(": ").unwrap_or(("", message));
    let place = place.rsplit(['/', '\\']).next().unwrap_or_default();
    stderr(&format!("error: llama.cpp stopped at {place}: {}; the model file may be broken", one_line(what)));
}

#[cfg(test)]
mod tests {
    #[test]
    fn controls_are_shown() {
        assert_eq!(super::escape_controls("a\u{1b}[2Jb\nc\td\u{202e}"), "a\\u{1b}[2Jb\nc\td\\u{202e}");
    }
}
