//! Killed again and again while messages go to and fro: nothing acknowledged is lost, nothing of QoS 2 comes twice.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;

use gpio_gatekeeper::wire::mqtt::{Packet, PacketId, Publish, QoS};
use nix::sys::signal::Signal;

use super::life::{State, acknowledge, open, subscribed, twice};
use super::support::mqtt::{MqttClient, publish};
use super::support::program::Program;

/// How often it is killed.
const CRASHES: u64 = 6;

/// So many messages of a publisher are open at a time.
const WINDOW: usize = 8;

/// Somebody who publishes, and remembers over every connection what is acknowledged.
struct Publisher {
    name: &'static str,
    next: u16,
    /// What is not done with, in order: the message, and whether it was received.
    open: BTreeMap<u16, (Publish, Stage)>,
    acknowledged: BTreeSet<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Published,
    Received,
}

impl Publisher {
    fn new(name: &'static str) -> Publisher {
        Publisher { name, next: 0, open: BTreeMap::new(), acknowledged: BTreeSet::new() }
    }

    fn connect(&self, address: SocketAddr) -> MqttClient {
        open(address, self.name).0
    }

    /// Publishes until the connection ends; or, with nothing new to say, until all is acknowledged.
    fn run(&mut self, mut client: MqttClient, window: usize) {
        for (id, (message, stage)) in &self.open {
            let again = match stage {
                Stage::Published => Packet::Publish(Publish { dup: true, ..message.clone() }),
                Stage::Received => Packet::Pubrel(acknowledge(*id)),
            };
            if client.try_send(&again).is_err() {
                return;
            }
        }
        loop {
            while self.open.len() < window {
                let message = self.message();
                if client.try_send(&Packet::Publish(message)).is_err() {
                    return;
                }
            }
            if self.open.is_empty() {
                return;
            }
            let Some(packet) = client.next() else { return };
            match packet {
                Packet::Puback(puback) => self.done(puback.packet_id),
                Packet::Pubcomp(pubcomp) => self.done(pubcomp.packet_id),
                Packet::Pubrec(pubrec) => {
                    let (message, stage) = self.open.get_mut(&pubrec.packet_id.get()).expect("it is open");
                    self.acknowledged.insert(text(message));
                    *stage = Stage::Received;
                    if client.try_send(&Packet::Pubrel(acknowledge(pubrec.packet_id.get()))).is_err() {
                        return;
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn message(&mut self) -> Publish {
        self.next += 1;
        let quality = if self.next % 2 == 0 { "once" } else { "least" };
        let message = twice(self.next, "t", &format!("{quality} {} {}", self.name, self.next));
        let qos = if self.next % 2 == 0 { QoS::ExactlyOnce } else { QoS::AtLeastOnce };
        let message = Publish { qos, ..message };
        self.open.insert(self.next, (message.clone(), Stage::Published));
        message
    }

    fn done(&mut self, id: PacketId) {
        let (message, _) = self.open.remove(&id.get()).expect("it is open");
        self.acknowledged.insert(text(&message));
    }
}

/// Somebody who has subscribed, and remembers over every connection what has come.
#[derive(Default)]
struct Reader {
    /// How often each message has come.
    found: HashMap<String, usize>,
    /// What of QoS 2 is not released.
    open: BTreeSet<PacketId>,
}

impl Reader {
    /// Reads until the connection ends, or `enough` is.
    fn read(&mut self, client: &mut MqttClient, mut enough: impl FnMut(&str) -> bool) {
        while let Some(packet) = client.next() {
            let mut last = false;
            let answer = match packet {
                Packet::Publish(publish) => {
                    let id = publish.packet_id.expect("QoS 1 or 2");
                    if publish.qos == QoS::AtLeastOnce || self.open.insert(id) {
                        last = enough(&text(&publish));
                        *self.found.entry(text(&publish)).or_default() += 1;
                    }
                    match publish.qos {
                        QoS::ExactlyOnce => Packet::Pubrec(acknowledge(id.get())),
                        _ => {
                            self.open.remove(&id);
                            Packet::Puback(acknowledge(id.get()))
                        }
                    }
                }
                Packet::Pubrel(pubrel) => {
                    self.open.remove(&pubrel.packet_id);
                    Packet::Pubcomp(acknowledge(pubrel.packet_id.get()))
                }
                other => panic!("{other:?}"),
            };
            if client.try_send(&answer).is_err() || last {
                return;
            }
        }
    }
}

fn text(publish: &Publish) -> String {
    String::from_utf8(publish.payload.clone()).expect("UTF-8")
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_of_quality_2_comes_twice() {
    let state = State::new();
    // Nobody is to be too slow here, and the log is to be written afresh now and then.
    let config = state.config_with(r#""limits": {"outbox_messages": 100000, "outbox_bytes": 67108864},"#);
    let random = RandomState::new();
    let mut publishers = [Publisher::new("one"), Publisher::new("two")];
    let mut reader = Reader::default();
    let daemon = Program::start(&config);
    drop(subscribed(daemon.mqtt, "reader", "t", QoS::ExactlyOnce));
    super::life::stop(daemon);
    for crash in 0..CRASHES {
        let daemon = Program::start(&config);
        let mut left = 1 + random.hash_one(crash) % 300;
        std::thread::scope(|scope| {
            for publisher in &mut publishers {
                // Before there is anything to read, so that it is not killed meanwhile.
                let client = publisher.connect(daemon.mqtt);
                scope.spawn(|| publisher.run(client, WINDOW));
            }
            let (mut client, connack) = open(daemon.mqtt, "reader");
            assert!(connack.session_present);
            reader.read(&mut client, |_| {
                left -= 1;
                left == 0
            });
            daemon.process.signal(Signal::SIGKILL);
            reader.read(&mut client, |_| false);
        });
        daemon.process.end();
    }
    let daemon = Program::start(&config);
    for publisher in &mut publishers {
        let client = publisher.connect(daemon.mqtt);
        publisher.run(client, 0);
    }
    MqttClient::connect(daemon.mqtt, "").publish(publish("t", "the end"));
    let (mut client, _) = open(daemon.mqtt, "reader");
    reader.read(&mut client, |text| text == "the end");
    let acknowledged = publishers.iter().flat_map(|publisher| &publisher.acknowledged);
    let lost: Vec<_> = acknowledged.filter(|text| !reader.found.contains_key(*text)).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    let doubled: Vec<_> =
        reader.found.iter().filter(|(text, times)| text.starts_with("once") && **times > 1).collect();
    assert!(doubled.is_empty(), "doubled: {doubled:?}");
    assert!(reader.found.len() > 100, "{}", reader.found.len());
}
