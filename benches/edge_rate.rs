//! How many edges of a line in a second are read without losing one, through both versions of the kernel's interface.
//!
//! ```sh
//! cargo bench --bench edge_rate             # boots the kernel lab: tests/kernel-lab/README.md; two minutes
//! ```
//!
//! The line is one of the lab's simulated chip, and who turns it is a thread of the same program, on the one emulated
//! processor: both the chip and the turning cost more there than on a board, so the figures are for comparing.
//! At each pace the line is turned 5000 times, three tries; what the edge thread reported is counted, and what was lost is the rest.
//! A burst is as fast as the thread can turn the line, which it does until the kernel gives the processor to another.

#![allow(unreachable_pub, reason = "a program has nobody outside")]

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use gpio_gatekeeper::domain::{Bias, LineAddress, LineRef, Polarity};
use gpio_gatekeeper::hardware::gpiochip::{Gpiochip, Version};
use gpio_gatekeeper::hardware::{Edge, Hardware, InputRequest};

/// The line that is turned.
const LINE: u32 = 15;
/// How often at each pace.
const TURNS: u32 = 5000;
/// How many tries each pace has.
const TRIES: u32 = 3;
/// So many in a second; nothing is a burst.
const PACES: [Option<u32>; 8] =
    [Some(1000), Some(2000), Some(4000), Some(6000), Some(8000), Some(10_000), Some(15_000), None];
/// How long to wait for the last edge.
const DEADLINE: Duration = Duration::from_secs(10);

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return println!("the figures are taken by `cargo bench`, and not by tests");
    }
    let Some(wires) = std::env::var_os("LAB_GPIO_SIM") else { return boot() };
    let wires = Path::new(&wires).join(format!("sim_gpio{LINE}/pull"));
    for version in [Version::V1, Version::V2] {
        println!("{}", version.backend());
        for pace in PACES {
            // Whatever else the machine does in between loses edges as well, so the best try counts.
            let tries = (0..TRIES).map(|_| Measured::at(version, pace, &wires));
            if let Some(best) = tries.min_by_key(Measured::lost) {
                println!("  {best}");
            }
        }
    }
}

/// Runs this program in the lab.
fn boot() {
    let lab = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kernel-lab/kernel-lab");
    let program: PathBuf = std::env::current_exe().expect("this program has a path");
    let done = Command::new(lab).args(["run", "--timeout", "600", "--"]).arg(program).arg("--bench").status();
    match done {
        Ok(status) if status.success() => {}
        Ok(status) => eprintln!("in the kernel lab: {status}"),
        Err(error) => eprintln!("the kernel lab does not start: {error}"),
    }
}

/// What came of turning the line at one pace.
struct Measured {
    pace: Option<u32>,
    took: Duration,
    reported: u32,
}

impl Measured {
    fn at(version: Version, pace: Option<u32>, wires: &Path) -> Measured {
        let mut hardware = Gpiochip::open_version(version).expect("the lab has both versions");
        let address = LineAddress { chip: Some("kernel-lab".to_owned()), line: LineRef::Offset(LINE) };
        let line = hardware.locate(&address).expect("the lab has 32 lines");
        let pull = File::options().write(true).open(wires).expect("the lab's wires");
        turn(&pull, 0);
        let reported = Arc::new(AtomicU32::new(0));
        let (last, over) = channel();
        let sink = count(reported.clone(), last);
        let request = InputRequest::new(Polarity::ActiveHigh, Bias::AsIs);
        let input = hardware.open_input(&line, request, 0, sink).expect("a free line");
        let begun = Instant::now();
        for number in 1..=TURNS {
            if let Some(pace) = pace {
                let due = begun + Duration::from_secs(1) * (number - 1) / pace;
                while Instant::now() < due {
                    std::thread::yield_now();
                }
            }
            turn(&pull, number);
        }
        let took = begun.elapsed();
        // Nothing more comes when the thread has nothing to say for a while.
        while over.recv_timeout(Duration::from_millis(300)).is_ok() && begun.elapsed() < took + DEADLINE {}
        drop(input);
        Measured { pace, took, reported: reported.load(Ordering::Relaxed) }
    }

    fn lost(&self) -> u32 {
        TURNS.saturating_sub(self.reported)
    }
}

impl std::fmt::Display for Measured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rate = f64::from(TURNS) / self.took.as_secs_f64();
        let lost = self.lost();
        match self.pace {
            Some(pace) => write!(f, "{pace:>6} edges/s wanted")?,
            None => write!(f, "a burst              ")?,
        }
        write!(f, ", {rate:>6.0} edges/s turned: {lost} of {TURNS} lost")
    }
}

/// Counts the edges that have a value: the others are advice.
fn count(reported: Arc<AtomicU32>, last: Sender<()>) -> gpio_gatekeeper::hardware::EdgeSink {
    Arc::new(move |edge: Edge| {
        if edge.value.is_some() {
            reported.fetch_add(1, Ordering::Relaxed);
        }
        let _ = last.send(());
    })
}

fn turn(pull: &File, number: u32) {
    let word: &[u8] = if number % 2 == 1 { b"pull-up" } else { b"pull-down" };
    pull.write_all_at(word, 0).expect("the lab's wires");
}
