//! Reading `model.safetensors`: the length of a JSON header, the header, and the data that it describes.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;
use serde_json::Value;

use super::{BertError, file_name};

/// Longest header in bytes; that of a model of a thousand layers is shorter.
const MAX_HEADER: u64 = 16 << 20;
/// The only element type that is read.
const F32: &str = "F32";

/// What the header says of a tensor.
#[derive(Debug, Deserialize)]
struct Info {
    dtype: String,
    /// Slowest dimension first.
    shape: Vec<u64>,
    /// First byte and the one after the last, from the end of the header.
    data_offsets: [u64; 2],
}

/// An open file. Its tensors lie within it.
pub(super) struct SafeTensors {
    /// A lock, because reading moves the position.
    file: Mutex<File>,
    /// Where the data begins.
    begin: u64,
    tensors: HashMap<String, Info>,
}

impl SafeTensors {
    pub(super) fn open(path: &Path) -> Result<Self, BertError> {
        let bad = |reason: &str| BertError::Weights(reason.to_owned());
        let fail = |cause| BertError::Read { file: file_name(path), cause };
        let mut file = File::open(path).map_err(fail)?;
        let size = file.metadata().map_err(fail)?.len();
        let mut length = [0; 8];
        file.read_exact(&mut length).map_err(|_| bad("it has no header"))?;
        let length = u64::from_le_bytes(length);
        if length > MAX_HEADER || length > size - 8 {
            return Err(bad("its header does not fit"));
        }
        let mut header = Vec::new();
        file.by_ref().take(length).read_to_end(&mut header).map_err(fail)?;
        let mut entries: HashMap<String, Value> =
            serde_json::from_slice(&header).map_err(|error| BertError::Weights(format!("its header: {error}")))?;
        entries.remove("__metadata__");
        let begin = 8 + length;
        let mut tensors = HashMap::new();
        for (name, value) in entries {
            let info: Option<Info> = serde_json::from_value(value).ok();
            let Some(info) = info.filter(|info| lies_within(info, size - begin)) else {
                return Err(BertError::Weights(format!("the tensor '{}' is not in it", name.escape_debug())));
            };
            tensors.insert(name, info);
        }
        Ok(Self { file: Mutex::new(file), begin, tensors })
    }

    /// The elements of a tensor that must have this shape, slowest dimension first.
    pub(super) fn read(&self, name: &str, shape: &[u64]) -> Result<Vec<f32>, BertError> {
        let bad = |reason: String| BertError::Weights(format!("the tensor '{name}' {reason}"));
        let info = self.tensors.get(name).ok_or_else(|| bad("is missing".into()))?;
        let [from, to] = info.data_offsets;
        let n: u64 = shape.iter().product();
        if info.dtype != F32 || info.shape != shape || to - from != 4 * n {
            let (kind, found) = (info.dtype.escape_debug(), &info.shape);
            return Err(bad(format!("is {kind} {found:?}, and should be {F32} {shape:?}")));
        }
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(self.begin + from))
            .and_then(|_| file.by_ref().take(to - from).read_to_end(&mut bytes))
            .map_err(|cause| bad(format!("cannot be read: {cause}")))?;
        let (elements, _) = bytes.as_chunks();
        Ok(elements.iter().map(|&element| f32::from_le_bytes(element)).collect())
    }
}

fn lies_within(info: &Info, bytes: u64) -> bool {
    let [from, to] = info.data_offsets;
    from <= to && to <= bytes
}
