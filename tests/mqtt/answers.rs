//! Answers: what stands in them, what is left out of them, and how large they may be.

use std::num::NonZeroU32;

use gpio_gatekeeper::wire::mqtt::{
    Connack, Connect, Packet, Properties, Property, QoS, ReasonCode, Subscribe, SubscribeOptions, TopicFilter,
};

use super::support::Gatekeeper;
use super::support::mqtt::{MqttClient, connect, publish};

/// A CONNECT of a client that takes packets of so many bytes.
fn taking(bytes: u32) -> Connect {
    let maximum = NonZeroU32::new(bytes).expect("not 0");
    Connect { properties: Properties::new().with(Property::MaximumPacketSize(maximum)), ..connect("small") }
}

fn open(gatekeeper: &Gatekeeper, connect: Connect) -> (MqttClient, Connack) {
    MqttClient::connect_with(gatekeeper.mqtt(), connect)
}

/// The reason of the DISCONNECT that comes next, and its words.
fn dismissed(client: &mut MqttClient) -> (ReasonCode, Option<String>) {
    match client.receive() {
        Packet::Disconnect(disconnect) => {
            assert_eq!(client.next(), None);
            assert_eq!(disconnect.properties.session_expiry(), None); // [MQTT-3.14.2-2]
            (disconnect.reason, disconnect.properties.reason_string().map(str::to_owned))
        }
        other => panic!("{other:?}"),
    }
}

// [MQTT-3.1.2-29]
#[test]
fn who_wants_no_words_gets_them_only_with_what_ends_the_connection() {
    let gatekeeper = Gatekeeper::start();
    let properties = Properties::new().with(Property::RequestProblemInformation(false));
    let quiet = Connect { properties, ..connect("quiet") };
    let (mut client, _) = open(&gatekeeper, quiet.clone());
    let refused = client.publish(publish("pi/devices/led/set", "7"));
    assert_eq!((refused.reason, refused.properties.is_empty()), (ReasonCode::PayloadFormatInvalid, true));
    client.send(&Packet::Pingresp);
    assert!(dismissed(&mut client).1.is_some());
    let (_, connack) = open(&gatekeeper, Connect { client_id: "a/b".into(), ..quiet });
    assert!(connack.properties.reason_string().is_some());
}

// [MQTT-3.4.2-2] [MQTT-3.5.2-2] [MQTT-3.14.2-3]
#[test]
fn words_that_do_not_fit_are_left_out() {
    let gatekeeper = Gatekeeper::start();
    let (mut client, _) = open(&gatekeeper, taking(32));
    let refused = client.publish(publish("pi/devices/led/set", "7"));
    assert_eq!((refused.reason, refused.properties.is_empty()), (ReasonCode::PayloadFormatInvalid, true));
    client.send(&Packet::Pingresp);
    assert_eq!(dismissed(&mut client), (ReasonCode::ProtocolError, None));
}

// [MQTT-3.2.2-19] [MQTT-3.1.2-24]
#[test]
fn a_connack_that_does_not_fit_is_shortened_or_refused() {
    let gatekeeper = Gatekeeper::start();
    let mut asking = taking(32);
    asking.properties.push(Property::RequestResponseInformation(true));
    let (mut client, connack) = open(&gatekeeper, asking);
    assert_eq!((connack.reason, connack.properties.response_information()), (ReasonCode::Success, None));
    client.send(&Packet::Pingreq);
    assert_eq!(client.receive(), Packet::Pingresp);
    let (_, connack) = open(&gatekeeper, Connect { client_id: "a/b".into(), ..taking(32) });
    assert_eq!(connack.reason, ReasonCode::ClientIdentifierNotValid);
    assert!(connack.properties.is_empty());
    let (mut client, connack) = open(&gatekeeper, taking(10));
    assert_eq!((connack.reason, client.next()), (ReasonCode::PacketTooLarge, None));
    let mut client = MqttClient::open(gatekeeper.mqtt(), connect("").version);
    client.send(&Packet::Connect(Box::new(taking(4))));
    assert_eq!(client.next(), None, "there is nothing so small to say");
}

// [MQTT-3.1.2-24]
#[test]
fn an_answer_that_can_not_be_given_ends_the_connection() {
    let gatekeeper = Gatekeeper::start();
    let (mut client, _) = open(&gatekeeper, taking(32));
    let packet_id = client.packet_id();
    let options = SubscribeOptions::plain(QoS::AtMostOnce);
    let filters = (0..40).map(|n| (TopicFilter::parse(&n.to_string()).expect("valid"), options)).collect();
    client.send(&Packet::Subscribe(Subscribe { packet_id, properties: Properties::new(), filters }));
    assert_eq!(dismissed(&mut client), (ReasonCode::PacketTooLarge, None));
}
