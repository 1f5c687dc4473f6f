//! What users may do, whichever way they try.

use gpio_gatekeeper::wire::mqtt::{
    Connect, Packet, Properties, Property, Publish, QoS, ReasonCode, SubscribeOptions,
};
use serde_json::Value as Json;

use super::support::mqtt::{MqttClient, publish, topic_name, will};
use super::{House, credentials};

fn parse(payload: &str) -> Json {
    serde_json::from_str(payload).expect("JSON")
}

/// Publishes, and gives the reason of the answer.
fn reason(client: &mut MqttClient, topic: &str, payload: &str) -> ReasonCode {
    client.publish(publish(topic, payload)).reason
}

fn retained(topic: &str, payload: &str) -> Publish {
    Publish { retain: true, ..publish(topic, payload) }
}

#[test]
fn a_viewer_reads_and_drives_nothing() {
    let house = House::plain();
    let mut line = house.line_as("vera");
    line.expect("COMMAND=GET|DEVICE=led", "REPLY=OK|VALUE=0");
    line.expect("COMMAND=DO|DEVICE=led|ACTION=read", "REPLY=OK|VALUE=0");
    line.expect("COMMAND=SUB|DEVICE=*", "REPLY=OK");
    for subject in ["LOG=error", "AUDIT=1"] {
        line.expect(&format!("COMMAND=SUB|{subject}"), "CODE=ACCESS_DENIED");
    }
    for command in
        ["SET|DEVICE=led|VALUE=ON", "DO|LINE=17|ACTION=on", "PUB|VAR=a|VALUE=1", "SEND|TO=a|VALUE=1"]
    {
        line.expect(&format!("COMMAND={command}"), "CODE=ACCESS_DENIED");
    }
    let mut mqtt = house.mqtt_as("vera", "panel");
    for (topic, payload) in [
        ("pi/devices/led/set", "ON"),
        ("pi/gpio/17/set", "ON"),
        ("pi/rpc/commands", r#"{"device": "led", "method": "on"}"#),
        ("pi/vars/a", "1"),
        ("pi/nodes/panel/message", "1"),
        ("home/a", "1"),
    ] {
        assert_eq!(reason(&mut mqtt, topic, payload), ReasonCode::NotAuthorized, "{topic}");
    }
    mqtt.subscribe("pi/rpc/responses/panel");
    let answer = |client: &mut MqttClient, payload| {
        parse(&String::from_utf8(client.call("panel", payload).payload).expect("UTF-8"))["code"].clone()
    };
    assert_eq!(answer(&mut mqtt, r#"{"device": "led", "method": "on"}"#), "ACCESS_DENIED");
    assert_eq!(answer(&mut mqtt, r#"{"device": "led", "method": "read"}"#), Json::Null);
}

#[test]
fn an_operator_drives_the_devices_of_its_patterns() {
    let house = House::plain();
    let mut line = house.line_as("anna");
    line.expect("COMMAND=SET|DEVICE=lamp|VALUE=1", "REPLY=OK");
    line.expect("COMMAND=SET|LINE=17|VALUE=ON", "REPLY=OK|DEVICE=led");
    for command in
        ["SET|DEVICE=motor|VALUE=1", "DO|LINE=5|ACTION=stop", "GET|DEVICE=relay", "SUB|DEVICE=motor"]
    {
        line.expect(&format!("COMMAND={command}"), "CODE=ACCESS_DENIED");
    }
    let mut mqtt = house.mqtt_as("anna", "panel");
    assert_eq!(reason(&mut mqtt, "pi/devices/led/set", "OFF"), ReasonCode::Success);
    for (topic, payload) in [
        ("pi/devices/motor/set", "1"),
        ("pi/gpio/6/set", "1"),
        ("pi/rpc/commands", r#"{"device": "motor", "method": "forward"}"#),
    ] {
        assert_eq!(reason(&mut mqtt, topic, payload), ReasonCode::NotAuthorized, "{topic}");
    }
    house.line_as("bert").expect("COMMAND=GET|DEVICE=motor", "VALUE=0");
}

#[test]
fn states_are_told_to_those_who_may_see_the_device() {
    let house = House::plain();
    let mut line = house.line_as("anna");
    line.expect("COMMAND=SUB|DEVICE=*", "REPLY=OK");
    let mut mqtt = house.mqtt_as("anna", "panel");
    assert!(!mqtt.subscribe("pi/#").is_error());
    for filter in ["pi/devices/motor/state", "pi/gpio/5/state", "pi/logs/audit", "pi/logs/#", "home/bert/#"] {
        assert_eq!(mqtt.subscribe(filter), ReasonCode::NotAuthorized, "{filter}");
        let shared = format!("$share/g/{filter}");
        assert_eq!(mqtt.subscribe(&shared), ReasonCode::NotAuthorized, "{shared}");
    }
    let mut other = house.line_as("bert");
    other.expect("COMMAND=SET|DEVICE=relay|VALUE=ON", "REPLY=OK");
    other.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "REPLY=OK");
    let mut told = Vec::new();
    loop {
        let state = line.event("EVENT=STATE|");
        assert!(state.contains("|DEVICE=led|") || state.contains("|DEVICE=lamp|"), "{state}");
        if state.contains("|DEVICE=led|KIND=led|VALUE=1|") {
            break;
        }
    }
    loop {
        let publish = mqtt.message();
        let topic = publish.topic.expect("a topic").to_string();
        told.push(topic.clone());
        if topic == "pi/devices/led/state" && !publish.retain {
            break;
        }
    }
    assert!(!told.iter().any(|topic| topic.contains("relay") || topic.contains("motor")), "{told:?}");
    assert!(!told.iter().any(|topic| topic.starts_with("pi/gpio/27") || topic.contains("logs")), "{told:?}");
}

#[test]
fn topics_are_read_and_published_within_patterns() {
    let house = House::plain();
    let mut bert = house.mqtt_as("bert", "bert-1");
    assert_eq!(bert.publish(retained("home/bert/a", "his")).reason, ReasonCode::NoMatchingSubscribers);
    let mut anna = house.mqtt_as("anna", "panel");
    assert_eq!(anna.publish(retained("home/anna/a", "hers")).reason, ReasonCode::NoMatchingSubscribers);
    for (topic, reason_code) in [
        ("home/bert/a", ReasonCode::NotAuthorized),
        ("home", ReasonCode::NotAuthorized),
        ("pi/vars/other", ReasonCode::NotAuthorized),
        ("pi/vars/panel", ReasonCode::NoMatchingSubscribers),
    ] {
        assert_eq!(reason(&mut anna, topic, "x"), reason_code, "{topic}");
    }
    // Wider than what she may read: she is told what she may, retained or not, alone or in a group.
    anna.subscribe("home/#");
    assert_eq!(anna.message().topic, Some(topic_name("home/anna/a")));
    anna.subscribe_with("$share/g/home/+/+", SubscribeOptions::plain(QoS::AtMostOnce), Properties::new());
    bert.send(&Packet::Publish(publish("home/bert/b", "his")));
    bert.send(&Packet::Publish(publish("home/anna/b", "for her")));
    for _ in 0..2 {
        assert_eq!(anna.message().topic, Some(topic_name("home/anna/b")));
    }
}

#[test]
fn nobody_has_published_where_it_could_not_publish() {
    let house = House::plain();
    let mut anna = house.mqtt_as("anna", "panel");
    for (topic, expected) in
        [("home/bert/answers", ReasonCode::NotAuthorized), ("home/anna/answers", ReasonCode::Success)]
    {
        let mut request = publish("pi/rpc/commands", r#"{"device": "led", "method": "toggle"}"#);
        request.properties.push(Property::ResponseTopic(topic_name(topic)));
        assert_eq!(anna.publish(request).reason, expected, "{topic}");
    }
    for (user, topic, expected) in [
        ("anna", "home/bert/will", ReasonCode::NotAuthorized),
        ("anna", "pi/devices/motor/set", ReasonCode::NotAuthorized),
        ("vera", "pi/devices/led/set", ReasonCode::NotAuthorized),
        ("vera", "home/vera", ReasonCode::NotAuthorized),
        ("anna", "home/anna/will", ReasonCode::Success),
        ("anna", "pi/devices/led/set", ReasonCode::Success),
    ] {
        let connect =
            Connect { will: Some(will(topic, "OFF", false)), ..credentials("leaving", user, "password") };
        assert_eq!(house.connect(connect).1.reason, expected, "{user} {topic}");
    }
}

/// The next entry of the audit that is not about who signs in.
fn deed(root: &mut MqttClient) -> Json {
    loop {
        let audit = parse(&root.message_on("pi/logs/audit"));
        if !audit["action"].as_str().is_some_and(|action| action.starts_with("sign_")) {
            return audit;
        }
    }
}

#[test]
fn a_will_that_names_its_device_inside_is_looked_at_when_it_is_due() {
    let house = House::plain();
    let mut root = house.mqtt_as("root", "watcher");
    root.subscribe("pi/logs/audit");
    let forward = r#"{"device": "motor", "method": "forward"}"#;
    let connect = Connect {
        will: Some(will("pi/rpc/commands", forward, false)),
        ..credentials("leaving", "anna", "password")
    };
    drop(house.connect(connect));
    let audit = deed(&mut root);
    assert_eq!((&audit["user"], &audit["code"]), (&"anna".into(), &"ACCESS_DENIED".into()), "{audit}");
    house.line_as("bert").expect("COMMAND=GET|DEVICE=motor", "VALUE=0");
}

#[test]
fn the_audit_knows_users_and_refusals() {
    let house = House::plain();
    let mut root = house.mqtt_as("root", "watcher");
    assert_eq!(root.subscribe("pi/logs/audit"), ReasonCode::Success);
    let mut line = house.line_as("anna");
    let mut mqtt = house.mqtt_as("vera", "panel");
    let mut audited = |user: &str, code: Json, device: &str| {
        let audit = deed(&mut root);
        assert_eq!((&audit["user"], &audit["code"]), (&user.into(), &code), "{audit}");
        assert_eq!(audit["device"], device, "{audit}");
    };
    line.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "REPLY=OK");
    audited("anna", Json::Null, "led");
    line.expect("COMMAND=SET|DEVICE=motor|VALUE=1", "CODE=ACCESS_DENIED");
    audited("anna", "ACCESS_DENIED".into(), "motor");
    line.expect("COMMAND=SUB|DEVICE=relay", "CODE=ACCESS_DENIED");
    audited("anna", "ACCESS_DENIED".into(), "pi/devices/relay/state");
    reason(&mut mqtt, "pi/devices/led/set", "OFF");
    audited("vera", "ACCESS_DENIED".into(), "pi/devices/led/set");
    mqtt.subscribe("pi/logs/audit");
    audited("vera", "ACCESS_DENIED".into(), "pi/logs/audit");
}

#[test]
fn others_see_whose_a_client_is() {
    let house = House::plain();
    let mut watcher = house.mqtt_as("vera", "watcher");
    watcher.subscribe("pi/nodes/bench/user");
    let mut line = house.line();
    line.expect("COMMAND=HELLO|CLIENT=bench", "REPLY=OK");
    line.expect("COMMAND=AUTH|USER=anna|PASSWORD=password", "REPLY=OK");
    assert_eq!(watcher.message_on("pi/nodes/bench/user"), "anna");
    line.expect("COMMAND=QUIT", "REPLY=OK");
    assert_eq!(watcher.message_on("pi/nodes/bench/user"), "");
}

#[test]
fn a_client_id_belongs_to_its_user() {
    let house = House::plain();
    let mut bert = house.mqtt_as("bert", "panel");
    let (_client, connack) = house.connect(credentials("panel", "anna", "password"));
    assert_eq!(connack.reason, ReasonCode::NotAuthorized);
    let mut line = house.line_as("anna");
    line.expect("COMMAND=HELLO|CLIENT=panel", "CODE=ACCESS_DENIED");
    line.expect("COMMAND=HELLO|CLIENT=desk", "REPLY=OK|CLIENT=desk");
    let mut early = house.line();
    early.expect("COMMAND=HELLO|CLIENT=panel", "REPLY=OK");
    early.send("COMMAND=AUTH|USER=anna|PASSWORD=password");
    early.event("EVENT=CLOSING|CODE=ACCESS_DENIED|");
    bert.send(&Packet::Pingreq);
    assert_eq!(bert.receive(), Packet::Pingresp, "nothing has happened to him");
    house.mqtt_as("bert", "panel");
    assert!(matches!(bert.receive(), Packet::Disconnect(_)), "he takes over himself");
}

#[test]
fn a_session_stays_its_users_over_a_restart() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    super::write_users(&folder.path().join("users.json"), &super::residents());
    let sections = format!(
        r#""state_folder": "{}/state", "mqtt": {{"listen": "127.0.0.1:0", "persistence": "file"}},"#,
        folder.path().display()
    );
    let kept = |user| {
        let expiry = Properties::new().with(Property::SessionExpiryInterval(1000));
        Connect { clean_start: false, properties: expiry, ..credentials("panel", user, "password") }
    };
    let mut house = House { gatekeeper: House::in_folder(&folder, &sections), folder };
    let (mut anna, _) = house.connect(kept("anna"));
    let options = SubscribeOptions::plain(QoS::AtLeastOnce);
    anna.subscribe_with("home/#", options, Properties::new());
    drop(anna);
    assert!(house.gatekeeper.stop());
    house.gatekeeper = House::in_folder(&house.folder, &sections);
    let mut bert = house.mqtt_as("bert", "other");
    for topic in ["home/bert/a", "home/anna/a"] {
        bert.publish(Publish { qos: QoS::AtLeastOnce, ..publish(topic, "x") });
    }
    assert_eq!(house.connect(kept("bert")).1.reason, ReasonCode::NotAuthorized);
    let (mut anna, connack) = house.connect(kept("anna"));
    assert!(connack.session_present);
    assert_eq!(anna.message().topic, Some(topic_name("home/anna/a")), "and not what she may not read");
}

/// The token in the answer to LEASE.
fn token(reply: &str) -> &str {
    reply.split('|').find_map(|field| field.strip_prefix("TOKEN=")).expect("a token")
}

#[test]
fn who_leases_may_drive_all_of_it_and_only_an_admin_breaks() {
    let house = House::plain();
    house.line_as("vera").expect("COMMAND=LEASE|DEVICE=led", "CODE=ACCESS_DENIED");
    let mut anna = house.line_as("anna");
    for devices in ["motor", "led,motor", "*"] {
        anna.expect(&format!("COMMAND=LEASE|DEVICE={devices}"), "CODE=ACCESS_DENIED");
    }
    let lease = anna.ask("COMMAND=LEASE|DEVICE=led");
    let mut admin = house.line_as("root");
    admin.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "CODE=HELD");
    anna.expect("COMMAND=BREAK|DEVICE=led|REASON=mine", "CODE=ACCESS_DENIED");
    anna.expect(&format!("COMMAND=RENEW|TOKEN={}", token(&lease)), "REPLY=OK");
    admin.expect("COMMAND=BREAK|DEVICE=led|REASON=fire", "REPLY=OK");
    admin.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "REPLY=OK");
}

#[test]
fn leases_over_mqtt_take_the_same_rights() {
    let house = House::plain();
    let mut anna = house.mqtt_as("anna", "panel");
    let ask = |client: &mut MqttClient, device: &str, method: &str| {
        let reason = if method == "break" { r#"{"reason": "mine"}"# } else { "{}" };
        let request = format!(r#"{{"device": "{device}", "method": "{method}", "kwargs": {reason}}}"#);
        client.publish(publish("pi/rpc/commands", &request)).reason
    };
    assert_eq!(ask(&mut house.mqtt_as("vera", "eye"), "led", "lease"), ReasonCode::NotAuthorized);
    assert_eq!(ask(&mut anna, "motor", "lease"), ReasonCode::NotAuthorized);
    assert_eq!(ask(&mut anna, "led", "lease"), ReasonCode::Success);
    let mut admin = house.mqtt_as("root", "boss");
    assert_eq!(reason(&mut admin, "pi/devices/led/set", "ON"), ReasonCode::NotAuthorized, "held");
    assert_eq!(ask(&mut anna, "led", "break"), ReasonCode::NotAuthorized);
    assert_eq!(ask(&mut admin, "led", "break"), ReasonCode::Success);
    assert_eq!(reason(&mut admin, "pi/devices/led/set", "ON"), ReasonCode::Success);
}

#[test]
fn a_lease_is_its_users_even_where_another_takes_the_client_id() {
    let house = House::plain();
    let mut watcher = house.mqtt_as("vera", "watcher");
    watcher.subscribe("pi/nodes/bench/status");
    let mut is_gone = || while watcher.message_on("pi/nodes/bench/status") != "offline" {};
    let begin = |user: &str| {
        let mut client = house.line_as(user);
        client.expect("COMMAND=HELLO|CLIENT=bench", "REPLY=OK");
        client
    };
    let lease = begin("anna").ask("COMMAND=LEASE|DEVICE=led|TTL=1h");
    is_gone();
    let mut bert = begin("bert");
    bert.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "CODE=HELD");
    bert.expect(&format!("COMMAND=RENEW|TOKEN={}", token(&lease)), "CODE=NO_LEASE");
    bert.expect(&format!("COMMAND=SET|DEVICE=led|VALUE=ON|TOKEN={}", token(&lease)), "CODE=HELD");
    drop(bert);
    is_gone();
    let mut bert = house.mqtt_as("bert", "bench");
    assert_eq!(reason(&mut bert, "pi/devices/led/set", "ON"), ReasonCode::NotAuthorized);
    drop(bert);
    is_gone();
    let mut anna = house.mqtt_as("anna", "bench");
    assert_eq!(reason(&mut anna, "pi/devices/led/set", "ON"), ReasonCode::Success);
}

#[test]
fn an_admin_drives_publishes_and_reads_over_both_protocols() {
    let house = House::plain();
    let mut line = house.line_as("root");
    for command in ["SET|DEVICE=motor|VALUE=0", "PUB|VAR=a|VALUE=1", "SUB|VAR=a", "SEND|TO=boss|VALUE=1"] {
        let mut boss = house.mqtt_as("root", "boss");
        line.expect(&format!("COMMAND={command}"), "REPLY=OK");
        for topic in ["pi/devices/motor/set", "pi/vars/a", "home/bert/a", "pi/nodes/boss/message"] {
            assert!(!reason(&mut boss, topic, "0").is_error(), "{topic}");
        }
        for filter in ["pi/logs/audit", "pi/logs/#", "home/bert/#", "pi/vars/a"] {
            assert!(!boss.subscribe(filter).is_error(), "{filter}");
        }
    }
}

#[test]
fn what_is_for_one_client_is_kept_from_admins_too() {
    let house = House::plain();
    let mut root = house.mqtt_as("root", "boss");
    for filter in ["pi/rpc/responses/panel", "pi/nodes/panel/message", "pi/nodes/panel/lease"] {
        assert_eq!(root.subscribe(filter), ReasonCode::NotAuthorized, "{filter}");
    }
    for filter in ["#", "pi/rpc/responses/+", "pi/nodes/+/message"] {
        assert!(!root.subscribe(filter).is_error(), "{filter}");
    }
    let mut anna = house.mqtt_as("anna", "panel");
    anna.subscribe("pi/rpc/responses/panel");
    anna.call("panel", r#"{"device": "led", "method": "on"}"#);
    anna.subscribe("pi/nodes/panel/message");
    reason(&mut anna, "pi/nodes/panel/message", "hers");
    assert_eq!(anna.message_on("pi/nodes/panel/message"), "hers");
    assert_eq!(reason(&mut root, "pi/rpc/responses/panel", "forged"), ReasonCode::NotAuthorized);
    reason(&mut root, "home/last", "x");
    loop {
        let topic = root.message().topic.expect("a topic").to_string();
        assert!(!topic.starts_with("pi/rpc/") && !topic.ends_with("/message"), "{topic}");
        if topic == "home/last" {
            break;
        }
    }
}

#[test]
fn patterns_hold_for_variables_of_the_line_protocol() {
    let house = House::plain();
    let mut anna = house.line_as("anna");
    anna.expect("COMMAND=PUB|VAR=panel|VALUE=1", "CODE=ACCESS_DENIED");
    anna.expect("COMMAND=HELLO|CLIENT=panel", "REPLY=OK");
    anna.expect("COMMAND=PUB|VAR=panel|VALUE=1", "REPLY=OK");
    anna.expect("COMMAND=SUB|VAR=panel", "REPLY=OK");
    for command in ["PUB|VAR=other|VALUE=1", "SUB|VAR=other"] {
        anna.expect(&format!("COMMAND={command}"), "CODE=ACCESS_DENIED");
    }
}
