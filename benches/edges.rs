//! How long it takes from an edge of a line until a subscriber of MQTT has the state, idle and beside 200 busy clients.
//!
//! ```sh
//! cargo bench --bench edges                # 2000 edges of each, about a minute
//! cargo bench --bench edges -- --quick     # 200 of each
//! ```
//!
//! The edge is driven on the simulated wire, which hands it over as the kernel's would be: the time begins in the moment in
//! which the thread that waits for edges has one.  The **floor** hands it to one thread that writes a ready packet to a
//! socket.  The **rival** is the least that a program with Mosquitto would take: its publication of a ready packet until a
//! subscriber has it, without a line or a thread of its own.  All three take turns, so that what else the machine does
//! meets all of them.

#![allow(unreachable_pub, reason = "a program has nobody outside")]

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Instant;

use gpio_gatekeeper::daemon::{Daemon, Ending};
use gpio_gatekeeper::hardware::{Board, Level, Line, Simulation};

use daemons::Gatekeeper;
use load::Load;
use spread::Spread;
use support::clients::{LineClient, MqttClient};
use support::servers::Mosquitto;

#[path = "../tests/support/mod.rs"]
mod daemons;
#[path = "support/load.rs"]
mod load;
#[path = "support/spread.rs"]
mod spread;
#[allow(dead_code, reason = "this program uses a part")]
mod support;

const DEVICES: &str = r#""led": {"led": {"line": 17}}, "signal": {"input": {"line": 24}}"#;
const LIMITS: &str = r#""telemetry": "1h",
    "limits": {"clients": 500, "clients_per_address": 500, "commands_per_second": 1000000},"#;
/// The clients that wait for one answer and send the next command at once.
const CROWD: usize = 200;
/// Edges in a turn.
const TURN: usize = 50;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        return println!("the figures are taken by `cargo bench`, and not by tests");
    }
    let turns = if arguments.iter().any(|argument| argument == "--quick") { 4 } else { 40 };
    let simulation = Simulation::new();
    let board = simulation.board();
    let daemon = Gatekeeper::daemon(LIMITS, DEVICES, Box::new(simulation));
    let mosquitto = Mosquitto::start();
    if mosquitto.is_none() {
        println!("Mosquitto is not installed: without the rival");
    }
    let mut contestants = vec![("ours", ours(&daemon, board)), ("floor", floor())];
    contestants.extend(mosquitto.as_ref().map(|mosquitto| ("mosquitto", rival(mosquitto))));
    for (name, crowd) in [("idle", 0), ("200 busy clients", CROWD)] {
        let load = load(&daemon, crowd);
        let before = daemon.shared().commands.count();
        let begun = Instant::now();
        let mut took = vec![Vec::new(); contestants.len()];
        for turn in 0..=turns {
            for ((_, act), took) in contestants.iter_mut().zip(&mut took) {
                let times = (0..TURN).map(|_| act());
                // The first turn is for warming up.
                if turn == 0 { times.for_each(drop) } else { took.extend(times) }
            }
        }
        let rate = (daemon.shared().commands.count() - before) as f64 / begun.elapsed().as_secs_f64();
        load.stop();
        println!("{name}, {rate:.0} commands/s; from the edge to the subscriber in us");
        for ((name, _), took) in contestants.iter().zip(took) {
            let took = Spread::of(took);
            let [p50, p90, p99, most] = [0.5, 0.9, 0.99, 1.0].map(|part| took.at(part));
            println!("  {name:9} p50 {p50:.0}, p90 {p90:.0}, p99 {p99:.0}, at most {most:.0}");
        }
    }
    daemon.stop(Ending::Asked);
}

/// Something that is done once, and how long it took in microseconds.
type Act = Box<dyn FnMut() -> f64>;

fn since(begun: Instant, ended: Instant) -> f64 {
    ended.saturating_duration_since(begun).as_secs_f64() * 1e6
}

fn ours(daemon: &Daemon, board: Board) -> Act {
    let mut client = MqttClient::connect(daemon.mqtt_address().expect("it is on"), "watcher");
    client.subscribe("pi/devices/signal/state", 0);
    client.take_publish(0);
    let line = Line { chip: "simulated".into(), offset: 24 };
    Box::new(move || {
        let level = if board.level(&line) == Level::High { Level::Low } else { Level::High };
        let begun = Instant::now();
        board.drive(&line, level);
        since(begun, client.take_publish(0))
    })
}

fn floor() -> Act {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let mut client = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
    let (mut server, _) = listener.accept().expect("a client");
    client.set_nodelay(true).and_then(|()| server.set_nodelay(true)).expect("no delay");
    let packet = MqttClient::message("pi/devices/signal/state", 0);
    let (edges, waiting): (Sender<()>, _) = channel();
    let mut bytes = vec![0; packet.len()];
    thread::spawn(move || {
        for () in waiting {
            server.write_all(&packet).expect("the client reads");
        }
    });
    Box::new(move || {
        let begun = Instant::now();
        edges.send(()).expect("the thread waits");
        std::io::Read::read_exact(&mut client, &mut bytes).expect("it writes");
        since(begun, Instant::now())
    })
}

fn rival(mosquitto: &Mosquitto) -> Act {
    let mut publisher = MqttClient::connect(mosquitto.server.mqtt(), "publisher");
    let mut subscriber = MqttClient::connect(mosquitto.server.mqtt(), "subscriber");
    subscriber.subscribe("signal", 0);
    let packet = MqttClient::message("signal", 0);
    Box::new(move || {
        let begun = Instant::now();
        publisher.send(&packet);
        since(begun, subscriber.take_publish(0))
    })
}

/// Clients each of which has one command under way at any time.
fn load(daemon: &Daemon, crowd: usize) -> Load {
    let address = daemon.line_address().expect("it is on");
    let mut load = Load::default();
    for _ in 0..crowd {
        let mut client = LineClient::connect(address);
        load.add(move || {
            client.set(1);
        });
    }
    load
}
