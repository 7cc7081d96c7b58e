//! Making a GGUF file.

use std::io::{BufWriter, Write};
use std::path::Path;

use half::f16;
use tempfile::NamedTempFile;

use super::error::{Defect, GgufError};
use super::types::{F16, F32, GgmlType};
use super::value::{Element, Value};
use super::{ALIGNMENT, ALIGNMENT_KEY, MAGIC, MAX_DIMS, MAX_KEY, MAX_NAME, VERSION, order_by_name, quoted};

/// The elements of a tensor.
#[derive(Debug, Clone, PartialEq)]
pub enum TensorData {
    /// 32-bit floats.
    F32(Vec<f32>),
    /// 16-bit floats.
    F16(Vec<f16>),
    /// Bytes as they go into the file, of any type of ggml.
    Raw {
        /// Number of the type.
        type_id: u32,
        /// The blocks.
        bytes: Vec<u8>,
    },
}

impl TensorData {
    /// 16-bit floats, rounded from 32 bits. Values beyond 65504 become infinite.
    pub fn rounded_to_f16(values: &[f32]) -> Self {
        Self::F16(values.iter().map(|&value| f16::from_f32(value)).collect())
    }

    fn type_id(&self) -> u32 {
        match self {
            Self::F32(_) => F32,
            Self::F16(_) => F16,
            Self::Raw { type_id, .. } => *type_id,
        }
    }

    fn n_bytes(&self) -> u64 {
        match self {
            Self::F32(values) => 4 * values.len() as u64,
            Self::F16(values) => 2 * values.len() as u64,
            Self::Raw { bytes, .. } => bytes.len() as u64,
        }
    }

    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::F32(values) => values.iter().for_each(|value| value.put(out)),
            Self::F16(values) => values.iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes())),
            Self::Raw { bytes, .. } => out.extend_from_slice(bytes),
        }
    }
}

#[derive(Debug, Clone)]
struct Tensor {
    name: String,
    dims: Vec<u64>,
    data: TensorData,
}

/// Collects keys and tensors, and writes them as GGUF version 3 in the order in which they were given.
///
/// The same calls give the same bytes.
#[derive(Debug, Clone, Default)]
pub struct GgufWriter {
    entries: Vec<(String, Value)>,
    tensors: Vec<Tensor>,
}

impl GgufWriter {
    /// A file without keys and tensors.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<Value>) -> &mut Self {
        self.entries.push((key.into(), value.into()));
        self
    }

    /// Adds a tensor. `dims` are in the order of ggml: the first one is that of elements side by side.
    pub fn tensor(&mut self, name: impl Into<String>, dims: &[u64], data: TensorData) -> &mut Self {
        self.tensors.push(Tensor { name: name.into(), dims: dims.to_vec(), data });
        self
    }

    /// The file in memory.
    ///
    /// # Errors
    /// [`GgufError::Invalid`] if keys or tensors contradict themselves.
    pub fn to_bytes(&self) -> Result<Vec<u8>, GgufError> {
        let mut out = self.header()?;
        for tensor in &self.tensors {
            tensor.data.put(&mut out);
            pad(&mut out);
        }
        Ok(out)
    }

    /// Writes the file: either all of it is there afterwards, or what was there before.
    ///
    /// # Errors
    /// [`GgufError::Invalid`] as [`to_bytes`](Self::to_bytes), and [`GgufError::Io`].
    pub fn write_to(&self, path: &Path) -> Result<(), GgufError> {
        let header = self.header()?;
        self.replace(path, &header).map_err(|cause| GgufError::Io { action: "write", path: path.to_owned(), cause })
    }

    fn replace(&self, path: &Path, header: &[u8]) -> std::io::Result<()> {
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut out = BufWriter::new(temporary(dir)?);
        out.write_all(header)?;
        let mut buffer = Vec::new();
        for tensor in &self.tensors {
            buffer.clear();
            tensor.data.put(&mut buffer);
            pad(&mut buffer);
            out.write_all(&buffer)?;
        }
        let file = out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    }

    /// All before the data, padded.
    fn header(&self) -> Result<Vec<u8>, GgufError> {
        self.check().map_err(GgufError::Invalid)?;
        let mut out = MAGIC.to_vec();
        VERSION.put(&mut out);
        (self.tensors.len() as u64).put(&mut out);
        (self.entries.len() as u64).put(&mut out);
        for (key, value) in &self.entries {
            key.put(&mut out);
            value.put(&mut out);
        }
        let mut offset = 0;
        for Tensor { name, dims, data } in &self.tensors {
            name.put(&mut out);
            // `check` has counted them
            (dims.len() as u32).put(&mut out);
            dims.iter().for_each(|dim| dim.put(&mut out));
            data.type_id().put(&mut out);
            offset.put(&mut out);
            offset += data.n_bytes().next_multiple_of(ALIGNMENT.into());
        }
        if !self.tensors.is_empty() {
            pad(&mut out);
        }
        Ok(out)
    }

    fn check(&self) -> Result<(), Defect> {
        for (key, value) in &self.entries {
            check_name("key", key, MAX_KEY)?;
            if key == ALIGNMENT_KEY && *value != Value::U32(ALIGNMENT) {
                return Err(Defect::Alignment);
            }
        }
        for Tensor { name, dims, data } in &self.tensors {
            check_name("tensor", name, MAX_NAME)?;
            let (tensor, id) = (quoted(name), data.type_id());
            let Some(ggml_type) = GgmlType::from_id(id) else {
                return Err(Defect::TensorType { tensor, id });
            };
            if dims.len() > MAX_DIMS as usize || ggml_type.tensor_bytes(dims) != Some(data.n_bytes()) {
                return Err(Defect::Shape { tensor, dims: dims.clone(), bytes: data.n_bytes() });
            }
        }
        let twice = |kind| move |name: String| Defect::Duplicate { kind, name: quoted(&name) };
        order_by_name(&self.entries, |(key, _)| key).map_err(twice("key"))?;
        order_by_name(&self.tensors, |tensor| &tensor.name).map_err(twice("tensor"))?;
        Ok(())
    }
}

fn check_name(kind: &'static str, name: &str, max: u64) -> Result<(), Defect> {
    let length = name.len() as u64;
    if (1..=max).contains(&length) { Ok(()) } else { Err(Defect::Name { kind, name: quoted(name), length, max }) }
}

/// Appends zeros up to the alignment.
fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(ALIGNMENT as usize), 0);
}

/// A file that vanishes unless it is given a name, with the permissions of any new file.
fn temporary(dir: &Path) -> std::io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".gguf-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // less what the umask takes away; the default of tempfile is 0o600
        builder.permissions(std::fs::Permissions::from_mode(0o666));
        builder.tempfile_in(dir)
    }
    #[cfg(not(unix))]
    builder.tempfile_in(dir)
}

#[cfg(test)]
mod tests {
    use super::super::{Array, Gguf};
    use super::*;

    fn f32s(n: usize) -> TensorData {
        TensorData::F32((0..n).map(|i| i as f32 - 0.5).collect())
    }

    fn sample() -> GgufWriter {
        let mut out = GgufWriter::new();
        out.set("z", 7u32).set("a", -7i32).set("f", 0.25f32).set("u", u64::MAX).set("b", true).set("s", "é\n");
        out.set("ss", vec!["x".to_owned(), String::new()]).set("is", vec![-1i32, 2]).set("fs", vec![1.5f32]);
        out.set("none", Vec::<i32>::new()).set("small", Value::Array(Array::I8(vec![-1])));
        out.tensor("t.b", &[3, 2], f32s(6)).tensor("t.a", &[20_000], TensorData::rounded_to_f16(&[1.1; 20_000]));
        out.tensor("q", &[32], TensorData::Raw { type_id: 8, bytes: (0..34).collect() }).tensor("one", &[], f32s(1));
        out
    }

    #[test]
    fn what_is_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.gguf");
        std::fs::write(&path, "old").unwrap();
        sample().write_to(&path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes, sample().to_bytes().unwrap());
        assert_eq!(dir.path().read_dir().unwrap().count(), 1);

        let file = Gguf::open(&path).unwrap();
        assert_eq!((file.path(), file.version()), (path.as_path(), 3));
        let keys: Vec<_> = file.keys().collect();
        assert_eq!(keys, ["z", "a", "f", "u", "b", "s", "ss", "is", "fs", "none", "small"]);
        assert_eq!((file.get_u32("z").unwrap(), file.get_i32("a").unwrap()), (7, -7));
        assert_eq!((file.get_f32("f").unwrap(), file.get_u64("u").unwrap()), (0.25, u64::MAX));
        assert_eq!((file.get_bool("b").unwrap(), file.get_str("s").unwrap()), (true, "é\n"));
        assert_eq!((file.get_strings("ss").unwrap()[0].as_str(), file.get_i32s("is").unwrap()), ("x", &[-1, 2][..]));
        assert_eq!((file.get_f32s("fs").unwrap(), file.get_i32s("none").unwrap()), (&[1.5][..], &[][..]));
        assert_eq!(file.get("small"), Some(&Value::Array(Array::I8(vec![-1]))));
        assert_eq!(file.get("zz"), None);
        let message = file.get_u32("ss").unwrap_err().to_string();
        assert!(
            message.contains("a value of type array of string under the key 'ss', expected u32; write"),
            "{message}"
        );
        assert!(file.get_u32("zz").unwrap_err().to_string().contains("has no key 'zz'; use"));

        let infos: Vec<_> = file.tensors().iter().map(|t| (t.name.as_str(), t.dims.as_slice(), t.n_bytes)).collect();
        assert_eq!(infos, [("t.b", &[3, 2][..], 24), ("t.a", &[20_000], 40_000), ("q", &[32], 34), ("one", &[], 4)]);
        assert!(file.tensors().iter().all(|tensor| tensor.offset % 32 == 0));
        assert_eq!(file.tensor_f32("t.b").unwrap(), [-0.5, 0.5, 1.5, 2.5, 3.5, 4.5]);
        assert_eq!(file.tensor_f32("t.a").unwrap(), [1.099_609_4; 20_000]);
        assert_eq!(file.tensor_f32("one").unwrap(), [-0.5]);
        let q = file.tensor("q").unwrap();
        assert_eq!((q.type_id, &bytes[q.offset as usize..][..34]), (8, &(0..34).collect::<Vec<u8>>()[..]));
        assert!(file.tensor_f32("q").unwrap_err().to_string().contains("'q' as Q8_0, expected F32 or F16; convert"));
        assert!(file.tensor_f32("x").unwrap_err().to_string().contains("has no tensor 'x'; use"));
    }

    #[test]
    fn a_file_without_tensors() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.gguf");
        GgufWriter::new().set("k", "v").write_to(&path).unwrap();
        assert_eq!(path.metadata().unwrap().len(), 24 + 9 + 4 + 9);
        assert_eq!(Gguf::open(&path).unwrap().tensors(), []);
    }

    #[test]
    fn what_cannot_be_read_is_not_written() {
        type Edit = fn(&mut GgufWriter) -> &mut GgufWriter;
        let table: [(Edit, &str); 11] = [
            (|w| w.set("", 1u32), "the key '' has 0 bytes, expected 1 to 65535"),
            (|w| w.set("z", 1u32), "the key 'z' is set twice"),
            (|w| w.set("general.alignment", 64u32), "general.alignment is set to something else than 32 of type u32"),
            (|w| w.tensor("q", &[1], f32s(1)), "the tensor 'q' is set twice"),
            (|w| w.tensor("n".repeat(64), &[1], f32s(1)), "has 64 bytes, expected 1 to 63"),
            (
                |w| w.tensor("n", &[2], f32s(1)),
                "the tensor 'n' has 4 bytes of data, which do not fit its dimensions [2]",
            ),
            (|w| w.tensor("n", &[1; 5], f32s(1)), "do not fit its dimensions [1, 1, 1, 1, 1]"),
            (|w| w.tensor("n", &[u64::MAX, 2], f32s(1)), "do not fit"),
            (|w| w.tensor("n", &[1], TensorData::Raw { type_id: 5, bytes: vec![] }), "has the unknown type 5"),
            (|w| w.tensor("n", &[31], TensorData::Raw { type_id: 8, bytes: vec![0; 34] }), "34 bytes of data"),
            (|w| w.tensor("n", &[32], TensorData::Raw { type_id: 8, bytes: vec![0; 33] }), "33 bytes of data"),
        ];
        let dir = tempfile::tempdir().unwrap();
        for (edit, expected) in table {
            let mut out = sample();
            let message = edit(&mut out).to_bytes().unwrap_err().to_string();
            assert!(message.contains(expected) && message.ends_with("; this is a bug in the program"), "{message}");
            assert!(out.write_to(&dir.path().join("m.gguf")).is_err());
        }
        assert_eq!(dir.path().read_dir().unwrap().count(), 0);

        let message = sample().write_to(&dir.path().join("no/m.gguf")).unwrap_err().to_string();
        assert!(message.starts_with("cannot write '") && message.contains("m.gguf': "), "{message}");
        let message = Gguf::open(dir.path()).unwrap_err().to_string();
        assert!(message.ends_with("is not a regular file; give the path of a .gguf file"), "{message}");
        let message = Gguf::open(&dir.path().join("none")).unwrap_err().to_string();
        assert!(message.starts_with("cannot open '"), "{message}");
    }

    #[cfg(unix)]
    #[test]
    fn permissions_are_those_of_any_new_file() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let (made, plain) = (dir.path().join("m.gguf"), dir.path().join("plain"));
        sample().write_to(&made).unwrap();
        std::fs::write(&plain, "").unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode();
        assert_eq!(mode(&made), mode(&plain));
    }
}
