//! What goes wrong has a status of its own, and says what to do.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use super::support::PATIENCE;
use super::support::line::LineClient;
use super::{Caller, demo};

/// Somebody who greets as a gatekeeper does, and then does this with the connection and the line that comes.
fn pretender(then: impl FnOnce(&mut dyn Write, &str) + Send + 'static) -> Caller {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let caller = Caller::at(listener.local_addr().expect("bound"));
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().expect("somebody comes");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let mut lines = BufReader::new(socket.try_clone().expect("a second handle")).lines();
        let hello = lines.next().expect("a greeting").expect("UTF-8");
        assert!(hello.contains("COMMAND=HELLO|ID=1|CLIENT="), "{hello}");
        socket.write_all(b"|START|REPLY=OK|ID=1|KEEPALIVE=3s|END|\n").expect("it listens");
        let request = lines.next().expect("a request").expect("UTF-8");
        then(&mut socket, &request);
        // Until the other side has had enough.
        lines.for_each(drop);
    });
    caller
}

#[test]
fn where_nobody_is_nothing_was_sent() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound");
    let errors = Caller::at(free).fails(3, &["set", "led", "on"]);
    assert!(errors.contains("refused") && errors.contains("nothing was sent"), "{errors}");
    assert!(errors.contains("--url"), "{errors}");
}

#[test]
fn whoever_is_no_gatekeeper_is_found_out() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let caller = Caller::at(listener.local_addr().expect("bound"));
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().expect("somebody comes");
        socket.write_all(b"220 mail.example ESMTP\r\n").expect("it listens");
        BufReader::new(socket).lines().for_each(drop);
    });
    assert!(caller.fails(3, &["get"]).contains("no gatekeeper"));
}

#[test]
fn what_became_of_a_command_is_not_known_when_the_connection_ends_before_the_answer() {
    let caller = pretender(|socket, request| {
        assert!(request.contains("|COMMAND=SET|"), "{request}");
        let goodbye = b"|START|EVENT=CLOSING|CODE=STOPPING|MESSAGE=over|END|\n";
        socket.write_all(goodbye).expect("it listens");
    });
    let errors = caller.fails(4, &["set", "led", "on"]);
    assert!(
        errors.contains("not known")
            && errors.contains("STOPPING")
            && errors.contains("`gpio-gatekeeper get`"),
        "{errors}"
    );
}

#[test]
fn an_answer_that_does_not_come_in_time_leaves_the_outcome_open() {
    let caller = pretender(|_, _| {});
    let errors = caller.fails(4, &["set", "led", "on", "--timeout", "200ms"]);
    assert!(errors.contains("no answer came") && errors.contains("not known"), "{errors}");
}

/// A goodbye takes nothing back that was answered before it.
#[test]
fn an_answer_counts_although_a_goodbye_follows_it() {
    let caller = pretender(|socket, _| {
        let both = "|START|REPLY=OK|ID=2|DEVICE=led|STATE=on|VALUE=1|SEQ=2|END|\n\
                    |START|EVENT=CLOSING|CODE=STOPPING|MESSAGE=over|END|\n";
        socket.write_all(both.as_bytes()).expect("it listens");
    });
    assert_eq!(caller.says(&["set", "led", "on"]), "led  on  1\n");
}

#[test]
fn what_others_have_written_is_only_shown() {
    let caller = pretender(|socket, _| {
        let refusal = b"|START|REPLY=ERROR|ID=2|CODE=HELD|MESSAGE=by %1B[2J%0Aroot|END|\n";
        socket.write_all(refusal).expect("it listens");
    });
    let errors = caller.fails(20, &["set", "led", "on"]);
    assert!(errors.starts_with("gpio-gatekeeper: HELD: by \u{fffd}[2J\u{fffd}root\n"), "{errors}");
}

#[test]
fn refusals_have_their_statuses_and_say_what_to_do() {
    let (gatekeeper, caller) = demo();
    let mut panel = LineClient::patient(gatekeeper.line());
    panel.expect("COMMAND=HELLO|CLIENT=panel", "REPLY=OK");
    panel.expect("COMMAND=LEASE|DEVICE=led|TTL=1h", "REPLY=OK");
    let held = caller.fails(20, &["set", "led", "on"]);
    assert!(held.contains("HELD: ") && held.contains("panel") && held.contains("lease"), "{held}");
    assert!(caller.fails(16, &["get", "nope"]).contains("lists the devices"));
    caller.fails(15, &["set", "lamp", "2"]);
    caller.fails(17, &["set", "button", "on"]);
    // What can be told is told all the same.
    let some = caller.run(&["get", "led", "nope"]);
    assert_eq!((some.code(), &*some.output), (Some(16), "led  off  0\n"));
}

#[test]
fn wrong_arguments_are_named() {
    let (_gatekeeper, caller) = demo();
    for (arguments, wrong) in [
        (&["set", "led"][..], "a value"),
        (&["do", "led"], "an action"),
        (&["send", "panel"], "one text"),
        (&["send", "panel", "warm", "--retain"], "not kept"),
        (&["publish", "setpoint"], "one value"),
        (&["get", "--loud"], "--loud"),
        (&["set", "led", "on", "--within", "2"], "unit"),
        (&["get", "--url", "http://pi"], "lines://"),
        (&["get", "--url", "line://anna:secret@pi"], "a password does not stand in an address"),
    ] {
        let errors = caller.fails(2, arguments);
        assert!(errors.contains(wrong) && !errors.contains("secret"), "{arguments:?}: {errors}");
    }
}
