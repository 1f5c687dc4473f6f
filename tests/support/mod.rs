//! What the tests of a whole daemon share: a daemon on free ports with simulated hardware, and somebody who talks.

#![allow(dead_code, unreachable_pub, reason = "every test uses its part")]

pub mod faulty;
pub mod http;
pub mod line;
pub mod mqtt;
pub mod process;
pub mod program;
pub mod real_buses;
pub mod systemd;
pub mod tls;
pub mod users;
pub mod websocket;
pub mod wrapped;

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use gpio_gatekeeper::config;
use gpio_gatekeeper::daemon::{self, Daemon, DaemonConfig, Ending, Logging};
use gpio_gatekeeper::hardware::{Board, Hardware, Level, Line, Simulation};

/// How long anything may take that should take no time at all; only a broken test waits for it.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Port 0 of the loopback interface, for which the system chooses a free one.
const FREE_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A whole daemon.
pub struct Gatekeeper {
    daemon: Option<Daemon>,
    board: Board,
}

/// The devices of the built-in demo, on free ports.
pub const DEMO_DEVICES: &str = r#"
    "led": {"led": {"line": "GPIO17"}},
    "relay": {"relay": {"line": "GPIO27"}},
    "lamp": {"pwm_led": {"line": "GPIO18"}},
    "button": {"button": {"line": "GPIO22", "active_low": true, "bias": "pull-up"}},
    "motor": {"motor": {"forward": "GPIO5", "backward": "GPIO6", "dead_time": "50ms"}}
"#;

impl Gatekeeper {
    /// With the devices of the demo.
    pub fn start() -> Gatekeeper {
        Gatekeeper::with("", DEMO_DEVICES)
    }

    /// The built-in demo exactly as it is, but for its ports, which may be taken on this machine.
    pub fn demo() -> Gatekeeper {
        Gatekeeper::configured(config::DEMO)
    }

    /// A whole configuration, but for its ports, which may be taken on this machine, and on simulated hardware.
    pub fn configured(text: &str) -> Gatekeeper {
        let config = config::load(text, "the configuration", &daemon::kinds());
        let mut config = config.unwrap_or_else(|mistakes| panic!("{mistakes}"));
        config.line.listen = Some(FREE_PORT);
        config.mqtt.listen = Some(FREE_PORT);
        config.http.listen = Some(FREE_PORT);
        let simulation = Simulation::new();
        let board = simulation.board();
        let daemon = Daemon::start(config, Box::new(simulation), Logging::default()).expect("it starts");
        Gatekeeper { daemon: Some(daemon), board }
    }

    /// With these sections before the devices, each followed by a comma, and these devices.
    pub fn with(sections: &str, devices: &str) -> Gatekeeper {
        let simulation = Simulation::new();
        let board = simulation.board();
        let daemon = Gatekeeper::daemon(sections, devices, Box::new(simulation));
        Gatekeeper { daemon: Some(daemon), board }
    }

    /// A daemon on hardware of the test's own.
    pub fn daemon(sections: &str, devices: &str, hardware: Box<dyn Hardware>) -> Daemon {
        Daemon::start(configuration(sections, devices), hardware, Logging::default()).expect("it starts")
    }

    /// Where it speaks the line protocol.
    pub fn line(&self) -> SocketAddr {
        self.running().line_address().expect("the listener is on")
    }

    /// Where it speaks the line protocol in TLS.
    pub fn line_tls(&self) -> SocketAddr {
        self.running().line_tls_address().expect("the listener is on")
    }

    /// Where it speaks MQTT in TLS.
    pub fn mqtt_tls(&self) -> SocketAddr {
        self.running().mqtt_tls_address().expect("the listener is on")
    }

    /// Where it speaks HTTP in TLS.
    pub fn http_tls(&self) -> SocketAddr {
        self.running().http_tls_address().expect("the listener is on")
    }

    /// Where it speaks MQTT.
    pub fn mqtt(&self) -> SocketAddr {
        self.running().mqtt_address().expect("the listener is on")
    }

    /// Where it speaks HTTP.
    pub fn http(&self) -> SocketAddr {
        self.running().http_address().expect("the listener is on")
    }

    /// The other end of its wires.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// The level of line `GPIO{offset}`.
    pub fn level(&self, offset: u32) -> Level {
        self.board.level(&gpio(offset))
    }

    /// The daemon itself.
    pub fn running(&self) -> &Daemon {
        self.daemon.as_ref().expect("it runs until it is stopped")
    }

    /// Stops it in order; true when all went well.
    pub fn stop(&mut self) -> bool {
        self.daemon.take().expect("it runs").stop(Ending::Asked)
    }
}

impl Drop for Gatekeeper {
    fn drop(&mut self) {
        if let Some(daemon) = self.daemon.take() {
            daemon.stop(Ending::Asked);
        }
    }
}

/// Line `GPIO{offset}` of the simulated chip.
pub fn gpio(offset: u32) -> Line {
    Line { chip: "simulated".into(), offset }
}

/// A configuration on free ports and simulated hardware.
pub fn configuration(sections: &str, devices: &str) -> DaemonConfig {
    let mut listeners = String::new();
    for name in ["line", "mqtt", "http"].map(|name| format!("\"{name}\": {{")) {
        if !sections.contains(&name) {
            listeners += &format!(r#"{name}"listen": "127.0.0.1:0"}}, "#);
        }
    }
    let hardware =
        if sections.contains("\"hardware\":") { "" } else { "\"hardware\": {\"backend\": \"simulated\"}," };
    let text = format!("{{ {listeners} {sections} {hardware} \"devices\": {{ {devices} }} }}");
    config::load(&text, "test", &daemon::kinds()).unwrap_or_else(|report| panic!("{text}\n{report}"))
}

/// Whether these programs can be run here.  Where they can't, the test is [skipped].
pub fn programs_are_here(programs: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_here = |program: &&&str| std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    let Some(missing) = programs.iter().find(|program| !is_here(program)) else { return true };
    skipped(&format!(
        "{missing} is not installed (mosquitto-clients, netcat-openbsd, openssl, systemd, fish)"
    ));
    false
}

/// Says where everybody sees it that a test is skipped, which is a failure if `GATEKEEPER_REQUIRE_CLIENTS=1` is set.
pub fn skipped(why: &str) {
    let required = std::env::var_os("GATEKEEPER_REQUIRE_CLIENTS").is_some_and(|value| value == "1");
    assert!(!required, "{why}");
    // Past the test harness, which would show it for failing tests only.
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}
