//! What devices do when those who used them are gone.

use super::support::Gatekeeper;
use super::support::line::LineClient;
use super::support::mqtt::{MqttClient, publish};

fn watcher(gatekeeper: &Gatekeeper) -> LineClient {
    let mut watcher = LineClient::patient(gatekeeper.line());
    watcher.expect("COMMAND=SUB|DEVICE=motor", "REPLY=OK");
    watcher.event("EVENT=STATE|");
    watcher
}

fn state(watcher: &mut LineClient) -> String {
    LineClient::field(&watcher.event("EVENT=STATE|"), "STATE").expect("a state")
}

#[test]
fn a_motor_stops_when_its_driver_is_gone_whichever_protocol_it_spoke() {
    let gatekeeper = Gatekeeper::start();
    let mut watcher = watcher(&gatekeeper);
    let mut driver = LineClient::patient(gatekeeper.line());
    driver.expect("COMMAND=DO|DEVICE=motor|ACTION=forward", "VALUE=1");
    drop(driver);
    assert_eq!([state(&mut watcher), state(&mut watcher)], ["forward", "stopped"]);
    let mut driver = MqttClient::connect(gatekeeper.mqtt(), "driver");
    driver.publish(publish("pi/devices/motor/set", "1"));
    drop(driver);
    assert_eq!([state(&mut watcher), state(&mut watcher)], ["forward", "stopped"]);
}

#[test]
fn a_motor_stops_when_its_driver_says_no_more_or_goodbye() {
    let gatekeeper = Gatekeeper::start();
    let mut watcher = watcher(&gatekeeper);
    let mut driver = LineClient::patient(gatekeeper.line());
    driver.send("COMMAND=DO|DEVICE=motor|ACTION=forward");
    driver.finish();
    assert_eq!([state(&mut watcher), state(&mut watcher)], ["forward", "stopped"]);
    let mut driver = LineClient::patient(gatekeeper.line());
    driver.send("COMMAND=DO|DEVICE=motor|ACTION=forward");
    driver.expect("COMMAND=QUIT", "REPLY=OK");
    assert_eq!([state(&mut watcher), state(&mut watcher)], ["forward", "stopped"]);
}

#[test]
fn a_motor_stops_when_the_lease_on_it_expires() {
    let gatekeeper = Gatekeeper::start();
    let mut watcher = watcher(&gatekeeper);
    let mut driver = LineClient::patient(gatekeeper.line());
    driver.expect("COMMAND=DO|DEVICE=motor|ACTION=forward", "VALUE=1");
    driver.expect("COMMAND=LEASE|DEVICE=motor|TTL=100ms", "REPLY=OK");
    assert_eq!([state(&mut watcher), state(&mut watcher)], ["forward", "stopped"]);
    driver.event("EVENT=LEASE_LOST|");
}

#[test]
fn policies_are_described() {
    let gatekeeper =
        Gatekeeper::with("", r#""motor": {"motor": {"forward": 5, "backward": 6, "on_link_lost": "hold"}}"#);
    let mut client = LineClient::patient(gatekeeper.line());
    client.expect("COMMAND=DESCRIBE|DEVICE=motor", "ON_STOP=off|ON_LEASE_LOST=off|ON_LINK_LOST=hold");
}

#[test]
fn what_somebody_forgot_goes_off_and_everybody_sees_it() {
    let gatekeeper = Gatekeeper::with("", r#""pump": {"relay": {"line": 27, "max_on": "50ms"}}"#);
    let mut client = LineClient::patient(gatekeeper.line());
    client.expect("COMMAND=DESCRIBE|DEVICE=pump", "MAX_ON=50ms");
    client.expect("COMMAND=SUB|DEVICE=pump", "REPLY=OK");
    client.event("EVENT=STATE|");
    client.send("COMMAND=SET|DEVICE=pump|VALUE=ON");
    assert_eq!([state(&mut client), state(&mut client)], ["on", "off"]);
    MqttClient::connect(gatekeeper.mqtt(), "dash").publish(publish("pi/devices/pump/set", "ON"));
    assert_eq!([state(&mut client), state(&mut client)], ["on", "off"]);
}

#[test]
fn one_of_a_group_is_on_whichever_protocol_asks_for_another() {
    let interlock = r#""interlocks": {"pumps": {"devices": ["p", "q"], "dead_time": "1min"}},"#;
    let gatekeeper =
        Gatekeeper::with(interlock, r#""p": {"relay": {"line": 1}}, "q": {"relay": {"line": 2}}"#);
    let mut client = LineClient::patient(gatekeeper.line());
    client.expect("COMMAND=DESCRIBE|DEVICE=q", "INTERLOCKS=pumps");
    client.expect("COMMAND=SET|DEVICE=p|VALUE=ON", "CODE=INTERLOCKED");
    client.expect("COMMAND=SET|DEVICE=p|VALUE=OFF", "VALUE=0");
    let mut dash = MqttClient::connect(gatekeeper.mqtt(), "dash");
    let refused = dash.publish(publish("pi/devices/q/set", "ON"));
    let words = refused.properties.reason_string().map(str::to_owned);
    assert!(words.is_some_and(|words| words.starts_with("INTERLOCKED: q is blocked by p, ")));
}
