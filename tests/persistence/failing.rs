//! Folders that can't be used, logs that are damaged, and a disk that is full.

use std::fs;
use std::process::Command;

use gpio_gatekeeper::wire::mqtt::QoS;

use super::life::{State, kill, open, retained, retained_at, stop, subscribed};
use super::support::mqtt::MqttClient;
use super::support::process::Process;
use super::support::program::{Program, file, gatekeeper};

/// What a daemon says that does not start.
fn refusal(config: &str) -> String {
    let (_folder, file) = file(config);
    let ended = Process::start(&mut gatekeeper(&["--config", &file])).end();
    assert_eq!(ended.code(), Some(1), "{}", ended.errors);
    ended.errors
}

/// A log whose last record is that of `home/b`, and where that begins.
fn written(state: &State) -> usize {
    let daemon = state.start();
    let mut client = MqttClient::connect(daemon.mqtt, "me");
    client.publish(retained("home/a", "1"));
    drop(subscribed(daemon.mqtt, "absent", "t", QoS::AtLeastOnce));
    client.publish(retained("home/c", "x"));
    client.publish(retained("home/c", ""));
    let mut log = state.bytes().len();
    loop {
        // What the absent one says when it goes may come meanwhile.
        client.publish(retained("home/b", "2"));
        let longer = state.bytes().len();
        client.publish(retained("home/b", "2"));
        if state.bytes().len() - longer == longer - log {
            log = longer;
            break;
        }
        log = state.bytes().len();
    }
    kill(daemon);
    log
}

#[test]
fn a_torn_tail_is_dropped_and_everything_before_it_is_there() {
    let state = State::new();
    let last = written(&state);
    let whole = state.bytes();
    for end in [last + 1, last + 11, last + 12, whole.len() - 1] {
        fs::write(state.log(), &whole[..end]).expect("it can be written");
        let daemon = state.start();
        assert_eq!(retained_at(daemon.mqtt, "home/+"), ["home/a=1", "home/b=2"]);
        assert!(open(daemon.mqtt, "absent").1.session_present);
        kill(daemon);
        assert_eq!(fs::read_dir(state.folder()).expect("a folder").count(), 2, "nothing is set aside");
    }
}

#[test]
fn a_damaged_log_is_used_as_far_as_it_is_good_and_set_aside() {
    let state = State::new();
    let last = written(&state);
    let mut damaged = state.bytes();
    let behind = damaged[last..].to_vec();
    damaged[last + 20] ^= 1;
    damaged.extend(behind);
    fs::write(state.log(), &damaged).expect("it can be written");
    let mut daemon = state.start();
    let warning = daemon.process.error_with("is damaged from byte");
    assert!(
        warning.contains(&format!("byte {last} on")) && warning.contains("1 sessions and 2 retained"),
        "{warning}"
    );
    assert_eq!(retained_at(daemon.mqtt, "home/+"), ["home/a=1", "home/b=2"]);
    kill(daemon);
    let aside = fs::read_dir(state.folder()).expect("a folder").find_map(|entry| {
        let path = entry.expect("an entry").path();
        path.to_string_lossy().contains("sessions.log.corrupt-").then_some(path)
    });
    assert_eq!(fs::read(aside.expect("it is kept")).expect("it can be read"), damaged);
}

#[test]
fn a_file_that_is_no_log_is_set_aside() {
    let state = State::new();
    fs::create_dir(state.folder()).expect("a folder");
    fs::write(state.log(), "a shopping list").expect("it can be written");
    let mut daemon = state.start();
    daemon.process.error_with("is damaged from byte 0 on, or written by another version");
    MqttClient::connect(daemon.mqtt, "me").publish(retained("t", "x"));
    kill(daemon);
    assert_eq!(retained_at(state.start().mqtt, "t"), ["t=x"]);
}

#[test]
fn a_folder_that_cannot_be_used_is_named_with_what_to_do() {
    let state = State::new();
    let config = state.config();
    let in_no_folder = config.replace("/state\"", "/no/where\"");
    let errors = refusal(&in_no_folder);
    assert!(errors.contains("/no/where") && errors.contains("make its parent folder"), "{errors}");
    fs::write(state.folder(), "").expect("it can be written");
    let errors = refusal(&config);
    assert!(errors.contains("state_folder") && errors.contains("Not a directory"), "{errors}");
}

#[test]
fn a_second_gatekeeper_does_not_get_the_folder() {
    let state = State::new();
    let first = state.start();
    let errors = refusal(&state.config());
    assert!(errors.contains("another gatekeeper uses the state folder"), "{errors}");
    stop(first);
    stop(state.start());
}

#[test]
fn a_full_disk_stops_nobody_and_is_said() {
    let state = State::new();
    let config = state.config_with(r#""telemetry": "1s","#);
    let mut daemon = Program::start_with(&config, |command| {
        // Writing beyond the limit fails then, as on a full disk, instead of ending the process.
        let mut limited = Command::new("sh");
        limited.args(["-c", r#"trap "" XFSZ; ulimit -f 64; exec "$0" "$@""#]).arg(command.get_program());
        limited.args(command.get_args()).env_remove("RUST_LOG");
        *command = limited;
    });
    let mut client = MqttClient::connect(daemon.mqtt, "me");
    let large = "x".repeat(4096);
    client.publish(retained("first", &large));
    for number in 0..40 {
        client.publish(retained(&number.to_string(), &large));
    }
    let complaint = daemon.process.error_with("in memory only");
    assert!(complaint.contains("make room on the disk"), "{complaint}");
    client.subscribe("pi/system/telemetry");
    while !client.message_on("pi/system/telemetry").contains(r#""persistence":"failing""#) {}
    let mut session = subscribed(daemon.mqtt, "kept", "t", QoS::AtLeastOnce);
    client.publish(retained("t", "x"));
    assert_eq!(session.message_on("t"), "x");
    assert_eq!(retained_at(daemon.mqtt, "+").len(), 42);
    stop(daemon);
    assert_eq!(retained_at(state.start().mqtt, "first").len(), 1, "what was on the disk is there");
}
