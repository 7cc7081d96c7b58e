//! Headers that lie.

use std::path::Path;

use super::parse::parse;
use super::value::{Element, Value};
use super::{ALIGNMENT_KEY, MAGIC};

/// The beginning of a file.
#[derive(Clone)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn header(version: u32, n_tensors: u64, n_keys: u64) -> Self {
        Self(MAGIC.to_vec()).u32(version).u64(n_tensors).u64(n_keys)
    }

    fn u32(mut self, value: u32) -> Self {
        value.put(&mut self.0);
        self
    }

    fn u64(mut self, value: u64) -> Self {
        value.put(&mut self.0);
        self
    }

    fn text(mut self, value: &str) -> Self {
        value.to_owned().put(&mut self.0);
        self
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn value(mut self, key: &str, value: impl Into<Value>) -> Self {
        self = self.text(key);
        value.into().put(&mut self.0);
        self
    }

    fn tensor(mut self, name: &str, dims: &[u64], type_id: u32, offset: u64) -> Self {
        self = self.text(name).u32(dims.len() as u32);
        self = dims.iter().fold(self, |bytes, &dim| bytes.u64(dim));
        self.u32(type_id).u64(offset)
    }

    fn fail(self) -> String {
        let size = self.0.len() as u64;
        parse(Path::new("f"), self.0.as_slice(), size).unwrap_err().to_string()
    }
}

#[test]
fn hostile_headers() {
    let keys = |n| Bytes::header(3, 0, n);
    let tensors = |n| Bytes::header(3, n, 0);
    let zeros = [0; 256];
    let (huge, long) = (u64::MAX, "x".repeat(70_000));
    for (bytes, expected) in [
        // the container
        (Bytes(vec![]), "'f' is not a GGUF file, for it does not begin with the letters GGUF; give"),
        (Bytes(b"GGU".to_vec()), "is not a GGUF file"),
        (Bytes(b"ggml, or so".to_vec()), "is not a GGUF file"),
        (Bytes(MAGIC.to_vec()).raw(&[3, 0]), "it ends inside the header; fetch or write it again"),
        (Bytes::header(1, 0, 0), "has GGUF version 1, only 2 and 3 can be read; convert"),
        (Bytes::header(4, 0, 0), "has GGUF version 4"),
        (Bytes::header(3 << 24, 0, 0), "is a big-endian GGUF file"),
        (Bytes(MAGIC.to_vec()).u32(3).u64(0), "it ends inside the list of keys"),
        // counts
        (keys(huge), "the list of keys announces 18446744073709551615 items, more than the 0 bytes after it"),
        (keys(2).raw(&[0; 27]), "the list of keys announces 2 items, more than the 27 bytes"),
        (tensors(huge), "the list of tensors announces 18446744073709551615 items, more than the 8 bytes"),
        (tensors(11).raw(&zeros), "the list of tensors announces 11 items, more than the 264 bytes"),
        // strings
        (keys(1).u64(huge).raw(&zeros), "key number 0 has a string of 18446744073709551615 bytes, at most 256"),
        (keys(1).u64(500).raw(&zeros), "key number 0 has a string of 500 bytes, at most 256"),
        (keys(1).text(&long), "key number 0 has a string of 70000 bytes, at most 65535"),
        (keys(1).text("").raw(&zeros), "key number 0 has no name"),
        (keys(1).u64(2).raw(&[0xff; 9]), "key number 0 has a string that is not UTF-8"),
        (keys(1).text("k").u32(8).u64(huge), "the key 'k' has a string of 18446744073709551615 bytes, at most 0"),
        (keys(1).text("k").u32(8).u64(1).raw(&[0x80]), "the key 'k' has a string that is not UTF-8"),
        // values
        (keys(1).text("kk").u32(4).raw(&[0]), "it ends inside the key 'kk'"),
        (keys(1).text("a\nb").u32(13).raw(&zeros), r"the key 'a\nb' has a value of the unknown type 13"),
        (keys(1).text("k").u32(7).raw(&[2; 9]), "the key 'k' has the truth value 2, expected 0 or 1"),
        (keys(1).text("k").u32(9).u32(9).raw(&zeros), "the key 'k' has an array of arrays"),
        (keys(1).text("k").u32(9).u32(99).raw(&zeros), "the key 'k' has a value of the unknown type 99"),
        (keys(1).text("k").u32(9).u32(0).u64(9), "the key 'k' announces 9 items, more than the 0 bytes"),
        (keys(1).text("k").u32(9).u32(12).u64(1 << 61).raw(&zeros), "announces 2305843009213693952 items"),
        (keys(1).text("k").u32(9).u32(8).u64(33).raw(&zeros), "announces 33 items, more than the 256 bytes"),
        (keys(2).value("k", 1u32).value("k", 1u64), "the key 'k' occurs twice"),
        (keys(1).value(ALIGNMENT_KEY, 48u32), "general.alignment is 48, expected a power of two of type u32"),
        (keys(1).value(ALIGNMENT_KEY, 0u32), "general.alignment is 0,"),
        (keys(1).value(ALIGNMENT_KEY, 32u64), "general.alignment is of type u64,"),
        // tensors
        (tensors(1).text(&long), "tensor number 0 has a string of 70000 bytes, at most 63"),
        (tensors(1).text("").raw(&zeros), "tensor number 0 has no name"),
        (tensors(1).tensor("t", &[1; 5], 0, 0), "the tensor 't' has 5 dimensions, at most 4 are possible"),
        (tensors(1).text("t").u32(u32::MAX).raw(&zeros), "the tensor 't' has 4294967295 dimensions"),
        (tensors(1).tensor("t", &[1 << 32, 1 << 32], 0, 0), "the dimensions [4294967296, 4294967296], too large"),
        (tensors(1).tensor("t", &[0, huge, huge], 0, 0), "too large to count"),
        (tensors(1).tensor("t", &[1 << 62], 0, 0), "the dimensions [4611686018427387904], too large to count"),
        (tensors(1).tensor("t", &[1], 4, 0), "the tensor 't' has the unknown type 4"),
        (tensors(1).tensor("t", &[33], 8, 0), "the tensor 't' has rows of 33 elements, expected a multiple of 32"),
        (tensors(2).tensor("t", &[1], 0, 0).tensor("t", &[1], 0, 32).raw(&zeros), "the tensor 't' occurs twice"),
        (tensors(1).tensor("t", &[1], 0, 8).raw(&zeros), "the data of tensor 't' begins at offset 8, expected 0"),
        (
            tensors(2).tensor("t", &[9], 0, 0).tensor("u", &[1], 0, 32).raw(&zeros),
            "the data of tensor 'u' begins at offset 32, expected 64",
        ),
        (
            tensors(1).tensor("t", &[1 << 40], 0, 0).raw(&zeros),
            "the data of tensor 't' ends at byte 4398046511168, the file at byte 313",
        ),
        (tensors(1).tensor("t", &[1 << 60], 0, 0), "the data of tensor 't' ends at byte"),
        (tensors(1).tensor("t", &[1], 0, 0), "ends at byte 68, the file at byte 57"),
        (
            Bytes::header(3, 1, 1).value(ALIGNMENT_KEY, 1u32 << 31).tensor("t", &[1], 0, 0),
            "ends at byte 2147483652, the file at byte",
        ),
    ] {
        let message = bytes.clone().fail();
        assert!(message.contains(expected), "{message}\n{expected}");
        assert_eq!((message.lines().count(), message.starts_with("'f' ")), (1, true), "{message}");
    }
}

#[test]
fn a_file_that_shrinks_is_damaged() {
    let bytes = Bytes::header(2, 0, 1).value("k", "text").0;
    let message = parse(Path::new("f"), &bytes[..40], bytes.len() as u64).unwrap_err().to_string();
    assert!(message.contains("it ends inside the key 'k'"), "{message}");
    assert_eq!(parse(Path::new("f"), bytes.as_slice(), bytes.len() as u64).unwrap().version, 2);
}
