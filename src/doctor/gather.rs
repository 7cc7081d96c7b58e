//! Looking at the machine.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::statvfs::{Statvfs, statvfs};
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use crate::gguf::Gguf;
use crate::llama::Build;
use crate::models::{Cache, Catalogue, ModelEntry, ModelError, Verified, verify_cached};
use crate::threads;

use super::{CacheFacts, Facts, Memory, ModelFacts, ModelState, Processor, Python, SCHEMA_VERSION, Wanted};

/// Collects the facts; `model` is the name or path of the one that is to work.
///
/// Models whose sha256 is not remembered are read, which takes some seconds for large ones.
///
/// # Errors
/// [`ModelError::Catalogue`]: everything else is a fact.
pub fn gather(model: &Path) -> Result<Facts, ModelError> {
    let catalogue = Catalogue::builtin()?;
    let engine = Build::this();
    let cache = Cache::from_env();
    let system = System::new_with_specifics(
        RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing()).with_memory(MemoryRefreshKind::nothing().with_ram()),
    );
    let models: Vec<ModelFacts> = match &cache {
        Ok(cache) => catalogue.iter().map(|entry| look_at(entry, cache)).collect(),
        Err(_) => Vec::new(),
    };
    let threads = threads::by_default();
    Ok(Facts {
        schema_version: SCHEMA_VERSION,
        version: env!("CARGO_PKG_VERSION"),
        profile: if cfg!(debug_assertions) { "debug" } else { "release" },
        features: features(),
        processor: Processor {
            name: system.cpus().first().map_or(String::new(), |cpu| cpu.brand().trim().to_owned()),
            processors: system.cpus().len(),
            threads: *threads.as_ref().unwrap_or(&1) as usize,
            threads_problem: threads.err().map(|error| error.to_string()),
            features: super::cpu::features(&engine.cpu_features),
        },
        engine,
        memory: Memory {
            total_bytes: system.total_memory(),
            available_bytes: system.available_memory(),
            limit_bytes: super::cgroup::memory_limit(),
        },
        model: wanted(model, &catalogue, &cache, &models),
        models,
        cache: cache_facts(cache.ok()),
        python: python(Path::new("python3")),
    })
}

fn features() -> Vec<&'static str> {
    [
        ("openmp", cfg!(feature = "openmp")),
        ("cuda", cfg!(feature = "cuda")),
        ("metal", cfg!(feature = "metal")),
        ("vulkan", cfg!(feature = "vulkan")),
    ]
    .into_iter()
    .filter_map(|(name, on)| on.then_some(name))
    .collect()
}

fn look_at(entry: &ModelEntry, cache: &Cache) -> ModelFacts {
    let (state, problem) = match verify_cached(cache, entry) {
        Ok(Verified::Checked) => (ModelState::Verified, None),
        Ok(Verified::Unchanged(_) | Verified::Unknown(_)) => (ModelState::Unverified, None),
        Err(ModelError::NotPulled { .. }) => (ModelState::Absent, None),
        Err(error) => (ModelState::Damaged, Some(error.to_string())),
    };
    ModelFacts { name: entry.name.clone(), bytes: entry.bytes, state, problem }
}

fn wanted(model: &Path, catalogue: &Catalogue, cache: &Result<Cache, ModelError>, models: &[ModelFacts]) -> Wanted {
    let name = model.display().to_string();
    let known = models.iter().find(|known| known.name == name);
    let resolved = match cache {
        Ok(cache) => cache.resolve(catalogue, model).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let bytes = match (&resolved, known) {
        (_, Some(ModelFacts { bytes: Some(bytes), .. })) => Some(*bytes),
        (Ok(found), _) => found.path.metadata().ok().map(|file| file.len()),
        (Err(_), _) => None,
    };
    let readable =
        resolved.as_ref().map_or(Ok(()), |found| Gguf::open(&found.path).map(drop).map_err(|error| error.to_string()));
    let can_be_pulled = known.is_some_and(|known| matches!(known.state, ModelState::Absent | ModelState::Damaged));
    let problem = resolved.err().or_else(|| known?.problem.clone()).or(readable.err());
    Wanted { name, bytes, problem, can_be_pulled }
}

fn cache_facts(cache: Option<Cache>) -> CacheFacts {
    let Some(cache) = cache else { return CacheFacts { dir: None, free_bytes: None, writable: false } };
    // it is made when something is stored; until then its disk is that of the directory above
    let place = cache.dir().ancestors().find(|dir| dir.exists()).map(PathBuf::from);
    let disk = place.as_deref().and_then(|dir| statvfs(dir).ok());
    CacheFacts {
        free_bytes: disk.map(|disk| free_bytes(&disk)),
        writable: place.is_some_and(|dir| tempfile::tempfile_in(dir).is_ok()),
        dir: Some(cache.dir().to_owned()),
    }
}

// the numbers are narrower on some systems
#[allow(clippy::useless_conversion)]
fn free_bytes(disk: &Statvfs) -> u64 {
    u64::from(disk.blocks_available()) * u64::from(disk.fragment_size())
}

fn python(program: &Path) -> Python {
    let mut command = Command::new(program);
    command.args(["-m", "pip", "--version"]).stdin(Stdio::null()).stderr(Stdio::null());
    // `-m` imports from the current directory first
    let elsewhere = tempfile::tempdir();
    if let Ok(dir) = &elsewhere {
        command.current_dir(dir.path());
    }
    let Ok(output) = command.output() else { return Python { found: false, pip: None } };
    let text = String::from_utf8_lossy(&output.stdout);
    // "pip 25.0 from /directory (python 3.13)"
    let words: Vec<&str> = text.split_whitespace().collect();
    let pip = match words[..] {
        ["pip", version, "from", .., python] if output.status.success() => {
            Some(format!("pip {version}, Python {}", python.trim_end_matches(')')))
        }
        _ => None,
    };
    Python { found: true, pip }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_python_that_is_not_there_is_not_found() {
        assert_eq!(python(Path::new("/no/such/python3")), Python { found: false, pip: None });
        // a program that knows nothing of pip
        assert_eq!(python(Path::new("false")), Python { found: true, pip: None });
    }

    #[test]
    fn a_cache_that_does_not_exist_yet_is_that_of_the_directory_above() {
        let dir = tempfile::tempdir().unwrap();
        let facts = cache_facts(Some(Cache::at(dir.path().join("not/yet"))));
        assert!(facts.writable && facts.free_bytes.is_some_and(|free| free > 0));
        assert!(!dir.path().join("not").exists());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(!cache_facts(Some(Cache::at(file))).writable);
    }

    #[test]
    fn models_are_absent_damaged_or_verified() {
        let dir = tempfile::tempdir().unwrap();
        let (cache, catalogue) = (Cache::at(dir.path()), Catalogue::builtin().unwrap());
        let entry = catalogue.get("smollm2-135m").unwrap();
        let state = || look_at(entry, &cache).state;
        let problem = || {
            let models = [look_at(entry, &cache)];
            wanted(Path::new("smollm2-135m"), &catalogue, &Ok(cache.clone()), &models).problem.unwrap()
        };
        assert_eq!(state(), ModelState::Absent);
        assert!(problem().contains("is not pulled yet"));
        std::fs::create_dir_all(cache.models_dir()).unwrap();
        let file = std::fs::File::create(cache.path_of(entry)).unwrap();
        assert_eq!(state(), ModelState::Damaged);
        assert!(problem().contains("has 0 bytes"));
        // a hole of the right length has another content
        file.set_len(entry.bytes.unwrap()).unwrap();
        assert_eq!(state(), ModelState::Damaged);
        assert!(problem().contains("has sha256"));
        let unknown = ModelEntry { bytes: None, sha256: None, ..entry.clone() };
        assert_eq!(look_at(&unknown, &cache).state, ModelState::Unverified);
        let wanted = wanted(Path::new("no-such"), &catalogue, &Ok(cache), &[]);
        assert!(wanted.problem.unwrap().contains("not in models.toml") && !wanted.can_be_pulled);
    }
}
