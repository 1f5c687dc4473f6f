//! The section `devices`: a name, its kind, and the kind's own settings; and no line for two of them.

use crate::domain::{
    DeviceName, KindReader, LineAddress, LineRef, Mistake, Mistakes, PartAddress, PwmAddress, Settings,
    Wired, unknown_name,
};

use super::links::FOLLOW;
use super::raw_lines;
use super::report::Places;
use super::sections::{Backend, Hardware};
use super::watching;

/// A device of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device<B> {
    /// Its name.
    pub name: DeviceName,
    /// Its kind, such as `led`.
    pub kind: &'static str,
    /// What its kind has read of its settings.
    pub blueprint: B,
}

/// Reads every device, those of the section `raw_lines` included, and compares their lines.
pub(super) fn read<B: Wired>(
    settings: &Settings<'_>,
    raw: &Settings<'_>,
    hardware: &Hardware,
    places: &Places<'_>,
    kinds: &[KindReader<B>],
    mistakes: &mut Mistakes,
) -> Vec<Device<B>> {
    let mut devices = Vec::new();
    let mut watches = Vec::new();
    let mut lines = Lines { hardware, places, taken: Vec::new(), channels: Vec::new(), parts: Vec::new() };
    for key in settings.keys() {
        let name = name(key).map_err(|rule| settings.key_mistake(key, rule, mistakes)).ok();
        for (kind, settings) in kinds_of(settings, key, kinds, mistakes) {
            let before = mistakes.found.len();
            match (kind.read)(&settings, mistakes) {
                Some(blueprint) => {
                    lines.take(&settings, &blueprint, mistakes);
                    watches.extend(watching::of(&settings, &blueprint));
                    devices.extend(name.clone().map(|name| Device { name, kind: kind.name, blueprint }));
                }
                None if mistakes.found.len() == before => {
                    settings.mistake("", "these settings cannot be used", mistakes);
                }
                None => {}
            }
        }
    }
    for (settings, Device { name, kind, blueprint }) in raw_lines::read(raw, kinds, mistakes) {
        lines.take(&settings, &blueprint, mistakes);
        if devices.iter().any(|device: &Device<B>| device.name == name) {
            let message =
                format!("another device is called {name} already: give this line a name of its own");
            settings.mistake("line", message, mistakes);
            continue;
        }
        devices.push(Device { name, kind, blueprint });
    }
    watching::check(&watches, settings, &devices, mistakes);
    devices
}

/// The name of a device, or what is wrong with it.
pub(super) fn name(text: &str) -> Result<DeviceName, String> {
    match DeviceName::parse(text) {
        Ok(name) if name.as_str() == RESERVED => {
            Err("this is the name of the gatekeeper's own device: choose another one".to_owned())
        }
        Ok(name) => Ok(name),
        Err(rule) => Err(rule.to_string()),
    }
}

/// The kinds of a device with their settings: one, or else there are mistakes and all of them are read.
fn kinds_of<'a, 'k, B>(
    devices: &Settings<'a>,
    name: &str,
    kinds: &'k [KindReader<B>],
    mistakes: &mut Mistakes,
) -> Vec<(&'k KindReader<B>, Settings<'a>)> {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.name).collect();
    let before = mistakes.found.len();
    let device = devices.object(name, "an object with the device's kind", mistakes);
    if device.keys().next().is_none() && mistakes.found.len() == before {
        let message = format!("a device needs a kind in its braces, which is one of {}", names.join(", "));
        devices.mistake(name, message, mistakes);
    }

    let mut given: Vec<(&KindReader<B>, Settings<'a>)> = Vec::new();
    for key in device.keys() {
        let Some(kind) = kinds.iter().find(|kind| kind.name == key) else {
            let message = match device.keys().find(|key| names.contains(key)) {
                Some(kind) => {
                    format!("no kind is called so: settings of a `{kind}` stand inside of its braces")
                }
                None => unknown_name("kind", key, &names),
            };
            device.key_mistake(key, message, mistakes);
            continue;
        };
        if let Some((first, _)) = given.first() {
            let message =
                format!("this device is a `{}` already: make one of the two a device of its own", first.name);
            device.key_mistake(key, message, mistakes);
        }
        let form = format!("an object with the settings of the `{key}`");
        let before = mistakes.found.len();
        let settings = device.object(key, &form, mistakes);
        if mistakes.found.len() == before {
            given.push((kind, settings.without(FOLLOW)));
        }
    }
    given
}

/// The lines that devices have taken so far.
struct Lines<'c> {
    hardware: &'c Hardware,
    places: &'c Places<'c>,
    taken: Vec<Taken<LineAddress>>,
    channels: Vec<Taken<PwmAddress>>,
    parts: Vec<Taken<PartAddress>>,
}

struct Taken<A> {
    address: A,
    path: String,
    offset: usize,
}

impl Lines<'_> {
    fn take(&mut self, settings: &Settings<'_>, wired: &impl Wired, mistakes: &mut Mistakes) {
        for (role, mut address) in wired.lines() {
            let (path, offset) = settings.place(role);
            if let (LineRef::Offset(number), None) = (&address.line, &address.chip) {
                if self.hardware.chip.is_none() && self.hardware.backend != Backend::Simulated {
                    let message = format!(
                        "offset {number} is counted on a chip: set hardware.chip, e.g. \"pinctrl-bcm2711\", or \
                         name the line, e.g. \"GPIO{number}\""
                    );
                    mistakes.found.push(Mistake { offset, path: path.clone(), message });
                }
                address.chip.clone_from(&self.hardware.chip);
            }
            if matches!(&address.line, LineRef::Name(name) if name.trim().is_empty()) {
                let message =
                    "expected a line: an offset such as 17, or a name such as \"GPIO17\"".to_owned();
                mistakes.found.push(Mistake { offset, path, message });
                continue;
            }
            match self.taken.iter().find(|taken| same_line(&taken.address, &address)) {
                Some(first) => {
                    let (line, column) = self.places.of(first.offset);
                    let message = format!(
                        "line {} is taken by {} at {line}:{column}: one line serves one role of one \
                         device",
                        address.to_string().escape_debug(),
                        first.path
                    );
                    mistakes.found.push(Mistake { offset, path, message });
                }
                None => self.taken.push(Taken { address, path, offset }),
            }
        }
        if let Some((role, address)) = wired.part() {
            let (path, offset) = settings.place(role);
            match self.parts.iter().find(|taken| !taken.address.goes_with(&address)) {
                Some(first) => {
                    let (line, column) = self.places.of(first.offset);
                    let message = format!(
                        "{} is taken by {} at {line}:{column}: one part serves one device, or each of its inputs one",
                        address.to_string().escape_debug(),
                        first.path
                    );
                    mistakes.found.push(Mistake { offset, path, message });
                }
                None => self.parts.push(Taken { address, path, offset }),
            }
        }
        for (role, address) in wired.channels() {
            let (path, offset) = settings.place(role);
            match self.channels.iter().find(|taken| taken.address == address) {
                Some(first) => {
                    let (line, column) = self.places.of(first.offset);
                    let message = format!(
                        "PWM channel {} is taken by {} at {line}:{column}: one channel serves one role of one \
                         device",
                        address.to_string().escape_debug(),
                        first.path
                    );
                    mistakes.found.push(Mistake { offset, path, message });
                }
                None => self.channels.push(Taken { address, path, offset }),
            }
        }
    }
}

/// A name without a chip is looked for on every chip, so it is the same line as that name on any of them.
fn same_line(a: &LineAddress, b: &LineAddress) -> bool {
    let chip = |address: &LineAddress| {
        address.chip.as_ref().map(|chip| chip.strip_prefix("/dev/").unwrap_or(chip).to_owned())
    };
    let any_chip = matches!(a.line, LineRef::Name(_)) && (a.chip.is_none() || b.chip.is_none());
    a.line == b.line && (any_chip || chip(a) == chip(b))
}

/// The gatekeeper's own device.
const RESERVED: &str = "system";
