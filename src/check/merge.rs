//! Defaults and what a case says, joined.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Value;

use crate::memory::policy::Policy;
use crate::size::parse_size;

use super::Expect;

/// Options of `summarize` by their long names.
pub(super) type Options = BTreeMap<String, Value>;

/// Options that `check` sets itself, or that would keep a run from happening.
const RESERVED: &[&str] = &["json", "dry-run", "output", "help", "version"];

/// `[defaults.expect]` or `[case.expect]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectTable {
    exit_code: Option<OneOrMany<i32>>,
    all_tokens_read: Option<bool>,
    complete: Option<bool>,
    policy: Option<String>,
    #[serde(default)]
    must_contain: Vec<Alternatives>,
    #[serde(default)]
    must_not_contain: Vec<String>,
    ignore_case: Option<bool>,
    facts: Option<usize>,
    max_peak_memory: Option<String>,
    min_words: Option<usize>,
    max_words: Option<usize>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "expected a whole number or a list of them")]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "expected a string, or a list of strings of which one must appear")]
enum Alternatives {
    One(String),
    Any(Vec<String>),
}

impl ExpectTable {
    /// What the case says, else what the defaults say. Lists of words add up.
    pub(super) fn or(self, defaults: &Self) -> Self {
        let defaults = defaults.clone();
        Self {
            exit_code: self.exit_code.or(defaults.exit_code),
            all_tokens_read: self.all_tokens_read.or(defaults.all_tokens_read),
            complete: self.complete.or(defaults.complete),
            policy: self.policy.or(defaults.policy),
            must_contain: [defaults.must_contain, self.must_contain].concat(),
            must_not_contain: [defaults.must_not_contain, self.must_not_contain].concat(),
            ignore_case: self.ignore_case.or(defaults.ignore_case),
            facts: self.facts.or(defaults.facts),
            max_peak_memory: self.max_peak_memory.or(defaults.max_peak_memory),
            min_words: self.min_words.or(defaults.min_words),
            max_words: self.max_words.or(defaults.max_words),
        }
    }

    /// The expectations, or what is wrong with them.
    pub(super) fn finish(self, has_facts: bool) -> Result<Expect, String> {
        let exit_codes = match self.exit_code {
            None => vec![0],
            Some(OneOrMany::One(code)) => vec![code],
            Some(OneOrMany::Many(codes)) => codes,
        };
        if exit_codes.is_empty() || exit_codes.iter().any(|code| !(0..=255).contains(code)) {
            return Err("exit_code must be from 0 to 255, or a list of such numbers".into());
        }
        let must_contain: Vec<Vec<String>> = self
            .must_contain
            .into_iter()
            .map(|words| match words {
                Alternatives::One(word) => vec![word],
                Alternatives::Any(words) => words,
            })
            .collect();
        let blank = |word: &String| word.trim().is_empty();
        if must_contain.iter().any(Vec::is_empty) || must_contain.iter().flatten().any(blank) {
            return Err("must_contain has an empty entry".into());
        }
        if self.must_not_contain.iter().any(blank) {
            return Err("must_not_contain has an empty entry".into());
        }
        if self.facts.is_some() && !has_facts {
            return Err("facts can only be expected of a sample".into());
        }
        if self.min_words.zip(self.max_words).is_some_and(|(least, most)| least > most) {
            return Err("min_words is above max_words".into());
        }
        let names = || Policy::ALL.map(|policy| policy.to_string());
        if let Some(policy) = self.policy.as_ref().filter(|&policy| !names().contains(policy)) {
            return Err(format!("there is no policy '{}', only {}", policy.escape_debug(), names().join(", ")));
        }
        let size = self.max_peak_memory.map(|text| {
            parse_size(&text).map_err(|problem| format!("max_peak_memory '{}': {problem}", text.escape_debug()))
        });
        let reads = exit_codes.iter().all(|code| matches!(code, 0 | 6));
        let completes = exit_codes == [0];
        Ok(Expect {
            all_tokens_read: self.all_tokens_read.unwrap_or(reads),
            complete: self.complete.unwrap_or(completes),
            exit_codes,
            policy: self.policy,
            must_contain,
            must_not_contain: self.must_not_contain,
            ignore_case: self.ignore_case.unwrap_or(true),
            facts: self.facts,
            max_peak_memory: size.transpose()?,
            min_words: self.min_words,
            max_words: self.max_words,
        })
    }
}

/// The options of a case, over those of the defaults, as arguments.
pub(super) fn arguments(case: Options, defaults: &Options) -> Result<Vec<String>, String> {
    let mut options = defaults.clone();
    options.extend(case);
    let mut arguments = Vec::new();
    for (name, value) in &options {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.bytes().all(plain) {
            return Err(format!("option '{}' is not the long name of an option, without dashes", name.escape_debug()));
        }
        if RESERVED.contains(&name.as_str()) {
            return Err(format!("option '{name}' cannot be set here"));
        }
        // one word, so that a value may begin with a dash
        arguments.push(match value {
            Value::Boolean(true) => format!("--{name}"),
            Value::Boolean(false) => continue,
            Value::String(text) => format!("--{name}={text}"),
            Value::Integer(number) => format!("--{name}={number}"),
            Value::Float(number) => format!("--{name}={number}"),
            _ => return Err(format!("option '{name}' must be a string, a number, true or false")),
        });
    }
    Ok(arguments)
}
