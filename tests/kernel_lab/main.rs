//! The gpiochip backend on a real kernel, whose simulated chip the tests hold by its other end: the list of tests that
//! every backend passes, over both versions of the kernel's interface, and what there is besides.
//!
//! Outside the lab one test boots it, with this very program inside, and all others skip themselves.  Inside they
//! run one after the other.  `tests/kernel-lab/README.md` says what there is in there.

// A test that cannot go on panics: that is how it fails.
#![allow(clippy::unwrap_used)]

mod finding;
#[path = "../support/hands.rs"]
mod hands;
mod keeping;
#[path = "../support/lab.rs"]
mod lab;
mod queues;
mod threads;
mod unplugging;

use gpio_gatekeeper::hardware::gpiochip::{Gpiochip, Version};
use gpio_gatekeeper::hardware::{Hardware, Level};
use hands::{Bench, Wires};
use lab::{Lab, Pull};

/// Both versions of the kernel's interface.
const VERSIONS: [Version; 2] = [Version::V1, Version::V2];

hands::hands!(version_1, crate::bench(crate::Version::V1));
hands::hands!(version_2, crate::bench(crate::Version::V2));

/// The lab's chip through this version, or nothing outside the lab.
fn bench(version: Version) -> Option<Bench> {
    let lab = Lab::inside()?;
    Some(Bench { hardware: Box::new(open(version)), wires: Box::new(lab), chip: "kernel-lab" })
}

/// A bench of each version; none outside the lab.
fn benches() -> impl Iterator<Item = (Version, Bench)> {
    VERSIONS.into_iter().filter_map(|version| Some((version, bench(version)?)))
}

impl Wires for Lab {
    fn pull(&self, line: u32, to: Level) {
        Lab::pull(self, line, if to == Level::High { Pull::Up } else { Pull::Down });
    }

    fn level(&self, line: u32) -> u8 {
        Lab::level(self, line)
    }
}

fn open(version: Version) -> Gpiochip {
    Gpiochip::open_version(version).unwrap()
}

#[test]
fn the_kernel_lab_runs_every_test_below() {
    if std::env::var_os("LAB_GPIOCHIP").is_none() {
        let daemon = env!("CARGO_BIN_EXE_gpio-gatekeeper");
        lab::run_this_binary_inside("the_kernel_lab_runs_every_test_below", &[daemon]);
    }
}

#[test]
fn the_newest_version_is_taken() {
    let Some(_lab) = Lab::inside() else { return };
    assert_eq!(Gpiochip::open().unwrap().backend(), "gpiochip-v2");
    assert_eq!(VERSIONS.map(|version| open(version).backend()), ["gpiochip-v1", "gpiochip-v2"]);
}
