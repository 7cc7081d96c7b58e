//! Ways to come from a document to a summary.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How a document that is read segment by segment becomes a summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// One pass, and the summary is written at the end from what is in the cache and the memory.
    Direct,
    /// Short notes while reading; the model writes of them what comes first, and sentences of the document follow.
    Notes,
    /// Chunks are summarized one by one, each as if there were no others, and their summaries are summarized: what one would
    /// script without this program.
    MapReduce,
    /// Sentences of the document that tell most of it, chosen without the model, which reads nothing.
    Extract,
}

impl Strategy {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Direct, Self::Notes, Self::MapReduce, Self::Extract];
}

impl Display for Strategy {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Direct => "direct",
            Self::Notes => "notes",
            Self::MapReduce => "map-reduce",
            Self::Extract => "extract",
        })
    }
}

impl FromStr for Strategy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|strategy| strategy.to_string() == text);
        found.ok_or_else(|| "must be direct, notes, map-reduce or extract".into())
    }
}
