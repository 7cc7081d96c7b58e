//! Process-wide set-up of llama.cpp: logging, and what happens when it gives up.

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_void};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_sys_2 as sys;

use super::LlamaError;

/// Receives the log of llama.cpp, piece by piece as it is written.
pub type LogSink = fn(&str);

/// Receives the message of a failed assertion inside llama.cpp, before the process ends.
pub type AbortHandler = fn(&str);

static BACKEND: OnceLock<Result<LlamaBackend, String>> = OnceLock::new();
static SINK: OnceLock<LogSink> = OnceLock::new();
static ABORT: OnceLock<AbortHandler> = OnceLock::new();
static FATAL_EXIT_CODE: AtomicI32 = AtomicI32::new(1);
static ENDING: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// A call that fails logs why on the thread that called it: what models on other threads say is not its reason.
    static LAST_LOG_ERROR: RefCell<String> = const { RefCell::new(String::new()) };
}

/// The initialized engine. There is one for each process.
#[derive(Debug, Clone, Copy)]
pub struct Backend(pub(super) &'static LlamaBackend);

impl Backend {
    /// Initializes llama.cpp, or finds it initialized. Its log goes nowhere unless [`Backend::set_log_sink`] was called.
    ///
    /// # Errors
    /// [`LlamaError::Backend`] if this process initialized llama.cpp by other means.
    pub fn init() -> Result<Self, LlamaError> {
        // SAFETY: the callbacks are functions of this module that take no user data, and stay valid.
        unsafe {
            sys::llama_log_set(Some(on_log), std::ptr::null_mut());
            sys::ggml_set_abort_callback(Some(on_abort));
        }
        place_large_buffers_alike();
        match BACKEND.get_or_init(|| LlamaBackend::init().map_err(|e| e.to_string())) {
            Ok(backend) => Ok(Self(backend)),
            Err(reason) => Err(LlamaError::Backend(reason.clone())),
        }
    }

    /// Sends the log of llama.cpp to `sink`, from now on and for good.
    pub fn set_log_sink(sink: LogSink) {
        let _ = SINK.set(sink);
    }

    /// Sends failed assertions to `handler`, for good; the process then ends with the code of [`set_fatal_exit_code`].
    /// Without a handler it aborts.
    pub fn set_abort_handler(handler: AbortHandler) {
        let _ = ABORT.set(handler);
    }
}

/// Gives every buffer of the engine pages of its own, which go back to the system when it is freed.
///
/// By default glibc raises the size from which it does so each time such a buffer is freed, so that contexts created
/// later in a process lie elsewhere than the first: that alone changed the speed of reading by 5 to 10 %.
fn place_large_buffers_alike() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // above what is allocated for each token, below the smallest cache, memory or compute buffer
        const BYTES: libc::c_int = 1 << 20;
        // SAFETY: changes a number that malloc reads; may be called at any time.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, BYTES);
        }
    }
}

/// Keeps freed memory for what is allocated next instead of giving it back to the system, from now on.
///
/// Training allocates and frees tensors of many megabytes all the time; with pages of their own a fifth of its time went into
/// getting and clearing them.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: changes numbers that malloc reads; may be called at any time.
    unsafe {
        libc::mallopt(libc::M_MMAP_MAX, 0);
        libc::mallopt(libc::M_TRIM_THRESHOLD, libc::c_int::MAX);
        libc::mallopt(libc::M_TOP_PAD, 64 << 20);
    }
}

/// The exit code after a failed assertion: it depends on what the process is doing.
pub fn set_fatal_exit_code(code: i32) {
    FATAL_EXIT_CODE.store(code, Ordering::Relaxed);
}

/// The first error that llama.cpp logged on this thread since the last call, without its function name.
pub(super) fn take_log_error() -> String {
    let text = LAST_LOG_ERROR.take();
    if text.is_empty() { "no reason was given".into() } else { text }
}

unsafe extern "C" fn on_log(level: sys::ggml_log_level, text: *const c_char, _: *mut c_void) {
    if text.is_null() {
        return;
    }
    // SAFETY: llama.cpp passes a NUL-terminated string that lives during the call.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    if level == sys::GGML_LOG_LEVEL_ERROR {
        // "function: reason"
        let reason = text.split_once(": ").map_or(text.as_ref(), |(_, reason)| reason).trim();
        // the first error names the cause, later ones repeat that something failed; a thread that ends has nobody who asks
        let _ = LAST_LOG_ERROR.try_with(|last| {
            if last.borrow().is_empty() {
                last.replace(reason.to_owned());
            }
        });
    }
    // debugging notes of llama.cpp are pages long for each graph
    if level != sys::GGML_LOG_LEVEL_DEBUG
        && let Some(sink) = SINK.get()
    {
        sink(&text);
    }
}

unsafe extern "C" fn on_abort(message: *const c_char) {
    // SAFETY: ggml passes a NUL-terminated string that lives during the call.
    let message = unsafe { CStr::from_ptr(message) }.to_string_lossy();
    if let Some(handler) = ABORT.get() {
        // threads that compute the same node fail together: one speaks, the others wait for the end that it brings
        if ENDING.swap(true, Ordering::Relaxed) {
            loop {
                std::thread::park();
            }
        }
        handler(message.trim());
        // SAFETY: ends the process at once. Exit handlers must not run: other threads are in the middle of a computation.
        unsafe { libc::_exit(FATAL_EXIT_CODE.load(Ordering::Relaxed)) }
    }
}
