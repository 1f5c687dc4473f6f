//! WebSockets that are many, that carry much, that do not read, and that are there when the daemon stops.

use std::io::Write;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use gpio_gatekeeper::wire::mqtt::{Packet, ReasonCode};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Bytes, Message};

use super::support::mqtt::{MqttClient, publish};
use super::support::websocket::{WebSocketClient, bytes};
use super::support::{DEMO_DEVICES, Gatekeeper, PATIENCE};

const CROWD: usize = 200;

#[test]
fn two_hundred_are_served_at_once_and_told_of_the_stop() {
    let mut gatekeeper = Gatekeeper::with(r#""limits": {"clients": 300},"#, DEMO_DEVICES);
    let http = gatekeeper.http();
    let mut crowd: Vec<_> =
        (0..CROWD).map(|n| WebSocketClient::connect(http, &format!("page-{n}"))).collect();
    for client in &mut crowd {
        client.subscribe("t");
    }
    let mut publisher = MqttClient::connect(gatekeeper.mqtt(), "publisher");
    publisher.publish(publish("t", "for all"));
    for client in &mut crowd {
        assert_eq!(client.message().1, "for all");
        client.ping();
    }
    let counters = gatekeeper.running().shared().counters.clone();
    assert_eq!(counters.websocket.clients.value(), CROWD as u64);
    let begun = Instant::now();
    // They answer the close, as browsers do, while the daemon waits for that.
    let farewells: Vec<_> =
        crowd.into_iter().map(|client| std::thread::spawn(move || farewell(client))).collect();
    assert!(gatekeeper.stop());
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    farewells.into_iter().for_each(|farewell| farewell.join().expect("each is told"));
    assert_eq!(counters.websocket.clients.value(), 0);
}

fn farewell(mut client: WebSocketClient) {
    is_told(&mut client);
    client.end();
}

fn is_told(client: &mut WebSocketClient) {
    match client.receive() {
        Packet::Disconnect(disconnect) => assert_eq!(disconnect.reason, ReasonCode::ServerShuttingDown),
        other => panic!("{other:?}"),
    }
    assert_eq!(client.next(), Err(CloseCode::Normal));
}

#[test]
fn a_message_that_never_ends_keeps_its_client_from_nothing() {
    let mut gatekeeper = Gatekeeper::start();
    let mut client = WebSocketClient::connect(gatekeeper.http(), "endless");
    let mut stream = client.socket.get_ref().try_clone().expect("a second handle");
    // The beginning of a binary message, and then pieces of it that are empty and never the last.
    stream.write_all(&[0x02, 0x80, 0, 0, 0, 0]).expect("the daemon reads");
    let pieces = [0x00, 0x80, 0, 0, 0, 0].repeat(10_000);
    let (begun, flowing) = channel();
    let flood = std::thread::spawn(move || {
        let mut rounds = 0;
        while stream.write_all(&pieces).is_ok() {
            rounds += 1;
            if rounds == 10 {
                // Nobody waits for it any more when the test has failed.
                let _ = begun.send(());
            }
        }
    });
    flowing.recv_timeout(PATIENCE).expect("it is read");
    let told = std::thread::spawn(move || is_told(&mut client));
    gatekeeper.stop();
    told.join().expect("it is told");
    flood.join().expect("it ends with the connection");
}

#[test]
fn large_messages_pass_whole_in_both_directions() {
    let gatekeeper = Gatekeeper::start();
    let mut client = WebSocketClient::connect(gatekeeper.http(), "large");
    client.subscribe("t");
    for size in [1, 4000, 16_384, 65_000] {
        let text: String = ('a'..='z').cycle().take(size).collect();
        client.send(&[Packet::Publish(publish("t", &text))]);
        assert!(client.message().1 == text, "{size} bytes");
    }
}

#[test]
fn much_that_waits_comes_in_order_when_it_is_read_at_last() {
    let sections = r#""limits": {"outbox_messages": 10000, "outbox_bytes": 268435456},"#;
    let gatekeeper = Gatekeeper::with(sections, DEMO_DEVICES);
    let mut client = WebSocketClient::connect(gatekeeper.http(), "later");
    client.subscribe("t");
    // Answers to pings wait in between, and may leave out earlier ones.
    client.socket.write(Message::Ping(Bytes::from_static(b"1"))).expect("the daemon reads");
    let mut publisher = MqttClient::connect(gatekeeper.mqtt(), "publisher");
    let filling = "x".repeat(5000);
    for number in 0..2000 {
        publisher.publish(publish("t", &format!("{number} {filling}")));
        if number % 100 == 0 {
            client.socket.send(Message::Ping(Bytes::from_static(b"2"))).expect("the daemon reads");
        }
    }
    for number in 0..2000 {
        let text = client.message().1;
        assert_eq!(text.split(' ').next(), Some(&*number.to_string()));
    }
    client.ping();
}

#[test]
fn who_does_not_read_is_disconnected_and_nobody_else_waits() {
    let gatekeeper = Gatekeeper::with(r#""limits": {"outbox_messages": 100},"#, DEMO_DEVICES);
    let mut client = WebSocketClient::connect(gatekeeper.http(), "sleepy");
    client.subscribe("t");
    let mut publisher = MqttClient::connect(gatekeeper.mqtt(), "publisher");
    let counters = gatekeeper.running().shared().counters.clone();
    let (payload, deadline) = ("x".repeat(50_000), Instant::now() + PATIENCE);
    while counters.too_slow.value() == 0 {
        publisher.publish(publish("t", &payload));
        assert!(Instant::now() < deadline, "it is still there");
    }
    assert!(counters.dropped.outbox_full.value() > 0);
    publisher.subscribe("pi/nodes/sleepy/status");
    while publisher.message_on("pi/nodes/sleepy/status") != "offline" {}
}

#[test]
fn a_flood_of_pings_harms_nobody_and_the_last_of_them_is_answered() {
    // More than all buffers between the two can hold.
    const PINGS: u32 = 160_000;
    const LONGEST: usize = 125;
    let gatekeeper = Gatekeeper::start();
    let mut flood = WebSocketClient::connect(gatekeeper.http(), "flood");
    let mut frames = Vec::new();
    for number in 1..=PINGS {
        // A ping that is masked with zeros, so that its payload is as it is; and an empty message.
        frames.extend([0x89, 0x80 | LONGEST as u8, 0, 0, 0, 0]);
        frames.extend(number.to_be_bytes());
        frames.extend([b'.'; LONGEST - 4]);
        if number % 100 == 0 {
            frames.extend([0x82, 0x80, 0, 0, 0, 0]);
        }
    }
    let done = bytes(&[Packet::Publish(publish("done", "x"))]);
    frames.extend([0x82, 0x80 | done.len() as u8, 0, 0, 0, 0]);
    frames.extend(done);
    let mut watcher = MqttClient::connect(gatekeeper.mqtt(), "watcher");
    watcher.subscribe("done");
    // Answers that can't be written are left out for newer ones, and it goes on reading.
    flood.socket.get_mut().write_all(&frames).expect("the daemon reads");
    assert_eq!(watcher.message_on("done"), "x");
    let last = loop {
        match flood.socket.read().expect("the WebSocket goes on") {
            Message::Pong(payload) if payload.starts_with(&PINGS.to_be_bytes()) => break payload,
            Message::Pong(_) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(last.len(), LONGEST);
    flood.ping();
}
