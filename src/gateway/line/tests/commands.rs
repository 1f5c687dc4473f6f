//! Every command: its good reply, and what it refuses.

use super::*;
use crate::domain::{Code, EdgeStamp};
use crate::gateway::line::commands::COMMANDS;
use crate::wire::mqtt::ReasonCode;

#[test]
fn get_set_and_do_become_commands() {
    for (fields, command) in [
        ("COMMAND=GET|DEVICE=led", "led read"),
        ("COMMAND=GET|LINE=17", "gpio/17 read"),
        ("COMMAND=GET|DEVICE=fan", "fan read"),
        ("COMMAND=SET|DEVICE=led|VALUE=ON", "led on"),
        ("COMMAND=SET|VALUE=off|DEVICE=led", "led off"),
        ("COMMAND=SET|DEVICE=led|VALUE=Toggle", "led toggle"),
        ("COMMAND=SET|DEVICE=led|VALUE=0.25", "led set(0.25)"),
        ("COMMAND=SET|LINE=4294967295|VALUE=bright", "gpio/4294967295 set(bright)"),
        ("COMMAND=DO|DEVICE=motor|ACTION=reverse|ID=7", "motor reverse"),
        ("COMMAND=DO|LINE=17|ACTION=blink|ON_TIME=250ms|N=3", "gpio/17 blink(on_time=250ms, n=3)"),
        ("COMMAND=DO|DEVICE=led|ACTION=set|VALUE=a%7Cb", "led set(value=a|b)"),
        ("COMMAND=SET|DEVICE=led|VALUE=ON|TOKEN=7", "led on under 7"),
        ("COMMAND=DO|DEVICE=led|ACTION=on|TOKEN=8", "led on under 8"),
        ("COMMAND=LEASE|DEVICE=led,motor|TTL=5s", "led,motor lease(ttl=5s)"),
        ("COMMAND=LEASE|DEVICE=*|WAIT=1s|CONNECTION=1", "* lease(ttl=30s)"),
        ("COMMAND=RENEW|TOKEN=7", "system renew"),
        ("COMMAND=RELEASE|TOKEN=7", "system release"),
        ("COMMAND=BREAK|DEVICE=led|REASON=a%7Cb", "led break(a|b)"),
    ] {
        let mut talk = Talk::new();
        assert_eq!(talk.ask(fields), "", "{fields}");
        assert_eq!(talk.commanded(), command, "{fields}");
    }
}

#[test]
fn a_state_is_the_reply() {
    let mut talk = Talk::new();
    talk.ask("COMMAND=SET|DEVICE=led|VALUE=1");
    let reply = "REPLY=OK|DEVICE=led|KIND=led|VALUE=1|STATE=on|SEQ=7|TIME=1790000000.25";
    assert_eq!(talk.hardware(0, Ok(state("led", 1.0, 7))), reply);

    talk.ask("COMMAND=GET|DEVICE=led");
    let faulty = State {
        value: Err("line 17 can't be read: 50%".into()),
        edge: Some(EdgeStamp { ns: 81234567890, sequence: Some(12) }),
        fields: vec![("holds", Datum::from(2.0)), ("blinking", true.into()), ("note", "a|b".into())],
        ..State::clone(&state("led", 1.0, 8))
    };
    let reply = "REPLY=OK|DEVICE=led|KIND=led|ERROR=line 17 can't be read: 50%25|STATE=on|SEQ=8|TIME=1790000000.25\
                 |EDGE_NS=81234567890|EDGE_SEQ=12|HOLDS=2|BLINKING=1|NOTE=a%7Cb";
    assert_eq!(talk.hardware(1, Ok(Arc::new(faulty))), reply);

    talk.ask("COMMAND=GET|DEVICE=fan");
    let refusal = Refusal::new(Code::UnknownDevice, "no device is called fan");
    let reply = "REPLY=ERROR|CODE=UNKNOWN_DEVICE|MESSAGE=no device is called fan";
    assert_eq!(talk.hardware(2, Err(refusal)), reply);
}

#[test]
fn what_is_wrong_with_a_command_is_said_at_once() {
    let long = "x".repeat(1025);
    let long_pub = format!("COMMAND=PUB|VAR=a|VALUE={long}");
    let long_send = format!("COMMAND=SEND|TO=a|VALUE={long}");
    let long_name = format!("COMMAND=PUB|VALUE=|VAR={}", &long[..65]);
    for (fields, expected) in [
        ("DEVICE=led", "MISSING_KEY"),
        ("COMMAND=get|DEVICE=led", "UNKNOWN_COMMAND"),
        ("COMMAND=|DEVICE=led", "UNKNOWN_COMMAND"),
        ("COMMAND=GET", "MISSING_KEY"),
        ("COMMAND=GET|DEVICE=led|LINE=17", "BAD_VALUE"),
        ("COMMAND=GET|LINE=", "BAD_VALUE"),
        ("COMMAND=GET|LINE=+5", "BAD_VALUE"),
        ("COMMAND=GET|LINE=-1", "BAD_VALUE"),
        ("COMMAND=GET|LINE=99999999999", "UNKNOWN_DEVICE"),
        ("COMMAND=GET|DEVICE=Led", "UNKNOWN_DEVICE"),
        ("COMMAND=SET|DEVICE=led", "MISSING_KEY"),
        ("COMMAND=SET|VALUE=ON", "MISSING_KEY"),
        ("COMMAND=SET|DEVICE=led|LINE=1|VALUE=ON", "BAD_VALUE"),
        ("COMMAND=DO|DEVICE=led", "MISSING_KEY"),
        ("COMMAND=DO|ACTION=on", "MISSING_KEY"),
        ("COMMAND=DO|DEVICE=LED!|ACTION=on", "UNKNOWN_DEVICE"),
        ("COMMAND=LIST|AFTER=fan", "UNKNOWN_DEVICE"),
        ("COMMAND=DESCRIBE", "MISSING_KEY"),
        ("COMMAND=DESCRIBE|DEVICE=led|LINE=17", "BAD_VALUE"),
        ("COMMAND=DESCRIBE|LINE=x", "BAD_VALUE"),
        ("COMMAND=DESCRIBE|LINE=99", "UNKNOWN_DEVICE"),
        ("COMMAND=DESCRIBE|DEVICE=fan", "UNKNOWN_DEVICE"),
        ("COMMAND=HELP|OF=GTE", "UNKNOWN_COMMAND"),
        ("COMMAND=HELLO|CLIENT=a/b", "BAD_VALUE"),
        ("COMMAND=HELLO|CLIENT=", "BAD_VALUE"),
        ("COMMAND=HELLO|KEEPALIVE=10", "BAD_VALUE"),
        ("COMMAND=HELLO|KEEPALIVE=999ms", "OUT_OF_RANGE"),
        ("COMMAND=HELLO|KEEPALIVE=2h|CLIENT=x", "OUT_OF_RANGE"),
        ("COMMAND=SUB", "MISSING_KEY"),
        ("COMMAND=SUB|DEVICE=led|VAR=x", "BAD_VALUE"),
        ("COMMAND=SUB|VAR=a/b", "BAD_VALUE"),
        ("COMMAND=SUB|DEVICE=fan", "UNKNOWN_DEVICE"),
        ("COMMAND=UNSUB", "MISSING_KEY"),
        ("COMMAND=UNSUB|DEVICE=led|VAR=x", "BAD_VALUE"),
        ("COMMAND=UNSUB|VAR=%23", "BAD_VALUE"),
        ("COMMAND=UNSUB|DEVICE=+", "UNKNOWN_DEVICE"),
        ("COMMAND=PUB|VALUE=1", "MISSING_KEY"),
        ("COMMAND=PUB|VAR=a", "MISSING_KEY"),
        ("COMMAND=PUB|VAR=|VALUE=1", "BAD_VALUE"),
        (&long_name, "BAD_VALUE"),
        ("COMMAND=PUB|VAR=a|VALUE=1|RETAIN=yes", "BAD_VALUE"),
        (&long_pub, "OUT_OF_RANGE"),
        ("COMMAND=SEND|VALUE=1", "MISSING_KEY"),
        ("COMMAND=SEND|TO=a", "MISSING_KEY"),
        ("COMMAND=SEND|TO=a%0Ab|VALUE=1", "BAD_VALUE"),
        (&long_send, "OUT_OF_RANGE"),
        ("COMMAND=AUTH", "NOT_SUPPORTED"),
        ("COMMAND=LEASE", "MISSING_KEY"),
        ("COMMAND=LEASE|DEVICE=", "UNKNOWN_DEVICE"),
        ("COMMAND=LEASE|DEVICE=motor|TTL=99ms", "OUT_OF_RANGE"),
        ("COMMAND=LEASE|DEVICE=motor|CONNECTION=yes", "BAD_VALUE"),
        ("COMMAND=RENEW", "MISSING_KEY"),
        ("COMMAND=RELEASE|TOKEN=x", "BAD_VALUE"),
        ("COMMAND=BREAK|DEVICE=motor", "MISSING_KEY"),
        ("COMMAND=SET|DEVICE=led|VALUE=1|TOKEN=x", "BAD_VALUE"),
    ] {
        let mut talk = Talk::new();
        let reply = talk.ask(fields);
        assert_eq!(code(&reply), expected, "{fields}: {reply}");
        assert!(reply.contains("|MESSAGE="), "{reply}");
        assert_eq!(talk.commanded(), "nothing", "{fields}");
    }
}

#[test]
fn nothing_is_sent_to_a_gatekeeper_that_stops() {
    let mut talk = Talk::new();
    talk.requests = Commands::unattended().1;
    assert_eq!(talk.ask("COMMAND=GET|DEVICE=led"), "");
    assert_eq!(code(&talk.answered()), "STOPPING");
    assert_eq!(talk.ask("COMMAND=HELLO!"), "REPLY=OK");
}

#[test]
fn hello_says_what_holds() {
    let mut talk = Talk::new();
    let reply = |client, keepalive| {
        let version = env!("CARGO_PKG_VERSION");
        format!(
            "REPLY=OK|SERVER=gpio-gatekeeper|VERSION={version}|PROTOCOL=1|CLIENT={client}|KEEPALIVE={keepalive}"
        )
    };
    assert_eq!(talk.ask("COMMAND=HELLO"), reply("line-7", "3s"));
    assert_eq!(talk.ask("COMMAND=HELLO|KEEPALIVE=1.5s"), reply("line-7", "1500ms"));
    assert_eq!(talk.ask("COMMAND=HELLO|KEEPALIVE=1h"), reply("line-7", "1h"));
    // A new name is told when the bus knows it, and what came with it is what is told.
    assert_eq!(talk.ask("COMMAND=HELLO|CLIENT=bench|KEEPALIVE=10min"), "");
    assert_eq!(talk.ask("COMMAND=HELLO|CLIENT=desk"), "");
    assert_eq!(talk.bus(0, Ok(Done::Joined(None, None))), reply("bench", "10min"));
    assert_eq!(talk.bus(1, Ok(Done::Joined(None, None))), reply("desk", "10min"));
    assert_eq!(code(&talk.ask("COMMAND=HELLO|KEEPALIVE=2h")), "OUT_OF_RANGE");
    assert_eq!(talk.ask("COMMAND=HELLO"), reply("desk", "10min"));
    talk.ask("COMMAND=GET|DEVICE=led");
    let request = talk.requests.take().expect("it was sent");
    assert_eq!(request.principal.client.as_str(), "desk");
}

#[test]
fn what_the_gatekeeper_knows_is_told_at_once() {
    let mut talk = Talk::new();
    assert_eq!(talk.ask("COMMAND=LIST"), "REPLY=OK|COUNT=3|DEVICES=led,motor,button");
    assert_eq!(talk.ask("COMMAND=LIST|AFTER=led"), "REPLY=OK|COUNT=3|DEVICES=motor,button");
    assert_eq!(talk.ask("COMMAND=LIST|AFTER=button"), "REPLY=OK|COUNT=3|DEVICES=");
    let motor = "REPLY=OK|DEVICE=motor|KIND=motor|SUMMARY=a thing|LINES=forward=sim:5,backward=sim:6\
                 |ACTIONS=on,read|MIN=-1|MAX=1|ON_STOP=hold|SIMULATED=1";
    assert_eq!(talk.ask("COMMAND=DESCRIBE|DEVICE=motor"), motor);
    assert_eq!(talk.ask("COMMAND=DESCRIBE|LINE=6"), motor);
    let button = "REPLY=OK|DEVICE=button|KIND=button|SUMMARY=a thing|LINES=line=sim:22\
                  |ACTIONS=on,read|MIN=0|MAX=1|UNIT=°C|SIMULATED=1";
    assert_eq!(talk.ask("COMMAND=DESCRIBE|DEVICE=button"), button);
    let status = talk.ask("COMMAND=STATUS");
    let version = env!("CARGO_PKG_VERSION");
    let expected = format!("REPLY=OK|VERSION={version}|BACKEND=simulated|SIMULATED=1|UPTIME=");
    let (start, board) = status.split_once("|CLOCK_NS=").expect("a clock");
    assert!(start.starts_with(&expected) && start.ends_with("s|CLIENTS=0|DEVICES=3"), "{status}");
    assert!(board.ends_with("|BOARD=Raspberry Pi 400 Rev 1.0|REVISION=c03130"), "{status}");
    assert_eq!(talk.ask("COMMAND=HELLO!"), "REPLY=OK");
}

#[test]
fn help_knows_every_command() {
    let mut talk = Talk::new();
    let all = COMMANDS.iter().map(|row| row.name).collect::<Vec<_>>().join(",");
    assert_eq!(talk.ask("COMMAND=HELP"), format!("REPLY=OK|COMMANDS={all}"));
    for row in &COMMANDS {
        let reply = talk.ask(&format!("COMMAND=HELP|OF={}", row.name));
        let (name, syntax, purpose) = (row.name, row.syntax, row.purpose);
        assert_eq!(reply, format!("REPLY=OK|COMMAND={name}|SYNTAX={syntax}|PURPOSE={purpose}"));
        assert!(syntax.split(' ').next() == Some(name), "{syntax}");
    }
}

#[test]
fn a_long_list_comes_in_several_frames() {
    let settings = LineSettings { maximum_frame: 256, ..SETTINGS };
    let mut talk = Talk::with(Admission::new(8, 8), settings);
    let mut registry = registry();
    let one = registry.devices[0].clone();
    let names: Vec<String> = (0..50).map(|n| format!("device-number-{n}")).collect();
    registry.devices = names.iter().map(|name| Entry { name: device(name), ..one.clone() }).collect();
    talk.line.shared.registry = Arc::new(registry);
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let reply = talk.ask(&format!("COMMAND=LIST{after}"));
        assert!(reply.len() + "|START||END|".len() <= 256, "{reply}");
        let field = |key| reply.split('|').find_map(|field| field.strip_prefix(key));
        seen.extend(field("DEVICES=").expect("names").split(',').map(str::to_owned));
        match field("NEXT=") {
            Some(next) => after = format!("|AFTER={next}"),
            None => break,
        }
    }
    assert_eq!(seen, names);
}

#[test]
fn the_bus_answers_variables_messages_and_subscriptions() {
    for (fields, done, reply) in [
        ("COMMAND=PUB|VAR=t|VALUE=|RETAIN=1", Ok(Done::Published(false)), "REPLY=OK"),
        ("COMMAND=PUB|VAR=t|VALUE=21 °C|RETAIN=0", Ok(Done::Published(true)), "REPLY=OK"),
        ("COMMAND=SEND|TO=me|VALUE=a%7Cb", Ok(Done::Published(true)), "REPLY=OK"),
        ("COMMAND=SUB|VAR=t", Ok(Done::Subscribed(vec![ReasonCode::Success])), "REPLY=OK"),
        ("COMMAND=SUB|DEVICE=*", Ok(Done::Subscribed(vec![ReasonCode::GrantedQos1])), "REPLY=OK"),
        ("COMMAND=UNSUB|VAR=t", Ok(Done::Unsubscribed(vec![ReasonCode::NoSubscriptionExisted])), "REPLY=OK"),
        (
            "COMMAND=SUB|DEVICE=led",
            Ok(Done::Subscribed(vec![ReasonCode::QuotaExceeded])),
            "REPLY=ERROR|CODE=LIMIT_REACHED|MESSAGE=the client has as many subscriptions as may be",
        ),
        (
            "COMMAND=SEND|TO=me|VALUE=",
            Err(Refusal::new(Code::UnknownClient, "no client is connected as me")),
            "REPLY=ERROR|CODE=UNKNOWN_CLIENT|MESSAGE=no client is connected as me",
        ),
    ] {
        let mut talk = Talk::new();
        assert_eq!(talk.ask(fields), "", "{fields}");
        assert_eq!(talk.bus(0, done), reply, "{fields}");
        assert!(talk.line.room() > 0);
    }
}
