//! Ctrl-C and SIGTERM.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};

use super::exit::ExitStatus;

/// The first signal sets the flag, so that the run ends in order; the second ends the process at once.
pub fn install() -> io::Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // the order matters: the shutdown is conditional on what an earlier signal has set
        signal_hook::flag::register_conditional_shutdown(signal, ExitStatus::Interrupted as i32, Arc::clone(&flag))?;
        signal_hook::flag::register(signal, Arc::clone(&flag))?;
    }
    Ok(flag)
}
