//! What is said in TLS: the same as without, whole and in order, however it is cut and whichever way it goes.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::Instant;

use gpio_gatekeeper::wire::mqtt::{Packet, Split, Version, decode, split};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustls::version::{TLS12, TLS13};

use super::support::line::LineClient;
use super::support::mqtt::{MqttClient, connect, publish};
use super::support::tls::{Authority, Secured, shake_hands, shake_hands_saying};
use super::support::websocket::{WebSocketClient, bytes, request, subscribe};
use super::support::{DEMO_DEVICES, Gatekeeper, PATIENCE};

/// A client of the line protocol in TLS.
pub fn line_client(secured: Secured) -> LineClient {
    LineClient::over(secured.sock.try_clone().expect("a second handle"), secured)
}

/// A client of MQTT in TLS.
pub fn mqtt_client(secured: Secured, client_id: &str) -> MqttClient {
    MqttClient::over(secured, Version::V5).introduce(connect(client_id)).0
}

/// MQTT in a WebSocket in TLS.
pub fn websocket_client(address: SocketAddr, secured: Secured, client_id: &str) -> WebSocketClient<Secured> {
    let mut client = WebSocketClient::open_over(secured, request(address)).expect("a WebSocket");
    client.send(&[Packet::Connect(Box::new(connect(client_id)))]);
    client.expect_connack();
    client
}

#[test]
fn every_protocol_is_spoken_in_either_version() {
    let authority = Authority::new();
    let gatekeeper = Gatekeeper::with(&authority.sections(""), DEMO_DEVICES);
    for version in [&TLS12, &TLS13] {
        let secured =
            |address| shake_hands(address, authority.trusting(&[version], None)).expect("a handshake");
        let mut line = line_client(secured(gatekeeper.line_tls()));
        line.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "REPLY=OK|VALUE=1");
        let mut mqtt = mqtt_client(secured(gatekeeper.mqtt_tls()), "mqtt");
        mqtt.publish(publish("pi/devices/led/set", "OFF"));
        line.expect("COMMAND=GET|DEVICE=led", "REPLY=OK|VALUE=0");
        let http = gatekeeper.http_tls();
        let mut page = websocket_client(http, secured(http), "page");
        page.subscribe("t");
        mqtt.publish(publish("t", "for pages"));
        assert_eq!(page.message().1, "for pages");
        let mut asking = secured(http);
        asking.write_all(b"GET /health HTTP/1.0\r\n\r\n").expect("the daemon reads");
        let mut answer = String::new();
        asking.read_to_string(&mut answer).expect("the daemon ends it with the goodbye of TLS");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
    // Both doors count together, so that no two clients have one name.
    let names = [gatekeeper.line_tls(), gatekeeper.line()].map(|address| {
        let mut client = match address == gatekeeper.line() {
            true => LineClient::connect(address),
            false => line_client(authority.connect(address)),
        };
        LineClient::field(&client.ask("COMMAND=HELLO"), "CLIENT").expect("a name")
    });
    assert_ne!(names[0], names[1]);
}

#[test]
fn bytes_may_come_one_by_one_above_and_below() {
    let authority = Authority::new();
    let gatekeeper = Gatekeeper::with(&authority.sections(""), DEMO_DEVICES);
    let mut line = line_client(authority.connect(gatekeeper.line_tls()));
    for byte in b"|START|COMMAND=SET|DEVICE=led|VALUE=ON|END|" {
        line.raw(&[*byte]);
    }
    assert!(line.reply().starts_with("REPLY=OK|DEVICE=led|"));
    // The records themselves, from the first of the handshake on.
    let mut drop_by_drop = authority.connect(gatekeeper.line_tls());
    drop_by_drop.conn.writer().write_all(b"|START|COMMAND=LIST|END|").expect("room");
    let mut records = Vec::new();
    while drop_by_drop.conn.wants_write() {
        drop_by_drop.conn.write_tls(&mut records).expect("memory");
    }
    for byte in records {
        drop_by_drop.sock.write_all(&[byte]).expect("the daemon reads");
    }
    assert!(line_client(drop_by_drop).reply().starts_with("REPLY=OK|COUNT=5|"));
}

#[test]
fn what_comes_together_with_the_end_of_the_handshake_is_not_lost() {
    let authority = Authority::new();
    let gatekeeper = Gatekeeper::with(&authority.sections(""), DEMO_DEVICES);
    for version in [&TLS12, &TLS13] {
        let trusting = authority.trusting(&[version], None);
        let words = b"|START|COMMAND=LIST|END|";
        let secured = shake_hands_saying(gatekeeper.line_tls(), trusting, words).expect("a good handshake");
        assert!(line_client(secured).reply().starts_with("REPLY=OK|COUNT=5|"));
    }
}

#[test]
fn much_passes_whole_both_ways_at_once() {
    const MESSAGES: usize = 400;
    let authority = Authority::new();
    let limits = r#""limits": {"outbox_messages": 10000, "outbox_bytes": 268435456},"#;
    let gatekeeper = Gatekeeper::with(&format!("{}{limits}", authority.sections("")), DEMO_DEVICES);
    let secured = authority.connect(gatekeeper.mqtt_tls());
    let mut outgoing = bytes(&[Packet::Connect(Box::new(connect("busy"))), subscribe("t")]);
    for number in 0..MESSAGES {
        let text = format!("{number} {}", "x".repeat(60_000));
        outgoing.extend(bytes(&[Packet::Publish(publish("t", &text))]));
    }
    let mut heard = 0;
    both_ways(secured, &outgoing, |packet| {
        if let Packet::Publish(publish) = packet {
            let number = heard.to_string();
            assert!(
                publish.payload.starts_with(number.as_bytes())
                    && publish.payload.len() == 60_001 + number.len()
            );
            heard += 1;
        }
        heard == MESSAGES
    });
}

/// Sends all of it and takes packets until `is_last`, both whenever the socket lets it.
fn both_ways(mut secured: Secured, outgoing: &[u8], mut is_last: impl FnMut(Packet) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    secured.sock.set_nonblocking(true).expect("a socket");
    let (mut sent, mut input) = (0, Vec::new());
    loop {
        assert!(Instant::now() < deadline, "{sent} of {} bytes were taken", outgoing.len());
        if sent < outgoing.len() {
            sent += secured.conn.writer().write(&outgoing[sent..]).expect("memory");
        }
        let mut flags = PollFlags::POLLIN;
        flags.set(PollFlags::POLLOUT, secured.conn.wants_write());
        poll(&mut [PollFd::new(secured.sock.as_fd(), flags)], PollTimeout::from(20_000_u16))
            .expect("a socket");
        for result in [secured.conn.write_tls(&mut secured.sock), secured.conn.read_tls(&mut secured.sock)] {
            assert!(result.is_ok() || result.is_err_and(|error| error.kind() == ErrorKind::WouldBlock));
        }
        secured.conn.process_new_packets().expect("good records");
        let mut chunk = [0; 16 << 10];
        while let Ok(read) = secured.conn.reader().read(&mut chunk) {
            assert!(read > 0, "the daemon has closed");
            input.extend_from_slice(&chunk[..read]);
        }
        while let Split::Packet { frame, length } = split(&input, usize::MAX).expect("good packets") {
            let packet = decode(&frame, Version::V5).expect("a good packet");
            input.drain(..length);
            if is_last(packet) {
                return;
            }
        }
    }
}

#[test]
fn large_messages_pass_whole_in_secured_websockets() {
    let authority = Authority::new();
    let gatekeeper = Gatekeeper::with(&authority.sections(""), DEMO_DEVICES);
    let http = gatekeeper.http_tls();
    let mut client = websocket_client(http, authority.connect(http), "large");
    client.subscribe("t");
    for size in [1, 4000, 16_384, 65_000] {
        let text: String = ('a'..='z').cycle().take(size).collect();
        client.send(&[Packet::Publish(publish("t", &text))]);
        assert!(client.message().1 == text, "{size} bytes");
    }
}

#[test]
fn who_does_not_read_is_disconnected_and_nobody_else_waits() {
    let authority = Authority::new();
    let sections = authority.sections("") + r#""limits": {"outbox_messages": 100},"#;
    let gatekeeper = Gatekeeper::with(&sections, DEMO_DEVICES);
    let http = gatekeeper.http_tls();
    for kind in ["mqtt", "websocket"] {
        let mut sleepy = None;
        let mut page = None;
        match kind {
            "mqtt" => {
                let client = sleepy.insert(mqtt_client(authority.connect(gatekeeper.mqtt_tls()), "sleepy"));
                client.subscribe("t");
            }
            _ => page.insert(websocket_client(http, authority.connect(http), "sleepy")).subscribe("t"),
        }
        let mut publisher = MqttClient::connect(gatekeeper.mqtt(), "publisher");
        let counters = gatekeeper.running().shared().counters.clone();
        let before = counters.too_slow.value();
        let (payload, deadline) = ("x".repeat(50_000), Instant::now() + PATIENCE);
        while counters.too_slow.value() == before {
            publisher.publish(publish("t", &payload));
            assert!(Instant::now() < deadline, "it is still there");
        }
        publisher.subscribe("pi/nodes/sleepy/status");
        while publisher.message_on("pi/nodes/sleepy/status") != "offline" {}
    }
}
