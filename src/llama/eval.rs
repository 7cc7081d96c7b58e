//! The tensors of a decode as they are computed; for tests.

use std::ffi::c_void;

use llama_cpp_sys_2 as sys;

/// Sees the tensors of a graph: asked first without data whether the data is wanted, then called again with it.
pub type EvalCallback = Box<dyn FnMut(EvalTensor<'_>) -> bool>;

/// A tensor during evaluation.
#[derive(Debug)]
pub struct EvalTensor<'a> {
    /// Name, like `Kcur-3`.
    pub name: &'a str,
    /// Operation, like `ROPE`.
    pub op: &'a str,
    /// Dimensions in ggml order.
    pub shape: [i64; 4],
    /// F32 data in ggml order; `None` while it is only asked whether the data is wanted.
    pub data: Option<Vec<f32>>,
}

/// Hands a tensor to the [`EvalCallback`] that `data` points to.
pub(super) unsafe extern "C" fn on_eval(tensor: *mut sys::ggml_tensor, ask: bool, data: *mut c_void) -> bool {
    // SAFETY: points to the callback that the context owns; the tensor is valid during the call.
    let (callback, tensor) = unsafe { (&mut *data.cast::<EvalCallback>(), &*tensor) };
    // SAFETY: names are NUL-terminated arrays, operation names static strings.
    let (name, op) = unsafe {
        (
            std::ffi::CStr::from_ptr(tensor.name.as_ptr()).to_string_lossy(),
            std::ffi::CStr::from_ptr(sys::ggml_op_name(tensor.op)).to_string_lossy(),
        )
    };
    let mut seen = EvalTensor { name: &name, op: &op, shape: tensor.ne, data: None };
    if ask {
        return callback(seen);
    }
    // SAFETY: a valid tensor.
    let readable = unsafe { tensor.type_ == sys::GGML_TYPE_F32 && sys::ggml_is_contiguous(tensor) };
    if readable {
        // SAFETY: a valid tensor.
        let n = usize::try_from(unsafe { sys::ggml_nelements(tensor) }).unwrap_or(0);
        let mut values = vec![0.0_f32; n];
        // SAFETY: the buffer has the size of the tensor, which is contiguous F32.
        unsafe { sys::ggml_backend_tensor_get(tensor, values.as_mut_ptr().cast(), 0, n * 4) };
        seen.data = Some(values);
        callback(seen);
    }
    true
}
