//! What shells complete, by the scripts that the program prints.

use std::path::Path;
use std::process::Command;

use super::support::DEMO_DEVICES;
use super::support::users::{PHC, write_users};
use super::support::{Gatekeeper, programs_are_here};
use super::{Caller, demo};

const PROGRAM: &str = env!("CARGO_BIN_EXE_gpio-gatekeeper");

/// A shell with the environment of the caller.
fn shell(caller: &Caller, name: &str) -> Command {
    let mut command = Command::new(name);
    for (key, value) in caller.command(&[]).get_envs() {
        match value {
            Some(value) => command.env(key, value),
            None => command.env_remove(key),
        };
    }
    command
}

/// What bash offers for these words, the last of which is not finished.
fn offered(caller: &Caller, words: &[&str]) -> Vec<String> {
    let script = caller.file("completion.bash", &caller.says(&["completion", "bash"]), 0o600);
    let line = format!(
        "source {script}; COMP_WORDS=({PROGRAM} \"$@\"); COMP_CWORD=$#; _gpio_gatekeeper; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let output = shell(caller, "bash").args(["-c", &line, "bash"]).args(words).output();
    let output = output.expect("bash is there");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn bash_completes_words_devices_and_actions() {
    let (_gatekeeper, caller) = demo();
    for (words, expected) in [
        (&["s"][..], &["set", "send", "scan", "safe-states"][..]),
        (&["set", "l"], &["led", "lamp"]),
        (&["set", "led", "t"], &["toggle"]),
        (&["get", "led", "m"], &["motor"]),
        (&["do", "motor", "b"], &["backward"]),
        (&["do", "lamp", "--to"], &["--token", "--token-file"]),
        (&["lease", "led,m"], &["led,motor"]),
        (&["logs", "--level", ""], &["error", "warn", "info"]),
        (&["get", "--ca", ""], &[]),
    ] {
        assert_eq!(offered(&caller, words), expected, "{words:?}");
    }
}

#[test]
fn the_gatekeeper_that_is_named_on_the_line_is_asked() {
    let (gatekeeper, _) = demo();
    let nowhere = Caller::of("line://127.0.0.1:1");
    assert_eq!(offered(&nowhere, &["get", "l"]), Vec::<String>::new(), "and nothing is complained about");
    let url = format!("line://{}", gatekeeper.line());
    assert_eq!(offered(&nowhere, &["get", "--url", &url, "la"]), ["lamp"]);
}

#[test]
fn fish_completes_as_bash_does() {
    if !programs_are_here(&["fish"]) {
        return;
    }
    let (_gatekeeper, caller) = demo();
    let script = caller.file("completion.fish", &caller.says(&["completion", "fish"]), 0o600);
    let folder = Path::new(PROGRAM).parent().expect("it is in a folder").display();
    let line = format!(
        "fish_add_path --global --prepend {folder}; source {script}; complete -C 'gpio-gatekeeper do lamp b'"
    );
    let home = tempfile::tempdir().expect("a temporary folder");
    let output = shell(&caller, "fish").args(["-c", &line]).env("HOME", home.path()).output();
    let output = output.expect("fish is there");
    let offered = String::from_utf8_lossy(&output.stdout);
    assert!(offered.lines().any(|candidate| candidate == "blink"), "{output:?}");
}

#[test]
fn nobody_is_asked_for_a_password_while_typing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let users = folder.path().join("users.json");
    write_users(&users, &format!(r#""anna": {{"role": "operator", "password": "{PHC}"}}"#));
    let gatekeeper = Gatekeeper::with(&format!(r#""users": {users:?},"#), DEMO_DEVICES);
    let caller = Caller::at(gatekeeper.line());
    assert!(offered(&caller, &["get", "--user", "anna", "l"]).is_empty());
    let caller = caller.with("PASSWORD", "password");
    assert_eq!(offered(&caller, &["get", "--user", "anna", "le"]), ["led"]);
}

#[test]
fn the_scripts_register_themselves_and_can_be_read() {
    let (_gatekeeper, caller) = demo();
    let script = caller.file("completion.bash", &caller.says(&["completion", "bash"]), 0o600);
    let output =
        Command::new("bash").args(["-c", &format!("source {script}; complete -p gpio-gatekeeper")]).output();
    let output = output.expect("bash is there");
    assert_eq!(output.stdout, b"complete -o default -F _gpio_gatekeeper gpio-gatekeeper\n");
    for shell in ["zsh", "fish"] {
        let script = caller.file(shell, &caller.says(&["completion", shell]), 0o600);
        match Command::new(shell).args(["-n", &script]).output() {
            Ok(output) => assert!(output.status.success() && output.stderr.is_empty(), "{output:?}"),
            Err(error) => println!("skipped: {shell} can't be run: {error}"),
        }
    }
    assert!(caller.fails(2, &["completion", "csh"]).contains("bash, zsh or fish"));
}
