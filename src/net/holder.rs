//! Which program listens on a port: for the one message that tells why a daemon can't.

use std::fs;

/// The name and process id of a program that listens on this TCP port, where the system lets us see it.
pub fn holder_of_port(port: u16) -> Option<String> {
    let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| {
            listening(&table, port).into_iter().map(|inode| format!("socket:[{inode}]")).collect::<Vec<_>>()
        })
        .collect();
    let processes = fs::read_dir("/proc").ok()?.flatten();
    for process in processes {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // Other users' processes can't be looked into; then nobody is named.
        let Ok(descriptors) = fs::read_dir(process.path().join("fd")) else { continue };
        let holds = descriptors
            .flatten()
            .filter_map(|descriptor| fs::read_link(descriptor.path()).ok())
            .any(|target| inodes.iter().any(|inode| target.as_os_str() == inode.as_str()));
        if holds {
            let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            return Some(format!("{} (process {pid})", name.trim()));
        }
    }
    None
}

/// The inodes of listening sockets in a table of proc(5), `/proc/net/tcp`.
fn listening(table: &str, port: u16) -> Vec<&str> {
    const LISTEN: &str = "0A";
    let inode = |row: &'_ str| -> Option<usize> {
        let mut columns = row.split_ascii_whitespace();
        let local = columns.nth(1)?;
        let state = columns.nth(1)?;
        let (_, hex) = local.rsplit_once(':')?;
        let matches = state == LISTEN && u16::from_str_radix(hex, 16) == Ok(port);
        matches.then_some(9)
    };
    table
        .lines()
        .filter_map(|row| inode(row).and_then(|column| row.split_ascii_whitespace().nth(column)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listening_sockets_are_found_by_their_port() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1B9E 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0 100 0 0 10 0
   1: 0100007F:1B9E 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 4243 1 0 20 4 30 10 -1";
        assert_eq!(listening(table, 7070), ["4242"]);
        assert!(listening(table, 7071).is_empty());
    }

    #[test]
    fn this_process_is_named_for_a_port_of_its_own() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = socket.local_addr().expect("bound").port();
        let holder = holder_of_port(port).expect("our own process can be seen");
        assert!(holder.ends_with(&format!("(process {})", std::process::id())), "{holder}");
    }
}
