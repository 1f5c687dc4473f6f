//! The registers of each simulated part: what it answers to the transfers of its driver.

use super::Exposure;
use crate::hardware::buses::Part;
use crate::hardware::sensors::{crc8, platinum};

/// A part behind a bus.
pub(super) trait Chip: Send {
    /// Takes bytes, then gives some; on SPI both at the same time.
    fn transfer(&mut self, written: &[u8], read: &mut [u8], exposure: &Exposure);
}

/// A part of this sort, as it is after power-on.
pub(super) fn of(part: Part) -> Box<dyn Chip> {
    match part {
        Part::Aht10 | Part::Aht20 => Box::new(Aht { calibrated: false, measured: None }),
        Part::Tmp102 => Box::new(Tmp102),
        Part::Emc2101 => Box::new(Emc2101 { pointer: 0, configuration: 0 }),
        Part::Ads1115 => Box::new(Ads1115 { pointer: 0, configuration: 0x8583 }),
        Part::Max31865 => Box::new(Max31865 { configuration: 0 }),
        Part::Ds18b20 | Part::ThermalZone => Box::new(Told),
    }
}

struct Aht {
    calibrated: bool,
    measured: Option<[u8; 7]>,
}

impl Chip for Aht {
    fn transfer(&mut self, written: &[u8], read: &mut [u8], exposure: &Exposure) {
        let status = if self.calibrated { 0x18 } else { 0x10 };
        match written.first() {
            Some(0xbe | 0xe1) => self.calibrated = true,
            Some(0xac) => {
                const FULL: f64 = (1 << 20) as f64;
                let humidity = whole(exposure.of("humidity") / 100.0 * FULL, FULL - 1.0) as u32;
                let temperature =
                    whole((exposure.of("temperature") + 50.0) / 200.0 * FULL, FULL - 1.0) as u32;
                let [_, h2, h1, h0] = (humidity << 4 | temperature >> 16).to_be_bytes();
                let [_, _, t1, t0] = temperature.to_be_bytes();
                let bytes = [status, h2, h1, h0, t1, t0];
                self.measured = Some([status, h2, h1, h0, t1, t0, crc8(&bytes)]);
            }
            _ => {}
        }
        let answer = self.measured.unwrap_or([status; 7]);
        let length = read.len().min(answer.len());
        read[..length].copy_from_slice(&answer[..length]);
        if length == 1 {
            read[0] = status;
        }
    }
}

struct Tmp102;

impl Chip for Tmp102 {
    fn transfer(&mut self, _written: &[u8], read: &mut [u8], exposure: &Exposure) {
        let sixteenths = (exposure.of("temperature") * 16.0).round().clamp(-2048.0, 2047.0) as i16;
        answer(read, &(sixteenths << 4).to_be_bytes());
    }
}

struct Emc2101 {
    pointer: u8,
    configuration: u8,
}

impl Chip for Emc2101 {
    fn transfer(&mut self, written: &[u8], read: &mut [u8], exposure: &Exposure) {
        match written {
            [0x03, value] => self.configuration = *value,
            [pointer] => self.pointer = *pointer,
            _ => {}
        }
        let eighths = (exposure.of("temperature") * 8.0).round().clamp(-1024.0, 1023.0) as i16;
        let [high, low] = (eighths << 5).to_be_bytes();
        let rpm = exposure.of("rpm");
        let count = if rpm > 82.0 { (5_400_000.0 / rpm).round() as u16 } else { 0xffff };
        let [tach_high, tach_low] = count.to_be_bytes();
        let value = match self.pointer {
            0x00 => (exposure.of("internal_temperature").clamp(-128.0, 127.0) as i8).to_be_bytes()[0],
            0x01 => high,
            0x03 => self.configuration,
            0x10 => low,
            0x46 => tach_low,
            0x47 => tach_high,
            0xfd => 0x16,
            0xfe => 0x5d,
            _ => 0,
        };
        answer(read, &[value]);
    }
}

struct Ads1115 {
    pointer: u8,
    configuration: u16,
}

impl Chip for Ads1115 {
    fn transfer(&mut self, written: &[u8], read: &mut [u8], exposure: &Exposure) {
        match written {
            [0x01, high, low] => self.configuration = u16::from_be_bytes([*high, *low]),
            [pointer] => self.pointer = *pointer,
            _ => {}
        }
        let full_scale = [6.144, 4.096, 2.048, 1.024, 0.512, 0.256, 0.256, 0.256];
        let full_scale = full_scale[usize::from(self.configuration >> 9 & 7)];
        let raw = (exposure.of("voltage") / full_scale * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16;
        match self.pointer {
            0x00 => answer(read, &raw.to_be_bytes()),
            _ => answer(read, &(self.configuration | 0x8000).to_be_bytes()),
        }
    }
}

struct Max31865 {
    configuration: u8,
}

impl Chip for Max31865 {
    fn transfer(&mut self, written: &[u8], read: &mut [u8], exposure: &Exposure) {
        // A PT100 beside a reference of 430 ohms, as on the usual boards.
        let ohms = platinum::resistance(exposure.of("temperature"), 100.0);
        let [high, low] = ((whole(ohms / 430.0 * 32_768.0, 32_767.0) as u16) << 1).to_be_bytes();
        match written {
            [0x80, value] => self.configuration = *value & !0x22,
            [0x00, _] => answer(&mut read[1..], &[self.configuration]),
            [0x01, _, _] => answer(&mut read[1..], &[high, low]),
            [_, rest @ ..] => answer(&mut read[1..], &vec![0; rest.len()]),
            [] => {}
        }
    }
}

/// What the kernel has read: thousandths of a degree.
struct Told;

impl Chip for Told {
    fn transfer(&mut self, _written: &[u8], read: &mut [u8], exposure: &Exposure) {
        let millidegrees = (exposure.of("temperature") * 1000.0).round() as i32;
        answer(read, &millidegrees.to_be_bytes());
    }
}

fn answer(read: &mut [u8], bytes: &[u8]) {
    let length = read.len().min(bytes.len());
    read[..length].copy_from_slice(&bytes[..length]);
}

fn whole(value: f64, most: f64) -> f64 {
    value.round().clamp(0.0, most)
}
