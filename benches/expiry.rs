//! How late a motor stands still after the lease on it has expired, while clients of both protocols send as many
//! commands as they can.
//!
//! ```sh
//! cargo bench --bench expiry                # 300 expiries, about a minute
//! cargo bench --bench expiry -- --quick     # 50 of them
//! ```
//!
//! The deadline is the one that the gatekeeper has told with the lease; the end is the moment in which the order to
//! switch the line off has reached the hardware, which stamps it on its side of the wire.
//!
//! The **floor** is a thread that does nothing but wait for deadlines, at the same time on the same machine: what it is
//! late by is the kernel's, or that of whatever else runs there.

#![allow(unreachable_pub, reason = "a program has nobody outside")]

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use gpio_gatekeeper::control::Now;
use gpio_gatekeeper::daemon::{Daemon, Ending};
use gpio_gatekeeper::domain::Value;
use gpio_gatekeeper::hardware::{HardwareError, Outputs, Simulation};
use gpio_gatekeeper::wire::mqtt::Packet;

use load::Load;
use spread::Spread;
use support::Gatekeeper;
use support::line::LineClient;
use support::mqtt::{MqttClient, publish};
use support::websocket::bytes;
use support::wrapped::Wrapped;

#[path = "support/load.rs"]
mod load;
#[path = "support/spread.rs"]
mod spread;
#[path = "../tests/support/mod.rs"]
mod support;

const DEVICES: &str = r#""led": {"led": {"line": 17}}, "motor": {"motor": {"forward": 5, "backward": 6}}"#;
/// As much as they can is meant so.
const LIMITS: &str = r#""limits": {"commands_per_second": 1000000},"#;
/// The requests of each client that are under way at one time.
const PIPELINE: usize = 32;
/// The clients of each protocol that make the load.
const CROWD: usize = 2;
/// How long the leases last.
const TTL: Duration = Duration::from_millis(100);
/// What is promised, for 99 of 100 expiries.
const PROMISED: f64 = 2000.0;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        return println!("the figures are taken by `cargo bench`, and not by tests");
    }
    let expiries = if arguments.iter().any(|argument| argument == "--quick") { 50 } else { 300 };
    let (daemon, stops) = start();
    for (name, crowd) in [("idle", 0), ("full load", CROWD)] {
        let load = load(&daemon, crowd);
        let before = daemon.shared().commands.count();
        let begun = Instant::now();
        let floor = thread::spawn(move || floor(expiries));
        let late = Spread::of(measure(&daemon, &stops, expiries));
        let sent = daemon.shared().commands.count() - before;
        let rate = sent as f64 / begun.elapsed().as_secs_f64();
        let floor = Spread::of(floor.join().expect("it ends well"));
        load.stop();
        let verdict = if late.at(0.99) <= PROMISED { "kept" } else { "MISSED" };
        println!("{name}, {rate:.0} commands/s; late in us by");
        println!("  leases {}; p99 within {PROMISED}: {verdict}", late);
        println!("  floor  {}", floor);
    }
    daemon.stop(Ending::Asked);
}

fn start() -> (Daemon, Receiver<f64>) {
    let (stamps, stops) = channel();
    let wrap = move |outputs, _| -> Box<dyn Outputs> {
        Box::new(StampedOutputs { outputs, stamps: stamps.clone() })
    };
    let hardware = Wrapped::new(Simulation::new(), wrap);
    (Gatekeeper::daemon(LIMITS, DEVICES, Box::new(hardware)), stops)
}

/// How late, in microseconds, each of so many expiries was.
fn measure(daemon: &Daemon, stops: &Receiver<f64>, expiries: usize) -> Vec<f64> {
    let mut driver = MqttClient::connect(daemon.mqtt_address().expect("it is on"), "driver");
    driver.subscribe("pi/rpc/responses/driver");
    let mut late = Vec::with_capacity(expiries);
    for _ in 0..expiries {
        driver.call("driver", r#"{"device": "motor", "method": "forward"}"#);
        while stops.try_recv().is_ok() {}
        let lease =
            driver.call("driver", r#"{"device": "motor", "method": "lease", "kwargs": {"ttl": 0.1}}"#);
        let lease: serde_json::Value = serde_json::from_slice(&lease.payload).expect("JSON");
        let expires = lease["result"]["expires"].as_f64().expect("a lease");
        let stopped = stops.recv_timeout(Duration::from_secs(10)).expect("the motor is stopped");
        late.push((stopped - expires) * 1e6);
    }
    late
}

/// How late, in microseconds, a thread is that waits for as many deadlines.
fn floor(deadlines: usize) -> Vec<f64> {
    let (_sender, nothing) = channel::<()>();
    // As the hardware thread does; where that can't be, it is the same for both.
    let _ = nix::sys::prctl::set_timerslack(1);
    let mut late = Vec::with_capacity(deadlines);
    for _ in 0..deadlines {
        let due = Instant::now() + TTL;
        let _ = nothing.recv_timeout(TTL);
        late.push(due.elapsed().as_secs_f64() * 1e6);
    }
    late
}

/// Clients that send as much as they can.
fn load(daemon: &Daemon, crowd: usize) -> Load {
    let mut load = Load::default();
    for number in 0..crowd {
        let mut line = LineClient::connect(daemon.line_address().expect("it is on"));
        let frames = "|START|COMMAND=SET|DEVICE=led|VALUE=TOGGLE|END|".repeat(PIPELINE);
        load.add(move || {
            line.raw(frames.as_bytes());
            (0..PIPELINE).for_each(|_| drop(line.reply()));
        });
        let id = format!("crowd-{number}");
        let mut mqtt = MqttClient::connect(daemon.mqtt_address().expect("it is on"), &id);
        mqtt.subscribe(&format!("pi/rpc/responses/{id}"));
        let toggle = Packet::Publish(publish("pi/devices/led/set", "TOGGLE"));
        let toggles = bytes(&vec![toggle; PIPELINE - 1]);
        load.add(move || {
            mqtt.raw(&toggles);
            mqtt.call(&id, r#"{"device": "led", "method": "toggle"}"#);
        });
    }
    load
}

/// Outputs that stamp when a motor is told to stand still, in seconds since 1970-01-01T00:00:00Z.
struct StampedOutputs {
    outputs: Box<dyn Outputs>,
    stamps: Sender<f64>,
}

impl Outputs for StampedOutputs {
    fn write(&mut self, values: &[Value]) -> Result<(), HardwareError> {
        self.outputs.write(values)?;
        if values == [Value::Inactive, Value::Inactive] {
            let now = Now::read().epoch;
            // At the end nobody looks any more.
            let _ = self.stamps.send(now);
        }
        Ok(())
    }

    fn read(&mut self) -> Result<Vec<Value>, HardwareError> {
        self.outputs.read()
    }
}
