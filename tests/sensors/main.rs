//! A whole daemon with sensors on simulated buses, and on those of this machine.

#[path = "../support/mod.rs"]
mod support;

use gpio_gatekeeper::domain::Fault;
use gpio_gatekeeper::hardware::Place;
use gpio_gatekeeper::hardware::parts::Parts;
use serde_json::Value as Json;
use support::Gatekeeper;
use support::line::LineClient;
use support::mqtt::MqttClient;
use support::real_buses::real_buses;

const ROOM: &str = r#""room": {"tmp102": {"interval": "100ms"}}"#;
const ROOM_PLACE: &str = "/dev/i2c-1 address 0x48";
const LED: &str = r#""led": {"led": {"line": "GPIO17", "on_stop": "off"}}"#;

/// A client that hears of this device, and the state that it was told first.
fn subscribed(gatekeeper: &Gatekeeper, device: &str) -> LineClient {
    let mut client = LineClient::patient(gatekeeper.line());
    client.expect(&format!("COMMAND=SUB|DEVICE={device}"), "REPLY=OK");
    client
}

fn parts(gatekeeper: &Gatekeeper) -> Parts {
    gatekeeper.board().parts()
}

#[test]
fn what_a_sensor_reads_is_told_to_everybody() {
    let gatekeeper = Gatekeeper::with("", r#""air": {"aht20": {"interval": "100ms"}}"#);
    let mut line = subscribed(&gatekeeper, "air");
    let mut mqtt = MqttClient::connect(gatekeeper.mqtt(), "m");
    mqtt.subscribe("pi/devices/air/state");
    parts(&gatekeeper).expose("/dev/i2c-1 address 0x38", "temperature", -7.5);
    parts(&gatekeeper).expose("/dev/i2c-1 address 0x38", "humidity", 80.0);
    let wanted =
        |event: &String| event.contains("|VALUE=-7.5|STATE=reading|") && event.contains("|HUMIDITY=80");
    while !wanted(&line.event("EVENT=STATE|DEVICE=air|")) {}
    loop {
        let state: Json = serde_json::from_str(&mqtt.message_on("pi/devices/air/state")).expect("JSON");
        if state["value"] == -7.5 {
            assert_eq!((&state["temperature"], &state["humidity"]), (&(-7.5).into(), &80.into()));
            break;
        }
    }
}

#[test]
fn the_registry_has_the_units_of_all_values() {
    let gatekeeper = Gatekeeper::with("", r#""case": {"emc2101": {"tachometer": true}}"#);
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "m");
    client.subscribe("pi/devices/registry");
    let registry: Json = serde_json::from_str(&client.message_on("pi/devices/registry")).expect("JSON");
    let expected = serde_json::json!({"temperature": "°C", "internal_temperature": "°C", "rpm": "1/min"});
    assert_eq!((&registry["case"]["values"], &registry["case"]["unit"]), (&expected, &"°C".into()));
}

#[test]
fn a_bus_that_hangs_delays_neither_commands_nor_the_stop() {
    let room = ROOM.replace("100ms\"", "100ms\", \"stale_after\": \"1s\"");
    let mut gatekeeper = Gatekeeper::with("", &format!("{room}, {LED}"));
    let mut client = subscribed(&gatekeeper, "room");
    client.event("EVENT=STATE|DEVICE=room|KIND=tmp102|VALUE=21.5|");
    parts(&gatekeeper).disturb(ROOM_PLACE, Fault::Stuck);
    client.expect("COMMAND=GET|DEVICE=room", "REPLY=OK");
    client.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "VALUE=1");
    // It is stale in the end, which shows that the bus hangs now, and reads again when it hangs no more.
    let stale =
        "EVENT=STATE|DEVICE=room|KIND=tmp102|ERROR=nothing was read for 1s: its bus does not come back|";
    client.event(stale);
    parts(&gatekeeper).mend(ROOM_PLACE);
    client.event("EVENT=STATE|DEVICE=room|KIND=tmp102|VALUE=21.5|STATE=reading|");
    parts(&gatekeeper).disturb(ROOM_PLACE, Fault::Stuck);
    client.event(stale);
    client.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "VALUE=1");
    // If it waited for the bus, the hardware thread would not end in time, which is a failure.
    assert!(gatekeeper.stop(), "it is no failure of the gatekeeper");
    // Its thread is let go, so that it ends before the test does.
    gatekeeper.board().parts().mend(ROOM_PLACE);
}

#[test]
fn a_slow_bus_delays_its_own_sensors_alone() {
    let devices = format!(r#"{ROOM}, "other": {{"tmp102": {{"bus": "/dev/i2c-2", "interval": "100ms"}}}}"#);
    let gatekeeper = Gatekeeper::with("", &devices);
    // As long as nothing else in here may take.
    gatekeeper.board().inject(Place::Part(ROOM_PLACE.to_owned()), Fault::Slow(support::PATIENCE));
    let mut client = subscribed(&gatekeeper, "other");
    for temperature in [30.0, 31.0, 32.0] {
        parts(&gatekeeper).expose("/dev/i2c-2 address 0x48", "temperature", temperature);
        client.event(&format!("EVENT=STATE|DEVICE=other|KIND=tmp102|VALUE={temperature}|STATE=reading|"));
    }
    gatekeeper.board().mend(&Place::Part(ROOM_PLACE.to_owned()));
}

#[test]
fn a_sensor_comes_back() {
    let gatekeeper = Gatekeeper::with("", ROOM);
    let mut client = subscribed(&gatekeeper, "room");
    client.event("EVENT=STATE|DEVICE=room|KIND=tmp102|VALUE=21.5|");
    parts(&gatekeeper).disturb(ROOM_PLACE, Fault::Nak);
    client.event(&format!(
        "EVENT=STATE|DEVICE=room|KIND=tmp102|ERROR={ROOM_PLACE} does not answer|STATE=fault|"
    ));
    parts(&gatekeeper).mend(ROOM_PLACE);
    client.event("EVENT=STATE|DEVICE=room|KIND=tmp102|VALUE=21.5|STATE=reading|");
}

#[test]
fn a_daemon_starts_without_its_sensors() {
    let missing = r#""a": {"tmp102": {"bus": "/dev/i2c-250"}}, "b": {"ds18b20": {"id": "28-000000000000"}},
        "c": {"max31865": {"device": "/dev/spidev9.9", "reference": 430, "wires": 2}}"#;
    let daemon = Gatekeeper::daemon("", missing, Box::new(real_buses()));
    let mut client = LineClient::patient(daemon.line_address().expect("it is on"));
    for device in ["a", "b", "c"] {
        client.expect(&format!("COMMAND=SUB|DEVICE={device}"), "REPLY=OK");
        let fault = client.event(&format!("EVENT=STATE|DEVICE={device}|"));
        // The first state may be the one from before the first attempt.
        let fault = if fault.contains("STATE=stale") { client.event("EVENT=STATE|") } else { fault };
        assert!(fault.contains("No such file or directory") && fault.contains("|STATE=fault|"), "{fault}");
        client.expect(&format!("COMMAND=UNSUB|DEVICE={device}"), "REPLY=OK");
    }
    client.expect("COMMAND=DO|DEVICE=a|ACTION=simulate|VALUE=1", "CODE=NOT_SUPPORTED");
    assert!(daemon.stop(gpio_gatekeeper::daemon::Ending::Asked));
}
