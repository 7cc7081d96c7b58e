//! Rust declarations, with the settings of the genuine crate, so that llama-cpp-2 finds what it expects.

use std::path::Path;

use crate::fail;
use crate::stage::Tree;

/// Writes `bindings.rs` into `out_dir`.
pub fn generate(tree: &Tree, out_dir: &Path) {
    let header = |dir: &Path, name: &str| dir.join(name).display().to_string();
    let bindings = bindgen::Builder::default()
        .header(header(&tree.llama, "include/llama.h"))
        .header(header(&tree.llama, "ggml/include/gguf.h"))
        .header(header(&tree.edgeinf, "llama-edgeinf.h"))
        .clang_arg(format!("-I{}", tree.llama.join("include").display()))
        .clang_arg(format!("-I{}", tree.llama.join("ggml/include").display()))
        .derive_partialeq(true)
        .allowlist_item("ggml_.*")
        .allowlist_item("gguf_.*")
        .allowlist_item("GGML_.*")
        .allowlist_item("llama_.*")
        .allowlist_item("LLAMA_.*")
        .allowlist_recursively(false)
        .raw_line("type FILE = ::std::os::raw::c_void;")
        .prepend_enum_name(false)
        .generate()
        .unwrap_or_else(|e| fail(format!("bindgen cannot read the headers of llama.cpp: {e}")));
    bindings
        .write_to_file(out_dir.join("bindings.rs"))
        .unwrap_or_else(|e| fail(format!("{}: bindings.rs: {e}", out_dir.display())));
}
