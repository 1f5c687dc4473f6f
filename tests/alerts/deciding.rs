//! Who may set thresholds, and who is told of alerts, where there are users.

use tempfile::TempDir;

use super::support::line::LineClient;
use super::support::mqtt::{MqttClient, connect};
use super::support::users::{PHC, write_users};
use super::support::{DEMO_DEVICES, Gatekeeper};
use gpio_gatekeeper::wire::mqtt::{Connect, Packet, ReasonCode};

/// A daemon with an admin `root`, an operator `anna` who has `lamp` and `led`, an operator `bert` who has everything, and
/// viewers `vera` of everything and `viki` of nothing but the motor.
struct House {
    gatekeeper: Gatekeeper,
    _folder: TempDir,
}

impl House {
    fn new() -> House {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("users.json");
        let user = |name: &str, role: &str, devices: &str| {
            format!(r#""{name}": {{"role": "{role}", "password": "{PHC}"{devices}}}"#)
        };
        let users = [
            user("root", "admin", ""),
            user("anna", "operator", r#", "devices": ["l*"]"#),
            user("bert", "operator", ""),
            user("vera", "viewer", ""),
            user("viki", "viewer", r#", "devices": ["motor"]"#),
        ];
        write_users(&file, &users.join(", "));
        let sections = format!(
            r#""users": "{}", "thresholds": {{"bright": {{"device": "lamp", "max": 0.5}}}},"#,
            file.display()
        );
        House { gatekeeper: Gatekeeper::with(&sections, DEMO_DEVICES), _folder: folder }
    }

    fn line(&self, user: &str) -> LineClient {
        let mut client = LineClient::patient(self.gatekeeper.line());
        client.expect(&format!("COMMAND=AUTH|USER={user}|PASSWORD=password"), "REPLY=OK");
        client
    }

    fn mqtt(&self, user: &str) -> MqttClient {
        let (username, password) = (Some(user.to_owned()), Some("password".into()));
        let connect = Connect { username, password, ..connect(user) };
        MqttClient::connect_with(self.gatekeeper.mqtt(), connect).0
    }
}

#[test]
fn who_drives_all_devices_of_a_threshold_sets_and_deletes_it() {
    let house = House::new();
    let [mut anna, mut bert, mut vera] = ["anna", "bert", "vera"].map(|user| house.line(user));
    for keys in
        ["DEVICE=motor|MAX=1", "DEVICE=lamp|MAX=1|ACTION=motor:0", "DEVICE=led|MIN=0|RESOLVED_ACTION=motor:0"]
    {
        anna.expect(&format!("COMMAND=THRESHOLD|NAME=a|{keys}"), "CODE=ACCESS_DENIED");
    }
    anna.expect("COMMAND=THRESHOLD|NAME=a|DEVICE=lamp|MAX=1|ACTION=led:0", "REPLY=OK|ORIGIN=operator");
    vera.expect("COMMAND=THRESHOLD|NAME=v|DEVICE=lamp|MAX=1", "CODE=ACCESS_DENIED");
    vera.expect("COMMAND=THRESHOLD|NAME=a|DELETE=1", "CODE=ACCESS_DENIED");
    bert.expect("COMMAND=THRESHOLD|NAME=b|DEVICE=lamp|MAX=1|ACTION=motor:0", "REPLY=OK");
    bert.expect("COMMAND=THRESHOLD|NAME=m|DEVICE=motor|MAX=1", "REPLY=OK");
    anna.expect("COMMAND=THRESHOLD|NAME=b|DELETE=1", "CODE=ACCESS_DENIED");
    anna.expect("COMMAND=THRESHOLD|NAME=b|DEVICE=lamp|MAX=1", "CODE=ACCESS_DENIED");
    anna.expect("COMMAND=THRESHOLD|NAME=m|DELETE=1", "CODE=NOT_FOUND");
    anna.expect("COMMAND=THRESHOLD|NAME=m|DEVICE=lamp|MAX=1", "CODE=ACCESS_DENIED");
    anna.expect("COMMAND=THRESHOLD|NAME=a|DELETE=1", "REPLY=OK");
    house.line("root").expect("COMMAND=THRESHOLD|NAME=m|DELETE=1", "REPLY=OK");
}

#[test]
fn thresholds_and_alerts_are_told_to_those_who_may_see_the_device() {
    let house = House::new();
    let mut bert = house.line("bert");
    bert.expect("COMMAND=THRESHOLD|NAME=m|DEVICE=motor|MAX=0", "REPLY=OK");
    bert.expect("COMMAND=SET|DEVICE=motor|VALUE=1", "REPLY=OK");
    bert.expect("COMMAND=SET|DEVICE=lamp|VALUE=1", "REPLY=OK");
    let mut anna = house.line("anna");
    anna.expect("COMMAND=THRESHOLD", "COUNT=1|THRESHOLDS=bright");
    anna.expect("COMMAND=THRESHOLD|NAME=m", "CODE=NOT_FOUND");
    anna.expect("COMMAND=THRESHOLD|DEVICE=motor", "CODE=ACCESS_DENIED");
    anna.expect("COMMAND=ALERTS", "COUNT=1");
    anna.expect("COMMAND=ALERTS|DEVICE=motor", "CODE=ACCESS_DENIED");
    let motors = LineClient::field(&bert.ask("COMMAND=ALERTS|DEVICE=motor"), "ALERTS").expect("one");
    anna.expect(&format!("COMMAND=ALERTS|ALERT={motors}"), "CODE=NOT_FOUND");
    house.line("vera").expect("COMMAND=THRESHOLD", "COUNT=2|THRESHOLDS=bright,m");
}

#[test]
fn topics_of_alerts_are_for_those_who_may_see_the_device() {
    let house = House::new();
    let mut viki = house.mqtt("viki");
    for filter in ["pi/alerts/lamp", "pi/alerts/lamp/open"] {
        assert_eq!(viki.subscribe(filter), ReasonCode::NotAuthorized, "{filter}");
    }
    assert!(!viki.subscribe("pi/alerts/#").is_error());
    let mut bert = house.line("bert");
    let mut seeing = house.mqtt("vera");
    seeing.subscribe("pi/alerts/#");
    bert.expect("COMMAND=SET|DEVICE=lamp|VALUE=1", "REPLY=OK");
    seeing.message_on("pi/alerts/lamp/open");
    viki.send(&Packet::Pingreq);
    assert_eq!(viki.receive(), Packet::Pingresp, "nothing of this was for it");
}

#[test]
fn an_operators_threshold_switches_nothing_off_that_another_holds() {
    let house = House::new();
    let [mut anna, mut bert, mut root] = ["anna", "bert", "root"].map(|user| house.line(user));
    bert.expect("COMMAND=LEASE|DEVICE=led|TTL=1h", "REPLY=OK");
    bert.expect("COMMAND=SET|DEVICE=led|VALUE=1", "REPLY=OK");
    for (client, name, led) in [(&mut anna, "a", "1"), (&mut root, "r", "0")] {
        client.expect(&format!("COMMAND=THRESHOLD|NAME={name}|DEVICE=lamp|MAX=0.1|ACTION=led:0"), "REPLY=OK");
        bert.expect("COMMAND=SET|DEVICE=lamp|VALUE=1", "REPLY=OK");
        // What is to be done is done before anything that comes later.
        bert.expect("COMMAND=GET|DEVICE=led", &format!("VALUE={led}"));
        bert.expect("COMMAND=SET|DEVICE=lamp|VALUE=0", "REPLY=OK");
    }
}
