//! Handshakes that come to nothing: they cost their client its connection, and nobody else anything.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::conversing::line_client;
use super::support::line::LineClient;
use super::support::tls::{Authority, Term, shake_hands};
use super::support::{DEMO_DEVICES, Gatekeeper, PATIENCE};

/// A connection that has not said anything.
fn silent(address: std::net::SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the daemon listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// Everything up to the end, however that comes.
fn rest(mut stream: TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    let mut chunk = [0; 1024];
    loop {
        match stream.read(&mut chunk) {
            Ok(0) => return all,
            Ok(read) => all.extend_from_slice(&chunk[..read]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return all,
            Err(error) => panic!("it does not end: {error}"),
        }
    }
}

#[test]
fn who_never_ends_the_handshake_is_closed_after_the_connect_time() {
    let authority = Authority::new();
    let sections = authority.sections("") + r#""limits": {"connect_time": "1s"},"#;
    let gatekeeper = Gatekeeper::with(&sections, DEMO_DEVICES);
    let begun = Instant::now();
    let quiet = silent(gatekeeper.line_tls());
    let halves = [gatekeeper.mqtt_tls(), gatekeeper.http_tls()].map(silent);
    // The head of a record that never comes.
    for mut half in &halves {
        half.write_all(&[22, 3, 1, 2, 0]).expect("the daemon reads");
    }
    assert_eq!((rest(quiet).len(), halves.map(|half| rest(half).len())), (0, [0, 0]));
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[test]
fn who_never_ends_the_handshake_holds_up_no_stop() {
    let authority = Authority::new();
    let mut gatekeeper = Gatekeeper::with(&authority.sections(""), DEMO_DEVICES);
    let mut half = silent(gatekeeper.http_tls());
    half.write_all(&[22, 3, 1]).expect("the daemon reads");
    let begun = Instant::now();
    assert!(gatekeeper.stop());
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(rest(half).len(), 0);
}

#[test]
fn who_never_ends_the_handshake_keeps_nobody_out() {
    let authority = Authority::new();
    let sections = authority.sections("") + r#""limits": {"clients": 1},"#;
    let gatekeeper = Gatekeeper::with(&sections, DEMO_DEVICES);
    let crowd: Vec<_> = (0..64).map(|_| silent(gatekeeper.line_tls())).collect();
    let mut client = line_client(authority.connect(gatekeeper.line_tls()));
    client.expect("COMMAND=SET|DEVICE=led|VALUE=ON", "REPLY=OK|VALUE=1");
    // The one that had come first had to go.
    let mut crowd = crowd.into_iter();
    assert_eq!(rest(crowd.next().expect("the first")).len(), 0);
}

#[test]
fn plain_bytes_are_answered_by_an_alert_and_the_end() {
    let authority = Authority::new();
    let gatekeeper = Gatekeeper::with(&authority.sections(""), DEMO_DEVICES);
    let plain = "|START|COMMAND=LIST|END|\n".repeat(1000);
    for address in [gatekeeper.line_tls(), gatekeeper.mqtt_tls(), gatekeeper.http_tls()] {
        let mut stream = silent(address);
        stream.write_all(plain.as_bytes()).expect("the daemon reads");
        // A record of an alert, and of nothing else.
        assert_eq!(rest(stream).first(), Some(&21), "{address}");
    }
    // And a client of TLS hears on a plain port only what it can't understand.
    assert!(shake_hands(gatekeeper.line(), authority.trusting(rustls::ALL_VERSIONS, None)).is_err());
    LineClient::connect(gatekeeper.line()).expect("COMMAND=LIST", "REPLY=OK|COUNT=5");
}

#[test]
fn who_leaves_during_the_handshake_is_forgotten() {
    let authority = Authority::new();
    let gatekeeper = Gatekeeper::with(&authority.sections(""), DEMO_DEVICES);
    let mut leaving = silent(gatekeeper.line_tls());
    leaving.write_all(&[22, 3, 1]).expect("the daemon reads");
    leaving.shutdown(std::net::Shutdown::Write).expect("connected");
    assert_eq!(rest(leaving).len(), 0);
}

#[test]
fn who_trusts_another_authority_does_not_come_in() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let gatekeeper = Gatekeeper::with(&ours.sections(""), DEMO_DEVICES);
    for address in [gatekeeper.line_tls(), gatekeeper.mqtt_tls(), gatekeeper.http_tls()] {
        let refused = shake_hands(address, theirs.trusting(rustls::ALL_VERSIONS, None));
        assert!(refused.expect_err("it is not trusted").to_string().contains("certificate"));
    }
    line_client(ours.connect(gatekeeper.line_tls())).expect("COMMAND=LIST", "REPLY=OK");
}

#[test]
fn an_expired_certificate_is_shown_and_refused() {
    let authority = Authority::new();
    authority.serve(&authority.server(Term::Expired));
    let gatekeeper = Gatekeeper::with(&authority.sections(""), DEMO_DEVICES);
    for address in [gatekeeper.line_tls(), gatekeeper.mqtt_tls(), gatekeeper.http_tls()] {
        let refused = shake_hands(address, authority.trusting(rustls::ALL_VERSIONS, None));
        assert!(refused.expect_err("it is too old").to_string().contains("expired"));
    }
}

#[test]
fn older_versions_are_answered_by_an_alert_and_the_end() {
    let authority = Authority::new();
    let gatekeeper = Gatekeeper::with(&authority.sections(""), DEMO_DEVICES);
    for (address, minor) in
        [gatekeeper.line_tls(), gatekeeper.mqtt_tls(), gatekeeper.http_tls()].into_iter().zip([1, 2, 1])
    {
        // A ClientHello of TLS 1.0 or 1.1: version, random, no session, two suites of that time, no compression.
        let mut record = vec![22, 3, 1, 0, 47, 1, 0, 0, 43, 3, minor];
        record.extend([7; 32]);
        record.extend([0, 0, 4, 0xc0, 0x14, 0, 0x35, 1, 0]);
        assert_eq!(usize::from(record[4]), record.len() - 5);
        let mut stream = silent(address);
        stream.write_all(&record).expect("the daemon reads");
        assert_eq!(rest(stream).first(), Some(&21), "{address}");
    }
}
