//! PWM channels on a real kernel, whose PWM chip has no hardware behind it.
//!
//! As in `kernel_lab.rs`, one test boots the lab with this very program inside, and the other runs in there.

// A test that cannot go on panics: that is how it fails.
#![allow(clippy::unwrap_used)]

#[path = "support/lab.rs"]
#[allow(dead_code, reason = "the wires of GPIO lines are for others")]
mod lab;
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gpio_gatekeeper::domain::{Polarity, PwmAddress};
use gpio_gatekeeper::hardware::{Pwm, Signal, pwm_sysfs};
use nix::sys::signal::Signal as Kill;
use support::line::LineClient;
use support::process::Process;
use support::program::{Program, file, gatekeeper, on_free_ports};

#[test]
fn the_kernel_lab_runs_every_test_below() {
    if std::env::var_os("LAB_GPIOCHIP").is_none() {
        lab::run_this_binary_inside(
            "the_kernel_lab_runs_every_test_below",
            &[env!("CARGO_BIN_EXE_gpio-gatekeeper")],
        );
    }
}

/// The folder of the chip, inside the lab.
fn chip() -> Option<PathBuf> {
    lab::Lab::inside()?;
    Some(std::env::var_os("LAB_PWMCHIP").unwrap().into())
}

fn open(channel: u32, polarity: Polarity, duty: f64) -> pwm_sysfs::KernelPwm {
    let address = PwmAddress { chip: "pwm-stub".to_owned(), channel };
    let start = Signal::new(Duration::from_micros(40), duty);
    pwm_sysfs::open(Path::new(pwm_sysfs::ROOT), &address, polarity, start).unwrap()
}

fn contents(chip: &Path, channel: u32) -> [String; 4] {
    ["period", "duty_cycle", "polarity", "enable"]
        .map(|file| fs::read_to_string(chip.join(format!("pwm{channel}/{file}"))).unwrap().trim().to_owned())
}

#[test]
fn a_signal_becomes_longer_and_shorter_without_a_refused_write() {
    let Some(chip) = chip() else { return };
    let mut pwm = open(0, Polarity::ActiveHigh, 0.5);
    assert_eq!(contents(&chip, 0), ["40000", "20000", "normal", "1"]);
    for (period, duty) in [(20_000, 1.0), (5, 0.5), (1_000_000, 0.0), (40, 1.0), (60, 0.25)] {
        let signal = Signal::new(Duration::from_micros(period), duty);
        pwm.write(signal).unwrap();
        assert_eq!(pwm.read().unwrap(), signal);
    }
}

#[test]
fn a_channel_that_runs_is_taken_over_with_another_polarity() {
    let Some(chip) = chip() else { return };
    drop(open(1, Polarity::ActiveHigh, 1.0));
    assert_eq!(contents(&chip, 1), ["40000", "40000", "normal", "1"], "it goes on");
    drop(open(1, Polarity::ActiveLow, 0.25));
    assert_eq!(contents(&chip, 1), ["40000", "10000", "inversed", "1"]);
}

#[test]
fn a_servo_is_driven_by_the_daemon_and_detached_after_a_crash() {
    let Some(chip) = chip() else { return };
    let text = on_free_ports(
        r#""hardware": {"backend": "gpiochip"},"#,
        r#""arm": {"servo": {"pwm": {"chip": "pwm-stub", "channel": 2}}},
           "lamp": {"pwm_led": {"pwm": {"chip": "pwm-stub", "channel": 3}, "frequency": 1000, "on_stop": 0.25}}"#,
    );
    let program = Program::start(&text);
    let mut line = LineClient::patient(program.line);
    line.expect("COMMAND=SET|DEVICE=arm|VALUE=1", "REPLY=OK|VALUE=1|STATE=holding|ANGLE=90");
    line.expect("COMMAND=SET|DEVICE=lamp|VALUE=0.5", "REPLY=OK|VALUE=0.5");
    assert_eq!(contents(&chip, 2), ["20000000", "2000000", "normal", "1"]);
    assert_eq!(contents(&chip, 3), ["1000000", "500000", "normal", "1"]);
    drop(program.stop(Kill::SIGKILL));
    assert_eq!(contents(&chip, 2)[1], "2000000", "nobody stopped it");
    let (_folder, name) = file(&text);
    let ended = Process::start(&mut gatekeeper(&["safe-states", "--config", &name])).end();
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert_eq!((&*contents(&chip, 2)[1], &*contents(&chip, 3)[1]), ("0", "250000"));
}
