//! Clients that do not read, and clients that are too many: nobody else waits for them.

use std::time::{Duration, Instant};

use gpio_gatekeeper::wire::mqtt::{ReasonCode, Version};

use super::support::line::LineClient;
use super::support::mqtt::{MqttClient, connect, publish};
use super::support::websocket::{WebSocketClient, request};
use super::support::{DEMO_DEVICES, Gatekeeper, PATIENCE};

#[test]
fn who_does_not_read_is_disconnected_and_nobody_waits_for_it() {
    let limits = r#""limits": {"outbox_messages": 100, "outbox_bytes": 131072},"#;
    let gatekeeper = Gatekeeper::with(limits, DEMO_DEVICES);
    let mut sleeper = LineClient::patient(gatekeeper.line());
    sleeper.expect("COMMAND=HELLO|CLIENT=sleeper", "REPLY=OK");
    sleeper.expect("COMMAND=SUB|VAR=flood", "REPLY=OK");
    let mut watcher = MqttClient::connect(gatekeeper.mqtt(), "watcher");
    watcher.subscribe("pi/nodes/sleeper/status");
    assert_eq!(watcher.message_on("pi/nodes/sleeper/status"), "online");
    let mut publisher = LineClient::patient(gatekeeper.line());
    let publication = format!("|START|COMMAND=PUB|VAR=flood|VALUE={}|END|", "x".repeat(1024));
    let deadline = Instant::now() + PATIENCE;
    loop {
        // What the kernel takes for the sleeper is some megabytes at the most.
        publisher.raw(publication.repeat(100).as_bytes());
        (0..100).for_each(|_| assert_eq!(publisher.reply(), "REPLY=OK"));
        let there = publisher.ask("COMMAND=SEND|TO=sleeper|VALUE=x");
        if there.contains("|CODE=UNKNOWN_CLIENT|") {
            break;
        }
        assert!(Instant::now() < deadline, "{there}");
    }
    assert_eq!(watcher.message_on("pi/nodes/sleeper/status"), "offline");
    publisher.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "REPLY=OK");
}

#[test]
fn states_that_wait_give_way_to_newer_ones() {
    let limits = r#""limits": {"outbox_messages": 16, "commands_per_second": 1000000},"#;
    let gatekeeper = Gatekeeper::with(limits, DEMO_DEVICES);
    let mut reader = LineClient::patient(gatekeeper.line());
    reader.expect("COMMAND=SUB|DEVICE=relay", "REPLY=OK");
    let mut driver = LineClient::patient(gatekeeper.line());
    let last = 20_001;
    for _ in 0..40 {
        driver.raw("|START|COMMAND=SET|DEVICE=relay|VALUE=TOGGLE|END|".repeat(500).as_bytes());
        (0..500).for_each(|_| assert!(driver.reply().starts_with("REPLY=OK|")));
    }
    // Some may be missing, none comes twice or late, and the newest is always there.
    let mut seq = 0;
    while seq < last {
        let state = reader.event("EVENT=STATE|");
        let next = LineClient::field(&state, "SEQ").and_then(|seq| seq.parse().ok()).expect("a number");
        assert!(next > seq, "{seq}: {state}");
        seq = next;
    }
    assert_eq!(seq, last);
}

#[test]
fn a_client_that_asks_and_does_not_read_keeps_only_itself_waiting() {
    let gatekeeper = Gatekeeper::start();
    let mut deaf = LineClient::patient(gatekeeper.line());
    deaf.flood("|START|COMMAND=HELP|END|".repeat(100).as_bytes());
    let mut other = LineClient::patient(gatekeeper.line());
    let start = Instant::now();
    (0..100).for_each(|_| other.expect("COMMAND=SET|DEVICE=led|VALUE=TOGGLE", "REPLY=OK"));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    // When it reads after all, everything that it could send is answered.
    deaf.finish();
    let mut answers = 0;
    while let Some(reply) = deaf.next() {
        if reply.starts_with("REPLY=ERROR|CODE=MALFORMED|") {
            // The flood broke off inside a frame.
            assert_eq!(deaf.next(), None);
            break;
        }
        assert!(reply.starts_with("REPLY=OK|COMMANDS="), "{reply}");
        answers += 1;
    }
    assert!(answers > 100, "{answers}");
}

#[test]
fn one_more_than_there_may_be_is_told_so() {
    let gatekeeper = Gatekeeper::with(r#""limits": {"clients": 2},"#, DEMO_DEVICES);
    let mut first = LineClient::patient(gatekeeper.line());
    let mut second = MqttClient::connect(gatekeeper.mqtt(), "second");
    first.expect("COMMAND=STATUS", "REPLY=OK|CLIENTS=2");

    let mut third = LineClient::connect(gatekeeper.line());
    assert!(third.receive().starts_with("EVENT=CLOSING|CODE=TOO_MANY_CLIENTS|MESSAGE="));
    assert_eq!(third.next(), None);
    let (mut fourth, connack) = MqttClient::connect_with(gatekeeper.mqtt(), connect("fourth"));
    assert_eq!(connack.reason, ReasonCode::ServerBusy);
    assert_eq!(fourth.next(), None);
    let v3 = gpio_gatekeeper::wire::mqtt::Connect { version: Version::V3, ..connect("fifth") };
    let (mut fifth, _) = MqttClient::connect_with(gatekeeper.mqtt(), v3);
    assert_eq!(fifth.next(), None);

    first.expect("COMMAND=STATUS", "REPLY=OK|CLIENTS=2");
    assert_eq!(second.publish(publish("pi/devices/led/set", "ON")).reason, ReasonCode::Success);
    drop(second);
    let deadline = Instant::now() + PATIENCE;
    while !first.ask("COMMAND=STATUS").contains("|CLIENTS=1|") {
        assert!(Instant::now() < deadline, "the seat is not given back");
    }
    LineClient::patient(gatekeeper.line()).expect("COMMAND=HELLO!", "REPLY=OK");
}

#[test]
fn one_address_has_no_more_than_its_seats() {
    let gatekeeper = Gatekeeper::with(r#""limits": {"clients": 9, "clients_per_address": 2},"#, DEMO_DEVICES);
    let mut first = LineClient::patient(gatekeeper.line());
    let _second = MqttClient::connect(gatekeeper.mqtt(), "second");
    let mut third = LineClient::connect(gatekeeper.line());
    assert!(third.receive().starts_with("EVENT=CLOSING|CODE=TOO_MANY_CLIENTS|MESSAGE="));
    let (_, connack) = MqttClient::connect_with(gatekeeper.mqtt(), connect("fourth"));
    assert_eq!(connack.reason, ReasonCode::ServerBusy);
    let http = gatekeeper.http();
    assert_eq!(WebSocketClient::open(http, request(http)).err().expect("refused").0, 503);
    first.expect("COMMAND=STATUS", "REPLY=OK|CLIENTS=2");
}

#[test]
fn who_sends_too_fast_is_refused_what_is_too_much_and_nobody_else() {
    let gatekeeper = Gatekeeper::with(r#""limits": {"commands_per_second": 5},"#, DEMO_DEVICES);
    let mut auditor = MqttClient::connect(gatekeeper.mqtt(), "auditor");
    auditor.subscribe("pi/logs/audit");
    let mut hasty = LineClient::patient(gatekeeper.line());
    hasty.raw("|START|COMMAND=SET|DEVICE=relay|VALUE=TOGGLE|END|".repeat(100).as_bytes());
    let replies: Vec<String> = (0..100).map(|_| hasty.reply()).collect();
    let refused = "REPLY=ERROR|CODE=LIMIT_REACHED|MESSAGE=more commands than 5 in a second";
    assert!(replies[..5].iter().all(|reply| reply.starts_with("REPLY=OK|")), "{replies:?}");
    assert!(replies.iter().any(|reply| reply == refused), "{replies:?}");
    let done = replies.iter().filter(|reply| *reply != refused).count();
    // What needs no hardware is not counted, and neither is what others do.
    hasty.expect("COMMAND=LIST", "REPLY=OK");
    let mut other = LineClient::patient(gatekeeper.line());
    other.expect("COMMAND=GET|DEVICE=relay", &format!("REPLY=OK|SEQ={}", 1 + done));
    let entry = loop {
        let entry = auditor.message_on("pi/logs/audit");
        if entry.contains("LIMIT_REACHED") {
            break entry;
        }
    };
    assert!(entry.contains("1 refused since this was last said"), "{entry}");
    assert_eq!(gatekeeper.running().shared().counters.too_fast.value(), (100 - done) as u64);
}
