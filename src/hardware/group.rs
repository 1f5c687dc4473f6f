//! The lines of a device, which are asked for in one request.

use super::{HardwareError, Line};
use crate::domain::Polarity;

/// Different lines of one chip, at least one and at most 64.
pub(super) struct Group {
    /// Their offsets, in the order in which the device counts them.
    pub(super) offsets: Vec<u32>,
    /// The lines in words, such as `gpiochip0:17,27`, for errors.
    pub(super) name: String,
}

impl Group {
    /// Checks what neither the kernel nor the libraries would forgive.
    pub(super) fn new(lines: &[(Line, Polarity)]) -> Result<Group, HardwareError> {
        let Some((first, _)) = lines.first() else {
            return Err(HardwareError::Unsupported("outputs need at least one line".to_owned()));
        };
        let chip = &*first.chip;
        if lines.len() > MOST_LINES {
            let count = lines.len();
            return Err(HardwareError::Unsupported(format!(
                "{count} outputs in one device: the kernel takes at most {MOST_LINES} in one request"
            )));
        }
        let mut offsets = Vec::with_capacity(lines.len());
        for (line, _) in lines {
            if &*line.chip != chip {
                return Err(HardwareError::Unsupported(format!(
                    "line {line} is not on {chip}: the lines of one device must be on one chip"
                )));
            }
            if offsets.contains(&line.offset) {
                return Err(HardwareError::Unsupported(format!("line {line} is named twice in one device")));
            }
            offsets.push(line.offset);
        }
        let words: Vec<String> = offsets.iter().map(u32::to_string).collect();
        Ok(Group { offsets, name: format!("{chip}:{}", words.join(",")) })
    }

    /// Makes sure that there is a value for each line.
    pub(super) fn check(&self, values: usize) -> Result<(), HardwareError> {
        let lines = self.offsets.len();
        if values == lines {
            return Ok(());
        }
        let name = &self.name;
        Err(HardwareError::Unsupported(format!("{name}: {values} values for {lines} lines")))
    }
}

/// GPIOHANDLES_MAX and GPIO_V2_LINES_MAX of the kernel; gpio-cdev panics beyond.
const MOST_LINES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use Polarity::{ActiveHigh, ActiveLow};

    fn line(chip: &str, offset: u32, polarity: Polarity) -> (Line, Polarity) {
        (Line { chip: chip.into(), offset }, polarity)
    }

    fn refusal(lines: &[(Line, Polarity)]) -> String {
        Group::new(lines).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn what_one_request_cannot_hold_is_refused() {
        let many: Vec<_> = (0..65).map(|offset| line("c", offset, ActiveHigh)).collect();
        assert_eq!(refusal(&[]), "outputs need at least one line");
        assert!(refusal(&many).starts_with("65 outputs in one device"));
        assert_eq!(Group::new(&many[..64]).unwrap().offsets.len(), 64);
        assert!(refusal(&[line("c", 1, ActiveHigh), line("d", 2, ActiveHigh)]).contains("d:2 is not on c"));
        assert!(refusal(&[line("c", 1, ActiveHigh), line("c", 1, ActiveLow)]).contains("named twice"));
    }

    #[test]
    fn every_line_needs_a_value() {
        let group = Group::new(&[line("c", 1, ActiveHigh), line("c", 7, ActiveLow)]).unwrap();
        assert!(group.check(2).is_ok());
        assert_eq!(group.check(0).unwrap_err().to_string(), "c:1,7: 0 values for 2 lines");
    }
}
