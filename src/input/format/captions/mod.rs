//! SubRip and WebVTT: what was said, in paragraphs.
//!
//! Both are made of cues: a line with two times, lines of text, an empty line. Many files that people have are not
//! quite right, so only the times are relied on: what stands behind them, up to the next times, is their text.

mod cue;
mod rolling;
mod timing;
mod turns;

use super::convert::{Convert, LIMIT};
use super::error::FormatError;
use super::flow::Flow;
use super::lines::{Lines, LongLine};
use cue::Cue;
use timing::Timing;
use turns::Turns;

/// One of the two formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Srt,
    Vtt,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Srt => "SubRip",
            Self::Vtt => "WebVTT",
        }
    }

    fn example(self) -> &'static str {
        match self {
            Self::Srt => "00:00:01,000 --> 00:00:04,000",
            Self::Vtt => "00:01.000 --> 00:04.000",
        }
    }
}

/// Turns a transcript into text.
#[derive(Debug)]
pub(super) struct Captions {
    lines: Lines,
    state: State,
    flow: Flow,
}

/// What was seen by now.
#[derive(Debug)]
struct State {
    kind: Kind,
    /// The cue that is being read; `None` before the first.
    cue: Option<Cue>,
    /// What stands before the first cue. It may be the text of one whose times are damaged.
    early: Cue,
    /// Within the header; `None` before the first line.
    header: Option<bool>,
    /// A line that is the number or name of the next cue, if times follow.
    held: Option<String>,
    /// The line before was empty.
    after_blank: bool,
    /// Within a comment or style.
    aside: bool,
    turns: Turns,
}

/// Why a line was not taken.
enum Refused {
    Line(u64),
    Cue(String),
    Early,
}

impl From<LongLine> for Refused {
    fn from(LongLine(number): LongLine) -> Self {
        Self::Line(number)
    }
}

impl Captions {
    /// Reads SubRip.
    pub fn srt() -> Self {
        Self::new(Kind::Srt)
    }

    /// Reads WebVTT.
    pub fn vtt() -> Self {
        Self::new(Kind::Vtt)
    }

    fn new(kind: Kind) -> Self {
        let state = State {
            kind,
            cue: None,
            early: Cue::new(Timing { start: 0, end: 0 }),
            header: None,
            held: None,
            after_blank: true,
            aside: false,
            turns: Turns::default(),
        };
        Self { lines: Lines::default(), state, flow: Flow::default() }
    }

    fn too_long(&self, refused: Refused) -> FormatError {
        let what = match refused {
            Refused::Line(number) => format!("line {number}"),
            Refused::Cue(time) => format!("the text of the cue at {time}"),
            Refused::Early => "the text before the first times".to_owned(),
        };
        FormatError::TooLong { format: self.state.kind.name(), what }
    }
}

impl Convert for Captions {
    fn push(&mut self, piece: &str, out: &mut String) -> Result<(), FormatError> {
        let (state, flow) = (&mut self.state, &mut self.flow);
        let taken = self.lines.push(piece, |line| state.line(line, flow));
        self.flow.drain_into(out);
        taken.map_err(|refused| self.too_long(refused))
    }

    fn finish(&mut self, out: &mut String) -> Result<(), FormatError> {
        let kind = self.state.kind;
        if let Some(line) = self.lines.finish() {
            self.state.line(&line, &mut self.flow).map_err(|refused| self.too_long(refused))?;
        }
        self.state.release().map_err(|refused| self.too_long(refused))?;
        let last = self.state.cue.take();
        let last = last.ok_or(FormatError::NoCues { format: kind.name(), example: kind.example() })?;
        self.state.turns.add(&last, &mut self.flow);
        self.flow.drain_into(out);
        Ok(())
    }
}

impl State {
    fn line(&mut self, line: &str, flow: &mut Flow) -> Result<(), Refused> {
        let line = line.trim();
        if let Some(timing) = Timing::parse(line) {
            self.held = None;
            (self.aside, self.after_blank) = (false, false);
            match self.cue.replace(Cue::new(timing)) {
                Some(before) => self.turns.add(&before, flow),
                None => {
                    self.turns.add(&self.early, flow);
                    flow.paragraph();
                }
            }
            return Ok(());
        }
        self.release()?;
        // whatever the file is called
        let in_header = self.header.unwrap_or(line.starts_with("WEBVTT")) && !line.is_empty();
        self.header = Some(in_header);
        let after_blank = std::mem::replace(&mut self.after_blank, line.is_empty());
        self.aside = !line.is_empty() && (self.aside || (after_blank && self.begins_aside(line)));
        if line.is_empty() || self.aside || in_header {
            return Ok(());
        }
        let may_name_a_cue = match self.kind {
            Kind::Srt => line.bytes().all(|b| b.is_ascii_digit()),
            Kind::Vtt => after_blank,
        };
        if may_name_a_cue {
            self.held = Some(line.to_owned());
            return Ok(());
        }
        self.say(line)
    }

    /// No times followed: what was held is text.
    fn release(&mut self) -> Result<(), Refused> {
        match self.held.take() {
            Some(line) => self.say(&line),
            None => Ok(()),
        }
    }

    fn say(&mut self, line: &str) -> Result<(), Refused> {
        let cue = self.cue.as_mut().unwrap_or(&mut self.early);
        cue.push(line);
        match &self.cue {
            Some(cue) if cue.len() > LIMIT => Err(Refused::Cue(cue.timing().to_string())),
            None if self.early.len() > LIMIT => Err(Refused::Early),
            _ => Ok(()),
        }
    }

    fn begins_aside(&self, line: &str) -> bool {
        let word = line.split([' ', '\t']).next().unwrap_or_default();
        self.kind == Kind::Vtt && (word == "NOTE" || line == "STYLE" || line == "REGION")
    }
}
