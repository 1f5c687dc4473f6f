//! Certificates: who has to show one, by which name a client is known, and how those of the gatekeeper are exchanged.

use std::fs;
use std::io::{Read, Write};
use std::net::SocketAddr;

use gpio_gatekeeper::daemon::Reloaded;
use gpio_gatekeeper::wire::mqtt::Packet;

use super::conversing::{line_client, mqtt_client, websocket_client};
use super::support::line::LineClient;
use super::support::mqtt::{MqttClient, connect, publish};
use super::support::tls::{Authority, Secured, Signed, Term, shake_hands};
use super::support::websocket::bytes;
use super::support::{DEMO_DEVICES, Gatekeeper};

/// The three doors, and what is said there first.
fn doors(gatekeeper: &Gatekeeper) -> [(SocketAddr, Vec<u8>); 3] {
    let connect = bytes(&[Packet::Connect(Box::new(connect("me")))]);
    let [list, health] = ["|START|COMMAND=LIST|END|", "GET /health HTTP/1.0\r\n\r\n"].map(Vec::from);
    [(gatekeeper.line_tls(), list), (gatekeeper.mqtt_tls(), connect), (gatekeeper.http_tls(), health)]
}

/// Whether somebody is answered; in TLS 1.3 a client hears that it is not only after the handshake.
fn is_served(secured: std::io::Result<Secured>, words: &[u8]) -> bool {
    let Ok(mut secured) = secured else { return false };
    let said = secured.write_all(words).and_then(|()| secured.flush());
    said.is_ok() && secured.read(&mut [0]).is_ok_and(|read| read == 1)
}

/// What the server shows.
fn shown(secured: &Secured) -> Vec<u8> {
    secured.conn.peer_certificates().and_then(|chain| chain.first()).expect("a certificate").to_vec()
}

#[test]
fn certificates_are_required_or_may_be_shown() {
    let (authority, strangers) = (Authority::new(), Authority::new());
    let (own, foreign) = (authority.client(Some("alice"), "urn:a"), strangers.client(Some("alice"), "urn:a"));
    let expired = authority.expired_client("alice");
    for (asked, without, with_a_bad_one) in
        [("required", false, false), ("optional", true, false), ("off", true, true)]
    {
        let gatekeeper = Gatekeeper::with(&authority.sections_with_clients(asked), DEMO_DEVICES);
        for (address, words) in doors(&gatekeeper) {
            let serves = |own: Option<&Signed>| {
                is_served(shake_hands(address, authority.trusting(rustls::ALL_VERSIONS, own)), &words)
            };
            assert_eq!(serves(None), without, "{asked} {address}");
            assert_eq!(serves(Some(&foreign)), with_a_bad_one, "{asked} {address}");
            assert_eq!(serves(Some(&expired)), with_a_bad_one, "{asked} {address}");
            assert!(serves(Some(&own)), "{asked} {address}");
        }
    }
}

#[test]
fn the_name_in_a_certificate_stands_in_the_audit() {
    let authority = Authority::new();
    let gatekeeper = Gatekeeper::with(&authority.sections_with_clients("optional"), DEMO_DEVICES);
    let mut auditor = MqttClient::connect(gatekeeper.mqtt(), "auditor");
    auditor.subscribe("pi/logs/audit");
    let alice = authority.client(Some("alice"), "urn:uuid:1");
    let panel = authority.client(None, "urn:uuid:2");
    let secured = authority.connect_as(gatekeeper.line_tls(), &alice).expect("a handshake");
    line_client(secured).expect("COMMAND=SET|DEVICE=led|VALUE=ON", "REPLY=OK");
    let mut said = || auditor.message_on("pi/logs/audit");
    assert!(said().contains(r#""certificate":"alice""#));
    let secured = authority.connect_as(gatekeeper.mqtt_tls(), &panel).expect("a handshake");
    mqtt_client(secured, "panel").publish(publish("pi/devices/led/set", "OFF"));
    assert!(said().contains(r#""certificate":"urn:uuid:2""#));
    let http = gatekeeper.http_tls();
    let secured = authority.connect_as(http, &alice).expect("a handshake");
    let mut page = websocket_client(http, secured, "page");
    page.send(&[Packet::Publish(publish("pi/devices/led/set", "ON"))]);
    assert!(said().contains(r#""certificate":"alice""#));
    LineClient::connect(gatekeeper.line()).expect("COMMAND=SET|DEVICE=led|VALUE=OFF", "REPLY=OK");
    assert!(said().contains(r#""certificate":null"#));
}

#[test]
fn certificates_are_exchanged_while_clients_are_connected() {
    let authority = Authority::new();
    let gatekeeper = Gatekeeper::with(&authority.sections(""), DEMO_DEVICES);
    let shown_everywhere = || {
        let all = doors(&gatekeeper).map(|(address, _)| shown(&authority.connect(address)));
        assert!(all.iter().all(|one| *one == all[0]), "one and the same at every door");
        all[0].clone()
    };
    let first = shown_everywhere();
    let mut old = line_client(authority.connect(gatekeeper.line_tls()));
    old.expect("COMMAND=LIST", "REPLY=OK");
    authority.serve(&authority.server(Term::Good));
    assert_eq!(shown_everywhere(), first, "nobody has said that there is another one");
    assert_eq!(gatekeeper.running().certificates().reload(), Reloaded::All);
    let second = shown_everywhere();
    assert_ne!(first, second);
    old.expect("COMMAND=LIST", "REPLY=OK");

    // What is not good stays outside, and what was good stays in use.
    let stranger = authority.server(Term::Good);
    let breakages: [(&str, &dyn Fn()); 4] = [
        ("no key of it", &|| fs::write(authority.file("key.pem"), &stranger.key).expect("writable")),
        ("no PEM", &|| fs::write(authority.file("certificate.pem"), "nothing").expect("writable")),
        ("none", &|| fs::remove_file(authority.file("certificate.pem")).expect("it was there")),
        ("expired", &|| authority.serve(&authority.server(Term::Expired))),
    ];
    for (name, make) in breakages {
        make();
        assert_eq!(gatekeeper.running().certificates().reload(), Reloaded::NotAll, "{name}");
        assert_eq!(shown_everywhere(), second, "{name}");
    }
    old.expect("COMMAND=LIST", "REPLY=OK");
}

#[test]
fn certificates_that_are_read_anew_stand_in_the_audit() {
    let authority = Authority::new();
    let gatekeeper = Gatekeeper::with(&authority.sections(""), DEMO_DEVICES);
    let mut auditor = MqttClient::connect(gatekeeper.mqtt(), "auditor");
    auditor.subscribe("pi/logs/audit");
    let path = authority.file("certificate.pem").display().to_string();
    let mut said = |code: serde_json::Value| {
        for _ in ["line", "mqtt", "http"] {
            let text = auditor.message_on("pi/logs/audit");
            let entry: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!(entry["action"], format!("reload(certificate={path})"), "{entry}");
            assert_eq!((&entry["code"], &entry["client"]), (&code, &serde_json::Value::Null), "{entry}");
        }
    };
    gatekeeper.running().certificates().reload();
    said(serde_json::Value::Null);
    fs::remove_file(&path).expect("it was there");
    gatekeeper.running().certificates().reload();
    said("BAD_VALUE".into());
}
