//! `gpio-gatekeeper check`, which looks at the users as well, and explains what they may do.

use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::support::DEMO_DEVICES;
use super::support::process::{Ended, Process};
use super::support::program::{gatekeeper, simulated};
use super::support::tls::Authority;
use super::{residents, write_users};

/// A configuration with users, in a folder of its own.
fn configuration() -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let users = folder.path().join("users.json");
    write_users(&users, &residents());
    let file = folder.path().join("gatekeeper.jsonc");
    let config = simulated(&format!(r#""users": "{}","#, users.display()), DEMO_DEVICES);
    std::fs::write(&file, config).expect("it can be written");
    let name = file.to_str().expect("UTF-8").to_owned();
    (folder, name)
}

fn run(arguments: &[&str]) -> Ended {
    Process::start(&mut gatekeeper(arguments)).end()
}

#[test]
fn a_decision_is_explained_in_a_sentence() {
    let (_folder, config) = configuration();
    for (user, wish, code, sentence) in [
        (
            "anna",
            "write lamp",
            0,
            "yes: user anna is an operator, and lamp is one of those that it may write",
        ),
        ("anna", "read motor", 1, "no: device motor is not one of those of user anna"),
        ("vera", "write lamp", 1, "no: user vera is a viewer, and a viewer only reads"),
        ("root", "write motor", 0, "yes: user root is an admin, who may do everything"),
        (
            "anna",
            "publish home/anna/x",
            0,
            "yes: user anna is an operator, and home/anna/x is one of those that it may publish",
        ),
        ("anna", "publish home/bert/x", 1, "no: topic home/bert/x is not one of those of user anna"),
        ("anna", "publish pi/devices/motor/set", 1, "no: device motor is not one of those of user anna"),
        ("anna", "subscribe home/#", 0, "yes: user anna is told what it may read of home/#"),
        (
            "vera",
            "subscribe pi/logs/audit",
            1,
            "no: user vera is no admin, and only an admin reads the audit and the log",
        ),
    ] {
        let ended = run(&["check", &config, "--as", user, "--can", wish]);
        assert_eq!((ended.code(), ended.output.trim(), &*ended.errors), (Some(code), sentence, ""));
    }
    let ended = run(&["check", &config, "--as", "anna", "--client", "esp", "--can", "publish pi/vars/esp"]);
    assert_eq!(ended.code(), Some(0), "{}", ended.output);
}

#[test]
fn a_question_that_is_none_is_refused() {
    let (_folder, config) = configuration();
    for (user, wish, why) in [
        ("nobody", "read lamp", "there is no user nobody"),
        ("anna", "read fan", "no device is called fan"),
        ("anna", "burn lamp", "expected 'read DEVICE'"),
        ("anna", "lamp", "expected 'read DEVICE'"),
        ("anna", "subscribe a#", "# is not a whole level"),
        ("anna", "publish pi/gpio/17/set", "ask for the device"),
    ] {
        let ended = run(&["check", &config, "--as", user, "--can", wish]);
        assert_eq!(ended.code(), Some(2), "{wish}");
        assert!(ended.errors.contains(why), "{wish}: {}", ended.errors);
    }
    let ended = run(&["check", &config, "--as", "anna"]);
    assert!(ended.code() == Some(2) && ended.errors.contains("belong together"), "{}", ended.errors);
}

#[test]
fn check_and_start_look_at_the_users() {
    let (folder, config) = configuration();
    assert_eq!(run(&["check", &config]).code(), Some(0));
    let users = folder.path().join("users.json");
    std::fs::set_permissions(&users, std::fs::Permissions::from_mode(0o644)).expect("ours");
    for (arguments, code) in [(["check", &config], 2), (["--config", &config], 1)] {
        let ended = run(&arguments);
        assert_eq!(ended.code(), Some(code));
        assert!(ended.errors.contains("others can read it (mode 0644): `chmod 600 "), "{}", ended.errors);
    }
}

#[test]
fn certificates_that_no_listener_asks_for_are_a_warning() {
    let authority = Authority::new();
    let (folder, config) = configuration();
    let ended = run(&["check", &config]);
    assert_eq!(ended.code(), Some(0));
    let warning = "users: anna has certificates, and no listener asks for one: add \"client_ca\"";
    assert!(ended.errors.starts_with(&format!("{config}: {warning}")), "{}", ended.errors);
    let text = std::fs::read_to_string(&config).expect("it is there");
    for (asked, warns) in [("off", true), ("optional", false), ("required", false)] {
        let ca = authority.file("ca.pem");
        let tls = authority.settings(&format!(r#", "client_ca": {ca:?}, "client_certificates": "{asked}""#));
        let mqtt = r#""mqtt": {"listen": "127.0.0.1:0""#;
        std::fs::write(&config, text.replace(mqtt, &format!(r#"{mqtt}, "tls": {tls}"#))).expect("writable");
        let ended = run(&["check", &config]);
        assert_eq!((ended.code(), ended.errors.contains(warning)), (Some(0), warns), "{asked}");
    }
    write_users(&folder.path().join("users.json"), r#""root": {"role": "admin"}"#);
    std::fs::write(&config, text).expect("writable");
    assert_eq!(run(&["check", &config]).errors, "");
}

#[test]
fn the_users_are_found_by_the_configuration() {
    let (folder, config) = configuration();
    let list = run(&["user", "list", "--config", &config]);
    assert!(list.output.contains("\nvera  viewer"), "{}{}", list.output, list.errors);
    let without = folder.path().join("without.jsonc");
    std::fs::write(&without, "{}").expect("it can be written");
    let refused = run(&["user", "list", "--config", without.to_str().expect("UTF-8")]);
    assert!(refused.errors.contains("there are no \"users\" in it"), "{}", refused.errors);
}
