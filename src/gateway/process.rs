//! What the system tells of this process, and of the machine.

use std::fs;

/// The memory of this process that is resident, in bytes; nothing where the system does not say.
pub fn resident() -> Option<u64> {
    bytes(&fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")
}

/// A row of proc(5) such as `MemTotal:  1024 kB`, in bytes.
pub fn bytes(table: &str, name: &str) -> Option<u64> {
    let row = table.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = row.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_the_kernel_are_read() {
        assert_eq!(bytes("MemTotal:     1024 kB\nMemFree: 1 kB\n", "MemTotal:"), Some(1_048_576));
        assert_eq!(bytes("MemTotal: x", "MemTotal:"), None);
        assert!(resident().is_some_and(|bytes| bytes > 100_000));
    }
}
