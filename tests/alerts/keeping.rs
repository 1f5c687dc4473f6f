//! Thresholds that were set and are there again, whatever has happened meanwhile.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::support::DEMO_DEVICES;
use super::support::line::LineClient;
use super::support::program::{Program, simulated};

/// A state folder that goes away with the test.
struct State(TempDir);

impl State {
    fn new() -> State {
        State(tempfile::tempdir().expect("a temporary folder"))
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("state")
    }

    fn file(&self) -> PathBuf {
        self.folder().join("thresholds.json")
    }

    /// A daemon that has it, with these sections, each followed by a comma.
    fn start_with(&self, sections: &str) -> Program {
        let sections = format!("{sections} \"state_folder\": {:?}, ", self.folder().to_str().expect("UTF-8"));
        let listen = r#""mqtt": {"listen": "127.0.0.1:0""#;
        let config = simulated(&sections, DEMO_DEVICES);
        Program::start(&config.replace(listen, &format!(r#"{listen}, "persistence": "file""#)))
    }

    fn start(&self) -> Program {
        self.start_with("")
    }

    /// Lets a daemon write a file with two thresholds, `a` and `b`.
    fn prepare(&self) {
        let daemon = self.start();
        let mut line = LineClient::patient(daemon.line);
        line.expect("COMMAND=THRESHOLD|NAME=a|DEVICE=lamp|MAX=0.5", "REPLY=OK|KEPT=1");
        line.expect("COMMAND=THRESHOLD|NAME=b|DEVICE=motor|MIN=0", "REPLY=OK|KEPT=1");
        stop(daemon);
    }

    /// How many files were set aside.
    fn aside(&self) -> usize {
        let names =
            fs::read_dir(self.folder()).expect("a folder").map(|entry| entry.expect("an entry").file_name());
        names.filter(|name| name.to_string_lossy().starts_with("thresholds.json.corrupt-")).count()
    }
}

fn stop(daemon: Program) -> String {
    let ended = daemon.stop(Signal::SIGTERM);
    assert_eq!(ended.code(), Some(0), "{}", ended.errors);
    ended.errors
}

fn kill(daemon: Program) -> String {
    daemon.process.signal(Signal::SIGKILL);
    daemon.process.end().errors
}

#[test]
fn what_was_set_is_there_again_as_it_was() {
    for end in [stop, kill] {
        let state = State::new();
        let daemon = state.start();
        let mut line = LineClient::patient(daemon.line);
        line.expect("COMMAND=THRESHOLD|NAME=gone|DEVICE=led|MAX=0", "KEPT=1");
        let set = "COMMAND=THRESHOLD|NAME=a|DEVICE=lamp|MIN=-0.5|MAX=0.5|HYSTERESIS=0.25|DURATION=1500ms|SEVERITY=critical|ACTION=relay:1|RESOLVED_ACTION=motor:-1";
        let set = line.ask(set);
        assert!(set.contains("|DURATION=1500ms|") && set.ends_with("|ORIGIN=admin|KEPT=1"), "{set}");
        line.expect("COMMAND=THRESHOLD|NAME=gone|DELETE=1", "REPLY=OK|KEPT=1");
        end(daemon);
        let mode = fs::metadata(state.file()).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let daemon = state.start();
        let mut line = LineClient::patient(daemon.line);
        line.expect("COMMAND=THRESHOLD", "COUNT=1|THRESHOLDS=a");
        assert_eq!(line.ask("COMMAND=THRESHOLD|NAME=a"), set);
        stop(daemon);
    }
}

#[test]
fn an_alert_after_a_restart_has_a_number_of_its_own() {
    let state = State::new();
    let mut last = 0;
    for _ in 0..3 {
        let daemon = state.start();
        let mut line = LineClient::patient(daemon.line);
        line.expect("COMMAND=THRESHOLD|NAME=dark|DEVICE=lamp|MIN=0.5", "REPLY=OK");
        let alert = LineClient::field(&line.ask("COMMAND=ALERTS"), "ALERTS").expect("one is open");
        let alert = alert.parse::<u64>().expect("a number");
        assert!(alert > last, "{alert} {last}");
        last = alert;
        kill(daemon);
    }
}

#[test]
fn a_damaged_file_is_told_and_kept_and_begun_anew() {
    for damage in ["", "{", "\0\0\0\0", r#"{"version": 2, "admin": {}, "operator": {}}"#] {
        let state = State::new();
        state.prepare();
        fs::write(state.file(), damage).expect("it can be written");
        let daemon = state.start();
        let mut line = LineClient::patient(daemon.line);
        line.expect("COMMAND=THRESHOLD", "COUNT=0");
        line.expect("COMMAND=THRESHOLD|NAME=c|DEVICE=lamp|MAX=1", "REPLY=OK|KEPT=1");
        let errors = stop(daemon);
        assert!(
            errors.contains("thresholds.json:1:") && errors.contains("is damaged, or does not fit"),
            "{errors}"
        );
        assert_eq!(state.aside(), 1);
        let daemon = state.start();
        LineClient::patient(daemon.line).expect("COMMAND=THRESHOLD", "THRESHOLDS=c");
        stop(daemon);
        assert_eq!(state.aside(), 1, "it was damaged once");
    }
}

#[test]
fn what_does_not_fit_to_the_configuration_any_more_is_left_out() {
    let state = State::new();
    state.prepare();
    let daemon = state.start_with(r#""thresholds": {"b": {"device": "led", "max": 0}},"#);
    let mut line = LineClient::patient(daemon.line);
    line.expect("COMMAND=THRESHOLD", "COUNT=2|THRESHOLDS=a,b");
    line.expect("COMMAND=THRESHOLD|NAME=b", "DEVICE=led|ORIGIN=configuration");
    let errors = stop(daemon);
    assert!(errors.contains("threshold b stands in the configuration now"), "{errors}");

    let text = fs::read_to_string(state.file()).expect("it is there");
    fs::write(state.file(), text.replace("\"lamp\"", "\"fan\"")).expect("it can be written");
    let daemon = state.start();
    LineClient::patient(daemon.line).expect("COMMAND=THRESHOLD", "COUNT=0");
    let errors = stop(daemon);
    assert!(errors.contains("admin.a.device: unknown device `fan`"), "{errors}");
    assert_eq!(state.aside(), 2);
}

#[test]
fn where_the_disk_takes_nothing_the_reply_says_so() {
    let state = State::new();
    let daemon = state.start();
    let mut line = LineClient::patient(daemon.line);
    // A folder in the place of the file keeps it from being written, whoever tries.
    fs::create_dir(state.folder().join("thresholds.json.new")).expect("a folder");
    line.expect("COMMAND=THRESHOLD|NAME=a|DEVICE=lamp|MAX=1", "REPLY=OK|NAME=a|KEPT=0");
    line.expect("COMMAND=THRESHOLD|NAME=a", "KEPT=0");
    fs::remove_dir(state.folder().join("thresholds.json.new")).expect("a folder");
    line.expect("COMMAND=THRESHOLD|NAME=b|DEVICE=lamp|MAX=1", "REPLY=OK|NAME=b|KEPT=1");
    line.expect("COMMAND=THRESHOLD|NAME=a", "KEPT=1");
    let errors = kill(daemon);
    assert!(errors.contains("thresholds are not kept") && errors.contains("is written again"), "{errors}");
    let daemon = state.start();
    LineClient::patient(daemon.line).expect("COMMAND=THRESHOLD", "THRESHOLDS=a,b");
    stop(daemon);
}
