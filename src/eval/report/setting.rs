//! What a result was measured with, as far as a report needs it.

use std::cmp::Ordering;
use std::fmt::{self, Display, Formatter};
use std::path::Path;

use serde::Deserialize;

use crate::eval::record::{BY_SCORES, BY_SHARES};

/// Policies that are known, in the order in which they are shown; others follow by name.
const KNOWN: [&str; 9] =
    ["none", "full", "plain", "streaming", "snapkv", "snapkv-question", "pyramidkv", "learned", "edgeinfinite"];

/// How a document was read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(transparent)]
pub struct Policy(pub String);

impl Policy {
    /// Its place among those that are known.
    pub fn rank(&self) -> usize {
        KNOWN.iter().position(|name| *name == self.0).unwrap_or(KNOWN.len())
    }

    /// Whether there was no document.
    pub fn is_none(&self) -> bool {
        self.0 == "none"
    }

    /// Whether its size is its own, and not that of the document.
    pub fn has_budget(&self) -> bool {
        !self.is_none() && self.0 != "full"
    }
}

impl Ord for Policy {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.rank(), &self.0).cmp(&(other.rank(), &other.0))
    }
}

impl PartialOrd for Policy {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Display for Policy {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_none() { "no document" } else { &self.0 })
    }
}

/// Everything that decides a result, beside the text. Keys that are not there have no value.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(default)]
pub struct Setting {
    /// As it was named.
    pub model: String,
    /// Of its file.
    pub model_sha256: String,
    /// As it was named; only where it was used.
    pub gate: Option<String>,
    /// Of its file.
    pub gate_sha256: Option<String>,
    /// Tokens beyond the prompt that always stay.
    pub sinks: u32,
    /// Tokens that were chosen to stay.
    pub retain: u32,
    /// Whose attention chose them, where that is not what the policy was published with.
    pub queries: Option<String>,
    /// How many neighbours count together where scores of the gate chose them.
    pub neighbours: Option<u32>,
    /// Most recent tokens that stay.
    pub window: u32,
    /// Tokens read at a time.
    pub segment: u32,
    /// Element type of the KV cache.
    pub cache_type: String,
    /// Whether the fused kernel was used.
    pub flash_attention: Option<bool>,
    /// Whether the whole document was one segment.
    pub prefill_once: bool,
    /// Whether neither prompt nor sinks stayed.
    pub no_sinks: bool,
    /// Version of the program and what it was built for.
    pub build: String,
}

impl Setting {
    /// Whether results of both may be subtracted: the same bytes per token, read in the same form.
    pub fn is_comparable(&self, other: &Self) -> bool {
        (&self.cache_type, self.prefill_once, self.no_sinks) == (&other.cache_type, other.prefill_once, other.no_sinks)
    }

    /// In how much of the rest they agree.
    pub fn agreement(&self, other: &Self) -> usize {
        let same = [
            self.segment == other.segment,
            self.sinks == other.sinks,
            self.flash_attention == other.flash_attention,
            self.build == other.build,
        ];
        same.into_iter().filter(|same| *same).count()
    }

    /// The model with the beginning of its sum.
    pub fn model_name(&self) -> String {
        let name = if self.model.is_empty() { "a model without a name" } else { &self.model };
        match self.model_sha256.get(..8) {
            Some(sum) => format!("{name} ({sum})"),
            None => name.to_owned(),
        }
    }

    /// What it is made of beside model, window and retained tokens, in words; nothing for what is not so. `sized` is whether the
    /// policy had a size of its own.
    pub fn parts(&self, sized: bool) -> Vec<(Part, String)> {
        let mut parts = Vec::new();
        if let Some(gate) = &self.gate {
            let file = Path::new(gate).file_name().map_or_else(|| gate.clone(), |f| f.to_string_lossy().into_owned());
            parts.push((Part::Gate, format!("gate {file}{}", short(self.gate_sha256.as_deref()))));
        }
        if let Some(queries) = &self.queries {
            let who = match queries.as_str() {
                BY_SCORES => "by the gate's scores".into(),
                BY_SHARES => "by the gate's scores and shares".into(),
                _ => format!("queries {queries}"),
            };
            parts.push((Part::Queries, who));
        }
        if let Some(n) = self.neighbours {
            parts.push((Part::Queries, format!("{n} neighbours together")));
        }
        if sized {
            parts.push((Part::Sinks, format!("{} sinks", self.sinks)));
            parts.push((Part::Segment, format!("segment {}", self.segment)));
        }
        if !self.cache_type.is_empty() {
            parts.push((Part::Cache, format!("cache {}", self.cache_type)));
        }
        if let Some(flash) = self.flash_attention {
            parts.push((Part::Flash, if flash { "flash attention" } else { "no flash attention" }.into()));
        }
        let once = if self.prefill_once { "read at once" } else { "read by segments" };
        parts.push((Part::Once, once.into()));
        let stays = if self.no_sinks { "prompt does not stay" } else { "prompt stays" };
        parts.push((Part::Prompt, stays.into()));
        if !self.build.is_empty() {
            parts.push((Part::Build, format!("build {}", self.build)));
        }
        parts
    }
}

/// The beginning of a sum, in brackets.
fn short(sum: Option<&str>) -> String {
    sum.and_then(|sum| sum.get(..8)).map_or_else(String::new, |sum| format!(" ({sum})"))
}

/// Which part of a setting is spoken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The gate; it belongs to a policy.
    Gate,
    /// Whose attention chooses; it belongs to a policy.
    Queries,
    /// Tokens that always stay.
    Sinks,
    /// Tokens read at a time.
    Segment,
    /// Element type of the cache.
    Cache,
    /// The kernel.
    Flash,
    /// Reading at once.
    Once,
    /// What stays of the prompt.
    Prompt,
    /// The program.
    Build,
}
