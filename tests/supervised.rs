//! The daemon under somebody who watches over it, and the watchdog that it has itself.

mod support;

use std::process::Command;
use std::time::Duration;

use gpio_gatekeeper::control::Ended;
use gpio_gatekeeper::daemon::{Daemon, Ending, Logging, Supervisor};
use gpio_gatekeeper::hardware::{Board, Level};
use gpio_gatekeeper::wire::mqtt::Packet;
use log::LevelFilter;
use nix::sys::signal::Signal;
use support::faulty::{self, Fault, Switch};
use support::http::get;
use support::line::LineClient;
use support::mqtt::MqttClient;
use support::process::Process;
use support::program::{Program, simulated};
use support::systemd::Systemd;
use support::{configuration, gpio};

const DEVICES: &str = r#"
    "relay": {"relay": {"line": "GPIO27", "on_stop": "off"}},
    "valve": {"output": {"line": "GPIO23", "on_stop": "on"}}
"#;

/// The shortest limit that a configuration may have.
const ONE_SECOND: &str = r#""hardware": {"backend": "simulated", "watchdog": "1s"},"#;
const NEVER: &str = r#""hardware": {"backend": "simulated", "watchdog": null},"#;

fn program(systemd: &Systemd, watchdog: Option<Duration>) -> Program {
    let config = simulated("", DEVICES);
    Program::start_with(&config, |command| systemd.start(command, watchdog))
}

fn start(supervisor: Supervisor, sections: &str) -> (Daemon, Board, Switch) {
    let (hardware, board, switch) = faulty::hardware();
    let config = configuration(sections, DEVICES);
    let daemon = Daemon::start_under(supervisor, config, hardware, Logging::default()).expect("it starts");
    (daemon, board, switch)
}

/// A client whose command does not come back.
fn stick(daemon: &Daemon, switch: &Switch) -> LineClient {
    let mut line = LineClient::patient(daemon.line_address().expect("on"));
    switch.set(27, Fault::Stuck);
    line.send("COMMAND=SET|DEVICE=relay|VALUE=ON");
    line
}

#[test]
fn it_is_ready_when_its_ports_answer_and_tells_that_it_stops() {
    for systemd in [Systemd::at_a_path(), Systemd::at_an_abstract_name()] {
        let program = program(&systemd, None);
        assert_eq!(systemd.next(), "READY=1\nSTATUS=2 devices on SIMULATED");
        LineClient::patient(program.line).expect("COMMAND=GET|DEVICE=relay", "REPLY=OK|VALUE=0");
        assert_eq!(get(program.http, "/health").status, 200);
        let ended = program.stop(Signal::SIGTERM);
        assert_eq!(ended.code(), Some(0), "{}", ended.errors);
        assert_eq!(systemd.next(), "STOPPING=1\nSTATUS=stopping");
    }
}

#[test]
fn signs_of_life_come_for_as_long_as_the_hardware_thread_lives() {
    let systemd = Systemd::at_a_path();
    let program = program(&systemd, Some(Duration::from_millis(100)));
    // On a busy machine the first signs come before it is ready, and words about a late one between them.
    while !systemd.next().starts_with("READY=1\n") {}
    for _ in 0..5 {
        systemd.until("WATCHDOG=1");
    }
    program.process.signal(Signal::SIGTERM);
    systemd.until("STOPPING=1");
    assert_eq!(program.process.end().code(), Some(0));
}

#[test]
fn a_reload_is_told_from_its_begin_to_its_end_and_never_ends_a_supervised_daemon() {
    let systemd = Systemd::at_an_abstract_name();
    let program = program(&systemd, None);
    let ready = systemd.next();
    for _ in 0..2 {
        program.process.signal(Signal::SIGHUP);
        let reloading = systemd.next();
        let begun = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect("the time");
        assert!(begun.parse::<u64>().is_ok_and(|microseconds| microseconds > 0), "{reloading}");
        assert_eq!(systemd.next(), ready);
    }
    LineClient::patient(program.line).expect("COMMAND=GET|DEVICE=relay", "REPLY=OK|VALUE=0");
    assert_eq!(program.stop(Signal::SIGTERM).code(), Some(0));
}

#[test]
fn a_socket_that_cannot_be_used_is_one_warning() {
    for socket in ["nonsense", "/nowhere/notify", "@nobody listens here"] {
        let program = Program::start_with(&simulated("", DEVICES), |command| {
            command.env("NOTIFY_SOCKET", socket).env("WATCHDOG_USEC", "100000");
        });
        LineClient::patient(program.line).expect("COMMAND=SET|DEVICE=relay|VALUE=ON", "REPLY=OK|VALUE=1");
        let ended = program.stop(Signal::SIGTERM);
        assert_eq!(ended.code(), Some(0), "{socket}: {}", ended.errors);
        assert_eq!(ended.errors.matches("NOTIFY_SOCKET").count(), 1, "{socket}: {}", ended.errors);
    }
}

#[test]
fn no_sign_of_life_comes_from_a_stuck_hardware_thread_until_it_answers_again() {
    let systemd = Systemd::at_a_path();
    let (daemon, _board, switch) = start(systemd.supervisor(Some(Duration::from_millis(200))), NEVER);
    systemd.until("WATCHDOG=1");
    let mut line = stick(&daemon, &switch);
    systemd.until("STATUS=the hardware thread has not answered for ");
    // Nothing is said while nothing comes, so that the next message is from after the end of the silence.
    assert_eq!(get(daemon.http_address().expect("on"), "/health").status, 503);
    switch.mend();
    assert_eq!(systemd.next(), "WATCHDOG=1");
    assert_eq!(systemd.next(), "STATUS=the hardware thread answers again");
    assert_eq!(systemd.next(), "WATCHDOG=1");
    assert!(line.reply().starts_with("REPLY=OK|"));
    assert!(daemon.stop(Ending::Asked));
}

#[test]
fn a_thread_that_stays_stuck_ends_the_daemon_with_everybody_told() {
    let (daemon, _board, switch) = start(Supervisor::default(), ONE_SECOND);
    let mut mqtt = MqttClient::connect(daemon.mqtt_address().expect("on"), "me");
    let mut line = stick(&daemon, &switch);
    let ending = daemon.wait();
    assert_eq!(ending, Ending::Stuck);
    let health = get(daemon.http_address().expect("on"), "/health");
    assert_eq!(health.status, 503);
    assert!(health.body.contains(r#""status":"stuck""#), "{}", health.body);
    assert!(!daemon.stop(ending), "that is no good end");
    assert!(line.event("EVENT=CLOSING|").starts_with("EVENT=CLOSING|CODE=STOPPING|"));
    while !matches!(mqtt.receive(), Packet::Disconnect(_)) {}
    switch.mend();
}

#[test]
fn a_thread_that_comes_back_in_the_time_of_the_stop_brings_its_devices_to_their_state() {
    let systemd = Systemd::at_a_path();
    let (daemon, board, switch) = start(systemd.supervisor(None), ONE_SECOND);
    let mut line = stick(&daemon, &switch);
    assert_eq!(daemon.wait(), Ending::Stuck);
    let stopping = std::thread::spawn(move || daemon.stop(Ending::Stuck));
    systemd.until("STOPPING=1");
    switch.mend();
    assert!(!stopping.join().expect("it ends"), "that is no good end");
    assert_eq!([27, 23].map(|offset| board.level(&gpio(offset))), [Level::Low, Level::High]);
    line.event("EVENT=CLOSING|");
}

#[test]
fn the_watchdog_leaves_the_end_of_the_hardware_thread_to_others() {
    let systemd = Systemd::at_a_path();
    // A panic may take long to be written down on a busy machine, so that no limit of the daemon's own is set.
    let (daemon, _board, switch) = start(systemd.supervisor(Some(Duration::from_millis(200))), NEVER);
    systemd.until("WATCHDOG=1");
    let mut line = LineClient::patient(daemon.line_address().expect("on"));
    switch.set(27, Fault::Panic);
    line.send("COMMAND=SET|DEVICE=relay|VALUE=ON");
    let ending = daemon.wait();
    assert_eq!(ending, Ending::Hardware(Ended::Failed));
    assert!(!daemon.stop(ending));
    let words = systemd.until("STOPPING=1");
    assert!(!words.iter().any(|words| words.contains("stuck")), "{words:?}");
}

/// Set for the process that the next test starts.
const ROLE: &str = "GATEKEEPER_TEST_STUCK";

/// The daemon on failing hardware as `main` runs it, in a process of its own.
#[test]
fn the_process_that_is_stuck() {
    if std::env::var_os(ROLE).is_none() {
        return;
    }
    let (hardware, _board, switch) = faulty::hardware();
    let (logging, supervisor) = (Logging::install(LevelFilter::Info), Supervisor::from_environment());
    let config = configuration(ONE_SECOND, DEVICES);
    let daemon = Daemon::start_under(supervisor, config, hardware, logging).expect("it starts");
    switch.set(27, Fault::Stuck);
    println!("\nlisten {}", daemon.line_address().expect("on"));
    let why = daemon.wait();
    std::process::exit(if daemon.stop(why) { 0 } else { 1 });
}

#[test]
fn a_stuck_process_ends_with_failure_and_says_what_to_do() {
    let systemd = Systemd::at_an_abstract_name();
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command
        .args(["--exact", "the_process_that_is_stuck", "--nocapture"])
        .env(ROLE, "1")
        .env_remove("RUST_LOG");
    systemd.start(&mut command, Some(Duration::from_secs(2)));
    let mut process = Process::start(&mut command);
    let address = process.line_with("listen ");
    let mut line = LineClient::patient(address.trim_start_matches("listen ").parse().expect("an address"));
    systemd.until("WATCHDOG=1");
    line.send("COMMAND=SET|DEVICE=relay|VALUE=ON");
    systemd.until("STATUS=the hardware thread has not answered for ");
    let last = systemd.until("STOPPING=1");
    assert!(last[0].starts_with("STATUS=the hardware thread is stuck: no answer for 1."), "{last:?}");
    assert_eq!(last.len(), 2, "no sign of life: {last:?}");
    assert!(line.event("EVENT=CLOSING|").starts_with("EVENT=CLOSING|CODE=STOPPING|"));
    let ended = process.end();
    assert_eq!(ended.code(), Some(1), "{}", ended.errors);
    for words in ["the hardware thread is stuck", "gpio-gatekeeper safe-states --config FILE", "ERROR"] {
        assert!(ended.errors.contains(words), "{words}: {}", ended.errors);
    }
}
