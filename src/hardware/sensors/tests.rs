//! The drivers against the registers in the examples of their datasheets.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::ads1115::{Ads1115, Channel, FullScale, Meaning};
use super::aht::{Aht, Model};
use super::emc2101::{Emc2101, Tachometer};
use super::max31865::{Mains, Max31865, Thermometer, Wires};
use super::*;
use crate::domain::Fault;
use crate::hardware::parts::Parts;

/// A wire whose part answers with these bytes, transfer by transfer, and which keeps what was written.
struct Script {
    answers: VecDeque<Vec<u8>>,
    written: Vec<Vec<u8>>,
}

impl Script {
    fn of(answers: &[&[u8]]) -> Script {
        Script { answers: answers.iter().map(|answer| answer.to_vec()).collect(), written: Vec::new() }
    }

    fn next(&mut self) -> Vec<u8> {
        self.answers.pop_front().expect("an answer for every transfer")
    }
}

impl I2c for Script {
    fn read_byte(&mut self, _register: u8) -> Result<u8, BusError> {
        Ok(self.next()[0])
    }

    fn read_word(&mut self, _register: u8) -> Result<[u8; 2], BusError> {
        Ok(self.next().try_into().expect("two bytes"))
    }

    fn write_byte(&mut self, register: u8, value: u8) -> Result<(), BusError> {
        self.write(&[register, value])
    }

    fn write_word(&mut self, register: u8, value: [u8; 2]) -> Result<(), BusError> {
        self.write(&[register, value[0], value[1]])
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<(), BusError> {
        buffer.copy_from_slice(&self.next());
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), BusError> {
        self.written.push(bytes.to_vec());
        Ok(())
    }
}

impl Spi for Script {
    fn transfer(&mut self, bytes: &mut [u8]) -> Result<(), BusError> {
        if bytes[0] & 0x80 != 0 {
            return self.write(bytes);
        }
        bytes[1..].copy_from_slice(&self.next());
        Ok(())
    }
}

/// A wire on which anything may come.
struct Noise {
    bytes: Vec<u8>,
    next: usize,
}

impl Noise {
    fn fill(&mut self, buffer: &mut [u8]) {
        for byte in buffer {
            *byte = self.bytes[self.next % self.bytes.len()];
            self.next += 1;
        }
    }
}

impl I2c for Noise {
    fn read_byte(&mut self, _register: u8) -> Result<u8, BusError> {
        let mut byte = [0];
        self.fill(&mut byte);
        Ok(byte[0])
    }

    fn read_word(&mut self, _register: u8) -> Result<[u8; 2], BusError> {
        let mut word = [0; 2];
        self.fill(&mut word);
        Ok(word)
    }

    fn write_byte(&mut self, _register: u8, _value: u8) -> Result<(), BusError> {
        Ok(())
    }

    fn write_word(&mut self, _register: u8, _value: [u8; 2]) -> Result<(), BusError> {
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<(), BusError> {
        self.fill(buffer);
        Ok(())
    }

    fn write(&mut self, _bytes: &[u8]) -> Result<(), BusError> {
        Ok(())
    }
}

impl Spi for Noise {
    fn transfer(&mut self, bytes: &mut [u8]) -> Result<(), BusError> {
        self.fill(bytes);
        Ok(())
    }
}

/// Whether a reading ends, and what it reads are numbers.
fn is_sane(mut step: impl FnMut() -> Result<Step, BusError>) -> bool {
    let end = (0..20).map(|_| step()).find(|step| !matches!(step, Ok(Step::Wait(_))));
    match end {
        Some(Ok(Step::Done(readings))) => readings.iter().all(|(_, value)| value.is_finite()),
        Some(_) => true,
        None => false,
    }
}

proptest! {
    /// Whatever comes over the wire, a reading ends, without a panic and without a number that is none.
    #[test]
    fn noise_is_read_to_its_end(bytes in prop::collection::vec(any::<u8>(), 1..40), text in "[ -~\\n°]{0,80}") {
        let divider = Meaning::Divider { supply: 3.3, reference: 3300.0, zero: 100.0 };
        let drivers: Vec<Box<dyn I2cDriver>> = vec![
            Box::new(Aht::new(Model::Aht10)),
            Box::new(Aht::new(Model::Aht20)),
            Box::new(tmp102::Tmp102),
            Box::new(Emc2101 { tachometer: Tachometer::Wired }),
            Box::new(ads1115("0", 4.096, Meaning::Voltage)),
            Box::new(ads1115("0", 0.256, divider)),
        ];
        for mut driver in drivers {
            let mut wire = Noise { bytes: bytes.clone(), next: 0 };
            prop_assert!(is_sane(|| driver.step(&mut wire)));
        }
        let (mut driver, mut wire) = (Max31865::new(PT100), Noise { bytes, next: 0 });
        prop_assert!(is_sane(|| driver.step(&mut wire)));
        let _ = (ds18b20::decode(&text), thermal_zone::decode(&text));
    }
}

type Read = Result<Vec<(&'static str, f64)>, String>;

/// A whole reading, and what was written for it.
fn read_i2c(mut driver: impl I2cDriver, answers: &[&[u8]]) -> (Read, Vec<Vec<u8>>) {
    let mut wire = Script::of(answers);
    loop {
        match driver.step(&mut wire) {
            Ok(Step::Wait(_)) => {}
            Ok(Step::Done(readings)) => return (Ok(readings), wire.written),
            Err(error) => return (Err(error.0), wire.written),
        }
    }
}

fn main_value(read: Read) -> Result<f64, String> {
    read.map(|readings| (readings[0].1 * 1e4).round() / 1e4)
}

#[test]
fn tmp102_reads_the_table_of_its_datasheet() {
    let table = [
        (0x7ff0, 127.9375),
        (0x6400, 100.0),
        (0x1900, 25.0),
        (0x0040, 0.25),
        (0x0000, 0.0),
        (0xffc0, -0.25),
        (0xe700, -25.0),
        (0xc900, -55.0),
        // The extended mode: 150 °C is 0x0960 in 13 bits, -55 °C is 0x1c90.
        (0x4b01, 150.0),
        (0xe481, -55.0),
    ];
    for (register, degrees) in table {
        assert_eq!(tmp102::decode(u16::to_be_bytes(register)), Ok(degrees), "{register:#06x}");
    }
    for nonsense in [0xffff, 0x1908, 0x1902] {
        assert!(tmp102::decode(u16::to_be_bytes(nonsense)).is_err(), "{nonsense:#06x}");
    }
}

/// 25.0 °C and 50 %: both are half-way or less in their 20 bits.
const MEASURED: [u8; 7] = [0x1c, 0x80, 0x00, 0x06, 0x00, 0x00, 0];

#[test]
fn aht20_is_initialised_measures_and_is_checked() {
    let mut measured = MEASURED;
    measured[6] = crc8(&measured[..6]);
    let busy = [0x9c, 0, 0, 0, 0, 0, 0];
    let (read, written) = read_i2c(Aht::new(Model::Aht20), &[&[0x10], &[0x18], &busy, &busy, &measured]);
    assert_eq!(read, Ok(vec![("temperature", 25.0), ("humidity", 50.0)]));
    assert_eq!(written, [[0xbe, 0x08, 0x00], [0xac, 0x33, 0x00]]);
    measured[4] ^= 0x01;
    let (read, _) = read_i2c(Aht::new(Model::Aht20), &[&[0x18], &measured]);
    assert_eq!(read, Err("the checksum does not match".to_owned()));
}

#[test]
fn aht10_has_no_checksum_and_another_initialisation() {
    let cold = [0x1c, 0x00, 0x00, 0x02, 0x66, 0x66];
    let (read, written) = read_i2c(Aht::new(Model::Aht10), &[&[0x00], &[0x08], &cold]);
    assert_eq!(main_value(read), Ok(-20.0001));
    assert_eq!(written[0], [0xe1, 0x08, 0x00]);
}

#[test]
fn an_aht_that_never_gets_ready_is_an_error() {
    let busy = [0x98, 0, 0, 0, 0, 0, 0];
    let mut answers: Vec<&[u8]> = vec![&[0x18]];
    answers.extend([&busy[..]; 6]);
    assert_eq!(read_i2c(Aht::new(Model::Aht20), &answers).0, Err("the part stays busy".to_owned()));
    let (read, _) = read_i2c(Aht::new(Model::Aht20), &[&[0x00], &[0x00]]);
    assert_eq!(read, Err("the part cannot load its calibration".to_owned()));
}

#[test]
fn the_checksum_is_the_one_of_the_maker() {
    // The example of Sensirion, whose polynomial and initial value it is.
    assert_eq!(crc8(&[0xbe, 0xef]), 0x92);
}

#[test]
fn emc2101_reads_temperatures_and_turns() {
    let wired = || Emc2101 { tachometer: Tachometer::Wired };
    // The maker, the configuration, the status, the diode, the part itself, the tachometer.
    let answers: [&[u8]; 8] = [&[0x5d], &[0x00], &[0x00], &[0xe6], &[0xe0], &[0xff], &[0x94], &[0x11]];
    let (read, written) = read_i2c(wired(), &answers);
    let expected = vec![("temperature", -25.125), ("internal_temperature", -1.0), ("rpm", 1200.0)];
    assert_eq!((read, written), (Ok(expected), vec![vec![0x03, 0x04]]));
    let stopped: [&[u8]; 8] = [&[0x5d], &[0x04], &[0x00], &[0x19], &[0x20], &[0x19], &[0xff], &[0xff]];
    assert_eq!(
        read_i2c(wired(), &stopped).0,
        Ok(vec![("temperature", 25.125), ("internal_temperature", 25.0), ("rpm", 0.0)])
    );
    let open: [&[u8]; 4] = [&[0x5d], &[0x00], &[0x7f], &[0x00]];
    let absent = Emc2101 { tachometer: Tachometer::Absent };
    assert_eq!(read_i2c(absent, &open).0, Err("the external diode is open or shorted".to_owned()));
    assert!(read_i2c(wired(), &[&[0x00]]).0.is_err_and(|error| error.contains("EMC2101")));
}

fn ads1115(channel: &str, full_scale: f64, meaning: Meaning) -> Ads1115 {
    Ads1115::new(Channel::parse(channel).unwrap(), FullScale::of(full_scale).unwrap(), meaning)
}

#[test]
fn ads1115_converts_once_and_reads_what_it_asked_for() {
    let (read, written) =
        read_i2c(ads1115("0", 4.096, Meaning::Voltage), &[&[0x43, 0x83], &[0xc3, 0x83], &[0x40, 0x00]]);
    assert_eq!((read, written), (Ok(vec![("voltage", 2.048)]), vec![vec![0x01, 0xc3, 0x83]]));
    let (read, written) = read_i2c(ads1115("2-3", 0.256, Meaning::Voltage), &[&[0xbb, 0x83], &[0xff, 0xff]]);
    assert_eq!((main_value(read), &written[0][..]), (Ok(-0.0), &[0x01, 0xbb, 0x83][..]));
    let voltage = || ads1115("0", 4.096, Meaning::Voltage);
    for full in [[0x7f, 0xff], [0x80, 0x00]] {
        let (read, _) = read_i2c(voltage(), &[&[0xc3, 0x83], &full]);
        assert_eq!(read, Err("the voltage is beyond full_scale".to_owned()));
    }
    assert!(read_i2c(voltage(), &[&[0xd3, 0x83]]).0.is_err_and(|error| error.contains("another program")));
    assert!(
        read_i2c(voltage(), &[&[0x43, 0x83][..]; 4]).0.is_err_and(|error| error.contains("does not end"))
    );
    assert!(Channel::parse("4").is_none() && FullScale::of(5.0).is_none());
}

#[test]
fn a_reading_that_was_broken_off_is_begun_anew() {
    let (parts, place) = (Parts::default(), "/dev/i2c-1 address 0x48");
    let driver = ads1115("0", 4.096, Meaning::Voltage);
    let mut probe = OnI2c::new("/dev/i2c-1".to_owned(), 0x48, Part::Ads1115, driver);
    assert!(matches!(probe.step(&parts), Ok(Step::Wait(_))));
    parts.disturb(place, Fault::Nak);
    assert_eq!(probe.step(&parts), Err(BusError(format!("{place} does not answer"))));
    parts.mend(place);
    assert!(matches!(probe.step(&parts), Ok(Step::Wait(_))), "what was converted before is of no use");
    assert_eq!(probe.step(&parts), Ok(Step::Done(vec![("voltage", 0.105)])));
}

#[test]
fn a_divider_with_a_thermometer_is_a_temperature() {
    let divider = || {
        let meaning = Meaning::Divider { supply: 3.3, reference: 3200.0, zero: 100.0 };
        ads1115("0", 0.256, meaning)
    };
    // 100 ohms of 3300 are 0.1 V, which is 12800 of 32768.
    let (read, _) = read_i2c(divider(), &[&[0xcb, 0x83], &[0x32, 0x00]]);
    let read = read.unwrap();
    assert!(read[0].0 == "temperature" && read[0].1.abs() < 1e-6 && (read[1].1 - 100.0).abs() < 1e-6);
    for shorted in [[0x00, 0x00], [0xff, 0xff]] {
        assert!(read_i2c(divider(), &[&[0xcb, 0x83], &shorted]).0.is_err());
    }
}

#[test]
fn platinum_follows_the_table_of_iec_60751() {
    let table =
        [(-200.0, 18.52), (-100.0, 60.26), (-50.0, 80.31), (0.0, 100.0), (100.0, 138.51), (850.0, 390.48)];
    for (degrees, ohms) in table {
        assert!((platinum::resistance(degrees, 100.0) - ohms).abs() < 0.005, "{degrees}");
        let back = platinum::temperature(platinum::resistance(degrees, 1000.0), 1000.0).unwrap();
        assert!((back - degrees).abs() < 1e-6, "{degrees} {back}");
    }
    for ohms in [0.0, 10.0, 500.0, 1e9] {
        assert!(platinum::temperature(ohms, 100.0).is_err(), "{ohms}");
    }
}

const PT100: Thermometer =
    Thermometer { reference: 400.0, zero: 100.0, wires: Wires::Three, mains: Mains::Hertz50 };

fn read_spi(answers: &[&[u8]]) -> (Result<f64, String>, Vec<Vec<u8>>) {
    let (mut driver, mut wire) = (Max31865::new(PT100), Script::of(answers));
    loop {
        match driver.step(&mut wire) {
            Ok(Step::Wait(_)) => {}
            Ok(Step::Done(readings)) => return (main_value(Ok(readings)), wire.written),
            Err(error) => return (Err(error.0), wire.written),
        }
    }
}

#[test]
fn max31865_reads_the_table_of_its_datasheet() {
    for (register, degrees) in [(0x0bda_u16, -200.0), (0x4000, 0.0), (0x463a, 25.0), (0xf9e8, 850.0)] {
        let (read, written) = read_spi(&[&[0x91], &register.to_be_bytes(), &[0x00]]);
        assert!((read.unwrap() - degrees).abs() < 0.05, "{register:#06x}");
        assert_eq!(written, [[0x80, 0x93], [0x80, 0xb1], [0x80, 0x11]]);
    }
}

#[test]
fn max31865_tells_what_is_wrong_with_its_wires() {
    let open = read_spi(&[&[0x91], &[0xff, 0xff], &[0x80]]).0;
    assert_eq!(open, Err("the resistance is above the high threshold: a wire is open".to_owned()));
    assert!(read_spi(&[&[0x91], &[0x00, 0x00], &[0x00]]).0.is_err_and(|error| error.contains("shorted")));
    for nobody in [0x00, 0xff] {
        assert!(read_spi(&[&[nobody]]).0.is_err_and(|error| error.contains("does not answer")));
    }
}

#[test]
fn ds18b20_believes_the_kernel_only_with_its_checksum() {
    let text = |verdict: &str, millidegrees: &str| {
        format!(
            "72 01 4b 46 7f ff 0e 10 57 : crc=57 {verdict}\n72 01 4b 46 7f ff 0e 10 57 t={millidegrees}\n"
        )
    };
    assert_eq!(ds18b20::decode(&text("YES", "23125")), Ok(23.125));
    assert_eq!(ds18b20::decode(&text("YES", "-10125")), Ok(-10.125));
    assert!(ds18b20::decode(&text("NO", "23125")).is_err_and(|error| error.0.contains("checksum")));
    assert!(ds18b20::decode(&text("YES", "85000")).is_err_and(|error| error.0.contains("supply")));
    for broken in ["", "\n", "YES", &text("YES", ""), &text("YES", "warm")] {
        assert!(ds18b20::decode(broken).is_err(), "{broken:?}");
    }
}

#[test]
fn the_thermal_zone_tells_thousandths() {
    assert_eq!(thermal_zone::decode("48312\n"), Ok(48.312));
    assert_eq!(thermal_zone::decode("-5000\n"), Ok(-5.0));
    assert!(thermal_zone::decode("\n").is_err());
}
