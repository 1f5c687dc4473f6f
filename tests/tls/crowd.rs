//! Many clients in TLS at once, and how they are told of a stop.

use std::io::Read;
use std::time::{Duration, Instant};

use rustls::version::TLS12;

use super::conversing::{line_client, mqtt_client, websocket_client};
use super::support::mqtt::{MqttClient, publish};
use super::support::tls::{Authority, shake_hands};
use super::support::{DEMO_DEVICES, Gatekeeper};

const CROWD: usize = 200;

#[test]
fn two_hundred_are_served_at_once() {
    let authority = Authority::new();
    let sections = authority.sections("") + r#""limits": {"clients": 300},"#;
    let mut gatekeeper = Gatekeeper::with(&sections, DEMO_DEVICES);
    let mqtt = gatekeeper.mqtt_tls();
    let mut crowd: Vec<_> =
        (0..CROWD).map(|number| mqtt_client(authority.connect(mqtt), &format!("member-{number}"))).collect();
    for client in &mut crowd {
        client.subscribe("t");
    }
    let mut publisher = MqttClient::connect(gatekeeper.mqtt(), "publisher");
    publisher.publish(publish("t", "for all"));
    for client in &mut crowd {
        assert_eq!(client.message_on("t"), "for all");
    }
    let farewells: Vec<_> = crowd
        .into_iter()
        .map(|mut client| std::thread::spawn(move || while client.next().is_some() {}))
        .collect();
    let begun = Instant::now();
    assert!(gatekeeper.stop());
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    // Each has seen the goodbye of TLS: the end of a connection without it is an error to them.
    farewells.into_iter().for_each(|farewell| farewell.join().expect("a good end"));
}

#[test]
fn a_stop_says_goodbye_in_the_protocol_and_in_tls() {
    let authority = Authority::new();
    let mut gatekeeper = Gatekeeper::with(&authority.sections(""), DEMO_DEVICES);
    let http = gatekeeper.http_tls();
    let mut line = line_client(authority.connect(gatekeeper.line_tls()));
    line.expect("COMMAND=LIST", "REPLY=OK");
    let mut page = websocket_client(http, authority.connect(http), "page");
    // In 1.2 the server's word is the last of the handshake, so that both know that it is over.
    let newcomers = [gatekeeper.mqtt_tls(), http]
        .map(|address| shake_hands(address, authority.trusting(&[&TLS12], None)).expect("a good handshake"));
    let line = std::thread::spawn(move || {
        assert!(line.event("EVENT=CLOSING").contains("CODE=STOPPING"));
        assert_eq!(line.next(), None);
    });
    let page = std::thread::spawn(move || {
        while page.next().is_ok() {}
        page.end();
    });
    assert!(gatekeeper.stop());
    line.join().expect("a good end");
    page.join().expect("a good end");
    for mut newcomer in newcomers {
        // An end without the goodbye of TLS would be an error.
        assert_eq!(newcomer.read(&mut [0; 1]).expect("a good end"), 0);
    }
}
