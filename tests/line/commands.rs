//! Every command, each of its refusals, and what both do to the lines.

use gpio_gatekeeper::hardware::Level::{High, Low};

use super::support::line::LineClient;
use super::support::{DEMO_DEVICES, Gatekeeper};

/// Sends each frame and sees that its reply has the wanted fields, or the wanted code.
fn table(client: &mut LineClient, rows: &[(&str, &str)]) {
    for (fields, wanted) in rows {
        let wanted = match wanted.strip_prefix('!') {
            Some(code) => format!("REPLY=ERROR|CODE={code}"),
            None => format!("REPLY=OK|{wanted}").trim_end_matches('|').to_owned(),
        };
        client.expect(fields, &wanted);
    }
}

#[test]
fn outputs_are_driven_and_read_back() {
    let gatekeeper = Gatekeeper::start();
    let mut client = LineClient::patient(gatekeeper.line());
    for (fields, wanted, offset, level) in [
        ("COMMAND=SET|DEVICE=led|VALUE=ON", "VALUE=1|STATE=on|SEQ=2", 17, High),
        ("COMMAND=SET|DEVICE=led|VALUE=on", "VALUE=1|STATE=on|SEQ=2", 17, High),
        ("COMMAND=SET|LINE=17|VALUE=Off", "VALUE=0|STATE=off|SEQ=3", 17, Low),
        ("COMMAND=SET|DEVICE=led|VALUE=toggle", "VALUE=1|STATE=on|SEQ=4", 17, High),
        ("COMMAND=SET|DEVICE=led|VALUE=0", "VALUE=0|STATE=off|SEQ=5", 17, Low),
        ("COMMAND=SET|DEVICE=relay|VALUE=1", "VALUE=1|STATE=on|SEQ=2", 27, High),
        ("COMMAND=DO|DEVICE=relay|ACTION=off", "VALUE=0|STATE=off|SEQ=3", 27, Low),
        ("COMMAND=DO|LINE=27|ACTION=set|VALUE=ON", "VALUE=1|STATE=on|SEQ=4", 27, High),
        ("COMMAND=DO|DEVICE=motor|ACTION=forward", "VALUE=1|STATE=forward", 5, High),
        ("COMMAND=DO|DEVICE=motor|ACTION=reverse", "VALUE=0|STATE=reversing", 6, Low),
        ("COMMAND=SET|DEVICE=motor|VALUE=0", "VALUE=0|STATE=stopped", 5, Low),
        ("COMMAND=DO|DEVICE=button|ACTION=press", "VALUE=1|STATE=pressed", 22, Low),
        ("COMMAND=DO|DEVICE=button|ACTION=release", "VALUE=0|STATE=released", 22, High),
    ] {
        client.expect(fields, &format!("REPLY=OK|{wanted}"));
        assert_eq!(gatekeeper.level(offset), level, "{fields}");
    }
}

#[test]
fn every_refusal_of_a_device_command_changes_nothing() {
    let gatekeeper = Gatekeeper::start();
    let mut client = LineClient::patient(gatekeeper.line());
    gatekeeper.board().record();
    for (command, rest) in [("GET", ""), ("SET", "|VALUE=1"), ("DO", "|ACTION=on")] {
        for (target, code) in [
            ("", "MISSING_KEY"),
            ("|DEVICE=led|LINE=17", "BAD_VALUE"),
            ("|LINE=x", "BAD_VALUE"),
            ("|LINE=-1", "BAD_VALUE"),
            ("|LINE=", "BAD_VALUE"),
            ("|LINE=4294967296", "UNKNOWN_DEVICE"),
            ("|LINE=99", "UNKNOWN_DEVICE"),
            ("|DEVICE=fan", "UNKNOWN_DEVICE"),
            ("|DEVICE=LED", "UNKNOWN_DEVICE"),
            ("|DEVICE=", "UNKNOWN_DEVICE"),
            ("|DEVICE=*", "UNKNOWN_DEVICE"),
        ] {
            client.expect(&format!("COMMAND={command}{target}{rest}"), &format!("REPLY=ERROR|CODE={code}"));
        }
    }
    table(
        &mut client,
        &[
            ("COMMAND=SET|DEVICE=led", "!MISSING_KEY"),
            ("COMMAND=SET|DEVICE=led|VALUE=", "!BAD_VALUE"),
            ("COMMAND=SET|DEVICE=led|VALUE=0.5", "!BAD_VALUE"),
            ("COMMAND=SET|DEVICE=led|VALUE=2", "!OUT_OF_RANGE"),
            ("COMMAND=SET|DEVICE=led|VALUE=-1", "!OUT_OF_RANGE"),
            ("COMMAND=SET|DEVICE=led|VALUE=NaN", "!BAD_VALUE"),
            ("COMMAND=SET|DEVICE=lamp|VALUE=1e999", "!BAD_VALUE"),
            ("COMMAND=SET|DEVICE=lamp|VALUE=1.01", "!OUT_OF_RANGE"),
            ("COMMAND=SET|DEVICE=motor|VALUE=ON", "!UNKNOWN_ACTION"),
            ("COMMAND=SET|DEVICE=motor|VALUE=-2", "!OUT_OF_RANGE"),
            ("COMMAND=SET|DEVICE=button|VALUE=1", "!UNKNOWN_ACTION"),
            ("COMMAND=DO|DEVICE=led", "!MISSING_KEY"),
            ("COMMAND=DO|DEVICE=led|ACTION=", "!UNKNOWN_ACTION"),
            ("COMMAND=DO|DEVICE=led|ACTION=ON", "!UNKNOWN_ACTION"),
            ("COMMAND=DO|DEVICE=led|ACTION=__class__", "!UNKNOWN_ACTION"),
            ("COMMAND=DO|DEVICE=led|ACTION=on|VALUE=1", "!BAD_VALUE"),
            ("COMMAND=DO|DEVICE=lamp|ACTION=set", "!MISSING_KEY"),
            ("COMMAND=DO|DEVICE=lamp|ACTION=pulse|FADE_IN_TIME=1ms", "!OUT_OF_RANGE"),
            ("COMMAND=DO|DEVICE=led|ACTION=blink|ON_TIME=soon", "!BAD_VALUE"),
            ("COMMAND=DO|DEVICE=led|ACTION=blink|N=1.5", "!BAD_VALUE"),
            ("COMMAND=DO|DEVICE=motor|ACTION=press", "!UNKNOWN_ACTION"),
        ],
    );
    assert_eq!(gatekeeper.board().history(), Vec::<Vec<_>>::new());
    for device in ["led", "relay", "lamp", "button", "motor"] {
        client.expect(&format!("COMMAND=GET|DEVICE={device}"), "REPLY=OK|VALUE=0|SEQ=1");
    }
}

#[test]
fn the_connection_and_the_house_are_told_about() {
    let gatekeeper = Gatekeeper::start();
    let mut client = LineClient::patient(gatekeeper.line());
    table(
        &mut client,
        &[
            ("COMMAND=HELLO|CLIENT=bench|KEEPALIVE=1h", "CLIENT=bench|KEEPALIVE=1h|PROTOCOL=1"),
            ("COMMAND=HELLO|KEEPALIVE=999ms", "!OUT_OF_RANGE"),
            ("COMMAND=HELLO|KEEPALIVE=61min", "!OUT_OF_RANGE"),
            ("COMMAND=HELLO|KEEPALIVE=3", "!BAD_VALUE"),
            ("COMMAND=HELLO|CLIENT=", "!BAD_VALUE"),
            ("COMMAND=HELLO|CLIENT=a+b", "!BAD_VALUE"),
            ("COMMAND=HELLO|CLIENT=a%0Ab", "!BAD_VALUE"),
            ("COMMAND=HELLO", "CLIENT=bench|KEEPALIVE=1h"),
            ("COMMAND=HELLO!", ""),
            ("COMMAND=HELP|OF=LEASE", "COMMAND=LEASE"),
            ("COMMAND=HELP|OF=lease", "!UNKNOWN_COMMAND"),
            ("COMMAND=LIST|AFTER=nobody", "!UNKNOWN_DEVICE"),
            ("COMMAND=DESCRIBE|DEVICE=lamp", "KIND=pwm_led|LINES=line=simulated:18|MIN=0|MAX=1|SIMULATED=1"),
            ("COMMAND=DESCRIBE", "!MISSING_KEY"),
            ("COMMAND=DESCRIBE|LINE=one", "!BAD_VALUE"),
            ("COMMAND=DESCRIBE|LINE=98", "!UNKNOWN_DEVICE"),
            ("COMMAND=DESCRIBE|LINE=17|DEVICE=led", "!BAD_VALUE"),
            ("COMMAND=STATUS", "BACKEND=simulated|SIMULATED=1|CLIENTS=1|DEVICES=5"),
            ("COMMAND=FLY", "!UNKNOWN_COMMAND"),
            ("COMMAND=", "!UNKNOWN_COMMAND"),
            ("DEVICE=led", "!MISSING_KEY"),
            ("COMMAND=AUTH|USER=me", "!NOT_SUPPORTED"),
            ("COMMAND=BREAK|DEVICE=led|REASON=x", "!NO_LEASE"),
        ],
    );
    client.expect("ID=end|COMMAND=QUIT", "REPLY=OK|ID=end");
    assert_eq!(client.next(), None);
}

#[test]
fn subscriptions_variables_and_messages_are_refused_by_their_rules() {
    let gatekeeper = Gatekeeper::with(r#""limits": {"subscriptions": 2},"#, DEMO_DEVICES);
    let mut client = LineClient::patient(gatekeeper.line());
    let full = "x".repeat(1024);
    let name = "n".repeat(64);
    table(
        &mut client,
        &[
            ("COMMAND=SUB", "!MISSING_KEY"),
            ("COMMAND=SUB|DEVICE=led|VAR=t", "!BAD_VALUE"),
            ("COMMAND=SUB|DEVICE=fan", "!UNKNOWN_DEVICE"),
            ("COMMAND=SUB|VAR=a/b", "!BAD_VALUE"),
            ("COMMAND=SUB|VAR=#", "!BAD_VALUE"),
            ("COMMAND=SUB|VAR=", "!BAD_VALUE"),
            (&format!("COMMAND=SUB|VAR={name}n"), "!BAD_VALUE"),
            (&format!("COMMAND=SUB|VAR={name}"), ""),
            ("COMMAND=SUB|VAR=t", ""),
            ("COMMAND=SUB|VAR=t", ""),
            ("COMMAND=SUB|VAR=u", "!LIMIT_REACHED"),
            ("COMMAND=UNSUB", "!MISSING_KEY"),
            ("COMMAND=UNSUB|DEVICE=led|VAR=t", "!BAD_VALUE"),
            ("COMMAND=UNSUB|DEVICE=fan", "!UNKNOWN_DEVICE"),
            ("COMMAND=UNSUB|VAR=never", ""),
            ("COMMAND=UNSUB|VAR=t", ""),
            ("COMMAND=SUB|VAR=u", ""),
            ("COMMAND=PUB|VALUE=1", "!MISSING_KEY"),
            ("COMMAND=PUB|VAR=t", "!MISSING_KEY"),
            ("COMMAND=PUB|VAR=+|VALUE=1", "!BAD_VALUE"),
            ("COMMAND=PUB|VAR=t|VALUE=1|RETAIN=yes", "!BAD_VALUE"),
            (&format!("COMMAND=PUB|VAR=t|VALUE={full}"), ""),
            (&format!("COMMAND=PUB|VAR=t|VALUE={full}x"), "!OUT_OF_RANGE"),
            ("COMMAND=SEND|VALUE=1", "!MISSING_KEY"),
            ("COMMAND=SEND|TO=me", "!MISSING_KEY"),
            ("COMMAND=SEND|TO=a/b|VALUE=1", "!BAD_VALUE"),
            (&format!("COMMAND=SEND|TO=me|VALUE={full}x"), "!OUT_OF_RANGE"),
            ("COMMAND=SEND|TO=me|VALUE=1", "!UNKNOWN_CLIENT"),
        ],
    );
}

#[test]
fn a_line_that_several_chips_have_names_no_device() {
    let devices = r#""a": {"led": {"line": 3, "chip": "one"}}, "b": {"led": {"line": 3, "chip": "two"}}"#;
    let gatekeeper = Gatekeeper::with("", devices);
    let mut client = LineClient::patient(gatekeeper.line());
    for command in ["GET|LINE=3", "SET|LINE=3|VALUE=1", "DO|LINE=3|ACTION=on", "DESCRIBE|LINE=3"] {
        client.expect(&format!("COMMAND={command}"), "REPLY=ERROR|CODE=UNKNOWN_DEVICE");
    }
    client.expect("COMMAND=SET|DEVICE=b|VALUE=1", "REPLY=OK|VALUE=1");
    client.expect("COMMAND=GET|DEVICE=a", "REPLY=OK|VALUE=0");
}

#[test]
fn a_long_list_comes_in_parts() {
    let devices: Vec<_> =
        (0..60).map(|n| format!(r#""a-rather-long-name-{n:02}": {{"led": {{"line": "X{n}"}}}}"#)).collect();
    let listeners = r#""line": {"listen": "127.0.0.1:0", "maximum_frame": 512},
        "mqtt": {"listen": null},"#;
    let gatekeeper = Gatekeeper::with(listeners, &devices.join(","));
    let mut client = LineClient::patient(gatekeeper.line());
    let (mut names, mut after) = (Vec::new(), String::new());
    loop {
        let reply = client.ask(&format!("COMMAND=LIST{after}"));
        assert!(reply.len() + "|START||END|".len() <= 512, "{}", reply.len());
        assert_eq!(LineClient::field(&reply, "COUNT").as_deref(), Some("60"));
        let part = LineClient::field(&reply, "DEVICES").expect("names");
        names.extend(part.split(',').map(str::to_owned));
        let Some(next) = LineClient::field(&reply, "NEXT") else { break };
        after = format!("|AFTER={next}");
    }
    assert_eq!(names, (0..60).map(|n| format!("a-rather-long-name-{n:02}")).collect::<Vec<_>>());
}

#[test]
fn pwm_channels_and_other_numbers_are_told_before_a_device_is_used() {
    let gatekeeper = Gatekeeper::with(
        "",
        r#""fan": {"fan": {"pwm": {"chip": "a.pwm", "channel": 1}, "tachometer": {"line": 26}}},
           "wheel": {"motor": {"forward": 5, "backward": 6, "enable": {"chip": "a.pwm", "channel": 0}}}"#,
    );
    let mut client = LineClient::connect(gatekeeper.line());
    let rows = [
        ("COMMAND=DESCRIBE|DEVICE=fan", "LINES=tachometer=simulated:26|CHANNELS=pwm=a.pwm:1|VALUES=rpm=rpm"),
        ("COMMAND=DESCRIBE|DEVICE=wheel", "CHANNELS=enable=a.pwm:0"),
    ];
    table(&mut client, &rows);
}
