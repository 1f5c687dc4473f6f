//! MQTT in WebSockets: what is agreed on, how packets come and go, and how it ends.

use std::io::{Read, Write};

use gpio_gatekeeper::wire::mqtt::{Disconnect, Packet, Properties, ReasonCode};
use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, Frame};
use tungstenite::protocol::{Role, WebSocket};
use tungstenite::{Bytes, Message};

use super::support::http::{ask, open};
use super::support::line::LineClient;
use super::support::mqtt::{MqttClient, connect, publish, will};
use super::support::websocket::{WebSocketClient, bytes, request, request_bytes, request_with, subscribe};
use super::support::{DEMO_DEVICES, Gatekeeper};

const MQTT: (&str, &str) = ("Sec-WebSocket-Protocol", "mqtt");

#[test]
fn a_device_is_driven_and_seen_through_a_websocket() {
    let gatekeeper = Gatekeeper::start();
    let mut client = WebSocketClient::connect(gatekeeper.http(), "page");
    client.subscribe("pi/devices/led/state");
    assert!(client.message().1.contains(r#""value":0"#));
    client.send(&[Packet::Publish(publish("pi/devices/led/set", "ON"))]);
    assert!(client.message().1.contains(r#""value":1"#));
    client.subscribe("pi/logs/audit");
    client.send(&[Packet::Publish(publish("pi/devices/led/set", "OFF"))]);
    let audit = loop {
        let (topic, text) = client.message();
        if topic == "pi/logs/audit" {
            break text;
        }
    };
    assert!(audit.contains(r#""protocol":"websocket""#), "{audit}");
    let counters = &gatekeeper.running().shared().counters;
    assert_eq!((counters.websocket.clients.value(), counters.mqtt.clients.value()), (1, 0));
    assert!(counters.websocket.publishes_received.value() >= 2);
}

// [MQTT-6.0.0-3..4]
#[test]
fn the_subprotocol_has_to_be_offered() {
    let gatekeeper = Gatekeeper::start();
    let http = gatekeeper.http();
    for offered in [&[][..], &[("Sec-WebSocket-Protocol", "chat")], &[("Sec-WebSocket-Protocol", "mqttv3.1")]]
    {
        let (status, why) = WebSocketClient::open(http, request_with(http, offered)).err().expect("refused");
        assert!(status == 400 && why.contains("subprotocol mqtt"), "{status} {why}");
    }
    let several = request_with(http, &[("Sec-WebSocket-Protocol", "mqttv3.1, mqtt")]);
    assert!(WebSocketClient::open(http, several).is_ok());
}

#[test]
fn what_is_no_websocket_is_told_what_it_should_be() {
    let gatekeeper = Gatekeeper::start();
    let http = gatekeeper.http();
    let plain = ask(http, "GET /mqtt HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!((plain.status, plain.header("Upgrade")), (426, Some("websocket")));
    let good = request_bytes(http);
    let old = ask(http, &good.replace("Version: 13", "Version: 8"));
    assert_eq!((old.status, old.header("Sec-WebSocket-Version")), (426, Some("13")));
    for (header, broken) in [("Sec-WebSocket-Key: ", "Sec-WebSocket-Key: x"), ("Connection: Upgrade", "X: y")]
    {
        assert_eq!(ask(http, &good.replace(header, broken)).status, 400, "{broken}");
    }
}

#[test]
fn pages_of_other_hosts_are_refused() {
    let sections = r#""http": {"listen": "127.0.0.1:0", "origins": ["https://panel.example"]},"#;
    let gatekeeper = Gatekeeper::with(sections, DEMO_DEVICES);
    let http = gatekeeper.http();
    for origin in ["http://evil.example", "null", "http://localhost.evil.example"] {
        let request = request_with(http, &[MQTT, ("Origin", origin)]);
        let (status, why) = WebSocketClient::open(http, request).err().expect("refused");
        assert!(status == 403 && why.contains("http.origins"), "{origin}: {status} {why}");
    }
    for origin in ["http://127.0.0.1:1880", "https://panel.example"] {
        assert!(
            WebSocketClient::open(http, request_with(http, &[MQTT, ("Origin", origin)])).is_ok(),
            "{origin}"
        );
    }
    // A name that its owner lets point here makes the page and the gatekeeper seem to be of one host.
    let rebound = request_with(http, &[MQTT, ("Origin", "http://evil.example"), ("Host", "evil.example")]);
    assert_eq!(WebSocketClient::open(http, rebound).err().expect("refused").0, 403);
}

#[test]
fn when_all_seats_are_taken_the_door_is_closed() {
    let gatekeeper = Gatekeeper::with(r#""limits": {"clients": 1},"#, DEMO_DEVICES);
    let _line = LineClient::patient(gatekeeper.line());
    let refused = WebSocketClient::open(gatekeeper.http(), request(gatekeeper.http()));
    assert_eq!(refused.err().expect("refused").0, 503);
}

// [MQTT-6.0.0-2]
#[test]
fn packets_may_be_split_over_messages_and_share_one() {
    let gatekeeper = Gatekeeper::start();
    let mut client =
        WebSocketClient::open(gatekeeper.http(), request(gatekeeper.http())).expect("a WebSocket");
    for byte in bytes(&[Packet::Connect(Box::new(connect("split")))]) {
        client.raw(&[byte]);
        client.raw(&[]);
    }
    client.expect_connack();
    let message = Packet::Publish(publish("t", "1"));
    client.send(&[subscribe("t"), message.clone(), message, Packet::Pingreq]);
    let mut came = [0; 3];
    for _ in 0..4 {
        came[match client.receive() {
            Packet::Suback(_) => 0,
            Packet::Publish(_) => 1,
            _ => 2,
        }] += 1;
    }
    assert_eq!(came, [1, 2, 1]);
}

#[test]
fn what_comes_with_the_request_is_not_lost() {
    let gatekeeper = Gatekeeper::start();
    let http = gatekeeper.http();
    // Masked with zeros, a frame has its payload as it is.
    let connect = bytes(&[Packet::Connect(Box::new(connect("hasty")))]);
    let mut all = request_bytes(http).into_bytes();
    all.extend([0x82, 0x80 | connect.len() as u8, 0, 0, 0, 0]);
    all.extend(&connect);
    let mut stream = open(http);
    stream.write_all(&all).expect("the daemon reads");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("an answer");
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    let mut socket = WebSocket::from_raw_socket(stream, Role::Client, None);
    let connack = socket.read().expect("a message").into_data();
    assert_eq!(connack[0], 0x20, "{connack:?}");
}

#[test]
fn messages_in_pieces_are_put_together_with_pings_in_between() {
    let gatekeeper = Gatekeeper::start();
    let mut client = WebSocketClient::connect(gatekeeper.http(), "pieces");
    client.subscribe("t");
    let packet = bytes(&[Packet::Publish(publish("t", "in three pieces"))]);
    let pieces =
        [(&packet[..3], Data::Binary), (&packet[3..9], Data::Continue), (&packet[9..], Data::Continue)];
    for (index, (piece, data)) in pieces.into_iter().enumerate() {
        let frame = Frame::message(piece.to_vec(), OpCode::Data(data), index == 2);
        client.socket.send(Message::Frame(frame)).expect("the daemon reads");
        client.socket.send(Message::Ping(Bytes::from_static(b"?"))).expect("the daemon reads");
    }
    assert_eq!(client.message(), ("t".to_owned(), "in three pieces".to_owned()));
    client.ping();
}

#[test]
fn a_ping_is_answered_without_any_packet() {
    let gatekeeper = Gatekeeper::start();
    let mut client =
        WebSocketClient::open(gatekeeper.http(), request(gatekeeper.http())).expect("a WebSocket");
    client.socket.send(Message::Ping(Bytes::from_static(b"there?"))).expect("the daemon reads");
    assert_eq!(client.socket.read().expect("an answer"), Message::Pong(Bytes::from_static(b"there?")));
}

// [MQTT-6.0.0-1]
#[test]
fn texts_and_what_is_too_large_or_against_the_rules_close_it() {
    let gatekeeper = Gatekeeper::with(
        r#""line": {"listen": null}, "mqtt": {"listen": "127.0.0.1:0", "maximum_packet": 4096},"#,
        DEMO_DEVICES,
    );
    let unmasked = {
        // A server's frame, which no client may send.
        let mut bytes = Vec::new();
        let mut server = WebSocket::from_raw_socket(std::io::Cursor::new(&mut bytes), Role::Server, None);
        server.send(Message::binary(vec![0xC0, 0])).expect("written");
        bytes
    };
    for (send, code) in [
        (Message::text("hello"), CloseCode::Unsupported),
        (Message::binary(vec![0; 4096 + (16 << 10) + 1]), CloseCode::Size),
        (Message::Binary(Bytes::from(unmasked)), CloseCode::Protocol),
    ] {
        let mut client = WebSocketClient::connect(gatekeeper.http(), "careless");
        if code == CloseCode::Protocol {
            client.socket.get_mut().write_all(&send.into_data()).expect("the daemon reads");
        } else {
            client.socket.send(send).expect("the daemon reads");
        }
        assert_eq!(client.next(), Err(code));
        client.end();
    }
}

#[test]
fn a_close_without_a_goodbye_publishes_the_will() {
    let gatekeeper = Gatekeeper::start();
    let mut watcher = MqttClient::connect(gatekeeper.mqtt(), "watcher");
    watcher.subscribe("wills/#");
    for goodbye in [true, false] {
        let mut willing = connect("willing");
        willing.will = Some(will("wills/x", if goodbye { "wrong" } else { "right" }, false));
        let mut client = WebSocketClient::connect_with(gatekeeper.http(), willing);
        if goodbye {
            let disconnect = Disconnect { reason: ReasonCode::Success, properties: Properties::new() };
            client.send(&[Packet::Disconnect(disconnect)]);
        } else {
            let frame = CloseFrame { code: CloseCode::Away, reason: "gone".into() };
            client.socket.close(Some(frame)).expect("the daemon reads");
        }
        client.end();
    }
    assert_eq!(watcher.message_on("wills/x"), "right");
}

#[test]
fn a_client_without_websocket_takes_over_and_the_other_is_told() {
    let gatekeeper = Gatekeeper::start();
    let mut first = WebSocketClient::connect(gatekeeper.http(), "twin");
    let _second = MqttClient::connect(gatekeeper.mqtt(), "twin");
    match first.receive() {
        Packet::Disconnect(disconnect) => assert_eq!(disconnect.reason, ReasonCode::SessionTakenOver),
        other => panic!("{other:?}"),
    }
    assert_eq!(first.next(), Err(CloseCode::Normal));
    first.end();
}
