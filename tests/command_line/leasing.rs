//! `lease`: devices that are held until somebody ends it, or as long as a command runs.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::support::Gatekeeper;
use super::support::line::LineClient;
use super::support::process::{Ended, Process};
use super::support::programs_are_here;
use super::{Caller, demo};

/// The program, for commands that call it.
const PROGRAM: &str = env!("CARGO_BIN_EXE_gpio-gatekeeper");

fn boss(gatekeeper: &Gatekeeper) -> LineClient {
    let mut boss = LineClient::patient(gatekeeper.line());
    boss.expect("COMMAND=HELLO|CLIENT=boss", "REPLY=OK");
    boss
}

/// Runs a line of shell while these devices are held.
fn under(caller: &Caller, devices: &str, line: &str) -> Ended {
    caller.run(&["lease", devices, "--", "sh", "-c", &line.replace("PROGRAM", PROGRAM)])
}

#[test]
fn devices_are_held_until_somebody_ends_it() {
    let (gatekeeper, caller) = demo();
    let mut boss = boss(&gatekeeper);
    let mut lease = Process::start(&mut caller.command(&["lease", "motor,led", "--client", "me"]));
    let said = lease.line().expect("what is held");
    assert!(said.starts_with("led,motor held under the token 1"), "{said}");
    boss.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "CODE=HELD");
    lease.signal(Signal::SIGINT);
    let ended = lease.end();
    assert_eq!((ended.code(), &*ended.errors), (Some(0), ""));
    boss.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "REPLY=OK");
}

#[test]
fn a_lease_is_renewed_as_long_as_it_is_wanted_and_ends_with_the_program() {
    let (gatekeeper, caller) = demo();
    let mut boss = boss(&gatekeeper);
    boss.expect("COMMAND=SUB|LEASE=led", "REPLY=OK");
    let mut lease = Process::start(&mut caller.command(&["lease", "led", "--ttl", "600ms", "--json"]));
    assert!(lease.line_with("token").contains(r#""ttl":0.6"#));
    // So many renewals that it would have ended long ago.
    for _ in 0..4 {
        assert!(boss.event("EVENT=LEASE|DEVICE=led|").contains("|HOLDER="));
    }
    lease.signal(Signal::SIGKILL);
    while boss.event("EVENT=LEASE|DEVICE=led").contains("HOLDER") {}
}

#[test]
fn a_command_runs_under_the_lease_and_its_status_is_the_status() {
    let (gatekeeper, caller) = demo();
    let mut boss = boss(&gatekeeper);
    let ended = under(
        &caller,
        "led,motor",
        "PROGRAM set led on && PROGRAM set motor -1 && PROGRAM get motor; exit 7",
    );
    assert_eq!((ended.code(), &*ended.errors), (Some(7), ""), "{}", ended.output);
    // A command that has ended takes nothing back, as long as the lease is there.
    assert_eq!(ended.output, "led  on  1\nmotor  backward  -1\nmotor  backward  -1\n");
    boss.expect("COMMAND=SET|DEVICE=led|VALUE=OFF", "REPLY=OK");
    assert_eq!(under(&caller, "led", "kill -TERM $$").code(), Some(143));
    let missing = caller.run(&["lease", "led", "--", "/nowhere/at-all"]);
    assert!(missing.code() == Some(127) && missing.errors.contains("/nowhere/at-all"), "{}", missing.errors);
    boss.expect("COMMAND=LEASE|DEVICE=*", "REPLY=OK");
}

#[test]
fn a_program_in_python_runs_under_the_lease_as_well() {
    if !programs_are_here(&["python3"]) {
        return;
    }
    let (gatekeeper, caller) = demo();
    let mut boss = boss(&gatekeeper);
    boss.expect("COMMAND=SUB|DEVICE=motor", "REPLY=OK");
    boss.event("EVENT=STATE|DEVICE=motor");
    let program = "from gpio_gatekeeper import Motor, connect\n\
                   with connect() as gate:\n    Motor('motor', gate=gate).backward()\n    print(gate.read('motor').value)";
    let mut command = caller.command(&["lease", "motor", "--", "python3", "-B", "-c", program]);
    command.env("PYTHONPATH", concat!(env!("CARGO_MANIFEST_DIR"), "/python-client/src"));
    let ended = Process::start(&mut command).end();
    assert_eq!((ended.code(), &*ended.output), (Some(0), "-1.0\n"), "{}", ended.errors);
    assert!(boss.event("EVENT=STATE|DEVICE=motor").contains("|STATE=backward|"));
}

#[test]
fn nobody_comes_through_the_door_without_its_secret() {
    let (_gatekeeper, caller) = demo();
    let ended = under(&caller, "led", "GATEKEEPER_TOKEN=guessed PROGRAM set led on");
    assert!(ended.code() == Some(19) && ended.errors.contains("ACCESS_DENIED"), "{}", ended.errors);
    let ended = under(&caller, "led", "unset GATEKEEPER_TOKEN; PROGRAM set led on");
    assert!(ended.code() == Some(19) && ended.errors.contains("GATEKEEPER_TOKEN"), "{}", ended.errors);
    // What the gatekeeper refuses is refused here, too.
    assert_eq!(under(&caller, "led", "PROGRAM set lamp 2").code(), Some(15));
}

#[test]
fn a_command_hears_what_it_has_subscribed_to() {
    let (gatekeeper, caller) = demo();
    let mut watch = Process::start(&mut caller.command(&["lease", "led", "--", PROGRAM, "watch", "lamp"]));
    assert_eq!(watch.line().as_deref(), Some("lamp  off  0"));
    boss(&gatekeeper).expect("COMMAND=SET|DEVICE=lamp|VALUE=0.5", "REPLY=OK");
    assert_eq!(watch.line().as_deref(), Some("lamp  on  0.5"));
    watch.signal(Signal::SIGTERM);
    assert_eq!(watch.end().code(), Some(0));
}

#[test]
fn a_command_ends_when_its_lease_is_broken() {
    let (gatekeeper, caller) = demo();
    let mut command =
        caller.command(&["lease", "led", "--ttl", "1h", "--", "sh", "-c", "echo begun; exec sleep 1000"]);
    let mut lease = Process::start(&mut command);
    assert_eq!(lease.line().as_deref(), Some("begun"));
    boss(&gatekeeper).expect("COMMAND=BREAK|DEVICE=led|REASON=lunch", "REPLY=OK");
    let ended = lease.end();
    assert_eq!(ended.code(), Some(23), "{}", ended.errors);
    assert!(ended.errors.contains("BROKEN by boss: lunch; the command is ended"), "{}", ended.errors);
}

#[test]
fn a_command_ends_when_the_gatekeeper_does() {
    let (mut gatekeeper, caller) = demo();
    let mut lease = Process::start(&mut caller.command(&[
        "lease",
        "led",
        "--",
        "sh",
        "-c",
        "echo begun; exec sleep 1000",
    ]));
    assert_eq!(lease.line().as_deref(), Some("begun"));
    assert!(gatekeeper.stop());
    let ended = lease.end();
    assert_eq!(ended.code(), Some(35), "{}", ended.errors);
    assert!(ended.errors.contains("STOPPING"), "{}", ended.errors);
}

#[test]
fn a_command_ends_with_the_program_that_holds_its_lease() {
    let (_gatekeeper, caller) = demo();
    let mut command = caller.command(&["lease", "led", "--", "sh", "-c", "echo begun; exec sleep 1000"]);
    let mut lease = Process::start(&mut command);
    assert_eq!(lease.line().as_deref(), Some("begun"));
    let id = Pid::from_raw(i32::try_from(lease.id()).expect("an id"));
    kill(id, Signal::SIGKILL).expect("it runs");
    // Its output ends when the last that could write there has ended.
    assert_eq!(lease.end().code(), None);
}

#[test]
fn a_lease_is_waited_for() {
    let (gatekeeper, caller) = demo();
    let mut boss = boss(&gatekeeper);
    let token = LineClient::field(&boss.ask("COMMAND=LEASE|DEVICE=led|TTL=1h"), "TOKEN").expect("a token");
    assert!(caller.fails(20, &["lease", "led"]).contains("boss"));
    caller.fails(20, &["lease", "led", "--wait", "10ms"]);
    let mut lease = Process::start(&mut caller.command(&["lease", "led", "--wait", "1min"]));
    boss.expect(&format!("COMMAND=RELEASE|TOKEN={token}"), "REPLY=OK");
    assert!(lease.line().is_some_and(|line| line.starts_with("led held")));
}
