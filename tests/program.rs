//! The program as a person starts and stops it: arguments, greeting, signals, exit status.

mod support;

use std::net::TcpListener;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use nix::sys::signal::Signal;
use support::line::LineClient;
use support::mqtt::{MqttClient, connect, publish, will};
use support::process::{Ended, Process};
use support::program::{Program, file, gatekeeper, simulated};
use support::{DEMO_DEVICES, PATIENCE};

use gpio_gatekeeper::wire::mqtt::{Packet, Publish, QoS, ReasonCode};

const ONE_LED: &str = r#""led": {"led": {"line": "GPIO17"}}"#;

fn run(arguments: &[&str]) -> Ended {
    Process::start(&mut gatekeeper(arguments)).end()
}

/// The devices of the demo on free ports.
fn demo() -> String {
    simulated("", DEMO_DEVICES)
}

#[test]
fn help_and_version_are_told() {
    for argument in ["--help", "-h"] {
        let help = run(&[argument]);
        assert_eq!((help.code(), &*help.errors), (Some(0), ""));
        for word in [
            "Usage:",
            "--config FILE",
            "check FILE",
            "config --example",
            "safe-states",
            "cert --self-signed",
            "RUST_LOG",
        ] {
            assert!(help.output.contains(word), "{word}: {}", help.output);
        }
    }
    for argument in ["--version", "-V"] {
        let version = run(&[argument]);
        assert_eq!(version.code(), Some(0));
        assert_eq!(version.output, concat!("gpio-gatekeeper ", env!("CARGO_PKG_VERSION"), "\n"));
    }
}

#[test]
fn wrong_arguments_are_named() {
    for (arguments, wrong) in [
        (&["--confg"][..], "--confg"),
        (&["demo"], "demo"),
        (&["--config"], "--config"),
        (&["check"], "argument"),
        (&["check", "a", "b"], "b"),
        (&["config"], "--example"),
        (&["config", "--exmaple"], "--exmaple"),
        (&["--config", "a", "--config", "b"], "--config"),
        (&["--config", "a", "check", "b"], "check"),
    ] {
        let ended = run(arguments);
        assert_eq!((ended.code(), &*ended.output), (Some(2), ""), "{arguments:?}");
        let [line] = ended.errors.lines().collect::<Vec<_>>()[..] else { panic!("{}", ended.errors) };
        assert!(line.starts_with("gpio-gatekeeper: ") && line.contains(wrong), "{arguments:?}: {line}");
        assert!(line.ends_with("; --help tells what there is"), "{line}");
    }
}

#[test]
fn a_configuration_is_checked_without_hardware() {
    let (_folder, good) = file(&demo());
    let checked = run(&["check", &good]);
    assert_eq!((checked.code(), &*checked.errors), (Some(0), ""));
    assert_eq!(checked.output, format!("{good}: good, 5 devices\n"));

    let broken =
        "{\n  \"log\": \"loud\",\n  \"devices\": {\n    \"led\": {\"led\": {\"lien\": 17}}\n  }\n}\n";
    let (_folder, bad) = file(broken);
    for arguments in [&["check", &*bad][..], &["--config", &bad]] {
        let checked = run(arguments);
        assert_eq!((checked.code(), &*checked.output), (Some(2), ""));
        for place in [":2:10", ":4:"] {
            assert!(checked.errors.contains(&format!("{bad}{place}")), "{place}: {}", checked.errors);
        }
        assert!(checked.errors.contains("lien"), "{}", checked.errors);
    }
}

#[test]
fn the_example_is_a_good_configuration() {
    let example = run(&["config", "--example"]);
    assert_eq!((example.code(), &*example.errors), (Some(0), ""));
    let (_folder, name) = file(&example.output);
    let checked = run(&["check", &name]);
    assert_eq!(checked.code(), Some(0), "{}", checked.errors);
}

#[test]
fn what_is_no_readable_file_is_said_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().to_str().expect("UTF-8");
    let absent = format!("{folder}/absent.jsonc");
    let bytes = format!("{folder}/bytes.jsonc");
    std::fs::write(&bytes, b"{ \xff }").expect("it can be written");
    for (name, why) in [(&*absent, "No such file"), (folder, "directory"), (&bytes, "not UTF-8 from byte 3")]
    {
        for arguments in [["check", name], ["--config", name]] {
            let ended = run(&arguments);
            assert_eq!(ended.code(), Some(2), "{name}");
            assert!(ended.errors.contains(name) && ended.errors.contains(why), "{}", ended.errors);
        }
    }
}

#[test]
fn the_greeting_tells_what_is_where() {
    let program = Program::start(&demo());
    let text = program.greeting.join("\n");
    for part in [
        concat!("gpio-gatekeeper ", env!("CARGO_PKG_VERSION")),
        "backend  simulated: SIMULATED, no real line is touched",
        "devices  led (led), relay (relay), lamp (pwm_led), button (button), motor (motor)",
        &format!("line     {}", program.line),
        &format!("mqtt     {}", program.mqtt),
        &format!("http     {}", program.http),
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let ended = program.stop(Signal::SIGTERM);
    assert_eq!((ended.code(), &*ended.output), (Some(0), ""));
}

#[test]
fn the_commands_in_the_greeting_work() {
    if !support::programs_are_here(&["nc", "mosquitto_sub"]) {
        return;
    }
    let program = Program::start(&demo());
    let command = |start: &str| {
        let line = program.greeting.iter().map(|line| line.trim()).find(|line| line.starts_with(start));
        line.unwrap_or_else(|| panic!("{start}: {:#?}", program.greeting)).to_owned()
    };
    let toggled = Process::shell(&command("printf ")).end();
    assert_eq!(toggled.code(), Some(0), "{toggled:?}");
    let replies: Vec<_> = toggled.output.lines().collect();
    assert_eq!(replies.len(), 2, "{toggled:?}");
    assert!(replies[0].starts_with("|START|REPLY=OK|DEVICE=led|KIND=led|VALUE=1|STATE=on|"), "{replies:?}");
    assert_eq!(replies[1], "|START|REPLY=OK|END|");

    let mut watching = Process::shell(&command("mosquitto_sub "));
    let state = watching.line_with("pi/devices/led/state ");
    assert!(state.contains(r#""event":"on""#), "{state}");
}

#[test]
fn the_greeting_switches_nothing_that_can_not_be() {
    for devices in [r#""bell": {"button": {"line": 22}}"#, r#""spare": {"raw_line": {"line": 4}}"#] {
        let program = Program::start(&simulated("", devices));
        let shown = program.greeting.iter().find(|line| line.contains("printf")).expect("something to try");
        assert!(shown.contains("|START|COMMAND=GET|DEVICE="), "{shown}");
    }
}

#[test]
fn a_taken_port_is_named_with_its_holder() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound");
    let comm = std::fs::read_to_string("/proc/self/comm").expect("Linux");
    for section in ["line", "mqtt", "http"] {
        let listeners: Vec<String> = ["line", "mqtt", "http"]
            .map(|name| {
                let address = if name == section { address.to_string() } else { "127.0.0.1:0".to_owned() };
                format!(r#""{name}": {{"listen": "{address}"}}"#)
            })
            .into();
        let config = format!(
            r#"{{ {}, "hardware": {{"backend": "simulated"}}, "devices": {{ {ONE_LED} }} }}"#,
            listeners.join(", ")
        );
        let (_folder, name) = file(&config);
        let ended = run(&["--config", &name]);
        assert_eq!((ended.code(), &*ended.output), (Some(1), ""), "{ended:?}");
        let expected = format!(
            "gpio-gatekeeper: can't listen on {address} ({section}): {} (process {}) has the port already; \
             stop it, or set {section}.listen to another address\n",
            comm.trim(),
            std::process::id()
        );
        assert_eq!(ended.errors, expected);
    }
}

#[test]
fn signals_end_it_well_and_everybody_is_told() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let program = Program::start(&demo());
        let mut line = LineClient::patient(program.line);
        let mut mqtt = MqttClient::connect(program.mqtt, "watcher");
        mqtt.subscribe("pi/status");
        mqtt.subscribe("pi/devices/+/state");
        assert_eq!(mqtt.message_on("pi/status"), "online");
        line.expect("COMMAND=SET|DEVICE=relay|VALUE=ON", "REPLY=OK|VALUE=1");
        let mut willing = connect("willing");
        willing.will = Some(will("pi/devices/motor/set", "1", false));
        let (_willing, _) = MqttClient::connect_with(program.mqtt, willing);

        let ended = program.stop(signal);
        assert_eq!((ended.code(), &*ended.output), (Some(0), ""), "{signal}: {}", ended.errors);
        assert!(!ended.errors.contains("panicked"), "{}", ended.errors);
        let last = line.event("EVENT=CLOSING|");
        assert!(last.starts_with("EVENT=CLOSING|CODE=STOPPING|MESSAGE="), "{last}");
        assert_eq!(line.next(), None);
        let mut said = Vec::new();
        let reason = loop {
            match mqtt.receive() {
                Packet::Publish(Publish { topic, payload, .. }) => {
                    said.push((
                        topic.expect("a topic").to_string(),
                        String::from_utf8_lossy(&payload).into_owned(),
                    ));
                }
                Packet::Disconnect(disconnect) => break disconnect.reason,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(reason, ReasonCode::ServerShuttingDown, "{signal}");
        assert_eq!(mqtt.next(), None);
        assert_eq!(said.last(), Some(&("pi/status".to_owned(), "offline".to_owned())), "{said:?}");
        let off = said
            .iter()
            .any(|(topic, state)| topic.ends_with("relay/state") && state.contains(r#""event":"off""#));
        assert!(off, "the relay's on_stop is told before: {said:?}");
        let driven = said.iter().any(|(topic, state)| topic.contains("motor") && state.contains("forward"));
        assert!(!driven, "the end of its client is no reason to start the motor: {said:?}");
    }
}

#[test]
fn what_was_acknowledged_before_the_end_was_done() {
    let devices = r#""led": {"led": {"line": "GPIO17"}}, "relay": {"relay": {"line": "GPIO27"}}"#;
    let program = Program::start(&simulated("", devices));
    let mut line = LineClient::patient(program.line);
    let mut mqtt = MqttClient::connect(program.mqtt, "flood");
    let mut auditor = MqttClient::connect(program.mqtt, "auditor");
    auditor.subscribe("pi/devices/+/state");
    let (half, in_the_middle) = channel();
    let commander = thread::spawn(move || toggle_by_line(&mut line));
    let publisher = thread::spawn(move || toggle_by_mqtt(&mut mqtt));
    let auditor = thread::spawn(move || last_changes(&mut auditor, &half));
    in_the_middle.recv_timeout(PATIENCE).expect("changes come");
    let ended = program.stop(Signal::SIGTERM);
    assert_eq!(ended.code(), Some(0), "{}", ended.errors);
    let [replies, pubacks] = [commander, publisher].map(|thread| thread.join().expect("it ends well"));
    let (led, relay) = auditor.join().expect("it ends well");
    assert!(replies > 0 && pubacks > 0, "{replies} {pubacks}");
    // They began with 1, and each toggle is a change; some were done whose reply could not be written any more.
    assert!(led > replies, "{replies} toggles were confirmed, and {led} is the last state");
    assert!(relay > pubacks, "{pubacks} toggles were confirmed, and {relay} is the last state");
}

/// Toggles the LED until the connection ends; gives the number of confirmations.
fn toggle_by_line(line: &mut LineClient) -> u64 {
    let mut confirmed = 0;
    while line.try_raw("|START|COMMAND=DO|DEVICE=led|ACTION=toggle|END|".repeat(16).as_bytes()).is_ok() {
        for _ in 0..16 {
            match line.next() {
                Some(frame) => confirmed += u64::from(frame.starts_with("REPLY=OK|")),
                None => return confirmed,
            }
        }
    }
    while let Some(frame) = line.next() {
        confirmed += u64::from(frame.starts_with("REPLY=OK|"));
    }
    confirmed
}

/// Toggles the relay until the connection ends; gives the number of confirmations.
fn toggle_by_mqtt(mqtt: &mut MqttClient) -> u64 {
    let mut confirmed = 0;
    loop {
        let packet_id = Some(mqtt.packet_id());
        let toggle = publish("pi/devices/relay/set", "TOGGLE");
        let sent = mqtt.try_send(&Packet::Publish(Publish { qos: QoS::AtLeastOnce, packet_id, ..toggle }));
        match mqtt.next() {
            Some(Packet::Puback(answer)) => confirmed += u64::from(answer.reason == ReasonCode::Success),
            Some(_) if sent.is_ok() => {}
            _ => return confirmed,
        }
    }
}

/// The numbers of the last states of LED and relay; says so when a few hundred have come.
fn last_changes(auditor: &mut MqttClient, half: &Sender<()>) -> (u64, u64) {
    let (mut led, mut relay) = (0, 0);
    while let Some(packet) = auditor.next() {
        let Packet::Publish(Publish { topic, payload, .. }) = packet else { continue };
        let state: serde_json::Value = serde_json::from_slice(&payload).expect("JSON");
        let seq = state["seq"].as_u64().expect("a number");
        match topic.expect("a topic").as_str() {
            "pi/devices/led/state" => led = seq,
            _ => relay = seq,
        }
        if led > 200 && relay > 20 {
            // Once is enough; nobody listens any more after that.
            let _ = half.send(());
        }
    }
    (led, relay)
}

#[test]
fn closed_standard_input_is_no_reason_to_end() {
    let (_folder, name) = file(&demo());
    let program = env!("CARGO_BIN_EXE_gpio-gatekeeper");
    let mut closed = Process::shell(&format!("exec {program} --config {name} <&-"));
    let address = closed.line_with("  line  ").split_whitespace().last().and_then(|word| word.parse().ok());
    LineClient::connect(address.expect("an address")).expect("ID=1|COMMAND=HELLO!", "REPLY=OK|ID=1");
    closed.line_with("mosquitto_sub");
    closed.signal(Signal::SIGTERM);
    assert_eq!(closed.end().code(), Some(0));
}

#[test]
fn debugging_changes_nothing_but_the_log() {
    let program = Program::start_with(&demo(), |command| {
        command.env("RUST_LOG", "debug");
    });
    let mut line = LineClient::patient(program.line);
    line.expect("ID=1|COMMAND=SET|DEVICE=led|VALUE=ON", "REPLY=OK|ID=1|VALUE=1");
    let mut mqtt = MqttClient::connect(program.mqtt, "me");
    assert_eq!(mqtt.subscribe("pi/#"), ReasonCode::Success);
    assert_eq!(mqtt.publish(publish("pi/devices/led/set", "OFF")).reason, ReasonCode::Success);
    let ended = program.stop(Signal::SIGTERM);
    assert_eq!(ended.code(), Some(0));
    assert!(ended.errors.contains("DEBUG"), "{}", ended.errors);
}

/// An address that no machine has, so that nobody is in danger of what is tried.
#[test]
fn what_insecure_allows_is_warned_of() {
    let line = r#""line": {"listen": "192.0.2.1:7070", "insecure": true}, "mqtt": {"listen": null}, "http": {"listen": null}"#;
    let (_folder, config) = file(&format!("{{ {line} }}"));
    let warning = "line.listen: 192.0.2.1:7070 can be reached from other machines, and everybody who can reach it \
                   could drive every device, because there are no users (a warning)";
    let checked = run(&["check", &config]);
    assert_eq!((checked.code(), checked.errors), (Some(0), format!("{config}: {warning}\n")));
    let ended = run(&["--config", &config]);
    assert_eq!(ended.code(), Some(1));
    assert!(
        ended.errors.contains(&format!("WARN  gpio_gatekeeper::daemon] {warning}\n")),
        "{}",
        ended.errors
    );
}
