//! What a client is told unasked.

use super::*;
use crate::domain::{
    Audit, ClientId, Code, Deed, Holder, LeaseNews, LeaseNotice, LeaseToken, LeasedDevices, Loss, Protocol,
    UserName, Visitor, Who,
};
use crate::gateway::LogRecord;
use crate::wire::mqtt::ReasonCode;

fn subscribed() -> Result<Done, Refusal> {
    Ok(Done::Subscribed(vec![ReasonCode::Success]))
}

fn unsubscribed() -> Result<Done, Refusal> {
    Ok(Done::Unsubscribed(vec![ReasonCode::Success]))
}

fn from(sender: &str, name: &str, payload: &[u8]) -> Message {
    let sender = Some(ClientId::parse(sender).expect("a valid client id"));
    Message { sender, ..Message::own(topic(name), payload, false) }
}

#[test]
fn states_are_told_from_the_reply_to_sub_to_the_reply_to_unsub() {
    let mut talk = Talk::new();
    let tell = |talk: &mut Talk, seq| talk.deliver(state_message(state("led", 1.0, seq)), false);
    let told = |seq| format!("EVENT=STATE|DEVICE=led|KIND=led|VALUE=1|STATE=on|SEQ={seq}|TIME=1790000000.25");
    talk.ask("COMMAND=GET|DEVICE=motor");
    talk.ask("COMMAND=SUB|DEVICE=led");
    // What the subscription brings waits for its reply, also where that waits for another.
    assert_eq!((talk.bus(1, subscribed()), talk.line.room()), (String::new(), 0));
    assert_eq!(talk.hardware(0, Ok(state("motor", 0.0, 1))).lines().count(), 2);
    let retained = talk.deliver(state_message(state("led", 1.0, 1)), true);
    assert_eq!(retained, told(1) + "|RETAINED=1");
    assert_eq!(tell(&mut talk, 2), told(2));
    assert_eq!(talk.deliver(state_message(state("motor", 1.0, 2)), false), "");
    talk.ask("COMMAND=UNSUB|DEVICE=led");
    assert_eq!(tell(&mut talk, 3), told(3));
    assert_eq!(talk.bus(2, unsubscribed()), "REPLY=OK");
    assert_eq!(tell(&mut talk, 4), "");
}

#[test]
fn every_device_is_a_subscription_of_its_own() {
    let mut talk = Talk::new();
    let tell = |talk: &mut Talk, name| !talk.deliver(state_message(state(name, 1.0, 1)), false).is_empty();
    for fields in ["DEVICE=*", "DEVICE=led", "DEVICE=led"] {
        talk.ask(&format!("COMMAND=SUB|{fields}"));
    }
    (0..3).for_each(|ticket| assert_eq!(talk.bus(ticket, subscribed()), "REPLY=OK"));
    assert!(tell(&mut talk, "led") && tell(&mut talk, "motor"));
    talk.ask("COMMAND=UNSUB|DEVICE=*");
    talk.bus(3, unsubscribed());
    assert!(tell(&mut talk, "led") && !tell(&mut talk, "motor"));
    talk.ask("COMMAND=UNSUB|DEVICE=led");
    talk.bus(4, unsubscribed());
    assert!(!tell(&mut talk, "led"));
}

#[test]
fn variables_and_messages_carry_their_sender() {
    let mut talk = Talk::new();
    let variable = || from("a|b", "pi/vars/set%point", "21 °C|\n".as_bytes());
    assert_eq!(talk.deliver(variable(), false), "");
    talk.ask("COMMAND=SUB|VAR=set%25point");
    talk.bus(0, subscribed());
    let event = "EVENT=MESSAGE|VAR=set%25point|VALUE=21 °C%7C%0A|FROM=a%7Cb";
    assert_eq!(talk.deliver(variable(), false), event);
    assert_eq!(talk.deliver(variable(), true), format!("{event}|RETAINED=1"));
    // A message needs no subscription.
    let message = from("bench", "pi/nodes/line-7/message", b"");
    assert_eq!(talk.deliver(message, false), "EVENT=MESSAGE|TO=line-7|VALUE=|FROM=bench");
    // A will may have any payload.
    assert_eq!(talk.deliver(from("bench", "pi/nodes/line-7/message", b"\xff"), false), "");
}

#[test]
fn what_the_holder_of_a_lease_has_to_know_fits_into_a_frame() {
    let mut talk = Talk::new();
    let holder = || Holder { user: None, client: ClientId::parse(&"%".repeat(128)).expect("valid") };
    let mut tell = |devices: LeasedDevices, news| {
        let token = LeaseToken(u64::MAX);
        let notice = LeaseNotice { holder: holder(), token, devices, timestamp: 0.0, news };
        talk.deliver(Message::notice(topic("pi/nodes/line-7/lease"), Arc::new(notice)), false)
    };
    let news = || LeaseNews::Lost(Loss::Broken { by: holder(), reason: "|".repeat(200) });
    let names = |count: usize| LeasedDevices::Some(vec![device(&"d".repeat(64)); count]);
    let event = tell(names(32), news());
    assert!((3000..=4096 - "|START||END|".len()).contains(&event.len()), "{}", event.len());
    assert!(!tell(names(33), news()).contains("DEVICES"));
    let left = LeaseNews::Ending(std::time::Duration::from_micros(199_999));
    let ending = "EVENT=LEASE_ENDING|TOKEN=18446744073709551615|DEVICES=*|LEFT=199ms";
    assert_eq!(tell(LeasedDevices::All, left), ending);
}

#[test]
fn what_the_audit_and_the_log_tell_fits_into_a_frame() {
    let mut talk = Talk::new();
    for (ticket, subject) in [(0, "AUDIT=1"), (1, "LOG=error")] {
        talk.ask(&format!("COMMAND=SUB|{subject}"));
        talk.bus(ticket, subscribed());
    }
    let visitor = Visitor {
        client: Some(ClientId::parse(&"%".repeat(128)).expect("valid")),
        user: UserName::parse(&"u".repeat(32)).ok(),
        address: ([127, 0, 0, 1], 50_000).into(),
        protocol: Protocol::WebSocket,
        certificate_name: Some("|".repeat(5000)),
    };
    let deed = Deed::Other("%".repeat(5000), "|".repeat(5000));
    let refusal = Refusal::new(Code::DeviceFault, "%".repeat(5000));
    let entry = Audit {
        token: Some(LeaseToken(u64::MAX)),
        old: Some(-1.0 / 3.0),
        new: Some(-1.0 / 3.0),
        ..Audit::new(1790000000.123456, Who::Visitor(Arc::new(visitor)), deed).refused(&refusal)
    };
    let (level, text) = ("error", || "%".repeat(5000));
    let record = LogRecord { timestamp: 1790000000.123456, level, target: text(), message: text() };
    for message in [
        Message::audit(topic("pi/logs/audit"), Arc::new(entry)),
        Message::log(topic("pi/logs/system/error"), record),
    ] {
        let event = talk.deliver(message, false);
        assert!((3000..=4096 - "|START||END|".len()).contains(&event.len()), "{} {event}", event.len());
        assert!(event.ends_with("|CUT=1"), "{event}");
    }
}

#[test]
fn the_longest_message_fits_into_a_frame() {
    let mut talk = Talk::new();
    let (name, client) = ("\u{10000}".repeat(64), "%".repeat(128));
    talk.ask(&format!("COMMAND=SUB|VAR={name}"));
    talk.bus(0, subscribed());
    let payload = "|".repeat(1024);
    for name in [format!("pi/vars/{name}"), format!("pi/nodes/{client}/message")] {
        let event = talk.deliver(from(&client, &name, payload.as_bytes()), true);
        assert!((3000..=4096 - "|START||END|".len()).contains(&event.len()), "{}", event.len());
    }
}

#[test]
fn outcomes_reach_the_client_through_its_outbox() {
    let mut talk = Talk::new();
    talk.ask("COMMAND=SET|DEVICE=led|VALUE=ON");
    let request = talk.requests.take().expect("it was sent");
    request.recipient.answer(request.ticket, Ok(Reply::State(state("led", 1.0, 2))));
    let (notes, _) = emptied(&talk.outbox);
    for note in notes {
        talk.line.note(note, talk.now);
    }
    assert!(talk.heard().starts_with("REPLY=OK|DEVICE=led|"));
}
