//! Clients that others wrote: Debian's mosquitto-clients and netcat against the program.

mod support;

use nix::sys::signal::Signal;
use support::line::LineClient;
use support::process::{Ended, Process};
use support::program::{Program, simulated};
use support::{DEMO_DEVICES, programs_are_here};

/// The program, if there is somebody to speak with it.
fn start() -> Option<Program> {
    let clients = ["nc", "mosquitto_pub", "mosquitto_sub", "mosquitto_rr"];
    programs_are_here(&clients).then(|| Program::start(&simulated("", DEMO_DEVICES)))
}

/// Runs a client, written as in a shell with `{mqtt}` for its address options.
fn begin(program: &Program, line: &str) -> Process {
    let (mqtt, port) = (program.mqtt, program.line.port());
    let address = format!("-h {} -p {}", mqtt.ip(), mqtt.port());
    Process::shell(&line.replace("{mqtt}", &address).replace("{line}", &format!("127.0.0.1 {port}")))
}

fn run(program: &Program, line: &str) -> Ended {
    begin(program, line).end()
}

/// The state of a device as the line protocol tells it.
fn device(program: &Program, name: &str) -> String {
    LineClient::patient(program.line).ask(&format!("COMMAND=GET|DEVICE={name}"))
}

#[test]
fn netcat_speaks_the_line_protocol() {
    let Some(program) = start() else { return };
    for options in ["-N", "-q 5"] {
        let frames = "|START|COMMAND=SET|DEVICE=led|VALUE=TOGGLE|ID=1|END|\\n|START|COMMAND=GET|DEVICE=led|ID=2|END|\\n";
        let said =
            run(&program, &format!("printf '{frames}|START|COMMAND=QUIT|END|\\n' | nc {options} {{line}}"));
        let lines: Vec<_> = said.output.lines().collect();
        assert_eq!((said.code(), lines.len()), (Some(0), 3), "{said:?}");
        assert!(lines[0].starts_with("|START|REPLY=OK|ID=1|DEVICE=led|"), "{lines:?}");
        assert!(lines[1].starts_with("|START|REPLY=OK|ID=2|DEVICE=led|"), "{lines:?}");
        assert_eq!(lines[2], "|START|REPLY=OK|END|");
    }
    // Without QUIT, the end of the input is the end.
    let said = run(&program, "printf '|START|COMMAND=LIST|END|' | nc -N {line}");
    assert_eq!(said.output, "|START|REPLY=OK|COUNT=5|DEVICES=led,relay,lamp,button,motor|END|\n", "{said:?}");
}

#[test]
fn a_subscriber_of_either_version_has_every_state_at_once() {
    let Some(program) = start() else { return };
    let set = "printf '|START|COMMAND=SET|DEVICE=led|VALUE=ON|END||START|COMMAND=QUIT|END|' | nc {line}";
    assert_eq!(run(&program, set).code(), Some(0));
    for version in ["5", "mqttv311"] {
        // Four of the gatekeeper, one of each of five devices, and six of their lines.
        let seen =
            run(&program, &format!("mosquitto_sub -V {version} {{mqtt}} -i dash -t 'pi/#' -v -C 15 -W 20"));
        assert_eq!(seen.code(), Some(0), "{version}: {seen:?}");
        for start in [
            "pi/status online",
            "pi/devices/registry {",
            "pi/nodes/dash/status online",
            "pi/devices/motor/state {",
            "pi/gpio/5/state {",
        ] {
            assert!(seen.output.lines().any(|line| line.starts_with(start)), "{start}: {}", seen.output);
        }
        for topic in ["pi/devices/led/state ", "pi/gpio/17/state "] {
            let state = seen.output.lines().find_map(|line| line.strip_prefix(topic)).expect("retained");
            assert!(state.contains(r#""event":"on""#) && state.contains(r#""value":1"#), "{state}");
        }
    }
}

#[test]
fn wildcards_bring_what_they_should_and_then_each_change() {
    let Some(program) = start() else { return };
    let mut watching = begin(&program, "exec mosquitto_sub -V 5 {mqtt} -t 'pi/devices/+/state' -v");
    let mut topics: Vec<_> = (0..5)
        .map(|_| watching.line().expect("a state"))
        .map(|line| line.split(' ').next().unwrap_or_default().to_owned())
        .collect();
    topics.sort();
    let expected = ["button", "lamp", "led", "motor", "relay"].map(|name| format!("pi/devices/{name}/state"));
    assert_eq!(topics, expected);
    for (quality, payload, event) in
        [(0, "ON", "on"), (1, "OFF", "off"), (0, "1", "on"), (1, "TOGGLE", "off")]
    {
        let sent = run(
            &program,
            &format!("mosquitto_pub -V 5 {{mqtt}} -q {quality} -t pi/devices/relay/set -m {payload}"),
        );
        assert_eq!((sent.code(), &*sent.errors), (Some(0), ""), "{payload}");
        let state = watching.line_with("pi/devices/relay/state");
        assert!(state.contains(&format!(r#""event":"{event}""#)), "{state}");
    }
    for quality in [0, 1] {
        let sent = run(
            &program,
            &format!("mosquitto_pub -V mqttv311 {{mqtt}} -q {quality} -t pi/gpio/17/set -m TOGGLE"),
        );
        assert_eq!(sent.code(), Some(0));
        watching.line_with("pi/devices/led/state");
    }
    watching.signal(Signal::SIGTERM);
    watching.end();
}

#[test]
fn a_refused_command_is_said_so() {
    let Some(program) = start() else { return };
    for (options, why) in [
        ("-r -t pi/devices/led/set -m ON", "RETAINED_COMMAND: "),
        ("-t pi/devices/led/set -m maybe", "BAD_VALUE: "),
        ("-t pi/devices/fan/set -m ON", "UNKNOWN_DEVICE: "),
        ("-t pi/status -m offline", "ACCESS_DENIED: "),
    ] {
        let sent = run(&program, &format!("mosquitto_pub -V 5 {{mqtt}} -q 1 {options}"));
        assert!(sent.errors.contains("Warning: Publish 1 failed: "), "{sent:?}");
        assert!(sent.errors.contains(why), "{sent:?}");
    }
    // 3.1.1 has no words for it: nothing is done, and nothing kept.
    assert_eq!(
        run(&program, "mosquitto_pub -V mqttv311 {mqtt} -q 1 -r -t pi/devices/led/set -m ON").code(),
        Some(0)
    );
    let kept = run(&program, "mosquitto_sub -V 5 {mqtt} -t 'pi/+/+/set' -t pi/status -v -C 1 -W 20");
    assert_eq!(kept.output, "pi/status online\n");
    assert!(device(&program, "led").contains("|VALUE=0|STATE=off|SEQ=1|"));
}

#[test]
fn quality_2_is_there_in_both_directions() {
    let Some(program) = start() else { return };
    for (version, payload) in [("5", "ON"), ("mqttv311", "OFF")] {
        let sent = run(
            &program,
            &format!("mosquitto_pub -V {version} {{mqtt}} -q 2 -t pi/devices/led/set -m {payload} -d"),
        );
        assert!(sent.code() == Some(0) && sent.output.contains("received PUBCOMP"), "{sent:?}");
        let kept =
            run(&program, &format!("mosquitto_pub -V {version} {{mqtt}} -q 2 -r -t kept/twice -m once -d"));
        assert_eq!(kept.code(), Some(0), "{kept:?}");
        let seen =
            run(&program, &format!("mosquitto_sub -V {version} {{mqtt}} -q 2 -t kept/twice -d -C 1 -W 20"));
        assert!(seen.output.contains("Subscribed (mid: 1): 2\n"), "{seen:?}");
        assert!(seen.output.contains("(d0, q2, r1,") && seen.output.contains("\nonce\n"), "{seen:?}");
    }
    assert!(device(&program, "led").contains("|VALUE=0|STATE=off|SEQ=3|"));
}

#[test]
fn a_request_is_answered_with_its_correlation_data() {
    let Some(program) = start() else { return };
    let request = |call: &str| {
        run(
            &program,
            &format!(
                "mosquitto_rr -V 5 {{mqtt}} -i asker -t pi/rpc/commands -e pi/rpc/responses/asker -W 20 \
                 -D publish correlation-data request-7 -F '%t %D %p' -m '{call}'"
            ),
        )
    };
    for (call, parts) in [
        (
            r#"{"device": "lamp", "method": "set", "args": [0.25]}"#,
            [r#""status":"success""#, r#""value":0.25"#],
        ),
        (r#"{"device": "fan", "method": "on"}"#, [r#""status":"error""#, r#""code":"UNKNOWN_DEVICE""#]),
    ] {
        let answer = request(call);
        assert_eq!(answer.code(), Some(0), "{answer:?}");
        assert!(answer.output.starts_with("pi/rpc/responses/asker request-7 {"), "{answer:?}");
        for part in parts.into_iter().chain([r#""correlation_data":"cmVxdWVzdC03""#]) {
            assert!(answer.output.contains(part), "{part}: {answer:?}");
        }
    }
}

#[test]
fn the_will_of_a_killed_client_is_carried_out() {
    let Some(program) = start() else { return };
    let mut watching =
        begin(&program, "exec mosquitto_sub -V 5 {mqtt} -t pi/devices/motor/state -t plans -v");
    watching.line_with(r#""event":"stopped""#);
    let mut driver = LineClient::patient(program.line);
    driver.expect("COMMAND=DO|DEVICE=motor|ACTION=forward", "REPLY=OK");
    watching.line_with(r#""event":"forward""#);
    for (will, told) in [
        ("--will-topic plans --will-payload none --will-qos 1", "plans none"),
        ("--will-topic pi/devices/motor/set --will-payload 0", r#""event":"stopped""#),
    ] {
        let mut dying = begin(&program, &format!("exec mosquitto_sub -V 5 {{mqtt}} -t pi/status {will}"));
        assert_eq!(dying.line().as_deref(), Some("online"));
        dying.signal(Signal::SIGKILL);
        dying.end();
        watching.line_with(told);
    }
    // Who says goodbye leaves no will, and one that could not be carried out keeps its owner out.
    let leaving = "mosquitto_sub -V 5 {mqtt} -t pi/status --will-topic plans --will-payload never -C 1 -W 20";
    assert_eq!(run(&program, leaving).output, "online\n");
    let refused =
        run(&program, "mosquitto_sub -V 5 {mqtt} -t x --will-topic pi/status --will-payload x -W 20");
    assert!(refused.errors.contains("Not authorized"), "{refused:?}");
    assert_eq!(run(&program, "mosquitto_pub -V 5 {mqtt} -q 1 -t plans -m next").code(), Some(0));
    assert_eq!(watching.line().as_deref(), Some("plans next"));
}

#[test]
fn a_session_that_is_kept_gets_what_came_in_between() {
    let Some(program) = start() else { return };
    for version in ["5", "mqttv311"] {
        let subscribe = |how: &str| {
            let session =
                format!("mosquitto_sub -V {version} {{mqtt}} -c -i kept-{version} -q 1 -t plans -v {how}");
            run(&program, &session)
        };
        assert_eq!(subscribe("-E").code(), Some(0));
        run(&program, "mosquitto_pub -V 5 {mqtt} -q 1 -t plans -m meanwhile");
        let second = subscribe("-C 1 -W 20");
        assert_eq!((second.code(), &*second.output), (Some(0), "plans meanwhile\n"), "{second:?}");
    }
}

#[test]
fn a_long_payload_is_passed_on_whole_and_one_too_long_not_at_all() {
    let Some(program) = start() else { return };
    let publish = |length: usize, version: &str| {
        let payload = format!("head -c {length} /dev/zero | tr '\\0' x");
        run(&program, &format!("{payload} | mosquitto_pub -V {version} {{mqtt}} -q 1 -r -t free/long -s"))
    };
    for version in ["5", "mqttv311"] {
        assert_eq!(publish(65_000, version).code(), Some(0));
        publish(70_000, version);
        let kept = run(&program, &format!("mosquitto_sub -V {version} {{mqtt}} -t free/long -C 1 -W 20"));
        assert_eq!(kept.output, format!("{}\n", "x".repeat(65_000)));
    }
    assert!(device(&program, "led").starts_with("REPLY=OK|"));
}
