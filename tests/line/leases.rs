//! Leases over the line protocol, and between both protocols.

use super::support::Gatekeeper;
use super::support::line::LineClient;
use super::support::mqtt::{MqttClient, publish};
use gpio_gatekeeper::wire::mqtt::ReasonCode;

fn client(gatekeeper: &Gatekeeper, id: &str) -> LineClient {
    let mut client = LineClient::patient(gatekeeper.line());
    client.expect(&format!("COMMAND=HELLO|CLIENT={id}"), "REPLY=OK");
    client
}

fn lease(client: &mut LineClient, fields: &str) -> String {
    let reply = client.ask(&format!("COMMAND=LEASE|{fields}"));
    assert!(reply.starts_with("REPLY=OK|TOKEN="), "{reply}");
    LineClient::field(&reply, "TOKEN").expect("a token")
}

#[test]
fn the_holder_alone_writes_whichever_protocol_the_others_speak() {
    let gatekeeper = Gatekeeper::start();
    let mut panel = client(&gatekeeper, "panel");
    panel.expect("COMMAND=LEASE|DEVICE=led,motor|TTL=1h", "REPLY=OK|DEVICES=led,motor|TTL=1h");
    let mut other = client(&gatekeeper, "other");
    let refused = other.ask("COMMAND=SET|DEVICE=led|VALUE=ON");
    assert_eq!(LineClient::field(&refused, "CODE").as_deref(), Some("HELD"));
    assert!(refused.contains("held by panel for another 3"), "{refused}");
    other.expect("COMMAND=GET|DEVICE=led", "VALUE=0");
    let mut dash = MqttClient::connect(gatekeeper.mqtt(), "dash");
    let refused = dash.publish(publish("pi/devices/motor/set", "1"));
    assert_eq!(refused.reason, ReasonCode::NotAuthorized);
    panel.expect("COMMAND=DO|DEVICE=motor|ACTION=forward", "VALUE=1");
}

#[test]
fn a_lease_is_renewed_and_given_back_with_its_token() {
    let gatekeeper = Gatekeeper::start();
    let mut panel = client(&gatekeeper, "panel");
    let token = lease(&mut panel, "DEVICE=*");
    panel.expect(&format!("COMMAND=RENEW|TOKEN={token}"), "REPLY=OK|DEVICES=*|TTL=30s");
    panel.expect(&format!("COMMAND=SET|DEVICE=led|VALUE=ON|TOKEN={token}"), "VALUE=1");
    panel.expect(&format!("COMMAND=RELEASE|TOKEN={token}"), "REPLY=OK");
    panel.expect(&format!("COMMAND=RENEW|TOKEN={token}"), "CODE=NO_LEASE");
    panel.expect(&format!("COMMAND=SET|DEVICE=led|VALUE=OFF|TOKEN={token}"), "CODE=STALE_TOKEN");
    panel.expect("COMMAND=GET|DEVICE=led", "VALUE=1");
}

#[test]
fn the_holder_is_warned_and_told_of_the_end_without_subscribing() {
    let gatekeeper = Gatekeeper::start();
    let mut panel = client(&gatekeeper, "panel");
    let token = lease(&mut panel, "DEVICE=led|TTL=200ms");
    let ending = panel.event("EVENT=");
    assert!(ending.starts_with(&format!("EVENT=LEASE_ENDING|TOKEN={token}|DEVICES=led|LEFT=")), "{ending}");
    let lost = format!("EVENT=LEASE_LOST|TOKEN={token}|DEVICES=led|CAUSE=EXPIRED");
    assert_eq!(panel.event("EVENT="), lost);
}

#[test]
fn a_broken_lease_is_told_with_its_reason() {
    let gatekeeper = Gatekeeper::start();
    let mut panel = client(&gatekeeper, "panel");
    let token = lease(&mut panel, "DEVICE=led");
    client(&gatekeeper, "boss").expect("COMMAND=BREAK|DEVICE=led|REASON=a%7Cb", "REPLY=OK");
    let lost = format!("EVENT=LEASE_LOST|TOKEN={token}|DEVICES=led|CAUSE=BROKEN|BY=boss|REASON=a%7Cb");
    assert_eq!(panel.event("EVENT="), lost);
}

#[test]
fn a_client_that_comes_back_still_holds_its_lease() {
    let gatekeeper = Gatekeeper::start();
    let token = lease(&mut client(&gatekeeper, "panel"), "DEVICE=led");
    client(&gatekeeper, "other").expect("COMMAND=SET|DEVICE=led|VALUE=ON", "CODE=HELD");
    let mut again = client(&gatekeeper, "panel");
    again.expect(&format!("COMMAND=SET|DEVICE=led|VALUE=ON|TOKEN={token}"), "VALUE=1");
}

#[test]
fn who_waits_gets_the_lease_when_the_holders_connection_ends() {
    let gatekeeper = Gatekeeper::start();
    let mut panel = client(&gatekeeper, "panel");
    let mut waiting = client(&gatekeeper, "waiting");
    panel.expect("COMMAND=LEASE|DEVICE=led|TTL=1h|CONNECTION=1", "REPLY=OK");
    waiting.send("COMMAND=LEASE|DEVICE=led,relay|WAIT=1h");
    drop(panel);
    assert!(waiting.reply().starts_with("REPLY=OK|TOKEN="));
    waiting.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "VALUE=1");
}

#[test]
fn who_ends_its_side_of_the_connection_waits_no_more() {
    let gatekeeper = Gatekeeper::start();
    lease(&mut client(&gatekeeper, "panel"), "DEVICE=led|TTL=1h");
    let mut waiting = client(&gatekeeper, "waiting");
    waiting.send("COMMAND=LEASE|DEVICE=led|WAIT=1h");
    waiting.finish();
    assert!(waiting.reply().starts_with("REPLY=ERROR|CODE=EXPIRED|"));
    assert_eq!(waiting.next(), None);
}

#[test]
fn a_device_that_requires_a_lease_says_so() {
    let devices = r#""pump": {"relay": {"line": "GPIO27", "require_lease": true}}"#;
    let gatekeeper = Gatekeeper::with("", devices);
    let mut panel = client(&gatekeeper, "panel");
    panel.expect("COMMAND=DESCRIBE|DEVICE=pump", "REQUIRE_LEASE=1");
    panel.expect("COMMAND=SET|DEVICE=pump|VALUE=ON", "CODE=LEASE_REQUIRED");
    lease(&mut panel, "DEVICE=pump");
    panel.expect("COMMAND=SET|DEVICE=pump|VALUE=ON", "VALUE=1");
}
