//! GGUF files: the container of models and gates in llama.cpp.
//!
//! [`GgufWriter`] makes files, [`Gguf`] opens them. A file is not trusted: [`Gguf::open`] checks each count, length
//! and offset against the size of the file before it makes room for anything. Little-endian only, as all files in use.

mod error;
mod parse;
#[cfg(test)]
mod parse_tests;
mod reader;
mod types;
mod value;
mod writer;

pub use error::{Damage, Defect, GgufError};
pub use reader::{Gguf, TensorInfo};
pub use types::{F16, F32, GgmlType};
pub use value::{Array, Value};
pub use writer::{GgufWriter, TensorData};

/// What a file begins with.
const MAGIC: [u8; 4] = *b"GGUF";

/// The version that is written. Version 2 has the same layout; version 1 had shorter counts.
const VERSION: u32 = 3;

/// Alignment of tensor data in bytes, unless `general.alignment` says otherwise.
const ALIGNMENT: u32 = 32;

/// The one key that concerns the container itself.
const ALIGNMENT_KEY: &str = "general.alignment";

/// Longest key in bytes, by the specification of GGUF.
const MAX_KEY: u64 = 65535;

/// Longest tensor name in bytes: `GGML_MAX_NAME` less the final zero.
const MAX_NAME: u64 = 63;

/// Most dimensions of a tensor: `GGML_MAX_DIMS`.
const MAX_DIMS: u32 = 4;

/// Text from a file, fit for a message of one line: no control characters, and no more than a reader can use.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 64;
    let head: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    let dots = if text.chars().nth(SHOWN).is_some() { "..." } else { "" };
    format!("'{head}{dots}'")
}

/// Item numbers in the order of the items' names, or the first name that occurs twice.
fn order_by_name<T>(items: &[T], name: impl Fn(&T) -> &str) -> Result<Vec<u32>, String> {
    let text = |&i: &u32| items.get(i as usize).map_or("", &name);
    let mut order: Vec<u32> = (0u32..).zip(items).map(|(i, _)| i).collect();
    order.sort_by(|a, b| text(a).cmp(text(b)));
    let twice = order.windows(2).find(|pair| text(&pair[0]) == text(&pair[1]));
    match twice {
        Some(pair) => Err(text(&pair[0]).to_owned()),
        None => Ok(order),
    }
}
