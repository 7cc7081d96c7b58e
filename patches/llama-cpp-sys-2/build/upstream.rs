//! Where cargo unpacked the genuine crate.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{cargo_var, fail};

const NAME: &str = "llama-cpp-sys-2";

/// The directory of the genuine `llama-cpp-sys-2` whose checksum `upstream/Cargo.lock` pins.
pub fn source_dir(manifest_dir: &Path) -> PathBuf {
    println!("cargo:rerun-if-env-changed=EDGEINF_LLAMA_SYS_DIR");
    if let Some(dir) = env::var_os("EDGEINF_LLAMA_SYS_DIR") {
        return dir.into();
    }
    let manifest = manifest_dir.join("upstream/Cargo.toml");
    // without a look at the index first: that works offline once the crate was fetched
    let metadata = metadata(&manifest, true).or_else(|_| metadata(&manifest, false));
    let metadata = metadata.unwrap_or_else(|e| fail(format!("cargo cannot fetch the source of {NAME}: {e}")));
    locate(&metadata).unwrap_or_else(|e| fail(e))
}

fn metadata(manifest: &Path, offline: bool) -> Result<serde_json::Value, String> {
    let mut cargo = Command::new(cargo_var("CARGO"));
    cargo.args(["metadata", "--locked", "--format-version", "1", "--manifest-path"]).arg(manifest);
    if offline {
        cargo.arg("--offline");
    }
    // settings of the outer build that would change the answer or fail
    for name in ["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "CARGO_TARGET_DIR"]
    {
        cargo.env_remove(name);
    }
    let output = cargo.output().map_err(|e| e.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().replace('\n', " "));
    }
    serde_json::from_slice(&output.stdout).map_err(|e| e.to_string())
}

fn locate(metadata: &serde_json::Value) -> Result<PathBuf, String> {
    let packages = metadata["packages"].as_array().ok_or("cargo metadata lists no packages")?;
    let package = packages.iter().find(|p| p["name"] == NAME).ok_or(format!("cargo metadata does not list {NAME}"))?;
    if package["version"] != env!("CARGO_PKG_VERSION") {
        return Err(format!(
            "upstream/Cargo.toml pins {NAME} {}, but this crate replaces {}",
            package["version"],
            env!("CARGO_PKG_VERSION")
        ));
    }
    let manifest = package["manifest_path"].as_str().ok_or("cargo metadata names no manifest")?;
    Path::new(manifest).parent().map(Path::to_owned).ok_or_else(|| format!("{manifest} has no directory"))
}
