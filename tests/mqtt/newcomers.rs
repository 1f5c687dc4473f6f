//! Connections that have not introduced themselves: they keep nobody out, and hold nothing up.

use gpio_gatekeeper::wire::mqtt::{Packet, ReasonCode, Version};

use super::support::line::LineClient;
use super::support::mqtt::{MqttClient, connect};
use super::support::{DEMO_DEVICES, Gatekeeper};

/// There may be so many, where there are fewer seats than that.
const NEWCOMERS: usize = 64;

fn silent(gatekeeper: &Gatekeeper) -> MqttClient {
    MqttClient::open(gatekeeper.mqtt(), Version::V5)
}

#[test]
fn who_says_nothing_keeps_nobody_out() {
    let gatekeeper = Gatekeeper::with(r#""limits": {"clients": 2},"#, DEMO_DEVICES);
    let mut oldest = silent(&gatekeeper);
    let mut others: Vec<_> = (0..NEWCOMERS).map(|_| silent(&gatekeeper)).collect();
    let mut first = MqttClient::connect(gatekeeper.mqtt(), "first");
    assert_eq!(oldest.next(), None, "it had to go");
    // The youngest is still there, and may introduce itself now.
    let mut youngest = others.pop().expect("there are many");
    youngest.send(&Packet::Connect(Box::new(connect("youngest"))));
    assert!(matches!(youngest.receive(), Packet::Connack(connack) if connack.reason == ReasonCode::Success));
    let (_, connack) = MqttClient::connect_with(gatekeeper.mqtt(), connect("third"));
    assert_eq!(connack.reason, ReasonCode::ServerBusy, "two have introduced themselves");
    first.send(&Packet::Pingreq);
    assert_eq!(first.receive(), Packet::Pingresp);
}

#[test]
fn who_is_silent_over_the_line_protocol_is_told_why_it_has_to_go() {
    let gatekeeper = Gatekeeper::with(r#""limits": {"clients": 2},"#, DEMO_DEVICES);
    let mut oldest = LineClient::connect(gatekeeper.line());
    let _others: Vec<_> = (0..NEWCOMERS).map(|_| LineClient::connect(gatekeeper.line())).collect();
    let goodbye = oldest.receive();
    assert!(goodbye.starts_with("EVENT=CLOSING|CODE=TOO_MANY_CLIENTS|"), "{goodbye}");
    LineClient::patient(gatekeeper.line()).expect("COMMAND=STATUS", "REPLY=OK|CLIENTS=1");
}

#[test]
fn at_a_stop_they_are_let_go() {
    let mut gatekeeper = Gatekeeper::start();
    let mut newcomer = silent(&gatekeeper);
    let mut halfway = silent(&gatekeeper);
    halfway.raw(&[0x10, 13, 0, 4, b'M']);
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    assert!(gatekeeper.stop());
    assert_eq!((newcomer.next(), halfway.next()), (None, None));
    assert!(
        matches!(client.receive(), Packet::Disconnect(bye) if bye.reason == ReasonCode::ServerShuttingDown)
    );
}

#[test]
fn who_does_not_introduce_itself_in_time_is_closed() {
    let gatekeeper = Gatekeeper::with(r#""limits": {"connect_time": "1s"},"#, DEMO_DEVICES);
    let mut quiet = silent(&gatekeeper);
    let mut slow = silent(&gatekeeper);
    slow.raw(&[0x10, 13, 0, 4, b'M']);
    assert_eq!((quiet.next(), slow.next()), (None, None));
}
