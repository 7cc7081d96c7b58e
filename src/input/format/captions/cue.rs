//! The text of a cue, without its tags.

use super::super::entities::unescape;
use super::timing::{Timing, time};

/// Longest name of a speaker that a tag may have, in bytes. Each line of a cue has its own copy.
const NAME: usize = 256;

/// Tags that either format has, or that players understand in both.
const TAGS: [&str; 14] = ["b", "br", "c", "em", "font", "i", "lang", "rt", "ruby", "s", "span", "strong", "u", "v"];

/// A cue as it stands in the file.
#[derive(Debug)]
pub(super) struct Cue {
    timing: Timing,
    lines: Vec<String>,
    bytes: usize,
}

/// A line of a cue, as a reader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spoken {
    /// Who speaks, where a tag says it.
    pub voice: Option<String>,
    /// What is said; not empty.
    pub text: String,
}

impl Cue {
    pub fn new(timing: Timing) -> Self {
        Self { timing, lines: Vec::new(), bytes: 0 }
    }

    pub fn timing(&self) -> Timing {
        self.timing
    }

    pub fn push(&mut self, line: &str) {
        // what a line costs besides its text
        self.bytes += line.len() + size_of::<String>();
        self.lines.push(line.to_owned());
    }

    /// Bytes that it takes.
    pub fn len(&self) -> usize {
        self.bytes
    }

    /// What is said in it.
    pub fn spoken(&self) -> Vec<Spoken> {
        let mut spoken = Vec::new();
        let mut voice = None;
        for line in &self.lines {
            let mut text = String::new();
            let mut rest = line.as_str();
            while let Some(at) = rest.find(['<', '{']) {
                text.push_str(&rest[..at]);
                rest = &rest[at..];
                let Some((tag, behind)) = tag(rest) else {
                    // both are one byte long
                    text.push_str(&rest[..1]);
                    rest = &rest[1..];
                    continue;
                };
                rest = behind;
                match tag {
                    Tag::Voice(name) => {
                        say(&mut spoken, &voice, &mut text);
                        voice = name;
                    }
                    Tag::Break => text.push(' '),
                    Tag::Other => {}
                }
            }
            text.push_str(rest);
            say(&mut spoken, &voice, &mut text);
        }
        spoken
    }
}

fn say(spoken: &mut Vec<Spoken>, voice: &Option<String>, text: &mut String) {
    let said = words(&std::mem::take(text));
    if !said.is_empty() {
        spoken.push(Spoken { voice: voice.clone(), text: said });
    }
}

/// Text without references, and with single spaces.
fn words(text: &str) -> String {
    unescape(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What is to be done about a tag.
enum Tag {
    /// Somebody begins or ends to speak.
    Voice(Option<String>),
    Break,
    Other,
}

/// The tag at the begin of `text`, and what is behind it; `None` if it only looks like one.
fn tag(text: &str) -> Option<(Tag, &str)> {
    if let Some(inner) = text.strip_prefix('{') {
        let (inner, behind) = until(inner, '{', '}')?;
        let styles = inner.starts_with('\\') || matches!(inner.trim_start_matches('/'), "b" | "i" | "u" | "s");
        return styles.then_some((Tag::Other, behind));
    }
    let (inner, behind) = until(text.strip_prefix('<')?, '<', '>')?;
    if time(inner).is_some() {
        return Some((Tag::Other, behind));
    }
    let (closes, inner) = inner.strip_prefix('/').map_or((false, inner), |inner| (true, inner));
    let end = inner.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(inner.len());
    let (name, rest) = inner.split_at(end);
    let name = name.to_ascii_lowercase();
    if !TAGS.contains(&name.as_str()) {
        return None;
    }
    let tag = match name.as_str() {
        "v" if closes => Tag::Voice(None),
        // classes may stand between the tag and the name
        "v" => {
            let name = rest.split_once([' ', '\t']).map_or("", |(_, name)| name);
            if name.len() > NAME {
                return None;
            }
            Tag::Voice(Some(words(name)).filter(|name| !name.is_empty()))
        }
        "br" => Tag::Break,
        _ => Tag::Other,
    };
    Some((tag, behind))
}

/// What is before and behind `close`. There is no `open` within a tag, so many of them are looked through only once.
fn until(text: &str, open: char, close: char) -> Option<(&str, &str)> {
    let (inner, behind) = text.split_at(text.find([open, close])?);
    behind.strip_prefix(close).map(|behind| (inner, behind))
}
