//! `unit`: what the systemd unit says, that systemd understands it, and that its commands do what it says.

mod support;

use std::process::Command;

use nix::sys::signal::Signal;
use support::line::LineClient;
use support::process::{Ended, Process};
use support::program::{file, gatekeeper, simulated};
use support::systemd::Systemd;

const DEVICES: &str = r#""relay": {"relay": {"line": "GPIO27", "initial": "on"}}"#;

fn run(arguments: &[&str]) -> Ended {
    Process::start(&mut gatekeeper(arguments)).end()
}

/// The unit for a configuration with these sections.
fn unit(sections: &str) -> String {
    let (_folder, name) = file(&format!("{{ {sections} }}"));
    let ended = run(&["unit", "--config", &name]);
    assert_eq!(ended.code(), Some(0), "{}", ended.errors);
    ended.output
}

/// What a unit has for this key.
fn values<'a>(unit: &'a str, key: &str) -> Vec<&'a str> {
    let settings = unit.lines().filter_map(|line| line.split_once('='));
    settings.filter(|(name, _)| *name == key).map(|(_, value)| value).collect()
}

#[test]
fn its_commands_are_those_of_this_program_and_work() {
    let (_folder, name) = file(&simulated("", DEVICES));
    let made = run(&["unit", "--config", &name]);
    assert!(made.errors.contains(&format!("the service won't see {name}")), "{}", made.errors);
    let command = |key: &str| {
        let values = values(&made.output, key);
        let mut words = values[0].split(' ');
        let mut command = Command::new(words.next().expect("a program"));
        command.args(words).env_remove("RUST_LOG");
        command
    };
    assert_eq!(command("ExecStart").get_program(), env!("CARGO_BIN_EXE_gpio-gatekeeper"));

    assert_eq!(values(&made.output, "Type"), ["notify", "notify-reload"]);
    let systemd = Systemd::at_a_path();
    let mut start = command("ExecStart");
    systemd.start(&mut start, None);
    let mut daemon = Process::start(&mut start);
    assert!(systemd.next().starts_with("READY=1\n"));
    let address = daemon.line_with("  line  ").split_whitespace().last().and_then(|word| word.parse().ok());
    LineClient::patient(address.expect("an address")).expect("COMMAND=GET|DEVICE=relay", "REPLY=OK|VALUE=1");
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.end().code(), Some(0));

    let ended = Process::start(&mut command("ExecStopPost")).end();
    assert_eq!((ended.code(), &*ended.errors), (Some(0), ""));
    assert!(ended.output.ends_with("relay: off\n"), "{}", ended.output);
}

#[test]
fn every_setting_is_explained() {
    let unit = unit(r#""audit": {"file": "/srv/audit.jsonl"}, "http": {"listen": "127.0.0.1:80"}"#);
    let (mut explained, mut section) = (false, "");
    for line in unit.lines() {
        match line.chars().next() {
            Some('#') => explained = true,
            Some('[') => (explained, section) = (false, line),
            None => explained = false,
            Some(_) => {
                let speaks_for_itself = line.starts_with("Description=") || section == "[Install]";
                assert!(explained || speaks_for_itself, "{line}");
            }
        }
    }
    assert!(!unit.contains(['{', '}']) && unit.lines().all(|line| line.len() <= 120), "{unit}");
}

#[test]
fn what_the_configuration_needs_is_in_it() {
    let plain = unit("");
    assert_eq!(values(&plain, "WatchdogSec"), ["30s"]);
    assert_eq!(values(&plain, "CapabilityBoundingSet"), [""]);
    assert_eq!(values(&plain, "StateDirectory"), ["gpio-gatekeeper"]);
    for absent in ["AmbientCapabilities", "ReadWritePaths", "LogsDirectory", "ProtectKernelTunables"] {
        assert!(values(&plain, absent).is_empty(), "{plain}");
    }
    for (sections, key, expected) in [
        (r#""hardware": {"watchdog": "1min"}"#, "WatchdogSec", "180s"),
        (r#""hardware": {"watchdog": null}"#, "WatchdogSec", "0"),
        (r#""http": {"listen": "127.0.0.1:80"}"#, "AmbientCapabilities", "CAP_NET_BIND_SERVICE"),
        (r#""audit": {"file": "/srv/my logs/a"}"#, "ReadWritePaths", "\"/srv/my logs\""),
        (r#""audit": {"file": "/var/log/gpio-gatekeeper/a"}"#, "LogsDirectory", "gpio-gatekeeper"),
        (r#""mqtt": {"persistence": "file"}, "state_folder": "/srv/state""#, "ReadWritePaths", "/srv/state"),
    ] {
        assert_eq!(values(&unit(sections), key), [expected], "{sections}");
    }
    let sensors = r#""devices": {"a": {"tmp102": {}}, "b": {"max31865": {"reference": 430, "wires": 2}}}"#;
    assert_eq!(values(&plain, "SupplementaryGroups"), ["gpio"]);
    assert_eq!(values(&unit(sensors), "SupplementaryGroups"), ["gpio i2c spi"]);
    assert_eq!(values(&unit(sensors), "DeviceAllow"), ["char-gpiochip rw", "char-i2c rw", "char-spi rw"]);
    let inside = unit(r#""audit": {"file": "/var/lib/gpio-gatekeeper/a"}, "mqtt": {"persistence": "file"}"#);
    assert!(values(&inside, "ReadWritePaths").is_empty(), "{inside}");
}

#[test]
fn systemd_understands_it() {
    if !support::programs_are_here(&["systemd-analyze"]) {
        return;
    }
    for sections in [
        "",
        r#""audit": {"file": "/srv/my 100% logs/a"}, "http": {"listen": "127.0.0.1:80"}"#,
        r#""audit": {"file": "/var/log/gpio-gatekeeper/a"}, "hardware": {"watchdog": null}"#,
    ] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("gpio-gatekeeper.service");
        std::fs::write(&path, unit(sections)).expect("it can be written");
        let mut verify = Command::new("systemd-analyze");
        let ended = Process::start(verify.arg("verify").arg(&path)).end();
        // Other units of this machine may be worth a word, too.
        let own = ended.errors.lines().filter(|line| line.contains("gpio-gatekeeper.service"));
        let trouble: Vec<_> = own.filter(|line| !line.ends_with("ignoring: notify-reload")).collect();
        assert!(ended.code() == Some(0) && trouble.is_empty(), "{ended:?}");
    }
}

#[test]
fn it_takes_a_good_configuration() {
    let (_folder, name) = file(r#"{"log": "loud"}"#);
    for (arguments, wrong) in [(&["unit"][..], "--config FILE"), (&["unit", "--config", &name], "loud")] {
        let ended = run(arguments);
        assert_eq!((ended.code(), &*ended.output), (Some(2), ""), "{arguments:?}");
        assert!(ended.errors.contains(wrong), "{}", ended.errors);
    }
}
