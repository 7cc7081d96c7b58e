//! Instruction sets that this processor has.

use crate::llama::CpuFeature;

use super::Feature;

/// Looks for the features that the kernels may use.
pub(super) fn features(of_engine: &[CpuFeature]) -> Vec<Feature> {
    let look = |&CpuFeature { name, compiled }: &CpuFeature| Feature { name, compiled, present: present(name) };
    of_engine.iter().map(look).collect()
}

/// Nothing where this cannot be found out.
#[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
fn present(name: &str) -> Option<bool> {
    use std::arch::is_x86_feature_detected as has;
    Some(match name {
        "SSE3" => has!("sse3"),
        "SSSE3" => has!("ssse3"),
        "AVX" => has!("avx"),
        "AVX_VNNI" => has!("avxvnni"),
        "AVX2" => has!("avx2"),
        "F16C" => has!("f16c"),
        "FMA" => has!("fma"),
        "BMI2" => has!("bmi2"),
        // llama.cpp asks the compiler for all of these together
        "AVX512" => has!("avx512f") && has!("avx512cd") && has!("avx512vl") && has!("avx512dq") && has!("avx512bw"),
        "AVX512_VBMI" => has!("avx512vbmi"),
        "AVX512_VNNI" => has!("avx512vnni"),
        "AVX512_BF16" => has!("avx512bf16"),
        _ => return None,
    })
}

/// Nothing where this cannot be found out.
#[cfg(target_arch = "aarch64")]
fn present(name: &str) -> Option<bool> {
    use std::arch::is_aarch64_feature_detected as has;
    Some(match name {
        // every processor with NEON has fused multiplication
        "NEON" | "ARM_FMA" => has!("neon"),
        "FP16_VA" => has!("fp16"),
        "DOTPROD" => has!("dotprod"),
        "MATMUL_INT8" => has!("i8mm"),
        "SVE" => has!("sve"),
        _ => return None,
    })
}

/// Nothing where this cannot be found out.
#[cfg(not(any(target_arch = "x86_64", target_arch = "x86", target_arch = "aarch64")))]
fn present(_: &str) -> Option<bool> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llama::Build;

    #[test]
    fn this_build_runs_here_so_what_it_uses_is_present() {
        let features = features(&Build::this().cpu_features);
        assert!(features.iter().all(|f| !f.compiled || f.present != Some(false)), "{features:?}");
        if cfg!(target_arch = "x86_64") {
            // all but AMX, which the stable compiler cannot ask for
            assert!(features.iter().all(|f| f.present.is_some() || f.name == "AMX_INT8"));
        }
    }
}
