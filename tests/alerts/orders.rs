//! Thresholds that are set, told and deleted while the gatekeeper runs.

use serde_json::{Value as Json, json};

use super::parse;
use super::support::line::LineClient;
use super::support::mqtt::{MqttClient, publish};
use super::support::{DEMO_DEVICES, Gatekeeper};

const CONFIGURED: &str = r#""thresholds": {"fixed": {"device": "motor", "max": 5}},"#;

fn client(gatekeeper: &Gatekeeper, id: &str) -> MqttClient {
    let mut client = MqttClient::connect(gatekeeper.mqtt(), id);
    client.subscribe(&format!("pi/rpc/responses/{id}"));
    client
}

/// Calls a method of `system`; the code of the refusal, or the result.
fn call(client: &mut MqttClient, id: &str, method: &str, kwargs: &Json) -> Json {
    let request = json!({"device": "system", "method": method, "kwargs": kwargs}).to_string();
    let answer = parse(&String::from_utf8(client.call(id, &request).payload).expect("UTF-8"));
    let refused = answer["code"].is_string();
    answer[if refused { "code" } else { "result" }].clone()
}

#[test]
fn on_the_line_a_threshold_is_set_told_and_deleted() {
    let gatekeeper = Gatekeeper::with(CONFIGURED, DEMO_DEVICES);
    let mut line = LineClient::patient(gatekeeper.line());
    let told = "NAME=bright|DEVICE=lamp|FIELD=value|MAX=0.5|HYSTERESIS=0.25|DURATION=0s|SEVERITY=critical|ACTION=relay:1|ORIGIN=admin|KEPT=0";
    line.expect(
        "COMMAND=THRESHOLD|NAME=bright|DEVICE=lamp|MAX=0.5|HYSTERESIS=0.25|SEVERITY=critical|ACTION=relay:1",
        &format!("REPLY=OK|{told}"),
    );
    line.expect("COMMAND=THRESHOLD", "COUNT=2|THRESHOLDS=bright,fixed");
    line.expect("COMMAND=THRESHOLD|DEVICE=motor", "COUNT=1|THRESHOLDS=fixed");
    line.expect("COMMAND=THRESHOLD|AFTER=bright", "COUNT=2|THRESHOLDS=fixed");
    line.expect("COMMAND=THRESHOLD|NAME=fixed", "MAX=5|ORIGIN=configuration|KEPT=1");
    line.expect("COMMAND=SET|DEVICE=lamp|VALUE=1", "REPLY=OK");
    let alert = LineClient::field(&line.ask("COMMAND=THRESHOLD|NAME=bright"), "ALERT").expect("it is open");
    line.expect("COMMAND=ALERTS", &format!("COUNT=1|ALERTS={alert}"));
    line.expect(&format!("COMMAND=ALERTS|ALERT={alert}"), "THRESHOLD=bright|LIMIT=max|BOUND=0.5|VALUE=1");
    line.expect("COMMAND=SUB|DEVICE=lamp", "REPLY=OK");
    line.expect("COMMAND=THRESHOLD|NAME=bright|DELETE=1", "REPLY=OK|KEPT=0");
    let resolved = line.event("EVENT=ALERT|");
    assert!(resolved.contains(&format!("|CHANGE=resolved|ALERT={alert}|")), "{resolved}");
    assert!(resolved.contains("|CAUSE=DELETED|CREATED="), "{resolved}");
    line.expect("COMMAND=ALERTS", "COUNT=0");
    line.expect(&format!("COMMAND=ALERTS|ALERT={alert}"), "CODE=NOT_FOUND");
}

#[test]
fn over_mqtt_a_threshold_is_set_told_and_deleted() {
    let gatekeeper = Gatekeeper::start();
    let mut panel = client(&gatekeeper, "panel");
    let settings =
        json!({"name": "dark", "device": "lamp", "min": 0.25, "duration": "0s", "action": "led:1"});
    let set = call(&mut panel, "panel", "set_threshold", &settings);
    let alert = set["alert"].as_u64().expect("it is dark");
    let expected = json!({"name": "dark", "device": "lamp", "field": "value", "min": 0.25, "max": null, "hysteresis": 0,
        "duration": 0.0, "severity": "warning", "action": "led:1", "resolved_action": null, "origin": "admin",
        "kept": false, "alert": alert});
    assert_eq!(set, expected);
    assert_eq!(call(&mut panel, "panel", "list_thresholds", &json!({})), json!([expected]));
    assert_eq!(call(&mut panel, "panel", "list_thresholds", &json!({"device": "led"})), json!([]));
    let alerts = call(&mut panel, "panel", "list_alerts", &json!({}));
    assert_eq!(
        (&alerts[0]["id"], &alerts[0]["limit"], &alerts[1]),
        (&alert.into(), &"min".into(), &Json::Null)
    );
    let deleted = call(&mut panel, "panel", "delete_threshold", &json!({"name": "dark"}));
    assert_eq!(deleted, json!({"kept": false}));
    assert_eq!(call(&mut panel, "panel", "delete_threshold", &json!({"name": "dark"})), "NOT_FOUND");
    assert_eq!(call(&mut panel, "panel", "list_alerts", &json!({})), json!([]));
}

#[test]
fn what_is_set_anew_begins_anew() {
    let gatekeeper = Gatekeeper::start();
    let mut panel = client(&gatekeeper, "panel");
    let mut listener = MqttClient::connect(gatekeeper.mqtt(), "listener");
    listener.subscribe("pi/alerts/lamp");
    panel.publish(publish("pi/devices/lamp/set", "0.75"));
    for max in [0.5, 0.25] {
        call(&mut panel, "panel", "set_threshold", &json!({"name": "bright", "device": "lamp", "max": max}));
    }
    let mut next = || parse(&listener.message_on("pi/alerts/lamp"));
    let (first, changed, second) = (next(), next(), next());
    assert_eq!(
        (&changed["id"], &changed["cause"], &changed["value"]),
        (&first["id"], &"CHANGED".into(), &Json::Null)
    );
    assert_eq!((&second["event"], &second["bound"]), (&"created".into(), &json!(0.25)));
    assert!(second["id"].as_u64() > first["id"].as_u64());
}

#[test]
fn what_makes_no_sense_is_refused() {
    let gatekeeper = Gatekeeper::with(CONFIGURED, DEMO_DEVICES);
    let mut line = LineClient::patient(gatekeeper.line());
    for (keys, code) in [
        ("DEVICE=lamp|MAX=1", "MISSING_KEY"),
        ("NAME=a|MAX=1", "MISSING_KEY"),
        ("NAME=A|DEVICE=lamp|MAX=1", "BAD_VALUE"),
        ("NAME=a|DEVICE=fan|MAX=1", "UNKNOWN_DEVICE"),
        ("NAME=a|DEVICE=lamp|FIELD=value", "OUT_OF_RANGE"),
        ("NAME=a|DEVICE=lamp|MIN=2|MAX=1", "OUT_OF_RANGE"),
        ("NAME=a|DEVICE=lamp|MAX=1|ACTION=fan:1", "UNKNOWN_DEVICE"),
        ("NAME=a|DEVICE=lamp|MAX=1|ACTION=button:1", "UNKNOWN_ACTION"),
        ("NAME=a|DEVICE=lamp|MAX=1|ACTION=led:2", "OUT_OF_RANGE"),
        ("NAME=a|DEVICE=lamp|MAX=1|ACTION=led:0.5", "BAD_VALUE"),
        ("NAME=a|DEVICE=lamp|MAX=1|ACTION=led", "BAD_VALUE"),
        ("NAME=a|DELETE=1|MAX=1", "BAD_VALUE"),
        ("NAME=a|DELETE=2", "BAD_VALUE"),
        ("NAME=a|DELETE=1", "NOT_FOUND"),
        ("NAME=a", "NOT_FOUND"),
        ("DEVICE=fan", "UNKNOWN_DEVICE"),
        ("NAME=fixed|DELETE=1", "NOT_SUPPORTED"),
        ("NAME=fixed|DEVICE=lamp|MAX=1", "NOT_SUPPORTED"),
    ] {
        line.expect(&format!("COMMAND=THRESHOLD|{keys}"), &format!("CODE={code}"));
    }
    line.expect("COMMAND=ALERTS|ALERT=x", "CODE=BAD_VALUE");
    line.expect("COMMAND=THRESHOLD", "COUNT=1|THRESHOLDS=fixed");
}

#[test]
fn a_list_that_does_not_fit_into_a_frame_goes_on() {
    let gatekeeper = Gatekeeper::start();
    let mut line = LineClient::patient(gatekeeper.line());
    for number in 100..180 {
        line.expect(&format!("COMMAND=THRESHOLD|NAME=t{number}|DEVICE=lamp|MIN=1"), "REPLY=OK");
    }
    let (mut after, mut names) = (String::new(), Vec::new());
    loop {
        let reply = line.ask(&format!("COMMAND=THRESHOLD{after}"));
        let field = |key| LineClient::field(&reply, key);
        assert!(reply.len() < 4000 && field("COUNT").as_deref() == Some("80"), "{reply}");
        names.extend(field("THRESHOLDS").expect("names").split(',').map(str::to_owned));
        let Some(next) = field("NEXT") else { break };
        after = format!("|AFTER={next}");
    }
    assert_eq!(names, (100..180).map(|number| format!("t{number}")).collect::<Vec<_>>());
    let alerts = line.ask("COMMAND=ALERTS");
    assert_eq!(LineClient::field(&alerts, "COUNT").as_deref(), Some("80"));
}

#[test]
fn there_are_only_so_many_thresholds() {
    let gatekeeper = Gatekeeper::start();
    let mut line = LineClient::patient(gatekeeper.line());
    for number in 0..256 {
        line.expect(&format!("COMMAND=THRESHOLD|NAME=t{number}|DEVICE=lamp|MAX=1"), "REPLY=OK");
    }
    line.expect("COMMAND=THRESHOLD|NAME=more|DEVICE=lamp|MAX=1", "CODE=LIMIT_REACHED");
    line.expect("COMMAND=THRESHOLD|NAME=t7|DEVICE=lamp|MAX=2", "REPLY=OK|MAX=2");
}

#[test]
fn who_sets_a_threshold_stands_in_the_audit() {
    let gatekeeper = Gatekeeper::start();
    let mut panel = client(&gatekeeper, "panel");
    panel.subscribe("pi/logs/audit");
    let mut other = client(&gatekeeper, "other");
    for (method, kwargs) in [
        ("set_threshold", json!({"name": "a", "device": "lamp", "max": 1})),
        ("list_thresholds", json!({})),
        ("delete_threshold", json!({"name": "b"})),
        ("delete_threshold", json!({"name": "a"})),
    ] {
        call(&mut other, "other", method, &kwargs);
    }
    for (device, action, code) in [
        ("lamp", "set_threshold(a)", Json::Null),
        ("system", "delete_threshold(b)", "NOT_FOUND".into()),
        ("system", "delete_threshold(a)", Json::Null),
    ] {
        let audit = parse(&panel.message_on("pi/logs/audit"));
        let told = ["client", "device", "action", "code"].map(|key| audit[key].clone());
        assert_eq!(told, ["other".into(), device.into(), action.into(), code]);
    }
}
