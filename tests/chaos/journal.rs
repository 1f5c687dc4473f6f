//! The journal: what the hardware was told, and when, written in a way that survives the end of whoever writes it.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

use gpio_gatekeeper::domain::Value;
use gpio_gatekeeper::hardware::{HardwareError, Outputs};

use super::clock::{self, Moment};
use super::devices;

/// Something that happened to a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: Moment,
    /// In which life of the daemon, from 0.
    pub life: usize,
    /// To which device.
    pub device: usize,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The daemon took its lines, which had this value then.
    Taken(u32),
    /// It was written.
    Written(u32),
}

/// Outputs whose writes stand in the journal before they are done.
pub struct Recorded {
    outputs: Box<dyn Outputs>,
    journal: File,
    life: usize,
    device: usize,
}

impl Recorded {
    /// Takes note of what they are from the beginning.
    pub fn new(
        mut outputs: Box<dyn Outputs>,
        lines: &[u32],
        journal: &Path,
        life: usize,
    ) -> Result<Recorded, HardwareError> {
        let first = number(&outputs.read()?);
        let journal = OpenOptions::new().append(true).create(true).open(journal).expect("a journal");
        let mut recorded = Recorded { outputs, journal, life, device: devices::of_line(lines[0]) };
        recorded.note("taken", first);
        Ok(recorded)
    }

    /// One write(2), which is whole or not there at all, whenever the process is killed.
    fn note(&mut self, word: &str, number: u32) {
        let line = format!("{} {} {} {word} {number}\n", clock::now(), self.life, self.device);
        let written = self.journal.write(line.as_bytes()).expect("the journal can be written");
        assert_eq!(written, line.len(), "the journal is written in whole lines");
    }
}

impl Outputs for Recorded {
    fn write(&mut self, values: &[Value]) -> Result<(), HardwareError> {
        self.note("written", number(values));
        self.outputs.write(values)
    }

    fn read(&mut self) -> Result<Vec<Value>, HardwareError> {
        self.outputs.read()
    }
}

/// Everything that stands in a journal, in order.
pub fn read(journal: &Path) -> Vec<Entry> {
    let text = std::fs::read_to_string(journal).expect("a journal");
    text.lines().map(|line| entry(line).unwrap_or_else(|| panic!("no entry: {line:?}"))).collect()
}

fn entry(line: &str) -> Option<Entry> {
    let mut words = line.split(' ');
    let at = words.next()?.parse().ok()?;
    let life = words.next()?.parse().ok()?;
    let device = words.next()?.parse().ok()?;
    let (word, number) = (words.next()?, words.next()?.parse().ok()?);
    let what = if word == "taken" { What::Taken(number) } else { What::Written(number) };
    Some(Entry { at, life, device, what })
}

fn number(values: &[Value]) -> u32 {
    values.iter().rev().fold(0, |number, value| number << 1 | u32::from(value.is_active()))
}
