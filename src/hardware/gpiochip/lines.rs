//! Finding the line that a configuration means, without touching it.

use std::path::PathBuf;

use gpio_cdev::Chip;

use super::super::{HardwareError, Line};
use super::chips::{self, Chips};
use super::version::{Version, named};
use crate::domain::{LineAddress, LineRef, edit_distance};

/// Finds the line, and the path of its chip.
pub(super) fn locate(
    version: Version,
    chips: &Chips,
    address: &LineAddress,
) -> Result<(Line, PathBuf), HardwareError> {
    let given = match &address.chip {
        Some(reference) => Some(chips::open(&chips.path(reference)?)?),
        None => None,
    };
    match (&address.line, &given) {
        (LineRef::Offset(offset), Some(chip)) => by_offset(chip, *offset),
        (LineRef::Name(name), Some(chip)) => by_name(version, std::slice::from_ref(chip), name, chips),
        (LineRef::Name(name), None) => by_name(version, &chips.found, name, chips),
        (LineRef::Offset(offset), None) => Err(HardwareError::NotFound(format!(
            "line {offset} is counted on a chip, so name the chip; the chips here: {}",
            chips.describe()
        ))),
    }
}

fn by_offset(chip: &Chip, offset: u32) -> Result<(Line, PathBuf), HardwareError> {
    if offset < chip.num_lines() {
        return Ok((named(chip, offset), chip.path().to_owned()));
    }
    let chip = chips::describe(chip);
    Err(HardwareError::NotFound(format!("{chip} has no line {offset}: lines are counted from 0")))
}

fn by_name(
    version: Version,
    among: &[Chip],
    name: &str,
    chips: &Chips,
) -> Result<(Line, PathBuf), HardwareError> {
    let mut matches = Vec::new();
    let mut others = Vec::new();
    for chip in among {
        let infos = match version.infos(chip, 0..chip.num_lines()) {
            Ok(infos) => infos,
            // One bad chip does not hide the lines of the others.
            Err(error) if among.len() > 1 => {
                log::warn!("{error}");
                continue;
            }
            Err(error) => return Err(error),
        };
        for (offset, info) in (0..).zip(infos) {
            match info.name {
                Some(found) if found == name => matches.push((named(chip, offset), chip.path().to_owned())),
                Some(found) => others.push(found),
                None => {}
            }
        }
    }
    if matches.len() == 1 {
        return Ok(matches.remove(0));
    }
    let place = match among {
        [chip] => chips::describe(chip),
        _ => format!("any of the chips {}", chips.describe()),
    };
    Err(HardwareError::NotFound(if matches.is_empty() {
        match nearest(name, others) {
            Some(names) => format!("there is no line {name} on {place}; did you mean {names}?"),
            None => format!("there is no line {name} on {place}"),
        }
    } else {
        let lines: Vec<String> = matches.iter().map(|(line, _)| line.to_string()).collect();
        let lines = lines.join(" and ");
        format!("the name {name} is that of {lines}: write which of them is meant, by chip and offset")
    }))
}

/// Up to three names that `name` may be a slip of.
fn nearest(name: &str, names: Vec<String>) -> Option<String> {
    let mut near: Vec<(usize, String)> = names
        .into_iter()
        .map(|other| (edit_distance(&name.to_lowercase(), &other.to_lowercase()), other))
        .filter(|(distance, other)| *distance <= other.chars().count() / 2)
        .collect();
    near.sort();
    near.dedup();
    let names: Vec<String> = near.into_iter().take(SUGGESTIONS).map(|(_, name)| name).collect();
    if names.is_empty() { None } else { Some(names.join(" or ")) }
}

const SUGGESTIONS: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_gets_a_suggestion_and_nonsense_gets_none() {
        let names = || ["GPIO17", "GPIO18", "ID_SDA", "PWR_LED"].map(str::to_owned).to_vec();
        assert_eq!(nearest("gpio_17", names()).as_deref(), Some("GPIO17 or GPIO18"));
        assert_eq!(nearest("pwr-led", names()).as_deref(), Some("PWR_LED"));
        assert_eq!(nearest("something else", names()), None);
    }
}
