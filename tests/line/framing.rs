//! Bytes as they really come: in pieces, at once, too many, and of no use.

use super::support::Gatekeeper;
use super::support::line::LineClient;

#[test]
fn one_byte_at_a_time_is_enough() {
    let gatekeeper = Gatekeeper::start();
    let mut client = LineClient::patient(gatekeeper.line());
    for byte in "\r\n \t|START|ID=a%7Cb|COMMAND=PUB|VAR=t|VALUE=°|END|".bytes() {
        client.raw(&[byte]);
    }
    assert_eq!(client.receive(), "REPLY=OK|ID=a%7Cb");
}

#[test]
fn many_frames_at_once_are_answered_in_their_order() {
    let gatekeeper = Gatekeeper::start();
    let mut client = LineClient::patient(gatekeeper.line());
    let kinds =
        ["GET|DEVICE=led", "HELLO!", "SET|DEVICE=relay|VALUE=TOGGLE", "FLY", "PUB|VAR=t|VALUE=1", "LIST"];
    let all: String =
        (0..600).map(|n| format!("|START|COMMAND={}|ID={n}|END|", kinds[n % kinds.len()])).collect();
    client.raw(all.as_bytes());
    for n in 0..600 {
        let reply = client.receive();
        let status = if kinds[n % kinds.len()] == "FLY" { "ERROR" } else { "OK" };
        assert!(
            reply == format!("REPLY={status}|ID={n}")
                || reply.starts_with(&format!("REPLY={status}|ID={n}|")),
            "{n}: {reply}"
        );
    }
    client.expect("COMMAND=GET|DEVICE=relay", "REPLY=OK|VALUE=0|SEQ=101");
}

#[test]
fn half_a_frame_is_waited_for_and_dropped_for_a_new_one() {
    let gatekeeper = Gatekeeper::start();
    let mut client = LineClient::patient(gatekeeper.line());
    let mut other = LineClient::patient(gatekeeper.line());
    client.raw(b"|START|COMMAND=SET|DEVICE=led|VAL");
    other.expect("COMMAND=GET|DEVICE=led", "REPLY=OK|VALUE=0");
    client.raw(b"UE=1|END|");
    assert!(client.receive().starts_with("REPLY=OK|DEVICE=led|KIND=led|VALUE=1|"));
    client.raw(b"|START|COMMAND=SET|DEVICE=led|VALUE=0|START|COMMAND=GET|DEVICE=led|ID=2|END|");
    assert!(client.receive().starts_with("REPLY=OK|ID=2|DEVICE=led|KIND=led|VALUE=1|"));
}

#[test]
fn half_a_frame_at_the_end_is_nothing() {
    let gatekeeper = Gatekeeper::start();
    let mut client = LineClient::connect(gatekeeper.line());
    client.raw(b"|START|COMMAND=GET|DEVICE=led|ID=1|END|\n|START|COMMAND=SET|DEVICE=led|VALUE=1|EN");
    client.finish();
    assert!(client.receive().starts_with("REPLY=OK|ID=1|"));
    while let Some(frame) = client.next() {
        assert!(frame.starts_with("REPLY=ERROR|CODE=MALFORMED|"), "{frame}");
    }
    LineClient::patient(gatekeeper.line()).expect("COMMAND=GET|DEVICE=led", "REPLY=OK|VALUE=0|SEQ=1");
}

#[test]
fn what_is_too_long_is_skipped_and_the_connection_lives() {
    let gatekeeper = Gatekeeper::start();
    let mut client = LineClient::patient(gatekeeper.line());
    let head = "|START|COMMAND=SET|DEVICE=led|VALUE=1|ID=7|NOTE=";
    for (length, code) in [(4096, None), (4097, Some("FRAME_TOO_LONG")), (100_000, Some("FRAME_TOO_LONG"))] {
        let filler = "x".repeat(length - head.len() - "|END|".len());
        client.raw(format!("{head}{filler}|END|\n").as_bytes());
        let reply = client.receive();
        match code {
            None => assert!(reply.starts_with("REPLY=OK|ID=7|DEVICE=led|"), "{reply}"),
            Some(code) => assert!(reply.starts_with(&format!("REPLY=ERROR|ID=7|CODE={code}|")), "{reply}"),
        }
        client.expect("COMMAND=GET|DEVICE=led|ID=8", "REPLY=OK|ID=8|VALUE=1|SEQ=2");
    }
    // Without an end as well, and with the next frame right behind.
    client.raw(format!("{head}{}|START|COMMAND=HELLO!|ID=9|END|", "x".repeat(5000)).as_bytes());
    assert!(client.receive().starts_with("REPLY=ERROR|ID=7|CODE=FRAME_TOO_LONG|"));
    assert_eq!(client.receive(), "REPLY=OK|ID=9");
}

#[test]
fn malformed_frames_are_answered_in_their_place() {
    let gatekeeper = Gatekeeper::start();
    let mut client = LineClient::patient(gatekeeper.line());
    for bad in [
        "|START|ID=1|COMMAND=GET|DEVICE=led|DEVICE=led|END|",
        "|START|ID=1||COMMAND=GET|END|",
        "|START|ID=1|command=GET|END|",
        "|START|ID=1|COMMAND=GET|DEVICE=%G0|END|",
        "|START|ID=1|COMMAND=GET|DEVICE=%FF|END|",
        "|START|ID=1|COMMAND=GET\n",
        "|START|END|",
        "stray\n",
        "GET / HTTP/1.1\n",
    ] {
        client.raw(
            format!("|START|ID=before|COMMAND=GET|DEVICE=led|END|{bad}|START|ID=after|COMMAND=HELLO!|END|")
                .as_bytes(),
        );
        assert!(client.receive().starts_with("REPLY=OK|ID=before|DEVICE=led|"), "{bad}");
        let reply = client.receive();
        assert!(reply.starts_with("REPLY=ERROR|") && reply.contains("|CODE=MALFORMED|"), "{bad}: {reply}");
        assert_eq!(client.receive(), "REPLY=OK|ID=after", "{bad}");
    }
}

#[test]
fn who_speaks_no_frames_is_told_and_closed() {
    let gatekeeper = Gatekeeper::start();
    let mut client = LineClient::connect(gatekeeper.line());
    client.raw("no frame\n".repeat(15).as_bytes());
    client.raw(b"|START|COMMAND=HELLO!|END|\n");
    client.raw("no frame\n".repeat(40).as_bytes());
    for _ in 0..15 {
        assert!(client.receive().starts_with("REPLY=ERROR|CODE=MALFORMED|"));
    }
    assert_eq!(client.receive(), "REPLY=OK", "a good one begins the count anew");
    for _ in 0..16 {
        assert!(client.receive().starts_with("REPLY=ERROR|CODE=MALFORMED|"));
    }
    assert!(client.receive().starts_with("EVENT=CLOSING|CODE=MALFORMED|MESSAGE="));
    assert_eq!(client.next(), None);
}
