//! Memory that the control group of this process may use (Linux).

use std::fs;
use std::path::Path;

/// The lowest limit on the way from this process's group to the root, in bytes; nothing without one.
pub(super) fn memory_limit() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    limit_of(&groups, Path::new("/sys/fs/cgroup"))
}

fn limit_of(groups: &str, root: &Path) -> Option<u64> {
    groups.lines().filter_map(|line| of_line(line, root)).min()
}

/// A line is `0::/path` for version 2 and `4:memory:/path` for version 1.
fn of_line(line: &str, root: &Path) -> Option<u64> {
    let mut fields = line.splitn(3, ':').skip(1);
    let (controllers, path) = (fields.next()?, fields.next()?);
    let (top, file) = if controllers.is_empty() {
        (root.to_owned(), "memory.max")
    } else if controllers.split(',').any(|name| name == "memory") {
        (root.join("memory"), "memory.limit_in_bytes")
    } else {
        return None;
    };
    let group = top.join(path.trim_start_matches('/'));
    // in a container the path may be that of the host: what is not there is passed over
    let levels = group.ancestors().take_while(|level| level.starts_with(&top));
    let limits = levels.filter_map(|level| fs::read_to_string(level.join(file)).ok()?.trim().parse().ok());
    // version 1 has no word for "no limit": it is the largest number of pages
    limits.filter(|&bytes: &u64| bytes < 1 << 60).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn the_lowest_limit_counts() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let limit = |groups| limit_of(groups, root);
        assert_eq!(limit("0::/\n"), None);
        write(root, "a/memory.max", "2000000\n");
        write(root, "a/b/memory.max", "max\n");
        assert_eq!(limit("0::/a/b\n"), Some(2_000_000));
        assert_eq!(limit("0::/host/only\n"), None);
        write(root, "memory.max", "1000000\n");
        assert_eq!(limit("0::/a/b\n"), Some(1_000_000));
        assert_eq!(limit("0::/host/only\n"), Some(1_000_000));
    }

    #[test]
    fn version_1_has_a_directory_for_memory() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        write(root, "memory/memory.limit_in_bytes", "9223372036854771712\n");
        write(root, "memory/job/memory.limit_in_bytes", "3000000\n");
        write(root, "cpu/job/memory.limit_in_bytes", "1\n");
        let limit = |groups| limit_of(groups, root);
        assert_eq!(limit("5:cpu:/job\n4:cpu,memory:/job\n0::/\n"), Some(3_000_000));
        assert_eq!(limit("4:memory:/\n"), None);
        assert_eq!(limit("nonsense\n"), None);
    }
}
