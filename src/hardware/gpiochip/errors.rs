//! What the kernel said, out of what the libraries made of it.

use std::error::Error;
use std::io;

use nix::errno::Errno;

use super::super::HardwareError;

/// A library's error, which has the kernel's somewhere inside.
pub(super) trait Cause {
    /// What the kernel said, with its number.
    fn io_error(&self) -> io::Error;
}

/// Says that a call failed, and what the kernel said.
pub(super) fn call(call: impl Into<String>, error: &impl Cause) -> HardwareError {
    HardwareError::Call { call: call.into(), cause: error.io_error() }
}

/// The error number, or `UnknownErrno`.
pub(super) fn errno(cause: &io::Error) -> Errno {
    cause.raw_os_error().map_or(Errno::UnknownErrno, Errno::from_raw)
}

impl Cause for gpiocdev::Error {
    fn io_error(&self) -> io::Error {
        match self {
            gpiocdev::Error::Os(errno) | gpiocdev::Error::Uapi(_, gpiocdev_uapi::Error::Os(errno)) => {
                io::Error::from_raw_os_error(errno.0)
            }
            error => io::Error::other(error.to_string()),
        }
    }
}

impl Cause for gpio_cdev::Error {
    /// gpio-cdev keeps the number in a type of an older `nix`, out of reach but for its name.  So the number is the
    /// one that our `nix` calls the same.
    fn io_error(&self) -> io::Error {
        let Some(source) = self.source() else { return io::Error::other(self.to_string()) };
        if let Some(error) = source.downcast_ref::<io::Error>() {
            if let Some(number) = error.raw_os_error() {
                return io::Error::from_raw_os_error(number);
            }
        }
        let name = format!("{source:?}");
        let number = (1..=HIGHEST_ERRNO).find(|number| format!("{:?}", Errno::from_raw(*number)) == name);
        number.map_or_else(|| io::Error::other(self.to_string()), io::Error::from_raw_os_error)
    }
}

/// Linux numbers its errors up to EHWPOISON; a few more leave room.
const HIGHEST_ERRNO: i32 = 140;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_open_keeps_its_number() {
        let error = gpio_cdev::Chip::new("/nowhere/gpiochip0").unwrap_err();
        assert_eq!(errno(&error.io_error()), Errno::ENOENT);
        let error = gpiocdev::Chip::from_path("/nowhere/gpiochip0").unwrap_err();
        assert_eq!(errno(&error.io_error()), Errno::ENOENT);
    }

    #[test]
    fn a_failed_call_keeps_its_number() {
        let error = gpio_cdev::Chip::new("/dev/null").unwrap_err();
        assert_eq!(errno(&error.io_error()), Errno::ENOTTY);
        let errno_of_call = gpiocdev_uapi::Error::Os(gpiocdev_uapi::Errno(Errno::EBUSY as i32));
        let error = gpiocdev::Error::Uapi(gpiocdev::UapiCall::GetLine, errno_of_call);
        assert_eq!(errno(&error.io_error()), Errno::EBUSY);
    }

    #[test]
    fn what_no_call_said_is_kept_in_words() {
        let error = gpiocdev::Error::InvalidArgument("no lines".to_owned());
        assert_eq!(error.io_error().to_string(), "no lines");
    }
}
