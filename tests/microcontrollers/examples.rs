//! The library's examples compile for every board that they are for, and the library is as Arduino wants libraries to be.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::lab::{Lab, in_project};
use crate::support::process::Process;

#[test]
fn examples_compile_in_the_ide_for_an_atmega328() {
    compile_in_ide("uno");
}

#[test]
fn examples_compile_in_the_ide_for_an_atmega2560() {
    compile_in_ide("mega");
}

#[test]
fn examples_compile_for_an_esp8266() {
    compile("lx106");
}

#[test]
fn examples_compile_for_an_esp32_c3() {
    compile("rv32");
}

#[test]
fn the_library_passes_the_lint() {
    let Some(_) = Lab::of("host") else { return };
    let mut lint = Command::new(in_project("tests/esp-lab/lint_library.py"));
    let ended = Process::start(lint.arg(in_project("esp32-client"))).end();
    assert!(ended.status.success(), "{}{}", ended.output, ended.errors);
}

fn compile_in_ide(board: &'static str) {
    let Some(lab) = Lab::of(board) else { return };
    lab.compile_all_in_ide(&examples());
}

fn compile(target: &'static str) {
    let Some(lab) = Lab::of(target) else { return };
    lab.compile_all(&examples());
}

/// The sketches of all examples.
fn examples() -> Vec<PathBuf> {
    let folder = in_project("esp32-client/examples");
    let entries = fs::read_dir(folder).expect("the library has examples");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"));
    let sketch = |name: String| in_project(&format!("esp32-client/examples/{name}/{name}.ino"));
    let found: Vec<_> = names.map(sketch).collect();
    assert!(!found.is_empty(), "there are no examples");
    found
}
