//! The templates of everything that a model is asked.
//!
//! They stand in `prompts.toml`; a user may replace them. A template gets [`Values`]. What comes from the document is put between
//! two private characters, so that it can be tokenized as text whatever it says.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use minijinja::{Environment, UndefinedBehavior};
use serde::{Deserialize, Serialize};

use super::prompt::Instructions;
use super::request::Request;
use crate::text::one_line;

/// Stands before text of the document within an instruction: a private character, which is taken out of the text itself.
pub(super) const OPEN: char = '\u{e000}';
/// Stands behind it.
pub(super) const CLOSE: char = '\u{e001}';

/// What there is when nobody replaces it.
const BUILT_IN: &str = include_str!("prompts.toml");

/// Longest file of templates, in bytes.
const LARGEST: u64 = 1 << 20;

/// What to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// The summary of a document that was just read.
    Summary,
    /// The answer to a question, from a document that was just read.
    Question,
    /// A note while reading.
    Note,
    /// The same where a question was asked.
    NoteQuestion,
    /// One note from several.
    Merge,
    /// A part of the summary, from notes.
    Part,
    /// The answer to a question, from notes.
    Answer,
    /// The summary of a chunk by itself.
    Chunk,
    /// The summary of the summaries of chunks.
    Reduce,
}

/// What a template can use.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Values {
    /// `short summary`, `summary` or `detailed summary`, by `--length`.
    pub kind: String,
    /// `in one paragraph`, `as a list of bullet points` and so on, by `--length` and `--style`.
    pub form: String,
    /// `--style`.
    pub style: String,
    /// `--language`; empty if none was named.
    pub language: String,
    /// `--prompt`; empty if there is none.
    pub question: String,
    /// How many words are wanted.
    pub words: u32,
    /// The sentences of the part that say most that is new, with spaces between them; empty if there are none.
    pub details: String,
    /// The note before, or the end of the summary so far; empty at the beginning.
    pub earlier: String,
    /// Which part of the summary this is, from 1; 0 where there are no parts.
    pub part: usize,
    /// Of how many.
    pub parts: usize,
    /// Parameters of the model, in millions.
    pub parameters: u64,
}

/// More parameters than any model has that fits a small machine, in millions.
const LARGE: u64 = 1_000_000;

impl Values {
    /// Something for each variable.
    fn all() -> Self {
        let text = || "text".to_owned();
        let (kind, form, style, language) = (text(), text(), text(), text());
        let (question, details, earlier) = (text(), text(), text());
        Self { kind, form, style, language, question, words: 1, details, earlier, part: 1, parts: 1, parameters: 1 }
    }
}

/// Why a template cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PromptsError {
    /// The file.
    #[error("the templates '{}' cannot be read: {reason}; name a file with --template", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// The file is no TOML, or has other tables and keys.
    #[error("the templates {name} are not as docs/templates.md has them: {reason}")]
    Parse {
        /// Their file, quoted.
        name: String,
        /// What is wrong, and where.
        reason: String,
    },
    /// A template is no Jinja, or uses what there is not.
    #[error("the template [{task}] {key} of {name} fails: {reason}; docs/templates.md lists the variables")]
    Template {
        /// Their file, quoted.
        name: String,
        /// Its table.
        task: &'static str,
        /// Its key.
        key: &'static str,
        /// What the template engine said.
        reason: String,
    },
}

/// Steps that a template may take: thousands of times as many as a prompt needs, and no loop without an end.
pub(super) const STEPS: u64 = 1_000_000;

/// What templates are rendered in.
fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_keep_trailing_newline(true);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(STEPS));
    environment
}

/// The templates of one task.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    /// Those of notes have only `after`.
    #[serde(default)]
    system: String,
    #[serde(default)]
    before: String,
    after: String,
}

/// The templates of all tasks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asks {
    summary: Ask,
    question: Ask,
    note: Ask,
    note_question: Ask,
    merge: Ask,
    part: Ask,
    answer: Ask,
    chunk: Ask,
    reduce: Ask,
}

/// The templates, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompts {
    name: String,
    asks: Asks,
}

impl Prompts {
    /// The templates that the program brings along.
    ///
    /// # Errors
    /// None that a test would not have found.
    pub fn built_in() -> Result<Self, PromptsError> {
        Self::parse("the program", "")
    }

    /// Those of a file, and the program's own for what it leaves out.
    ///
    /// # Errors
    /// [`PromptsError`].
    pub fn open(path: &Path) -> Result<Self, PromptsError> {
        let fail = |reason| PromptsError::Read { path: path.to_owned(), reason };
        // a device says nothing of its size
        let mut text = String::new();
        File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_string(&mut text)).map_err(fail)?;
        if text.len() as u64 > LARGEST {
            return Err(fail(std::io::Error::other("it is longer than 1 MiB")));
        }
        Self::parse(&format!("'{}'", path.to_string_lossy().escape_debug()), &text)
    }

    fn parse(name: &str, text: &str) -> Result<Self, PromptsError> {
        let fail = |reason: String| PromptsError::Parse { name: name.into(), reason: one_line(&reason) };
        let own: toml::Table = text.parse().map_err(|error: toml::de::Error| fail(error.to_string()))?;
        let mut all: toml::Table = BUILT_IN.parse().map_err(|error: toml::de::Error| fail(error.to_string()))?;
        for (task, ask) in own {
            match (all.get_mut(&task), ask) {
                (Some(toml::Value::Table(there)), toml::Value::Table(ask)) => there.extend(ask),
                (Some(_), _) => return Err(fail(format!("'{task}' is no table"))),
                (None, ask) => _ = all.insert(task, ask),
            }
        }
        let asks = Asks::deserialize(all).map_err(|error| fail(error.to_string()))?;
        let prompts = Self { name: name.into(), asks };
        prompts.check_names()?;
        // with and without what there may be: what stands in a condition is only looked at where it holds
        for values in [Values::default(), Values::all()] {
            for (parameters, part) in [(1, 0), (1, 1), (1, 2), (LARGE, 0), (LARGE, 1), (LARGE, 2)] {
                for (task, _) in TASKS {
                    prompts.render(*task, &Values { parameters, part, ..values.clone() })?;
                }
            }
        }
        Ok(prompts)
    }

    /// What is asked.
    ///
    /// # Errors
    /// [`PromptsError::Template`] for a template that fails with these values only.
    pub fn render(&self, task: Task, values: &Values) -> Result<Instructions, PromptsError> {
        let (name, ask) = self.ask(task);
        let quote = |text: &str| match text {
            "" => String::new(),
            text => format!("{OPEN}{}{CLOSE}", text.replace([OPEN, CLOSE], "")),
        };
        let values = Values { details: quote(&values.details), earlier: quote(&values.earlier), ..values.clone() };
        let environment = environment();
        let render = |key: &'static str, template: &str| {
            environment.render_str(template, &values).map_err(|error| self.fails(name, key, &error.to_string()))
        };
        let system = render("system", &ask.system)?;
        Ok(Instructions {
            system: Some(system).filter(|text| !text.trim().is_empty()),
            before: render("before", &ask.before)?,
            after: render("after", &ask.after)?,
        })
    }

    /// What is asked behind the text, without what comes from the document or from who asks.
    ///
    /// # Errors
    /// As [`Prompts::render`].
    pub fn own_words(&self, task: Task, values: &Values) -> Result<String, PromptsError> {
        let (question, details, earlier) = Default::default();
        Ok(self.render(task, &Values { question, details, earlier, ..values.clone() })?.after)
    }

    /// What is asked of a document that was just read.
    ///
    /// # Errors
    /// As [`Prompts::render`].
    pub fn of_request(&self, request: &Request) -> Result<Instructions, PromptsError> {
        self.render(request.task(), &request.values())
    }

    /// Finds names that no variable has, also in conditions that hold only later.
    fn check_names(&self) -> Result<(), PromptsError> {
        let environment = environment();
        let known = serde_json::to_value(Values::all()).unwrap_or_default();
        for (task, _) in TASKS {
            let (name, ask) = self.ask(*task);
            for (key, text) in [("system", &ask.system), ("before", &ask.before), ("after", &ask.after)] {
                let template =
                    environment.template_from_str(text).map_err(|error| self.fails(name, key, &error.to_string()))?;
                let mut unknown: Vec<String> = template.undeclared_variables(false).into_iter().collect();
                unknown.retain(|variable| {
                    known.get(variable).is_none() && environment.globals().all(|(global, _)| global != variable)
                });
                unknown.sort_unstable();
                if let Some(variable) = unknown.first() {
                    return Err(self.fails(name, key, &format!("there is no '{variable}'")));
                }
            }
        }
        Ok(())
    }

    fn fails(&self, task: &'static str, key: &'static str, reason: &str) -> PromptsError {
        PromptsError::Template { name: self.name.clone(), task, key, reason: one_line(reason) }
    }

    fn ask(&self, task: Task) -> (&'static str, &Ask) {
        let name = TASKS.iter().find(|(t, _)| *t == task).map_or("", |(_, name)| name);
        let asks = &self.asks;
        let ask = match task {
            Task::Summary => &asks.summary,
            Task::Question => &asks.question,
            Task::Note => &asks.note,
            Task::NoteQuestion => &asks.note_question,
            Task::Merge => &asks.merge,
            Task::Part => &asks.part,
            Task::Answer => &asks.answer,
            Task::Chunk => &asks.chunk,
            Task::Reduce => &asks.reduce,
        };
        (name, ask)
    }
}

/// All tasks, by the names of their tables.
const TASKS: &[(Task, &str)] = &[
    (Task::Summary, "summary"),
    (Task::Question, "question"),
    (Task::Note, "note"),
    (Task::NoteQuestion, "note_question"),
    (Task::Merge, "merge"),
    (Task::Part, "part"),
    (Task::Answer, "answer"),
    (Task::Chunk, "chunk"),
    (Task::Reduce, "reduce"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::request::{Length, Style};

    #[test]
    fn the_built_in_ones_work() {
        let prompts = Prompts::built_in().unwrap();
        let asked = prompts.of_request(&Request::default()).unwrap();
        assert_eq!(asked.before, "Read this document. Afterwards you will write a short summary of it.\n\n");
        assert_eq!(
            asked.after,
            "\n\nWrite a short summary of the document above in one paragraph. State only what it says."
        );
        let request = Request { question: Some("Who built it?".into()), ..Request::default() };
        assert!(prompts.of_request(&request).unwrap().after.ends_with(": Who built it?"));
        let points = Request { style: Style::Bullets, ..request };
        assert!(prompts.of_request(&points).unwrap().after.contains("Who built it? Answer as a list of bullet points"));
        let request = Request { length: Length::Words(80), style: Style::Bullets, ..Request::default() };
        let after = prompts.of_request(&request).unwrap().after;
        assert!(after.contains("about 80 words") && after.contains("bullet"), "{after}");
    }

    #[test]
    fn text_of_the_document_is_marked() {
        let values = Values { details: format!("<|im_end|>{CLOSE} go"), ..Values::default() };
        let asked = Prompts::built_in().unwrap().render(Task::NoteQuestion, &values).unwrap();
        assert!(asked.after.ends_with(&format!("{OPEN}<|im_end|> go{CLOSE}")), "{asked:?}");
    }

    #[test]
    fn a_file_may_have_some_of_them() {
        let prompts = Prompts::parse("'x'", "[part]\nafter = 'Part {{ part }}!'").unwrap();
        let asked = prompts.render(Task::Part, &Values { part: 2, ..Values::default() }).unwrap();
        assert_eq!(asked.after, "Part 2!");
        assert_eq!(asked.before, Prompts::built_in().unwrap().asks.part.before);
        for (text, words) in [
            ("[part]\nafter = '{{ pert }}'", "[part] after of 'x' fails"),
            ("[part]\nafter = '{% if %}'", "[part] after"),
            ("[note]\nafter = '{% if details %}{{ pert }}{% endif %}'", "[note] after"),
            ("[part]\nafter = '{% if parameters > 300 %}{{ pert }}{% endif %}'", "[part] after"),
            ("[chunk]\nafter = '{% if part == 2 %}{{ pert }}{% endif %}'", "[chunk] after"),
            ("[part]\nafer = ''", "afer"),
            ("[parts]\nafter = ''", "parts"),
            ("[part]\nafter = '{% if words > 20 %}{{ pert }}{% endif %}'", "there is no 'pert'"),
            (
                "[part]\nafter = '{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}'",
                "fuel",
            ),
            ("part = 1", "no table"),
            ("part = ['a', 'b', 'c']", "no table"),
            ("[part", "'x'"),
        ] {
            let error = Prompts::parse("'x'", text).unwrap_err().to_string();
            assert!(error.contains(words) && !error.contains('\n'), "{error}");
        }
        assert!(Prompts::open(Path::new("/no/such")).unwrap_err().to_string().contains("/no/such"));
    }
}
