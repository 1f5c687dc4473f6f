//! A client of MQTT with QoS 2 and a session that outlives the daemon: it sends its commands and messages again on every
//! connection until they are answered.

use std::collections::BTreeMap;

use gpio_gatekeeper::wire::mqtt::{Acknowledge, Packet, PacketId, Publish, QoS};

use super::books::{Book, Command, Delivery, Fate, Numbers, Outcome};
use super::devices;
use super::house::Addresses;
use super::mqtt::{Link, durable, outcome, publication};
use super::reader;
use super::tempo::Tempo;

/// So many are open at a time.
const WINDOW: u64 = 8;
/// So many bursts a connection sees at most.
const BURSTS: u64 = 30;
/// So often it comes back in the end to have everything answered.
const LAST_VISITS: usize = 5;

/// The client, over all its connections.
struct Exact<'a> {
    book: Book,
    numbers: &'a Numbers,
    tempo: Tempo,
    next: u16,
    /// What is not done with, in the order in which it was sent.
    open: BTreeMap<u64, Open>,
    sent: u64,
}

struct Open {
    id: PacketId,
    /// Nothing more when it is to be released.
    publish: Option<Publish>,
    what: What,
}

/// What was published, by its place in the books.
#[derive(Clone, Copy)]
enum What {
    Command(usize),
    Message(usize),
}

/// Publishes for as long as there is time, and then until everything is answered.
pub fn run(addresses: Addresses, name: String, numbers: &Numbers, tempo: Tempo) -> Book {
    let mut exact = Exact { book: Book::of(&name), numbers, tempo, next: 0, open: BTreeMap::new(), sent: 0 };
    let mut known = false;
    while exact.tempo.pause(60) {
        let Some((mut link, connack)) = Link::connect(addresses.mqtt, durable(&name)) else { continue };
        assert!(connack.session_present || !known, "the session of {name} is lost");
        known = true;
        let stayed = exact.resume(&mut link).and_then(|()| exact.converse(&mut link));
        if stayed.is_some() && exact.tempo.once_in(2) {
            link.reset();
        }
    }
    for _ in 0..LAST_VISITS {
        let Some((mut link, _)) = Link::connect(addresses.mqtt, durable(&name)) else { continue };
        if exact.resume(&mut link).and_then(|()| exact.answered(&mut link, 0)).is_some() {
            return exact.book;
        }
    }
    panic!("{name} does not get its answers");
}

impl Exact<'_> {
    /// Sends again what is not done with; nothing when the connection has ended.
    fn resume(&mut self, link: &mut Link) -> Option<()> {
        for open in self.open.values() {
            link.send(&match &open.publish {
                Some(publish) => Packet::Publish(Publish { dup: true, ..publish.clone() }),
                None => Packet::Pubrel(Acknowledge::success(open.id)),
            })
            .ok()?;
        }
        Some(())
    }

    fn converse(&mut self, link: &mut Link) -> Option<()> {
        for _ in 0..self.tempo.below(BURSTS) {
            while (self.open.len() as u64) < WINDOW {
                let publish = self.something();
                link.send(&Packet::Publish(publish)).ok()?;
            }
            let few = self.tempo.below(WINDOW);
            self.answered(link, few as usize)?;
            if !self.tempo.pause(20) {
                break;
            }
        }
        Some(())
    }

    /// A new command, or a message.
    fn something(&mut self) -> Publish {
        self.next = self.next % (u16::MAX - 1) + 1;
        let what;
        let publish = if self.tempo.once_in(2) {
            let (number, device) = (self.numbers.next(), self.tempo.place(devices::FREE));
            what = What::Command(self.book.commands.len());
            self.book.commands.push(Command {
                number,
                device,
                connection: 0,
                token: None,
                not_after: None,
                delivery: Delivery::UntilAnswered,
                fate: Fate::open(),
            });
            let topic = format!("pi/devices/{}/set", devices::name(device));
            publication(&topic, &number.to_string(), QoS::ExactlyOnce, self.next)
        } else {
            let text = format!("{} {}", self.book.client, self.book.messages.len());
            what = What::Message(self.book.messages.len());
            self.book.messages.push((text.clone(), Outcome::Unknown));
            publication(reader::TOPIC, &text, QoS::ExactlyOnce, self.next)
        };
        let id = publish.packet_id.expect("QoS 2");
        self.sent += 1;
        self.open.insert(self.sent, Open { id, publish: Some(publish.clone()), what });
        publish
    }

    /// Reads until no more than these are open; nothing when the connection has ended before.
    fn answered(&mut self, link: &mut Link, few: usize) -> Option<()> {
        while self.open.len() > few {
            match link.next()? {
                Packet::Pubrec(pubrec) => {
                    let place = self.place(pubrec.packet_id);
                    let outcome = outcome(&pubrec);
                    let open = self.open.get_mut(&place).expect("it is open");
                    let is_first = open.publish.take().is_some();
                    match open.what {
                        _ if !is_first => {}
                        What::Command(place) => self.book.commands[place].fate.settle(outcome.clone()),
                        What::Message(place) => self.book.messages[place].1 = outcome.clone(),
                    }
                    if outcome == Outcome::Acknowledged {
                        link.send(&Packet::Pubrel(Acknowledge::success(pubrec.packet_id))).ok()?;
                    } else {
                        self.open.remove(&place);
                    }
                }
                Packet::Pubcomp(pubcomp) => {
                    let place = self.place(pubcomp.packet_id);
                    self.open.remove(&place);
                }
                other => panic!("{other:?}"),
            }
        }
        Some(())
    }

    fn place(&self, id: PacketId) -> u64 {
        let open = self.open.iter().find(|(_, open)| open.id == id);
        *open.unwrap_or_else(|| panic!("an answer to {id}, which is not open")).0
    }
}
