//! The header of a GGUF file: untrusted bytes to checked values.

use std::io::{ErrorKind, Read};
use std::path::Path;

use super::error::{Damage, GgufError};
use super::reader::TensorInfo;
use super::types::{GgmlType, elements};
use super::value::{Element, Value};
use super::{ALIGNMENT, ALIGNMENT_KEY, MAGIC, MAX_DIMS, MAX_KEY, MAX_NAME, order_by_name, quoted};

/// Fewest bytes of a key with its value: length, one letter, type, one byte.
const MIN_ENTRY: u64 = 8 + 1 + 4 + 1;

/// Fewest bytes of a tensor's description: length, one letter, number of dimensions, type, offset.
const MIN_TENSOR: u64 = 8 + 1 + 4 + 4 + 8;

/// A file that is read from its beginning, and knows how much of it is left.
pub(super) struct Source<'a, R> {
    path: &'a Path,
    input: R,
    /// Bytes read.
    position: u64,
    /// Bytes of the file.
    size: u64,
    /// What is being read, in words.
    at: String,
}

impl<'a, R: Read> Source<'a, R> {
    pub(super) fn remaining(&self) -> u64 {
        self.size.saturating_sub(self.position)
    }

    pub(super) fn damage(&self, kind: impl FnOnce(String) -> Damage) -> GgufError {
        GgufError::Damaged { path: self.path.to_owned(), damage: kind(self.at.clone()) }
    }

    /// The next bytes.
    pub(super) fn bytes<const N: usize>(&mut self) -> Result<[u8; N], GgufError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), GgufError> {
        if bytes.len() as u64 > self.remaining() {
            return Err(self.damage(|at| Damage::Truncated { at }));
        }
        self.input.read_exact(bytes).map_err(|cause| match cause.kind() {
            // the file has become shorter since its size was taken
            ErrorKind::UnexpectedEof => self.damage(|at| Damage::Truncated { at }),
            _ => GgufError::Io { action: "read", path: self.path.to_owned(), cause },
        })?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    /// A count of items that take at least `min_bytes` each.
    pub(super) fn count(&mut self, min_bytes: u64) -> Result<u64, GgufError> {
        let count = u64::read(self)?;
        let bytes = self.remaining();
        if count > bytes / min_bytes {
            return Err(self.damage(|at| Damage::Count { at, count, bytes }));
        }
        Ok(count)
    }

    /// A string of at most `max` bytes.
    pub(super) fn string(&mut self, max: u64) -> Result<String, GgufError> {
        let length = u64::read(self)?;
        let max = max.min(self.remaining());
        let size = usize::try_from(length).ok().filter(|_| length <= max);
        let size = size.ok_or_else(|| self.damage(|at| Damage::Length { at, length, max }))?;
        let mut bytes = vec![0; size];
        self.fill(&mut bytes)?;
        String::from_utf8(bytes).map_err(|_| self.damage(|at| Damage::Utf8 { at }))
    }
}

/// What a header says. The numbers in `..._order` are sorted by name.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) version: u32,
    pub(super) entries: Vec<(String, Value)>,
    pub(super) entry_order: Vec<u32>,
    pub(super) tensors: Vec<TensorInfo>,
    pub(super) tensor_order: Vec<u32>,
}

/// Reads the header of a file of `size` bytes; `path` is for messages only.
pub(super) fn parse(path: &Path, input: impl Read, size: u64) -> Result<Header, GgufError> {
    let mut source = Source { path, input, position: 0, size, at: "the header".to_owned() };
    let magic = source.remaining().min(MAGIC.len() as u64) as usize;
    let mut start = [0; MAGIC.len()];
    source.fill(&mut start[..magic])?;
    if start != MAGIC {
        return Err(GgufError::NotGguf { path: path.to_owned() });
    }
    let version = u32::read(&mut source)?;
    match version {
        2 | 3 => {}
        _ if matches!(version.swap_bytes(), 1..=3) => return Err(GgufError::BigEndian { path: path.to_owned() }),
        _ => return Err(GgufError::Version { path: path.to_owned(), version }),
    }
    source.at = "the list of tensors".to_owned();
    let n_tensors = source.count(MIN_TENSOR)?;
    source.at = "the list of keys".to_owned();
    let n_entries = source.count(MIN_ENTRY)?;

    let mut entries = Vec::new();
    for i in 0..n_entries {
        source.at = format!("key number {i}");
        let key = source.string(MAX_KEY)?;
        if key.is_empty() {
            return Err(source.damage(|at| Damage::Nameless { at }));
        }
        source.at = format!("the key {}", quoted(&key));
        let value = Value::read(&mut source)?;
        entries.push((key, value));
    }
    let entry_order = order(&source, "key", &entries, |(key, _)| key)?;
    let alignment = alignment(&source, &entries)?;

    let mut tensors = Vec::new();
    for i in 0..n_tensors {
        source.at = format!("tensor number {i}");
        tensors.push(read_tensor(&mut source)?);
    }
    let tensor_order = order(&source, "tensor", &tensors, |tensor| &tensor.name)?;
    place(&source, &mut tensors, alignment)?;
    Ok(Header { version, entries, entry_order, tensors, tensor_order })
}

fn order<T>(
    source: &Source<'_, impl Read>,
    kind: &'static str,
    items: &[T],
    name: impl Fn(&T) -> &str,
) -> Result<Vec<u32>, GgufError> {
    order_by_name(items, name).map_err(|name| source.damage(|_| Damage::Duplicate { kind, name: quoted(&name) }))
}

fn alignment(source: &Source<'_, impl Read>, entries: &[(String, Value)]) -> Result<u64, GgufError> {
    match entries.iter().find(|(key, _)| key == ALIGNMENT_KEY).map(|(_, value)| value) {
        None => Ok(ALIGNMENT.into()),
        Some(&Value::U32(bytes)) if bytes.is_power_of_two() => Ok(bytes.into()),
        Some(Value::U32(bytes)) => Err(source.damage(|_| Damage::Alignment { found: bytes.to_string() })),
        Some(other) => Err(source.damage(|_| Damage::Alignment { found: format!("of type {}", other.type_name()) })),
    }
}

/// Reads a description. Its offset is still that of the file, from the beginning of the data.
fn read_tensor(source: &mut Source<'_, impl Read>) -> Result<TensorInfo, GgufError> {
    let name = source.string(MAX_NAME)?;
    if name.is_empty() {
        return Err(source.damage(|at| Damage::Nameless { at }));
    }
    source.at = format!("the tensor {}", quoted(&name));
    let n_dims = u32::read(source)?;
    if n_dims > MAX_DIMS {
        return Err(source.damage(|at| Damage::Rank { at, n_dims }));
    }
    let dims = (0..n_dims).map(|_| u64::read(source)).collect::<Result<Vec<_>, _>>()?;
    if elements(&dims).is_none() {
        return Err(source.damage(|at| Damage::Overflow { at, dims }));
    }
    let type_id = u32::read(source)?;
    let Some(ggml_type) = GgmlType::from_id(type_id) else {
        return Err(source.damage(|at| Damage::TensorType { at, id: type_id }));
    };
    let (row, block) = (dims.first().copied().unwrap_or(1), ggml_type.block);
    if !row.is_multiple_of(block) {
        return Err(source.damage(|at| Damage::Row { at, row, block }));
    }
    let Some(n_bytes) = ggml_type.tensor_bytes(&dims) else {
        return Err(source.damage(|at| Damage::Overflow { at, dims }));
    };
    let offset = u64::read(source)?;
    Ok(TensorInfo { name, dims, type_id, offset, n_bytes })
}

/// Checks that the data lies as llama.cpp wants it, one tensor after the other, and makes offsets count from the
/// beginning of the file.
fn place(source: &Source<'_, impl Read>, tensors: &mut [TensorInfo], alignment: u64) -> Result<(), GgufError> {
    let bytes = source.size;
    let mut expected = 0;
    // none of these sums overflows: `source.position` and, after each check, the end of the data are at most `bytes`
    let start = source.position.saturating_add(alignment - 1) & !(alignment - 1);
    for tensor in tensors {
        let fail =
            |kind: &dyn Fn(String) -> Damage| source.damage(|_| kind(format!("tensor {}", quoted(&tensor.name))));
        if tensor.offset != expected {
            return Err(fail(&|at| Damage::Offset { at, offset: tensor.offset, expected }));
        }
        let end = start.saturating_add(expected).saturating_add(tensor.n_bytes);
        if end > bytes {
            return Err(fail(&|at| Damage::PastEnd { at, end, bytes }));
        }
        tensor.offset = start + expected;
        expected = (expected + tensor.n_bytes).saturating_add(alignment - 1) & !(alignment - 1);
    }
    Ok(())
}
