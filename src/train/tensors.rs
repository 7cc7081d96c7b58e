//! Plain slices of candle's tensors, and arithmetic on rows that the compiler turns into vector instructions.

use std::sync::OnceLock;

use candle_core::{Device, Result, Shape, Storage, Tensor};
use pulp::Arch;

/// Elements that a sum is taken over side by side: a compiler may not change the order of a sum by itself.
const LANES: usize = 16;

/// Runs `f` on the elements of a contiguous tensor of 32-bit floats.
///
/// # Errors
/// For any other tensor.
pub fn with_slice<R>(tensor: &Tensor, f: impl FnOnce(&[f32]) -> R) -> Result<R> {
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cpu(storage) = &*storage else { candle_core::bail!("a tensor is not in main memory") };
    match layout.contiguous_offsets() {
        Some((begin, end)) => Ok(f(&storage.as_slice::<f32>()?[begin..end])),
        None => candle_core::bail!("a tensor of shape {:?} is not contiguous", layout.shape()),
    }
}

/// The elements of a tensor in order.
///
/// # Errors
/// Those of candle.
pub fn floats(tensor: &Tensor) -> Result<Vec<f32>> {
    tensor.flatten_all()?.to_vec1()
}

/// A tensor of these elements.
///
/// # Errors
/// If their number is another.
pub fn tensor(values: Vec<f32>, shape: impl Into<Shape>) -> Result<Tensor> {
    Tensor::from_vec(values, shape.into(), &Device::Cpu)
}

/// Runs `f`, which must be marked `#[inline(always)]`, compiled for what this processor can do.
#[inline(always)]
pub fn vectorized<R>(f: impl FnOnce() -> R) -> R {
    static ARCH: OnceLock<Arch> = OnceLock::new();
    ARCH.get_or_init(Arch::new).dispatch(f)
}

/// `exp(x)` within 2 units of the last place, without a branch; what would be smaller than 1e-37 counts as that.
///
/// Reduction to |f| <= ln 2 / 2 and the polynomial of Cephes (`expf`).
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // adding 1.5 * 2^23 rounds to an integer, which then stands in the lowest bits
    const MAGIC: f32 = 12_582_912.0;
    let x = if x > 88.0 { 88.0 } else { x };
    let x = if x < -85.0 { -85.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + MAGIC;
    let n = shifted - MAGIC;
    let f = x - n * 0.693_359_4 - n * -2.121_944_4e-4;
    let p = 1.987_569_2e-4;
    let p = p * f + 1.398_199_9e-3;
    let p = p * f + 8.333_452e-3;
    let p = p * f + 4.166_579_6e-2;
    let p = p * f + 1.666_666_5e-1;
    let p = p * f + 5.000_000_3e-1;
    let y = p * f * f + f + 1.0;
    let power = shifted.to_bits().wrapping_sub(MAGIC.to_bits()).wrapping_add(127) << 23;
    y * f32::from_bits(power)
}

/// The sum of `f` over two rows of one length.
#[inline(always)]
pub fn sum2(a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0.0; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(&a, &b)| f(a, b)).sum::<f32>();
    for (a, b) in a_chunks.zip(b_chunks) {
        for i in 0..LANES {
            lanes[i] += f(a[i], b[i]);
        }
    }
    lanes.iter().sum::<f32>() + rest
}

/// The largest element.
#[inline(always)]
pub fn max(row: &[f32]) -> f32 {
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let chunks = row.chunks_exact(LANES);
    let rest = chunks.remainder().iter().fold(f32::NEG_INFINITY, |m, &x| larger(m, x));
    for chunk in chunks {
        for i in 0..LANES {
            lanes[i] = larger(lanes[i], chunk[i]);
        }
    }
    lanes.into_iter().fold(rest, larger)
}

/// Turns a row into its softmax.
#[inline(always)]
pub fn softmax(row: &mut [f32], scale: f32) {
    let top = max(row);
    row.iter_mut().for_each(|x| *x = exp(scale * (*x - top)));
    let sum = sum2(row, row, |x, _| x);
    let inverse = 1.0 / sum;
    row.iter_mut().for_each(|x| *x *= inverse);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_that_of_the_library() {
        for i in -8_400..8_700 {
            let x = i as f32 * 0.01;
            let (found, expected) = (vectorized(|| exp(x)), f64::from(x).exp());
            assert!((f64::from(found) / expected - 1.0).abs() < 3e-7, "{x}: {found} {expected}");
        }
        assert!(exp(f32::NEG_INFINITY) < 1e-36);
    }

    #[test]
    fn rows_of_any_length() {
        for n in [1, 15, 16, 17, 100] {
            let row: Vec<f32> = (0..n).map(|i| ((i * 7919) % 31) as f32 / 7.0).collect();
            assert_eq!(max(&row), row.iter().copied().fold(f32::MIN, f32::max));
            let mut p = row.clone();
            softmax(&mut p, 0.5);
            let norm: f64 = row.iter().map(|&x| (0.5 * f64::from(x)).exp()).sum();
            for (p, x) in p.iter().zip(&row) {
                assert!((f64::from(*p) - (0.5 * f64::from(*x)).exp() / norm).abs() < 1e-6);
            }
        }
    }
}
