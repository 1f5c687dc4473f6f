//! Who signs in, and who does not, stands in the audit.

use std::fs;

use gpio_gatekeeper::wire::mqtt::{Connect, Packet, ReasonCode};
use serde_json::Value as Json;
use tempfile::TempDir;

use super::signing_in::connect_page;
use super::support::line::LineClient;
use super::support::mqtt::connect;
use super::{House, TOKEN, credentials, residents};

/// A house that writes its audit down, and more sections.
fn audited(sections: &str) -> (House, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("audit.jsonl");
    (House::with(&format!(r#""audit": {{"file": "{}"}}, {sections}"#, file.display())), folder)
}

/// Its audit when it has stopped.
fn entries(house: &mut House, folder: &TempDir) -> Vec<Json> {
    assert!(house.gatekeeper.stop());
    let text = fs::read_to_string(folder.path().join("audit.jsonl")).expect("it is there");
    let all: Vec<Json> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(in_short(&all[0]).starts_with("- - - start("));
    let is_other = |entry: &&Json| entry["action"] != "stop" && !is_sign_out(entry);
    all[1..].iter().filter(is_other).cloned().collect()
}

fn is_sign_out(entry: &Json) -> bool {
    entry["action"].as_str().is_some_and(|action| action.starts_with("sign_out("))
}

/// Who with which client and protocol, what, and what came of it.
fn in_short(entry: &Json) -> String {
    ["user", "client", "protocol", "action", "code"].map(|name| entry[name].as_str().unwrap_or("-")).join(" ")
}

#[test]
fn who_signs_in_stands_in_the_audit_whichever_protocol_it_speaks() {
    let (mut house, folder) = audited("");
    let mut line = LineClient::connect(house.gatekeeper.line());
    line.expect("COMMAND=HELLO|CLIENT=bench", "REPLY=OK");
    line.expect("COMMAND=AUTH|USER=anna|PASSWORD=password", "REPLY=OK");
    drop(house.mqtt_as("bert", "panel"));
    drop(house.connect(Connect { password: Some(TOKEN.into()), ..connect("") }));
    drop(connect_page(&house, credentials("page", "vera", "password")));
    let address = line.address().to_string();
    let entries = entries(&mut house, &folder);
    let told: Vec<String> = entries.iter().map(in_short).collect();
    let expected = [
        "anna bench line sign_in(password) -",
        "bert panel mqtt sign_in(password) -",
        "esp - mqtt sign_in(token) -",
        "vera page websocket sign_in(password) -",
    ];
    assert_eq!(told, expected);
    assert_eq!((&entries[0]["address"], &entries[0]["device"]), (&address.into(), &Json::Null));
}

#[test]
fn who_fails_stands_in_the_audit_but_not_what_was_typed() {
    let (mut house, folder) = audited("");
    let mut line = LineClient::connect(house.gatekeeper.line());
    line.expect("COMMAND=HELLO|CLIENT=bench", "REPLY=OK");
    for typed in [
        "USER=anna|PASSWORD=typed-secret",
        "USER=typed-secret|PASSWORD=password",
        "USER=gone|PASSWORD=password",
        "TOKEN=gk_0123456789abcdef0123456789abcdef01234568",
    ] {
        line.expect(&format!("COMMAND=AUTH|{typed}"), "CODE=ACCESS_DENIED");
    }
    house.connect(credentials("panel", "anna", TOKEN));
    house.connect(connect("panel"));
    connect_page(&house, credentials("page", "vera", "guess"));
    let entries = entries(&mut house, &folder);
    let told: Vec<String> = entries.iter().map(in_short).collect();
    let expected = [
        "anna bench line sign_in(password) ACCESS_DENIED",
        "- bench line sign_in(password) ACCESS_DENIED",
        "gone bench line sign_in(password) ACCESS_DENIED",
        "- bench line sign_in(token) ACCESS_DENIED",
        "anna panel mqtt sign_in(token) ACCESS_DENIED",
        "- panel mqtt sign_in ACCESS_DENIED",
        "vera page websocket sign_in(password) ACCESS_DENIED",
    ];
    assert_eq!(told, expected);
    assert_eq!(entries[2]["message"], "these credentials have expired");
    let text = fs::read_to_string(folder.path().join("audit.jsonl")).expect("it is there");
    assert!(!text.contains("typed-secret"), "{text}");
}

#[test]
fn who_leaves_stands_in_the_audit_with_the_reason() {
    let house = House::plain();
    let mut root = house.mqtt_as("root", "watcher");
    root.subscribe("pi/logs/audit");
    let mut next = || loop {
        let entry: Json = serde_json::from_str(&root.message_on("pi/logs/audit")).expect("JSON");
        if is_sign_out(&entry) {
            return in_short(&entry);
        }
    };
    house.line_as("anna").expect("COMMAND=QUIT", "REPLY=OK");
    assert!(next().ends_with("line sign_out(QUIT) -"));
    drop(house.line_as("anna"));
    assert!(next().ends_with("line sign_out(connection ended) -"));
    house.line_as("anna").raw(&b"nonsense\n".repeat(16));
    assert!(next().ends_with("line sign_out(MALFORMED) -"));
    house.mqtt_as("bert", "panel").disconnect(ReasonCode::Success);
    assert_eq!(next(), "bert panel mqtt sign_out(DISCONNECT) -");
    drop(house.mqtt_as("bert", "panel"));
    assert_eq!(next(), "bert panel mqtt sign_out(connection ended) -");
    let _older = house.mqtt_as("bert", "panel");
    house.mqtt_as("bert", "panel").send(&Packet::Pingresp);
    assert_eq!(next(), "bert panel mqtt sign_out(TAKEN_OVER) -");
    assert_eq!(next(), "bert panel mqtt sign_out(protocol error) -");
    let _vera = house.line_as("vera");
    house.reload(&residents().replace("\"vera\"", "\"walt\""));
    assert!(next().ends_with("line sign_out(ACCESS_DENIED) -"));
    house.line().expect("COMMAND=QUIT", "REPLY=OK");
    drop(house.mqtt_as("bert", "last"));
    assert_eq!(next(), "bert last mqtt sign_out(connection ended) -", "who was not in does not leave");
}

#[test]
fn to_be_anonymous_is_no_sign_in() {
    let (mut house, folder) = audited(r#""anonymous": "operator","#);
    LineClient::connect(house.gatekeeper.line()).expect("COMMAND=SET|DEVICE=led|VALUE=ON", "REPLY=OK");
    drop(house.connect(connect("guest")));
    let told: Vec<String> = entries(&mut house, &folder).iter().map(in_short).collect();
    assert_eq!(told, ["- line-1 line on -"]);
}

#[test]
fn users_that_are_read_again_stand_in_the_audit_by_name() {
    let (mut house, folder) = audited("");
    house.reload(&residents().replace("\"vera\"", "\"walt\"").replace("\"l*\"", "\"m*\""));
    house.reload("nonsense");
    let entries = entries(&mut house, &folder);
    let told = entries.iter().map(in_short).collect::<Vec<_>>();
    let read = "- - - reload(users=6, added=walt, changed=anna, removed=vera) -";
    assert!(told.iter().any(|told| told == read), "{told:?}");
    let refused = entries.iter().find(|entry| entry["action"] == "reload(users)").expect("it is told");
    assert_eq!(refused["code"], "BAD_VALUE");
    assert!(refused["message"].as_str().is_some_and(|text| text.contains("users.json")), "{refused}");
}

#[test]
fn a_flood_from_outside_leaves_few_entries_and_their_number() {
    let (mut house, folder) = audited("");
    let mut line = house.line();
    for _ in 0..100 {
        line.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "CODE=ACCESS_DENIED");
    }
    for number in 0..30 {
        house.connect(connect(&format!("c{number}")));
    }
    let entries = entries(&mut house, &folder);
    let told: Vec<String> = entries.iter().map(in_short).collect();
    assert_eq!(told[..2], ["- line-1 line SET ACCESS_DENIED", "- c0 mqtt sign_in ACCESS_DENIED"]);
    assert!(told.len() < 20, "{told:?}");
    // However often the clock has come to a sum while they went on.
    let number = |told: &String| told.split(['(', ')']).nth(1).map_or(1, |sum| sum.parse().expect("a sum"));
    assert_eq!(told.iter().map(number).sum::<u32>(), 31, "{told:?}");
    assert_eq!(entries[10]["address"], "127.0.0.1");
    assert!(entries[10]["message"].as_str().is_some_and(|text| text.ends_with(" more from 127.0.0.1")));
}
