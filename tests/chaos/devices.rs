//! The devices of the chaos: numbers that anybody may write, and numbers that are written under a lease.

use std::fmt::Write;
use std::net::IpAddr;
use std::path::Path;

/// Those that anybody may write are the first ones,
pub const FREE: usize = 4;
/// those that need a lease, and go to 0 when it is lost, come after them.
pub const LEASED: usize = 3;
/// All of them.
pub const COUNT: usize = FREE + LEASED;

/// So many lines has each of them, enough for every number of a command.
const LINES: usize = 24;
/// The largest number.
pub const LARGEST: u32 = (1 << LINES) - 1;
/// The first line of each is so far behind the first one of the one before.
const APART: usize = 32;

/// The names by which clients call a device.
pub fn name(device: usize) -> String {
    if device < FREE { format!("free{device}") } else { format!("held{device}") }
}

/// The device that clients call so.
pub fn of_name(wanted: &str) -> usize {
    (0..COUNT)
        .find(|device| name(*device) == wanted)
        .unwrap_or_else(|| panic!("no device is called {wanted:?}"))
}

/// Whether it needs a lease.
pub fn is_leased(device: usize) -> bool {
    device >= FREE
}

/// The device of the line with this offset.
pub fn of_line(offset: u32) -> usize {
    offset as usize / APART
}

/// The configuration of a daemon that has them.
pub fn configuration(address: IpAddr, state_folder: &Path) -> String {
    let mut devices = String::new();
    for device in 0..COUNT {
        let lines: Vec<_> = (0..LINES).map(|line| device * APART + line).collect();
        let lease = match is_leased(device) {
            true => r#", "require_lease": true, "on_lease_lost": "off""#,
            false => "",
        };
        let name = name(device);
        writeln!(devices, r#""{name}": {{"digital_group": {{"lines": {lines:?}{lease}}}}},"#)
            .expect("memory");
    }
    // Nobody is to be too slow who is only away while the daemon is.
    let limits = r#"{"clients": 1000, "outbox_messages": 100000, "outbox_bytes": 67108864,
        "queued_bytes": 536870912}"#;
    format!(
        r#"{{ "line": {{"listen": "{address}:7070"}}, "http": {{"listen": null}},
        "mqtt": {{"listen": "{address}:1883", "persistence": "file"}}, "state_folder": {state_folder:?},
        "hardware": {{"backend": "simulated"}}, "log": "error", "limits": {limits},
        "devices": {{ {devices} }} }}"#
    )
}
