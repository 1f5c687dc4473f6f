//! `scan` and `doctor` where there is no board: they say so, and end as they promise.

mod support;

use serde_json::Value as Json;
use support::process::{Ended, Process};
use support::program::{file, gatekeeper, on_free_ports, simulated};

const LAMP: &str = r#""lamp": {"led": {"line": "GPIO4"}}"#;

fn ended(arguments: &[&str]) -> Ended {
    Process::start(&mut gatekeeper(arguments)).end()
}

#[test]
fn scan_speaks_to_people_and_to_programs() {
    let table = ended(&["scan", "--no-i2c"]);
    assert_eq!((table.code(), table.output.starts_with("GPIO chips")), (Some(0), true), "{table:?}");
    let json: Json = serde_json::from_str(&ended(&["scan", "--json", "--no-i2c"]).output).expect("JSON");
    for key in ["chips", "i2c", "spi", "one_wire", "pwm", "thermal", "problems"] {
        assert!(json[key].is_array(), "{key} in {json}");
    }
    assert_eq!(ended(&["scan", "--jsno"]).code(), Some(2));
}

#[test]
fn the_doctor_says_that_simulated_lines_are_no_lines_of_this_board() {
    let (_folder, name) = file(&simulated("", LAMP));
    let ended = ended(&["doctor", &name]);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert!(ended.output.contains("note: hardware: the backend is \"simulated\""), "{}", ended.output);
}

#[test]
fn the_doctor_finds_a_missing_chip_and_a_taken_port() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound");
    let hardware = r#""hardware": {"backend": "gpiochip", "chip": "/dev/gpiochip99"},"#;
    let config = on_free_ports(hardware, LAMP).replacen("127.0.0.1:0", &address.to_string(), 1);
    let (_folder, name) = file(&config);
    let ended = ended(&["doctor", &name]);
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    assert!(ended.output.contains("problem: listener: somebody else listens at"), "{}", ended.output);
    assert!(ended.output.contains(&format!("sport = :{}'", address.port())), "{}", ended.output);
    // Without any chip the backend is missing; with others, this one.
    assert!(
        ended.output.contains("problem: hardware: ") || ended.output.contains("/dev/gpiochip99"),
        "{}",
        ended.output
    );
}

#[test]
fn the_doctor_tells_of_every_sensor_that_this_board_has_no_place_for() {
    let sensors = r#""hall": {"tmp102": {"bus": "/dev/i2c-99"}}, "tank": {"ds18b20": {"id": "28-00000000ffff"}},
        "oven": {"max31865": {"device": "/dev/spidev99.9", "reference": 430, "wires": 2}},
        "cpu": {"cpu_temperature": {"zone": 250}}"#;
    let hardware = r#""hardware": {"backend": "gpiochip"},"#;
    let (_folder, real) = file(&on_free_ports(hardware, sensors));
    let ended = ended(&["doctor", &real]);
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    for expected in [
        "problem: device hall, address: there is no /dev/i2c-99; the I2C buses here: ",
        "problem: device tank, id: ",
        "problem: device oven, device: there is no /dev/spidev99.9; the SPI devices here: ",
        "problem: device cpu, zone: there is no thermal_zone250; the thermometers here: ",
    ] {
        assert!(ended.output.contains(expected), "{expected:?} is not in\n{}", ended.output);
    }
    let (_folder, made_up) = file(&simulated("", sensors));
    let ended = self::ended(&["doctor", &made_up]);
    assert_eq!((ended.code(), ended.output.contains("problem: ")), (Some(0), false), "{}", ended.output);
}

#[test]
fn the_doctor_reads_the_configuration_before_it_looks() {
    let (_folder, name) = file("{");
    assert_eq!(ended(&["doctor", &name]).code(), Some(2));
    let nobody = ended(&["doctor"]);
    assert_eq!(nobody.code(), Some(2));
    assert!(nobody.errors.contains("doctor needs an argument, the FILE"), "{}", nobody.errors);
}
