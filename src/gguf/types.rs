//! The types of tensor elements, by their number in the file.

/// Type number of 32-bit floats.
pub const F32: u32 = 0;

/// Type number of 16-bit floats (IEEE half precision).
pub const F16: u32 = 1;

/// How ggml stores elements of one type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GgmlType {
    /// The number in the file: `enum ggml_type`.
    pub id: u32,
    /// Name in ggml, in capitals.
    pub name: &'static str,
    /// Elements in a block; a row is a whole number of blocks.
    pub block: u64,
    /// Bytes of a block.
    pub block_bytes: u64,
}

impl GgmlType {
    /// The type with this number; `None` for numbers that ggml never used or no longer reads.
    pub fn from_id(id: u32) -> Option<Self> {
        let &(id, name, block, block_bytes) = TYPES.iter().find(|t| t.0 == id)?;
        Some(Self { id, name, block, block_bytes })
    }

    /// Bytes of a tensor; `None` if they do not fit in 64 bits or a row is no whole number of blocks.
    pub fn tensor_bytes(&self, dims: &[u64]) -> Option<u64> {
        if !dims.first().unwrap_or(&1).is_multiple_of(self.block) {
            return None;
        }
        (elements(dims)? / self.block).checked_mul(self.block_bytes)
    }

    /// The name of a type that may not exist.
    pub(super) fn name_of(id: u32) -> String {
        Self::from_id(id).map_or_else(|| format!("number {id}"), |t| t.name.to_owned())
    }
}

/// Number of elements. A zero among the dimensions does not hide an overflow in the others.
pub(super) fn elements(dims: &[u64]) -> Option<u64> {
    // ggml counts in signed 64 bits
    let bound = dims.iter().try_fold(1u64, |n, &d| n.checked_mul(d.max(1))).filter(|&n| i64::try_from(n).is_ok())?;
    Some(if dims.contains(&0) { 0 } else { bound })
}

/// Number, name, elements in a block, bytes of a block: `type_traits` in ggml.c and the structs in ggml-common.h.
const TYPES: &[(u32, &str, u64, u64)] = &[
    (F32, "F32", 1, 4),
    (F16, "F16", 1, 2),
    (2, "Q4_0", 32, 18),
    (3, "Q4_1", 32, 20),
    (6, "Q5_0", 32, 22),
    (7, "Q5_1", 32, 24),
    (8, "Q8_0", 32, 34),
    (9, "Q8_1", 32, 36),
    (10, "Q2_K", 256, 84),
    (11, "Q3_K", 256, 110),
    (12, "Q4_K", 256, 144),
    (13, "Q5_K", 256, 176),
    (14, "Q6_K", 256, 210),
    (15, "Q8_K", 256, 292),
    (16, "IQ2_XXS", 256, 66),
    (17, "IQ2_XS", 256, 74),
    (18, "IQ3_XXS", 256, 98),
    (19, "IQ1_S", 256, 50),
    (20, "IQ4_NL", 32, 18),
    (21, "IQ3_S", 256, 110),
    (22, "IQ2_S", 256, 82),
    (23, "IQ4_XS", 256, 136),
    (24, "I8", 1, 1),
    (25, "I16", 1, 2),
    (26, "I32", 1, 4),
    (27, "I64", 1, 8),
    (28, "F64", 1, 8),
    (29, "IQ1_M", 256, 56),
    (30, "BF16", 1, 2),
    (34, "TQ1_0", 256, 54),
    (35, "TQ2_0", 256, 66),
    (39, "MXFP4", 32, 17),
    (40, "NVFP4", 64, 36),
    (41, "Q1_0", 128, 18),
    (42, "Q2_0", 64, 18),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_a_tensor() {
        let bytes = |id, dims: &[u64]| GgmlType::from_id(id).unwrap().tensor_bytes(dims);
        assert_eq!(bytes(F32, &[]), Some(4));
        assert_eq!(bytes(F16, &[3, 5]), Some(30));
        assert_eq!(bytes(12, &[512, 3]), Some(2 * 3 * 144));
        assert_eq!(bytes(F32, &[4, 0]), Some(0));
        assert_eq!(bytes(8, &[33]), None);
        assert_eq!(bytes(F32, &[1 << 61]), Some(1 << 63));
        assert_eq!(bytes(F32, &[1 << 62]), None);
        assert_eq!(bytes(F32, &[0, 1 << 40, 1 << 40]), None);
        assert_eq!(GgmlType::from_id(4), None);
        assert_eq!(GgmlType::name_of(4), "number 4");
    }
}
