//! A crowd: two hundred clients of both protocols at once, half of which are up to no good.  The others lose nothing,
//! and when all have gone the daemon is as it was.

mod support;

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use gpio_gatekeeper::wire::mqtt::{
    Connect, Packet, Properties, Property, Publish, QoS, ReasonCode, SubscribeOptions, Version,
};
use nix::sys::signal::Signal;
use support::line::LineClient;
use support::mqtt::{MqttClient, connect, publish, topic_name};
use support::program::{Program, simulated};
use support::{DEMO_DEVICES, PATIENCE};

/// Of each kind of good client.
const GOOD: usize = 50;
/// Of good and bad clients each.
const HALF: usize = 2 * GOOD;
/// Each good client sends so many commands.
const COMMANDS: usize = 120;
/// So many of them toggle the relay.
const TOGGLES: usize = COMMANDS / 8;
/// So many are sent at once.
const BATCH: usize = 24;

#[test]
fn in_a_crowd_no_command_is_lost_reordered_or_answered_twice() {
    let begun = Instant::now();
    let limits = r#""limits": {"clients": 1000}, "log": "error","#;
    let program = Program::start(&simulated(limits, DEMO_DEVICES));
    let mut caretaker = LineClient::patient(program.line);
    let idle = settled(&program, &mut caretaker, None);

    let (line, mqtt) = (program.line, program.mqtt);
    let mut leave = Vec::new();
    let bad: Vec<_> = (0..HALF)
        .map(|number| {
            let (held, until) = channel::<()>();
            leave.push(held);
            let address = if number % 2 == 0 { line } else { mqtt };
            let name = format!("bad {number}");
            thread::Builder::new()
                .name(name)
                .spawn(move || misbehave(number / 2, address, &until))
                .expect("a thread")
        })
        .collect();
    let good: Vec<_> = (0..HALF)
        .map(|number| {
            let work = move || if number % 2 == 0 { by_line(line, number) } else { by_mqtt(mqtt, number) };
            thread::Builder::new().name(format!("good {number}")).spawn(work).expect("a thread")
        })
        .collect();
    for client in good {
        client.join().expect("all its commands were answered, once and in order");
    }
    let took = begun.elapsed();
    // Every toggle is one change: none was lost, and none done twice.
    caretaker.expect("COMMAND=GET|DEVICE=relay", &format!("REPLY=OK|SEQ={}", 1 + HALF * TOGGLES));
    drop(leave);
    for client in bad {
        client.join().expect("it ends as well");
    }
    settled(&program, &mut caretaker, Some(idle));
    caretaker.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "REPLY=OK|VALUE=1");
    let mut late = MqttClient::connect(mqtt, "late");
    assert_eq!(late.publish(publish("pi/devices/led/set", "OFF")).reason, ReasonCode::Success);
    let ended = program.stop(Signal::SIGTERM);
    assert_eq!((ended.code(), &*ended.errors), (Some(0), ""));
    println!("{HALF} good clients took {took:?}");
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

/// Threads and descriptors of the daemon when nobody but the caretaker is there; waits for `wanted`.
fn settled(program: &Program, caretaker: &mut LineClient, wanted: Option<(usize, usize)>) -> (usize, usize) {
    let count =
        |what: &str| fs::read_dir(format!("/proc/{}/{what}", program.process.id())).expect("it runs").count();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let status = caretaker.ask("COMMAND=STATUS");
        let now = (count("task"), count("fd"));
        if status.contains("|CLIENTS=1|") && wanted.is_none_or(|wanted| wanted == now) {
            return now;
        }
        assert!(Instant::now() < deadline, "{now:?} threads and descriptors, not {wanted:?}: {status}");
        thread::yield_now();
    }
}

/// The command of this number over the line protocol, and the beginning of its reply after `REPLY=`.
fn line_command(number: usize) -> (&'static str, &'static str, &'static str) {
    match number % 8 {
        0 => ("DO|DEVICE=relay|ACTION=toggle", "OK", "DEVICE=relay|KIND=relay|VALUE="),
        1 => ("SET|DEVICE=led|VALUE=ON", "OK", "DEVICE=led|KIND=led|VALUE=1|STATE=on|"),
        2 => ("GET|DEVICE=motor", "OK", "DEVICE=motor|KIND=motor|VALUE=0|STATE=stopped|"),
        3 => ("SET|DEVICE=lamp|VALUE=0.25", "OK", "DEVICE=lamp|KIND=pwm_led|VALUE=0.25|STATE=on|"),
        4 => ("PUB|VAR=crowd|VALUE=x", "OK", ""),
        5 => ("SET|DEVICE=led|VALUE=2", "ERROR", "CODE=OUT_OF_RANGE|"),
        6 => ("DO|DEVICE=button|ACTION=release", "OK", "DEVICE=button|KIND=button|VALUE=0|STATE=released|"),
        _ => ("LIST", "OK", "COUNT=5|DEVICES=led,relay,lamp,button,motor"),
    }
}

/// A good client of the line protocol.  Every second one has subscribed to everything as well.
fn by_line(address: SocketAddr, who: usize) {
    let mut client = LineClient::patient(address);
    if who % 4 == 0 {
        client.expect("COMMAND=SUB|DEVICE=*", "REPLY=OK");
    }
    for batch in (0..COMMANDS).step_by(BATCH) {
        let frame = |number| format!("|START|COMMAND={}|ID={who}.{number}|END|", line_command(number).0);
        client.raw((batch..batch + BATCH).map(frame).collect::<String>().as_bytes());
        for number in batch..batch + BATCH {
            let (command, status, rest) = line_command(number);
            let reply = client.reply();
            let expected = format!("REPLY={status}|ID={who}.{number}|{rest}");
            let expected = expected.trim_end_matches(if rest.is_empty() { "|" } else { "" });
            assert!(reply.starts_with(expected), "{command}: {reply}");
        }
    }
    client.expect("ID=end|COMMAND=QUIT", "REPLY=OK|ID=end");
    while let Some(frame) = client.next() {
        assert!(frame.starts_with("EVENT=STATE|"), "answered twice: {frame}");
    }
}

/// A good client of MQTT: publications of QoS 1, and requests with correlation data.  Some speak 3.1.1.
fn by_mqtt(address: SocketAddr, who: usize) {
    let name = format!("good-{who}");
    let version = if who % 5 == 0 { Version::V3 } else { Version::V5 };
    let (mut client, connack) = MqttClient::connect_with(address, Connect { version, ..connect(&name) });
    assert_eq!(connack.reason, ReasonCode::Success);
    let responses = format!("pi/rpc/responses/{name}");
    client.subscribe_with(&responses, SubscribeOptions::plain(QoS::AtLeastOnce), Properties::new());
    for batch in (0..COMMANDS).step_by(BATCH) {
        let mut sent = Vec::new();
        let mut asked = Vec::new();
        for number in batch..batch + BATCH {
            let (message, reason) = mqtt_command(number, version, &responses);
            let packet_id = client.packet_id();
            sent.push((packet_id, if version == Version::V5 { reason } else { ReasonCode::Success }));
            if message.topic == Some(topic_name("pi/rpc/commands")) {
                asked.push(number);
            }
            let packet_id = Some(packet_id);
            client.send(&Packet::Publish(Publish { qos: QoS::AtLeastOnce, packet_id, ..message }));
        }
        let (mut sent, mut asked) = (sent.into_iter(), asked.into_iter());
        while sent.len() > 0 || asked.len() > 0 {
            match client.receive() {
                Packet::Puback(answer) => {
                    assert_eq!(Some((answer.packet_id, answer.reason)), sent.next(), "{answer:?}");
                }
                Packet::Publish(response) => {
                    let number = asked.next().unwrap_or_else(|| panic!("answered twice: {response:?}"));
                    let id = response.packet_id.expect("QoS 1");
                    client.send(&Packet::Puback(gpio_gatekeeper::wire::mqtt::Acknowledge::success(id)));
                    let payload: serde_json::Value = serde_json::from_slice(&response.payload).expect("JSON");
                    assert_eq!(payload["status"], "success", "{payload}");
                    if version == Version::V5 {
                        assert_eq!(
                            response.properties.correlation_data(),
                            Some(number.to_string().as_bytes())
                        );
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }
    client.send(&Packet::Pingreq);
    assert_eq!(client.receive(), Packet::Pingresp, "nothing was answered twice");
    client.disconnect(ReasonCode::Success);
    assert_eq!(client.next(), None);
}

/// The command of this number over MQTT, and what it is answered.
fn mqtt_command(number: usize, version: Version, responses: &str) -> (Publish, ReasonCode) {
    let request = |payload| {
        let mut request = publish("pi/rpc/commands", payload);
        if version == Version::V5 {
            request.properties.push(Property::ResponseTopic(topic_name(responses)));
            request.properties.push(Property::CorrelationData(number.to_string().into_bytes()));
        }
        (request, ReasonCode::Success)
    };
    match number % 8 {
        0 => (publish("pi/devices/relay/set", "TOGGLE"), ReasonCode::Success),
        1 => (publish("pi/gpio/17/set", "1"), ReasonCode::Success),
        2 => request(r#"{"device": "motor", "method": "read"}"#),
        3 => request(r#"{"device": "lamp", "method": "set", "args": [0.25]}"#),
        // To a variable that nobody has subscribed to.
        4 => (publish("pi/vars/empty", "x"), ReasonCode::NoMatchingSubscribers),
        5 => (publish("pi/devices/led/set", "2"), ReasonCode::PayloadFormatInvalid),
        6 => (publish("pi/devices/fan/set", "1"), ReasonCode::TopicNameInvalid),
        _ => request(r#"{"device": "button", "method": "release", "kwargs": {}}"#),
    }
}

/// A client that means no good, or knows no better; it stays until it is told to leave.
fn misbehave(kind: usize, address: SocketAddr, until: &Receiver<()>) {
    let open = || {
        let stream = TcpStream::connect(address).expect("the daemon listens");
        stream.set_nonblocking(true).expect("a socket");
        stream
    };
    let mut stream = open();
    match kind % 10 {
        // Says nothing.
        0 => {}
        1 => drop(stream.write(&random_bytes(kind, 20_000))),
        2 => drop(stream.write(b"|START|COMMAND=SET|DEVICE=relay|VAL")),
        // The beginning of a CONNECT of 200 bytes.
        3 => drop(stream.write(&[0x10, 200, 1, 0, 4, b'M', b'Q', b'T', b'T', 5, 2])),
        4 => flood(&mut stream, &b"|START|COMMAND=GET|DEVICE=led|END|\n".repeat(100)),
        5 => drop(stream.write(b"GET /index.html HTTP/1.1\r\nHost: pi\r\nUser-Agent: x\r\n\r\n")),
        6 => drop(
            stream.write(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03abcdefghijklmnopqrstuvwxyz012345"),
        ),
        7 => (0..30).for_each(|_| drop(open())),
        8 => {
            // Wants everything and reads nothing, in both protocols.
            let _ = stream.write(b"|START|COMMAND=SUB|DEVICE=*|END||START|COMMAND=SUB|VAR=crowd|END|");
            flood(&mut stream, b"|START|COMMAND=HELP|END|");
        }
        _ => flood(&mut stream, &random_bytes(kind, 1000)),
    }
    // Ends when the test gives up the other end.
    let _ = until.recv_timeout(PATIENCE * 3);
    let mut farewell = [0; 4096];
    while stream.read(&mut farewell).is_ok_and(|read| read > 0) {}
}

/// Sends until nothing more is taken.
fn flood(stream: &mut TcpStream, bytes: &[u8]) {
    let deadline = Instant::now() + Duration::from_secs(2);
    while Instant::now() < deadline {
        match stream.write(bytes) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            // It was closed, and rightly so.
            Err(_) => return,
        }
    }
}

/// The same bytes in every run.
fn random_bytes(seed: usize, count: usize) -> Vec<u8> {
    let mut state = (seed as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..count).map(|_| next()).collect()
}
