//! `edgeinf summarize`.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Error, Result};

use crate::embed::SentenceModel;
use crate::input::{Source, TokenStream};
use crate::llama::SamplerParams;
use crate::memory::policy::Policy;
use crate::quote::{Quote, show};
use crate::report::dry_run::DryRun;
use crate::report::failure::Failure;
use crate::report::memory::{peak_rss_bytes, reset_peak_rss};
use crate::report::statistics::{Run, Statistics};
use crate::summary::again::from_notes;
use crate::summary::error::SummaryError;
use crate::summary::forecast::forecast;
use crate::summary::notes::{KeptNotes, NoteSizes};
use crate::summary::plan::Settings;
use crate::summary::prompts::Prompts;
use crate::summary::request::Request;
use crate::summary::run::{Event, Outcome, summarize};
use crate::summary::strategy::Strategy;
use crate::summary::writing::Writing;

use super::args::SummarizeArgs;
use super::embeddings::embedder;
use super::engine::{Engine, threads};
use super::exit::ExitStatus;
use super::keep_notes::NotesFile;
use super::printer::{Printer, chain, one_line};
use super::progress::Reading;
use super::quotes;

/// Reads documents, prints their summaries and what it cost. One that fails does not keep the others from being read.
pub fn run(
    args: &SummarizeArgs,
    printer: &mut Printer,
    interrupt: &Arc<AtomicBool>,
    start: Instant,
) -> Result<ExitStatus> {
    let stdin = [PathBuf::from("-")];
    let files = match &args.from_notes {
        Some(notes) => std::slice::from_ref(notes),
        None if args.files.is_empty() => &stdin,
        None => args.files.as_slice(),
    };
    if let Some(path) = args.output.as_ref().filter(|path| path.as_os_str() != "-") {
        printer.redirect(path)?;
    }
    let mut engine = None;
    let mut worst = ExitStatus::Success;
    for (i, file) in files.iter().enumerate() {
        let mut pass = Pass {
            args,
            file,
            start: if i == 0 { start } else { Instant::now() },
            several: files.len() > 1,
            first: i == 0,
            last: i + 1 == files.len(),
            unwritable: false,
        };
        match pass.run(&mut engine, printer, interrupt) {
            Ok(status) => worst = worst.worse(status),
            // a reader that has seen enough is no failure
            Err(_) if printer.is_closed() => return Ok(worst),
            Err(error) => {
                let status = printer.fail(&error);
                worst = worst.worse(status);
                // what comes would not be written either
                if status == ExitStatus::Interrupted || pass.unwritable {
                    return Ok(worst);
                }
                let failed = |file: &Path, status: ExitStatus, error: &Error| {
                    let failure = Failure::new(file, status as u8, one_line(&chain(error)));
                    Ok::<_, Error>(serde_json::to_string(&failure)? + "\n")
                };
                if args.json {
                    printer.stdout(&failed(file, status, &error)?)?;
                }
                // without a model the others fail in the same way, if not for a reason of their own
                if engine.is_none() && status == ExitStatus::Model {
                    for file in files[i + 1..].iter().filter(|_| args.json) {
                        let line = match Source::open(file, args.input.reading(), interrupt) {
                            Ok(_) => failed(file, status, &error)?,
                            Err(own) => failed(file, ExitStatus::Input, &own.into())?,
                        };
                        printer.stdout(&line)?;
                    }
                    break;
                }
                if files.len() > 1 {
                    printer.note(&one_line(&format!("{}: left out", file.display())));
                }
            }
        }
    }
    // a failure is something to say in JSON, and nothing to replace a summary by
    if args.json || matches!(worst, ExitStatus::Success | ExitStatus::Incomplete) {
        printer.finish_output()?;
    }
    Ok(worst)
}

/// What a summary is written from.
enum Input {
    Document(Box<Source>),
    /// With the text of the document, where passages of it are wanted.
    Notes(KeptNotes, Option<File>),
}

/// What is reported beside the outcome.
struct Told {
    /// Of the document.
    bytes: u64,
    /// Time to load the model.
    load: Duration,
    /// Time until reading began.
    before: Duration,
    quotes: Option<Vec<Quote>>,
}

/// One file on its way through.
struct Pass<'a> {
    args: &'a SummarizeArgs,
    file: &'a Path,
    start: Instant,
    several: bool,
    first: bool,
    last: bool,
    /// Whether the output could not be written.
    unwritable: bool,
}

impl Pass<'_> {
    fn run(
        &mut self,
        engine: &mut Option<Engine>,
        printer: &mut Printer,
        interrupt: &Arc<AtomicBool>,
    ) -> Result<ExitStatus> {
        // the document first: its faults are cheap to find
        let input = match &self.args.from_notes {
            Some(path) => self.notes(path, interrupt)?,
            None => Input::Document(Box::new(Source::open(self.file, self.args.input.reading(), interrupt)?)),
        };
        let mut load = Duration::ZERO;
        let engine = match engine {
            Some(engine) => {
                reset_peak_rss();
                engine
            }
            None => {
                let mut loaded = Engine::load(&self.args.engine, printer)?;
                if self.args.policy.policy().is_some_and(Policy::needs_gate) {
                    loaded.open_built_in(printer)?;
                } else if self.args.may_use_gate() {
                    loaded.offer_built_in();
                }
                load = loaded.load_time;
                engine.insert(loaded)
            }
        };
        // before the document is read: its faults are cheap to find, too
        let sentences = if self.args.quote { self.args.embeddings.load()? } else { None };
        let settings = self.settings(engine);
        let writing = self.writing()?;
        let source = match input {
            Input::Document(source) => *source,
            Input::Notes(kept, copy) => {
                let (before, (_, bytes)) = (self.start.elapsed(), kept.covered());
                let outcome = self.write(printer, None, interrupt, |observer| {
                    from_notes(&engine.model, kept, settings, &writing, interrupt, observer)
                })?;
                let found = copy.map(|file| self.quotes(file, &outcome, sentences.as_ref(), interrupt));
                let told = Told { bytes, load, before, quotes: None };
                return self.quote_and_report(printer, engine, &outcome, found, told);
            }
        };
        let total_bytes = source.total_bytes();
        let mut document = TokenStream::new(source, engine.model.vocab(), Arc::clone(interrupt))?;
        if self.args.dry_run {
            let forecast = forecast(&engine.model, &mut document, &settings, &writing, interrupt)?;
            if let Some(error) = &forecast.no_notes {
                printer.warn(&no_notes(error));
            }
            let report = DryRun::new(self.file, document.bytes_read(), load, &forecast);
            if self.args.json {
                self.print(printer, &(serde_json::to_string(&report)? + "\n"))?;
            } else {
                // it names the file, whatever characters that has
                printer.summary(&report.to_text()).map_err(|error| self.cannot_write(error))?;
            }
            return Ok(ExitStatus::Success);
        }

        if self.args.quote {
            quotes::keep(&mut document)?;
        }
        let before = self.start.elapsed();
        let outcome = self.write(printer, total_bytes, interrupt, |observer| {
            summarize(&engine.model, &mut document, settings, &writing, interrupt, observer)
        })?;
        let copy = document.take_copy().map_err(Error::from).transpose();
        let found = copy.map(|file| self.quotes(file?, &outcome, sentences.as_ref(), interrupt));
        let told = Told { bytes: document.bytes_read(), load, before, quotes: None };
        self.quote_and_report(printer, engine, &outcome, found, told)
    }

    /// Opens notes, and the document that they are of where passages of it are wanted.
    fn notes(&self, path: &Path, interrupt: &Arc<AtomicBool>) -> Result<Input> {
        let kept = KeptNotes::open(path, interrupt)?;
        let Some(document) = self.args.files.first() else { return Ok(Input::Notes(kept, None)) };
        let (file, n_bytes) = quotes::copy(Source::open(document, self.args.input.reading(), interrupt)?)?;
        kept.check_document(path, document, n_bytes)?;
        Ok(Input::Notes(kept, Some(file)))
    }

    /// The passages that a summary rests on.
    fn quotes(
        &self,
        file: File,
        outcome: &Outcome,
        sentences: Option<&SentenceModel>,
        interrupt: &Arc<AtomicBool>,
    ) -> Result<Vec<Quote>> {
        let mut embedder = embedder(sentences, threads(self.args.engine.threads)?, interrupt)?;
        quotes::find(file, outcome.written.text.trim(), embedder.as_mut(), interrupt)
    }

    /// Prints the summary with what was found for it, if that was looked for, and says what it cost.
    fn quote_and_report(
        &mut self,
        printer: &mut Printer,
        engine: &Engine,
        outcome: &Outcome,
        found: Option<Result<Vec<Quote>>>,
        mut told: Told,
    ) -> Result<ExitStatus> {
        let Some(found) = found else { return self.report(printer, engine, outcome, told) };
        let (quotes, error) = match found {
            Ok(quotes) => (Some(quotes), None),
            Err(error) => (None, Some(error)),
        };
        let summary = outcome.written.text.trim();
        if summary.is_empty() && self.several && !self.args.json {
            printer.summary(&self.header()).map_err(|error| self.cannot_write(error))?;
        } else if !summary.is_empty() && !self.args.json {
            // without quotes there is still the summary
            let shown = quotes.as_ref().filter(|quotes| !quotes.is_empty());
            let text = shown.map_or_else(|| format!("{summary}\n"), |quotes| show(quotes, quotes::WIDTH));
            printer.summary(&(self.header() + &text)).map_err(|error| self.cannot_write(error))?;
        }
        told.quotes = quotes;
        let status = self.report(printer, engine, outcome, told)?;
        Ok(error.map_or(status, |error| printer.fail(&error)))
    }

    /// Lets the model write, and prints what comes as it comes.
    fn write(
        &mut self,
        printer: &mut Printer,
        total_bytes: Option<u64>,
        interrupt: &AtomicBool,
        call: impl FnOnce(&mut dyn FnMut(Event<'_>)) -> Result<Outcome, SummaryError>,
    ) -> Result<Outcome> {
        let begin = Instant::now();
        let (mut wrote, mut unquoted) = (false, String::new());
        let mut write_error: Option<io::Error> = None;
        // nothing that comes could be written either
        let mut give_up = |result: io::Result<()>| {
            if let Err(error) = result {
                interrupt.store(true, Ordering::Relaxed);
                write_error.get_or_insert(error);
            }
        };
        let mut notes: Option<NotesFile> = None;
        let outcome = call(&mut |event| match event {
            Event::Started(policy, strategy) => {
                printer.detail(&format!("policy {policy}, strategy {strategy}"));
                let path = self.args.keep_notes.as_deref();
                if path.is_some() && strategy != Strategy::Notes {
                    printer.warn(&format!("strategy {strategy} takes no notes; they are not kept"));
                }
                let file = path.filter(|_| strategy == Strategy::Notes).map(NotesFile::create).transpose();
                give_up(file.map(|file| notes = file));
            }
            Event::Note(note) => give_up(notes.as_mut().map_or(Ok(()), |file| file.put(note))),
            Event::Read { tokens, bytes, segments } => {
                printer.reading(&Reading { tokens, bytes, total_bytes, segments, elapsed: begin.elapsed() });
            }
            Event::ReadAll { text_bytes } => {
                printer.end_progress();
                give_up(notes.as_mut().map_or(Ok(()), |file| file.end(text_bytes)));
            }
            Event::NoNotes(error) => printer.warn(&no_notes(error)),
            Event::Text(_) if self.args.json => {}
            Event::Text(text) if self.args.quote => unquoted += text,
            Event::Text(text) => {
                let header = if wrote { String::new() } else { self.header() };
                wrote = true;
                give_up(printer.summary(&(header + text)));
            }
        });
        printer.end_progress();
        if let Some(error) = write_error {
            return Err(self.cannot_write(error));
        }
        if wrote {
            self.print(printer, "\n")?;
        } else if self.several && outcome.is_ok() && !self.args.json && !self.args.quote {
            printer.summary(&self.header()).map_err(|error| self.cannot_write(error))?;
        }
        if outcome.is_err() && !unquoted.is_empty() {
            // what was written before it was broken off is not lost
            printer.summary(&(self.header() + &unquoted + "\n")).map_err(|error| self.cannot_write(error))?;
        }
        Ok(outcome?)
    }

    /// Says what it cost.
    fn report(&mut self, printer: &mut Printer, engine: &Engine, outcome: &Outcome, told: Told) -> Result<ExitStatus> {
        let run = Run {
            input: self.file.display().to_string(),
            input_bytes: told.bytes,
            model: engine.path.display().to_string(),
            gate: engine.gate_spec.as_ref().filter(|_| outcome.policy.needs_gate()).map(ToString::to_string),
            weights_bytes: engine.model.weight_bytes(),
            load: told.load,
            before: told.before,
            total: self.start.elapsed(),
            peak_rss_bytes: peak_rss_bytes(),
        };
        let counted = told.quotes.as_deref().map(quotes::count);
        let statistics = Statistics::new(run, outcome, told.quotes);
        if self.args.json {
            self.print(printer, &(serde_json::to_string(&statistics)? + "\n"))?;
        } else {
            let of =
                if self.several { format!("{}\n", one_line(&self.file.display().to_string())) } else { String::new() };
            printer.note(&(of + &statistics.to_text() + &counted.unwrap_or_default()));
        }
        let of = if self.several { format!("{}: ", self.file.display()) } else { String::new() };
        match statistics.incomplete_reason {
            // what is missing is said, however little was asked for
            Some(reason) if outcome.written.text.trim().is_empty() => {
                printer.problem(&format!("{of}there is no summary: {reason}"));
                Ok(ExitStatus::Incomplete)
            }
            Some(reason) => {
                printer.warn(&format!("{of}the summary is not complete: {reason}"));
                Ok(ExitStatus::Incomplete)
            }
            None => Ok(ExitStatus::Success),
        }
    }

    fn settings(&self, engine: &mut Engine) -> Settings {
        let args = self.args;
        // with one file the gate is handed on, so that it is in memory only once
        let gate = if self.last { engine.gate.take() } else { engine.gate.clone() };
        Settings {
            policy: args.policy.policy(),
            sizes: engine.sizes,
            cache_type: args.engine.cache_type.into(),
            flash_attention: !args.engine.no_flash_attention,
            threads: engine.threads,
            max_tokens: args.max_tokens.unwrap_or(args.length.max_tokens()),
            max_memory: args.max_memory,
            gate,
            is_gate_offered: engine.is_gate_offered,
            model_id: engine.model_id,
            sampler: SamplerParams {
                temperature: args.temp,
                top_p: args.top_p,
                seed: args.seed,
                ..SamplerParams::default()
            },
        }
    }

    fn writing(&self) -> Result<Writing> {
        let args = self.args;
        Ok(Writing {
            strategy: args.strategy.0,
            request: Request {
                length: args.length,
                style: args.style,
                language: args.language.clone(),
                question: args.prompt.clone(),
            },
            prompts: match &args.template {
                Some(path) => Prompts::open(path)?,
                None => Prompts::built_in()?,
            },
            notes: NoteSizes { every: args.note_every, tokens: args.note_tokens },
        })
    }

    /// What tells the summaries of several files apart, in the way of head(1).
    fn header(&self) -> String {
        match (self.several, self.first) {
            (false, _) => String::new(),
            (true, true) => format!("==> {} <==\n", self.file.display()),
            (true, false) => format!("\n==> {} <==\n", self.file.display()),
        }
    }

    fn print(&mut self, printer: &mut Printer, text: &str) -> Result<()> {
        printer.stdout(text).map_err(|error| self.cannot_write(error))
    }

    fn cannot_write(&mut self, error: io::Error) -> Error {
        self.unwritable = true;
        error.into()
    }
}

fn no_notes(error: &SummaryError) -> String {
    format!("no notes are taken, the summary is of what is remembered at the end: {error}")
}
