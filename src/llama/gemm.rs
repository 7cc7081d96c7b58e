//! How fast this machine multiplies matrices with the kernels that are linked in.

use std::ffi::{CStr, c_void};
use std::ptr::{NonNull, null, null_mut};
use std::time::Instant;

use llama_cpp_sys_2 as sys;

use super::LlamaError;
use crate::rng::Rng;

/// Type of the elements of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TensorType(sys::ggml_type);

impl TensorType {
    /// 32-bit floats.
    pub const F32: Self = Self(sys::GGML_TYPE_F32);

    pub(super) fn from_native(kind: sys::ggml_type) -> Self {
        Self(kind)
    }

    /// As llama.cpp names it: `f32`, `q4_1`.
    pub fn name(self) -> String {
        // SAFETY: gives a static string for each type, and NULL for what is none.
        let name = unsafe { sys::ggml_type_name(self.0) };
        if name.is_null() {
            return "unknown".into();
        }
        // SAFETY: as above.
        unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned()
    }
}

/// Speed of the product of two square matrices of `size` rows, one of `kind` and one of F32, in operations per second (a
/// multiplication and an addition are two): the best of `repeats`, and of the layouts that llama.cpp knows for weights of this
/// kind, on the processor.
///
/// # Errors
/// [`LlamaError::Product`] if there is not enough memory, or if no kernel takes such matrices.
pub fn product_speed(kind: TensorType, size: u32, threads: u32, repeats: u32) -> Result<f64, LlamaError> {
    // SAFETY: no parameters are given; the result is NULL or a new backend.
    let backend = unsafe { sys::ggml_backend_init_by_type(sys::GGML_BACKEND_DEVICE_TYPE_CPU, null()) };
    let backend = Owned::new(backend, sys::ggml_backend_free, "no backend for the processor")?;
    // SAFETY: a backend of the processor.
    unsafe { sys::ggml_backend_cpu_set_n_threads(backend.ptr(), threads as i32) };
    let mut rng = Rng::new(1);
    let row = random(&mut rng, size as usize);
    // rows that are all alike make no kernel faster
    let n = size as usize;
    let shape = Shape { rows: n, columns: n, length: n };
    let operands = Operands { kind, shape, weights: quantized(kind, &row).repeat(n), input: row.repeat(n) };
    let mut best: Option<f64> = None;
    for layout in layouts(&backend) {
        if let Some((seconds, _)) = operands.multiply(&backend, layout, repeats)? {
            best = Some(best.map_or(seconds, |best| best.min(seconds)));
        }
    }
    let best = best.ok_or_else(|| LlamaError::Product(format!("no kernel takes matrices of {}", kind.name())))?;
    Ok(2.0 * f64::from(size).powi(3) / best)
}

/// Something of C that is freed once.
struct Owned<T> {
    raw: NonNull<T>,
    free: unsafe extern "C" fn(*mut T),
}

impl<T> Owned<T> {
    fn new(raw: *mut T, free: unsafe extern "C" fn(*mut T), missing: &str) -> Result<Self, LlamaError> {
        let raw = NonNull::new(raw).ok_or_else(|| LlamaError::Product(missing.into()))?;
        Ok(Self { raw, free })
    }

    fn ptr(&self) -> *mut T {
        self.raw.as_ptr()
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: made by the function that belongs to `free`, and freed nowhere else.
        unsafe { (self.free)(self.raw.as_ptr()) }
    }
}

type BufferType = sys::ggml_backend_buffer_type_t;

/// Kinds of buffers that weights can lie in: the ordinary one, and those that store them for a kernel of their own.
fn layouts(backend: &Owned<sys::ggml_backend>) -> Vec<BufferType> {
    // SAFETY: the backend is valid, and its device and registry live as long as the process.
    let (ordinary, device, ask) = unsafe {
        let device = sys::ggml_backend_get_device(backend.ptr());
        let registry = sys::ggml_backend_dev_backend_reg(device);
        let ask = sys::ggml_backend_reg_get_proc_address(registry, c"ggml_backend_dev_get_extra_bufts".as_ptr());
        (sys::ggml_backend_get_default_buffer_type(backend.ptr()), device, ask)
    };
    let mut layouts = vec![ordinary];
    // SAFETY: under this name the registry has a function of this type, or NULL.
    let ask: sys::ggml_backend_dev_get_extra_bufts_t = unsafe { std::mem::transmute::<*mut c_void, _>(ask) };
    if let Some(ask) = ask {
        // SAFETY: a valid device; the answer is NULL or a list that ends with NULL and lives as long as the process.
        unsafe {
            let mut next = ask(device);
            while !next.is_null() && !(*next).is_null() {
                layouts.push(*next);
                next = next.add(1);
            }
        }
    }
    layouts
}

/// Values from -1 to 1.
fn random(rng: &mut Rng, n: usize) -> Vec<f32> {
    (0..n).map(|_| rng.below(2001) as f32 / 1000.0 - 1.0).collect()
}

/// A row of weights as it is stored.
fn quantized(kind: TensorType, row: &[f32]) -> Vec<u8> {
    let n = row.len() as i64;
    // some types want to be told what matters: everything alike
    let importance = vec![1.0_f32; row.len()];
    // SAFETY: a number for each type.
    let mut bytes = vec![0_u8; unsafe { sys::ggml_row_size(kind.0, n) }];
    // SAFETY: there are n values and n weights to read, and room for one row.
    unsafe {
        sys::ggml_quantize_chunk(kind.0, row.as_ptr(), bytes.as_mut_ptr().cast(), 0, 1, n, importance.as_ptr());
    }
    bytes
}

/// Of the matrices: rows of weights, columns of input, and how many elements each of these has.
#[derive(Debug, Clone, Copy)]
struct Shape {
    rows: usize,
    columns: usize,
    length: usize,
}

/// The matrices, row by row and column by column.
struct Operands {
    kind: TensorType,
    shape: Shape,
    weights: Vec<u8>,
    input: Vec<f32>,
}

impl Operands {
    /// Seconds of the fastest product of `repeats` and one more, and its values, column by column; `None` if this layout is not for such weights.
    fn multiply(
        &self,
        backend: &Owned<sys::ggml_backend>,
        layout: BufferType,
        repeats: u32,
    ) -> Result<Option<(f64, Vec<f32>)>, LlamaError> {
        const NO_MEMORY: &str = "out of memory";
        let context = |n_tensors: usize| {
            // SAFETY: numbers.
            let mem_size = unsafe { n_tensors * sys::ggml_tensor_overhead() + sys::ggml_graph_overhead() };
            let params = sys::ggml_init_params { mem_size, mem_buffer: null_mut(), no_alloc: true };
            // SAFETY: ggml takes the memory itself.
            Owned::new(unsafe { sys::ggml_init(params) }, sys::ggml_free, NO_MEMORY)
        };
        let (of_weights, of_graph) = (context(1)?, context(2)?);
        // SAFETY: the contexts have room for one tensor and for two with a graph.
        let (weights, input, product) = unsafe {
            let [rows, columns, length] = [self.shape.rows, self.shape.columns, self.shape.length].map(|n| n as i64);
            let weights = sys::ggml_new_tensor_2d(of_weights.ptr(), self.kind.0, length, rows);
            let input = sys::ggml_new_tensor_2d(of_graph.ptr(), sys::GGML_TYPE_F32, length, columns);
            (weights, input, sys::ggml_mul_mat(of_graph.ptr(), weights, input))
        };
        if !takes(backend, layout, weights, product)? {
            return Ok(None);
        }
        let allocated = |context: &Owned<sys::ggml_context>, layout: BufferType| {
            // SAFETY: context and layout are valid, and no tensor of the context has a buffer yet.
            let buffer = unsafe { sys::ggml_backend_alloc_ctx_tensors_from_buft(context.ptr(), layout) };
            Owned::new(buffer, sys::ggml_backend_buffer_free, NO_MEMORY)
        };
        // SAFETY: the backend is valid.
        let ordinary = unsafe { sys::ggml_backend_get_default_buffer_type(backend.ptr()) };
        let _buffers = (allocated(&of_weights, layout)?, allocated(&of_graph, ordinary)?);
        // SAFETY: the tensors have buffers now and are exactly as large as what is copied; the graph is new.
        let graph = unsafe {
            sys::ggml_backend_tensor_set(weights, self.weights.as_ptr().cast(), 0, self.weights.len());
            sys::ggml_backend_tensor_set(input, self.input.as_ptr().cast(), 0, size_of_val(self.input.as_slice()));
            let graph = sys::ggml_new_graph(of_graph.ptr());
            sys::ggml_build_forward_expand(graph, product);
            graph
        };
        let mut seconds = f64::INFINITY;
        // the first one finds nothing in the processor's caches
        for _ in 0..=repeats {
            let start = Instant::now();
            // SAFETY: every tensor of the graph has a buffer.
            let status = unsafe { sys::ggml_backend_graph_compute(backend.ptr(), graph) };
            if status != sys::GGML_STATUS_SUCCESS {
                return Err(LlamaError::Product(format!("the product ends with status {status}")));
            }
            seconds = seconds.min(start.elapsed().as_secs_f64());
        }
        let mut values = vec![0.0; self.shape.rows * self.shape.columns];
        // SAFETY: the product has as many values, and was computed.
        unsafe {
            sys::ggml_backend_tensor_get(product, values.as_mut_ptr().cast(), 0, size_of_val(values.as_slice()));
        }
        Ok(Some((seconds, values)))
    }
}

/// Whether a product can be computed with weights in this layout, asked as llama.cpp does when it loads a model.
fn takes(
    backend: &Owned<sys::ggml_backend>,
    layout: BufferType,
    weights: *mut sys::ggml_tensor,
    product: *mut sys::ggml_tensor,
) -> Result<bool, LlamaError> {
    // SAFETY: a layout of this backend; a buffer of no bytes can be made of each.
    let empty = unsafe { sys::ggml_backend_buft_alloc_buffer(layout, 0) };
    let empty = Owned::new(empty, sys::ggml_backend_buffer_free, "out of memory")?;
    // SAFETY: the tensors are valid; the buffer is taken out again before it is freed.
    unsafe {
        (*weights).buffer = empty.ptr();
        let takes = sys::ggml_backend_dev_supports_op(sys::ggml_backend_get_device(backend.ptr()), product);
        (*weights).buffer = null_mut();
        Ok(takes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_floats_and_of_blocks_have_a_speed() {
        crate::llama::Backend::init().unwrap();
        for kind in [sys::GGML_TYPE_F32, sys::GGML_TYPE_F16, sys::GGML_TYPE_Q4_1, sys::GGML_TYPE_Q8_0] {
            let kind = TensorType::from_native(kind);
            let speed = product_speed(kind, 256, 2, 2).unwrap();
            assert!(speed.is_finite() && speed > 1e6, "{}: {speed}", kind.name());
        }
        assert_eq!(TensorType::F32.name(), "f32");
    }

    /// The product in the ordinary layout.
    fn product(kind: TensorType, shape: Shape, weights: &[u8], input: &[f32], n_threads: i32) -> Vec<f32> {
        // SAFETY: no parameters are given; the result is NULL or a new backend.
        let backend = unsafe { sys::ggml_backend_init_by_type(sys::GGML_BACKEND_DEVICE_TYPE_CPU, null()) };
        let backend = Owned::new(backend, sys::ggml_backend_free, "no backend").unwrap();
        // SAFETY: a backend of the processor.
        unsafe { sys::ggml_backend_cpu_set_n_threads(backend.ptr(), n_threads) };
        let operands = Operands { kind, shape, weights: weights.to_vec(), input: input.to_vec() };
        operands.multiply(&backend, layouts(&backend)[0], 0).unwrap().unwrap().1
    }

    #[test]
    fn products_of_many_columns_are_those_of_each_column_bit_by_bit() {
        crate::llama::Backend::init().unwrap();
        let mut rng = Rng::new(7);
        for kind in [sys::GGML_TYPE_Q4_1, sys::GGML_TYPE_Q5_0, sys::GGML_TYPE_Q8_0].map(TensorType::from_native) {
            // whole tiles, pieces of them, and rows that are longer than the kernel takes
            for (rows, length) in [(64, 576), (8, 32), (37, 96), (3, 1536), (9, 6144), (5, 12_288)] {
                let weights: Vec<u8> = (0..rows).flat_map(|_| quantized(kind, &random(&mut rng, length))).collect();
                let input = random(&mut rng, 21 * length);
                // a product of one column goes another way in ggml
                let alone = Shape { rows, columns: 1, length };
                let expected: Vec<f32> =
                    input.chunks(length).flat_map(|column| product(kind, alone, &weights, column, 1)).collect();
                for (columns, n_threads) in [(21, 1), (21, 2), (5, 2), (4, 1), (3, 2), (2, 1)] {
                    let shape = Shape { rows, columns, length };
                    let found = product(kind, shape, &weights, &input[..columns * length], n_threads);
                    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
                    assert_eq!(bits(&found), bits(&expected[..columns * rows]), "{}, {shape:?}", kind.name());
                }
            }
        }
    }
}
