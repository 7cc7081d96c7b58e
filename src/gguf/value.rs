//! Metadata values.

use std::io::Read;

use super::error::{Damage, GgufError};
use super::parse::Source;

/// Type number of an array.
const ARRAY: u32 = 9;

/// Bytes of the length before a string.
const LENGTH_BYTES: u64 = 8;

/// What an array can hold.
pub(super) trait Element: Sized {
    /// Fewest bytes in the file.
    const MIN_BYTES: u64;

    fn read(source: &mut Source<'_, impl Read>) -> Result<Self, GgufError>;

    fn put(&self, out: &mut Vec<u8>);
}

macro_rules! numbers {
    ($($type:ty)*) => {$(
        impl Element for $type {
            const MIN_BYTES: u64 = size_of::<Self>() as u64;

            fn read(source: &mut Source<'_, impl Read>) -> Result<Self, GgufError> {
                source.bytes().map(Self::from_le_bytes)
            }

            fn put(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
        }
    )*};
}

numbers!(u8 i8 u16 i16 u32 i32 u64 i64 f32 f64);

impl Element for bool {
    const MIN_BYTES: u64 = 1;

    fn read(source: &mut Source<'_, impl Read>) -> Result<Self, GgufError> {
        match u8::read(source)? {
            0 => Ok(false),
            1 => Ok(true),
            byte => Err(source.damage(|at| Damage::Bool { at, byte })),
        }
    }

    fn put(&self, out: &mut Vec<u8>) {
        out.push((*self).into());
    }
}

impl Element for String {
    const MIN_BYTES: u64 = LENGTH_BYTES;

    fn read(source: &mut Source<'_, impl Read>) -> Result<Self, GgufError> {
        source.string(u64::MAX)
    }

    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u64).put(out);
        out.extend_from_slice(self.as_bytes());
    }
}

fn read_array<T: Element>(source: &mut Source<'_, impl Read>) -> Result<Vec<T>, GgufError> {
    let count = source.count(T::MIN_BYTES)?;
    // where elements are larger here than in the file, the rest is allocated as it comes
    let fits = source.remaining() / size_of::<T>() as u64;
    let mut items = Vec::with_capacity(usize::try_from(count.min(fits)).unwrap_or(0));
    for _ in 0..count {
        items.push(T::read(source)?);
    }
    Ok(items)
}

macro_rules! values {
    ($($name:ident($type:ty) = $id:literal, $word:literal, $doc:literal;)*) => {
        /// A metadata value.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Value {
            $(#[doc = $doc] $name($type),)*
            /// Several values of one type.
            Array(Array),
        }

        /// Several values of one type.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Array {
            $(#[doc = $doc] $name(Vec<$type>),)*
        }

        impl Value {
            /// Name of the type, as in messages.
            pub fn type_name(&self) -> String {
                match self {
                    $(Self::$name(_) => $word.to_owned(),)*
                    $(Self::Array(Array::$name(_)) => concat!("array of ", $word).to_owned(),)*
                }
            }

            pub(super) fn read(source: &mut Source<'_, impl Read>) -> Result<Self, GgufError> {
                match u32::read(source)? {
                    $($id => <$type>::read(source).map(Self::$name),)*
                    ARRAY => match u32::read(source)? {
                        $($id => read_array(source).map(|items| Self::Array(Array::$name(items))),)*
                        ARRAY => Err(source.damage(|at| Damage::Nested { at })),
                        id => Err(source.damage(|at| Damage::ValueType { at, id })),
                    },
                    id => Err(source.damage(|at| Damage::ValueType { at, id })),
                }
            }

            /// Appends type and value, as in the file.
            pub(super) fn put(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$name(value) => {
                        u32::put(&$id, out);
                        value.put(out);
                    })*
                    $(Self::Array(Array::$name(items)) => {
                        u32::put(&ARRAY, out);
                        u32::put(&$id, out);
                        (items.len() as u64).put(out);
                        items.iter().for_each(|item| item.put(out));
                    })*
                }
            }
        }

        $(
            impl From<$type> for Value {
                fn from(value: $type) -> Self {
                    Self::$name(value)
                }
            }

            impl From<Vec<$type>> for Value {
                fn from(items: Vec<$type>) -> Self {
                    Self::Array(Array::$name(items))
                }
            }
        )*
    };
}

values! {
    U8(u8) = 0, "u8", "8 bits.";
    I8(i8) = 1, "i8", "8 bits, signed.";
    U16(u16) = 2, "u16", "16 bits.";
    I16(i16) = 3, "i16", "16 bits, signed.";
    U32(u32) = 4, "u32", "32 bits.";
    I32(i32) = 5, "i32", "32 bits, signed.";
    F32(f32) = 6, "f32", "A float of 32 bits.";
    Bool(bool) = 7, "bool", "True or false.";
    String(String) = 8, "string", "UTF-8 text.";
    U64(u64) = 10, "u64", "64 bits.";
    I64(i64) = 11, "i64", "64 bits, signed.";
    F64(f64) = 12, "f64", "A float of 64 bits.";
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}
