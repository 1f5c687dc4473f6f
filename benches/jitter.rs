//! How exact software PWM at 100 Hz is: by how much the pulses of a line differ from the 5 ms that they should last, while
//! nobody does anything, and while 200 clients send one command after the other.
//!
//! ```sh
//! cargo bench --bench jitter                # a minute of each
//! cargo bench --bench jitter -- --quick     # ten seconds of each
//! ```
//!
//! A pulse is from one write to the simulated line to the next one.  The **floor** is a thread that does nothing but
//! wait for the same deadlines, at the same time on the same machine: what its pulses differ by is the kernel's, or that
//! of whatever else runs there.

#![allow(unreachable_pub, reason = "a program has nobody outside")]

use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use gpio_gatekeeper::daemon::{Daemon, Ending};
use gpio_gatekeeper::domain::Value;
use gpio_gatekeeper::hardware::{HardwareError, Outputs, Simulation};

use load::Load;
use spread::Spread;
use support::Gatekeeper;
use support::line::LineClient;
use support::wrapped::Wrapped;

#[path = "support/load.rs"]
mod load;
#[path = "support/spread.rs"]
mod spread;
#[path = "../tests/support/mod.rs"]
mod support;

const DEVICES: &str = r#""led": {"led": {"line": 17}}, "lamp": {"pwm_led": {"line": 18, "frequency": 100}}"#;
/// The line of the lamp.
const LAMP: u32 = 18;
/// As much as they can is meant so.
const LIMITS: &str =
    r#""limits": {"clients": 400, "clients_per_address": 400, "commands_per_second": 1000000},"#;
const CROWD: usize = 200;
/// Half of a period, for which the line is high and low in turn.
const PULSE: Duration = Duration::from_millis(5);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        return println!("the figures are taken by `cargo bench`, and not by tests");
    }
    let seconds = if arguments.iter().any(|argument| argument == "--quick") { 10 } else { 60 };
    let (daemon, stamps) = start();
    let address = daemon.line_address().expect("it is on");
    for (name, crowd) in [("idle", 0), ("200 busy clients", CROWD)] {
        let load = load(address, crowd);
        let before = daemon.shared().commands.count();
        let pulses = seconds * 200;
        let floor = thread::spawn(move || floor(pulses));
        let lamp = errors(&pulses_of_lamp(address, &stamps, pulses));
        let floor = errors(&floor.join().expect("it ends well"));
        let rate = (daemon.shared().commands.count() - before) as f64 / seconds as f64;
        load.stop();
        println!("{name}, {rate:.0} commands/s; pulses of 5 ms differ in us by");
        println!("  lamp   {}", lamp);
        println!("  floor  {}", floor);
    }
    daemon.stop(Ending::Asked);
}

fn start() -> (Daemon, Receiver<Instant>) {
    let (stamps, writes) = channel();
    let wrap = move |outputs, lines: Vec<u32>| -> Box<dyn Outputs> {
        let stamps = (lines == [LAMP]).then(|| stamps.clone());
        Box::new(StampedOutputs { outputs, stamps })
    };
    let hardware = Wrapped::new(Simulation::new(), wrap);
    (Gatekeeper::daemon(LIMITS, DEVICES, Box::new(hardware)), writes)
}

/// When the line of the lamp was written, so many times at half brightness.
fn pulses_of_lamp(address: SocketAddr, stamps: &Receiver<Instant>, pulses: usize) -> Vec<Instant> {
    let mut client = LineClient::connect(address);
    client.expect("COMMAND=SET|DEVICE=lamp|VALUE=0", "REPLY=OK");
    while stamps.try_recv().is_ok() {}
    client.expect("COMMAND=SET|DEVICE=lamp|VALUE=0.5", "REPLY=OK");
    let patience = Duration::from_secs(10);
    (0..=pulses).map(|_| stamps.recv_timeout(patience).expect("the PWM goes on")).collect()
}

/// When a thread woke that waits for as many deadlines.
fn floor(pulses: usize) -> Vec<Instant> {
    let (_sender, nothing) = channel::<()>();
    // As the hardware thread does; where that can't be, it is the same for both.
    let _ = nix::sys::prctl::set_timerslack(1);
    let mut due = Instant::now();
    let wake = |_| {
        due += PULSE;
        let _ = nothing.recv_timeout(due.saturating_duration_since(Instant::now()));
        Instant::now()
    };
    (0..=pulses).map(wake).collect()
}

/// By how many microseconds each pulse was too long or too short.
fn errors(stamps: &[Instant]) -> Spread {
    let error = |pair: &[Instant]| (pair[1] - pair[0]).as_secs_f64() - PULSE.as_secs_f64();
    Spread::of(stamps.windows(2).map(|pair| error(pair).abs() * 1e6).collect())
}

/// Clients that send a command as soon as the one before is answered.
fn load(address: SocketAddr, crowd: usize) -> Load {
    let mut load = Load::default();
    for _ in 0..crowd {
        let mut line = LineClient::connect(address);
        load.add(move || drop(line.ask("COMMAND=SET|DEVICE=led|VALUE=TOGGLE")));
    }
    load
}

/// Outputs that stamp every write to the line of the lamp.
struct StampedOutputs {
    outputs: Box<dyn Outputs>,
    stamps: Option<Sender<Instant>>,
}

impl Outputs for StampedOutputs {
    fn write(&mut self, values: &[Value]) -> Result<(), HardwareError> {
        self.outputs.write(values)?;
        if let Some(stamps) = &self.stamps {
            // At the end nobody looks any more.
            let _ = stamps.send(Instant::now());
        }
        Ok(())
    }

    fn read(&mut self) -> Result<Vec<Value>, HardwareError> {
        self.outputs.read()
    }
}
