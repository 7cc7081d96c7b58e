//! What is seen of the tensors of a decode: their data, for tests, or the time that each takes.
//!
//! llama.cpp has one hook for both, which computes a graph node by node. Its other hook, the abort callback, is called after
//! each node too and costs nothing, but does not say which node it was.

use std::borrow::Cow;
use std::ffi::{CStr, c_void};
use std::time::{Duration, Instant};

use llama_cpp_sys_2 as sys;

use super::TensorType;

/// Sees the tensors of a graph: asked first without data whether the data is wanted, then called again with it.
pub type EvalCallback = Box<dyn FnMut(EvalTensor<'_>) -> bool>;

/// Sees each node that was computed, and how long that took.
pub type NodeObserver = Box<dyn FnMut(&Node<'_>, Duration)>;

/// What is to be seen.
pub enum Watch {
    /// Data; for tests.
    Data(EvalCallback),
    /// Times.
    Times(NodeObserver),
}

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

/// Tells tensors of one graph apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TensorId(pub usize);

/// A node that was computed.
#[derive(Debug)]
pub struct Node<'a> {
    /// Which one.
    pub id: TensorId,
    /// Name, like `Kcur-3`.
    pub name: Cow<'a, str>,
    /// Operation, like `ROPE`.
    pub op: Cow<'a, str>,
    /// Dimensions in ggml order.
    pub shape: [i64; 4],
    /// What it was computed from.
    pub inputs: Vec<NodeInput<'a>>,
}

/// What a node was computed from.
#[derive(Debug)]
pub struct NodeInput<'a> {
    /// Which tensor.
    pub id: TensorId,
    /// Its name.
    pub name: Cow<'a, str>,
    /// Type of its elements.
    pub kind: TensorType,
    /// Dimensions in ggml order.
    pub shape: [i64; 4],
    /// Whether it is a weight of the model.
    pub is_weight: bool,
}

/// What `data` of the hook points to.
pub(super) struct Watcher {
    watch: Watch,
    started: Instant,
}

impl Watcher {
    pub(super) fn new(watch: Watch) -> Self {
        Self { watch, started: Instant::now() }
    }
}

/// Hands a tensor to the [`Watcher`] that `data` points to.
pub(super) unsafe extern "C" fn on_eval(tensor: *mut sys::ggml_tensor, ask: bool, data: *mut c_void) -> bool {
    // SAFETY: points to the watcher that the context owns; the tensor is valid during the call.
    let (watcher, tensor) = unsafe { (&mut *data.cast::<Watcher>(), &*tensor) };
    match &mut watcher.watch {
        Watch::Data(callback) => show_data(tensor, ask, callback),
        // what computes nothing goes with the next node
        Watch::Times(_) if ask => {
            let computes = !matches!(
                tensor.op,
                sys::GGML_OP_NONE
                    | sys::GGML_OP_RESHAPE
                    | sys::GGML_OP_VIEW
                    | sys::GGML_OP_PERMUTE
                    | sys::GGML_OP_TRANSPOSE
            );
            watcher.started = Instant::now();
            computes
        }
        Watch::Times(observer) => {
            let elapsed = watcher.started.elapsed();
            observer(&node(tensor), elapsed);
            true
        }
    }
}

fn show_data(tensor: &sys::ggml_tensor, ask: bool, callback: &mut EvalCallback) -> bool {
    let (name, op) = (name(tensor), op_name(tensor));
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

fn node(tensor: &sys::ggml_tensor) -> Node<'_> {
    // SAFETY: sources are NULL or tensors that live as long as the graph.
    let inputs = tensor.src.iter().filter_map(|&input| unsafe { input.as_ref() });
    Node {
        id: id(tensor),
        name: name(tensor),
        op: op_name(tensor),
        shape: tensor.ne,
        inputs: inputs
            .map(|input| NodeInput {
                id: id(input),
                name: name(input),
                kind: TensorType::from_native(input.type_),
                shape: input.ne,
                is_weight: is_weight(input),
            })
            .collect(),
    }
}

fn id(tensor: &sys::ggml_tensor) -> TensorId {
    TensorId(std::ptr::from_ref(tensor).addr())
}

fn is_weight(tensor: &sys::ggml_tensor) -> bool {
    // SAFETY: a buffer that is not NULL is valid while the graph is computed.
    !tensor.buffer.is_null()
        && unsafe { sys::ggml_backend_buffer_get_usage(tensor.buffer) } == sys::GGML_BACKEND_BUFFER_USAGE_WEIGHTS
}

fn name(tensor: &sys::ggml_tensor) -> Cow<'_, str> {
    // SAFETY: a NUL-terminated array, borrowed for as long as the tensor.
    unsafe { CStr::from_ptr(tensor.name.as_ptr()) }.to_string_lossy()
}

fn op_name(tensor: &sys::ggml_tensor) -> Cow<'static, str> {
    // SAFETY: gives a static string for each operation.
    unsafe { CStr::from_ptr(sys::ggml_op_name(tensor.op)) }.to_string_lossy()
}
