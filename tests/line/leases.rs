//! Leases over the line protocol, and between both protocols.

use std::time::Instant;

use gpio_gatekeeper::daemon::Ending;
use gpio_gatekeeper::wire::mqtt::{Packet, ReasonCode};

use super::support::faulty::{self, Fault};
use super::support::line::LineClient;
use super::support::mqtt::{MqttClient, publish};
use super::support::{DEMO_DEVICES, Gatekeeper, PATIENCE};

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

#[test]
fn how_long_a_lease_lasts_has_its_bounds() {
    let gatekeeper = Gatekeeper::start();
    let mut panel = client(&gatekeeper, "panel");
    for (ttl, wanted) in [
        ("", "TTL=30s"),
        ("|TTL=99ms", "CODE=OUT_OF_RANGE"),
        ("|TTL=100ms", "TTL=100ms"),
        ("|TTL=1h", "TTL=1h"),
        ("|TTL=3601s", "CODE=OUT_OF_RANGE"),
    ] {
        panel.expect(&format!("COMMAND=LEASE|DEVICE=led{ttl}"), wanted);
    }
}

#[test]
fn a_lease_is_broken_for_a_reason_or_not_at_all() {
    let gatekeeper = Gatekeeper::start();
    let mut panel = client(&gatekeeper, "panel");
    lease(&mut panel, "DEVICE=led");
    let mut boss = client(&gatekeeper, "boss");
    boss.expect("COMMAND=BREAK|DEVICE=led", "CODE=MISSING_KEY");
    boss.expect("COMMAND=BREAK|DEVICE=led|REASON=", "CODE=OUT_OF_RANGE");
    boss.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "CODE=HELD");
    panel.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "VALUE=1");
}

#[test]
fn who_asked_first_is_served_first_whichever_protocol_it_speaks() {
    let gatekeeper = Gatekeeper::start();
    let mut panel = client(&gatekeeper, "panel");
    let token = lease(&mut panel, "DEVICE=led");
    for device in ["relay", "lamp"] {
        panel.expect(&format!("COMMAND=SUB|DEVICE={device}"), "REPLY=OK");
        panel.event("EVENT=STATE|");
    }
    // What they switch on after they have asked says that they wait.
    let mut first = client(&gatekeeper, "first");
    first.send("COMMAND=LEASE|DEVICE=led|WAIT=1h");
    first.send("COMMAND=SET|DEVICE=relay|VALUE=ON");
    assert!(panel.event("EVENT=STATE|").contains("|DEVICE=relay|"));
    let mut second = MqttClient::connect(gatekeeper.mqtt(), "second");
    second.subscribe("pi/rpc/responses/second");
    let request = r#"{"device": "led", "method": "lease", "kwargs": {"wait": "1h"}}"#;
    second.send(&Packet::Publish(publish("pi/rpc/commands", request)));
    second.send(&Packet::Publish(publish("pi/devices/lamp/set", "ON")));
    assert!(panel.event("EVENT=STATE|").contains("|DEVICE=lamp|"));
    panel.expect(&format!("COMMAND=RELEASE|TOKEN={token}"), "REPLY=OK");
    let granted = first.reply();
    let token = LineClient::field(&granted, "TOKEN").expect("it was first");
    assert!(first.reply().contains("|DEVICE=relay|"));
    first.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "VALUE=1");
    first.expect(&format!("COMMAND=RELEASE|TOKEN={token}"), "REPLY=OK");
    assert!(second.message_on("pi/rpc/responses/second").contains(r#""status":"success""#));
    first.expect("COMMAND=SET|DEVICE=led|VALUE=OFF", "CODE=HELD");
}

#[test]
fn every_write_of_the_holder_renews_its_lease_whichever_protocol_it_speaks() {
    let gatekeeper = Gatekeeper::start();
    let mut panel = client(&gatekeeper, "panel");
    lease(&mut panel, "DEVICE=led|TTL=5s");
    let mut dash = MqttClient::connect(gatekeeper.mqtt(), "dash");
    dash.subscribe("pi/nodes/dash/lease");
    let request = r#"{"device": "relay", "method": "lease", "kwargs": {"ttl": "5s"}}"#;
    dash.publish(publish("pi/rpc/commands", request));
    let mut watcher = MqttClient::connect(gatekeeper.mqtt(), "watcher");
    watcher.subscribe("pi/leases/+");
    let mut told: Vec<String> = ["led", "relay"].map(|name| expiry(&mut watcher, name)).into();
    // When a fifth of the time is left they write, and everybody is told of another end.
    panel.event("EVENT=LEASE_ENDING|");
    panel.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "VALUE=1");
    told.push(expiry(&mut watcher, "led"));
    dash.message_on("pi/nodes/dash/lease");
    dash.publish(publish("pi/devices/relay/set", "ON"));
    told.push(expiry(&mut watcher, "relay"));
    assert!(told[0] < told[2] && told[1] < told[3], "{told:?}");
}

/// Until when everybody is told that a lease on this device lasts.
fn expiry(watcher: &mut MqttClient, device: &str) -> String {
    let told = watcher.message_on(&format!("pi/leases/{device}"));
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    format!("{:.6}", told["expires"].as_f64().unwrap_or_else(|| panic!("{told}")))
}

#[test]
fn who_holds_a_lease_is_served_before_those_who_came_first() {
    let (hardware, _board, switch) = faulty::hardware();
    let daemon = Gatekeeper::daemon("", DEMO_DEVICES, hardware);
    let connect = || LineClient::patient(daemon.line_address().expect("on"));
    let mut watcher = MqttClient::connect(daemon.mqtt_address().expect("on"), "watcher");
    watcher.subscribe("pi/logs/audit");
    let mut holder = connect();
    holder.expect("COMMAND=HELLO|CLIENT=holder", "REPLY=OK");
    lease(&mut holder, "DEVICE=led");
    switch.set(27, Fault::Stuck);
    // Each is with the hardware thread before the next one follows.
    let commands = daemon.shared().commands.clone();
    let send = |client: &mut LineClient, fields: &str| {
        let until = Instant::now() + PATIENCE;
        let before = commands.count();
        client.send(fields);
        while commands.count() == before {
            assert!(Instant::now() < until, "{fields} does not arrive");
            std::thread::yield_now();
        }
    };
    let [mut stuck, mut others] = [connect(), connect()];
    send(&mut stuck, "COMMAND=SET|DEVICE=relay|VALUE=ON");
    (0..5).for_each(|_| send(&mut others, "COMMAND=SET|DEVICE=lamp|VALUE=TOGGLE"));
    send(&mut holder, "COMMAND=SET|DEVICE=led|VALUE=ON");
    switch.mend();
    let mut order = Vec::new();
    while order.len() < 7 {
        let entry: serde_json::Value =
            serde_json::from_str(&watcher.message_on("pi/logs/audit")).expect("JSON");
        order.extend(entry["device"].as_str().filter(|_| entry["new"].is_number()).map(str::to_owned));
    }
    assert_eq!(order[..3], ["relay", "led", "lamp"], "{order:?}");
    assert!(daemon.stop(Ending::Asked));
}
