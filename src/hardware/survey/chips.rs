//! The GPIO chips and who holds their lines.
//!
//! Version 2 of the kernel's interface is asked first, version 1 where that is all there is.

use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use super::{Chip, ChipLine, Direction, Problem, numbered};

/// Every chip below this folder; links to one are left out.
pub(super) fn find(dev: &Path, problems: &mut Vec<Problem>) -> Vec<Chip> {
    let mut chips = Vec::new();
    for name in numbered(dev, "gpiochip") {
        let path = dev.join(&name);
        let is_chip = std::fs::symlink_metadata(&path).is_ok_and(|it| it.file_type().is_char_device());
        if !is_chip {
            continue;
        }
        match version_2(&path).or_else(|error| version_1(&path).ok_or(error)) {
            Ok(chip) => chips.push(chip),
            Err(error) => problems.push(Problem::new(&path, &error)),
        }
    }
    chips
}

fn version_2(path: &Path) -> io::Result<Chip> {
    let chip = gpiocdev::Chip::from_path(path).map_err(cause)?;
    let info = chip.info().map_err(cause)?;
    let mut lines = Vec::new();
    for line in chip.line_info_iter().map_err(cause)? {
        let line = line.map_err(cause)?;
        lines.push(ChipLine {
            offset: line.offset,
            name: given(line.name),
            direction: match line.direction {
                gpiocdev::line::Direction::Input => Direction::Input,
                gpiocdev::line::Direction::Output => Direction::Output,
            },
            used: line.used,
            consumer: given(line.consumer),
        });
    }
    Ok(Chip { path: path.display().to_string(), name: info.name, label: info.label, lines })
}

fn version_1(path: &Path) -> Option<Chip> {
    let chip = gpio_cdev::Chip::new(path).ok()?;
    let (name, label) = (chip.name().to_owned(), chip.label().to_owned());
    let mut lines = Vec::new();
    for line in chip.lines() {
        let info = line.info().ok()?;
        lines.push(ChipLine {
            offset: line.offset(),
            name: info.name().map(str::to_owned),
            direction: match info.direction() {
                gpio_cdev::LineDirection::In => Direction::Input,
                gpio_cdev::LineDirection::Out => Direction::Output,
            },
            used: info.is_used(),
            consumer: info.consumer().map(str::to_owned),
        });
    }
    Some(Chip { path: path.display().to_string(), name, label, lines })
}

fn given(name: String) -> Option<String> {
    (!name.is_empty()).then_some(name)
}

/// What the kernel said.
fn cause(error: gpiocdev::Error) -> io::Error {
    match error {
        gpiocdev::Error::Os(number) => io::Error::from_raw_os_error(number.0),
        gpiocdev::Error::Uapi(_, error) => io::Error::other(error.to_string()),
        other => io::Error::other(other.to_string()),
    }
}
