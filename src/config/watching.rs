//! Devices that watch others: whom they name has to be there, and to be something that is switched.

use super::Device;
use crate::domain::{DeviceName, Mistake, Mistakes, Settings, Wired, unknown_name};

/// A device that is named by another, and where.
pub(super) struct Watch {
    device: DeviceName,
    path: String,
    offset: usize,
}

/// What a device watches.
pub(super) fn of(settings: &Settings<'_>, wired: &impl Wired) -> Vec<Watch> {
    let watch = |(key, device)| {
        let (path, offset) = settings.place(key);
        Watch { device, path, offset }
    };
    wired.watches().into_iter().map(watch).collect()
}

/// Compares what is watched with the devices that there are; `all` has the names of those with mistakes as well.
pub(super) fn check<B: Wired>(
    watches: &[Watch],
    all: &Settings<'_>,
    devices: &[Device<B>],
    mistakes: &mut Mistakes,
) {
    for Watch { device: name, path, offset } in watches {
        let known: Vec<&str> = all.keys().collect();
        let found = devices.iter().find(|device| device.name == *name);
        let message = match found {
            None if known.contains(&name.as_str()) => continue,
            None => unknown_name("device", name.as_str(), &known),
            Some(device) if device.blueprint.is_output() => continue,
            Some(_) => format!("{name} is not switched: name an output"),
        };
        mistakes.found.push(Mistake { offset: *offset, path: path.clone(), message });
    }
}
