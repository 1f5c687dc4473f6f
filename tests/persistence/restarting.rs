//! What is there again after a restart, and what is not.

use std::os::unix::fs::PermissionsExt;

use gpio_gatekeeper::wire::mqtt::{
    Connect, Disconnect, Packet, Properties, Property, Publish, QoS, ReasonCode, RetainHandling,
    SubscribeOptions, Version,
};

use super::life::{
    State, acknowledge, going_on, kill, message, open, retained, retained_at, stop, subscribed, twice,
};
use super::support::line::LineClient;
use super::support::mqtt::{MqttClient, connect, publish, will};
use super::support::program::Program;

/// Both ends that a daemon may have.
const ENDS: [fn(Program); 2] = [kill, stop];

#[test]
fn retained_messages_of_clients_are_there_again() {
    for end in ENDS {
        let state = State::new();
        let daemon = state.start();
        let mut client = MqttClient::connect(daemon.mqtt, "me");
        for (topic, payload) in
            [("home/b", "1"), ("home/a", "2"), ("home/b", "3"), ("home/c", "4"), ("home/c", "")]
        {
            client.publish(retained(topic, payload));
        }
        let mut line = LineClient::connect(daemon.line);
        line.ask("COMMAND=PUB|VAR=t|VALUE=21|RETAIN=1");
        end(daemon);
        let daemon = state.start();
        assert_eq!(retained_at(daemon.mqtt, "home/#"), ["home/b=3", "home/a=2"]);
        assert_eq!(retained_at(daemon.mqtt, "pi/vars/+"), ["pi/vars/t=21"]);
        assert_eq!(retained_at(daemon.mqtt, "pi/nodes/+/status").len(), 0, "nobody is here yet");
    }
}

#[test]
fn a_session_goes_on_with_its_subscriptions_and_what_has_waited() {
    for end in ENDS {
        let state = State::new();
        let daemon = state.start();
        let (mut client, _) = open(daemon.mqtt, "me");
        let options = SubscribeOptions {
            retain_as_published: true,
            retain_handling: RetainHandling::DoNotSend,
            ..SubscribeOptions::plain(QoS::ExactlyOnce)
        };
        let id = Properties::new().with(Property::SubscriptionIdentifier(7.try_into().expect("not 0")));
        client.subscribe_with("t/+", options, id);
        client.subscribe_with("gone", options, Properties::new());
        client.unsubscribe("gone");
        client.disconnect(ReasonCode::Success);
        assert_eq!(client.next(), None);
        let mut publisher = MqttClient::connect(daemon.mqtt, "publisher");
        for payload in ["1", "2"] {
            let mut message = retained("t/x", payload);
            message.properties.push(Property::UserProperty("a".to_owned(), "b".to_owned()));
            publisher.publish(message);
        }
        publisher.send(&Packet::Publish(publish("t/x", "quality 0 does not wait")));
        end(daemon);

        let daemon = state.start();
        let (mut client, connack) = open(daemon.mqtt, "me");
        assert!(connack.session_present);
        for payload in ["1", "2"] {
            let waited = message(&mut client);
            assert_eq!((&waited.payload[..], waited.retain, waited.dup), (payload.as_bytes(), true, false));
            assert_eq!(waited.properties.subscription_ids().map(u32::from).collect::<Vec<_>>(), [7]);
            assert_eq!(waited.properties.user_properties().collect::<Vec<_>>(), [("a", "b")]);
        }
        let mut publisher = MqttClient::connect(daemon.mqtt, "publisher");
        for topic in ["gone", "t/y"] {
            publisher.publish(publish(topic, "now"));
        }
        assert_eq!(message(&mut client).topic.expect("no alias").as_str(), "t/y");
    }
}

#[test]
fn what_is_under_way_goes_on_under_its_identifier() {
    for end in ENDS {
        let state = State::new();
        let daemon = state.start();
        let mut client = subscribed(daemon.mqtt, "me", "t", QoS::ExactlyOnce);
        let mut publisher = MqttClient::connect(daemon.mqtt, "publisher");
        publisher.publish(publish("t", "one"));
        let one = message(&mut client);
        for (id, payload) in [(1, "two"), (2, "three"), (3, "four")] {
            publisher.send(&Packet::Publish(twice(id, "t", payload)));
        }
        let [two, three, four] = [(); 3].map(|()| message(&mut client).packet_id.expect("QoS 2"));
        for id in [two, three] {
            client.send(&Packet::Pubrec(acknowledge(id.get())));
            assert!(matches!(client.receive(), Packet::Pubrel(_)));
        }
        client.send(&Packet::Pubcomp(acknowledge(three.get())));
        // The answer comes after what was said before it is on its way to the disk.
        client.subscribe("other");
        end(daemon);

        let daemon = state.start();
        let (mut client, connack) = open(daemon.mqtt, "me");
        assert!(connack.session_present);
        let again = message(&mut client);
        assert_eq!((again.dup, again.packet_id, &again.payload[..]), (true, one.packet_id, &b"one"[..]));
        assert!(matches!(client.receive(), Packet::Pubrel(pubrel) if pubrel.packet_id == two));
        let again = message(&mut client);
        assert_eq!((again.dup, again.packet_id, &again.payload[..]), (true, Some(four), &b"four"[..]));
        client.send(&Packet::Puback(acknowledge(one.packet_id.expect("QoS 1").get())));
        client.subscribe("another");
        end(daemon);

        let daemon = state.start();
        let (mut client, _) = open(daemon.mqtt, "me");
        assert!(matches!(client.receive(), Packet::Pubrel(_)), "the first was acknowledged");
    }
}

#[test]
fn a_retained_message_that_a_subscription_brings_is_under_way_too() {
    for end in ENDS {
        let state = State::new();
        let daemon = state.start();
        MqttClient::connect(daemon.mqtt, "publisher").publish(retained("t", "x"));
        let mut client = subscribed(daemon.mqtt, "me", "t", QoS::AtLeastOnce);
        let sent = message(&mut client);
        end(daemon);
        let daemon = state.start();
        let again = message(&mut open(daemon.mqtt, "me").0);
        assert_eq!((again.dup, again.retain, again.packet_id), (true, true, sent.packet_id));
    }
}

#[test]
fn what_a_client_has_published_with_quality_2_is_not_taken_for_new() {
    for end in ENDS {
        let state = State::new();
        let daemon = state.start();
        subscribed(daemon.mqtt, "reader", "t", QoS::AtLeastOnce);
        let (mut client, _) = open(daemon.mqtt, "me");
        for id in [1, 2] {
            client.send(&Packet::Publish(twice(id, "t", "x")));
            assert!(matches!(client.receive(), Packet::Pubrec(_)));
        }
        client.send(&Packet::Pubrel(acknowledge(2)));
        assert!(matches!(client.receive(), Packet::Pubcomp(_)));
        end(daemon);

        let daemon = state.start();
        let (mut client, _) = open(daemon.mqtt, "me");
        // The first was not released, the second was.
        for id in [1, 2] {
            client.send(&Packet::Publish(Publish { dup: true, ..twice(id, "t", &format!("again {id}")) }));
            assert!(matches!(client.receive(), Packet::Pubrec(_)));
        }
        let (mut reader, _) = open(daemon.mqtt, "reader");
        let payloads = [(); 3].map(|()| String::from_utf8(reader.message().payload).expect("UTF-8"));
        assert_eq!(payloads, ["x", "x", "again 2"]);
    }
}

#[test]
fn a_command_of_quality_2_is_not_carried_out_again() {
    for end in ENDS {
        let state = State::new();
        let daemon = state.start();
        let (mut client, _) = open(daemon.mqtt, "me");
        let toggle = twice(7, "pi/devices/led/set", "TOGGLE");
        client.send(&Packet::Publish(toggle.clone()));
        assert!(matches!(client.receive(), Packet::Pubrec(_)));
        end(daemon);
        let daemon = state.start();
        let (mut client, _) = open(daemon.mqtt, "me");
        client.send(&Packet::Publish(Publish { dup: true, ..toggle }));
        assert!(matches!(client.receive(), Packet::Pubrec(_)));
        let led = LineClient::connect(daemon.line).ask("COMMAND=GET|DEVICE=led");
        assert_eq!(LineClient::field(&led, "VALUE").as_deref(), Some("0"), "{led}");
    }
}

#[test]
fn a_session_that_was_thrown_away_does_not_come_back() {
    for end in ENDS {
        let state = State::new();
        let daemon = state.start();
        for client_id in ["clean", "goodbye", "v3", "resumed"] {
            drop(subscribed(daemon.mqtt, client_id, "t", QoS::AtLeastOnce));
        }
        let _replaced = subscribed(daemon.mqtt, "replaced", "t", QoS::AtLeastOnce);
        MqttClient::connect(daemon.mqtt, "replaced");
        let (_resumed, connack) = MqttClient::connect_with(daemon.mqtt, going_on("resumed", 0));
        assert!(connack.session_present);
        MqttClient::connect(daemon.mqtt, "clean");
        let (mut leaves, _) = open(daemon.mqtt, "goodbye");
        let at_once = Properties::new().with(Property::SessionExpiryInterval(0));
        let disconnect = Disconnect { reason: ReasonCode::Success, properties: at_once };
        leaves.send(&Packet::Disconnect(disconnect));
        assert_eq!(leaves.next(), None);
        let v3 = Connect { version: Version::V3, ..connect("v3") };
        MqttClient::connect_with(daemon.mqtt, v3);
        // A session that is written down is answered when what came before it is.
        open(daemon.mqtt, "last");
        end(daemon);
        let daemon = state.start();
        for client_id in ["clean", "goodbye", "v3", "resumed", "replaced"] {
            assert!(!open(daemon.mqtt, client_id).1.session_present, "{client_id}");
        }
        assert!(open(daemon.mqtt, "last").1.session_present);
    }
}

#[test]
fn a_will_waits_over_a_restart() {
    for end in ENDS {
        let state = State::new();
        let daemon = state.start();
        let mut watcher = subscribed(daemon.mqtt, "watcher", "wills/#", QoS::AtLeastOnce);
        for (client_id, delay) in [("due", 1), ("later", 3600)] {
            let mut will = will(&format!("wills/{client_id}"), "lost", true);
            will.properties.push(Property::WillDelayInterval(delay));
            let connect = Connect { will: Some(will), ..going_on(client_id, 3600) };
            drop(MqttClient::connect_with(daemon.mqtt, connect));
        }
        let mut nodes = MqttClient::connect(daemon.mqtt, "");
        nodes.subscribe("pi/nodes/due/status");
        while nodes.message_on("pi/nodes/due/status") != "offline" {}
        watcher.disconnect(ReasonCode::Success);
        assert_eq!(watcher.next(), None);
        end(daemon);

        let daemon = state.start();
        let (mut watcher, _) = open(daemon.mqtt, "watcher");
        assert_eq!(watcher.message_on("wills/due"), "lost");
        assert_eq!(retained_at(daemon.mqtt, "wills/#"), ["wills/due=lost"]);
        end(daemon);
        let daemon = state.start();
        let (mut watcher, _) = open(daemon.mqtt, "watcher");
        open(daemon.mqtt, "due");
        let mut publisher = MqttClient::connect(daemon.mqtt, "publisher");
        publisher.publish(publish("wills/after", "x"));
        assert_eq!(watcher.message().topic.expect("no alias").as_str(), "wills/after", "it came once");
    }
}

#[test]
fn what_has_expired_meanwhile_is_dropped() {
    let state = State::new();
    let daemon = state.start();
    drop(subscribed(daemon.mqtt, "stays", "t", QoS::AtLeastOnce));
    drop(MqttClient::connect_with(daemon.mqtt, going_on("ends", 1)));
    let mut publisher = MqttClient::connect(daemon.mqtt, "publisher");
    for (payload, seconds) in [("short", 1), ("long", 3600)] {
        let expires = Properties::new().with(Property::MessageExpiryInterval(seconds));
        publisher.publish(Publish { properties: expires, ..publish("t", payload) });
    }
    // A will that is due when the others have expired is how the time is known.
    let mut clock = will("t", "now", false);
    clock.properties.push(Property::WillDelayInterval(2));
    let connect = Connect { will: Some(clock), ..going_on("clock", 3600) };
    drop(MqttClient::connect_with(daemon.mqtt, connect));
    let mut waits = MqttClient::connect(daemon.mqtt, "waits");
    waits.subscribe("t");
    assert_eq!(waits.message_on("t"), "now");
    kill(daemon);

    let daemon = state.start();
    assert!(!open(daemon.mqtt, "ends").1.session_present);
    let (mut client, connack) = open(daemon.mqtt, "stays");
    assert!(connack.session_present);
    let long = message(&mut client);
    assert_eq!(long.payload, b"long");
    assert!(long.properties.message_expiry().is_some_and(|left| (3000..3600).contains(&left)));
}

#[test]
fn a_shared_subscription_goes_on() {
    let state = State::new();
    let daemon = state.start();
    drop(subscribed(daemon.mqtt, "me", "$share/g/t", QoS::AtLeastOnce));
    MqttClient::connect(daemon.mqtt, "publisher").publish(publish("t", "before"));
    kill(daemon);
    let daemon = state.start();
    MqttClient::connect(daemon.mqtt, "publisher").publish(publish("t", "after"));
    let (mut client, _) = open(daemon.mqtt, "me");
    assert_eq!([client.message_on("t"), client.message_on("t")], ["before", "after"]);
}

#[test]
fn what_no_longer_fits_is_dropped_and_counted() {
    let state = State::new();
    let daemon = state.start();
    let mut client = MqttClient::connect(daemon.mqtt, "me");
    for topic in ["a", "b", "c"] {
        client.publish(retained(topic, "x"));
        drop(subscribed(daemon.mqtt, topic, "t", QoS::AtLeastOnce));
    }
    stop(daemon);
    let limits = r#""limits": {"retained_messages": 1, "sessions": 2},"#;
    let mut daemon = Program::start(&state.config_with(limits));
    daemon.process.error_with("3 sessions, subscriptions and messages of before do not fit");
    stop(daemon);
    assert_eq!(retained_at(state.start().mqtt, "+"), ["a=x"]);
}

#[test]
fn without_persistence_nothing_is_written() {
    let state = State::new();
    let daemon =
        Program::start(&state.config().replace(r#""persistence": "file""#, r#""persistence": "off""#));
    MqttClient::connect(daemon.mqtt, "me").publish(retained("t", "x"));
    assert!(!open(daemon.mqtt, "kept").1.session_present);
    stop(daemon);
    assert!(!state.folder().exists());
    let daemon = state.start();
    let mode = std::fs::metadata(state.folder()).expect("now it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    assert_eq!(retained_at(daemon.mqtt, "t").len(), 0);
}
