//! How llama.cpp was built.

use llama_cpp_sys_2 as sys;
use serde::Serialize;

use super::built_in;

/// Facts about the engine that is linked in. Asking for them runs nothing that this processor may lack.
#[derive(Debug, Clone, Serialize)]
pub struct Build {
    /// Target triple.
    pub target: &'static str,
    /// Whether the code is for the processor of the machine that built it, and perhaps for no other.
    pub native: bool,
    /// Whether our hooks are in it. Without them nothing can leave the cache.
    pub hooks: bool,
    /// Instruction sets that the kernels may be compiled for, on this kind of processor.
    #[serde(skip)]
    pub cpu_features: Vec<CpuFeature>,
}

/// An instruction set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuFeature {
    /// Its name in llama.cpp.
    pub name: &'static str,
    /// Whether the kernels use it.
    pub compiled: bool,
}

impl Build {
    /// The facts.
    pub fn this() -> Self {
        let cpu_features = features().iter().map(|&(name, has)| CpuFeature { name, compiled: has() }).collect();
        Self { target: sys::BUILD_TARGET, native: sys::BUILD_NATIVE, hooks: built_in(), cpu_features }
    }
}

/// Safe calls of `ggml_cpu_has_*`. `llama_print_system_info` says the same, but initializes the backends first, which may
/// run the very instructions that are asked about.
macro_rules! has {
    ($($name:literal: $function:ident),* $(,)?) => {
        &[$(($name, || {
            // SAFETY: a call without arguments that returns a constant of the compilation.
            unsafe { sys::$function() != 0 }
        })),*]
    };
}

type Feature = (&'static str, fn() -> bool);

#[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
fn features() -> &'static [Feature] {
    has! {
        "SSE3": ggml_cpu_has_sse3,
        "SSSE3": ggml_cpu_has_ssse3,
        "AVX": ggml_cpu_has_avx,
        "AVX_VNNI": ggml_cpu_has_avx_vnni,
        "AVX2": ggml_cpu_has_avx2,
        "F16C": ggml_cpu_has_f16c,
        "FMA": ggml_cpu_has_fma,
        "BMI2": ggml_cpu_has_bmi2,
        "AVX512": ggml_cpu_has_avx512,
        "AVX512_VBMI": ggml_cpu_has_avx512_vbmi,
        "AVX512_VNNI": ggml_cpu_has_avx512_vnni,
        "AVX512_BF16": ggml_cpu_has_avx512_bf16,
        "AMX_INT8": ggml_cpu_has_amx_int8,
    }
}

#[cfg(target_arch = "aarch64")]
fn features() -> &'static [Feature] {
    has! {
        "NEON": ggml_cpu_has_neon,
        "ARM_FMA": ggml_cpu_has_arm_fma,
        "FP16_VA": ggml_cpu_has_fp16_va,
        "DOTPROD": ggml_cpu_has_dotprod,
        "MATMUL_INT8": ggml_cpu_has_matmul_int8,
        "SVE": ggml_cpu_has_sve,
        "SME": ggml_cpu_has_sme,
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "x86", target_arch = "aarch64")))]
fn features() -> &'static [Feature] {
    &[]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    #[test]
    fn the_features_are_those_that_llama_cpp_tells() {
        crate::llama::Backend::init().unwrap();
        // SAFETY: returns a NUL-terminated string that lives until the next call; no other test makes it.
        let info = unsafe { CStr::from_ptr(sys::llama_print_system_info()) }.to_str().unwrap().to_owned();
        for feature in Build::this().cpu_features {
            assert_eq!(info.contains(&format!(" {} = 1 ", feature.name)), feature.compiled, "{}: {info}", feature.name);
        }
        assert!(!Build::this().target.is_empty());
    }
}
