//! Reads the notation of the grammar.
//!
//! A file of rules looks like this:
//!
//! ```text
//! # a comment
//! lost.open:
//!   $P {lost|mislaid} {a $T|{his|her} best $T} {on|near} <street>.
//!   ...one alternative a line...
//! street =
//!   Mill Lane | Fore Street | Tanner's Row
//! ```
//!
//! Inside an alternative: `{a|b}` is one of several, `<rule>` another rule, `<rule^>` another rule with its marked
//! verbs a step further back (`^broke/broken` gives "broke", and there "had broken"), `<act@trade>` the rule `act.` and the trade
//! of the person spoken of, `<@event>` and the like a rule of the matter spoken of, `$P` a person or a value (see
//! [`Value`]), `$P.his` a word about a person, `[3-9]` a number in words and `[=30-90]` one in digits.

use std::collections::HashMap;

use super::SampleError;
use super::grammar::{Grammar, Node, PersonWord, Value, Who};

impl Grammar {
    /// Reads files of rules.
    ///
    /// # Errors
    /// [`SampleError::Grammar`] with file and line.
    pub(super) fn parse(files: &[(&'static str, &'static str)]) -> Result<Self, SampleError> {
        let mut sources = Vec::new();
        for &(file, text) in files {
            collect(file, text, &mut sources)?;
        }
        let mut rules = HashMap::new();
        for (i, source) in sources.iter().enumerate() {
            if source.alternatives.is_empty() {
                return Err(source.place.error("a rule without alternatives"));
            }
            if rules.insert(source.name, i).is_some() {
                return Err(source.place.error("a second rule of this name"));
            }
        }
        let mut grammar = Self { rules, choices: vec![Vec::new(); sources.len()] };
        for (i, source) in sources.into_iter().enumerate() {
            for (place, text) in source.alternatives {
                let nodes = grammar.alternative(text, place)?;
                grammar.choices[i].push(nodes);
            }
        }
        Ok(grammar)
    }

    fn alternative(&mut self, text: &'static str, place: Place) -> Result<Vec<Node>, SampleError> {
        let mut nodes = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find(['{', '<', '[', '$', '^']) {
            if start > 0 {
                nodes.push(Node::Text(&rest[..start]));
            }
            let (mark, tail) = rest[start..].split_at(1);
            rest = match mark {
                "{" => {
                    let end = closing(tail).ok_or_else(|| place.error("a { without its }"))?;
                    let id = self.choices.len();
                    self.choices.push(Vec::new());
                    for part in split_top(&tail[..end]) {
                        let part = self.alternative(part, place)?;
                        self.choices[id].push(part);
                    }
                    nodes.push(Node::Choice { id, back: false });
                    &tail[end + 1..]
                }
                "<" => {
                    let (name, tail) = tail.split_once('>').ok_or_else(|| place.error("a < without its >"))?;
                    let (name, back) = name.strip_suffix('^').map_or((name, false), |name| (name, true));
                    nodes.push(match (name.contains('@'), self.rule(name)) {
                        (true, _) => Node::Late { name, back },
                        (false, Some(id)) => Node::Choice { id, back },
                        (false, None) => return Err(place.error(&format!("there is no rule {name}"))),
                    });
                    tail
                }
                "[" => {
                    let (range, tail) = tail.split_once(']').ok_or_else(|| place.error("a [ without its ]"))?;
                    let (range, digits) = range.strip_prefix('=').map_or((range, false), |range| (range, true));
                    let bounds = range.split_once('-').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
                    let (low, high) = bounds.ok_or_else(|| place.error("not a range of numbers"))?;
                    nodes.push(Node::Number { low, high, digits });
                    tail
                }
                "^" => {
                    let (past, tail) = word(tail);
                    let (participle, tail) = tail.strip_prefix('/').map_or((past, tail), word);
                    if past.is_empty() {
                        return Err(place.error("a ^ without a verb"));
                    }
                    nodes.push(Node::Verb { past, participle });
                    tail
                }
                _ => {
                    let (name, tail) = word(tail);
                    let (node, tail) = variable(name, tail).ok_or_else(|| place.error(&format!("what is ${name}?")))?;
                    nodes.push(node);
                    tail
                }
            };
        }
        if !rest.is_empty() {
            nodes.push(Node::Text(rest));
        }
        Ok(nodes)
    }
}

/// A rule as it is written.
struct Source {
    name: &'static str,
    place: Place,
    alternatives: Vec<(Place, &'static str)>,
}

/// Finds the rules of a file and their alternatives.
fn collect(file: &'static str, text: &'static str, sources: &mut Vec<Source>) -> Result<(), SampleError> {
    let mut is_list = false;
    for (i, line) in text.lines().enumerate() {
        let place = Place { file, line: i + 1 };
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        if line.starts_with("  ") {
            let source = sources.last_mut().ok_or_else(|| place.error("text before a rule"))?;
            let parts = if is_list { split_top(line) } else { vec![line] };
            let parts = parts.into_iter().map(str::trim).filter(|part| !part.is_empty());
            source.alternatives.extend(parts.map(|part| (place, part)));
            continue;
        }
        let name = line.strip_suffix(" =").or_else(|| line.strip_suffix(':'));
        let name = name.ok_or_else(|| place.error("neither a rule nor an alternative"))?;
        is_list = line.ends_with('=');
        sources.push(Source { name, place, alternatives: Vec::new() });
    }
    Ok(())
}

/// Where something is written.
#[derive(Debug, Clone, Copy)]
struct Place {
    file: &'static str,
    line: usize,
}

impl Place {
    fn error(self, what: &str) -> SampleError {
        SampleError::Grammar { file: self.file, line: self.line, what: what.to_owned() }
    }
}

/// The letters at the beginning, and the rest.
fn word(text: &'static str) -> (&'static str, &'static str) {
    text.split_at(text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len()))
}

/// Where the brace closes that was opened before `text`.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (i, c) in text.bytes().enumerate() {
        match c {
            b'{' => depth += 1,
            b'}' if depth == 0 => return Some(i),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Splits at the bars that are not inside braces.
fn split_top(text: &'static str) -> Vec<&'static str> {
    let (mut depth, mut start, mut parts) = (0_u32, 0, Vec::new());
    for (i, c) in text.bytes().enumerate() {
        match c {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            b'|' if depth == 0 => {
                parts.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// The variable `name`, which may take a word and a possessive ending from `tail`.
fn variable(name: &str, tail: &'static str) -> Option<(Node, &'static str)> {
    let who = match name {
        "P" => Who::P,
        "Q" => Who::Q,
        "R" => Who::R,
        "A" => Who::A,
        "B" => Who::B,
        "D" => Who::D,
        "W" => Who::W,
        _ => return value(name).map(|value| (Node::Value(value), tail)),
    };
    let (about, after) = tail.strip_prefix('.').map_or(("", tail), word);
    let (word, tail) = match about {
        "" => (PersonWord::Mention, tail),
        "full" => (PersonWord::Full, after),
        "first" => (PersonWord::First, after),
        "last" => (PersonWord::Last, after),
        "he" => (PersonWord::He, after),
        "him" => (PersonWord::Him, after),
        "his" => (PersonWord::His, after),
        "self" => (PersonWord::Himself, after),
        "trade" => (PersonWord::Trade, after),
        _ => return None,
    };
    Some((Node::Person { who, word, possessive: tail.starts_with("'s") }, tail))
}

fn value(name: &str) -> Option<Value> {
    Some(match name {
        "T" => Value::Thing,
        "K" => Value::Kind,
        "town" => Value::Town,
        "river" => Value::River,
        "hill" => Value::Hill,
        "paper" => Value::Paper,
        "street" => Value::Street,
        "inn" => Value::Inn,
        "village" => Value::Village,
        "name" => Value::Name,
        "man" => Value::Man,
        "woman" => Value::Woman,
        "surname" => Value::Surname,
        "farm" => Value::Farm,
        "money" => Value::Money,
        "pence" => Value::Pence,
        "weekday" => Value::Weekday,
        "clock" => Value::Clock,
        "month" => Value::Month,
        "year" => Value::Year,
        "lastyear" => Value::LastYear,
        "ago" => Value::Ago,
        "since" => Value::Since,
        "sum" => Value::Sum,
        "cost" => Value::Cost,
        "firm" => Value::Firm,
        "site" => Value::Site,
        "vote" => Value::Vote,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_found_with_their_line() {
        for (text, line, what) in [
            ("a:\n  one <b>\n", 2, "no rule b"),
            ("a:\n  {one|two\n", 2, "without its }"),
            ("a:\n  $zebra\n", 2, "$zebra"),
            ("a:\n\nb:\n  x\n", 1, "without alternatives"),
            ("a:\n  x\na:\n  y\n", 3, "second rule"),
            ("  x\n", 1, "before a rule"),
            ("a:\n  [3]\n", 2, "range"),
        ] {
            let error = Grammar::parse(&[("test.txt", text)]).unwrap_err().to_string();
            assert!(error.contains(&format!("test.txt:{line}")) && error.contains(what), "{error}");
        }
    }

    #[test]
    fn lists_and_lines_give_alternatives() {
        let grammar = Grammar::parse(&[("t", "a =\n  x | {y|z} w |\n  v\nb:\n  p | q\n")]).unwrap();
        assert_eq!(grammar.alternatives(grammar.rule("a").unwrap()).len(), 3);
        assert_eq!(grammar.alternatives(grammar.rule("b").unwrap()).len(), 1);
    }
}
