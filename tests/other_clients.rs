//! The MQTT libraries that people use, each driven through all that it can do by a script of `tests/clients`.
//!
//! `tests/clients/install` puts them into `target/clients`; `GATEKEEPER_CLIENTS` names another folder.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use support::process::Process;
use support::{Gatekeeper, programs_are_here, skipped};

/// A script ends by itself long before.
const PATIENCE: Duration = Duration::from_secs(60);

/// The folder of the libraries, if this one is in it.
fn folder_with(library: &str) -> Option<PathBuf> {
    let ours = || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/clients");
    let folder = std::env::var_os("GATEKEEPER_CLIENTS").map_or_else(ours, PathBuf::from);
    if folder.join("stamp").is_file() && folder.join(library).exists() {
        return Some(folder);
    }
    skipped(&format!("{library} is not in {} (tests/clients/install)", folder.display()));
    None
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}

/// A script in Python, if it can be run here.
fn python(name: &str) -> Option<Command> {
    let mut command = Command::new(folder_with("venv/bin/python")?.join("venv/bin/python"));
    // It leaves nothing behind among the sources.
    command.arg("-B").arg(script(name));
    Some(command)
}

/// A script for Node, if it can be run here.
fn node(name: &str) -> Option<Command> {
    let modules = folder_with("node_modules/mqtt")?.join("node_modules");
    if !programs_are_here(&["node"]) {
        return None;
    }
    let mut command = Command::new("node");
    command.arg(script(name)).env("NODE_PATH", modules);
    Some(command)
}

/// How a library reaches the daemon.
#[derive(Clone, Copy)]
enum Way {
    Tcp,
    WebSocket,
}

/// Runs a script against a daemon of its own, for both versions of the protocol.
fn run(script: Option<Command>, way: Way) {
    let Some(mut script) = script else { return };
    let gatekeeper = Gatekeeper::start();
    let url = match way {
        Way::Tcp => format!("mqtt://{}", gatekeeper.mqtt()),
        Way::WebSocket => format!("ws://{}/mqtt", gatekeeper.http()),
    };
    let ended = Process::start(script.arg(url)).end_within(PATIENCE);
    assert_eq!(ended.code(), Some(0), "{}{}", ended.output, ended.errors);
    for last in ["MQTT 3.1.1: burst", "MQTT 5: receive maximum"] {
        assert!(ended.output.lines().any(|line| line == last), "{last}: {}", ended.output);
    }
}

#[test]
fn paho_for_python() {
    run(python("with_paho.py"), Way::Tcp);
}

#[test]
fn paho_for_python_in_a_web_socket() {
    run(python("with_paho.py"), Way::WebSocket);
}

#[test]
fn aiomqtt() {
    run(python("with_aiomqtt.py"), Way::Tcp);
}

#[test]
fn aiomqtt_in_a_web_socket() {
    run(python("with_aiomqtt.py"), Way::WebSocket);
}

#[test]
fn gmqtt() {
    run(python("with_gmqtt.py"), Way::Tcp);
}

#[test]
fn mqtt_js() {
    run(node("with_mqttjs.js"), Way::Tcp);
}

#[test]
fn mqtt_js_in_a_web_socket() {
    run(node("with_mqttjs.js"), Way::WebSocket);
}
