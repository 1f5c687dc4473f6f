//! What the kernel's refusals mean, said so that the reader knows what to do.

use std::error::Error;
use std::io;

use nix::errno::Errno;

use super::super::{HardwareError, Line};

/// Says that a call failed, and what the kernel said.
pub(super) fn call(call: impl Into<String>, error: &gpio_cdev::Error) -> HardwareError {
    HardwareError::Call { call: call.into(), cause: cause(error) }
}

/// Says why a request for lines failed.  When one of them is taken, the error names it and its holder.
pub(super) fn request(what: &str, lines: &[gpio_cdev::Line], error: &gpio_cdev::Error) -> HardwareError {
    let cause = cause(error);
    if errno(&cause) == Errno::EBUSY {
        for line in lines {
            if let Ok(info) = line.info() {
                if info.is_kernel() {
                    return HardwareError::Busy {
                        line: named(line),
                        consumer: info.consumer().map(str::to_owned),
                    };
                }
            }
        }
    }
    HardwareError::Call { call: what.to_owned(), cause }
}

/// The line under the name that we use everywhere.
pub(super) fn named(line: &gpio_cdev::Line) -> Line {
    Line { chip: line.chip().name().into(), offset: line.offset() }
}

/// The error number, or `UnknownErrno`.
pub(super) fn errno(cause: &io::Error) -> Errno {
    cause.raw_os_error().map_or(Errno::UnknownErrno, Errno::from_raw)
}

/// What the kernel said, with its number.
///
/// gpio-cdev keeps the number in a type of an older `nix`, out of reach but for its name.  So the number is the
/// one that our `nix` calls the same.
pub(super) fn cause(error: &gpio_cdev::Error) -> io::Error {
    let Some(source) = error.source() else { return io::Error::other(error.to_string()) };
    if let Some(error) = source.downcast_ref::<io::Error>() {
        if let Some(number) = error.raw_os_error() {
            return io::Error::from_raw_os_error(number);
        }
    }
    let name = format!("{source:?}");
    let number = (1..=HIGHEST_ERRNO).find(|number| format!("{:?}", Errno::from_raw(*number)) == name);
    number.map_or_else(|| io::Error::other(error.to_string()), io::Error::from_raw_os_error)
}

/// Linux numbers its errors up to EHWPOISON; a few more leave room.
const HIGHEST_ERRNO: i32 = 140;

/// Kernel 7.1 was the first that could be built without version 1, and is by default.
pub(super) const NO_VERSION_1: &str =
    "this kernel has no GPIO v1 API (CONFIG_GPIO_CDEV_V1), which the backend gpiochip needs";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_open_keeps_its_number() {
        let error = gpio_cdev::Chip::new("/nowhere/gpiochip0").unwrap_err();
        assert_eq!(errno(&cause(&error)), Errno::ENOENT);
    }

    #[test]
    fn a_failed_ioctl_keeps_its_number() {
        let error = gpio_cdev::Chip::new("/dev/null").unwrap_err();
        assert_eq!(errno(&cause(&error)), Errno::ENOTTY);
    }
}
