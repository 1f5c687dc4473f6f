//! PWM channels of the kernel, through the files of its sysfs interface below `/sys/class/pwm`.
//!
//! ```text
//! chips       finds a chip by the device that it belongs to
//! permission  waits until udev has handed over the files of a channel
//! ```
//!
//! The kernel refuses a duty that is longer than the period at any moment, so the order of the writes matters; it
//! refuses everything but a period while the period is 0; and it changes the polarity of a disabled channel only.
//! Source: `Documentation/driver-api/pwm.rst` and `drivers/pwm/core.c` of Linux.

pub(super) mod chips;
mod permission;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{HardwareError, Pwm, Signal};
use crate::domain::{Polarity, PwmAddress};

/// Where the kernel shows its PWM chips.
pub const ROOT: &str = "/sys/class/pwm";

/// A channel of the kernel.  Nothing keeps another program with the same rights from writing it, too: the kernel
/// knows no holder of a channel.
pub struct KernelPwm {
    folder: PathBuf,
}

/// Makes sure that there is such a channel below `root`, without touching it.
pub fn locate(root: &Path, address: &PwmAddress) -> Result<(), HardwareError> {
    chips::find(root, address).map(drop)
}

/// Takes a channel of a chip below `root`, with this polarity and this signal.
///
/// A channel that was not exported is, and stays so.  Waits for udev, which lets others than root write the new
/// files, for at most two seconds.
pub fn open(
    root: &Path,
    address: &PwmAddress,
    polarity: Polarity,
    start: Signal,
) -> Result<KernelPwm, HardwareError> {
    let chip = chips::find(root, address)?;
    let folder = chip.join(format!("pwm{}", address.channel));
    if !folder.exists() {
        export(&chip, address)?;
    }
    permission::wait(&chip, &folder, &FILES.map(|name| folder.join(name)))?;
    let mut pwm = KernelPwm { folder };
    if pwm.nanoseconds("period")?.is_zero() {
        pwm.set("period", start.period.as_nanos())?;
    }
    pwm.set_polarity(polarity)?;
    pwm.write(start)?;
    Ok(pwm)
}

impl Pwm for KernelPwm {
    fn write(&mut self, signal: Signal) -> Result<(), HardwareError> {
        let (period, active) = (signal.period.as_nanos(), signal.active.as_nanos());
        if self.nanoseconds("duty_cycle")? > signal.period {
            self.set("duty_cycle", active)?;
            self.set("period", period)?;
        } else {
            self.set("period", period)?;
            self.set("duty_cycle", active)?;
        }
        if self.is_enabled()? { Ok(()) } else { self.set("enable", 1) }
    }

    /// What the kernel was told last; it asks the chip itself only where the chip's driver can.
    fn read(&mut self) -> Result<Signal, HardwareError> {
        let period = self.nanoseconds("period")?;
        let active = if self.is_enabled()? { self.nanoseconds("duty_cycle")? } else { Duration::ZERO };
        Ok(Signal { period, active })
    }
}

impl KernelPwm {
    fn set_polarity(&mut self, polarity: Polarity) -> Result<(), HardwareError> {
        let wanted = match polarity {
            Polarity::ActiveHigh => "normal",
            Polarity::ActiveLow => "inversed",
        };
        if self.text("polarity")? == wanted {
            return Ok(());
        }
        if self.is_enabled()? {
            self.set("enable", 0)?;
        }
        let path = self.folder.join("polarity");
        fs::write(&path, wanted).map_err(|cause| failed("write", &path, cause))
    }

    fn is_enabled(&self) -> Result<bool, HardwareError> {
        Ok(self.text("enable")? == "1")
    }

    fn nanoseconds(&self, file: &str) -> Result<Duration, HardwareError> {
        let text = self.text(file)?;
        text.parse().map(Duration::from_nanos).map_err(|_| {
            let path = self.folder.join(file);
            HardwareError::ReadBack(format!("{} reads {text:?}, which is no number", path.display()))
        })
    }

    fn text(&self, file: &str) -> Result<String, HardwareError> {
        let path = self.folder.join(file);
        let read = fs::read_to_string(&path).map_err(|cause| failed("read", &path, cause))?;
        Ok(read.trim().to_owned())
    }

    fn set(&mut self, file: &str, value: u128) -> Result<(), HardwareError> {
        let path = self.folder.join(file);
        fs::write(&path, value.to_string())
            .map_err(|cause| failed(&format!("write {value} to"), &path, cause))
    }
}

fn export(chip: &Path, address: &PwmAddress) -> Result<(), HardwareError> {
    let path = chip.join("export");
    fs::write(&path, address.channel.to_string()).map_err(|cause| match cause.kind() {
        io::ErrorKind::PermissionDenied => permission::denied(&path),
        io::ErrorKind::ResourceBusy => {
            HardwareError::NotFound(format!("PWM channel {address} belongs to a driver of the kernel"))
        }
        _ => failed("write", &path, cause),
    })
}

fn failed(verb: &str, path: &Path, cause: io::Error) -> HardwareError {
    HardwareError::Call { call: format!("{verb} {}", path.display()), cause }
}

/// The files of a channel that are written.
const FILES: [&str; 4] = ["period", "duty_cycle", "polarity", "enable"];

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use tempfile::TempDir;

    /// A chip like the kernel's, of files that know nothing.
    fn tree() -> TempDir {
        let root = TempDir::new().expect("a temporary folder");
        for (number, device) in [(0, "1f00098000.pwm"), (3, "fe20c000.pwm")] {
            let chip = root.path().join(format!("pwmchip{number}"));
            fs::create_dir(&chip).expect("new");
            symlink(format!("../../../platform/{device}"), chip.join("device")).expect("new");
            fs::write(chip.join("npwm"), "2\n").expect("new");
            fs::write(chip.join("export"), "").expect("new");
        }
        root
    }

    fn channel(root: &TempDir, contents: [&str; 4]) -> PathBuf {
        let folder = root.path().join("pwmchip3/pwm1");
        fs::create_dir(&folder).expect("new");
        for (name, content) in FILES.iter().zip(contents) {
            fs::write(folder.join(name), format!("{content}\n")).expect("new");
        }
        folder
    }

    fn address(chip: &str, channel: u32) -> PwmAddress {
        PwmAddress { chip: chip.to_owned(), channel }
    }

    fn contents(folder: &Path) -> [String; 4] {
        FILES.map(|name| fs::read_to_string(folder.join(name)).expect("a file").trim().to_owned())
    }

    const HALF: Signal = Signal { period: Duration::from_micros(40), active: Duration::from_micros(20) };

    #[test]
    fn a_channel_is_found_by_the_device_of_its_chip() {
        let root = tree();
        let folder = channel(&root, ["0", "0", "normal", "0"]);
        let mut pwm =
            open(root.path(), &address("fe20c000.pwm", 1), Polarity::ActiveHigh, HALF).expect("there");
        assert_eq!(contents(&folder), ["40000", "20000", "normal", "1"]);
        assert_eq!(pwm.read().expect("readable"), HALF);
        pwm.write(Signal::new(Duration::from_micros(10), 0.1)).expect("writable");
        assert_eq!(contents(&folder), ["10000", "1000", "normal", "1"]);
    }

    #[test]
    fn a_low_active_load_gets_an_inverted_channel() {
        let root = tree();
        let folder = channel(&root, ["90000", "60000", "normal", "1"]);
        open(root.path(), &address("fe20c000.pwm", 1), Polarity::ActiveLow, HALF).expect("there");
        assert_eq!(contents(&folder), ["40000", "20000", "inversed", "1"]);
    }

    #[test]
    fn what_others_disabled_is_off() {
        let root = tree();
        let folder = channel(&root, ["0", "0", "normal", "0"]);
        let mut pwm =
            open(root.path(), &address("fe20c000.pwm", 1), Polarity::ActiveHigh, HALF).expect("there");
        fs::write(folder.join("enable"), "0").expect("writable");
        assert_eq!(pwm.read().expect("readable").duty(), 0.0);
        pwm.write(HALF).expect("writable");
        assert_eq!(pwm.read().expect("readable"), HALF);
        fs::write(folder.join("period"), "soon").expect("writable");
        assert!(pwm.read().is_err());
    }

    #[test]
    fn what_is_not_there_is_said_with_what_is() {
        let root = tree();
        let chips = "the PWM chips here: 1f00098000.pwm (2 channels), fe20c000.pwm (2 channels)";
        for (chip, number, expected) in [
            ("pwmchip0", 0, format!("there is no PWM chip pwmchip0; {chips}")),
            ("fe20c000.pwm", 2, "PWM chip fe20c000.pwm has 2 channels, counted from 0, and no 2".to_owned()),
        ] {
            let error = open(root.path(), &address(chip, number), Polarity::ActiveHigh, HALF)
                .err()
                .expect("not there");
            assert_eq!(error.to_string(), expected);
        }
        let nowhere = root.path().join("nowhere");
        let error = open(&nowhere, &address("x", 0), Polarity::ActiveHigh, HALF).err().expect("not there");
        assert!(error.to_string().starts_with("there is no PWM chip x; this kernel has none"), "{error}");
    }

    /// The kernel makes the folder while `export` is written, and udev has its turn after that.
    #[test]
    fn a_new_channel_is_waited_for() {
        let root = tree();
        let chip = root.path().join("pwmchip3");
        fs::remove_file(chip.join("export")).expect("there");
        nix::unistd::mkfifo(&chip.join("export"), nix::sys::stat::Mode::S_IRWXU).expect("new");
        let kernel = std::thread::spawn(move || {
            let exported = fs::read_to_string(chip.join("export")).expect("somebody writes it");
            let (hidden, folder) = (chip.join("hidden"), chip.join(format!("pwm{exported}")));
            fs::create_dir(&hidden).expect("new");
            for name in FILES {
                let text = if name == "polarity" { "normal" } else { "0" };
                let file = hidden.join(name);
                fs::write(&file, text).expect("new");
                fs::set_permissions(file, fs::Permissions::from_mode(0o400)).expect("ours");
            }
            fs::rename(hidden, &folder).expect("new");
            // Whoever is not root may write them only now.
            for name in FILES {
                let file = folder.join(name);
                fs::set_permissions(file, fs::Permissions::from_mode(0o600)).expect("ours");
            }
            folder
        });
        open(root.path(), &address("fe20c000.pwm", 1), Polarity::ActiveHigh, HALF).expect("there in time");
        assert_eq!(contents(&kernel.join().expect("no panic")), ["40000", "20000", "normal", "1"]);
    }
}
