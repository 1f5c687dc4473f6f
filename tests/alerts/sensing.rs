//! What sensors measure, and what they do not measure when something is wrong with them.

use gpio_gatekeeper::domain::Fault;
use gpio_gatekeeper::{config, daemon};

use super::support::Gatekeeper;
use super::support::line::LineClient;

const AIR: &str = r#""air": {"aht20": {"interval": "100ms"}}, "dryer": {"relay": {"line": "GPIO27"}}"#;
const PLACE: &str = "/dev/i2c-1 address 0x38";

#[test]
fn a_field_of_a_sensor_is_watched_through_its_faults() {
    let damp = r#""thresholds": {"damp": {"device": "air", "field": "humidity", "max": 70, "hysteresis": 5,
        "action": {"device": "dryer", "set": 1}, "resolved_action": {"device": "dryer", "set": 0}}},"#;
    let gatekeeper = Gatekeeper::with(damp, AIR);
    let parts = gatekeeper.board().parts();
    let mut client = LineClient::patient(gatekeeper.line());
    client.expect("COMMAND=SUB|DEVICE=air", "REPLY=OK");
    client.expect("COMMAND=SUB|DEVICE=dryer", "REPLY=OK");
    parts.expose(PLACE, "humidity", 80.0);
    let created = client.event("EVENT=ALERT|DEVICE=air|CHANGE=created|");
    assert!(
        created.contains("|FIELD=humidity|LIMIT=max|BOUND=70|") && created.contains("|VALUE=80"),
        "{created}"
    );
    client.event("EVENT=STATE|DEVICE=dryer|KIND=relay|VALUE=1|");
    parts.disturb(PLACE, Fault::Nak);
    client.event("EVENT=STATE|DEVICE=air|KIND=aht20|ERROR=");
    client.expect("COMMAND=ALERTS|DEVICE=air", "COUNT=1");
    parts.expose(PLACE, "humidity", 60.0);
    parts.mend(PLACE);
    let resolved = client.event("EVENT=ALERT|");
    assert!(
        resolved.contains("|CHANGE=resolved|") && resolved.contains("|CAUSE=BACK|VALUE=60|"),
        "{resolved}"
    );
    assert_eq!(LineClient::field(&resolved, "ALERT"), LineClient::field(&created, "ALERT"));
    client.event("EVENT=STATE|DEVICE=dryer|KIND=relay|VALUE=0|");
}

#[test]
fn a_field_that_a_sensor_does_not_have_is_a_mistake_with_its_place() {
    let text = format!(
        r#"{{"thresholds": {{"damp": {{"device": "air", "field": "humidty", "max": 70}}}}, "devices": {{{AIR}}}}}"#
    );
    let report = config::load(&text, "file", &daemon::kinds()).err().expect("a mistake").to_string();
    let expected = "file:1:52: thresholds.damp.field: unknown field `humidty`, did you mean `humidity`? expected `value`, \
                    `temperature` or `humidity`";
    assert!(report.starts_with(expected), "{report}");
}
