//! What is no frame: answered, counted, and at last enough.

use proptest::strategy::Strategy;

use super::*;

#[test]
fn what_can_not_be_read_is_answered_with_its_id() {
    let long = format!("|START|ID=9|COMMAND=PUB|VALUE={}|END|", "x".repeat(4096));
    for (text, expected) in [
        ("hello\n", "REPLY=ERROR|CODE=MALFORMED|"),
        ("|START|ID=1|COMMAND=GET|DEVICE=led|END\n", "REPLY=ERROR|ID=1|CODE=MALFORMED|"),
        ("|START|ID=2|COMMAND=LIST|LIST|END|", "REPLY=ERROR|ID=2|CODE=MALFORMED|"),
        ("|START|ID=3|ID=4|END|", "REPLY=ERROR|ID=3|CODE=MALFORMED|"),
        ("|START|ID=5|VALUE=%F|END|", "REPLY=ERROR|ID=5|CODE=MALFORMED|"),
        ("|START|END|", "REPLY=ERROR|CODE=MALFORMED|"),
        (&long, "REPLY=ERROR|ID=9|CODE=FRAME_TOO_LONG|"),
    ] {
        let mut talk = Talk::new();
        let reply = talk.say(text);
        assert!(reply.starts_with(expected) && !reply.contains('\n'), "{text}: {reply}");
        // The connection lives.
        assert_eq!(talk.ask("ID=6|COMMAND=HELLO!"), "REPLY=OK|ID=6", "{text}");
    }
}

#[test]
fn a_cut_off_frame_is_dropped_silently() {
    let mut talk = Talk::new();
    assert_eq!(talk.say("|START|ID=5|COMMAND=STA|START|ID=6|COMMAND=HELLO!|END|\n"), "REPLY=OK|ID=6");
}

#[test]
fn sixteen_unreadable_inputs_in_a_row_are_enough() {
    let mut talk = Talk::new();
    for _ in 0..15 {
        assert_eq!(code(&talk.say("GET / HTTP/1.1\n")), "MALFORMED");
    }
    talk.ask("COMMAND=HELLO!");
    for _ in 0..15 {
        talk.say("|START|x\n");
    }
    assert!(!talk.line.is_over());
    let end = talk.say("x\n");
    let lines: Vec<_> = end.lines().collect();
    assert_eq!(code(lines[0]), "MALFORMED");
    assert!(lines[1].starts_with("EVENT=CLOSING|CODE=MALFORMED|MESSAGE=16 "), "{end}");
    assert!(talk.line.is_over());
}

#[test]
fn what_was_asked_before_is_still_answered() {
    let mut talk = Talk::new();
    talk.ask("COMMAND=GET|DEVICE=led");
    assert_eq!(talk.say(&"x\n".repeat(20)), "");
    assert!(!talk.line.is_over() && !talk.line.can_receive());
    let end = talk.hardware(0, Ok(state("led", 0.0, 1)));
    let first: Vec<_> = end.lines().map(|line| &line[..8]).collect();
    assert_eq!((first.len(), first[0], first[17]), (18, "REPLY=OK", "EVENT=CL"));
    assert!(talk.line.is_over());
}

proptest::proptest! {
    /// Whatever comes, in whichever pieces: what goes out are whole frames, and nothing panics.
    #[test]
    fn arbitrary_input_is_answered_with_frames(pieces in proptest::collection::vec(
        proptest::prop_oneof![
            proptest::collection::vec(proptest::num::u8::ANY, 0..40),
            "[|]START[|]COMMAND=(GET|SET|DO|SUB|UNSUB|PUB|SEND|HELLO|LIST|HELP|DESCRIBE|STATUS)[|](DEVICE=(led|x|[*])?[|])?\
             (LINE=[0-9]{0,11}[|])?(VAR=.{0,4}[|])?(VALUE=[^|]{0,9}[|])?(ACTION=on[|])?(TO=.[|])?END[|]"
                .prop_map(String::into_bytes),
        ],
        0..40,
    )) {
        let mut talk = Talk::new();
        let mut buffer = Vec::new();
        for piece in pieces {
            buffer.extend(piece);
            let taken = talk.line.receive(&buffer, talk.now);
            buffer.drain(..taken);
        }
        if talk.line.can_receive() {
            talk.line.end_of_input(&buffer, talk.now);
        }
        // It has looked at every frame that went out.
        for line in talk.heard().lines() {
            proptest::prop_assert!(line.starts_with("REPLY=") || line.starts_with("EVENT="), "{}", line);
        }
    }
}
