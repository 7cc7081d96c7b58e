//! Opening a GGUF file.

use std::fmt::Debug;
use std::fs::File;
use std::io::{BufReader, Cursor, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use half::f16;

use super::error::{Damage, GgufError};
use super::parse::{Header, parse};
use super::types::{F16, F32, GgmlType};
use super::value::{Array, Value};

/// Bytes of a tensor that are read at a time.
const CHUNK: usize = 1 << 16;

/// One tensor of a file. Its data lies within the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// Name.
    pub name: String,
    /// Dimensions in the order of ggml, fastest first. None: one element.
    pub dims: Vec<u64>,
    /// Number of the element type; [`GgmlType::from_id`] knows it.
    pub type_id: u32,
    /// Where the data begins, in bytes from the beginning of the file.
    pub offset: u64,
    /// Bytes of the data.
    pub n_bytes: u64,
}

/// Where tensors are read from.
trait Bytes: Read + Seek + Send + Debug {}

impl<T: Read + Seek + Send + Debug> Bytes for T {}

/// An open GGUF file, versions 2 and 3: metadata in memory, tensors on disk.
///
/// Memory follows what is in the file, never what its header announces.
#[derive(Debug)]
pub struct Gguf {
    path: PathBuf,
    /// A lock, because reading moves the position.
    file: Mutex<Box<dyn Bytes>>,
    header: Header,
}

impl Gguf {
    /// Opens a file and reads all but the tensors' data.
    ///
    /// # Errors
    /// [`GgufError`], if it cannot be opened or any part of its header is wrong.
    pub fn open(path: &Path) -> Result<Self, GgufError> {
        let fail = |action| move |cause| GgufError::Io { action, path: path.to_owned(), cause };
        // asked before opening, for opening a pipe waits for its other end
        if !std::fs::metadata(path).map_err(fail("open"))?.is_file() {
            return Err(GgufError::NotAFile { path: path.to_owned() });
        }
        let file = File::open(path).map_err(fail("open"))?;
        let size = file.metadata().map_err(fail("open"))?.len();
        let header = parse(path, BufReader::new(&file), size)?;
        Ok(Self { path: path.to_owned(), file: Mutex::new(Box::new(file)), header })
    }

    /// A file that is part of the program; `path` is what it is called in messages.
    ///
    /// # Errors
    /// [`GgufError`], if any part of its header is wrong.
    pub fn built_in(path: &Path, bytes: &'static [u8]) -> Result<Self, GgufError> {
        let header = parse(path, bytes, bytes.len() as u64)?;
        Ok(Self { path: path.to_owned(), file: Mutex::new(Box::new(Cursor::new(bytes))), header })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Version of the container, 2 or 3.
    pub fn version(&self) -> u32 {
        self.header.version
    }

    /// The keys, in the order of the file.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.header.entries.iter().map(|(key, _)| key.as_str())
    }

    /// The value under a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let Header { entries, entry_order, .. } = &self.header;
        find(entries, entry_order, |(name, _)| name, key).map(|(_, value)| value)
    }

    /// The tensors, in the order of the file.
    pub fn tensors(&self) -> &[TensorInfo] {
        &self.header.tensors
    }

    /// The tensor of this name.
    pub fn tensor(&self, name: &str) -> Option<&TensorInfo> {
        let Header { tensors, tensor_order, .. } = &self.header;
        find(tensors, tensor_order, |tensor| &tensor.name, name)
    }

    /// Reads a tensor of type F32 or F16 from disk.
    ///
    /// # Errors
    /// [`GgufError::MissingTensor`], [`GgufError::TensorType`], or [`GgufError::Io`].
    pub fn tensor_f32(&self, name: &str) -> Result<Vec<f32>, GgufError> {
        let info = self
            .tensor(name)
            .ok_or_else(|| GgufError::MissingTensor { path: self.path.clone(), tensor: name.to_owned() })?;
        match info.type_id {
            F32 => self.read_elements(info, f32::from_le_bytes),
            F16 => self.read_elements(info, |bytes| f16::from_le_bytes(bytes).to_f32()),
            other => Err(GgufError::TensorType {
                path: self.path.clone(),
                tensor: name.to_owned(),
                found: GgmlType::name_of(other),
            }),
        }
    }

    fn read_elements<const N: usize>(
        &self,
        info: &TensorInfo,
        decode: impl Fn([u8; N]) -> f32,
    ) -> Result<Vec<f32>, GgufError> {
        let fail = |cause: std::io::Error| match cause.kind() {
            ErrorKind::UnexpectedEof => {
                let damage = Damage::Truncated { at: format!("the data of tensor '{}'", info.name) };
                GgufError::Damaged { path: self.path.clone(), damage }
            }
            _ => GgufError::Io { action: "read", path: self.path.clone(), cause },
        };
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(info.offset)).map_err(fail)?;
        // `open` has compared the size with that of the file
        let mut rest = usize::try_from(info.n_bytes).unwrap_or(0);
        let mut values = Vec::with_capacity(rest / N);
        let mut buffer = vec![0; CHUNK.min(rest)];
        while rest > 0 {
            let chunk = &mut buffer[..CHUNK.min(rest)];
            file.read_exact(chunk).map_err(fail)?;
            let (elements, _) = chunk.as_chunks();
            values.extend(elements.iter().map(|&element| decode(element)));
            rest -= chunk.len();
        }
        Ok(values)
    }

    fn wrong_type(&self, key: &str, expected: &'static str) -> GgufError {
        let (path, key) = (self.path.clone(), key.to_owned());
        match self.get(&key) {
            None => GgufError::MissingKey { path, key },
            Some(value) => GgufError::KeyType { path, key, expected, found: value.type_name() },
        }
    }
}

macro_rules! getters {
    ($($name:ident -> $type:ty, $word:literal, $pattern:pat => $value:expr;)*) => {
        /// Values of one type. They fail with [`GgufError::MissingKey`] or [`GgufError::KeyType`].
        #[allow(clippy::missing_errors_doc)]
        impl Gguf {
            $(
                #[doc = concat!("The value under a key, which must be of type ", $word, ".")]
                pub fn $name(&self, key: &str) -> Result<$type, GgufError> {
                    match self.get(key) {
                        Some($pattern) => Ok($value),
                        _ => Err(self.wrong_type(key, $word)),
                    }
                }
            )*
        }
    };
}

getters! {
    get_u32 -> u32, "u32", Value::U32(value) => *value;
    get_i32 -> i32, "i32", Value::I32(value) => *value;
    get_u64 -> u64, "u64", Value::U64(value) => *value;
    get_f32 -> f32, "f32", Value::F32(value) => *value;
    get_bool -> bool, "bool", Value::Bool(value) => *value;
    get_str -> &str, "string", Value::String(value) => value;
    get_strings -> &[String], "array of string", Value::Array(Array::String(items)) => items;
    get_i32s -> &[i32], "array of i32", Value::Array(Array::I32(items)) => items;
    get_f32s -> &[f32], "array of f32", Value::Array(Array::F32(items)) => items;
}

fn find<'a, T>(items: &'a [T], order: &[u32], name: impl Fn(&T) -> &str, wanted: &str) -> Option<&'a T> {
    let item = |&i: &u32| items.get(i as usize);
    let place = order.binary_search_by(|i| item(i).map_or("", &name).cmp(wanted)).ok()?;
    item(order.get(place)?)
}
