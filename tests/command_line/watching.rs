//! `watch` and `logs`: what lasts until somebody ends it.

use nix::sys::signal::Signal;
use serde_json::Value as Json;

use super::support::line::LineClient;
use super::support::process::Process;
use super::support::program::{Program, simulated};
use super::support::{DEMO_DEVICES, Gatekeeper};
use super::terminal::Terminal;
use super::{Caller, demo};

fn panel(gatekeeper: &Gatekeeper) -> LineClient {
    let mut panel = LineClient::patient(gatekeeper.line());
    panel.expect("COMMAND=HELLO|CLIENT=panel", "REPLY=OK");
    panel
}

#[test]
fn changes_are_lines_where_there_is_no_terminal() {
    let (gatekeeper, caller) = demo();
    let mut watch = Process::start(&mut caller.command(&["watch", "led", "lamp"]));
    assert_eq!(watch.line().as_deref(), Some("led  off  0"));
    assert_eq!(watch.line().as_deref(), Some("lamp  off  0"));
    let mut panel = panel(&gatekeeper);
    panel.expect("COMMAND=LEASE|DEVICE=led,motor|TTL=1h", "REPLY=OK");
    assert_eq!(watch.line().as_deref(), Some("led  lease  panel"));
    panel.expect("COMMAND=SET|DEVICE=motor|VALUE=1", "REPLY=OK");
    panel.expect("COMMAND=DO|DEVICE=led|ACTION=blink|ON_TIME=1h", "REPLY=OK");
    assert_eq!(watch.line_with("on"), "led  on  1  blinking", "nothing of the motor");
    panel.expect("COMMAND=THRESHOLD|NAME=dark|DEVICE=lamp|MIN=0.5", "REPLY=OK");
    assert_eq!(watch.line_with("alert"), "lamp  alert  created  dark 0 < 0.5");
    watch.signal(Signal::SIGTERM);
    let ended = watch.end();
    assert_eq!((ended.code(), &*ended.errors), (Some(0), ""));
}

#[test]
fn changes_are_objects_for_programs() {
    let (gatekeeper, caller) = demo();
    let mut panel = panel(&gatekeeper);
    panel.expect("COMMAND=THRESHOLD|NAME=dark|DEVICE=lamp|MIN=0.5", "REPLY=OK");
    let mut watch = Process::start(&mut caller.command(&["watch", "lamp", "--json"]));
    let mut next = |wanted: &str| -> Json { serde_json::from_str(&watch.line_with(wanted)).expect("JSON") };
    let alert = next("threshold");
    assert_eq!(
        (&alert["device"], &alert["threshold"], &alert["bound"]),
        (&"lamp".into(), &"dark".into(), &0.5.into())
    );
    assert_eq!(next("kind")["value"], 0);
    let reply = panel.ask("COMMAND=LEASE|DEVICE=lamp");
    assert_eq!(next("holder")["holder"], "panel");
    let token = LineClient::field(&reply, "TOKEN").expect("a token");
    panel.expect(&format!("COMMAND=RELEASE|TOKEN={token}"), "REPLY=OK");
    assert_eq!(next("holder")["holder"], Json::Null);
}

#[test]
fn a_terminal_shows_a_table_of_all_devices() {
    let (gatekeeper, caller) = demo();
    let mut terminal = Terminal::start(caller.command(&["watch"]));
    let first = terminal.frame_with(&["DEVICE", "motor   stopped   0"]);
    assert!(first.starts_with("line://127.0.0.1:") && first.contains("connected"), "{first}");
    let mut panel = panel(&gatekeeper);
    panel.expect("COMMAND=THRESHOLD|NAME=bright|DEVICE=lamp|MAX=0.8|SEVERITY=critical", "REPLY=OK");
    panel.expect("COMMAND=LEASE|DEVICE=lamp|TTL=1h", "REPLY=OK");
    panel.expect("COMMAND=SET|DEVICE=lamp|VALUE=1", "REPLY=OK");
    let lamp = terminal.frame_with(&["bright! 1 > 0.8", "panel"]);
    let row: Vec<&str> =
        lamp.lines().find(|line| line.starts_with("lamp")).expect("its row").split_whitespace().collect();
    assert_eq!(
        (&row[..3], &row[4..]),
        (&["lamp", "on", "1"][..], &["panel", "bright!", "1", ">", "0.8"][..])
    );
    // Ages grow although nothing changes.
    terminal.frame_with(&["1s"]);
    let (code, rest) = terminal.end(Signal::SIGINT);
    assert_eq!(code, Some(0));
    assert!(rest.ends_with("\x1b[?25h\x1b[?1049l"), "the terminal is as it was: {rest:?}");
}

#[test]
fn a_watch_comes_back_when_the_gatekeeper_does() {
    let program = Program::start(&simulated("", DEMO_DEVICES));
    let address = program.line;
    let mut terminal = Terminal::start(Caller::at(address).command(&["watch"]));
    terminal.frame_with(&["connected", "led"]);
    program.stop(Signal::SIGKILL);
    let lost = terminal.frame_with(&["NOT CONNECTED"]);
    assert!(lost.contains("again in") && lost.contains("led"), "what was known is still shown: {lost}");
    let config = simulated("", r#""porch": {"led": {"line": "GPIO17", "initial": "on"}}"#);
    let config = config.replacen("127.0.0.1:0", &address.to_string(), 1);
    let _program = Program::start(&config);
    let back = terminal.frame_with(&["porch", "on  "]);
    assert!(back.contains("  connected") && !back.contains("led "), "{back}");
}

#[test]
fn the_log_and_the_audit_are_followed() {
    let program = Program::start(&simulated("", DEMO_DEVICES));
    let caller = Caller::at(program.line);
    let mut log = Process::start(&mut caller.command(&["logs", "--level", "warn", "--audit"]));
    let mut objects = Process::start(&mut caller.command(&["logs", "--json"]));
    let mut panel = LineClient::patient(program.line);
    panel.expect("COMMAND=HELLO|CLIENT=panel", "REPLY=OK");
    // Both have subscribed before they say that they are connected.
    for process in [&mut log, &mut objects] {
        process.error_with("connected to");
    }
    panel.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "REPLY=OK");
    let told = log.line_with("audit");
    assert!(told.ends_with("Z audit panel: led on (0 -> 1)"), "{told}");
    panel.expect("COMMAND=THRESHOLD|NAME=dark|DEVICE=lamp|MIN=0.5", "REPLY=OK");
    let warned = log.line_with(" warn ");
    assert!(warned.contains("dark"), "{warned}");
    program.process.signal(Signal::SIGTERM);
    let record: Json = serde_json::from_str(&objects.line_with("info")).expect("JSON");
    assert_eq!((&record["level"], record["timestamp"].is_f64()), (&"info".into(), true), "{record}");
    assert!(log.error_with("STOPPING").contains("connecting again"));
}
