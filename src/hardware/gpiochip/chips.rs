//! The chips of this machine, and finding the one that a configuration means.
//!
//! Asking for a chip's name is one and the same call in all versions, so gpio-cdev's is used for all.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use gpio_cdev::Chip;
use nix::errno::Errno;

use super::super::HardwareError;
use super::errors::{self, Cause};

/// All chips under `/dev`, opened.
pub(super) struct Chips {
    /// Each chip once, in the order of their numbers.
    pub(super) found: Vec<Chip>,
    /// What could not be opened, and why.
    refused: Vec<HardwareError>,
}

impl Chips {
    /// Opens what is called `/dev/gpiochip*`.  Boards may keep old numbers alive as links (the Raspberry Pi 5
    /// does), so that one chip is there twice: the first counts.
    pub(super) fn scan() -> Result<Chips, HardwareError> {
        let failed = |cause| HardwareError::Call { call: format!("list {FOLDER}"), cause };
        let mut paths = Vec::new();
        for entry in fs::read_dir(FOLDER).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_name().to_string_lossy().starts_with("gpiochip") {
                paths.push(entry.path());
            }
        }
        paths.sort_by_key(|path| (path.as_os_str().len(), path.clone()));
        let mut chips = Chips { found: Vec::new(), refused: Vec::new() };
        for path in paths {
            match open(&path) {
                Ok(chip) if chips.found.iter().any(|other| other.name() == chip.name()) => {}
                Ok(chip) => chips.found.push(chip),
                Err(error) => chips.refused.push(error),
            }
        }
        Ok(chips)
    }

    /// The chips, of which there is at least one, or why there is none.
    pub(super) fn usable(mut self) -> Result<Vec<Chip>, HardwareError> {
        if !self.found.is_empty() {
            return Ok(self.found);
        }
        Err(self.refused.pop().unwrap_or_else(|| {
            HardwareError::NotFound(format!(
                "this machine has no GPIO chip: there is no {FOLDER}/gpiochip*; to try things out, set \
                 hardware.backend to \"simulated\""
            ))
        }))
    }

    /// The path of the chip that is meant by `reference`: a path, a name, or a label.
    pub(super) fn path(&self, reference: &str) -> Result<PathBuf, HardwareError> {
        if reference.contains('/') {
            return fs::canonicalize(reference).map_err(|cause| match cause.kind() {
                io::ErrorKind::NotFound => self.unknown(reference),
                _ => HardwareError::Call { call: format!("find chip {reference}"), cause },
            });
        }
        if let Some(chip) = self.found.iter().find(|chip| chip.name() == reference) {
            return Ok(chip.path().to_owned());
        }
        let by_label = |chip: &&Chip| !reference.is_empty() && chip.label() == reference;
        let labelled: Vec<&Chip> = self.found.iter().filter(by_label).collect();
        match labelled[..] {
            [chip] => Ok(chip.path().to_owned()),
            [] => {
                // A link such as gpiochip4 -> gpiochip0 is no chip's own name.
                let link = Path::new(FOLDER).join(reference);
                let is_link = reference.starts_with("gpiochip") && link.exists();
                if is_link { Ok(link) } else { Err(self.unknown(reference)) }
            }
            [..] => {
                let names: Vec<&str> = labelled.iter().map(|chip| chip.name()).collect();
                let names = names.join(" and ");
                Err(HardwareError::NotFound(format!(
                    "the label {reference} is that of {names}: write which of them is meant"
                )))
            }
        }
    }

    /// The chips in words, for errors.
    pub(super) fn describe(&self) -> String {
        let mut words: Vec<String> = self.found.iter().map(describe).collect();
        words.extend(self.refused.iter().map(|error| format!("({error})")));
        if words.is_empty() { "none".to_owned() } else { words.join(", ") }
    }

    fn unknown(&self, reference: &str) -> HardwareError {
        let here = self.describe();
        HardwareError::NotFound(format!("there is no chip {reference}; the chips here: {here}"))
    }
}

/// Opens the chip at `path`.  Nothing else is opened: to open some devices, a watchdog for one, is to start them.
pub(super) fn open(path: &Path) -> Result<Chip, HardwareError> {
    let not_a_chip = || HardwareError::NotFound(format!("{} is not a GPIO chip", path.display()));
    let call = format!("open {}", path.display());
    match fs::metadata(path) {
        Ok(metadata) if metadata.file_type().is_char_device() => {}
        Ok(_) => return Err(not_a_chip()),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
            return Err(HardwareError::NotFound(format!("there is no chip {}", path.display())));
        }
        Err(cause) => return Err(HardwareError::Call { call, cause }),
    }
    Chip::new(path).map_err(|error| match errors::errno(&error.io_error()) {
        Errno::ENOTTY => not_a_chip(),
        Errno::EACCES | Errno::EPERM => {
            errors::call(format!("{call} (usually members of the group gpio may)"), &error)
        }
        _ => errors::call(call, &error),
    })
}

/// A chip in words, such as `gpiochip0 (pinctrl-bcm2711, 58 lines)`.
pub(super) fn describe(chip: &Chip) -> String {
    format!("{} ({}, {} lines)", chip.name(), chip.label(), chip.num_lines())
}

/// Where the kernel's devices are.
pub(super) const FOLDER: &str = "/dev";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_chip_is_not_opened() {
        for path in ["/dev/null", "/etc/passwd", "/tmp"] {
            let error = open(Path::new(path)).unwrap_err();
            assert_eq!(error.to_string(), format!("{path} is not a GPIO chip"));
        }
    }

    #[test]
    fn a_missing_path_lists_what_there_is() {
        let none = Chips { found: Vec::new(), refused: Vec::new() };
        let error = none.path("/nowhere/gpiochip9").unwrap_err();
        assert_eq!(error.to_string(), "there is no chip /nowhere/gpiochip9; the chips here: none");
    }

    #[test]
    fn no_chip_at_all_is_said() {
        let none = Chips { found: Vec::new(), refused: Vec::new() };
        assert!(matches!(none.usable(), Err(HardwareError::NotFound(_))));
    }
}
