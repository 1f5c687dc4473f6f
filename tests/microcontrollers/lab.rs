//! The microcontroller lab: it builds a sketch for a chip, and runs it on an emulated one.

use std::env;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::support::process::Process;

/// How long a compiler may take, and a firmware; only a broken test waits for it.
const PATIENCE: Duration = Duration::from_secs(120);

/// A chip that there are a compiler and an emulator for.
pub(crate) struct Lab {
    target: &'static str,
}

/// What was built.
pub(crate) struct Firmware {
    target: &'static str,
    folder: TempDir,
    /// What it takes on the chip.
    pub(crate) sizes: Sizes,
}

/// A firmware that runs.
pub(crate) struct Board {
    process: Option<Process>,
}

/// What a firmware takes, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    /// Code, constants, and what variables are at first.
    pub(crate) flash: u32,
    /// Variables.
    pub(crate) ram: u32,
}

/// How a firmware ended.
pub(crate) struct Ended {
    /// What it logged, and what the emulator said.
    pub(crate) log: String,
    /// How deep its stack was in bytes, where that can be measured.
    pub(crate) stack: Option<u32>,
}

impl Lab {
    /// The lab for a target, if all that it takes is installed.  Else it says so where everybody sees it, and panics when
    /// `GATEKEEPER_REQUIRE_ESP_LAB=1` is set.
    pub(crate) fn of(target: &'static str) -> Option<Lab> {
        let python = env::split_paths(&env::var_os("PATH").unwrap_or_default())
            .any(|folder| folder.join("python3").is_file());
        let missing =
            if python { esp_lab(&["missing", target]).expect("it tells") } else { "python3".to_owned() };
        if missing.is_empty() {
            return Some(Lab { target });
        }
        let why = format!("the microcontroller lab needs for {target} {missing} (tests/esp-lab/README.md)");
        let required = env::var_os("GATEKEEPER_REQUIRE_ESP_LAB").is_some_and(|value| value == "1");
        assert!(!required, "{why}");
        say(&format!("skipped: {why}"));
        None
    }

    /// Builds a sketch with the library.
    pub(crate) fn build(&self, sketch: &Path) -> Firmware {
        self.firmware(sketch, Some(&in_project("esp32-client")))
    }

    /// Builds a sketch that does the same without the library: what all others are measured against.
    pub(crate) fn build_bare(&self) -> Firmware {
        self.firmware(&sketch("Bare"), None)
    }

    /// Compiles sketches with the library, and links each.
    pub(crate) fn compile_all(&self, sketches: &[PathBuf]) {
        self.compile("build", sketches, Some(&in_project("esp32-client")));
    }

    /// Compiles sketches with the library as the Arduino IDE does, which is stricter about some things, and finds libraries
    /// by itself.
    pub(crate) fn compile_all_in_ide(&self, sketches: &[PathBuf]) {
        self.compile("ide", sketches, Some(&in_project("esp32-client")));
    }

    fn firmware(&self, sketch: &Path, library: Option<&Path>) -> Firmware {
        let (folder, printed) = self.compile("build", &[sketch.to_owned()], library);
        let words: Vec<&str> = printed.split_whitespace().collect();
        let ["flash", flash, "ram", ram] = words[..] else { panic!("no sizes: {printed}") };
        let number = |text: &str| text.parse().expect("a number of bytes");
        let sizes = Sizes { flash: number(flash), ram: number(ram) };
        Firmware { target: self.target, folder, sizes }
    }

    fn compile(&self, how: &str, sketches: &[PathBuf], library: Option<&Path>) -> (TempDir, String) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (sketches, output) = (sketches.iter().map(|sketch| text(sketch)), text(folder.path()));
        let mut words: Vec<String> =
            [how, self.target].map(str::to_owned).into_iter().chain(sketches).collect();
        words.extend(["--output".to_owned(), output]);
        words.extend(library.into_iter().flat_map(|library| ["--library".to_owned(), text(library)]));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let printed = esp_lab(&words).unwrap_or_else(|errors| panic!("{}: {errors}", self.target));
        (folder, printed)
    }
}

impl Firmware {
    /// Runs it, with its byte stream connected to this address.
    pub(crate) fn run(&self, server: SocketAddr) -> Board {
        Board { process: Some(Process::start(&mut self.command(server))) }
    }

    /// What does so when it is started.
    pub(crate) fn command(&self, server: SocketAddr) -> Command {
        command(&["run", self.target, &text(self.folder.path()), &server.to_string()])
    }
}

impl Board {
    /// Waits until the firmware has ended, which has to be well.
    pub(crate) fn end(mut self) -> Ended {
        let process = self.process.take().expect("it runs until here");
        let ended = process.end_within(PATIENCE);
        // An emulator may write to either.
        let log = ended.output + &ended.errors;
        assert!(ended.status.success(), "{}\n{log}", ended.status);
        let stack = log.lines().find_map(|line| line.strip_prefix("stack "));
        let stack = stack.map(|bytes| bytes.trim().parse().expect("a number of bytes"));
        Ended { log, stack }
    }
}

impl Drop for Board {
    /// Tells what the board has said, where that may explain why a test has failed.
    fn drop(&mut self) {
        if let Some(process) = self.process.take().filter(|_| thread::panicking()) {
            process.signal(Signal::SIGTERM);
            println!("{:?}", process.end());
        }
    }
}

/// A path of the project.
pub(crate) fn in_project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A sketch of the lab's own.
pub(crate) fn sketch(name: &str) -> PathBuf {
    in_project(&format!("tests/esp-lab/sketches/{name}/{name}.ino"))
}

/// Prints past the test harness, which would show it for failing tests only.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Runs the lab's program and takes what it printed, or its complaints.
fn esp_lab(words: &[&str]) -> Result<String, String> {
    let ended = Process::start(&mut command(words)).end_within(PATIENCE);
    if ended.status.success() { Ok(ended.output) } else { Err(ended.errors) }
}

fn command(words: &[&str]) -> Command {
    let mut command = Command::new(in_project("tests/esp-lab/esp-lab"));
    command.args(words);
    command
}

fn text(path: &Path) -> String {
    path.to_str().expect("UTF-8").to_owned()
}
