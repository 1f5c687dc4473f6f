//! What the doctor knows of the machine besides its GPIO: the user, the programs that run, and how it starts.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The machine, as its folders below a root tell of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Machine {
    /// The release of the kernel, such as `6.12.34+rpt-rpi-v8`.
    pub(super) kernel: String,
    /// The file with which a Raspberry Pi is set up at its start; other boards have none.
    pub(super) boot_config: Option<PathBuf>,
    /// Who asks.
    pub(super) user: String,
    /// What runs here and has to do with lines.
    pub(super) programs: Vec<Program>,
    /// Whether the programs of others could be looked at.
    pub(super) sees_everybody: bool,
    /// The group of each device that was asked for.
    pub(super) groups: HashMap<PathBuf, String>,
    /// The first number of each chip in the old numbering of `/sys/class/gpio`, by the chip's label.
    pub(super) first_numbers: HashMap<String, u32>,
    /// The I2C buses that the kernel drives, such as `i2c-1`, also those that programs can't open.
    pub(super) i2c_buses: Vec<String>,
}

/// A program that has to do with lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Program {
    pub(super) pid: u32,
    pub(super) name: String,
    /// The memory of the registers that it has open, such as `/dev/gpiomem`.
    pub(super) memory: Option<String>,
    /// Whether it holds lines in the kernel's way.
    pub(super) holds_lines: bool,
}

impl Machine {
    /// Looks at the machine whose folders are in `root`.
    pub(super) fn look(root: &Path) -> Machine {
        let (programs, sees_everybody) = programs(&root.join("proc"));
        let boot = ["boot/firmware/config.txt", "boot/config.txt"];
        Machine {
            kernel: text(&root.join("proc/sys/kernel/osrelease")),
            boot_config: boot.iter().map(|file| root.join(file)).find(|file| file.is_file()),
            user: user(root),
            programs,
            sees_everybody,
            groups: groups(root),
            first_numbers: first_numbers(&root.join("sys/class/gpio")),
            i2c_buses: i2c_buses(&root.join("sys/bus/i2c/devices")),
        }
    }

    /// The group whose members may open this device, where that is not root's.
    pub(super) fn group_of(&self, device: &str) -> Option<&str> {
        self.groups.get(Path::new(device)).map(String::as_str)
    }
}

/// The programs that hold lines or have the registers open, and whether all could be looked at.
fn programs(proc: &Path) -> (Vec<Program>, bool) {
    let (mut programs, mut sees_everybody) = (Vec::new(), true);
    for entry in fs::read_dir(proc).into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if pid == std::process::id() {
            continue;
        }
        let name = text(&entry.path().join("comm"));
        let mut program = Program { pid, name, memory: None, holds_lines: false };
        match fs::read_dir(entry.path().join("fd")) {
            Ok(fds) => {
                for target in fds.flatten().filter_map(|fd| fs::read_link(fd.path()).ok()) {
                    let target = target.to_string_lossy();
                    // "gpio-line" is version 2, "gpio-linehandle" and "gpio-event" are version 1.
                    program.holds_lines |= target.starts_with("anon_inode:gpio");
                    if target == "/dev/mem" || target.starts_with("/dev/gpiomem") {
                        program.memory = Some(target.into_owned());
                    }
                }
            }
            // One that has just ended is nobody's concern; of others' programs only the names are known.
            Err(error) => sees_everybody &= error.kind() != std::io::ErrorKind::PermissionDenied,
        }
        if program.holds_lines || program.memory.is_some() || REGISTER_DAEMONS.contains(&&*program.name) {
            programs.push(program);
        }
    }
    programs.sort_by_key(|program| program.pid);
    (programs, sees_everybody)
}

/// Daemons that drive pins by the registers of the chip, so that the kernel's locks do not stop them.
pub(super) const REGISTER_DAEMONS: [&str; 3] = ["pigpiod", "servod", "pi-blaster"];

/// The name of who asks.
fn user(root: &Path) -> String {
    // Who a process is, is who its folder belongs to.
    let Ok(uid) = fs::metadata(root.join("proc/self")).map(|metadata| metadata.uid()) else {
        return "$USER".to_owned();
    };
    let name = entries(&root.join("etc/passwd")).into_iter().find(|(_, number)| *number == uid);
    name.map_or_else(|| uid.to_string(), |(name, _)| name)
}

/// The group of every device that a configuration may need.
fn groups(root: &Path) -> HashMap<PathBuf, String> {
    let names: HashMap<u32, String> =
        entries(&root.join("etc/group")).into_iter().map(|(name, number)| (number, name)).collect();
    let mut groups = HashMap::new();
    for entry in fs::read_dir(root.join("dev")).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !["gpiochip", "i2c-", "spidev"].iter().any(|prefix| name.starts_with(prefix)) {
            continue;
        }
        let gid = entry.metadata().map_or(0, |metadata| metadata.gid());
        if let Some(name) = names.get(&gid).filter(|_| gid != 0) {
            groups.insert(entry.path(), name.clone());
        }
    }
    groups
}

/// The names and numbers of `/etc/passwd` or `/etc/group`.
fn entries(file: &Path) -> Vec<(String, u32)> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let entry = |line: &str| {
        let mut fields = line.split(':');
        let (name, _password, number) = (fields.next()?, fields.next()?, fields.next()?);
        Some((name.to_owned(), number.parse().ok()?))
    };
    text.lines().filter_map(entry).collect()
}

fn first_numbers(class: &Path) -> HashMap<String, u32> {
    let chips = fs::read_dir(class).into_iter().flatten().flatten().filter_map(|entry| {
        let base = text(&entry.path().join("base")).parse().ok()?;
        Some((text(&entry.path().join("label")), base))
    });
    chips.collect()
}

fn i2c_buses(devices: &Path) -> Vec<String> {
    let entries = fs::read_dir(devices).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    // The parts on the buses are entries as well, such as `1-0048`.
    names.filter(|name| name.starts_with("i2c-")).collect()
}

/// What a small file says; nothing where it can't be read.
fn text(file: &Path) -> String {
    fs::read_to_string(file).map(|text| text.trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_the_folders_tell_is_known() {
        let root = std::env::temp_dir().join(format!("machine-{}", std::process::id()));
        let file = |path: &str, text: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("below the root")).expect("a folder");
            fs::write(path, text).expect("a file");
        };
        file("proc/sys/kernel/osrelease", "6.12.34\n");
        file("proc/812/comm", "python3\n");
        fs::create_dir_all(root.join("proc/812/fd")).expect("a folder");
        symlink("/dev/gpiomem0", root.join("proc/812/fd/3")).expect("a link");
        file("proc/900/comm", "cat\n");
        fs::create_dir_all(root.join("proc/900/fd")).expect("a folder");
        file("boot/firmware/config.txt", "");
        file("sys/class/gpio/gpiochip512/base", "512\n");
        file("sys/class/gpio/gpiochip512/label", "pinctrl-bcm2711\n");
        file("sys/bus/i2c/devices/i2c-1/name", "bcm2835 (i2c@7e804000)\n");
        file("sys/bus/i2c/devices/1-0068/name", "ds3231\n");
        let machine = Machine::look(&root);
        fs::remove_dir_all(&root).expect("it was made above");
        assert_eq!(machine.kernel, "6.12.34");
        assert!(machine.boot_config.is_some_and(|file| file.ends_with("boot/firmware/config.txt")));
        let memory = Some("/dev/gpiomem0".to_owned());
        let program = Program { pid: 812, name: "python3".to_owned(), memory, holds_lines: false };
        assert_eq!((machine.programs, machine.sees_everybody), (vec![program], true));
        assert_eq!(machine.first_numbers.get("pinctrl-bcm2711"), Some(&512));
        assert_eq!(machine.i2c_buses, ["i2c-1"]);
    }
}
