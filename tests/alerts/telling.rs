//! Who is told of alerts, and what.

use serde_json::json;

use super::parse;
use super::support::http::get;
use super::support::line::LineClient;
use super::support::mqtt::{MqttClient, publish};
use super::support::{DEMO_DEVICES, Gatekeeper};
use gpio_gatekeeper::wire::mqtt::Packet;

const BRIGHT: &str = r#""thresholds": {"bright": {"device": "lamp", "max": 0.5, "hysteresis": 0.25, "severity": "critical",
    "action": {"device": "relay", "set": 1}}},"#;

#[test]
fn over_mqtt_alerts_have_one_number_from_creation_to_resolution() {
    let gatekeeper = Gatekeeper::with(BRIGHT, DEMO_DEVICES);
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "panel");
    client.subscribe("pi/alerts/lamp");
    client.publish(publish("pi/devices/lamp/set", "0.75"));
    let created = parse(&client.message_on("pi/alerts/lamp"));
    client.publish(publish("pi/devices/lamp/set", "0.3"));
    client.publish(publish("pi/devices/lamp/set", "0.25"));
    let resolved = parse(&client.message_on("pi/alerts/lamp"));
    let id = created["id"].as_u64().expect("a number");
    assert!(id > 1_700_000_000_000 && resolved["id"] == id, "{created} {resolved}");
    for (news, event, value, cause) in
        [(&created, "created", json!(0.75), json!(null)), (&resolved, "resolved", json!(0.25), json!("BACK"))]
    {
        let told = ["event", "value", "cause"].map(|key| &news[key]);
        assert_eq!(told, [&json!(event), &value, &cause]);
        let told = ["threshold", "device", "field", "limit", "bound", "severity"].map(|key| &news[key]);
        assert_eq!(json!(told), json!(["bright", "lamp", "value", "max", 0.5, "critical"]));
    }
}

#[test]
fn who_comes_later_learns_what_is_open() {
    let gatekeeper = Gatekeeper::with(BRIGHT, DEMO_DEVICES);
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "panel");
    client.publish(publish("pi/devices/lamp/set", "1"));
    let mut late = MqttClient::connect(gatekeeper.mqtt(), "late");
    late.subscribe("pi/alerts/#");
    let open = late.message();
    assert!(open.retain && open.topic.expect("a topic").as_str() == "pi/alerts/lamp/open");
    let open = parse(&String::from_utf8(open.payload).expect("UTF-8"));
    assert_eq!((&open[0]["threshold"], &open[1]), (&"bright".into(), &json!(null)));
    client.publish(publish("pi/devices/lamp/set", "0"));
    assert_eq!(late.message_on("pi/alerts/lamp/open"), "");
    let mut later = MqttClient::connect(gatekeeper.mqtt(), "later");
    later.subscribe("pi/alerts/#");
    later.send(&Packet::Pingreq);
    assert_eq!(later.receive(), Packet::Pingresp, "nothing is retained");
}

#[test]
fn on_the_line_who_listens_to_the_device_is_told() {
    let gatekeeper = Gatekeeper::with(BRIGHT, DEMO_DEVICES);
    let [mut lamp, mut everything, mut other] = [(); 3].map(|()| LineClient::patient(gatekeeper.line()));
    lamp.expect("COMMAND=SUB|DEVICE=lamp", "REPLY=OK");
    everything.expect("COMMAND=SUB|DEVICE=*", "REPLY=OK");
    everything.expect("COMMAND=SUB|DEVICE=lamp", "REPLY=OK");
    other.expect("COMMAND=SUB|DEVICE=led", "REPLY=OK");
    for value in ["0.75", "0.125"] {
        other.expect(&format!("COMMAND=SET|DEVICE=lamp|VALUE={value}"), "REPLY=OK");
    }
    for client in [&mut lamp, &mut everything] {
        let created = client.event("EVENT=ALERT|");
        let id = LineClient::field(&created, "ALERT").expect("a number");
        let start = |change| {
            format!("EVENT=ALERT|DEVICE=lamp|CHANGE={change}|ALERT={id}|THRESHOLD=bright|FIELD=value|")
        };
        let limits = "LIMIT=max|BOUND=0.5|SEVERITY=critical|";
        assert!(
            created.starts_with(&format!("{}{limits}VALUE=0.75|CREATED=", start("created"))),
            "{created}"
        );
        let resolved = client.event("EVENT=ALERT|");
        let end = format!("{}{limits}CAUSE=BACK|VALUE=0.125|CREATED=", start("resolved"));
        assert!(resolved.starts_with(&end), "each is told once: {resolved}");
    }
    other.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "REPLY=OK");
    loop {
        let event = other.event("EVENT=");
        assert!(!event.starts_with("EVENT=ALERT"), "{event}");
        if event.contains("VALUE=1") {
            break;
        }
    }
}

#[test]
fn who_listens_no_more_is_told_no_more() {
    let gatekeeper = Gatekeeper::with(BRIGHT, DEMO_DEVICES);
    let mut client = LineClient::patient(gatekeeper.line());
    client.expect("COMMAND=SUB|DEVICE=lamp", "REPLY=OK");
    client.expect("COMMAND=UNSUB|DEVICE=lamp", "REPLY=OK");
    client.expect("COMMAND=SET|DEVICE=lamp|VALUE=1", "REPLY=OK");
    client.expect("COMMAND=SUB|DEVICE=led", "REPLY=OK");
    assert!(client.event("EVENT=").contains("DEVICE=lamp"), "its first state");
    assert!(client.event("EVENT=").contains("DEVICE=led"));
}

#[test]
fn what_an_alert_does_stands_in_the_audit_with_its_number() {
    let gatekeeper = Gatekeeper::with(BRIGHT, DEMO_DEVICES);
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "panel");
    client.subscribe("pi/alerts/+");
    client.subscribe("pi/logs/audit");
    client.publish(publish("pi/devices/lamp/set", "1"));
    let (mut id, mut deed) = (None, None);
    while id.is_none() || deed.is_none() {
        let message = client.message();
        let json = parse(&String::from_utf8(message.payload).expect("UTF-8"));
        match message.topic.expect("a topic").as_str() {
            "pi/alerts/lamp" => id = json["id"].as_u64(),
            _ if json["device"] == "relay" => deed = Some(json),
            _ => {}
        }
    }
    let deed = deed.expect("it acts");
    assert_eq!(deed["action"], format!("alert({}, set(1))", id.expect("an alert")));
    assert_eq!(["client", "old", "new"].map(|key| deed[key].clone()), [json!(null), json!(0), json!(1)]);
}

#[test]
fn open_alerts_are_counted() {
    let gatekeeper = Gatekeeper::with(BRIGHT, DEMO_DEVICES);
    let mut client = LineClient::patient(gatekeeper.line());
    for (value, count) in [("0", 0), ("1", 1), ("0", 0)] {
        client.expect(&format!("COMMAND=SET|DEVICE=lamp|VALUE={value}"), "REPLY=OK");
        let metrics = get(gatekeeper.http(), "/metrics").body;
        for (severity, count) in [("warning", 0), ("critical", count)] {
            let line = format!("gatekeeper_alerts{{severity=\"{severity}\"}} {count}\n");
            assert!(metrics.contains(&line), "{line}");
        }
    }
}
