//! Sensors on simulated buses: what they tell, and what becomes of those in trouble.

use gpio_gatekeeper::domain::{Code, Datum, Fault};
use gpio_gatekeeper::hardware::Simulation;

use super::bench::{Bench, mistakes};

const ROOM: &str = r#""room": {"tmp102": {"interval": "2s"}}"#;
const ROOM_PLACE: &str = "/dev/i2c-1 address 0x48";
const AIR: &str = r#""air": {"aht20": {"bus": "/dev/i2c-3", "interval": "10s"}}"#;
const AIR_PLACE: &str = "/dev/i2c-3 address 0x38";

/// The state of a device without asking it for anything new: event, value, and its own fields.
fn state(bench: &mut Bench, name: &str) -> (String, Result<f64, String>, Vec<(&'static str, Datum)>) {
    let state = bench.state(&format!("{name}.read()"));
    (state.event.to_owned(), state.value.clone().map_err(|error| error.to_string()), state.fields.clone())
}

fn error(bench: &mut Bench, name: &str) -> String {
    state(bench, name).1.expect_err("it is in trouble")
}

#[test]
fn every_kind_reads_its_part() {
    let bench = &mut Bench::new(
        r#""a": {"aht10": {"address": "0x39"}}, "b": {"aht20": {}}, "c": {"tmp102": {"address": "0x49"}},
        "d": {"emc2101": {"tachometer": true}}, "e": {"ads1115": {"channel": "0", "full_scale": 0.256}},
        "f": {"pt100": {"channel": "1", "reference": 3300}},
        "g": {"max31865": {"reference": 430, "wires": 3}}, "h": {"ds18b20": {"id": "28-0316a2795bff"}},
        "i": {"cpu_temperature": {"precision": 3}}"#,
    );
    bench.pass(1000);
    let number = |name, value| (name, Datum::Number(value));
    let temperature = number("temperature", 21.5);
    for (name, value, fields) in [
        ("a", 21.5, vec![temperature.clone(), number("humidity", 45.0)]),
        ("b", 21.5, vec![temperature.clone(), number("humidity", 45.0)]),
        ("c", 21.5, vec![temperature.clone()]),
        ("d", 21.5, vec![temperature.clone(), number("internal_temperature", 30.0), number("rpm", 1200.0)]),
        ("e", 0.105, vec![number("voltage", 0.105)]),
        ("f", 21.7, vec![number("temperature", 21.7), number("resistance", 108.5)]),
        ("g", 21.5, vec![temperature.clone(), number("resistance", 108.4)]),
        ("h", 21.5, vec![temperature.clone()]),
        ("i", 21.5, vec![temperature]),
    ] {
        assert_eq!(state(bench, name), ("reading".to_owned(), Ok(value), fields), "{name}");
    }
}

#[test]
fn nothing_is_a_number_before_it_is_read() {
    let bench = &mut Bench::new(AIR);
    assert_eq!(error(bench, "air"), "nothing was read yet");
    bench.pass(89);
    assert_eq!(bench.told(), [""; 0], "the part needs 10 ms for its calibration and 80 ms for the rest");
    bench.pass(1);
    assert_eq!(bench.told(), ["reading@90"]);
}

#[test]
fn a_change_is_told_and_the_same_again_is_not() {
    let bench = &mut Bench::new(ROOM);
    bench.pass(10_000);
    bench.board.parts().expose(ROOM_PLACE, "temperature", -12.25);
    bench.pass(10_000);
    assert_eq!(bench.told(), ["reading@0", "reading@12000"]);
    assert_eq!(state(bench, "room").1, Ok(-12.3), "one decimal unless it is said otherwise");
}

#[test]
fn a_sensor_that_is_not_there_is_tried_less_and_less_often() {
    let simulation = Simulation::new();
    let parts = simulation.board().parts();
    parts.disturb(ROOM_PLACE, Fault::Nak);
    let bench = &mut Bench::on(simulation, ROOM).expect("it starts without the sensor");
    // Tried at 0, 1, 3, 7, 15, 31, 63 and 123 s, and each minute from there on.
    bench.pass(183_500);
    assert_eq!(bench.told(), ["fault@0"], "the same again is not told again");
    assert_eq!(error(bench, "room"), format!("{ROOM_PLACE} does not answer"));
    parts.mend(ROOM_PLACE);
    bench.pass(61_000);
    // A `read` asks as well, but not within a second of the last attempt, which was at 183 s.
    assert_eq!(bench.told(), ["reading@243000"]);
    bench.pass(10_000);
    parts.disturb(ROOM_PLACE, Fault::Nak);
    bench.pass(1000);
    parts.mend(ROOM_PLACE);
    bench.pass(1000);
    assert_eq!(bench.told().len(), 2, "after a reading the first pause is a second again");
}

#[test]
fn one_in_trouble_does_not_concern_its_neighbour() {
    let bench = &mut Bench::new(r#""room": {"tmp102": {}}, "other": {"tmp102": {"address": "0x49"}}"#);
    bench.board.parts().disturb(ROOM_PLACE, Fault::Nak);
    bench.pass(100);
    assert!(state(bench, "room").1.is_err());
    assert_eq!(state(bench, "other").1, Ok(21.5));
}

#[test]
fn a_wrong_bit_is_an_error_and_no_number() {
    let devices = format!(
        r#"{AIR}, {ROOM}, "tank": {{"ds18b20": {{"id": "28-0316a2795bff"}}}}, "cpu": {{"cpu_temperature": {{}}}}"#
    );
    let bench = &mut Bench::new(&devices);
    let tank = "/sys/bus/w1/devices/28-0316a2795bff/w1_slave";
    for place in [AIR_PLACE, ROOM_PLACE, tank, "/sys/class/thermal/thermal_zone0/temp"] {
        bench.board.parts().disturb(place, Fault::BitErrors);
    }
    bench.pass(300);
    for (name, expected) in
        [("air", "checksum"), ("room", "always 0"), ("tank", "checksum"), ("cpu", "no reading")]
    {
        let (event, value, fields) = state(bench, name);
        assert!(event == "fault" && fields.is_empty(), "{name}");
        assert!(value.expect_err("no number").contains(expected), "{name}");
    }
}

#[test]
fn what_is_not_plausible_is_an_error() {
    let bench = &mut Bench::new(
        r#""room": {"tmp102": {"offset": 2, "plausible": {"max": 30}, "interval": "1s", "precision": 0}}"#,
    );
    bench.board.parts().expose(ROOM_PLACE, "temperature", 28.5);
    bench.pass(500);
    assert_eq!(error(bench, "room"), "the temperature is not plausible: it is above 30");
    bench.board.parts().expose(ROOM_PLACE, "temperature", 20.0);
    bench.pass(2000);
    assert_eq!(state(bench, "room").1, Ok(22.0));
}

#[test]
fn what_a_hanging_bus_said_before_becomes_stale() {
    let bench = &mut Bench::new(&ROOM.replace("2s\"", "2s\", \"stale_after\": \"7s\""));
    bench.pass(1000);
    bench.hang_buses();
    bench.pass(20_000);
    assert_eq!(bench.told(), ["reading@0", "stale@7000"]);
    assert_eq!(error(bench, "room"), "nothing was read for 7s: its bus does not come back");
}

#[test]
fn reading_asks_for_a_fresh_value_and_does_not_wait_for_it() {
    let bench = &mut Bench::new(&ROOM.replace("2s", "1h"));
    bench.pass(1000);
    bench.board.parts().expose(ROOM_PLACE, "temperature", 30.0);
    let before = bench.state("room.read()");
    assert_eq!(before.value, Ok(21.5), "what was read last");
    assert_eq!(bench.told(), ["reading@0", "reading@1000"]);
    assert_eq!(bench.state("room.read()").value, Ok(30.0));
    assert_eq!(bench.refusal("room.read(5)"), Code::BadValue);
}

#[test]
fn a_simulated_sensor_can_be_exposed_to_a_value() {
    let bench = &mut Bench::new(AIR);
    bench.pass(50);
    bench.state("air.simulate(-3.3)");
    bench.pass(300);
    assert_eq!(state(bench, "air").1, Ok(-3.3), "also while a reading was under way");
    assert_eq!(bench.refusal("air.simulate(100)"), Code::OutOfRange);
    assert_eq!(bench.refusal("air.simulate()"), Code::MissingKey);
    assert_eq!(bench.refusal("air.on()"), Code::UnknownAction);
}

#[test]
fn a_heater_warms_and_a_fan_cools_the_simulated_one() {
    let bench = &mut Bench::new(
        r#""heater": {"relay": {"line": "GPIO1"}}, "fan": {"pwm_led": {"line": "GPIO2"}},
        "box": {"simulated": {"heater": "heater", "fan": "fan", "ambient": 20, "heating": 60, "cooling": 2,
        "time_constant": "10s"}}"#,
    );
    bench.pass(60_000);
    assert_eq!((state(bench, "box").1, bench.told().len()), (Ok(20.0), 0));
    bench.state("heater.on()");
    bench.pass(10_000);
    assert_eq!(state(bench, "box").1, Ok(57.9));
    bench.pass(100_000);
    assert_eq!(state(bench, "box").1, Ok(80.0));
    bench.state("fan.set(0.5)");
    bench.pass(100_000);
    assert_eq!(state(bench, "box").1, Ok(50.0));
    assert_eq!(bench.state("box.simulate(90)").value, Ok(90.0));
    assert_eq!(bench.refusal("box.on()"), Code::UnknownAction);
}

#[test]
fn a_heater_that_is_on_at_the_start_heats_from_the_start() {
    let bench = &mut Bench::new(
        r#""box": {"simulated": {"heater": "heater", "ambient": 20, "heating": 60, "time_constant": "10s"}},
        "heater": {"relay": {"line": "GPIO1", "initial": "on"}}"#,
    );
    bench.pass(10_000);
    assert_eq!(state(bench, "box").1, Ok(57.9));
}

#[test]
fn a_threshold_watches_what_a_sensor_reads() {
    let thresholds = r#""thresholds": {"damp": {"device": "air", "field": "humidity", "max": 70}}"#;
    let bench = &mut Bench::new(&format!("{thresholds}, --- {AIR}"));
    bench.pass(1000);
    bench.board.parts().expose(AIR_PLACE, "humidity", 81.0);
    bench.pass(10_000);
    assert_eq!(bench.alerts_told(), ["damp: created@10080", "air: 1"]);
}

#[test]
fn settings_have_ranges() {
    for (devices, expected) in [
        (r#""a": {"tmp102": {"interval": "50ms"}}"#, "interval is from 100ms to 1h"),
        (
            r#""a": {"tmp102": {"interval": "10s", "stale_after": "10s"}}"#,
            "stale_after is longer than the interval, and at most 24h",
        ),
        (r#""a": {"tmp102": {"precision": 7}}"#, "precision is from 0 to 6 decimals"),
        (r#""a": {"tmp102": {"median": 2}}"#, "median is an odd number from 1 to 15"),
        (r#""a": {"tmp102": {"offset": 206}}"#, "offset is from -205 to 205"),
        (
            r#""a": {"tmp102": {"plausible": {"min": 20, "max": 10}}}"#,
            "plausible has a min below its max, both from -55 to 150",
        ),
        (r#""a": {"tmp102": {"address": "0x78"}}"#, "an I2C address is from 0x08 to 0x77"),
        (r#""a": {"tmp102": {"address": 7}}"#, "an I2C address is from 0x08 to 0x77"),
        (r#""a": {"tmp102": {"bus": "i2c-1"}}"#, "expected a device file"),
        (r#""a": {"ads1115": {"channel": "4"}}"#, "channel is \"0\" to \"3\""),
        (r#""a": {"ads1115": {"channel": "0", "full_scale": 5}}"#, "full_scale is 6.144, 4.096"),
        (r#""a": {"pt100": {"channel": "0", "reference": 1}}"#, "reference is from 10 to 1000000 ohms"),
        (r#""a": {"max31865": {"reference": 430, "wires": 5}}"#, "wires is 2, 3 or 4"),
        (r#""a": {"ds18b20": {"id": "10-0316a2795bff"}}"#, "id is \"28-\" and 12 hexadecimal digits"),
        (
            r#""a": {"tmp102": {}}, "b": {"tmp102": {}}"#,
            "/dev/i2c-1 address 0x48 is taken by devices.a.tmp102.address at 1:",
        ),
        (r#""a": {"tmp102": {}}, "b": {"ads1115": {"channel": "0"}}"#, "address 0x48 input 0 is taken by"),
        (
            r#""a": {"pt100": {"channel": "0", "reference": 3300}}, "b": {"ads1115": {"channel": "0"}}"#,
            "input 0 is taken by",
        ),
        (r#""a": {"simulated": {"cooling": -1}}"#, "cooling is from 0 to 100"),
        (r#""a": {"simulated": {"time_constant": "0s"}}"#, "time_constant is from 1s to 24h"),
        (r#""a": {"simulated": {"heater": "hot"}}, "heat": {"relay": {"line": 1}}"#, "unknown device `hot`"),
        (r#""a": {"simulated": {"heater": "b"}}, "b": {"tmp102": {}}"#, "b is not switched: name an output"),
    ] {
        let found = mistakes(devices);
        assert!(found.len() == 1 && found[0].contains(expected), "{devices}: {found:?}");
    }
}
