//! Finds a PWM chip by the device that it belongs to: the number in its name changes with kernels and overlays.

use std::fs;
use std::path::{Path, PathBuf};

use crate::domain::PwmAddress;
use crate::hardware::HardwareError;

/// A chip with PWM channels.
pub(in crate::hardware) struct Chip {
    /// The last part of what its link `device` leads to.
    pub(in crate::hardware) device: String,
    pub(in crate::hardware) channels: u32,
    folder: PathBuf,
}

/// The folder of the chip, which has the channel.
pub(super) fn find(root: &Path, address: &PwmAddress) -> Result<PathBuf, HardwareError> {
    let chips = scan(root);
    let mut named = chips.iter().filter(|chip| chip.device == address.chip);
    match (named.next(), named.next()) {
        (None, _) => Err(HardwareError::NotFound(format!(
            "there is no PWM chip {}; {}",
            address.chip,
            describe(&chips)
        ))),
        (Some(one), Some(other)) => Err(HardwareError::NotFound(format!(
            "the device {} has several PWM chips: {} and {}",
            address.chip,
            one.folder.display(),
            other.folder.display()
        ))),
        (Some(chip), None) if address.channel >= chip.channels => Err(HardwareError::NotFound(format!(
            "PWM chip {} has {} channels, counted from 0, and no {}",
            chip.device, chip.channels, address.channel
        ))),
        (Some(chip), None) => Ok(chip.folder.clone()),
    }
}

/// All chips, by the names of their devices.
fn scan(root: &Path) -> Vec<Chip> {
    let folders = fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut chips: Vec<Chip> = folders.filter_map(chip).collect();
    chips.sort_by(|a, b| a.device.cmp(&b.device));
    chips
}

/// The chip with this folder; nothing where that does not tell of one.
pub(in crate::hardware) fn chip(folder: PathBuf) -> Option<Chip> {
    let device = fs::read_link(folder.join("device")).ok()?;
    let channels = fs::read_to_string(folder.join("npwm")).ok()?.trim().parse().ok()?;
    Some(Chip { device: device.file_name()?.to_str()?.to_owned(), channels, folder })
}

fn describe(chips: &[Chip]) -> String {
    if chips.is_empty() {
        return "this kernel has none (on a Raspberry Pi: dtoverlay=pwm in config.txt)".to_owned();
    }
    let known: Vec<_> =
        chips.iter().map(|chip| format!("{} ({} channels)", chip.device, chip.channels)).collect();
    format!("the PWM chips here: {}", known.join(", "))
}
