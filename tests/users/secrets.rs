//! What proves who somebody is stands nowhere, in whatever form, and neither does what was typed wrong.

use gpio_gatekeeper::auth::{PasswordDigest, Scratch};
use gpio_gatekeeper::wire::mqtt::{Connect, Packet, TopicName};
use nix::sys::signal::Signal;

use super::support::line::LineClient;
use super::support::mqtt::{MqttClient, connect};
use super::support::program::{Program, simulated};
use super::support::websocket::{WebSocketClient, request};
use super::support::{DEMO_DEVICES, http};
use super::{TOKEN, credentials, residents, write_users};

/// Characters that are escaped in a line, and what they are there.
const RIGHT: &str = "Tr0ub|dor&3%";
const WRONG: &str = "c0rrect|h0rse%";
const WRONG_TOKEN: &str = "gk_fedcba9876543210fedcba9876543210fedcba98";
const TYPED_FOR_A_NAME: &str = "hunter2-typed-for-a-name";

/// The forms in which somebody could recognise it.
fn forms(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    let decimal = format!("{bytes:?}");
    let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let percent_all = bytes.iter().map(|byte| format!("%{byte:02X}")).collect();
    vec![
        secret.to_owned(),
        escaped(secret),
        percent_all,
        hex,
        base64(bytes),
        decimal.trim_matches(['[', ']']).to_owned(),
        format!("{secret:?}").trim_matches('"').to_owned(),
    ]
}

/// In base64, without what follows the last whole group of three bytes, which may be padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = |group: &[u8]| {
        let number = group.iter().fold(0, |number, byte| number << 8 | usize::from(*byte));
        [18, 12, 6, 0].map(|shift| char::from(DIGITS[number >> shift & 63]))
    };
    bytes.chunks_exact(3).flat_map(digits).collect()
}

/// As it stands in a frame.
fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('|', "%7C")
}

/// What a packet says to those who read logs.
fn text_of(packet: &Packet) -> String {
    let Packet::Publish(publish) = packet else { return String::new() };
    let topic = publish.topic.as_ref().map_or("", TopicName::as_str);
    format!("{topic} {}\n", String::from_utf8_lossy(&publish.payload))
}

#[test]
fn nothing_secret_stands_anywhere() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (users, audit) = (folder.path().join("users.json"), folder.path().join("audit.jsonl"));
    let phc =
        PasswordDigest::of(RIGHT.as_bytes(), &mut Scratch::default()).expect("random bytes").to_string();
    let boss = format!(r#""boss": {{"role": "admin", "password": "{phc}"}}"#);
    write_users(&users, &format!("{}, {boss}", residents()));
    let sections = format!(r#""users": "{}", "audit": {{"file": "{}"}},"#, users.display(), audit.display());
    let program = Program::start_with(&simulated(&sections, DEMO_DEVICES), |command| {
        command.env("RUST_LOG", "trace");
    });
    let (mut watcher, _) = MqttClient::connect_with(program.mqtt, credentials("watcher", "boss", RIGHT));
    watcher.subscribe("pi/logs/#");

    let mut line = LineClient::patient(program.line);
    for fields in [
        format!("USER=boss|PASSWORD={}", escaped(WRONG)),
        format!("USER={TYPED_FOR_A_NAME}|PASSWORD={}", escaped(WRONG)),
        format!("PASSWORD={}", escaped(WRONG)),
        format!("TOKEN={WRONG_TOKEN}"),
        format!("TOKEN={WRONG_TOKEN}|PASSWORD={}", escaped(WRONG)),
    ] {
        line.expect(&format!("COMMAND=AUTH|{fields}"), "REPLY=ERROR");
    }
    line.expect(&format!("COMMAND=AUHT|USER=boss|PASSWORD={}", escaped(RIGHT)), "CODE=UNKNOWN_COMMAND");
    line.expect(&format!("COMMAND=AUTH|USER=boss|PASSWORD={}", escaped(RIGHT)), "REPLY=OK");
    LineClient::connect(program.line).expect(&format!("COMMAND=AUTH|TOKEN={TOKEN}"), "REPLY=OK");
    let token = |token: &str| Connect { password: Some(token.into()), ..connect("by-token") };
    for connect in [
        credentials("panel", "boss", WRONG),
        credentials("panel", TYPED_FOR_A_NAME, WRONG),
        credentials("panel", "boss", RIGHT),
        token(WRONG_TOKEN),
        token(TOKEN),
    ] {
        MqttClient::connect_with(program.mqtt, connect.clone());
        if connect.username.as_deref() == Some(TYPED_FOR_A_NAME) {
            continue; // Every failure makes the next one slower.
        }
        let mut page = WebSocketClient::open(program.http, request(program.http)).expect("a WebSocket");
        page.send(&[Packet::Connect(Box::new(connect))]);
        page.receive();
    }
    // Who edits the file may forget that only digests stand there.
    write_users(&users, &format!(r#""esp": {{"role": "viewer", "tokens": "{WRONG_TOKEN}"}}"#));
    program.process.signal(Signal::SIGHUP);
    let mut published = String::new();
    while !published.contains("reload(users)") {
        published += &text_of(&watcher.receive());
    }
    let metrics = http::get(program.http, "/metrics").body;

    let ended = program.stop(Signal::SIGTERM);
    while let Some(packet) = watcher.next() {
        published += &text_of(&packet);
    }
    let audit = std::fs::read_to_string(&audit).expect("it is there");
    for (place, text, known) in [
        ("the audit", &audit, r#""action":"sign_in(password)","#),
        ("the log", &ended.errors, "sign_in(password) for boss was refused"),
        ("pi/logs", &published, "pi/logs/audit"),
        ("pi/logs", &published, "sign_in(token) for no user was refused"),
        ("the metrics", &metrics, "gatekeeper"),
        ("standard output", &ended.output, ""),
    ] {
        assert!(text.contains(known), "{place}: {text}");
        for form in [RIGHT, WRONG, TOKEN, WRONG_TOKEN, TYPED_FOR_A_NAME, "argon2id"].map(forms).concat() {
            assert!(!text.contains(&form), "{form} stands in {place}: {text}");
        }
    }
}
