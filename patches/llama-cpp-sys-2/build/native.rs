//! The cmake build of llama.cpp and what the linker has to know of it.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::stage::Tree;
use crate::{cargo_var, fail, switch};

/// Features of the genuine crate that this build does not offer.
const REFUSED: &[&str] = &[
    "COMMON",
    "DYNAMIC_LINK",
    "MKL",
    "MTMD",
    "OPENCL",
    "ROCM",
    "STATIC_OPENMP",
    "STATIC_STDCXX",
    "SYSTEM_GGML",
    "WEBGPU",
];

/// Ends the build if a feature is on that would silently do nothing.
pub fn refuse_unsupported_features() {
    for name in REFUSED {
        if env::var_os(format!("CARGO_FEATURE_{name}")).is_some() {
            let name = name.to_lowercase().replace('_', "-");
            fail(format!("the feature '{name}' of llama-cpp-sys-2 is not supported by this build"));
        }
    }
}

/// What distinguishes one C++ build from another.
pub struct Settings {
    /// Without hooks.
    pub stock: bool,
    native: bool,
    target: String,
    cuda: bool,
    cuda_no_vmm: bool,
    metal: bool,
    vulkan: bool,
    openmp: bool,
    /// `GGML_*` and `CMAKE_*` variables, passed to cmake as they are.
    passed: BTreeMap<String, String>,
}

impl Settings {
    /// Reads features and environment.
    pub fn from_env() -> Self {
        let target = cargo_var("TARGET");
        let passed: BTreeMap<_, _> = env::vars()
            .filter(|(name, _)| name.starts_with("GGML_") || name.starts_with("CMAKE_"))
            .filter(|(name, _)| name != "CMAKE_BUILD_PARALLEL_LEVEL")
            .collect();
        for name in passed.keys() {
            println!("cargo:rerun-if-env-changed={name}");
        }
        Self {
            stock: switch("EDGEINF_STOCK"),
            native: !switch("EDGEINF_PORTABLE") && target == cargo_var("HOST"),
            cuda: cfg!(feature = "cuda"),
            cuda_no_vmm: cfg!(feature = "cuda-no-vmm"),
            metal: cfg!(feature = "metal"),
            vulkan: cfg!(feature = "vulkan"),
            openmp: cfg!(feature = "openmp") && !target.contains("android"),
            target,
            passed,
        }
    }

    /// Names the place of the build. One without hooks has that of the one with them: they differ in a few files, and make builds no more.
    pub fn key(&self) -> String {
        let text = format!(
            "{} {} {} {} {} {} {} {:?}",
            self.native, self.target, self.cuda, self.cuda_no_vmm, self.metal, self.vulkan, self.openmp, self.passed
        );
        // FNV-1a
        let hash =
            text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
        format!("{hash:016x}")
    }

    /// The directories below `ggml/src` that are compiled.
    pub fn backends(&self) -> impl Iterator<Item = &'static str> {
        [("ggml-cpu", true), ("ggml-cuda", self.cuda), ("ggml-metal", self.metal), ("ggml-vulkan", self.vulkan)]
            .into_iter()
            .filter_map(|(name, on)| on.then_some(name))
    }

    /// Whether the code is for the processor of this machine; a variable that is passed to cmake has the last word.
    fn is_native(&self) -> bool {
        let off = |value: &String| {
            let value = value.to_uppercase();
            matches!(&*value, "" | "0" | "OFF" | "NO" | "FALSE" | "N" | "IGNORE") || value.ends_with("NOTFOUND")
        };
        self.passed.get("GGML_NATIVE").map_or(self.native, |value| !off(value))
    }

    /// Tells the crate how it was built.
    pub fn remember(&self) {
        println!("cargo:rustc-env=EDGEINF_BUILD_TARGET={}", self.target);
        println!("cargo:rustc-env=EDGEINF_BUILD_NATIVE={}", if self.is_native() { "1" } else { "" });
    }

    fn apple(&self) -> bool {
        self.target.contains("apple")
    }
}

/// Runs cmake and tells cargo what to link.
pub fn build(tree: &Tree, work: &Path, settings: &Settings) {
    let on = |b: bool| if b { "ON" } else { "OFF" };
    let mut config = cmake::Config::new(&tree.llama);
    config.out_dir(work).profile("Release");
    for part in ["TESTS", "EXAMPLES", "SERVER", "TOOLS", "APP", "COMMON"] {
        config.define(format!("LLAMA_BUILD_{part}"), "OFF");
    }
    config.define("LLAMA_CURL", "OFF").define("BUILD_SHARED_LIBS", "OFF");
    config.define("GGML_NATIVE", on(settings.native)).define("GGML_OPENMP", on(settings.openmp));
    config.define("GGML_CUDA", on(settings.cuda)).define("GGML_CUDA_NCCL", "OFF");
    config.define("GGML_CUDA_NO_VMM", on(settings.cuda_no_vmm));
    config.define("GGML_METAL", on(settings.metal)).define("GGML_VULKAN", on(settings.vulkan));
    if settings.apple() {
        config.define("GGML_BLAS", "OFF");
    }
    if !settings.native && settings.target.starts_with("aarch64") && settings.target.contains("linux") {
        config.define("GGML_CPU_ARM_ARCH", "armv8-a");
    }
    for (name, value) in &settings.passed {
        config.define(name, value);
    }
    // the tree lies inside our own checkout: git must not report our HEAD as llama.cpp's, which would also rebuild half of
    // ggml after each commit
    config.env("GIT_DIR", work.join("no-git"));
    config.define("LLAMA_BUILD_COMMIT", concat!("llama-cpp-sys-2-", env!("CARGO_PKG_VERSION")));
    config.define("EDGEINF_SOURCES", if settings.stock { String::new() } else { sources(tree) });
    config.cxxflag(format!("-I{}", tree.edgeinf.display()));

    let installed = config.build();
    if settings.stock {
        build_stock_api(tree);
    }
    println!("cargo:rustc-link-search=native={}", keep_libraries(&installed).display());
    println!("cargo:rustc-link-lib=static=llama");
    println!("cargo:rustc-link-lib=static=ggml");
    for backend in settings.backends() {
        println!("cargo:rustc-link-lib=static={backend}");
    }
    println!("cargo:rustc-link-lib=static=ggml-base");
    link_system(settings);
}

/// Copies the libraries to where no other build puts its own: rustc takes them after the lock is gone.
fn keep_libraries(installed: &Path) -> PathBuf {
    let kept = PathBuf::from(cargo_var("OUT_DIR")).join("lib");
    let failed = |path: &Path, e: std::io::Error| -> ! { fail(format!("{}: {e}", path.display())) };
    fs::create_dir_all(&kept).unwrap_or_else(|e| failed(&kept, e));
    for entry in ["lib", "lib64"].iter().filter_map(|lib| fs::read_dir(installed.join(lib)).ok()).flatten().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|x| x == "a" || x == "lib") {
            fs::copy(&path, kept.join(entry.file_name())).unwrap_or_else(|e| failed(&path, e));
        }
    }
    kept
}

/// Our C++ files as a cmake list.
fn sources(tree: &Tree) -> String {
    let entries = fs::read_dir(&tree.edgeinf).unwrap_or_else(|e| fail(format!("{}: {e}", tree.edgeinf.display())));
    let mut files: Vec<_> = entries
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.extension().is_some_and(|x| x == "cpp") && !p.ends_with("edgeinf-stock.cpp"))
        .map(|p| p.display().to_string())
        .collect();
    files.sort();
    files.join(";")
}

/// Without hooks our API is two files that use only the public API of llama.cpp.
fn build_stock_api(tree: &Tree) {
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .include(tree.llama.join("include"))
        .include(tree.llama.join("ggml/include"))
        .files(["edgeinf-shim.cpp", "edgeinf-stock.cpp"].map(|f| tree.edgeinf.join(f)))
        .compile("edgeinf-stock");
}

fn link_system(settings: &Settings) {
    if settings.cuda {
        println!("cargo:rerun-if-env-changed=CUDA_PATH");
        for dir in find_cuda_helper::find_cuda_lib_dirs() {
            println!("cargo:rustc-link-search=native={}", dir.display());
        }
        for lib in ["cudart_static", "cublas_static", "cublasLt_static", "culibos"] {
            println!("cargo:rustc-link-lib=static={lib}");
        }
        if !settings.cuda_no_vmm {
            println!("cargo:rustc-link-lib=cuda");
        }
    }
    if settings.vulkan {
        println!("cargo:rustc-link-lib=vulkan");
    }
    if settings.apple() {
        for framework in ["Accelerate", "Foundation"] {
            println!("cargo:rustc-link-lib=framework={framework}");
        }
        if settings.metal {
            for framework in ["Metal", "MetalKit"] {
                println!("cargo:rustc-link-lib=framework={framework}");
            }
        }
        println!("cargo:rustc-link-lib=c++");
        return;
    }
    println!("cargo:rustc-link-lib=dylib=stdc++");
    if settings.openmp && settings.target.contains("gnu") {
        println!("cargo:rustc-link-lib=gomp");
    }
}
