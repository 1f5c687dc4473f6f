//! How fast and how small the daemon is, beside a floor that nothing of its shape can beat, and beside Mosquitto.
//!
//! ```sh
//! cargo bench                # all figures, about a minute
//! cargo bench -- --quick     # the same, rougher
//! ```
//!
//! The **floor** is what a blocking server with a thread per client and one worker thread costs when it does
//! nothing: each request goes to the worker and back by std channels, and nobody reads it.  Everything runs on one
//! core, servers and client alike, so that a figure is work and not luck with the scheduler.  All of them are
//! measured in turns, again and again; a figure is the median of its turns, and a ratio the median of the ratios of
//! each turn, so that what else the machine does meets both sides.  The processor time is the server's alone.

mod support;

use std::time::Duration;

use support::clients::{LineClient, MqttClient};
use support::floor::{self, Speech};
use support::memory;
use support::servers::{Floor, Gatekeeper, Mosquitto};
use support::table::{Bound, Row, Table};
use support::turns::{Contest, Contestant};
use support::{pin_to_one_core, startup};

/// How much is measured.
struct Effort {
    turns: usize,
    /// Requests in each turn.
    requests: usize,
    /// Times 32 of them.
    pipelined: usize,
    starts: usize,
    idle: Duration,
}

const FULL: Effort =
    Effort { turns: 50, requests: 2000, pipelined: 400, starts: 21, idle: Duration::from_secs(5) };
const QUICK: Effort =
    Effort { turns: 8, requests: 500, pipelined: 100, starts: 5, idle: Duration::from_secs(1) };

/// Subscriptions that match nothing.
const OTHERS: usize = 10_000;

/// Requests in one go.
const PIPELINE: usize = 32;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("floor") => return floor::run(&arguments[1..]),
        // `cargo test --benches` comes without it.
        _ if !arguments.iter().any(|argument| argument == "--bench") => {
            return println!("the figures are taken by `cargo bench`, and not by tests");
        }
        _ => {}
    }
    let effort = if arguments.iter().any(|argument| argument == "--quick") { QUICK } else { FULL };
    match pin_to_one_core() {
        Ok(core) => println!("servers and client share core {core}; measuring ..."),
        Err(error) => println!("NOT on one core ({error}); measuring ..."),
    }
    let mut table = Table::new();
    speed(&effort, &mut table);
    size(&effort, &mut table);
    println!("\n{table}");
}

fn speed(effort: &Effort, table: &mut Table) {
    let ours = Gatekeeper::start("");
    let line_floor = Floor::start(Speech::Line, LineClient::REQUEST);
    let mqtt_floor = Floor::start(Speech::Mqtt, MqttClient::request().len());
    let mosquitto = Mosquitto::start();

    let mut set = Contest::new("line SET", effort.requests, 1);
    let mut pipelined = Contest::new("line SET, 32 at once", effort.pipelined, PIPELINE);
    for (beside, contest) in [(1, &mut set), (PIPELINE, &mut pipelined)] {
        for server in [&line_floor.server, &ours.server] {
            let mut client = LineClient::connect(server.line());
            contest.add(Contestant::new(server.pid(), move || client.set(beside)));
        }
    }
    // Nobody listened to those; here every change is told to somebody else besides.
    let told = Gatekeeper::start("");
    let mut heard = Contest::new("line SET with a subscriber", effort.requests, 1);
    let mut client = LineClient::connect(line_floor.server.line());
    heard.add(Contestant::new(line_floor.server.pid(), move || client.set(1)));
    let mut client = LineClient::connect(told.server.line());
    let mut subscriber = MqttClient::connect(told.server.mqtt(), "dashboard");
    subscriber.subscribe("pi/devices/led/state", 0);
    subscriber.take_publish(0);
    heard.add(Contestant::new(told.server.pid(), move || {
        let replied = client.set(1);
        subscriber.take_publish(0);
        replied
    }));
    let mut rpc = Contest::new("MQTT RPC, QoS 0", effort.requests, 1);
    for server in [&mqtt_floor.server, &ours.server] {
        let mut client = MqttClient::connect(server.mqtt(), "caller");
        client.subscribe("pi/rpc/responses/caller", 0);
        rpc.add(Contestant::new(server.pid(), move || client.call()));
    }
    let mut publications = Vec::new();
    for (qos, name) in [(0, "publish to subscriber, QoS 0"), (1, "publish to subscriber, QoS 1")] {
        let mut contest = Contest::new(name, effort.requests, 1);
        for server in mosquitto.iter().map(|m| &m.server).chain([&ours.server]) {
            let topic = format!("home/{qos}");
            let mut subscriber = MqttClient::connect(server.mqtt(), &format!("subscriber-{qos}"));
            subscriber.subscribe(&topic, qos);
            let mut publisher = MqttClient::connect(server.mqtt(), &format!("publisher-{qos}"));
            let message = MqttClient::message(&topic, qos);
            contest.add(Contestant::new(server.pid(), move || {
                publisher.send(&message);
                let arrived = subscriber.take_publish(qos);
                publisher.take_puback(qos);
                arrived
            }));
        }
        publications.push(contest);
    }

    // What others have subscribed to costs nothing.
    let crowded = Gatekeeper::start(&format!(r#", "subscriptions": {OTHERS}"#));
    let mut other = MqttClient::connect(crowded.server.mqtt(), "other");
    (0..OTHERS).for_each(|number| other.subscribe(&format!("beside/{number}/+/#"), 0));
    let mut beside = Contest::new("publish beside 10,000 subscriptions", effort.requests, 1);
    for server in [&ours.server, &crowded.server] {
        let mut subscriber = MqttClient::connect(server.mqtt(), "subscriber");
        subscriber.subscribe("beside/0", 0);
        let mut publisher = MqttClient::connect(server.mqtt(), "publisher");
        let message = MqttClient::message("beside/0", 0);
        beside.add(Contestant::new(server.pid(), move || {
            publisher.send(&message);
            subscriber.take_publish(0)
        }));
    }

    let secured = Gatekeeper::start_in_tls("");
    let mut secret = Contest::new("publish to subscriber in TLS, QoS 0", effort.requests, 1);
    let connect =
        |name: &str| MqttClient::connect_in_tls(secured.server.mqtt_tls(), secured.trusting(), name);
    let plain = |name: &str| MqttClient::connect(secured.server.mqtt(), name);
    let pairs = [(plain("s"), plain("p")), (connect("secret-s"), connect("secret-p"))];
    for (topic, (mut subscriber, mut publisher)) in ["home/plain", "home/secret"].into_iter().zip(pairs) {
        subscriber.subscribe(topic, 0);
        let message = MqttClient::message(topic, 0);
        secret.add(Contestant::new(secured.server.pid(), move || {
            publisher.send(&message);
            subscriber.take_publish(0)
        }));
    }

    // The first turn is for warming up.
    for turn in 0..=effort.turns {
        let contests = [&mut set, &mut heard, &mut pipelined, &mut rpc, &mut beside, &mut secret]
            .into_iter()
            .chain(&mut publications);
        contests.for_each(|contest| contest.turn(turn > 0));
    }

    for contest in [&set, &rpc] {
        contest.tell("floor", Some(Bound::AtMost(1.25)), Some(Bound::AtMost(1.4)), table);
    }
    heard.tell("floor", None, None, table);
    pipelined.tell_rate("floor", Some(Bound::AtLeast(0.5)), table);
    for contest in &publications {
        contest.tell("Mosquitto", Some(Bound::AtMost(1.0)), None, table);
    }
    beside.tell("without them", Some(Bound::AtMost(1.1)), Some(Bound::AtMost(1.1)), table);
    secret.tell("plain", None, None, table);
    if mosquitto.is_none() {
        table.note(
            "Mosquitto is not installed (apt-get install mosquitto), so nothing stands beside ours there",
        );
    }
}

fn size(effort: &Effort, table: &mut Table) {
    let figures = memory::measure(effort.idle);
    let plain = Bound::AtMost(18.0);
    table.add(Row::own("idle daemon, resident", "KiB", figures.daemon_kib, Some(Bound::AtMost(4096.0))));
    table.add(Row::own("each idle line client, resident", "KiB", figures.line_client_kib, Some(plain)));
    table.add(Row::own("each idle MQTT client, resident", "KiB", figures.mqtt_client_kib, Some(plain)));
    let in_tls = Some(Bound::AtMost(40.0));
    table.add(Row::own("each idle MQTT client in TLS, resident", "KiB", figures.tls_client_kib, in_tls));
    let none = Bound::AtMost(0.0);
    table.add(Row::own("idle daemon, wakeups", "/s", figures.idle_wakeups, Some(none)));
    table.add(Row::own("with 500 idle clients, wakeups", "/s", figures.crowded_wakeups, Some(none)));
    let size = memory::program_size_kib();
    table.add(Row::own("the program", "KiB", size, Some(Bound::AtMost(3072.0))));
    let start = startup::measure(effort.starts);
    table.add(Row::own("exec to the first reply", "ms", start, Some(Bound::AtMost(50.0))));
}
