//! Where model files lie, and what a user's word for a model means.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{self, Path, PathBuf};

use super::{Catalogue, ModelEntry, ModelError};

/// The directory that pulled models and remembered hashes are kept in.
///
/// A value only holds the path; nothing is created before something is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    dir: PathBuf,
}

/// What a user's word for a model stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedModel {
    /// The GGUF file; it existed when this was made.
    pub path: PathBuf,
    /// Its catalogue entry, if it was named by one.
    pub entry: Option<ModelEntry>,
}

impl Cache {
    /// The user's cache: `EDGEINF_CACHE`, else `$XDG_CACHE_HOME/edgeinf`, else `~/.cache/edgeinf`
    /// (macOS: `~/Library/Caches/edgeinf`). Empty variables count as unset.
    ///
    /// # Errors
    /// [`ModelError::NoCacheDir`] if no variable gives a place.
    pub fn from_env() -> Result<Self, ModelError> {
        let dir = locate(|name| std::env::var_os(name), cfg!(target_os = "macos"))?;
        Ok(Self::at(dir))
    }

    /// The cache in `dir`; a relative one is seen from the current directory.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        let dir = dir.into();
        // pip runs in another directory. Without a current one every use of the path fails, and says so.
        let dir = path::absolute(&dir).unwrap_or(dir);
        Self { dir }
    }

    /// The cache's own directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The directory of the model files.
    pub fn models_dir(&self) -> PathBuf {
        self.dir.join("models")
    }

    /// Where the file of `entry` lies, or will lie once it is pulled.
    pub fn path_of(&self, entry: &ModelEntry) -> PathBuf {
        self.models_dir().join(&entry.file)
    }

    /// The lock that whoever changes anything of `entry` in the cache holds.
    pub(super) fn lock_of(&self, entry: &ModelEntry) -> PathBuf {
        self.models_dir().join(format!(".{}.lock", entry.name))
    }

    /// Where a download of `entry` that broke off waits for its rest.
    pub(super) fn partial_of(&self, entry: &ModelEntry) -> PathBuf {
        self.models_dir().join(format!(".{}.partial", entry.name))
    }

    /// Where the hash that a file had when it was pulled is noted, for an entry that promises none.
    pub(super) fn record_of(&self, entry: &ModelEntry) -> PathBuf {
        self.models_dir().join(format!("{}.sha256", entry.file))
    }

    /// Finds the file that `model` means.
    ///
    /// A name from the catalogue is its cached file, whatever else bears that name. Anything else that is
    /// a file, contains a path separator or ends in `.gguf` is a path. The content is not read.
    ///
    /// # Errors
    /// [`ModelError::NotPulled`] and [`ModelError::SizeMismatch`] for a name, [`ModelError::NoFile`] for a
    /// path, [`ModelError::Unknown`] for what is neither, and the errors of the system.
    pub fn resolve(&self, catalogue: &Catalogue, model: impl AsRef<Path>) -> Result<ResolvedModel, ModelError> {
        let model = model.as_ref();
        match model.to_str().and_then(|name| catalogue.find(name)) {
            Some(entry) => self.resolve_entry(entry),
            None => resolve_path(catalogue, model),
        }
    }

    fn resolve_entry(&self, entry: &ModelEntry) -> Result<ResolvedModel, ModelError> {
        let path = self.path_of(entry);
        super::verify::check_size(&path, entry)?;
        Ok(ResolvedModel { path, entry: Some(entry.clone()) })
    }
}

fn resolve_path(catalogue: &Catalogue, model: &Path) -> Result<ResolvedModel, ModelError> {
    let no_file = |problem| ModelError::NoFile { path: model.to_path_buf(), problem, known: catalogue.names() };
    match fs::metadata(model) {
        Ok(found) if !found.is_dir() => Ok(ResolvedModel { path: model.to_path_buf(), entry: None }),
        Ok(_) if looks_like_path(model) => Err(no_file("is a directory")),
        Err(error) if looks_like_path(model) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Err(no_file("does not exist")),
            _ => Err(ModelError::io("read", model, error)),
        },
        _ => Err(catalogue.unknown(&model.to_string_lossy())),
    }
}

fn looks_like_path(model: &Path) -> bool {
    let bytes = model.as_os_str().as_encoded_bytes();
    bytes.iter().any(|&b| path::is_separator(b.into()))
        || model.extension().is_some_and(|end| end.eq_ignore_ascii_case("gguf"))
}

fn locate(var: impl Fn(&str) -> Option<OsString>, macos: bool) -> Result<PathBuf, ModelError> {
    let var = |name| var(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(dir) = var("EDGEINF_CACHE") {
        return Ok(dir);
    }
    // The XDG specification: relative paths are invalid and to be ignored.
    let caches = var("XDG_CACHE_HOME").filter(|dir| dir.is_absolute());
    let home = var("HOME").filter(|dir| dir.is_absolute());
    let below_home = if macos { "Library/Caches" } else { ".cache" };
    caches.or_else(|| Some(home?.join(below_home))).map(|dir| dir.join("edgeinf")).ok_or(ModelError::NoCacheDir)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn located(vars: &[(&str, &str)], macos: bool) -> Option<String> {
        let var = |name: &str| {
            let found = vars.iter().find(|(key, _)| *key == name)?;
            Some(OsString::from(found.1))
        };
        let dir = locate(var, macos).ok()?;
        Some(dir.to_str().unwrap().to_owned())
    }

    #[test]
    fn the_first_usable_variable_gives_the_directory() {
        let home = ("HOME", "/h");
        let at = |vars: &[_], macos| located(vars, macos).unwrap();
        assert_eq!(at(&[("EDGEINF_CACHE", "/e"), home], false), "/e");
        assert_eq!(at(&[("XDG_CACHE_HOME", "/x"), home], false), "/x/edgeinf");
        assert_eq!(at(&[("XDG_CACHE_HOME", "x"), home], false), "/h/.cache/edgeinf");
        assert_eq!(at(&[("EDGEINF_CACHE", ""), home], false), "/h/.cache/edgeinf");
        assert_eq!(at(&[home], true), "/h/Library/Caches/edgeinf");
        assert_eq!(located(&[("HOME", "h")], false), None);
        assert_eq!(located(&[], false), None);
        assert!(Cache::at("relative").dir().is_absolute());
    }

    #[test]
    fn names_mean_the_cached_file() {
        let dir = tempfile::tempdir().unwrap();
        let (cache, catalogue) = (Cache::at(dir.path()), Catalogue::builtin().unwrap());
        let message = |name| cache.resolve(&catalogue, name).unwrap_err().to_string();
        assert_eq!(
            message("gemma3-270m"),
            "model 'gemma3-270m' is not pulled yet; run 'edgeinf model pull gemma3-270m'"
        );

        let entry = catalogue.get("gemma3-270m").unwrap();
        fs::create_dir(cache.models_dir()).unwrap();
        let file = fs::File::create(cache.path_of(entry)).unwrap();
        assert!(message("gemma3-270m").contains("has 0 bytes, expected 253113024"));

        file.set_len(entry.bytes.unwrap()).unwrap();
        let resolved = cache.resolve(&catalogue, "gemma3-270m").unwrap();
        assert_eq!(resolved.path, dir.path().join("models").join(&entry.file));
        assert_eq!(resolved.entry.as_ref(), Some(entry));
    }

    #[test]
    fn other_words_are_paths_or_errors() {
        let dir = tempfile::tempdir().unwrap();
        let (cache, catalogue) = (Cache::at(dir.path()), Catalogue::builtin().unwrap());
        let file = dir.path().join("any name");
        fs::write(&file, "GGUF").unwrap();
        let resolved = cache.resolve(&catalogue, &file).unwrap();
        assert_eq!((resolved.path, resolved.entry), (file.clone(), None));

        let message = |model: &Path| cache.resolve(&catalogue, model).unwrap_err().to_string();
        for missing in ["no-such-model.GGUF", "no/such/model", "./smollm2-135m"] {
            assert!(message(missing.as_ref()).contains("does not exist; give"));
        }
        assert!(message(&file.join("below.gguf")).contains("does not exist; give"));
        assert!(message(dir.path()).contains("is a directory; give"));
        for unknown in ["llama", ""] {
            assert!(message(unknown.as_ref()).contains("is not in models.toml; use one of smollm2"));
        }
    }
}
