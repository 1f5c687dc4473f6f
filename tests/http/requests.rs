//! Requests, good and bad, and who may ask.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use super::support::http::{answer, ask, get, open};
use super::support::line::LineClient;
use super::support::{DEMO_DEVICES, Gatekeeper};

#[test]
fn what_there_is_is_told() {
    let gatekeeper = Gatekeeper::start();
    let index = get(gatekeeper.http(), "/");
    assert_eq!((index.status, index.header("Content-Type")), (200, Some("text/plain; charset=utf-8")));
    for path in ["/health", "/metrics", "/mqtt"] {
        assert!(index.body.contains(path), "{}", index.body);
        assert!(get(gatekeeper.http(), &format!("{path}/x")).body.contains(path));
    }
    assert_eq!(index.header("Content-Length"), Some(&*index.body.len().to_string()));
    assert_eq!(index.header("Connection"), Some("close"));
    assert_eq!(get(gatekeeper.http(), "/favicon.ico").status, 404);
    assert_eq!(get(gatekeeper.http(), "/health?verbose=1").status, 200);
}

#[test]
fn old_and_proxied_requests_are_answered_and_head_has_no_body() {
    let gatekeeper = Gatekeeper::start();
    let http = gatekeeper.http();
    assert_eq!(ask(http, "GET /health HTTP/1.0\r\n\r\n").status, 200);
    assert_eq!(ask(http, "GET http://localhost/health HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
    let head = ask(http, "HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!((head.status, &*head.body), (200, ""));
    assert!(
        head.header("Content-Length").is_some_and(|length| length.parse::<usize>().is_ok_and(|n| n > 1000))
    );
}

#[test]
fn other_methods_and_nonsense_are_refused() {
    let gatekeeper = Gatekeeper::start();
    let http = gatekeeper.http();
    for method in ["POST", "OPTIONS", "CONNECT", "PURGE"] {
        let refused = ask(http, &format!("{method} /health HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        assert_eq!((refused.status, refused.header("Allow")), (405, Some("GET, HEAD")), "{method}");
    }
    for nonsense in ["|START|COMMAND=LIST|END|\n", "GET / HTTP/1.1\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}"] {
        assert_eq!(ask(http, nonsense).status, 400, "{nonsense:?}");
    }
    let long = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    assert_eq!(ask(http, &long).status, 431);
}

#[test]
fn a_request_may_come_in_pieces_and_need_not_come_at_all() {
    let gatekeeper = Gatekeeper::start();
    let mut slow = open(gatekeeper.http());
    slow.set_nodelay(true).expect("no delay");
    for byte in b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n" {
        slow.write_all(&[*byte]).expect("the daemon reads");
    }
    assert_eq!(answer(&mut slow).status, 200);
    for unfinished in ["", "GET / HT"] {
        let mut gone = open(gatekeeper.http());
        gone.write_all(unfinished.as_bytes()).expect("the daemon reads");
        gone.shutdown(Shutdown::Write).expect("connected");
        assert_eq!(std::io::Read::read(&mut gone, &mut [0]).expect("the end"), 0);
    }
}

#[test]
fn who_says_nothing_is_told_so_after_the_connect_time() {
    let gatekeeper = Gatekeeper::with(r#""limits": {"connect_time": "1s"},"#, DEMO_DEVICES);
    let mut silent = open(gatekeeper.http());
    silent.write_all(b"GET / HTTP/1.1\r\n").expect("the daemon reads");
    assert_eq!(answer(&mut silent).status, 408);
}

#[test]
fn who_says_nothing_keeps_nobody_out() {
    let gatekeeper = Gatekeeper::with(r#""limits": {"clients": 2},"#, DEMO_DEVICES);
    let mut silent: Vec<_> = (0..200).map(|_| open(gatekeeper.http())).collect();
    assert_eq!(get(gatekeeper.http(), "/health").status, 200);
    LineClient::patient(gatekeeper.line()).expect("COMMAND=STATUS", "REPLY=OK|CLIENTS=1");
    assert!(matches!(silent[0].read(&mut [0]), Ok(0) | Err(_)), "the oldest had to go");
}

#[test]
fn who_says_nothing_does_not_hold_up_the_stop() {
    let mut gatekeeper = Gatekeeper::start();
    let silent = [(); 5].map(|()| open(gatekeeper.http()));
    // They are all accepted: this one came after them.
    assert_eq!(get(gatekeeper.http(), "/").status, 200);
    let begun = Instant::now();
    assert!(gatekeeper.stop());
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    drop(silent);
}

#[test]
fn a_full_house_still_tells_how_it_is() {
    let gatekeeper = Gatekeeper::with(r#""limits": {"clients": 1},"#, DEMO_DEVICES);
    let mut client = LineClient::patient(gatekeeper.line());
    assert_eq!(get(gatekeeper.http(), "/health").status, 200);
    client.expect("COMMAND=STATUS", "REPLY=OK|CLIENTS=1");
}

#[test]
fn names_that_others_own_are_refused_on_loopback() {
    let gatekeeper = Gatekeeper::with(
        r#""http": {"listen": "127.0.0.1:0", "origins": ["https://pi.example"]},"#,
        DEMO_DEVICES,
    );
    let with = |host: &str| ask(gatekeeper.http(), &format!("GET /health HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    for host in ["localhost", "127.0.0.1:8080", "[::1]", "pi.example"] {
        assert_eq!(with(host).status, 200, "{host}");
    }
    let refused = with("evil.example:8080");
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("http.origins"), "{}", refused.body);
}
