//! Sensors on a real kernel's I2C bus, whose chips are registers that the tests write.
//!
//! As in `kernel_lab.rs`, one test boots the lab with this very program inside, and the others run in there.  The chips
//! know SMBus transfers alone, so that an AHT can't be played.

// A test that cannot go on panics: that is how it fails.
#![allow(clippy::unwrap_used)]

#[path = "support/lab.rs"]
#[allow(dead_code, reason = "the wires of GPIO lines are for others")]
mod lab;
mod support;

use gpio_gatekeeper::hardware::buses::{Buses, Part, Probe, Step, SystemBuses};
use gpio_gatekeeper::hardware::sensors::OnI2c;
use gpio_gatekeeper::hardware::sensors::ads1115::{Ads1115, Channel, FullScale, Meaning};
use gpio_gatekeeper::hardware::sensors::aht::{Aht, Model};
use gpio_gatekeeper::hardware::sensors::emc2101::{Emc2101, Tachometer};
use gpio_gatekeeper::hardware::sensors::tmp102::Tmp102;
use i2cdev::core::I2CDevice;
use i2cdev::linux::LinuxI2CDevice;
use support::Gatekeeper;
use support::line::LineClient;
use support::real_buses::real_buses;

#[test]
fn the_kernel_lab_runs_every_test_below() {
    if std::env::var_os("LAB_GPIOCHIP").is_none() {
        lab::run_this_binary_inside("the_kernel_lab_runs_every_test_below", &[]);
    }
}

/// The path of the bus, inside the lab.
fn bus() -> Option<String> {
    lab::Lab::inside()?;
    Some(std::env::var("LAB_I2C").unwrap())
}

/// What a part reads, to a thousandth, or why it does not.
fn read(mut probe: impl Probe) -> Result<Vec<(&'static str, f64)>, String> {
    loop {
        match probe.step(&SystemBuses).map_err(|error| error.0)? {
            // The registers need no time.
            Step::Wait(_) => {}
            Step::Done(mut readings) => {
                readings.iter_mut().for_each(|(_, value)| *value = (*value * 1e3).round() / 1e3);
                return Ok(readings);
            }
        }
    }
}

fn chip(bus: &str, address: u16) -> LinuxI2CDevice {
    LinuxI2CDevice::new(bus, address).unwrap()
}

#[test]
fn tmp102_reads_its_register() {
    let Some(bus) = bus() else { return };
    let mut chip = chip(&bus, 0x48);
    for (register, degrees) in [(0x1900_u16, 25.0), (0xe700, -25.0), (0x0000, 0.0)] {
        chip.smbus_write_word_data(0, register.swap_bytes()).unwrap();
        let probe = OnI2c::new(bus.clone(), 0x48, Part::Tmp102, Tmp102);
        assert_eq!(read(probe), Ok(vec![("temperature", degrees)]), "{register:#06x}");
    }
}

#[test]
fn emc2101_reads_its_registers_and_switches_its_tachometer_on() {
    let Some(bus) = bus() else { return };
    let mut chip = chip(&bus, 0x4c);
    let registers = [(0xfe, 0x5d), (0x00, 0x1e), (0x01, 0xe6), (0x10, 0xe0), (0x46, 0x94), (0x47, 0x11)];
    for (register, value) in registers {
        chip.smbus_write_byte_data(register, value).unwrap();
    }
    let probe = || OnI2c::new(bus.clone(), 0x4c, Part::Emc2101, Emc2101 { tachometer: Tachometer::Wired });
    let expected = vec![("temperature", -25.125), ("internal_temperature", 30.0), ("rpm", 1200.0)];
    assert_eq!(read(probe()), Ok(expected));
    assert_eq!(chip.smbus_read_byte_data(0x03).unwrap(), 0x04);
    chip.smbus_write_byte_data(0x02, 0x04).unwrap();
    assert_eq!(read(probe()), Err("the external diode is open or shorted".to_owned()));
    chip.smbus_write_byte_data(0x02, 0x00).unwrap();
}

#[test]
fn ads1115_writes_its_configuration_and_reads_its_result() {
    let Some(bus) = bus() else { return };
    let mut chip = chip(&bus, 0x48);
    chip.smbus_write_word_data(0, 0x4000_u16.swap_bytes()).unwrap();
    let (channel, full_scale) = (Channel::parse("1").unwrap(), FullScale::of(4.096).unwrap());
    let driver = Ads1115::new(channel, full_scale, Meaning::Voltage);
    let probe = OnI2c::new(bus.clone(), 0x48, Part::Ads1115, driver);
    assert_eq!(read(probe), Ok(vec![("voltage", 2.048)]));
    assert_eq!(chip.smbus_read_word_data(1).unwrap().swap_bytes(), 0xd383);
}

#[test]
fn what_does_not_answer_is_an_error() {
    let Some(bus) = bus() else { return };
    let nobody = read(OnI2c::new(bus.clone(), 0x50, Part::Tmp102, Tmp102)).unwrap_err();
    assert!(nobody.starts_with(&format!("{bus} address 0x50")), "{nobody}");
    // The bus of the lab refuses a transfer that is no SMBus transfer.
    let aht = read(OnI2c::new(bus.clone(), 0x38, Part::Aht20, Aht::new(Model::Aht20))).unwrap_err();
    assert!(aht.contains("not supported"), "{aht}");
    assert!(SystemBuses.i2c("/dev/i2c-99", 0x48, Part::Tmp102).is_err());
}

#[test]
fn a_daemon_tells_what_the_registers_say() {
    let Some(bus) = bus() else { return };
    let mut chip = chip(&bus, 0x48);
    chip.smbus_write_word_data(0, 0x1900_u16.swap_bytes()).unwrap();
    let devices = format!(
        r#""room": {{"tmp102": {{"bus": "{bus}", "interval": "100ms"}}}},
        "gone": {{"tmp102": {{"bus": "{bus}", "address": "0x50", "interval": "100ms"}}}}"#
    );
    let daemon = Gatekeeper::daemon("", &devices, Box::new(real_buses()));
    let mut client = LineClient::patient(daemon.line_address().unwrap());
    client.expect("COMMAND=SUB|DEVICE=room", "REPLY=OK");
    client.event("EVENT=STATE|DEVICE=room|KIND=tmp102|VALUE=25|STATE=reading|");
    chip.smbus_write_word_data(0, 0xe700_u16.swap_bytes()).unwrap();
    client.event("EVENT=STATE|DEVICE=room|KIND=tmp102|VALUE=-25|STATE=reading|");
    client.expect("COMMAND=SUB|DEVICE=gone", "REPLY=OK");
    client.event(&format!("EVENT=STATE|DEVICE=gone|KIND=tmp102|ERROR={bus} address 0x50"));
    assert!(daemon.stop(gpio_gatekeeper::daemon::Ending::Asked));
}
