//! What can be wrong with a GGUF file.

use std::io;
use std::path::PathBuf;

/// Why a file could not be read or written. Each message is one line: the file, the cause, the remedy.
#[derive(Debug, thiserror::Error)]
pub enum GgufError {
    // The system
    /// A failure of the system.
    #[error("cannot {action} '{}': {cause}; check that path and its disk", .path.display())]
    Io {
        /// The verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's words.
        cause: io::Error,
    },
    /// A directory, a pipe or a device.
    #[error("'{}' is not a regular file; give the path of a .gguf file", .path.display())]
    NotAFile {
        /// The path as given.
        path: PathBuf,
    },

    // The container
    /// Another kind of file.
    #[error("'{}' is not a GGUF file, for it does not begin with the letters GGUF; give the path of a .gguf file", .path.display())]
    NotGguf {
        /// The file.
        path: PathBuf,
    },
    /// A version that cannot be read.
    #[error("'{}' has GGUF version {version}, only 2 and 3 can be read; convert it with a current llama.cpp", .path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// A file for big-endian machines.
    #[error("'{}' is a big-endian GGUF file, only little-endian ones can be read; convert it with gguf-convert-endian", .path.display())]
    BigEndian {
        /// The file.
        path: PathBuf,
    },
    /// The header contradicts itself or the size of the file.
    #[error("'{}' is damaged: {damage}; fetch or write it again", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        damage: Damage,
    },

    // The content, as asked for
    /// A key is not there.
    #[error("'{}' has no key '{key}'; use a file that was made for this purpose", .path.display())]
    MissingKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
    },
    /// A key has a value of another type.
    #[error("'{}' has a value of type {found} under the key '{key}', expected {expected}; write the file again with that type", .path.display())]
    KeyType {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// The wanted type.
        expected: &'static str,
        /// The type in the file.
        found: String,
    },
    /// A tensor is not there.
    #[error("'{}' has no tensor '{tensor}'; use a file that was made for this purpose", .path.display())]
    MissingTensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
    },
    /// A tensor whose elements cannot be read as numbers.
    #[error("'{}' has the tensor '{tensor}' as {found}, expected F32 or F16; convert it to one of them", .path.display())]
    TensorType {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// The type in the file.
        found: String,
    },

    // Writing
    /// What was to be written is no valid file; only a bug has this.
    #[error("a GGUF file cannot be made: {0}; this is a bug in the program")]
    Invalid(Defect),
}

/// What is wrong with a header. Names from the file are quoted, escaped and cut.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum Damage {
    // Sizes
    /// The file ends too early.
    #[error("it ends inside {at}")]
    Truncated { at: String },
    /// A count that the rest of the file cannot hold.
    #[error("{at} announces {count} items, more than the {bytes} bytes after it can hold")]
    Count { at: String, count: u64, bytes: u64 },
    /// A string that is longer than the rest of the file or than its kind may be.
    #[error("{at} has a string of {length} bytes, at most {max} are possible")]
    Length { at: String, length: u64, max: u64 },

    // Keys and values
    /// A string in another encoding.
    #[error("{at} has a string that is not UTF-8")]
    Utf8 { at: String },
    /// A key without letters.
    #[error("{at} has no name")]
    Nameless { at: String },
    /// A name that occurs twice.
    #[error("the {kind} {name} occurs twice")]
    Duplicate { kind: &'static str, name: String },
    /// A type of value that does not exist.
    #[error("{at} has a value of the unknown type {id}")]
    ValueType { at: String, id: u32 },
    /// An array of arrays, which llama.cpp does not read either.
    #[error("{at} has an array of arrays")]
    Nested { at: String },
    /// A truth value that is neither 0 nor 1.
    #[error("{at} has the truth value {byte}, expected 0 or 1")]
    Bool { at: String, byte: u8 },
    /// `general.alignment` cannot be used.
    #[error("general.alignment is {found}, expected a power of two of type u32")]
    Alignment { found: String },

    // Tensors
    /// Too many dimensions.
    #[error("{at} has {n_dims} dimensions, at most 4 are possible")]
    Rank { at: String, n_dims: u32 },
    /// A size that does not fit in 64 bits.
    #[error("{at} has the dimensions {dims:?}, too large to count")]
    Overflow { at: String, dims: Vec<u64> },
    /// A type that ggml does not have.
    #[error("{at} has the unknown type {id}")]
    TensorType { at: String, id: u32 },
    /// A row that is no whole number of blocks.
    #[error("{at} has rows of {row} elements, expected a multiple of {block}")]
    Row { at: String, row: u64, block: u64 },
    /// Data that does not follow the aligned end of the tensor before.
    #[error("the data of {at} begins at offset {offset}, expected {expected}")]
    Offset { at: String, offset: u64, expected: u64 },
    /// Data beyond the end of the file.
    #[error("the data of {at} ends at byte {end}, the file at byte {bytes}")]
    PastEnd { at: String, end: u64, bytes: u64 },
}

/// What is wrong with the content of a file to be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // the fields are what the messages say
pub enum Defect {
    /// An empty key or name, or one that is too long.
    #[error("the {kind} {name} has {length} bytes, expected 1 to {max}")]
    Name { kind: &'static str, name: String, length: u64, max: u64 },
    /// A name that was given twice.
    #[error("the {kind} {name} is set twice")]
    Duplicate { kind: &'static str, name: String },
    /// `general.alignment` with another value than the one that is used.
    #[error("general.alignment is set to something else than 32 of type u32")]
    Alignment,
    /// A type that ggml does not have.
    #[error("the tensor {tensor} has the unknown type {id}")]
    TensorType { tensor: String, id: u32 },
    /// Dimensions and data that do not agree, or that no tensor can have.
    #[error("the tensor {tensor} has {bytes} bytes of data, which do not fit its dimensions {dims:?}")]
    Shape { tensor: String, dims: Vec<u64>, bytes: u64 },
}
