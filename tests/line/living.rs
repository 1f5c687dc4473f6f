//! The life of a connection: keepalive, silence, half-closed connections and goodbyes.

use std::time::{Duration, Instant};

use super::support::line::LineClient;
use super::support::mqtt::MqttClient;
use super::support::{DEMO_DEVICES, Gatekeeper};

#[test]
fn a_client_that_answers_the_keepalive_stays() {
    let gatekeeper = Gatekeeper::start();
    let mut client = LineClient::connect(gatekeeper.line());
    let start = Instant::now();
    client.expect("COMMAND=HELLO|KEEPALIVE=1s", "REPLY=OK|KEEPALIVE=1s");
    for _ in 0..2 {
        assert_eq!(client.receive(), "COMMAND=HELLO");
        client.send("COMMAND=HELLO!");
        assert_eq!(client.receive(), "REPLY=OK");
    }
    assert!(start.elapsed() >= Duration::from_secs(2), "{:?}", start.elapsed());
    // Text that is no frame is heard of, but does not count.
    assert_eq!(client.receive(), "COMMAND=HELLO");
    client.raw(b"still here\n");
    assert!(client.receive().starts_with("REPLY=ERROR|CODE=MALFORMED|"));
    assert!(client.receive().starts_with("EVENT=CLOSING|CODE=TOO_SLOW|MESSAGE="));
    assert_eq!(client.next(), None);
}

#[test]
fn every_frame_counts_even_one_that_is_refused() {
    let gatekeeper = Gatekeeper::start();
    let mut client = LineClient::connect(gatekeeper.line());
    client.expect("COMMAND=HELLO|KEEPALIVE=1s", "REPLY=OK");
    for _ in 0..2 {
        assert_eq!(client.receive(), "COMMAND=HELLO");
        client.send("COMMAND=FLY");
        assert!(client.receive().starts_with("REPLY=ERROR|CODE=UNKNOWN_COMMAND|"));
    }
}

#[test]
fn a_silent_client_has_the_time_to_connect_and_no_more() {
    let sections = r#""line": {"listen": "127.0.0.1:0", "keepalive": "1s"}, "mqtt": {"listen": null},
        "limits": {"connect_time": "3s"},"#;
    let gatekeeper = Gatekeeper::with(sections, DEMO_DEVICES);
    let start = Instant::now();
    let mut client = LineClient::connect(gatekeeper.line());
    assert_eq!(client.receive(), "COMMAND=HELLO");
    assert!(client.receive().starts_with("EVENT=CLOSING|CODE=TOO_SLOW|MESSAGE="));
    assert_eq!(client.next(), None);
    assert!(start.elapsed() >= Duration::from_secs(3), "{:?}", start.elapsed());
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
}

#[test]
fn the_subscriptions_of_a_silent_client_end_with_it() {
    let gatekeeper = Gatekeeper::start();
    let mut silent = LineClient::connect(gatekeeper.line());
    silent.expect("COMMAND=HELLO|CLIENT=silent|KEEPALIVE=1s", "REPLY=OK");
    let mut watcher = MqttClient::connect(gatekeeper.mqtt(), "watcher");
    watcher.subscribe("pi/nodes/silent/status");
    assert_eq!(watcher.message_on("pi/nodes/silent/status"), "online");
    let mut other = LineClient::patient(gatekeeper.line());
    other.expect("COMMAND=SEND|TO=silent|VALUE=are you there?", "REPLY=OK");
    assert!(silent.event("EVENT=CLOSING|").contains("|CODE=TOO_SLOW|"));
    assert_eq!(silent.next(), None);
    assert_eq!(watcher.message_on("pi/nodes/silent/status"), "offline");
    other.expect("COMMAND=SEND|TO=silent|VALUE=and now?", "REPLY=ERROR|CODE=UNKNOWN_CLIENT");
}

#[test]
fn a_closed_sending_side_still_gets_every_answer() {
    let gatekeeper = Gatekeeper::start();
    let mut client = LineClient::connect(gatekeeper.line());
    for n in 0..100 {
        client.send(&format!("COMMAND=SET|DEVICE=relay|VALUE=TOGGLE|ID={n}"));
    }
    client.finish();
    for n in 0..100 {
        let reply = client.receive();
        assert!(reply.starts_with(&format!("REPLY=OK|ID={n}|")), "{reply}");
    }
    assert_eq!(client.next(), None);
    LineClient::patient(gatekeeper.line()).expect("COMMAND=GET|DEVICE=relay", "REPLY=OK|SEQ=101|VALUE=0");
}

#[test]
fn what_follows_quit_is_not_read() {
    let gatekeeper = Gatekeeper::start();
    let mut client = LineClient::connect(gatekeeper.line());
    client.raw(b"|START|COMMAND=SET|DEVICE=led|VALUE=ON|ID=1|END||START|COMMAND=QUIT|END||START|COMMAND=SET|DEVICE=led|VALUE=OFF|END|");
    assert!(client.receive().starts_with("REPLY=OK|ID=1|"));
    assert_eq!(client.receive(), "REPLY=OK");
    assert_eq!(client.next(), None);
    LineClient::patient(gatekeeper.line()).expect("COMMAND=GET|DEVICE=led", "REPLY=OK|VALUE=1");
}

#[test]
fn who_vanishes_leaves_its_commands_done_and_its_seat_free() {
    let gatekeeper = Gatekeeper::start();
    let mut watcher = LineClient::patient(gatekeeper.line());
    watcher.expect("COMMAND=SUB|DEVICE=led", "REPLY=OK");
    watcher.event("EVENT=STATE|");
    for n in 0..20 {
        let mut hasty = LineClient::connect(gatekeeper.line());
        hasty.send("COMMAND=SET|DEVICE=led|VALUE=TOGGLE");
        drop(hasty);
        let state = watcher.event("EVENT=STATE|");
        assert!(state.contains(&format!("|SEQ={}|", n + 2)), "{state}");
    }
}

#[test]
fn a_stop_is_told_after_what_the_devices_did_because_of_it() {
    let mut gatekeeper = Gatekeeper::start();
    let mut client = LineClient::patient(gatekeeper.line());
    client.expect("COMMAND=SUB|DEVICE=relay", "REPLY=OK");
    client.event("EVENT=STATE|");
    client.expect("COMMAND=SET|DEVICE=relay|VALUE=ON", "REPLY=OK");
    assert!(client.event("EVENT=STATE|").contains("|VALUE=1|STATE=on|"));
    assert!(gatekeeper.stop());
    let state = client.receive();
    assert!(state.starts_with("EVENT=STATE|DEVICE=relay|KIND=relay|VALUE=0|STATE=off|"), "{state}");
    assert!(client.receive().starts_with("EVENT=CLOSING|CODE=STOPPING|MESSAGE="));
    assert_eq!(client.next(), None);
}
