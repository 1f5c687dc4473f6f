//! Certificates: who has to show one, by which name a client is known, and how those of the gatekeeper are exchanged.

use std::fs;

use gpio_gatekeeper::daemon::Reloaded;

use super::conversing::{line_client, mqtt_client, websocket_client};
use super::support::line::LineClient;
use super::support::mqtt::{MqttClient, publish};
use super::support::tls::{Authority, Secured, Signed, Term};
use super::support::{DEMO_DEVICES, Gatekeeper};

/// Whether somebody is served; in TLS 1.3 a client hears that it is not only after the handshake.
fn is_served(secured: std::io::Result<Secured>) -> bool {
    let Ok(secured) = secured else { return false };
    let mut client = line_client(secured);
    client.try_raw(b"|START|COMMAND=LIST|END|").is_ok()
        && std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| client.next().is_some())).unwrap_or(false)
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
        let address = gatekeeper.line_tls();
        let connect = |own: Option<&Signed>| {
            super::support::tls::shake_hands(address, authority.trusting(rustls::ALL_VERSIONS, own))
        };
        assert_eq!(is_served(connect(None)), without, "{asked}");
        assert_eq!(is_served(connect(Some(&foreign))), with_a_bad_one, "{asked}");
        assert_eq!(is_served(connect(Some(&expired))), with_a_bad_one, "{asked}");
        assert!(is_served(connect(Some(&own))), "{asked}");
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
    page.send(&[gpio_gatekeeper::wire::mqtt::Packet::Publish(publish("pi/devices/led/set", "ON"))]);
    assert!(said().contains(r#""certificate":"alice""#));
    LineClient::connect(gatekeeper.line()).expect("COMMAND=SET|DEVICE=led|VALUE=OFF", "REPLY=OK");
    assert!(said().contains(r#""certificate":null"#));
}

#[test]
fn certificates_are_exchanged_while_clients_are_connected() {
    let authority = Authority::new();
    let gatekeeper = Gatekeeper::with(&authority.sections(""), DEMO_DEVICES);
    let address = gatekeeper.line_tls();
    let secured = authority.connect(address);
    let first = shown(&secured);
    let mut old = line_client(secured);
    old.expect("COMMAND=LIST", "REPLY=OK");
    authority.serve(&authority.server(Term::Good));
    assert_eq!(shown(&authority.connect(address)), first, "nobody has said that there is another one");
    assert_eq!(gatekeeper.running().certificates().reload(), Reloaded::All);
    let second = shown(&authority.connect(address));
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
        assert_eq!(shown(&authority.connect(address)), second, "{name}");
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
