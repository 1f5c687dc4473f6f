//! The kernel lab, from outside (boot it) and from inside (hold the other end of its wires).

use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The wires of the lab, for tests that run inside it.
pub(crate) struct Lab {
    /// The path of the chip, `/dev/gpiochip0`.
    pub(crate) chip: PathBuf,
    wires: PathBuf,
}

impl Lab {
    /// The wires, or nothing outside the lab, where the test should end at once.
    pub(crate) fn inside() -> Option<Lab> {
        let (Some(chip), Some(wires)) = (env::var_os("LAB_GPIOCHIP"), env::var_os("LAB_GPIO_SIM")) else {
            println!("skipped: runs inside the kernel lab");
            return None;
        };
        Some(Lab { chip: chip.into(), wires: wires.into() })
    }

    /// The name of the chip, `gpiochip0`.
    pub(crate) fn name(&self) -> String {
        self.chip.file_name().unwrap().to_string_lossy().into_owned()
    }

    /// Pulls a line up or down from outside, as a switch would.
    pub(crate) fn pull(&self, line: u32, pull: Pull) {
        let word = match pull {
            Pull::Up => "pull-up",
            Pull::Down => "pull-down",
        };
        fs::write(self.wires.join(format!("sim_gpio{line}/pull")), word).unwrap();
    }

    /// The level of a line, as a voltmeter would show it: 0 or 1.
    pub(crate) fn level(&self, line: u32) -> u8 {
        fs::read_to_string(self.wires.join(format!("sim_gpio{line}/value"))).unwrap().trim().parse().unwrap()
    }
}

/// What a switch outside does to a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pull {
    Up,
    Down,
}

/// One more chip, which is unplugged when this is dropped.
pub(crate) struct SecondChip {
    folder: PathBuf,
    lines: usize,
    /// The chip's name, such as `gpiochip1`.
    pub(crate) name: String,
}

impl SecondChip {
    /// Plugs a chip in, with a label and one line for each name.
    pub(crate) fn plug(label: &str, lines: &[&str]) -> SecondChip {
        let folder = PathBuf::from("/sys/kernel/config/gpio-sim/second");
        let bank = folder.join("bank0");
        fs::create_dir_all(&bank).unwrap();
        fs::write(bank.join("num_lines"), lines.len().to_string()).unwrap();
        fs::write(bank.join("label"), label).unwrap();
        for (offset, name) in lines.iter().enumerate() {
            let line = bank.join(format!("line{offset}"));
            fs::create_dir(&line).unwrap();
            fs::write(line.join("name"), name).unwrap();
        }
        fs::write(folder.join("live"), "1").unwrap();
        let name = fs::read_to_string(bank.join("chip_name")).unwrap().trim().to_owned();
        SecondChip { folder, lines: lines.len(), name }
    }

    /// Unplugs the chip, whoever uses it.
    pub(crate) fn unplug(&self) {
        fs::write(self.folder.join("live"), "0").unwrap();
    }

    /// Plugs it in again at the same place; its name may be another.
    pub(crate) fn plug_again(&mut self) {
        fs::write(self.folder.join("live"), "1").unwrap();
        self.name = self.read("bank0/chip_name");
    }

    /// The other end of its wires.
    pub(crate) fn wires(&self) -> Lab {
        let wires = Path::new("/sys/devices/platform").join(self.read("dev_name")).join(&self.name);
        Lab { chip: Path::new("/dev").join(&self.name), wires }
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.folder.join(file)).unwrap().trim().to_owned()
    }
}

impl Drop for SecondChip {
    fn drop(&mut self) {
        // It may be unplugged already; a leftover would fail the next test that plugs one in.
        let _ = fs::write(self.folder.join("live"), "0");
        let bank = self.folder.join("bank0");
        for offset in 0..self.lines {
            let _ = fs::remove_dir(bank.join(format!("line{offset}")));
        }
        let _ = fs::remove_dir(&bank);
        let _ = fs::remove_dir(&self.folder);
    }
}

/// Boots the lab once, with this test binary and `programs` inside, and runs all tests in there but `except`.
///
/// Panics when a test fails in there.  Without the lab it says so where everybody sees it, and panics only when
/// `GATEKEEPER_REQUIRE_LAB=1` is set.
pub(crate) fn run_this_binary_inside(except: &str, programs: &[&str]) {
    let required = env::var_os("GATEKEEPER_REQUIRE_LAB").is_some_and(|value| value == "1");
    if let Some(missing) = missing(required) {
        assert!(!required, "the kernel lab needs {missing}");
        return say(&format!("skipped: the kernel lab needs {missing}"));
    }
    let binary = env::current_exe().unwrap();
    let mut lab = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kernel-lab/kernel-lab"));
    // What is built for debugging is large, and is in the memory of the machine twice while it starts.
    lab.args(["run", "--timeout", "300", "--mem", "1536"]);
    for program in programs {
        lab.args(["--file", program]);
    }
    lab.arg("--").arg(binary).args(["--test-threads=1", "--exact", "--skip", except]);
    let done = lab.stdin(Stdio::null()).output().unwrap();
    // Marked, so that nobody takes a summary in there for one out here.
    for line in String::from_utf8_lossy(&done.stdout).lines() {
        println!("guest| {line}");
        if line.starts_with("test result:") {
            say(&format!("inside the kernel lab: {line}"));
        }
    }
    print!("{}", String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "inside the kernel lab: {}", done.status);
}

/// What the lab lacks here, if anything.
fn missing(may_download: bool) -> Option<&'static str> {
    let in_path = |program: &str| {
        env::split_paths(&env::var_os("PATH").unwrap_or_default())
            .any(|folder| folder.join(program).is_file())
    };
    let cache = env::var_os("XDG_CACHE_HOME").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let cache = cache.or_else(|| Some(Path::new(&env::var_os("HOME")?).join(".cache")));
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        Some("a build for x86-64")
    } else if !in_path("python3") {
        Some("python3 (tests/kernel-lab/README.md names the packages)")
    } else if !in_path("qemu-system-x86_64") {
        Some("qemu-system-x86 (tests/kernel-lab/README.md names the packages)")
    } else if !may_download && !cache.is_some_and(|cache| cache.join("kernel-lab/lab/release").is_file()) {
        Some("its kernel: run tests/kernel-lab/kernel-lab setup once (240 MB)")
    } else {
        None
    }
}

/// Prints past the test harness, which would show it for failing tests only.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
