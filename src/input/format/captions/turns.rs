//! Cues, put together to what each speaker says.

use super::super::flow::Flow;
use super::cue::{Cue, Spoken};
use super::rolling::unsaid;
use crate::text::speaker::{Opening, opening};

/// A silence that begins a new paragraph, in milliseconds.
const PAUSE: u64 = 3000;

/// Captions that roll up follow each other within this time, in milliseconds.
const AT_ONCE: u64 = 500;

/// What was said by now.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// The lines that were shown last.
    shown: Vec<Spoken>,
    /// When they went, in milliseconds.
    end: u64,
    speaker: Speaker,
}

/// Who spoke last.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
enum Speaker {
    /// Nobody knows.
    #[default]
    Unknown,
    /// A tag said it.
    Tagged(String),
    /// The text said it.
    Named(String),
    /// The other one, as a dash says.
    Other,
}

impl Turns {
    /// Writes what is new in `cue`.
    pub fn add(&mut self, cue: &Cue, flow: &mut Flow) {
        let timing = cue.timing();
        let shown = cue.spoken();
        // some captions have empty cues between them
        if shown.is_empty() {
            return;
        }
        let fresh = if timing.start <= self.end + AT_ONCE { unsaid(&self.shown, shown.clone()) } else { shown.clone() };
        let mut paused = timing.start > self.end + PAUSE;
        for (at, line) in fresh.iter().enumerate() {
            self.say(line, std::mem::take(&mut paused), at == 0, flow);
        }
        (self.shown, self.end) = (shown, timing.end.max(timing.start));
    }

    /// Writes a line; `first` if it is the first of its cue.
    fn say(&mut self, line: &Spoken, paused: bool, first: bool, flow: &mut Flow) {
        let mut said = line.text.as_str();
        let speaker = match (&line.voice, opening(&line.text)) {
            (Some(name), _) => Speaker::Tagged(name.clone()),
            (None, Opening::Name(name, rest)) => {
                if !paused && self.speaker == Speaker::Named(name.to_owned()) {
                    said = rest;
                }
                Speaker::Named(name.to_owned())
            }
            (None, Opening::Mark) => Speaker::Other,
            (None, Opening::Speech) => self.unnamed(first, flow),
        };
        let marked = speaker == Speaker::Other && opening(said) == Opening::Mark;
        if marked {
            // in a text it would be the mark of a quoted mail, and a paragraph says as much
            said = said.trim_start_matches('>').trim_start();
        }
        if paused || marked || speaker != self.speaker {
            flow.paragraph();
            if let Speaker::Tagged(name) = &speaker {
                flow.text(&format!("{name}: "));
            }
        } else {
            flow.soft();
        }
        flow.text(said);
        self.speaker = speaker;
    }

    /// Who speaks a line that does not say it.
    fn unnamed(&self, first: bool, flow: &Flow) -> Speaker {
        let ended = flow.last().is_none_or(|c| !c.is_alphanumeric() && !",;-–—".contains(c));
        match &self.speaker {
            // the voice ended
            Speaker::Tagged(_) => Speaker::Unknown,
            // dashes tell two speakers apart within one cue only
            Speaker::Other if first && ended => Speaker::Unknown,
            speaker => speaker.clone(),
        }
    }
}
