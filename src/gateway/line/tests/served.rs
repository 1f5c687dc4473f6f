//! Clients on real sockets, with the real bus; only the hardware thread is a stand-in.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use super::*;
use crate::domain::{ClientId, Code, Command, Event, Order, Principal, Protocol, Refusal, Reply, Target};
use crate::gateway::line::serve;
use crate::gateway::mqtt::broker::{AbsentLimits, RetainedLimits};
use crate::gateway::mqtt::kept::Keeping;
use crate::gateway::mqtt::store::{Journal, Mirror};
use crate::gateway::{DeskSettings, Joining};
use crate::net::{Accepted, Link};
use crate::wire::mqtt::{SubscribeOptions, TopicFilter};

struct Server {
    address: std::net::SocketAddr,
    bus: Bus,
    shared: Shared,
    bus_thread: BusThread,
}

struct Client(BufReader<TcpStream>);

/// What the gatekeeper itself retains: two about all, and the state of each device under its name and its lines.
const RETAINED: usize = 2 + 3 + 4;

impl Server {
    /// Two may be connected at the same time.
    fn start() -> Server {
        let (commands, mut requests) = Commands::unattended();
        let (bus, mailbox) = BusThread::prepare();
        let mut shared = shared(commands.clone(), bus.clone());
        shared.admission = Admission::new(2, 2);
        let settings = DeskSettings {
            topics: shared.topics.clone(),
            registry: shared.registry.clone(),
            commands,
            maximum_subscriptions: 2,
            retained: RetainedLimits { messages: RETAINED + 1, bytes: 100_000 },
            counters: shared.counters.clone(),
            absents: AbsentLimits { sessions: 10, queue: shared.outbox, bytes: 1 << 20 },
            journal: Journal::default(),
            kept: Mirror::default(),
            directory: crate::auth::Directory::open(),
        };
        let bus_thread = mailbox.start(bus.clone(), settings, || {}).expect("a thread");
        let names = shared.registry.devices.iter().map(|entry| entry.name.to_string());
        bus.events(names.map(|name| Event::State(state(&name, 0.0, 1))));

        // Every command makes the device 1.
        let events = bus.clone();
        thread::spawn(move || {
            for seq in 2.. {
                let Some(request) = requests.wait() else { return };
                let outcome = match &request.order {
                    Order::Command(Command { target: Target::Device(name), .. }) => {
                        Ok(state(name.as_str(), 1.0, seq))
                    }
                    _ => Err(Refusal::new(Code::UnknownDevice, "no")),
                };
                events.events(outcome.iter().map(|state| Event::State(state.clone())));
                request.recipient.answer(request.ticket, outcome.map(Reply::State));
            }
        });

        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let serving = shared.clone();
        thread::spawn(move || {
            for number in 1.. {
                let Ok((stream, peer)) = listener.accept() else { return };
                let (Some(seat), Ok(link)) = (serving.admission.enter(peer.ip()), Link::new(stream, peer))
                else {
                    return;
                };
                let shared = serving.clone();
                thread::spawn(move || serve(Accepted { link, seat }, &shared, &SETTINGS, number));
            }
        });
        Server { address, bus, shared, bus_thread }
    }

    fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.address).expect("somebody listens");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket");
        Client(BufReader::new(stream))
    }
}

impl Client {
    fn send(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).expect("the server reads");
    }

    /// The next frame without its brackets.
    fn next(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("the server speaks");
        line.trim_start_matches("|START|").trim_end_matches("|END|\n").to_owned()
    }

    fn ask(&mut self, fields: &str) -> String {
        self.send(&format!("|START|{fields}|END|"));
        self.next()
    }
}

/// The fields that matter in a test about order.
fn short(event: &str) -> String {
    let wanted = |field: &&str| ["EVENT", "REPLY", "DEVICE", "SEQ", "RETAINED"].contains(&key(field));
    event.split('|').filter(wanted).collect::<Vec<_>>().join(" ")
}

fn key(field: &str) -> &str {
    field.split('=').next().unwrap_or(field)
}

#[test]
fn a_subscription_brings_every_state_in_order_and_then_each_change_once() {
    let server = Server::start();
    let mut client = server.connect();
    assert_eq!(client.ask("COMMAND=SUB|DEVICE=*"), "REPLY=OK");
    for name in ["led", "motor", "button"] {
        assert_eq!(short(&client.next()), format!("EVENT=STATE DEVICE={name} SEQ=1 RETAINED=1"));
    }
    assert_eq!(client.ask("COMMAND=SUB|DEVICE=led"), "REPLY=OK");
    assert_eq!(short(&client.next()), "EVENT=STATE DEVICE=led SEQ=1 RETAINED=1");
    client.send("|START|COMMAND=SET|DEVICE=led|VALUE=1|END||START|COMMAND=SET|DEVICE=motor|VALUE=1|END|");
    let mut seen: Vec<_> = (0..4).map(|_| short(&client.next())).collect();
    seen.sort();
    assert_eq!(
        seen,
        [
            "EVENT=STATE DEVICE=led SEQ=2",
            "EVENT=STATE DEVICE=motor SEQ=3",
            "REPLY=OK DEVICE=led SEQ=2",
            "REPLY=OK DEVICE=motor SEQ=3"
        ]
    );
    // Two subscriptions are as many as may be; the third is refused and changes nothing.
    assert_eq!(code(&client.ask("COMMAND=SUB|DEVICE=motor")), "LIMIT_REACHED");
    assert_eq!(client.ask("COMMAND=UNSUB|DEVICE=*"), "REPLY=OK");
    server.bus.events(["motor", "led"].map(|name| Event::State(state(name, 0.0, 9))));
    assert_eq!(short(&client.next()), "EVENT=STATE DEVICE=led SEQ=9");
}

#[test]
fn the_same_name_takes_over_and_messages_find_their_receiver() {
    let server = Server::start();
    let (mut first, mut second) = (server.connect(), server.connect());
    assert!(first.ask("COMMAND=HELLO|CLIENT=panel").contains("|CLIENT=panel|"));
    assert_eq!(second.ask("COMMAND=SEND|TO=panel|VALUE=hi"), "REPLY=OK");
    assert_eq!(first.next(), "EVENT=MESSAGE|TO=panel|VALUE=hi|FROM=line-2");
    assert_eq!(code(&second.ask("COMMAND=SEND|TO=nobody|VALUE=hi")), "UNKNOWN_CLIENT");
    assert!(second.ask("COMMAND=HELLO|CLIENT=panel").starts_with("REPLY=OK|"));
    assert!(first.next().starts_with("EVENT=CLOSING|CODE=TAKEN_OVER|MESSAGE="));
    assert_eq!(first.next(), "");
    second.send("|START|COMMAND=SEND|TO=panel|VALUE=me|END|");
    let mut both = [second.next(), second.next()];
    both.sort();
    assert_eq!(both, ["EVENT=MESSAGE|TO=panel|VALUE=me|FROM=panel", "REPLY=OK"]);
}

#[test]
fn variables_are_kept_within_their_limit() {
    let server = Server::start();
    let mut client = server.connect();
    assert_eq!(client.ask("COMMAND=PUB|VAR=a|VALUE=1|RETAIN=1"), "REPLY=OK");
    assert_eq!(client.ask("COMMAND=SUB|VAR=a"), "REPLY=OK");
    assert_eq!(client.next(), "EVENT=MESSAGE|VAR=a|VALUE=1|FROM=line-1|RETAINED=1");
    assert_eq!(client.ask("COMMAND=SUB|VAR=b"), "REPLY=OK");
    // What is refused is told to nobody.
    assert_eq!(code(&client.ask("COMMAND=PUB|VAR=b|VALUE=1|RETAIN=1")), "LIMIT_REACHED");
    client.send("|START|COMMAND=PUB|VAR=a|VALUE=2|END|");
    let mut both = [client.next(), client.next()];
    both.sort();
    assert_eq!(both, ["EVENT=MESSAGE|VAR=a|VALUE=2|FROM=line-1", "REPLY=OK"]);
}

#[test]
fn much_at_once_is_never_stuck() {
    let server = Server::start();
    let mut client = server.connect();
    assert_eq!(client.ask("COMMAND=SUB|DEVICE=led"), "REPLY=OK");
    client.next();
    // More than is taken in at once, and no waker rings after it.
    server.bus.events((2..902).map(|seq| Event::State(state("led", 1.0, seq))));
    for seq in 2..902 {
        assert_eq!(short(&client.next()), format!("EVENT=STATE DEVICE=led SEQ={seq}"));
    }
    // More replies than are written at once, and more requests than may wait.
    let mut writer = client.0.get_ref().try_clone().expect("a descriptor");
    let started = Instant::now();
    let sending = thread::spawn(move || {
        let requests = "|START|COMMAND=HELP|END||START|COMMAND=GET|DEVICE=motor|END|".repeat(2000);
        writer.write_all(requests.as_bytes()).expect("the server reads");
    });
    for _ in 0..2000 {
        assert!(client.next().starts_with("REPLY=OK|COMMANDS=HELP,"));
        assert!(client.next().starts_with("REPLY=OK|DEVICE=motor|"));
    }
    sending.join().expect("all was sent");
    // Had it been stuck, only the keepalive would have got it going again.
    assert!(started.elapsed() < SETTINGS.keepalive, "{:?}", started.elapsed());
}

#[test]
fn a_closed_sending_side_is_not_the_end() {
    let server = Server::start();
    let mut client = server.connect();
    client.send(&"|START|COMMAND=GET|DEVICE=led|END|".repeat(100));
    client.0.get_mut().shutdown(Shutdown::Write).expect("connected");
    let mut all = String::new();
    client.0.read_to_string(&mut all).expect("answers and the end");
    assert_eq!(all.matches("|START|REPLY=OK|DEVICE=led|").count(), 100);
}

#[test]
fn nobody_gets_more_than_there_are_seats() {
    let server = Server::start();
    let (mut first, mut second) = (server.connect(), server.connect());
    assert_eq!(first.ask("COMMAND=HELLO!"), "REPLY=OK");
    assert!(second.ask("COMMAND=STATUS").contains("|CLIENTS=2|"));
    let mut third = server.connect();
    assert!(third.next().starts_with("EVENT=CLOSING|CODE=TOO_MANY_CLIENTS|MESSAGE="));
    assert_eq!(third.next(), "");
    assert_eq!(second.ask("COMMAND=QUIT"), "REPLY=OK");
    assert_eq!(second.next(), "");
    drop((second, third));
    // Its seat is given back, a moment later.
    let deadline = Instant::now() + Duration::from_secs(10);
    while server.shared.admission.count() > 1 && Instant::now() < deadline {
        thread::yield_now();
    }
    assert_eq!(server.connect().ask("COMMAND=HELLO!"), "REPLY=OK");
}

#[test]
fn what_is_refused_stands_in_the_audit() {
    let server = Server::start();
    let outbox = Arc::new(Outbox::new(server.shared.outbox).expect("an eventfd"));
    let client = ClientId::parse("auditor").expect("a valid client id");
    let (address, protocol) = (server.address, Protocol::Mqtt);
    let account = Arc::new(crate::domain::Account::everybody());
    let principal = Arc::new(Principal { client, address, protocol, certificate_name: None, account });
    let joining =
        Joining { principal, named: true, outbox: outbox.clone(), will: None, keeping: Keeping::NONE };
    let membership = server.bus.join(joining, 0);
    let audit = TopicFilter::parse("pi/logs/audit").expect("a valid filter");
    membership.subscribe(vec![(audit, SubscribeOptions::plain(QoS::AtMostOnce))], None, 1);

    let mut client = server.connect();
    client.ask("COMMAND=HELLO|CLIENT=bench");
    client.send("no frame\n");
    client.next();
    for fields in [
        "COMMAND=LEASE|DEVICE=motor|TTL=1ms",
        "COMMAND=DO|LINE=x|ACTION=on",
        "COMMAND=SET|DEVICE=Led|VALUE=1",
        "COMMAND=STOP",
    ] {
        assert!(client.ask(fields).starts_with("REPLY=ERROR|"), "{fields}");
    }
    // The bus takes one letter after the other: when it has answered this, it has taken the others.
    assert_eq!(client.ask("COMMAND=UNSUB|DEVICE=led"), "REPLY=OK");
    let (_, entries) = emptied(&outbox);
    let entries: Vec<String> = entries
        .iter()
        .map(|entry| serde_json::from_slice::<serde_json::Value>(entry.message.payload()).expect("JSON"))
        .map(|json| {
            ["client", "device", "action", "code"].map(|key| json[key].as_str().unwrap_or("").to_owned())
        })
        .map(|fields| fields.join(" "))
        .collect();
    assert_eq!(
        entries,
        [
            "bench motor LEASE OUT_OF_RANGE",
            "bench gpio/x on BAD_VALUE",
            "bench Led SET UNKNOWN_DEVICE",
            "bench  STOP UNKNOWN_COMMAND"
        ]
    );
}

#[test]
fn who_comes_after_the_order_to_stop_is_told() {
    let server = Server::start();
    server.bus_thread.stop();
    let mut client = server.connect();
    let goodbye = client.next();
    assert!(goodbye.starts_with("EVENT=CLOSING|CODE=STOPPING|"), "{goodbye}");
    assert_eq!(client.next(), "");
}
