//! Peak memory of this process.

/// Largest resident set so far, in bytes; `None` where the system does not tell.
pub fn peak_rss_bytes() -> Option<u64> {
    #[cfg(target_os = "linux")]
    {
        // VmHWM starts anew with each program; ru_maxrss would remember the shell that started this one
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib * 1024)
    }
    #[cfg(not(target_os = "linux"))]
    {
        use nix::sys::resource::{UsageWho, getrusage};
        let max = u64::try_from(getrusage(UsageWho::RUSAGE_SELF).ok()?.max_rss()).ok()?;
        Some(if cfg!(target_vendor = "apple") { max } else { max * 1024 })
    }
}

/// Lets the peak be measured anew from here on, where the system can do that (Linux); elsewhere it goes on from before.
pub fn reset_peak_rss() {
    #[cfg(target_os = "linux")]
    {
        // refused in some containers: then the peak of all documents so far is reported
        let _ = std::fs::write("/proc/self/clear_refs", "5");
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn peak_grows_with_use() {
        let before = super::peak_rss_bytes().unwrap();
        // larger than everything so far, so that it must show
        let block = vec![1_u8; before as usize + (64 << 20)];
        let after = super::peak_rss_bytes().unwrap();
        assert!(after >= before + (32 << 20), "{before} {after} {}", block.len());
    }
}
