//! What the kernel tells of a running process.

use std::fmt;
use std::fs;

/// Its table of proc(5), `/proc/PID/status`.
pub fn status(pid: impl fmt::Display) -> String {
    fs::read_to_string(format!("/proc/{pid}/status")).expect("the daemon runs")
}

/// The number in a row of such a table.
pub fn row(status: &str, name: &str) -> f64 {
    let row = status.lines().find_map(|line| line.strip_prefix(name)).expect("the kernel tells it");
    row.split_ascii_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
}
