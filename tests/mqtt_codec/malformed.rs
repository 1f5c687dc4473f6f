//! Packets that break the standard, each named by its requirement, with the reason code they get.

use gpio_gatekeeper::wire::mqtt::ReasonCode::{
    self, MalformedPacket, PacketTooLarge, ProtocolError, TopicAliasInvalid, TopicFilterInvalid,
    TopicNameInvalid, UnsupportedProtocolVersion,
};
use gpio_gatekeeper::wire::mqtt::Version::{self, V3, V5};
use gpio_gatekeeper::wire::mqtt::{Split, split};

use crate::{hex, read};

#[test]
fn wrong_fixed_headers_are_refused_at_once() {
    #[rustfmt::skip]
    let table: &[(&str, &str, ReasonCode)] = &[
        ("section 2.1.2: type 0", "00", MalformedPacket),
        ("2.1.3-1 CONNECT", "11", MalformedPacket),
        ("2.1.3-1 CONNACK", "28", MalformedPacket),
        ("2.1.3-1 PUBACK", "42", MalformedPacket),
        ("2.1.3-1 PUBREC", "52", MalformedPacket),
        ("3.6.1-1 PUBREL", "60", MalformedPacket),
        ("2.1.3-1 PUBCOMP", "71", MalformedPacket),
        ("3.8.1-1 SUBSCRIBE", "80", MalformedPacket),
        ("2.1.3-1 SUBACK", "92", MalformedPacket),
        ("3.10.1-1 UNSUBSCRIBE", "a0", MalformedPacket),
        ("2.1.3-1 UNSUBACK", "b1", MalformedPacket),
        ("2.1.3-1 PINGREQ", "c4", MalformedPacket),
        ("2.1.3-1 PINGRESP", "d1", MalformedPacket),
        ("3.14.1-1 DISCONNECT", "e1", MalformedPacket),
        ("3.15.1-1 AUTH", "f2", MalformedPacket),
        ("3.3.1-4 QoS 3", "36", MalformedPacket),
        ("3.3.1-2 QoS 0 repeated", "38", MalformedPacket),
        ("1.5.5-1 not minimal", "30 80 00", MalformedPacket),
        ("1.5.5-1 not minimal, long", "30 85 80 80 00", MalformedPacket),
        ("section 1.5.5: five bytes", "30 ff ff ff ff", MalformedPacket),
        ("3.2.2-15 one byte too many", "30 63", PacketTooLarge),
        ("3.2.2-15 as large as can be", "30 ff ff ff 7f", PacketTooLarge),
    ];
    for (name, bytes, reason) in table {
        let error = split(&hex(bytes), 100).expect_err(name);
        assert_eq!(error.reason, *reason, "{name}: {error}");
    }
    assert_eq!(split(&hex("30 62"), 100), Ok(Split::NeedMore), "a packet of exactly the maximum");
}

#[test]
fn wrong_bodies_are_refused() {
    for (name, version, first, body, reason) in BODIES {
        let body = hex(body);
        let mut bytes = vec![*first, body.len() as u8];
        bytes.extend_from_slice(&body);
        let error = read(&bytes, *version).expect_err(name);
        assert_eq!(error.reason, *reason, "{name}: {error}");
        assert!(!error.what.ends_with('.'), "{name}: {error}");
    }
}

/// Name, version, first byte, body, reason.
#[rustfmt::skip]
const BODIES: &[(&str, Version, u8, &str, ReasonCode)] = &[
    // CONNECT
    ("3.1.2-1 another name", V5, 0x10, "0004 4d515458 05 02 0000 00 0000", UnsupportedProtocolVersion),
    ("3.1.2-1 MQIsdp", V5, 0x10, "0006 4d5149736470 03 02 0000 0000", UnsupportedProtocolVersion),
    ("3.1.2-2 level 6", V5, 0x10, "0004 4d515454 06 02 0000 00 0000", UnsupportedProtocolVersion),
    ("3.1.2-2 level 3", V5, 0x10, "0004 4d515454 03 02 0000 0000", UnsupportedProtocolVersion),
    ("3.1.2-3 reserved flag", V5, 0x10, "0004 4d515454 05 03 0000 00 0000", MalformedPacket),
    ("3.1.2-11 will QoS without will", V5, 0x10, "0004 4d515454 05 0a 0000 00 0000", MalformedPacket),
    ("3.1.2-12 will QoS 3", V5, 0x10, "0004 4d515454 05 1e 0000 00 0000 00 0001 61 0000", MalformedPacket),
    ("3.1.2-13 will retain without will", V5, 0x10, "0004 4d515454 05 22 0000 00 0000", MalformedPacket),
    ("3.1.2-9 no will", V5, 0x10, "0004 4d515454 05 06 0000 00 0000", MalformedPacket),
    ("3.1.2-16 a user name without its flag", V5, 0x10, "0004 4d515454 05 02 0000 00 0000 0001 61", MalformedPacket),
    ("3.1.2-17 no user name", V5, 0x10, "0004 4d515454 05 82 0000 00 0000", MalformedPacket),
    ("3.1.2-19 no password", V5, 0x10, "0004 4d515454 05 42 0000 00 0000", MalformedPacket),
    ("3.1.1: 3.1.2-22 password alone", V3, 0x10, "0004 4d515454 04 42 0000 0000 0000", MalformedPacket),
    ("3.1.3-4 client id is not UTF-8", V5, 0x10, "0004 4d515454 05 02 0000 00 0001 ff", MalformedPacket),
    ("3.1.3-3 no client id", V5, 0x10, "0004 4d515454 05 02 0000 00", MalformedPacket),
    ("3.1.3-11 will topic with wildcard", V5, 0x10, "0004 4d515454 05 06 0000 00 0000 00 0001 23 0000", TopicNameInvalid),
    ("3.1.2.11.3 receive maximum 0", V5, 0x10, "0004 4d515454 05 02 0000 03 21 0000 0000", ProtocolError),
    ("3.1.2.11.4 maximum packet size 0", V5, 0x10, "0004 4d515454 05 02 0000 05 27 00000000 0000", ProtocolError),
    ("3.1.2.11.6 request response information 2", V5, 0x10, "0004 4d515454 05 02 0000 02 19 02 0000", ProtocolError),
    ("3.1.2.11.7 request problem information 2", V5, 0x10, "0004 4d515454 05 02 0000 02 17 02 0000", ProtocolError),
    ("3.1.2.11.10 data without method", V5, 0x10, "0004 4d515454 05 02 0000 03 16 0000 0000", ProtocolError),
    ("3.1.2.11.2 session expiry twice", V5, 0x10, "0004 4d515454 05 02 0000 0a 11 00000000 11 00000000 0000", ProtocolError),
    ("2.2.2.2 will delay outside a will", V5, 0x10, "0004 4d515454 05 02 0000 05 18 00000000 0000", MalformedPacket),
    ("2.2.2.2 topic alias in a will", V5, 0x10, "0004 4d515454 05 06 0000 00 0000 03 23 0001 0001 61 0000", MalformedPacket),
    // CONNACK
    ("3.2.2-1 reserved flags", V5, 0x20, "02 00 00", MalformedPacket),
    ("3.2.2-6 session of a refused client", V5, 0x20, "01 87 00", ProtocolError),
    ("3.2.2-8 a foreign reason code", V5, 0x20, "00 10 00", ProtocolError),
    ("section 2.4: unknown reason code", V5, 0x20, "00 03 00", MalformedPacket),
    ("3.2.2.3.4 maximum QoS 2", V5, 0x20, "00 00 02 24 02", ProtocolError),
    ("3.1.1: return code 6", V3, 0x20, "00 06", MalformedPacket),
    ("3.1.1: 5.0's form", V3, 0x20, "00 00 00", MalformedPacket),
    // PUBLISH
    ("1.5.4-1 surrogate", V5, 0x30, "0003 eda080 00", MalformedPacket),
    ("1.5.4-2 U+0000", V5, 0x30, "0001 00 00", MalformedPacket),
    ("1.5.4-2 U+0000 in a property", V5, 0x30, "0001 61 04 03 0001 00", MalformedPacket),
    ("1.5.7-1 user property is not UTF-8", V5, 0x30, "0001 61 06 26 0001 c0 0000", MalformedPacket),
    ("3.3.2-2 wildcard", V5, 0x30, "0003 612f2b 00", TopicNameInvalid),
    ("4.7.3-1 empty topic in 3.1.1", V3, 0x30, "0000", TopicNameInvalid),
    ("3.3.2.1 neither topic nor alias", V5, 0x30, "0000 00", ProtocolError),
    ("2.2.1-3 identifier 0", V5, 0x32, "0001 61 0000 00", ProtocolError),
    ("2.2.1-3 no identifier", V3, 0x32, "0001 61", MalformedPacket),
    ("3.3.2-8 alias 0", V5, 0x30, "0001 61 03 23 0000", TopicAliasInvalid),
    ("3.3.2.3.4 alias twice", V5, 0x30, "0001 61 06 23 0001 23 0001", ProtocolError),
    ("3.3.2-14 wildcard in the response topic", V5, 0x30, "0001 61 04 08 0001 23", TopicNameInvalid),
    ("4.7.3-1 empty response topic", V5, 0x30, "0001 61 03 08 0000", TopicNameInvalid),
    ("3.3.2.3.8 subscription identifier 0", V5, 0x30, "0001 61 02 0b 00", ProtocolError),
    ("1.5.5-1 subscription identifier too long", V5, 0x30, "0001 61 03 0b 81 00", MalformedPacket),
    ("3.3.2.3.2 payload format 2", V5, 0x30, "0001 61 02 01 02", ProtocolError),
    ("2.2.2.2 receive maximum", V5, 0x30, "0001 61 03 21 0001", MalformedPacket),
    ("2.2.2.2 unknown property 4", V5, 0x30, "0001 61 02 04 00", MalformedPacket),
    ("2.2.2.2 unknown property 127", V5, 0x30, "0001 61 02 7f 00", MalformedPacket),
    ("2.2.2.2 unknown property 294", V5, 0x30, "0001 61 06 a602 0000 0000", MalformedPacket),
    ("2.2.2.1 property beyond the length", V5, 0x30, "0001 61 02 02 00000000", MalformedPacket),
    ("2.2.2.1 properties beyond the packet", V5, 0x30, "0001 61 09 01 00", MalformedPacket),
    ("2.2.2-1 no property length", V5, 0x30, "0001 61", MalformedPacket),
    ("1.5.4 string beyond the packet", V5, 0x30, "0009 61", MalformedPacket),
    // PUBACK and its like
    ("2.2.1-3 PUBACK 0", V5, 0x40, "0000", ProtocolError),
    ("3.4.2-1 foreign reason code", V5, 0x40, "0001 92", ProtocolError),
    ("3.5.2-1 foreign reason code", V5, 0x50, "0001 01", ProtocolError),
    ("3.6.2-1 foreign reason code", V5, 0x62, "0001 87", ProtocolError),
    ("3.7.2-1 foreign reason code", V5, 0x70, "0001 80", ProtocolError),
    ("3.4.2.2.2 reason string twice", V5, 0x40, "0001 00 06 1f 0000 1f 0000", ProtocolError),
    ("3.1.1: PUBACK with a reason", V3, 0x40, "0001 00", MalformedPacket),
    ("section 3.4: leftovers", V5, 0x40, "0001 00 00 00", MalformedPacket),
    // SUBSCRIBE and SUBACK
    ("2.2.1-3 SUBSCRIBE 0", V5, 0x82, "0000 00 0001 61 00", ProtocolError),
    ("3.8.3-2 no filter", V5, 0x82, "0001 00", ProtocolError),
    ("3.8.3-2 no filter in 3.1.1", V3, 0x82, "0001", ProtocolError),
    ("3.8.3-4 no local and shared", V5, 0x82, "0001 00 000a 24736861 72652f67 2f61 04", ProtocolError),
    ("3.8.3-5 reserved bits", V5, 0x82, "0001 00 0001 61 40", MalformedPacket),
    ("3.8.3.1 retain handling 3", V5, 0x82, "0001 00 0001 61 30", ProtocolError),
    ("3.8.3.1 QoS 3", V5, 0x82, "0001 00 0001 61 03", ProtocolError),
    ("3.1.1: 3-8.3-4 options of 5.0", V3, 0x82, "0001 0001 61 04", MalformedPacket),
    ("3.8.2.1.2 subscription identifier twice", V5, 0x82, "0001 04 0b01 0b02 0001 61 00", ProtocolError),
    ("3.8.2.1.2 subscription identifier 0", V5, 0x82, "0001 02 0b00 0001 61 00", ProtocolError),
    ("4.7.1-1 # inside", V5, 0x82, "0001 00 0003 232f61 00", TopicFilterInvalid),
    ("4.7.1-2 + inside a level", V5, 0x82, "0001 00 0002 612b 00", TopicFilterInvalid),
    ("4.7.3-1 empty filter", V5, 0x82, "0001 00 0000 00", TopicFilterInvalid),
    ("4.8.2-1 no group", V5, 0x82, "0001 00 0009 24736861 72652f2f 61 00", TopicFilterInvalid),
    ("3.8.3 no options", V5, 0x82, "0001 00 0001 61", MalformedPacket),
    ("3.9.3-2 foreign reason code", V5, 0x90, "0001 00 11", ProtocolError),
    ("3.8.4-6 no reason code", V5, 0x90, "0001 00", ProtocolError),
    ("3.1.1: 3.9.3-2 return code", V3, 0x90, "0001 87", MalformedPacket),
    // UNSUBSCRIBE and UNSUBACK
    ("3.10.3-2 no filter", V5, 0xa2, "0001 00", ProtocolError),
    ("3.10.3-1 filter is not UTF-8", V5, 0xa2, "0001 00 0001 80", MalformedPacket),
    ("3.11.3-2 foreign reason code", V5, 0xb0, "0001 00 01", ProtocolError),
    ("3.11.3-1 no reason code", V5, 0xb0, "0001 00", ProtocolError),
    ("3.1.1: UNSUBACK with codes", V3, 0xb0, "0001 00", MalformedPacket),
    // The rest
    ("section 3.12: PINGREQ with a body", V5, 0xc0, "00", MalformedPacket),
    ("section 3.13: PINGRESP with a body", V3, 0xd0, "00", MalformedPacket),
    ("3.14.2-1 foreign reason code", V5, 0xe0, "84", ProtocolError),
    ("2.2.2.2 receive maximum in DISCONNECT", V5, 0xe0, "00 03 21 0001", MalformedPacket),
    ("3.1.1: DISCONNECT with a body", V3, 0xe0, "00", MalformedPacket),
    ("3.15.2-1 foreign reason code", V5, 0xf0, "80 04 15 0001 61", ProtocolError),
    ("3.15.2.2.2 no method", V5, 0xf0, "18 00", ProtocolError),
    ("3.15.2.2.3 data without method", V5, 0xf0, "18 03 16 0000", ProtocolError),
    ("3.15.2.2.1 no property length", V5, 0xf0, "18", MalformedPacket),
    ("3.1.1: AUTH", V3, 0xf0, "", MalformedPacket),
];
