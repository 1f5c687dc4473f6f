//! How much memory the daemon takes, and how often it wakes up when nobody wants anything.

use std::fs;
use std::time::Duration;

use nix::unistd::Pid;

use super::clients::{LineClient, MqttClient};
use super::servers::{Gatekeeper, PROGRAM};
use super::status::{row, status};

/// What was found.
pub struct Memory {
    pub daemon_kib: f64,
    pub line_client_kib: f64,
    pub mqtt_client_kib: f64,
    pub tls_client_kib: f64,
    /// In a second.
    pub idle_wakeups: f64,
    pub crowded_wakeups: f64,
}

/// Clients of each protocol.
const CLIENTS: usize = 250;
/// What was begun before has come to its end after this time.
const SETTLE: Duration = Duration::from_millis(500);

/// Looks at a daemon without clients, and then with many that do nothing, for `idle` each.
pub fn measure(idle: Duration) -> Memory {
    let daemon = Gatekeeper::start(r#", "clients": 1000"#);
    let pid = daemon.server.pid();
    std::thread::sleep(SETTLE);
    let alone = resident_kib(pid);
    let idle_wakeups = wakeups(pid, idle);

    let mut line = Vec::new();
    for number in 0..CLIENTS {
        let mut client = LineClient::connect(daemon.server.line());
        let reply = client.ask(&format!("|START|COMMAND=HELLO|CLIENT=idle-{number}|KEEPALIVE=10min|END|"));
        assert!(reply.contains("REPLY=OK"), "{reply}");
        line.push(client);
    }
    std::thread::sleep(SETTLE);
    let with_line = resident_kib(pid);
    let connect = |number| MqttClient::connect(daemon.server.mqtt(), &format!("quiet-{number}"));
    let mqtt: Vec<MqttClient> = (0..CLIENTS).map(connect).collect();
    std::thread::sleep(SETTLE);
    let with_both = resident_kib(pid);
    let crowded_wakeups = wakeups(pid, idle);
    drop((line, mqtt));
    drop(daemon);
    let tls_client_kib = in_tls();
    Memory {
        daemon_kib: alone,
        line_client_kib: (with_line - alone) / CLIENTS as f64,
        mqtt_client_kib: (with_both - with_line) / CLIENTS as f64,
        tls_client_kib,
        idle_wakeups,
        crowded_wakeups,
    }
}

/// What a client of MQTT in TLS takes.
fn in_tls() -> f64 {
    let daemon = Gatekeeper::start_in_tls(r#", "clients": 1000"#);
    let (address, trusting) = (daemon.server.mqtt_tls(), daemon.trusting());
    let connect = |number| MqttClient::connect_in_tls(address, trusting.clone(), &format!("secret-{number}"));
    // What the first handshake of all brings into memory is not the client's.
    let _first = connect(CLIENTS);
    std::thread::sleep(SETTLE);
    let alone = resident_kib(daemon.server.pid());
    let _clients: Vec<MqttClient> = (0..CLIENTS).map(connect).collect();
    std::thread::sleep(SETTLE);
    (resident_kib(daemon.server.pid()) - alone) / CLIENTS as f64
}

/// The size of the program.
pub fn program_size_kib() -> f64 {
    fs::metadata(PROGRAM).expect("the daemon's program is built").len() as f64 / 1024.0
}

fn resident_kib(pid: Pid) -> f64 {
    row(&status(pid), "VmRSS:")
}

/// How often any of its threads went to sleep, which each wakeup ends with, per second.
fn wakeups(pid: Pid, during: Duration) -> f64 {
    let before = switches(pid);
    std::thread::sleep(during);
    (switches(pid) - before) / during.as_secs_f64()
}

fn switches(pid: Pid) -> f64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("the daemon runs");
    let table = |thread: fs::DirEntry| fs::read_to_string(thread.path().join("status")).ok();
    threads.flatten().filter_map(table).map(|table| row(&table, "voluntary_ctxt_switches:")).sum()
}
