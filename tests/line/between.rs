//! Clients among one another: changes, variables and messages, from one protocol to the other.

use gpio_gatekeeper::hardware::Level;
use gpio_gatekeeper::wire::mqtt::{Packet, Publish, ReasonCode};
use serde_json::Value as Json;

use super::support::line::LineClient;
use super::support::mqtt::{MqttClient, connect, publish, will};
use super::support::{Gatekeeper, gpio};

fn number(frame: &str, key: &str) -> u64 {
    LineClient::field(frame, key)
        .and_then(|value| value.parse().ok())
        .unwrap_or_else(|| panic!("{key}: {frame}"))
}

fn parse(payload: &str) -> Json {
    serde_json::from_str(payload).expect("JSON")
}

#[test]
fn two_clients_see_each_others_changes() {
    let gatekeeper = Gatekeeper::start();
    let mut clients = [0, 1].map(|_| LineClient::patient(gatekeeper.line()));
    for client in &mut clients {
        client.expect("COMMAND=SUB|DEVICE=*", "REPLY=OK");
        for name in ["led", "relay", "lamp", "button", "motor"] {
            let state = client.receive();
            assert!(state.starts_with(&format!("EVENT=STATE|DEVICE={name}|")), "{state}");
            assert!(state.ends_with("|RETAINED=1") && state.contains("|SEQ=1|"), "{state}");
        }
    }
    for (seq, turn) in [(2, 0), (3, 1), (4, 0), (5, 1)] {
        clients[turn].send("COMMAND=SET|DEVICE=led|VALUE=TOGGLE");
        for client in &mut clients {
            let state = client.event("EVENT=STATE|");
            assert_eq!(number(&state, "SEQ"), seq, "{state}");
            assert!(!state.contains("RETAINED"), "{state}");
        }
    }
    let [one, two] = &mut clients;
    one.expect("COMMAND=UNSUB|DEVICE=*", "REPLY=OK");
    two.expect("COMMAND=SET|DEVICE=relay|VALUE=ON", "REPLY=OK");
    assert!(two.event("EVENT=STATE|").contains("|DEVICE=relay|"));
    one.send("COMMAND=HELLO!");
    assert_eq!(one.receive(), "REPLY=OK", "nothing of what it has unsubscribed");
}

#[test]
fn one_device_is_driven_and_watched_from_both_protocols_at_once() {
    const EACH: u64 = 100;
    let gatekeeper = Gatekeeper::start();
    let (line, mqtt) = (gatekeeper.line(), gatekeeper.mqtt());
    let mut by_line = LineClient::patient(line);
    by_line.expect("COMMAND=SUB|DEVICE=relay", "REPLY=OK");
    let mut by_mqtt = MqttClient::connect(mqtt, "watcher");
    by_mqtt.subscribe("pi/devices/relay/state");
    let mut by_number = MqttClient::connect(mqtt, "counter");
    by_number.subscribe("pi/gpio/27/state");
    let drivers = [
        std::thread::spawn(move || {
            let mut client = LineClient::patient(line);
            (0..EACH).for_each(|_| client.expect("COMMAND=SET|DEVICE=relay|VALUE=TOGGLE", "REPLY=OK"));
        }),
        std::thread::spawn(move || {
            let mut client = MqttClient::connect(mqtt, "driver");
            for _ in 0..EACH {
                let answer = client.publish(publish("pi/gpio/27/set", "TOGGLE"));
                assert_eq!(answer.reason, ReasonCode::Success);
            }
        }),
    ];
    // Each watcher is told every change once, in order, with the same number, value and time.
    for seq in 1..=2 * EACH + 1 {
        let state = by_line.event("EVENT=STATE|");
        assert_eq!(number(&state, "SEQ"), seq, "{state}");
        for (client, topic) in
            [(&mut by_mqtt, "pi/devices/relay/state"), (&mut by_number, "pi/gpio/27/state")]
        {
            let json = parse(&client.message_on(topic));
            assert_eq!(json["seq"], seq);
            assert_eq!(json["value"], (seq + 1) % 2, "{json}");
            let time: f64 = LineClient::field(&state, "TIME").and_then(|t| t.parse().ok()).expect("a time");
            assert!((json["timestamp"].as_f64().expect("a time") - time).abs() < 2e-6, "{json} {state}");
        }
        assert_eq!(number(&state, "VALUE"), (seq + 1) % 2);
    }
    for driver in drivers {
        driver.join().expect("every command was carried out");
    }
}

#[test]
fn a_press_reaches_both_protocols_with_the_time_of_its_edge() {
    let gatekeeper = Gatekeeper::start();
    let mut line = LineClient::patient(gatekeeper.line());
    line.expect("COMMAND=SUB|DEVICE=button", "REPLY=OK");
    line.event("EVENT=STATE|");
    let mut mqtt = MqttClient::connect(gatekeeper.mqtt(), "watcher");
    mqtt.subscribe("pi/devices/button/state");
    mqtt.message();
    gatekeeper.board().drive(&gpio(22), Level::Low);
    let state = line.event("EVENT=STATE|");
    assert!(state.contains("|VALUE=1|STATE=pressed|SEQ=2|"), "{state}");
    let json = parse(&mqtt.message_on("pi/devices/button/state"));
    assert_eq!((&json["event"], &json["seq"]), (&"pressed".into(), &2.into()));
    assert_eq!(json["edge_ns"], number(&state, "EDGE_NS"));
    assert_eq!((&json["edge_seq"], number(&state, "EDGE_SEQ")), (&1.into(), 1));
}

#[test]
fn variables_go_from_each_protocol_to_the_other() {
    let gatekeeper = Gatekeeper::start();
    let mut line = LineClient::patient(gatekeeper.line());
    line.expect("COMMAND=HELLO|CLIENT=bench", "REPLY=OK");
    line.expect("COMMAND=SUB|VAR=t", "REPLY=OK");
    let mut mqtt = MqttClient::connect(gatekeeper.mqtt(), "dash");
    mqtt.subscribe("pi/vars/+");
    line.expect("COMMAND=PUB|VAR=t|VALUE=a%7Cb%25 °C%0A", "REPLY=OK");
    assert_eq!(mqtt.message_on("pi/vars/t"), "a|b% °C\n");
    assert_eq!(line.event("EVENT=MESSAGE|"), "EVENT=MESSAGE|VAR=t|VALUE=a%7Cb%25 °C%0A|FROM=bench");
    mqtt.publish(publish("pi/vars/t", "c|d%\r\n"));
    assert_eq!(line.event("EVENT=MESSAGE|"), "EVENT=MESSAGE|VAR=t|VALUE=c%7Cd%25%0D%0A|FROM=dash");

    mqtt.publish(Publish { retain: true, ..publish("pi/vars/kept", "21") });
    line.expect("COMMAND=SUB|VAR=kept", "REPLY=OK");
    assert_eq!(line.event("EVENT="), "EVENT=MESSAGE|VAR=kept|VALUE=21|FROM=dash|RETAINED=1");
    line.expect("COMMAND=PUB|VAR=kept|VALUE=22|RETAIN=1", "REPLY=OK");
    let mut late = MqttClient::connect(gatekeeper.mqtt(), "late");
    late.subscribe("pi/vars/kept");
    let kept = late.message();
    assert_eq!((kept.retain, &kept.payload[..]), (true, &b"22"[..]));
    line.expect("COMMAND=PUB|VAR=kept|VALUE=|RETAIN=1", "REPLY=OK");
    let mut later = MqttClient::connect(gatekeeper.mqtt(), "later");
    later.subscribe("pi/vars/kept");
    later.send(&Packet::Pingreq);
    assert_eq!(later.receive(), Packet::Pingresp, "it was forgotten");
}

#[test]
fn messages_go_to_one_client_alone_whichever_protocol_it_speaks() {
    let gatekeeper = Gatekeeper::start();
    let mut panel = LineClient::patient(gatekeeper.line());
    panel.expect("COMMAND=HELLO|CLIENT=panel", "REPLY=OK");
    let mut dash = MqttClient::connect(gatekeeper.mqtt(), "dash");
    dash.subscribe("pi/nodes/dash/message");
    let mut curious = MqttClient::connect(gatekeeper.mqtt(), "curious");
    curious.subscribe("pi/nodes/+/message");
    panel.expect("COMMAND=SEND|TO=dash|VALUE=hi", "REPLY=OK");
    assert_eq!(dash.message_on("pi/nodes/dash/message"), "hi");
    assert_eq!(dash.publish(publish("pi/nodes/panel/message", "ho")).reason, ReasonCode::Success);
    assert_eq!(panel.event("EVENT="), "EVENT=MESSAGE|TO=panel|VALUE=ho|FROM=dash");
    panel.send("COMMAND=SEND|TO=panel|VALUE=to myself");
    assert_eq!(panel.event("EVENT="), "EVENT=MESSAGE|TO=panel|VALUE=to myself|FROM=panel");
    let nobody = dash.publish(publish("pi/nodes/nobody/message", "x"));
    assert_eq!(nobody.reason, ReasonCode::ImplementationSpecificError);
    let words = nobody.properties.reason_string();
    assert!(words.is_some_and(|words| words.starts_with("UNKNOWN_CLIENT: ")), "{words:?}");
    curious.send(&Packet::Pingreq);
    assert_eq!(curious.receive(), Packet::Pingresp, "nothing of this was for it");
}

#[test]
fn an_id_is_taken_over_across_both_protocols() {
    let gatekeeper = Gatekeeper::start();
    let mut watcher = MqttClient::connect(gatekeeper.mqtt(), "watcher");
    watcher.subscribe("pi/nodes/panel/status");
    let mut first = LineClient::patient(gatekeeper.line());
    first.expect("COMMAND=HELLO|CLIENT=panel", "REPLY=OK|CLIENT=panel");
    assert_eq!(watcher.message_on("pi/nodes/panel/status"), "online");

    let mut second = MqttClient::connect(gatekeeper.mqtt(), "panel");
    let last = first.event("EVENT=");
    assert!(last.starts_with("EVENT=CLOSING|CODE=TAKEN_OVER|MESSAGE="), "{last}");
    assert_eq!(first.next(), None);
    assert_eq!(watcher.message_on("pi/nodes/panel/status"), "online");

    let mut third = LineClient::patient(gatekeeper.line());
    third.expect("COMMAND=HELLO|CLIENT=panel", "REPLY=OK|CLIENT=panel");
    match second.receive() {
        Packet::Disconnect(disconnect) => assert_eq!(disconnect.reason, ReasonCode::SessionTakenOver),
        other => panic!("{other:?}"),
    }
    assert_eq!(second.next(), None);
    third.expect("COMMAND=SEND|TO=panel|VALUE=me", "REPLY=OK");
    drop(third);
    loop {
        // One for each that came, and at last that nobody is left.
        if watcher.message_on("pi/nodes/panel/status") == "offline" {
            break;
        }
    }
}

#[test]
fn a_will_reaches_the_line_protocol() {
    let gatekeeper = Gatekeeper::start();
    let mut line = LineClient::patient(gatekeeper.line());
    line.expect("COMMAND=SUB|VAR=last", "REPLY=OK");
    line.expect("COMMAND=SUB|DEVICE=motor", "REPLY=OK");
    line.event("EVENT=STATE|");
    for (topic, payload, event) in [
        ("pi/vars/last", "gone", "EVENT=MESSAGE|VAR=last|VALUE=gone|FROM=dying"),
        ("pi/devices/motor/set", "1", "EVENT=STATE|DEVICE=motor|KIND=motor|VALUE=1|"),
    ] {
        let mut willing = connect("dying");
        willing.will = Some(will(topic, payload, false));
        drop(MqttClient::connect_with(gatekeeper.mqtt(), willing));
        let came = line.event("EVENT=");
        assert!(came.starts_with(event), "{came}");
    }
}
