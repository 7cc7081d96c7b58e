//! Raw bindings to the patched llama.cpp; see `../build.rs`.
#![allow(non_upper_case_globals, non_camel_case_types, non_snake_case)]
#![allow(unpredictable_function_pointer_comparisons, unsafe_op_in_unsafe_fn)]
#![allow(missing_docs, clippy::all, rustdoc::all)]

include!(concat!(env!("OUT_DIR"), "/bindings.rs"));

/// Where loadable backends lie; kept for the API of the genuine crate, and never set.
pub const BACKENDS_DIR: Option<&str> = None;
