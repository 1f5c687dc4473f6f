//! What the kernel's folders tell of 1-wire, PWM, SPI and thermometers.

use std::io;
use std::path::Path;

use super::super::pwm_sysfs;
use super::{OneWire, Problem, PwmChip, ThermalZone, line_of, numbered, parts};

/// The SPI devices that programs may open.
pub(super) fn spi(dev: &Path) -> Vec<String> {
    numbered(dev, "spidev").into_iter().map(|name| dev.join(name).display().to_string()).collect()
}

/// Whether there is a 1-wire bus, and who is on it.
pub(super) fn one_wire(devices: &Path) -> (bool, Vec<OneWire>) {
    let names = numbered(devices, "");
    let has_bus = names.iter().any(|name| name.starts_with("w1_bus_master"));
    // A bus whose wire is cut finds parts of the family 00, which are noise.
    let is_part = |name: &String| name.as_bytes().get(2) == Some(&b'-') && !name.starts_with("00-");
    let parts = names.into_iter().filter(is_part);
    (has_bus, parts.map(|id| OneWire { part: parts::family(&id), id }).collect())
}

/// The chips with PWM channels.
pub(super) fn pwm(class: &Path, problems: &mut Vec<Problem>) -> Vec<PwmChip> {
    let mut chips = Vec::new();
    for name in numbered(class, "pwmchip") {
        let path = class.join(&name);
        match pwm_sysfs::chips::chip(path.clone()) {
            Some(chip) => chips.push(PwmChip { device: chip.device, name, channels: chip.channels }),
            None => {
                let error = io::Error::other("it has no device, or does not tell how many channels it has");
                problems.push(Problem::new(&path, &error));
            }
        }
    }
    chips
}

/// The thermometers of the board.
pub(super) fn thermal(class: &Path) -> Vec<ThermalZone> {
    let zones = numbered(class, "thermal_zone").into_iter();
    zones
        .map(|name| ThermalZone { kind: line_of(&class.join(&name).join("type")).unwrap_or_default(), name })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    use super::super::{Asking, Survey};
    use super::*;

    /// A board that a test makes up, and which is gone with it.
    struct Board(PathBuf);

    impl Board {
        fn new(name: &str) -> Board {
            let folder = std::env::temp_dir().join(format!("survey-{name}-{}", std::process::id()));
            fs::create_dir_all(&folder).expect("a folder for the test");
            Board(folder)
        }

        fn file(&self, path: &str, text: &str) {
            let path = self.0.join(path);
            fs::create_dir_all(path.parent().expect("it is in the board")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
    }

    impl Drop for Board {
        fn drop(&mut self) {
            // What is left of it disturbs nobody.
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_board_without_anything_has_nothing_and_no_problem() {
        let board = Board::new("empty");
        assert_eq!(Survey::below(&board.0, Asking::EveryAddress), Survey::default());
    }

    #[test]
    fn what_the_folders_tell_is_found() {
        let board = Board::new("full");
        board.file("dev/spidev0.1", "");
        board.file("dev/gpiochip0", "a file is no chip");
        board.file("sys/bus/w1/devices/28-0000072b5c3d/name", "");
        board.file("sys/bus/w1/devices/00-800000000000/name", "");
        board.file("sys/bus/w1/devices/w1_bus_master1/name", "");
        board.file("sys/class/pwm/pwmchip2/npwm", "2\n");
        symlink("../../../fe20c000.pwm", board.0.join("sys/class/pwm/pwmchip2/device")).expect("a link");
        board.file("sys/class/pwm/pwmchip10/npwm", "4\n");
        board.file("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n");
        let survey = Survey::below(&board.0, Asking::Nobody);
        assert!(survey.spi[0].ends_with("dev/spidev0.1"));
        assert!(survey.has_one_wire && survey.chips.is_empty());
        let sensor = OneWire { id: "28-0000072b5c3d".to_owned(), part: Some("DS18B20") };
        assert_eq!(survey.one_wire, [sensor]);
        let (device, name) = ("fe20c000.pwm".to_owned(), "pwmchip2".to_owned());
        assert_eq!(survey.pwm, [PwmChip { device, name, channels: 2 }]);
        assert_eq!(survey.thermal[0].kind, "cpu-thermal");
        assert_eq!(survey.problems.len(), 1, "{:?}", survey.problems);
        assert!(survey.problems[0].what.ends_with("pwmchip10"));
    }

    #[test]
    fn an_i2c_bus_tells_what_the_kernel_has_on_it() {
        let board = Board::new("i2c");
        board.file("dev/i2c-1", "");
        board.file("sys/bus/i2c/devices/i2c-1/name", "bcm2835 (i2c@7e804000)\n");
        board.file("sys/bus/i2c/devices/1-0068/name", "ds3231\n");
        symlink("../../../bus/i2c/drivers/rtc-ds1307", board.0.join("sys/bus/i2c/devices/1-0068/driver"))
            .expect("a link");
        let survey = Survey::below(&board.0, Asking::Nobody);
        let bus = &survey.i2c[0];
        assert_eq!(bus.name, "bcm2835 (i2c@7e804000)");
        assert_eq!((bus.parts[0].address, bus.parts[0].driver.as_deref()), (0x68, Some("rtc-ds1307")));
        // A file is no bus, which is found out when somebody is asked.
        let asked = Survey::below(&board.0, Asking::EveryAddress);
        assert!(!asked.problems[0].denied && asked.problems[0].what.ends_with("dev/i2c-1"));
    }

    #[test]
    fn only_what_is_there_is_asked_and_opened() {
        let board = Board::new("asked");
        board.file("dev/i2c-1", "a file is no bus");
        board.file("dev/spidev0.0/folder", "a folder can't be opened like a device");
        board.file("dev/spidev0.1", "");
        let mut survey = Survey::below(&board.0, Asking::Nobody);
        let path = |name: &str| board.0.join("dev").join(name).display().to_string();
        for name in ["spidev0.0", "spidev0.1", "spidev9.9"] {
            survey.try_spi(&path(name));
        }
        survey.ask(&path("i2c-9"), &[0x48]);
        survey.ask(&path("i2c-1"), &[0x48]);
        let what: Vec<&str> = survey.problems.iter().map(|problem| &*problem.what).collect();
        assert_eq!(what, [path("spidev0.0"), path("i2c-1")]);
        assert!(survey.i2c[0].parts.is_empty() && survey.problems.iter().all(|problem| !problem.denied));
    }
}
