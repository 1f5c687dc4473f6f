//! The Python package: its own tests against the program, and its types.
//!
//! `tests/clients/install` puts Python with what they need into `target/clients`; `GATEKEEPER_CLIENTS` names another
//! folder.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use support::process::Process;
use support::skipped;

/// The tests of a module end by themselves long before.
const PATIENCE: Duration = Duration::from_secs(300);

/// The modules with tests, each of which has a test here.
const MODULES: &[&str] = &[
    "test_aio",
    "test_devices",
    "test_errors",
    "test_examples",
    "test_frame",
    "test_gate",
    "test_gpiozero",
    "test_leases",
    "test_mqtt",
    "test_network",
    "test_package",
    "test_reconnecting",
    "test_settings",
    "test_standard_library",
    "test_users",
];

fn package() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("python-client")
}

/// Python with these arguments, if it is here.
fn python(arguments: &[&str]) -> Option<Command> {
    let ours = || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/clients");
    let folder = std::env::var_os("GATEKEEPER_CLIENTS").map_or_else(ours, PathBuf::from);
    let python = folder.join("venv/bin/python");
    if !folder.join("stamp").is_file() || !python.exists() {
        skipped(&format!("Python is not in {} (tests/clients/install)", folder.display()));
        return None;
    }
    let mut command = Command::new(python);
    // It leaves nothing behind among the sources.
    command.arg("-B").args(arguments).current_dir(package()).env("PYTHONPATH", "src");
    command.env("GATEKEEPER_BINARY", env!("CARGO_BIN_EXE_gpio-gatekeeper"));
    Some(command)
}

fn succeeds(command: Option<Command>) {
    let Some(mut command) = command else { return };
    let ended = Process::start(&mut command).end_within(PATIENCE);
    assert_eq!(ended.code(), Some(0), "{}{}", ended.output, ended.errors);
}

/// Runs the tests of a module.  One that skips itself is a failure, for everything is here.
fn run(module: &str) {
    assert!(MODULES.contains(&module), "{module} is not in MODULES");
    let command = python(&["-m", "unittest", "-v", &format!("tests.{module}")]);
    let Some(mut command) = command else { return };
    let ended = Process::start(&mut command).end_within(PATIENCE);
    assert_eq!(ended.code(), Some(0), "{}{}", ended.output, ended.errors);
    assert!(ended.errors.contains("\nOK\n"), "some were skipped: {}", ended.errors);
}

#[test]
fn every_module_is_run() {
    let names = fs::read_dir(package().join("tests")).expect("a folder of the project");
    let mut found: Vec<String> = names
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".py").map(str::to_owned))
        .filter(|name| name.starts_with("test_"))
        .collect();
    found.sort();
    assert_eq!(found, MODULES);
}

#[test]
fn types_are_right() {
    succeeds(python(&["-m", "mypy", "--cache-dir", "../target/mypy"]));
}

#[test]
fn asyncio() {
    run("test_aio");
}

#[test]
fn devices() {
    run("test_devices");
}

#[test]
fn errors() {
    run("test_errors");
}

#[test]
fn examples() {
    run("test_examples");
}

#[test]
fn frames() {
    run("test_frame");
}

#[test]
fn the_gate() {
    run("test_gate");
}

#[test]
fn settings() {
    run("test_settings");
}

#[test]
fn leases() {
    run("test_leases");
}

#[test]
fn the_network() {
    run("test_network");
}

#[test]
fn the_package() {
    run("test_package");
}

#[test]
fn reconnecting() {
    run("test_reconnecting");
}

#[test]
fn the_standard_library_is_enough() {
    run("test_standard_library");
}

#[test]
fn mqtt() {
    run("test_mqtt");
}

#[test]
fn users() {
    run("test_users");
}

#[test]
fn gpiozero() {
    run("test_gpiozero");
}
