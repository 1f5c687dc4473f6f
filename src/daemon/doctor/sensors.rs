//! What keeps sensors from being read: a bus that is not there, a right that is missing, a part that is silent.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::lines::may;
use super::machine::Machine;
use super::{DaemonConfig, Finding, Gravity};
use crate::hardware::survey::{I2cBus, I2cPart, Survey};

/// A sensor and where it has to be.
#[derive(Debug, PartialEq, Eq)]
struct Sensor {
    /// The device, and its setting that names the place.
    name: (String, &'static str),
    place: Place,
}

/// Where a sensor can be.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    I2c { bus: String, address: u8 },
    Spi(String),
    OneWire { id: String },
    ThermalZone(String),
}

/// What is wrong, and what mends it: the same for all sensors that it concerns.
type Trouble = (String, String);

/// What is wrong with the sensors of a configuration.
pub(super) fn findings(config: &DaemonConfig, mut survey: Survey, machine: &Machine) -> Vec<Finding> {
    let sensors = sensors(config);
    let mut buses: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
    for sensor in &sensors {
        match &sensor.place {
            Place::I2c { bus, address } => buses.entry(bus).or_default().push(*address),
            Place::Spi(path) => survey.try_spi(path),
            Place::OneWire { .. } | Place::ThermalZone(_) => {}
        }
    }
    buses.into_iter().for_each(|(bus, addresses)| survey.ask(bus, &addresses));
    judge(&sensors, &survey, machine)
}

/// The sensors of a configuration that are on a bus of the board.
fn sensors(config: &DaemonConfig) -> Vec<Sensor> {
    let mut sensors = Vec::new();
    for device in &config.devices {
        let Some((role, address)) = device.blueprint.part() else { continue };
        let name = (device.name.to_string(), role);
        sensors.extend(Place::of(&address.place).map(|place| Sensor { name, place }));
    }
    sensors
}

/// One finding for each trouble, however many sensors have it.
fn judge(sensors: &[Sensor], survey: &Survey, machine: &Machine) -> Vec<Finding> {
    let mut troubles: Vec<(Trouble, Vec<&Sensor>)> = Vec::new();
    for sensor in sensors {
        let Some(trouble) = sensor.place.trouble(survey, machine) else { continue };
        match troubles.iter_mut().find(|(known, _)| *known == trouble) {
            Some((_, concerned)) => concerned.push(sensor),
            None => troubles.push((trouble, vec![sensor])),
        }
    }
    let finding = |((problem, mend), concerned): (Trouble, Vec<&Sensor>)| {
        let subject = match &*concerned {
            [Sensor { name: (device, role), .. }] => format!("device {device}, {role}"),
            several => format!("devices {}", listed(several.iter().map(|sensor| sensor.name.0.clone()))),
        };
        Finding { gravity: Gravity::Problem, subject, problem, mend }
    };
    troubles.into_iter().map(finding).collect()
}

impl Place {
    /// The place that a configuration names with this text; nothing where it is of another kind.
    fn of(text: &str) -> Option<Place> {
        if let Some((bus, address)) = text.split_once(" address 0x") {
            let address = u8::from_str_radix(address, 16).ok()?;
            return Some(Place::I2c { bus: resolved(bus), address });
        }
        if let Some(file) = text.strip_prefix("/sys/bus/w1/devices/") {
            return Some(Place::OneWire { id: file.split('/').next()?.to_owned() });
        }
        if let Some(file) = text.strip_prefix("/sys/class/thermal/") {
            return Some(Place::ThermalZone(file.split('/').next()?.to_owned()));
        }
        text.starts_with("/dev/").then(|| Place::Spi(resolved(text)))
    }

    /// What keeps a sensor there from being read.
    fn trouble(&self, survey: &Survey, machine: &Machine) -> Option<Trouble> {
        match self {
            Place::I2c { bus, address } => match survey.i2c.iter().find(|known| known.path == *bus) {
                Some(known) => closed(bus, survey, machine).or_else(|| silent(known, *address, machine)),
                None => Some(no_i2c(bus, survey, machine)),
            },
            Place::Spi(path) if survey.spi.contains(path) => closed(path, survey, machine),
            Place::Spi(path) => Some(no_spi(path, survey, machine)),
            Place::OneWire { id } => no_one_wire(id, survey, machine),
            Place::ThermalZone(zone) => no_zone(zone, survey),
        }
    }
}

/// The device file itself, where udev made a link to it.
fn resolved(path: &str) -> String {
    fs::canonicalize(path).map_or_else(|_| path.to_owned(), |path| path.display().to_string())
}

/// A device file that is there and could not be used.
fn closed(path: &str, survey: &Survey, machine: &Machine) -> Option<Trouble> {
    let problem = survey.problems.iter().find(|problem| problem.what == path)?;
    Some(if problem.denied {
        (format!("{} may not open {path}", machine.user), may(path, machine))
    } else {
        (
            format!("{path} can't be used: {}", problem.why),
            "sudo dmesg | tail   # what its driver says; a wire that is held low blocks the whole bus"
                .to_owned(),
        )
    })
}

fn no_i2c(path: &str, survey: &Survey, machine: &Machine) -> Trouble {
    let there = survey.i2c.iter().map(|bus| match &*bus.name {
        "" => bus.path.clone(),
        name => format!("{} ({name})", bus.path),
    });
    let problem = format!("there is no {path}; the I2C buses here: {}", listed(there));
    let name = file_name(path);
    let mend = match &machine.boot_config {
        // The bus works, and only programs have no way to it.
        _ if machine.i2c_buses.iter().any(|bus| bus == name) => MODPROBE_I2C.to_owned(),
        None => MODPROBE_I2C.to_owned(),
        Some(file) if name == "i2c-1" => raspi_config("do_i2c", "dtparam=i2c_arm=on", file),
        Some(file) => overlay(&name.replace('-', ""), file),
    };
    (problem, mend)
}

/// Somebody has to answer at an address, and no driver may have it.
fn silent(bus: &I2cBus, address: u8, machine: &Machine) -> Option<Trouble> {
    let path = &bus.path;
    let Some(part) = bus.parts.iter().find(|part| part.address == address) else {
        let others = listed(bus.parts.iter().map(described));
        return Some((
            format!("nobody answers at {address:#04x} on {path}; those who do: {others}"),
            "gpio-gatekeeper scan   # again after a look at its supply, ground, SDA, SCL and the pins that choose the \
             address"
                .to_owned(),
        ));
    };
    let driver = part.driver.as_deref()?;
    let number = file_name(path).trim_start_matches("i2c-");
    let for_good = match &machine.boot_config {
        Some(file) => format!("; for good, take its dtoverlay out of {}", file.display()),
        None => String::new(),
    };
    Some((
        format!("the kernel's driver {driver} has {address:#04x} on {path}, so that no program can"),
        format!(
            "echo {number}-{address:04x} | sudo tee /sys/bus/i2c/drivers/{driver}/unbind   # until the next \
             start{for_good}"
        ),
    ))
}

/// Who is at an address; what is likely there is not said to be there.
fn described(part: &I2cPart) -> String {
    let address = part.address;
    match (&part.driver, &*part.likely) {
        (Some(driver), _) => format!("{address:#04x} (the driver {driver})"),
        (None, []) => format!("{address:#04x}"),
        (None, likely) => format!("{address:#04x} (often {})", likely.join(" or ")),
    }
}

fn no_spi(path: &str, survey: &Survey, machine: &Machine) -> Trouble {
    let problem = format!("there is no {path}; the SPI devices here: {}", listed(survey.spi.iter().cloned()));
    let mend = match &machine.boot_config {
        None => "sudo modprobe spidev   # the device tree has to name the chip select as well".to_owned(),
        Some(file) => match file_name(path).trim_start_matches("spidev").split_once('.') {
            Some(("0", "0" | "1")) | None => raspi_config("do_spi", "dtparam=spi=on", file),
            Some((bus, select)) => {
                let selects = select.parse::<u32>().map_or(1, |select| select.saturating_add(1));
                overlay(&format!("spi{bus}-{selects}cs"), file)
            }
        },
    };
    (problem, mend)
}

fn no_one_wire(id: &str, survey: &Survey, machine: &Machine) -> Option<Trouble> {
    if survey.one_wire.iter().any(|part| part.id == id) {
        return None;
    }
    if survey.has_one_wire {
        let others = listed(survey.one_wire.iter().map(|part| match part.part {
            Some(family) => format!("{} ({family})", part.id),
            None => part.id.clone(),
        }));
        return Some((
            format!("{id} is not on the 1-wire bus; those who are: {others}"),
            "gpio-gatekeeper scan   # again after a look at its supply, ground, data wire and its resistor of 4.7 kΩ"
                .to_owned(),
        ));
    }
    let mend = match &machine.boot_config {
        Some(file) => raspi_config("do_onewire", "dtoverlay=w1-gpio", file),
        None => {
            "sudo modprobe w1-gpio   # the device tree has to name the line of the wire as well".to_owned()
        }
    };
    Some(("there is no 1-wire bus".to_owned(), mend))
}

fn no_zone(zone: &str, survey: &Survey) -> Option<Trouble> {
    if survey.thermal.iter().any(|known| known.name == zone) {
        return None;
    }
    let zones = listed(survey.thermal.iter().map(|zone| format!("{} ({})", zone.name, zone.kind)));
    let mend = if survey.thermal.is_empty() {
        "take the device out of the configuration: the kernel reads no thermometer of this board"
    } else {
        "gpio-gatekeeper scan   # lists them; set zone to the number of one"
    };
    Some((format!("there is no {zone}; the thermometers here: {zones}"), mend.to_owned()))
}

/// How a bus of the header of a Raspberry Pi is switched on: its tool, or a line for those who do not have that.
fn raspi_config(order: &str, line: &str, file: &Path) -> String {
    format!(
        "sudo raspi-config nonint {order} 0   # or the line {line} in {}; then restart the board",
        file.display()
    )
}

/// How a bus that is not on by default comes to a Raspberry Pi.
fn overlay(name: &str, file: &Path) -> String {
    format!(
        "echo dtoverlay={name} | sudo tee -a {}   # where overlays/README beside it has that overlay; then restart \
         the board",
        file.display()
    )
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn listed(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

const MODPROBE_I2C: &str =
    "sudo modprobe i2c-dev && echo i2c-dev | sudo tee /etc/modules-load.d/i2c-dev.conf";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::hardware::survey::{OneWire, Problem, ThermalZone};

    /// A Raspberry Pi.
    fn pi() -> Machine {
        let boot_config = Some("/boot/firmware/config.txt".into());
        Machine { boot_config, user: "anna".to_owned(), ..Machine::default() }
    }

    fn configured(devices: &str) -> DaemonConfig {
        let text = format!("{{\"devices\": {{{devices}}}}}");
        config::load(&text, "test", &crate::daemon::kinds()).expect("a good configuration")
    }

    /// What is said of these devices, each finding as people see it.
    fn said(devices: &str, survey: &Survey, machine: &Machine) -> Vec<String> {
        let findings = judge(&sensors(&configured(devices)), survey, machine);
        findings.iter().map(Finding::to_string).collect()
    }

    fn i2c_1(parts: &[(u8, Option<&str>)]) -> Survey {
        let part = |(address, driver): &(u8, Option<&str>)| I2cPart {
            address: *address,
            likely: if *address == 0x48 { vec!["TMP102", "ADS1115"] } else { Vec::new() },
            driver: driver.map(str::to_owned),
        };
        let (path, name) = ("/dev/i2c-1".to_owned(), "bcm2835".to_owned());
        Survey {
            i2c: vec![I2cBus { path, name, parts: parts.iter().map(part).collect() }],
            ..Survey::default()
        }
    }

    fn with_problem(survey: Survey, what: &str, denied: bool) -> Survey {
        let problem = Problem { what: what.to_owned(), why: "Connection timed out".to_owned(), denied };
        Survey { problems: vec![problem], ..survey }
    }

    const TMP102: &str = r#""hall": {"tmp102": {}}"#;
    const MAX31865: &str = r#""oven": {"max31865": {"reference": 430, "wires": 2}}"#;
    const DS18B20: &str = r#""tank": {"ds18b20": {"id": "28-0316a2795bff"}}"#;

    #[test]
    fn the_place_of_every_kind_of_sensor_is_understood() {
        let config = configured(&format!(
            r#"{TMP102}, {MAX31865}, {DS18B20}, "cpu": {{"cpu_temperature": {{"zone": 3}}}},
               "tub": {{"pt100": {{"address": "0x49", "channel": "0", "reference": 3300}}}},
               "fake": {{"simulated": {{}}}}, "led": {{"led": {{"line": "GPIO4"}}}}"#
        ));
        let bus = "/dev/i2c-1".to_owned();
        let places: Vec<Place> = sensors(&config).into_iter().map(|sensor| sensor.place).collect();
        assert_eq!(
            places,
            [
                Place::I2c { bus: bus.clone(), address: 0x48 },
                Place::Spi("/dev/spidev0.0".to_owned()),
                Place::OneWire { id: "28-0316a2795bff".to_owned() },
                Place::ThermalZone("thermal_zone3".to_owned()),
                Place::I2c { bus, address: 0x49 },
            ]
        );
    }

    #[test]
    fn a_bus_that_is_not_there_is_told_of_once_with_how_this_board_gets_it() {
        let devices = r#""hall": {"tmp102": {}}, "cellar": {"aht20": {}}"#;
        let on_pi = said(devices, &Survey::default(), &pi());
        assert_eq!(
            on_pi,
            ["problem: devices hall, cellar: there is no /dev/i2c-1; the I2C buses here: none\n  \
              sudo raspi-config nonint do_i2c 0   # or the line dtparam=i2c_arm=on in /boot/firmware/config.txt; \
              then restart the board"]
        );
        let elsewhere = said(devices, &Survey::default(), &Machine::default());
        assert!(elsewhere[0].contains("\n  sudo modprobe i2c-dev && "), "{elsewhere:?}");
        let without_files = Machine { i2c_buses: vec!["i2c-1".to_owned()], ..pi() };
        let closed = said(devices, &Survey::default(), &without_files);
        assert!(closed[0].contains("\n  sudo modprobe i2c-dev && "), "{closed:?}");
        let third = said(r#""hall": {"tmp102": {"bus": "/dev/i2c-3"}}"#, &i2c_1(&[]), &pi());
        assert!(third[0].contains("the I2C buses here: /dev/i2c-1 (bcm2835)\n"), "{third:?}");
        assert!(
            third[0].contains("echo dtoverlay=i2c3 | sudo tee -a /boot/firmware/config.txt"),
            "{third:?}"
        );
    }

    #[test]
    fn a_part_that_answers_is_no_finding_and_a_silent_one_is() {
        assert_eq!(said(TMP102, &i2c_1(&[(0x48, None)]), &pi()), [""; 0]);
        let silent = said(
            r#""hall": {"tmp102": {"address": "0x4a"}}"#,
            &i2c_1(&[(0x38, None), (0x48, None), (0x68, Some("rtc-ds1307"))]),
            &pi(),
        );
        assert!(
            silent[0].starts_with(
                "problem: device hall, address: nobody answers at 0x4a on /dev/i2c-1; those who do: 0x38, \
                 0x48 (often TMP102 or ADS1115), 0x68 (the driver rtc-ds1307)\n  gpio-gatekeeper scan "
            ),
            "{silent:?}"
        );
        let inputs = r#""a": {"ads1115": {"channel": "0"}}, "b": {"ads1115": {"channel": "1"}}"#;
        let shared = said(inputs, &i2c_1(&[]), &pi());
        assert_eq!(shared.len(), 1);
        assert!(shared[0].contains("devices a, b: nobody answers at 0x48"), "{shared:?}");
        assert!(shared[0].contains("those who do: none\n"), "{shared:?}");
    }

    #[test]
    fn a_driver_of_the_kernel_is_named_with_how_to_unbind_it() {
        let held = said(TMP102, &i2c_1(&[(0x48, Some("lm75"))]), &pi());
        assert!(held[0].contains("the kernel's driver lm75 has 0x48 on /dev/i2c-1, so that"), "{held:?}");
        let unbind =
            "\n  echo 1-0048 | sudo tee /sys/bus/i2c/drivers/lm75/unbind   # until the next start; for good";
        assert!(held[0].contains(unbind), "{held:?}");
    }

    #[test]
    fn who_may_not_open_a_bus_is_told_once_and_who_it_does_not_answer_gets_what_the_kernel_said() {
        let devices = r#""hall": {"tmp102": {}}, "cellar": {"aht20": {}}"#;
        let mut machine = pi();
        machine.groups.insert("/dev/i2c-1".into(), "i2c".to_owned());
        let denied = said(devices, &with_problem(i2c_1(&[]), "/dev/i2c-1", true), &machine);
        assert_eq!(
            denied,
            ["problem: devices hall, cellar: anna may not open /dev/i2c-1\n  \
              sudo usermod -aG i2c anna   # and log in anew"]
        );
        let stuck = said(devices, &with_problem(i2c_1(&[]), "/dev/i2c-1", false), &machine);
        assert_eq!(stuck.len(), 1);
        assert!(
            stuck[0].contains("/dev/i2c-1 can't be used: Connection timed out\n  sudo dmesg"),
            "{stuck:?}"
        );
    }

    #[test]
    fn a_chip_select_that_is_not_there_or_closed_is_told_of() {
        let device = "/dev/spidev0.0".to_owned();
        let there = Survey { spi: vec![device.clone()], ..Survey::default() };
        assert_eq!(said(MAX31865, &there, &pi()), [""; 0]);
        let closed = said(MAX31865, &with_problem(there.clone(), &device, true), &pi());
        assert!(closed[0].contains("device oven, device: anna may not open /dev/spidev0.0"), "{closed:?}");
        let none = said(MAX31865, &Survey::default(), &pi());
        assert!(none[0].contains("there is no /dev/spidev0.0; the SPI devices here: none\n"), "{none:?}");
        assert!(none[0].contains("do_spi 0   # or the line dtparam=spi=on in"), "{none:?}");
        let second = MAX31865.replace("\"wires\"", "\"device\": \"/dev/spidev1.2\", \"wires\"");
        let other = said(&second, &there, &pi());
        assert!(
            other[0].contains("here: /dev/spidev0.0\n  echo dtoverlay=spi1-3cs | sudo tee -a"),
            "{other:?}"
        );
        let elsewhere = said(MAX31865, &Survey::default(), &Machine::default());
        assert!(elsewhere[0].contains("\n  sudo modprobe spidev "), "{elsewhere:?}");
    }

    #[test]
    fn a_1_wire_part_needs_a_bus_and_to_be_on_it() {
        let none = said(DS18B20, &Survey::default(), &pi());
        assert!(none[0].contains("device tank, id: there is no 1-wire bus\n"), "{none:?}");
        assert!(none[0].contains("do_onewire 0   # or the line dtoverlay=w1-gpio in /boot"), "{none:?}");
        let part = |id: &str| OneWire { id: id.to_owned(), part: Some("DS18B20") };
        let with = |id| Survey { has_one_wire: true, one_wire: vec![part(id)], ..Survey::default() };
        let other = said(DS18B20, &with("28-0000072b5c3d"), &pi());
        let expected = "28-0316a2795bff is not on the 1-wire bus; those who are: 28-0000072b5c3d (DS18B20)\n";
        assert!(other[0].contains(expected), "{other:?}");
        assert_eq!(said(DS18B20, &with("28-0316a2795bff"), &pi()), [""; 0]);
    }

    #[test]
    fn a_thermal_zone_that_is_not_there_is_told_of_with_those_that_are() {
        let zone = ThermalZone { name: "thermal_zone0".to_owned(), kind: "cpu-thermal".to_owned() };
        let board = Survey { thermal: vec![zone], ..Survey::default() };
        assert_eq!(said(r#""cpu": {"cpu_temperature": {}}"#, &board, &pi()), [""; 0]);
        let other = said(r#""cpu": {"cpu_temperature": {"zone": 7}}"#, &board, &pi());
        let expected = "device cpu, zone: there is no thermal_zone7; the thermometers here: thermal_zone0 (cpu-thermal)\n";
        assert!(other[0].contains(expected), "{other:?}");
        let none = said(r#""cpu": {"cpu_temperature": {}}"#, &Survey::default(), &pi());
        assert!(none[0].contains("here: none\n  take the device out"), "{none:?}");
    }
}
