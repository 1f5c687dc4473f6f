//! The words of the program for a running gatekeeper, each as a person or a script calls them.

#![allow(unreachable_pub, reason = "a test program has nobody outside")]

mod asking;
mod completing;
mod documented;
mod entering;
mod failing;
mod leasing;
#[path = "../support/mod.rs"]
mod support;
mod terminal;
mod watching;

use std::net::SocketAddr;
use std::process::Command;

use serde_json::Value as Json;
use support::Gatekeeper;
use support::process::{Ended, Process};
use support::program::gatekeeper;
use tempfile::TempDir;

/// Somebody who calls the program, in an environment that says where the gatekeeper is and nothing else.
pub struct Caller {
    environment: Vec<(String, String)>,
    home: TempDir,
}

impl Caller {
    /// Of the gatekeeper at this address.
    pub fn at(address: SocketAddr) -> Caller {
        Caller::of(&format!("line://{address}"))
    }

    /// Of the gatekeeper at this URL.
    pub fn of(url: &str) -> Caller {
        let environment = vec![("GATEKEEPER_URL".to_owned(), url.to_owned())];
        Caller { environment, home: tempfile::tempdir().expect("a temporary folder") }
    }

    /// The same, whose environment says this as well.
    pub fn with(mut self, key: &str, value: &str) -> Caller {
        self.environment.push((format!("GATEKEEPER_{key}"), value.to_owned()));
        self
    }

    /// A file in its home.
    pub fn file(&self, name: &str, text: &str, mode: u32) -> String {
        use std::os::unix::fs::PermissionsExt;
        let path = self.home.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
        std::fs::write(&path, text).expect("it can be written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("ours");
        path.to_str().expect("UTF-8").to_owned()
    }

    /// The call, not made yet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = gatekeeper(arguments);
        command.env_remove("XDG_CONFIG_HOME").env("HOME", self.home.path());
        let known = [
            "URL",
            "USER",
            "PASSWORD",
            "TOKEN",
            "CA",
            "CERTIFICATE",
            "KEY",
            "CLIENT",
            "CREDENTIALS",
            "LEASE_TOKEN",
            "LEASE_DEVICES",
        ];
        for key in known {
            command.env_remove(format!("GATEKEEPER_{key}"));
        }
        command.envs(self.environment.iter().cloned());
        command
    }

    /// Makes the call, and waits for its end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        Process::start(&mut self.command(arguments)).end()
    }

    /// The same, which has to do well; what it prints.
    pub fn says(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments);
        assert_eq!((ended.code(), &*ended.errors), (Some(0), ""), "{arguments:?}: {}", ended.output);
        ended.output
    }

    /// The same, as JSON on each line.
    pub fn json(&self, arguments: &[&str]) -> Vec<Json> {
        let text = self.says(arguments);
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}")))
            .collect()
    }

    /// The call has to fail with this status, and its standard error is given.
    pub fn fails(&self, status: i32, arguments: &[&str]) -> String {
        let ended = self.run(arguments);
        assert_eq!((ended.code(), &*ended.output), (Some(status), ""), "{arguments:?}: {}", ended.errors);
        assert!(ended.errors.starts_with("gpio-gatekeeper: "), "{}", ended.errors);
        ended.errors
    }
}

/// A gatekeeper with the devices of the demo, and somebody who calls it.
pub fn demo() -> (Gatekeeper, Caller) {
    let gatekeeper = Gatekeeper::start();
    let caller = Caller::at(gatekeeper.line());
    (gatekeeper, caller)
}
