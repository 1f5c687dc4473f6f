//! What is besieged: the program, with users and TLS on every listener.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use super::status::{row, status};
use super::support::DEMO_DEVICES;
use super::support::http;
use super::support::process::Process;
use super::support::program::{Program, gatekeeper};
use super::support::tls::Authority;
use tempfile::TempDir;

/// The running daemon.
pub struct Castle {
    program: Program,
    gates: Arc<Gates>,
    _users: TempDir,
}

/// Where one gets in, and how.
pub struct Gates {
    pub line: SocketAddr,
    pub mqtt: SocketAddr,
    pub http: SocketAddr,
    pub line_tls: SocketAddr,
    pub mqtt_tls: SocketAddr,
    pub http_tls: SocketAddr,
    pub authority: Authority,
    /// Of an operator, who holds the lease.
    pub token: String,
    /// Of another, who may drive what nobody has leased.
    pub other: String,
}

impl Gates {
    /// All of them, plain and not.
    pub fn all(&self) -> [SocketAddr; 6] {
        [self.line, self.mqtt, self.http, self.line_tls, self.mqtt_tls, self.http_tls]
    }
}

impl Castle {
    pub fn build() -> Castle {
        let authority = Authority::new();
        let users = tempfile::tempdir().expect("a temporary folder");
        let file = users.path().join("users.json");
        let [token, other] = ["holder", "other"].map(|name| add(name, &file));
        let mut sections = authority.sections_with_clients("optional");
        sections += &format!(r#""users": {file:?}, "limits": {{"connect_time": "2s"}}, "log": "error", "#);
        let program = Program::start(&format!(
            r#"{{ {sections} "hardware": {{"backend": "simulated"}}, "devices": {{ {DEMO_DEVICES} }} }}"#
        ));
        let [line_tls, mqtt_tls, http_tls] =
            ["line+tls", "mqtt+tls", "http+tls"].map(|name| program.address(name));
        let Program { line, mqtt, http, .. } = program;
        let gates = Gates { line, mqtt, http, line_tls, mqtt_tls, http_tls, authority, token, other };
        Castle { program, gates: Arc::new(gates), _users: users }
    }

    pub fn gates(&self) -> &Arc<Gates> {
        &self.gates
    }

    /// Its threads, and its resident memory in MiB.
    pub fn extent(&self) -> (u64, f64) {
        let status = status(self.program.process.id());
        (row(&status, "Threads:") as u64, row(&status, "VmRSS:") / 1024.0)
    }

    /// It answers whoever asks how it is.
    pub fn is_well(&self) {
        let health = http::get(self.gates.http, "/health");
        assert!(health.status == 200, "{}", health.body);
    }

    /// How it is when everybody has gone, and the next telemetry has come.
    pub fn at_rest(&self) -> (u64, f64) {
        std::thread::sleep(std::time::Duration::from_secs(12));
        self.extent()
    }
}

/// Adds an operator and gives its token.
fn add(name: &str, file: &Path) -> String {
    let file = file.to_str().expect("UTF-8");
    let mut adding =
        Process::start_typing(&mut gatekeeper(&["user", "add", name, "--password-stdin", "--users", file]));
    adding.type_in("a password that nobody guesses\n");
    assert!(adding.end().status.success());
    let mut made = Process::start(&mut gatekeeper(&["user", "token", name, "--users", file]));
    let line = made.line_with("gk_");
    line.split_whitespace().find(|word| word.starts_with("gk_")).expect("a token").to_owned()
}
