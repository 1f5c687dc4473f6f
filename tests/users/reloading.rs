//! The users file changes while the daemon runs.

use std::path::Path;

use gpio_gatekeeper::wire::mqtt::{Connect, Packet, Properties, Property, QoS, ReasonCode, SubscribeOptions};
use nix::sys::signal::Signal;

use super::support::DEMO_DEVICES;
use super::support::line::LineClient;
use super::support::mqtt::{MqttClient, publish, topic_name, will};
use super::support::program::{Program, simulated};
use super::{House, PHC, credentials, residents, write_users};

/// The residents, but for what was changed.
fn but(from: &str, to: &str) -> String {
    let changed = residents().replace(from, to);
    assert_ne!(changed, residents());
    changed
}

impl House {
    /// Reads the users again.
    pub fn reload(&self, users: &str) {
        write_users(&self.folder.path().join("users.json"), users);
        self.gatekeeper.running().reloader().expect("there are users").reload();
    }
}

#[test]
fn changed_users_have_to_sign_in_again_and_others_go_on() {
    let house = House::plain();
    let (mut vera, mut bert) = (house.line_as("vera"), house.line_as("bert"));
    let mut panel = house.mqtt_as("vera", "panel");
    house.reload(&but("\"viewer\"", "\"operator\""));
    assert!(vera.receive().starts_with("EVENT=CLOSING|CODE=ACCESS_DENIED|"));
    assert_eq!(vera.next(), None);
    let Packet::Disconnect(disconnect) = panel.receive() else { panic!("no DISCONNECT") };
    assert_eq!(disconnect.reason, ReasonCode::NotAuthorized);
    bert.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "REPLY=OK");
    house.line_as("vera").expect("COMMAND=SET|DEVICE=led|VALUE=OFF", "REPLY=OK");
}

#[test]
fn who_is_removed_is_out_and_leaves_nothing() {
    let house = House::plain();
    let mut root = house.mqtt_as("root", "watcher");
    root.subscribe("home/#");
    let expiry = Properties::new().with(Property::SessionExpiryInterval(1000));
    let kept = |client: &str| Connect {
        clean_start: false,
        properties: expiry.clone(),
        will: Some(will("home/bert/will", "his", false)),
        ..credentials(client, "bert", "password")
    };
    let (away, _) = house.connect(kept("away"));
    drop(away);
    assert_eq!(root.message().topic, Some(topic_name("home/bert/will")));
    let (mut here, _) = house.connect(kept("here"));
    house.reload(&but("\"bert\"", "\"carl\""));
    assert!(matches!(here.next(), Some(Packet::Disconnect(_))));
    assert_eq!(house.connect(kept("here")).1.reason, ReasonCode::BadUserNameOrPassword);
    // The ids are free again, and no will of his was published.
    for client in ["away", "here"] {
        let (_client, connack) =
            house.connect(Connect { clean_start: false, ..credentials(client, "carl", "password") });
        assert_eq!((connack.reason, connack.session_present), (ReasonCode::Success, false));
    }
    root.publish(publish("home/last", "x"));
    assert_eq!(root.message().topic, Some(topic_name("home/last")));
}

#[test]
fn sessions_go_on_with_the_rights_that_their_users_have_now() {
    let house = House::plain();
    let expiry = Properties::new().with(Property::SessionExpiryInterval(1000));
    let kept = || Connect {
        clean_start: false,
        properties: expiry.clone(),
        ..credentials("panel", "anna", "password")
    };
    let mut bert = house.mqtt_as("bert", "bert-1");
    let (mut anna, _) = house.connect(kept());
    anna.subscribe_with("home/#", SubscribeOptions::plain(QoS::AtLeastOnce), Properties::new());
    house.reload(&but("home/%u/#", "home/new/#"));
    assert!(matches!(anna.next(), Some(Packet::Disconnect(_))));
    drop(anna);
    bert.publish(publish("home/anna/x", "hers before"));
    bert.publish(publish("home/new/x", "hers now"));
    let (mut anna, connack) = house.connect(kept());
    assert!(connack.session_present);
    assert_eq!(anna.message().topic, Some(topic_name("home/new/x")));
}

#[test]
fn sighup_reads_the_users_and_a_bad_file_changes_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let users = folder.path().join("users.json");
    write_users(&users, &residents());
    let config = simulated(&format!(r#""users": "{}","#, users.display()), DEMO_DEVICES);
    let mut program = Program::start(&config);
    let mut line = LineClient::patient(program.line);
    line.expect("COMMAND=AUTH|USER=anna|PASSWORD=password", "REPLY=OK");
    write_users(&users, "nonsense");
    program.process.signal(Signal::SIGHUP);
    program.process.error_with("the users stay as they are");
    line.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "REPLY=OK");
    write_users(
        Path::new(&users),
        &format!("{}, \"new\": {{\"role\": \"viewer\", \"password\": \"{PHC}\"}}", residents()),
    );
    program.process.signal(Signal::SIGHUP);
    program.process.error_with("7 users were read");
    line.expect("COMMAND=SET|DEVICE=led|VALUE=OFF", "REPLY=OK");
    MqttClient::connect_with(program.mqtt, credentials("c", "new", "password")).0.subscribe("pi/status");
    assert_eq!(program.stop(Signal::SIGTERM).code(), Some(0));
}
