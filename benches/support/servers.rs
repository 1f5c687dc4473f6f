//! The servers that are measured, each a process of its own that ends with the value that stands for it.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::unistd::Pid;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;

use super::floor::Speech;

/// A running server.
pub struct Server {
    child: Child,
    line: Option<SocketAddr>,
    mqtt: Option<SocketAddr>,
    mqtt_tls: Option<SocketAddr>,
}

/// The daemon, as it is released.
pub struct Gatekeeper {
    pub server: Server,
    folder: TempDir,
}

/// The floor.
pub struct Floor {
    pub server: Server,
}

/// The broker that everybody knows.
pub struct Mosquitto {
    pub server: Server,
    _folder: TempDir,
}

/// Nothing that comes by itself is among what is measured.
const SILENCE: &str = r#""telemetry": "1h", "#;
/// The daemon's program.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_gpio-gatekeeper");

impl Server {
    /// Who it is.
    pub fn pid(&self) -> Pid {
        // Process identifiers are far below the limit of 2^22.
        Pid::from_raw(self.child.id() as i32)
    }

    /// Where it speaks the line protocol.
    pub fn line(&self) -> SocketAddr {
        self.line.expect("it speaks the line protocol")
    }

    /// Where it speaks MQTT.
    pub fn mqtt(&self) -> SocketAddr {
        self.mqtt.expect("it speaks MQTT")
    }

    /// Where it speaks MQTT in TLS.
    pub fn mqtt_tls(&self) -> SocketAddr {
        self.mqtt_tls.expect("it speaks MQTT in TLS")
    }

    /// What it prints until it is ready, which is when `is_ready` says so.
    fn read_until(child: &mut Child, mut is_ready: impl FnMut(&str) -> bool) {
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        loop {
            line.clear();
            let read = output.read_line(&mut line).expect("readable");
            assert!(read > 0, "the server ended before it was ready");
            if is_ready(line.trim()) {
                break;
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Gatekeeper {
    /// Starts it with the devices of the demo and these limits besides, each with a comma before it.
    pub fn start(limits: &str) -> Gatekeeper {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Gatekeeper::start_in(folder, SILENCE, limits, "")
    }

    /// The same, and its telemetry comes as often as it does where nobody says otherwise.
    #[allow(dead_code, reason = "the soak does, and the figures do not")]
    pub fn start_telling(limits: &str) -> Gatekeeper {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Gatekeeper::start_in(folder, "", limits, "")
    }

    /// The same, and MQTT is spoken in TLS too, with a certificate that the program makes.
    pub fn start_in_tls(limits: &str) -> Gatekeeper {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut command = Command::new(PROGRAM);
        command
            .args(["cert", "--self-signed", "127.0.0.1", "--out"])
            .arg(folder.path())
            .stdout(Stdio::null());
        assert!(command.status().expect("the daemon's program is built").success());
        let [certificate, key] = ["certificate.pem", "key.pem"].map(|name| folder.path().join(name));
        let tls = format!(
            r#", "tls": {{"listen": "127.0.0.1:0", "certificate": {certificate:?}, "key": {key:?}}}"#
        );
        Gatekeeper::start_in(folder, SILENCE, limits, &tls)
    }

    /// A client that trusts the certificate.
    pub fn trusting(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        let certificate = CertificateDer::from_pem_file(self.folder.path().join("certificate.pem"));
        roots.add(certificate.expect("it was made")).expect("it is good");
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("good versions");
        Arc::new(config.with_root_certificates(roots).with_no_client_auth())
    }

    fn start_in(folder: TempDir, telemetry: &str, limits: &str, mqtt: &str) -> Gatekeeper {
        let file = folder.path().join("config.json");
        let config = format!(
            r#"{{
                {telemetry}
                "line": {{"listen": "127.0.0.1:0"}},
                "mqtt": {{"listen": "127.0.0.1:0"{mqtt}}},
                "http": {{"listen": "127.0.0.1:0"}},
                "hardware": {{"backend": "simulated"}},
                "limits": {{"commands_per_second": 1000000{limits}}},
                "devices": {{
                    "led": {{"led": {{"line": "GPIO17"}}}},
                    "relay": {{"relay": {{"line": "GPIO27"}}}},
                    "lamp": {{"pwm_led": {{"line": "GPIO18"}}}},
                    "button": {{"button": {{"line": "GPIO22", "active_low": true, "bias": "pull-up"}}}},
                    "motor": {{"motor": {{"forward": "GPIO5", "backward": "GPIO6"}}}}
                }}
            }}"#
        );
        fs::write(&file, config).expect("writable");
        let mut command = Command::new(PROGRAM);
        command.arg("--config").arg(&file).env_remove("RUST_LOG");
        let mut server = start(&mut command).expect("the daemon's program is built");
        let (mut line, mut mqtt, mut mqtt_tls) = (None, None, None);
        Server::read_until(&mut server.child, |text| {
            match text.split_once(' ') {
                Some(("line", address)) => line = address.trim().parse().ok(),
                Some(("mqtt", address)) => mqtt = address.trim().parse().ok(),
                Some(("mqtt+tls", address)) => mqtt_tls = address.trim().parse().ok(),
                _ => {}
            }
            text.starts_with("Try it")
        });
        (server.line, server.mqtt, server.mqtt_tls) = (line, mqtt, mqtt_tls);
        Gatekeeper { server, folder }
    }
}

impl Floor {
    /// Starts it for requests of this size.
    pub fn start(speech: Speech, size: usize) -> Floor {
        let name = match speech {
            Speech::Line => "line",
            Speech::Mqtt => "mqtt",
        };
        let program = std::env::current_exe().expect("this program has a path");
        let mut command = Command::new(program);
        command.args(["floor", name, &size.to_string()]);
        let mut server = start(&mut command).expect("this program can be started");
        let mut address = None;
        Server::read_until(&mut server.child, |text| {
            address = text.parse().ok();
            address.is_some()
        });
        (server.line, server.mqtt) = (address, address);
        Floor { server }
    }
}

impl Mosquitto {
    /// Starts it, where it is installed.
    pub fn start() -> Option<Mosquitto> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // Free now, and nobody takes a port in between but by chance.
        let address = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port");
        let file = folder.path().join("mosquitto.conf");
        let port = address.port();
        let config = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nlog_dest none\nuser root\n"
        );
        fs::write(&file, config).expect("writable");
        // Debian keeps it where only root looks.
        let mut server =
            ["mosquitto", "/usr/sbin/mosquitto"].into_iter().find_map(|program| {
                match start(Command::new(program).arg("-c").arg(&file)) {
                    Err(error) if error.kind() == ErrorKind::NotFound => None,
                    started => Some(started.expect("Mosquitto can be started")),
                }
            })?;
        let until = Instant::now() + Duration::from_secs(5);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < until, "Mosquitto does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        server.mqtt = Some(address);
        Some(Mosquitto { server, _folder: folder })
    }
}

fn start(command: &mut Command) -> std::io::Result<Server> {
    // An input that is open as long as we live, and an output that tells when it is ready.
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).current_dir(Path::new("/"));
    Ok(Server { child: command.spawn()?, line: None, mqtt: None, mqtt_tls: None })
}
