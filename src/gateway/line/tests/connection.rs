//! The life of a connection: replies in their order, the watchdog, and every way to the end.

use super::*;
use crate::domain::Code;

const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[test]
fn replies_come_in_the_order_of_requests() {
    let mut talk = Talk::new();
    assert_eq!(talk.ask("ID=1|COMMAND=GET|DEVICE=led"), "");
    assert_eq!(talk.ask("ID=2|COMMAND=GET"), "");
    assert_eq!(talk.ask("ID=3|COMMAND=HELLO!"), "");
    assert_eq!(talk.say("stray\n"), "");
    assert_eq!(talk.ask("ID=a%7Cb|COMMAND=GET|DEVICE=motor"), "");
    assert_eq!(talk.ask("ID=|COMMAND=LIST|AFTER=motor"), "");
    let fault = Refusal::new(Code::DeviceFault, "broken");
    assert_eq!(talk.hardware(4, Err(fault)), "");
    let all = talk.hardware(0, Ok(state("led", 0.0, 1)));
    let lines: Vec<_> = all.lines().collect();
    assert_eq!(
        lines,
        [
            "REPLY=OK|ID=1|DEVICE=led|KIND=led|VALUE=0|STATE=off|SEQ=1|TIME=1790000000.25",
            "REPLY=ERROR|ID=2|CODE=MISSING_KEY|MESSAGE=DEVICE is missing, or LINE in its place",
            "REPLY=OK|ID=3",
            "REPLY=ERROR|CODE=MALFORMED|MESSAGE=this is no frame; a frame begins with %7CSTART%7C",
            "REPLY=ERROR|ID=a%7Cb|CODE=DEVICE_FAULT|MESSAGE=broken",
            "REPLY=OK|ID=|COUNT=3|DEVICES=button",
        ]
    );
}

#[test]
fn how_the_bytes_were_cut_means_nothing() {
    let text = "|START|ID=1|COMMAND=HELLO!|END|\r\n|START|ID=2|COMMAND=LIST|END|junk\n|START|ID=3|COMMAND=HELLO!|END|";
    let whole = Talk::new().say(text);
    assert_eq!(whole.lines().count(), 4);
    for cut in 0..text.len() {
        let mut talk = Talk::new();
        let mut buffer = text.as_bytes()[..cut].to_vec();
        let taken = talk.line.receive(&buffer, talk.now);
        buffer.drain(..taken);
        buffer.extend_from_slice(&text.as_bytes()[cut..]);
        talk.line.receive(&buffer, talk.now);
        assert_eq!(talk.heard(), whole, "{cut}");
    }
}

#[test]
fn at_most_32_requests_wait() {
    let mut talk = Talk::new();
    let one = "|START|COMMAND=GET|DEVICE=led|END|";
    let many = one.repeat(40);
    assert_eq!(talk.line.receive(many.as_bytes(), talk.now), one.len() * 32);
    assert!(!talk.line.can_receive());
    assert_eq!(talk.line.receive(one.as_bytes(), talk.now), 0);
    // The answer to the second does not free the first's place.
    talk.hardware(1, Ok(state("led", 0.0, 1)));
    assert!(!talk.line.can_receive());
    assert_eq!(talk.hardware(0, Ok(state("led", 0.0, 1))).lines().count(), 2);
    assert!(talk.line.can_receive());
    // Nobody is given up because of what it can't say.
    talk.line.receive(one.repeat(2).as_bytes(), talk.now);
    for _ in 0..10 {
        assert_eq!(talk.wait(seconds(3)), "");
    }
    talk.hardware(2, Ok(state("led", 0.0, 1)));
    assert_eq!(talk.wait(seconds(3)), "COMMAND=HELLO");
}

#[test]
fn a_client_that_does_not_read_is_not_read() {
    let mut talk = Talk::new();
    let one = "|START|COMMAND=HELP|END|";
    let taken = talk.line.receive(one.repeat(500).as_bytes(), talk.now);
    assert!(taken < one.len() * 200 && !talk.line.can_receive());
    talk.heard();
    assert!(talk.line.can_receive());
}

#[test]
fn a_silent_client_is_asked_and_then_closed() {
    let mut talk = Talk::new();
    talk.ask("COMMAND=HELLO!");
    assert_eq!(talk.line.deadline(), Some(talk.now + seconds(3)));
    assert_eq!(talk.wait(millis(2999)), "");
    assert_eq!(talk.wait(millis(1)), "COMMAND=HELLO");
    assert_eq!(talk.wait(millis(2999)), "");
    assert_eq!(talk.ask("COMMAND=HELLO!"), "REPLY=OK");
    assert_eq!(talk.wait(seconds(3)), "COMMAND=HELLO");
    // What is no frame is not heard; what is one is, also when it is refused.
    assert_eq!(code(&talk.say("hello\n")), "MALFORMED");
    assert_eq!(talk.line.deadline(), Some(talk.now + seconds(3)));
    assert_eq!(talk.wait(millis(2999)), "");
    assert_eq!(code(&talk.ask("WHAT=this")), "MISSING_KEY");
    assert_eq!(talk.wait(millis(2999)), "");
    assert_eq!(talk.wait(millis(1)), "COMMAND=HELLO");
    let closing = talk.wait(seconds(3));
    assert_eq!(closing, "EVENT=CLOSING|CODE=TOO_SLOW|MESSAGE=nothing was heard for two keepalive intervals");
    assert!(talk.line.is_over() && talk.line.deadline().is_none() && !talk.line.can_receive());
    assert_eq!(talk.wait(seconds(100)), "");
}

#[test]
fn the_first_frame_has_more_time() {
    let mut talk = Talk::new();
    assert_eq!(talk.wait(seconds(3)), "COMMAND=HELLO");
    assert_eq!(talk.wait(millis(6999)), "");
    assert_eq!(code(&talk.wait(millis(1)).replace("EVENT=CLOSING|CODE=", "")), "TOO_SLOW");
}

#[test]
fn the_client_chooses_its_interval() {
    let mut talk = Talk::new();
    talk.ask("COMMAND=HELLO|KEEPALIVE=1min");
    assert_eq!(talk.wait(seconds(59)), "");
    assert_eq!(talk.wait(seconds(1)), "COMMAND=HELLO");
    // What is refused changes nothing.
    assert_eq!(code(&talk.ask("COMMAND=HELLO|KEEPALIVE=1ms|CLIENT=x")), "OUT_OF_RANGE");
    assert_eq!(talk.line.deadline(), Some(talk.now + seconds(60)));
    assert_eq!(talk.line.principal.client.as_str(), "line-7");
    talk.ask("COMMAND=HELLO|KEEPALIVE=1s");
    assert_eq!(talk.wait(seconds(1)), "COMMAND=HELLO");
    assert!(talk.wait(seconds(1)).starts_with("EVENT=CLOSING|CODE=TOO_SLOW|"));
}

#[test]
fn quit_ends_after_what_came_before() {
    let mut talk = Talk::new();
    talk.ask("COMMAND=GET|DEVICE=led");
    assert_eq!(talk.ask("COMMAND=QUIT|ID=last"), "");
    assert!(!talk.line.can_receive() && !talk.line.is_over());
    assert_eq!(talk.line.receive(b"|START|COMMAND=LIST|END|", talk.now), 0);
    let end = talk.hardware(0, Ok(state("led", 0.0, 1)));
    assert_eq!(end.lines().last(), Some("REPLY=OK|ID=last"));
    assert!(talk.line.is_over());

    let mut talk = Talk::new();
    assert_eq!(talk.ask("COMMAND=QUIT"), "REPLY=OK");
    assert!(talk.line.is_over());
}

#[test]
fn a_half_closed_connection_gets_its_answers() {
    let mut talk = Talk::new();
    talk.ask("COMMAND=GET|DEVICE=led");
    talk.line.end_of_input(b"", talk.now);
    assert!(!talk.line.is_over() && talk.line.deadline().is_none());
    assert!(talk.hardware(0, Ok(state("led", 0.0, 1))).starts_with("REPLY=OK|DEVICE=led|"));
    assert!(talk.line.is_over());

    let mut talk = Talk::new();
    assert_eq!(talk.say("|START|ID=4|COMMAND=LI"), "");
    talk.line.end_of_input(b"|START|ID=4|COMMAND=LI", talk.now);
    let reply = "REPLY=ERROR|ID=4|CODE=MALFORMED|MESSAGE=the stream ended inside a frame";
    assert_eq!(talk.heard(), reply);
    assert!(talk.line.is_over());
}

#[test]
fn the_reason_to_close_is_told_once() {
    for (code, word) in
        [(Code::Stopping, "STOPPING"), (Code::TakenOver, "TAKEN_OVER"), (Code::TooSlow, "TOO_SLOW")]
    {
        let mut talk = Talk::new();
        talk.ask("COMMAND=GET|DEVICE=led");
        talk.line.close(Refusal::new(code, "because"), talk.now);
        assert_eq!(talk.heard(), format!("EVENT=CLOSING|CODE={word}|MESSAGE=because"));
        assert!(talk.line.is_over());
        talk.line.close(Refusal::stopping(), talk.now);
        assert_eq!(talk.hardware(0, Ok(state("led", 0.0, 1))), "");
        assert_eq!(talk.deliver(Message::own(topic("pi/nodes/me/message"), "x", false), false), "");
    }
}

#[test]
fn a_client_without_a_seat_is_told_so() {
    let mut talk = Talk::with(Admission::new(0, 0), SETTINGS);
    let said = talk.heard();
    assert!(said.starts_with("EVENT=CLOSING|CODE=TOO_MANY_CLIENTS|MESSAGE="), "{said}");
    assert!(talk.line.is_over() && !talk.line.can_receive() && talk.line.membership.is_none());
}

#[test]
fn a_client_takes_its_seat_with_its_first_frame() {
    let admission = Admission::new(1, 1);
    let mut talk = Talk::with(admission.clone(), SETTINGS);
    talk.say("not a frame\n");
    assert_eq!(admission.count(), 0);
    let mut late = Talk::with(admission.clone(), SETTINGS);
    assert_eq!(talk.ask("COMMAND=HELLO!"), "REPLY=OK");
    assert_eq!(admission.count(), 1);
    let said = late.ask("COMMAND=HELLO!");
    assert!(said.starts_with("EVENT=CLOSING|CODE=TOO_MANY_CLIENTS|MESSAGE="), "{said}");
    assert!(late.line.is_over());
    drop(talk);
    assert_eq!(admission.count(), 0);
}
