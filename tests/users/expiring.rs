//! What has expired is good no more, also for who has signed in before.

use std::time::{SystemTime, UNIX_EPOCH};

use gpio_gatekeeper::wire::mqtt::{Connect, Disconnect, Packet, Properties, Property, QoS, ReasonCode};
use gpio_gatekeeper::wire::mqtt::{SubscribeOptions, Will};

use super::support::line::LineClient;
use super::support::mqtt::{MqttClient, publish, topic_name, will};
use super::{DIGEST, House, PHC, TOKEN, credentials, residents, write_users};

fn epoch() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// A house with these users.
fn with_users(users: &str) -> House {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_users(&folder.path().join("users.json"), users);
    House { gatekeeper: House::in_folder(&folder, ""), folder }
}

/// A CONNECT whose session outlives the connection, and which leaves a will.
fn kept(client: &str, user: &str, secret: &str) -> Connect {
    Connect {
        clean_start: false,
        properties: Properties::new().with(Property::SessionExpiryInterval(1000)),
        will: Some(will("home/brief/will", "gone", false)),
        ..credentials(client, user, secret)
    }
}

fn disconnected(client: &mut MqttClient) -> Disconnect {
    loop {
        if let Packet::Disconnect(disconnect) = client.receive() {
            assert_eq!(client.next(), None);
            return disconnect;
        }
    }
}

#[test]
fn a_user_who_expires_is_out_at_that_second_and_leaves_nothing() {
    let expires = epoch() + 5;
    let brief = format!(r#""brief": {{"role": "operator", "password": "{PHC}", "expires": {expires}}}"#);
    let house = with_users(&format!("{}, {brief}", residents()));
    let mut watcher = house.mqtt_as("root", "watcher");
    watcher.subscribe("home/#");
    let mut later = kept("away", "brief", "password");
    later.will = later
        .will
        .map(|will| Will { properties: Properties::new().with(Property::WillDelayInterval(1000)), ..will });
    drop(house.connect(later));
    let mut line = house.line_as("brief");
    line.expect("COMMAND=DO|DEVICE=motor|ACTION=forward", "VALUE=1");
    line.expect("COMMAND=LEASE|DEVICE=led|TTL=1h", "REPLY=OK");
    let (mut here, _) = house.connect(kept("here", "brief", "password"));
    here.subscribe_with("home/#", SubscribeOptions::plain(QoS::AtLeastOnce), Properties::new());

    assert!(line.receive().starts_with("EVENT=CLOSING|CODE=ACCESS_DENIED|MESSAGE=the user or the token"));
    assert!(epoch() >= expires, "not before");
    assert_eq!(line.next(), None);
    let Disconnect { reason, properties } = disconnected(&mut here);
    assert_eq!(reason, ReasonCode::NotAuthorized);
    assert_eq!(properties.reason_string(), Some("the user or the token has expired; sign in again"));
    assert_eq!(house.connect(kept("here", "brief", "password")).1.reason, ReasonCode::BadUserNameOrPassword);

    let mut bert = house.line_as("bert");
    bert.expect("COMMAND=GET|DEVICE=motor", "VALUE=0");
    bert.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "CODE=HELD");
    for client in ["here", "away"] {
        let (_client, connack) =
            house.connect(Connect { clean_start: false, ..credentials(client, "bert", "password") });
        assert_eq!((connack.reason, connack.session_present), (ReasonCode::Success, false), "{client}");
    }
    watcher.publish(publish("home/last", "x"));
    assert_eq!(watcher.message().topic, Some(topic_name("home/last")), "no will was published");
}

#[test]
fn a_token_that_expires_ends_its_connections_and_the_user_goes_on() {
    let expires = epoch() + 5;
    let (digest, both) = (format!(r#"{{"sha256": "{DIGEST}""#), format!(r#""password": "{PHC}", "tokens""#));
    let users = residents().replace(&digest, &format!(r#"{digest}, "expires": {expires}"#));
    let house = with_users(&users.replace(r#""tokens""#, &both));
    let mut watcher = house.mqtt_as("root", "watcher");
    watcher.subscribe("home/#");
    let mut by_password = LineClient::patient(house.gatekeeper.line());
    by_password.expect("COMMAND=AUTH|USER=esp|PASSWORD=password", "REPLY=OK");
    let mut by_token = LineClient::patient(house.gatekeeper.line());
    by_token.expect(&format!("COMMAND=AUTH|TOKEN={TOKEN}"), "REPLY=OK");
    let (mut here, connack) = house.connect(kept("here", "esp", TOKEN));
    assert_eq!(connack.reason, ReasonCode::Success);

    assert!(by_token.receive().starts_with("EVENT=CLOSING|CODE=ACCESS_DENIED|"));
    assert_eq!(disconnected(&mut here).reason, ReasonCode::NotAuthorized);
    assert_eq!(watcher.message_on("home/brief/will"), "gone");
    by_password.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "REPLY=OK");
    assert_eq!(house.connect(kept("here", "esp", TOKEN)).1.reason, ReasonCode::BadUserNameOrPassword);
    assert!(house.connect(kept("here", "esp", "password")).1.session_present, "the session is the user's");
}
