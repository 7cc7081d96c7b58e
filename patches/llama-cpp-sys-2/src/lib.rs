//! Raw bindings to the patched llama.cpp; see `../build.rs`.
#![allow(non_upper_case_globals, non_camel_case_types, non_snake_case)]
#![allow(unpredictable_function_pointer_comparisons, unsafe_op_in_unsafe_fn)]
#![allow(missing_docs, clippy::all, rustdoc::all)]

include!(concat!(env!("OUT_DIR"), "/bindings.rs"));

/// Where loadable backends lie; kept for the API of the genuine crate, and never set.
pub const BACKENDS_DIR: Option<&str> = None;

/// Target triple that this was built for.
pub const BUILD_TARGET: &str = env!("EDGEINF_BUILD_TARGET");

/// Whether the code is for the processor of the machine that built it.
pub const BUILD_NATIVE: bool = !env!("EDGEINF_BUILD_NATIVE").is_empty();
