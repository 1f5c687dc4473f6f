//! Packets that break the standard: what the client gets, and that the daemon and everybody else go on.

use gpio_gatekeeper::wire::mqtt::ReasonCode::{
    self, MalformedPacket, PacketTooLarge, ProtocolError, TopicAliasInvalid, TopicFilterInvalid,
    TopicNameInvalid, UnsupportedProtocolVersion,
};
use gpio_gatekeeper::wire::mqtt::{Packet, Version};

use super::support::Gatekeeper;
use super::support::mqtt::{MqttClient, connect};

/// Bytes from hexadecimal digits.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16).expect("two");
    digits.chunks(2).map(byte).collect()
}

/// A packet of this type and flags, with this body.
fn packet(first: u8, body: &str) -> Vec<u8> {
    let body = hex(body);
    let length = u8::try_from(body.len()).expect("a short one");
    [&[first, length], &body[..]].concat()
}

fn is_alive(client: &mut MqttClient) -> bool {
    client.send(&Packet::Pingreq);
    client.receive() == Packet::Pingresp
}

// [MQTT-3.1.4-1] [MQTT-3.2.2-7] [MQTT-4.13.1-1] [MQTT-4.13.2-1]
#[test]
fn a_wrong_connect_is_answered_with_its_reason() {
    let gatekeeper = Gatekeeper::start();
    let mut other = MqttClient::connect(gatekeeper.mqtt(), "other");
    for (name, body, reason) in CONNECTS {
        let mut client = MqttClient::open(gatekeeper.mqtt(), Version::V5);
        client.raw(&packet(0x10, body));
        match client.receive() {
            Packet::Connack(connack) => {
                // [MQTT-3.2.2-6]
                assert_eq!((connack.reason, connack.session_present), (*reason, false), "{name}");
            }
            other => panic!("{name}: {other:?}"),
        }
        assert_eq!(client.next(), None, "{name}");
        assert!(is_alive(&mut other), "{name}");
    }
}

#[rustfmt::skip]
const CONNECTS: &[(&str, &str, ReasonCode)] = &[
    ("3.1.2-1 another name", "0004 4d515458 05 02 0000 00 0000", UnsupportedProtocolVersion),
    ("3.1.2-2 level 6", "0004 4d515454 06 02 0000 00 0000", UnsupportedProtocolVersion),
    ("3.1.2-3 reserved flag", "0004 4d515454 05 03 0000 00 0000", MalformedPacket),
    ("3.1.2-9 no will", "0004 4d515454 05 06 0000 00 0000", MalformedPacket),
    ("3.1.2-11 will QoS without will", "0004 4d515454 05 0a 0000 00 0000", MalformedPacket),
    ("3.1.2-12 will QoS 3", "0004 4d515454 05 1e 0000 00 0000 00 0001 61 0000", MalformedPacket),
    ("3.1.2-13 will retain without will", "0004 4d515454 05 22 0000 00 0000", MalformedPacket),
    ("3.1.2-16 a user name without its flag", "0004 4d515454 05 02 0000 00 0000 0001 61", MalformedPacket),
    ("3.1.2-17 no user name", "0004 4d515454 05 82 0000 00 0000", MalformedPacket),
    ("3.1.2-18 a password without its flag", "0004 4d515454 05 82 0000 00 0000 0001 61 0001 62", MalformedPacket),
    ("3.1.2-19 no password", "0004 4d515454 05 c2 0000 00 0000 0001 61", MalformedPacket),
    ("3.1.3-1 a will behind the user name", "0004 4d515454 05 86 0000 00 0000 0001 61 00 0001 62 0000", MalformedPacket),
    ("3.1.3-3 no client id", "0004 4d515454 05 02 0000 00", MalformedPacket),
    ("3.1.3-4 client id is not UTF-8", "0004 4d515454 05 02 0000 00 0001 ff", MalformedPacket),
    ("3.1.3-11 will topic is not UTF-8", "0004 4d515454 05 06 0000 00 0000 00 0001 ff 0000", MalformedPacket),
    ("3.1.3-12 user name is not UTF-8", "0004 4d515454 05 82 0000 00 0000 0001 ff", MalformedPacket),
    ("4.7.0-1 will topic with a wildcard", "0004 4d515454 05 06 0000 00 0000 00 0001 23 0000", TopicNameInvalid),
    ("section 3.1.2.11.3: receive maximum 0", "0004 4d515454 05 02 0000 03 21 0000 0000", ProtocolError),
    ("section 3.1.2.11.4: maximum packet size 0", "0004 4d515454 05 02 0000 05 27 00000000 0000", ProtocolError),
    ("section 3.1.2.11.2: session expiry twice", "0004 4d515454 05 02 0000 0a 11 00000000 11 00000000 0000", ProtocolError),
    ("section 2.2.2.2: a property of PUBLISH", "0004 4d515454 05 02 0000 03 23 0001 0000", MalformedPacket),
];

// [MQTT-4.13.1-1] [MQTT-4.13.2-1]
#[test]
fn a_wrong_packet_ends_the_connection_with_its_reason() {
    let gatekeeper = Gatekeeper::start();
    let mut other = MqttClient::connect(gatekeeper.mqtt(), "other");
    for (name, first, body, reason) in PACKETS {
        let mut client = MqttClient::connect(gatekeeper.mqtt(), "clumsy");
        // What follows is not looked at.
        client.raw(&[packet(*first, body), packet(0xC0, "")].concat());
        match client.receive() {
            Packet::Disconnect(disconnect) => assert_eq!(disconnect.reason, *reason, "{name}"),
            other => panic!("{name}: {other:?}"),
        }
        // [MQTT-3.14.4-1] [MQTT-3.14.4-2]
        assert_eq!(client.next(), None, "{name}");
        assert!(is_alive(&mut other), "{name}");
    }
}

#[rustfmt::skip]
const PACKETS: &[(&str, u8, &str, ReasonCode)] = &[
    // Fixed headers
    ("section 2.1.2: type 0", 0x00, "", MalformedPacket),
    ("2.1.3-1 PUBACK", 0x41, "0001", MalformedPacket),
    ("2.1.3-1 PINGREQ", 0xc1, "", MalformedPacket),
    ("3.3.1-2 QoS 0 repeated", 0x38, "0001 61 00", MalformedPacket),
    ("3.3.1-4 QoS 3", 0x36, "0001 61 0001 00", MalformedPacket),
    ("3.6.1-1 PUBREL", 0x60, "0001", MalformedPacket),
    ("3.8.1-1 SUBSCRIBE", 0x80, "0001 00 0001 61 00", MalformedPacket),
    ("3.10.1-1 UNSUBSCRIBE", 0xa0, "0001 00 0001 61", MalformedPacket),
    ("3.14.1-1 DISCONNECT", 0xe1, "", MalformedPacket),
    ("3.15.1-1 AUTH", 0xf1, "18 04 15 0001 61", MalformedPacket),
    // Packets that do not belong there
    ("3.1.0-2 a second CONNECT", 0x10, "0004 4d515454 05 02 003c 00 0002 6d65", ProtocolError),
    ("3.1.0-2 a second CONNECT that is wrong besides", 0x10, "0004 4d515454 06", ProtocolError),
    ("section 3.2: CONNACK", 0x20, "00 00 00", ProtocolError),
    ("section 3.9: SUBACK", 0x90, "0001 00 00", ProtocolError),
    ("section 3.11: UNSUBACK", 0xb0, "0001 00 00", ProtocolError),
    ("section 3.13: PINGRESP", 0xd0, "", ProtocolError),
    ("4.12.0-7 AUTH", 0xf0, "18 04 15 0001 61", ProtocolError),
    ("3.15.2-1 AUTH with a foreign reason code", 0xf0, "80 04 15 0001 61", ProtocolError),
    // PUBLISH
    ("1.5.4-1 surrogate", 0x30, "0003 eda080 00", MalformedPacket),
    ("1.5.4-2 U+0000", 0x30, "0001 00 00", MalformedPacket),
    ("1.5.5-1 integer with too many bytes", 0x30, "0001 61 8000", MalformedPacket),
    ("1.5.7-1 user property is not UTF-8", 0x30, "0001 61 06 26 0001 c0 0000", MalformedPacket),
    ("2.2.2-1 no property length", 0x30, "0001 61", MalformedPacket),
    ("section 2.2.2.2: a property of CONNECT", 0x30, "0001 61 03 21 0001", MalformedPacket),
    ("section 1.5.4: string beyond the packet", 0x30, "0009 61", MalformedPacket),
    ("2.2.1-3 identifier 0", 0x32, "0001 61 0000 00", ProtocolError),
    ("3.3.2-1 topic is not UTF-8", 0x30, "0001 ff 00", MalformedPacket),
    ("3.3.2-2 wildcard", 0x30, "0003 612f2b 00", TopicNameInvalid),
    ("4.7.3-1 neither topic nor alias", 0x30, "0000 00", ProtocolError),
    ("3.3.2-8 alias 0", 0x30, "0001 61 03 23 0000", TopicAliasInvalid),
    ("3.3.2-9 alias above the maximum", 0x30, "0001 61 03 23 0021", TopicAliasInvalid),
    ("3.3.2-7 alias that means nothing", 0x30, "0000 03 23 0001", ProtocolError),
    ("3.3.2-13 response topic is not UTF-8", 0x30, "0001 61 04 08 0001 ff", MalformedPacket),
    ("3.3.2-14 wildcard in the response topic", 0x30, "0001 61 04 08 0001 23", TopicNameInvalid),
    ("3.3.2-19 content type is not UTF-8", 0x30, "0001 61 04 03 0001 ff", MalformedPacket),
    ("3.3.4-6 subscription identifier", 0x30, "0001 61 02 0b 01", ProtocolError),
    ("section 3.3.2.3.2: payload format 2", 0x30, "0001 61 02 01 02", ProtocolError),
    ("section 3.3.2.3.3: message expiry twice", 0x30, "0001 61 0a 02 00000001 02 00000001", ProtocolError),
    // Acknowledgements
    ("2.2.1-3 PUBACK 0", 0x40, "0000", ProtocolError),
    ("3.4.2-1 foreign reason code", 0x40, "0001 92", ProtocolError),
    ("3.5.2-1 foreign reason code", 0x50, "0001 01", ProtocolError),
    ("3.6.2-1 foreign reason code", 0x62, "0001 87", ProtocolError),
    ("3.7.2-1 foreign reason code", 0x70, "0001 80", ProtocolError),
    // SUBSCRIBE and UNSUBSCRIBE
    ("2.2.1-3 SUBSCRIBE 0", 0x82, "0000 00 0001 61 00", ProtocolError),
    ("3.8.3-1 filter is not UTF-8", 0x82, "0001 00 0001 ff 00", MalformedPacket),
    ("3.8.3-2 no filter", 0x82, "0001 00", ProtocolError),
    ("3.8.3-4 No Local on a shared subscription", 0x82, "0001 00 000a 24736861 72652f67 2f61 04", ProtocolError),
    ("3.8.3-5 reserved bits", 0x82, "0001 00 0001 61 40", MalformedPacket),
    ("section 3.8.3.1: QoS 3", 0x82, "0001 00 0001 61 03", ProtocolError),
    ("section 3.8.3.1: retain handling 3", 0x82, "0001 00 0001 61 30", ProtocolError),
    ("section 3.8.2.1.2: subscription identifier 0", 0x82, "0001 02 0b00 0001 61 00", ProtocolError),
    ("4.7.1-1 # inside", 0x82, "0001 00 0003 232f61 00", TopicFilterInvalid),
    ("4.7.1-2 + inside a level", 0x82, "0001 00 0002 612b 00", TopicFilterInvalid),
    ("4.7.3-1 empty filter", 0x82, "0001 00 0000 00", TopicFilterInvalid),
    ("4.7.3-2 U+0000", 0x82, "0001 00 0001 00 00", MalformedPacket),
    ("3.10.3-1 filter is not UTF-8", 0xa2, "0001 00 0001 80", MalformedPacket),
    ("3.10.3-2 no filter", 0xa2, "0001 00", ProtocolError),
    // The end
    ("section 3.12: PINGREQ with a body", 0xc0, "00", MalformedPacket),
    ("3.14.2-1 foreign reason code", 0xe0, "84", ProtocolError),
    ("section 3.14.2.2.2: an expiry where there was none", 0xe0, "00 05 11 00000005", ProtocolError),
];

#[test]
fn what_can_not_be_measured_is_refused_at_once() {
    let gatekeeper = Gatekeeper::start();
    for (name, bytes, reason) in [
        // [MQTT-1.5.5-1]
        ("a length of five bytes", &[0x30, 0xFF, 0xFF, 0xFF, 0xFF][..], MalformedPacket),
        ("a length that is not minimal", &[0xC0, 0x80, 0x00], MalformedPacket),
        // [MQTT-3.2.2-15] It is refused before it has come.
        ("a packet above the maximum", &[0x30, 0xFF, 0xFF, 0xFF, 0x7F], PacketTooLarge),
    ] {
        let mut client = MqttClient::connect(gatekeeper.mqtt(), "clumsy");
        client.raw(bytes);
        assert!(matches!(client.receive(), Packet::Disconnect(bye) if bye.reason == reason), "{name}");
        assert_eq!(client.next(), None, "{name}");
    }
}

// [MQTT-3.1.0-1] [MQTT-3.14.0-1]
#[test]
fn what_is_no_connect_is_not_answered() {
    let gatekeeper = Gatekeeper::start();
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xC0, 0], &[0xFF; 64], &[0x10, 0xFF, 0xFF, 0xFF, 0x7F]] {
        let mut client = MqttClient::open(gatekeeper.mqtt(), Version::V5);
        client.raw(bytes);
        assert_eq!(client.next(), None, "{bytes:?}");
    }
}

// [MQTT-3.1.4-6]
#[test]
fn what_follows_a_refused_connect_is_not_looked_at() {
    let gatekeeper = Gatekeeper::start();
    let mut watcher = MqttClient::connect(gatekeeper.mqtt(), "watcher");
    watcher.subscribe("t");
    let mut client = MqttClient::open(gatekeeper.mqtt(), Version::V5);
    let wrong = packet(0x10, "0004 4d515454 05 03 0000 00 0000");
    client.raw(&[wrong, packet(0x30, "0001 74 00 78")].concat());
    assert!(matches!(client.receive(), Packet::Connack(connack) if connack.reason == MalformedPacket));
    assert_eq!(client.next(), None);
    assert!(is_alive(&mut watcher), "and no message came");
    let (_, connack) = MqttClient::connect_with(gatekeeper.mqtt(), connect("other"));
    assert_eq!(connack.reason, ReasonCode::Success);
}
