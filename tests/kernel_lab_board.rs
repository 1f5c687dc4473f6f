//! `scan` and `doctor` on a board with a real kernel: a GPIO chip, an I2C bus with parts on it, and a PWM chip.
//!
//! As in `kernel_lab.rs` one test boots the lab with this very program inside, and all others run in there.

// A test that cannot go on panics: that is how it fails.
#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "this program uses a part")]
#[path = "support/lab.rs"]
mod lab;
mod support;

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;

use gpio_gatekeeper::domain::Polarity;
use gpio_gatekeeper::hardware::gpiochip::Gpiochip;
use gpio_gatekeeper::hardware::{Hardware, Line, Start};
use lab::Lab;
use serde_json::Value as Json;
use support::process::{Ended, Process};
use support::program::{file, gatekeeper, on_free_ports};

#[test]
fn the_kernel_lab_runs_every_test_below() {
    if env::var_os("LAB_GPIOCHIP").is_none() {
        let daemon = env!("CARGO_BIN_EXE_gpio-gatekeeper");
        lab::run_this_binary_inside("the_kernel_lab_runs_every_test_below", &[daemon]);
    }
}

/// A user without any rights.
const NOBODY: u32 = 65534;

fn ended(arguments: &[&str]) -> Ended {
    Process::start(&mut gatekeeper(arguments)).end()
}

/// Holds a line until it is dropped.
fn hold(lab: &Lab, offset: u32) -> Box<dyn gpio_gatekeeper::hardware::Outputs> {
    let lines = [(Line { chip: lab.name().into(), offset }, Polarity::ActiveHigh)];
    Gpiochip::open().unwrap().open_outputs(&lines, Start::Keep).unwrap()
}

fn doctor(devices: &str) -> Ended {
    let sections = r#""hardware": {"backend": "gpiochip", "chip": "kernel-lab"},"#;
    let (_folder, name) = file(&on_free_ports(sections, devices));
    ended(&["doctor", &name])
}

#[test]
fn scan_finds_lines_with_holders_and_parts_with_addresses() {
    let Some(lab) = Lab::inside() else { return };
    let _held = hold(&lab, 7);
    let scan = ended(&["scan", "--json"]);
    assert_eq!((scan.code(), &*scan.errors), (Some(0), ""));
    let found: Json = serde_json::from_str(&scan.output).unwrap();
    let chip = &found["chips"][0];
    assert_eq!((&chip["label"], chip["lines"].as_array().unwrap().len()), (&"kernel-lab".into(), 32));
    let line = &chip["lines"][7];
    assert_eq!(line["name"], "GPIO7");
    assert_eq!((&line["used"], &line["consumer"]), (&true.into(), &"gpio-gatekeeper".into()));
    assert_eq!(line["direction"], "output");
    assert_eq!(chip["lines"][8]["used"], false);
    let bus = &found["i2c"][0];
    assert_eq!(bus["path"], env::var("LAB_I2C").unwrap());
    let parts: Vec<_> = bus["parts"].as_array().unwrap().iter().map(|it| it["address"].as_u64()).collect();
    assert_eq!(parts, [Some(0x38), Some(0x48), Some(0x4c)]);
    assert_eq!(bus["parts"][2]["likely"][0], "EMC2101");
    assert_eq!((&found["pwm"][0]["device"], &found["pwm"][0]["channels"]), (&"pwm-stub".into(), &4.into()));
    assert_eq!(found["problems"], Json::Array(Vec::new()));
    let quiet: Json = serde_json::from_str(&ended(&["scan", "--json", "--no-i2c"]).output).unwrap();
    assert_eq!(quiet["i2c"][0]["parts"], Json::Array(Vec::new()));
}

#[test]
fn the_doctor_finds_nothing_where_all_is_well() {
    let Some(_lab) = Lab::inside() else { return };
    let ended = doctor(r#""lamp": {"led": {"line": "GPIO4"}}"#);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert!(ended.output.ends_with("nothing stands in the way of 1 devices\n"), "{}", ended.output);
}

/// Gives an address to a driver of the kernel until it is dropped.
struct Driven<'a> {
    bus: &'a Path,
    address: &'static str,
}

impl Driven<'_> {
    fn new<'a>(bus: &'a Path, address: &'static str) -> Driven<'a> {
        // The driver with which the kernel keeps addresses for itself.
        fs::write(bus.join("new_device"), format!("dummy {address}")).unwrap();
        Driven { bus, address }
    }
}

impl Drop for Driven<'_> {
    fn drop(&mut self) {
        // A test that has failed already is to say why.
        let _ = fs::write(self.bus.join("delete_device"), self.address);
    }
}

#[test]
fn the_doctor_asks_the_bus_of_a_sensor_who_is_there() {
    let Some(_lab) = Lab::inside() else { return };
    let path = env::var("LAB_I2C").unwrap();
    let name = path.trim_start_matches("/dev/");
    let bus = Path::new("/sys/bus/i2c/devices").join(name);
    let sensor =
        |kind: &str, address: &str| format!(r#"{{"{kind}": {{"bus": "{path}", "address": "{address}"}}}}"#);
    let good =
        doctor(&format!(r#""hall": {}, "roof": {}"#, sensor("tmp102", "0x48"), sensor("emc2101", "0x4c")));
    assert_eq!(good.code(), Some(0), "{good:?}");
    let silent =
        doctor(&format!(r#""hall": {}, "attic": {}"#, sensor("tmp102", "0x48"), sensor("tmp102", "0x49")));
    assert_eq!(silent.code(), Some(1), "{silent:?}");
    let problem = format!(
        "problem: device attic, address: nobody answers at 0x49 on {path}; those who do: 0x38 (often AHT10 or \
         AHT20), 0x48 (often TMP102 or ADS1115), 0x4c (often EMC2101)\n"
    );
    assert!(silent.output.contains(&problem) && !silent.output.contains("hall"), "{}", silent.output);
    let _driven = Driven::new(&bus, "0x48");
    let held = doctor(&format!(r#""hall": {}"#, sensor("tmp102", "0x48")));
    let problem = format!("problem: device hall, address: the kernel's driver dummy has 0x48 on {path}, so");
    assert!(held.output.contains(&problem), "{}", held.output);
    let number = name.trim_start_matches("i2c-");
    let mend = format!("\n  echo {number}-0048 | sudo tee /sys/bus/i2c/drivers/dummy/unbind ");
    assert!(held.output.contains(&mend), "{}", held.output);
    // The command does what it says.
    fs::write("/sys/bus/i2c/drivers/dummy/unbind", format!("{number}-0048")).unwrap();
    let freed = doctor(&format!(r#""hall": {}"#, sensor("tmp102", "0x48")));
    assert_eq!(freed.code(), Some(0), "{freed:?}");
}

#[test]
fn the_doctor_says_once_of_a_bus_that_somebody_may_not_open_it() {
    let Some(_lab) = Lab::inside() else { return };
    let path = env::var("LAB_I2C").unwrap();
    let sensor = |name: &str, address: &str| {
        format!(r#""{name}": {{"tmp102": {{"bus": "{path}", "address": "{address}"}}}}"#)
    };
    let devices = [sensor("hall", "0x48"), sensor("attic", "0x49")].join(",");
    let (folder, name) = file(&on_free_ports(r#""hardware": {"backend": "gpiochip"},"#, &devices));
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let ended = Process::start(gatekeeper(&["doctor", &name]).uid(NOBODY)).end();
    let problem =
        format!("problem: devices hall, attic: {NOBODY} may not open {path}\n  sudo groupadd -f gpio ");
    assert_eq!(ended.output.matches(&path).count(), 1, "{ended:?}");
    assert!(ended.output.contains(&problem), "{}", ended.output);
}

#[test]
fn the_doctor_names_holders_missing_lines_and_what_to_do() {
    let Some(lab) = Lab::inside() else { return };
    let _held = hold(&lab, 4);
    let ended = doctor(
        r#""lamp": {"led": {"line": "GPIO4"}}, "fan": {"relay": {"line": "GPIO40"}},
           "arm": {"servo": {"pwm": {"chip": "pwm-stub", "channel": 3}}},
           "leg": {"servo": {"pwm": {"chip": "pwm-stub", "channel": 4}}},
           "eye": {"rgb_led": {"red": 1, "green": 2, "blue": {"chip": "fe20c000.pwm", "channel": 0}}}"#,
    );
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    for expected in [
        "note: device lamp, line: line gpiochip0:4 is held by a gpio-gatekeeper",
        "problem: device fan, line: there is no line GPIO40 on gpiochip0 (kernel-lab, 32 lines)",
        "  gpio-gatekeeper scan ",
        "problem: device leg, pwm: PWM chip pwm-stub has 4 channels, counted from 0, and no 4",
        "problem: device eye, blue: there is no PWM chip fe20c000.pwm; the PWM chips here: pwm-stub (4 channels)",
        ": 3 problem",
    ] {
        assert!(ended.output.contains(expected), "{expected:?} is not in\n{}", ended.output);
    }
}
