//! The registry: what devices there are and what they can do.  It is made at start and never changes.

use super::{Datum, DeviceName, PwmAddress};

/// Every device of this gatekeeper, in the order of the configuration.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    /// The devices.
    pub devices: Vec<Entry>,
    /// The backend that carries them, such as `gpiochip` or `simulated`.
    pub backend: &'static str,
    /// Whether no real line is behind them.
    pub simulated: bool,
    /// The board that the gatekeeper runs on.
    pub model: Model,
}

/// Which board it is, as far as its kernel says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Model {
    /// For people, such as `Raspberry Pi 4 Model B Rev 1.2`.
    pub name: Option<String>,
    /// The revision code of a Raspberry Pi, such as `0xc03112`.
    pub revision: Option<u32>,
}

/// One device as clients see it before they use it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its name.
    pub name: DeviceName,
    /// Its kind.
    pub kind: &'static str,
    /// What the kind is, in a sentence.
    pub summary: &'static str,
    /// The role of each line, the chip it is on and its offset there.
    pub lines: Vec<(&'static str, String, u32)>,
    /// The role of each PWM channel, the device of the chip that it is on and its number there.
    pub channels: Vec<(&'static str, PwmAddress)>,
    /// What it can do.
    pub actions: Vec<&'static ActionSpec>,
    /// The unit of its value, where it has one.
    pub unit: Option<&'static str>,
    /// The numbers of its state besides `value`, each with its unit.
    pub values: Vec<(&'static str, &'static str)>,
    /// The smallest and the largest value.
    pub range: (f64, f64),
    /// Its safety policy: when (`on_stop`), and what then (`hold` or a value).
    pub safety: Vec<(&'static str, Datum)>,
}

impl Entry {
    /// Whether it has this action.
    pub fn can(&self, action: &str) -> bool {
        self.actions.iter().any(|known| known.name == action)
    }
}

/// One action of a kind.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionSpec {
    /// The verb.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// Its parameters, in the order of positional arguments.
    pub parameters: &'static [ParameterSpec],
}

/// One parameter of an action.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterSpec {
    /// Its name.
    pub name: &'static str,
    /// What it takes, its unit and its default.
    pub summary: &'static str,
}

impl Registry {
    /// The device of this name.
    pub fn find(&self, name: &str) -> Option<&Entry> {
        self.devices.iter().find(|entry| entry.name.as_str() == name)
    }

    /// The device that alone has a line of this offset, on whichever chip.
    pub fn on_line(&self, offset: u32) -> Option<&Entry> {
        let mut found = self.devices.iter().filter(|e| e.lines.iter().any(|(_, _, line)| *line == offset));
        match (found.next(), found.next()) {
            (Some(entry), None) => Some(entry),
            _ => None,
        }
    }
}
