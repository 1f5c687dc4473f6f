//! The versions of the kernel's interface, and which of them this kernel has.

use std::io;
use std::ops::Range;

use gpio_cdev::Chip;
use nix::errno::Errno;

use super::{errors, v1, v2};
use crate::hardware::{HardwareError, Line};

/// A version of the kernel's interface to GPIO lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// Since Linux 4.8; kernels from 7.1 on have it only when they were built with CONFIG_GPIO_CDEV_V1.
    V1,
    /// Since Linux 5.10.
    V2,
}

/// What is known of a line without taking it.
pub(super) struct LineInfo {
    /// The board's name for it.
    pub(super) name: Option<String>,
    /// Whether somebody holds it.
    pub(super) is_held: bool,
    /// Who does, where the kernel knows.
    pub(super) consumer: Option<String>,
    /// Whether it is an output, whoever made it one.
    pub(super) is_output: bool,
}

impl Version {
    /// What the backend is called that uses it, in the configuration and everywhere else.
    pub fn backend(self) -> &'static str {
        match self {
            Version::V1 => "gpiochip-v1",
            Version::V2 => "gpiochip-v2",
        }
    }

    /// What is known of the lines with these offsets, without touching any.
    pub(super) fn infos(self, chip: &Chip, offsets: Range<u32>) -> Result<Vec<LineInfo>, HardwareError> {
        match self {
            Version::V1 => v1::infos(chip, offsets),
            Version::V2 => v2::infos(chip, offsets),
        }
        .map_err(|(offset, cause)| match errors::errno(&cause) {
            // The offset is in range, so the only thing that can be invalid is the call itself.
            Errno::EINVAL | Errno::ENOTTY => HardwareError::Unsupported(self.missing().to_owned()),
            _ => HardwareError::Call { call: format!("ask about {}", named(chip, offset)), cause },
        })
    }

    /// Makes sure that this kernel answers to the version.  No line is touched.
    pub(super) fn probe(self, chips: &[Chip]) -> Result<(), HardwareError> {
        let mut answer = Ok(());
        for chip in chips.iter().filter(|chip| chip.num_lines() > 0) {
            answer = self.infos(chip, 0..1).map(|_| ());
            if answer.is_ok() {
                break;
            }
        }
        answer
    }

    /// Says why a request for lines failed.  When one of them is taken, the error names it and its holder.
    pub(super) fn refused(
        self,
        what: String,
        chip: &Chip,
        offsets: &[u32],
        cause: io::Error,
    ) -> HardwareError {
        if errors::errno(&cause) == Errno::EBUSY {
            for offset in offsets {
                let info = self.infos(chip, *offset..*offset + 1).ok().and_then(|mut infos| infos.pop());
                if let Some(info) = info.filter(|info| info.is_held) {
                    return HardwareError::Busy { line: named(chip, *offset), consumer: info.consumer };
                }
            }
        }
        HardwareError::Call { call: what, cause }
    }

    fn missing(self) -> &'static str {
        match self {
            Version::V1 => {
                "this kernel has no GPIO v1 API (CONFIG_GPIO_CDEV_V1), which the backend gpiochip-v1 needs"
            }
            Version::V2 => {
                "this kernel has no GPIO v2 API (Linux 5.10 and later have it), which the backend gpiochip-v2 needs"
            }
        }
    }
}

/// The newest version that answers.  Errors other than that it is missing end the search: they would come again.
pub(super) fn newest(
    mut probe: impl FnMut(Version) -> Result<(), HardwareError>,
) -> Result<Version, HardwareError> {
    for version in [Version::V2, Version::V1] {
        match probe(version) {
            Ok(()) => return Ok(version),
            Err(HardwareError::Unsupported(missing)) => log::info!("{missing}"),
            Err(error) => return Err(error),
        }
    }
    Err(HardwareError::Unsupported(NONE.to_owned()))
}

/// The line under the name that we use everywhere.
pub(super) fn named(chip: &Chip, offset: u32) -> Line {
    Line { chip: chip.name().into(), offset }
}

const NONE: &str = "this kernel has GPIO chips and answers to no version of their API: v2 comes with Linux 5.10, v1 \
                    with CONFIG_GPIO_CDEV_V1 (both need CONFIG_GPIO_CDEV)";

#[cfg(test)]
mod tests {
    use super::*;

    fn found(answers: &[Version]) -> Result<Version, HardwareError> {
        newest(|version| match answers.contains(&version) {
            true => Ok(()),
            false => Err(HardwareError::Unsupported(version.missing().to_owned())),
        })
    }

    #[test]
    fn the_newest_version_that_the_kernel_has_is_taken() {
        use Version::{V1, V2};
        assert_eq!(found(&[V1, V2]).unwrap(), V2);
        assert_eq!(found(&[V2]).unwrap(), V2);
        assert_eq!(found(&[V1]).unwrap(), V1);
        let error = found(&[]).unwrap_err();
        assert!(matches!(error, HardwareError::Unsupported(_)), "{error:?}");
        assert!(error.to_string().contains("CONFIG_GPIO_CDEV_V1"), "{error}");
    }

    #[test]
    fn a_failure_is_not_taken_for_a_missing_version() {
        let refused = |_| Err(HardwareError::Call { call: "ask".to_owned(), cause: Errno::EPERM.into() });
        assert!(matches!(newest(refused).unwrap_err(), HardwareError::Call { .. }));
    }
}
