//! A conversation whose session is written down says nothing before the disk has what it speaks of.

use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use super::store::{Entry, Journal, Post, SessionNumber};
use super::{MqttConversation, MqttSettings};
use crate::control::Commands;
use crate::domain::{Protocol, Refusal, Registry};
use crate::gateway::{
    BusThread, Conversation, Delivery, Done, Mailbox, Message, Note, Outbox, OutboxLimits, Shared, Topics,
};
use crate::net::Admission;
use crate::wire::mqtt::{
    Acknowledge, Connect, Packet, PacketId, PacketType, Properties, Property, Publish, QoS, Split, TopicName,
    Version, encode, split,
};

/// A conversation, and the store as far as the test plays it.
struct Talk {
    conversation: MqttConversation,
    posts: Receiver<Post>,
    now: Instant,
    _mailbox: Mailbox,
}

impl Talk {
    /// With a client whose session lives for so many seconds.
    fn with(expiry: u32) -> Talk {
        let (commands, _requests) = Commands::unattended();
        let (bus, mailbox) = BusThread::prepare();
        let (journal, posts, _) = Journal::open();
        let (registry, admission, now) =
            (Arc::new(Registry::default()), Admission::new(8, 8), Instant::now());
        let seat = admission.enter([127, 0, 0, 1].into()).expect("there is room");
        let shared = Shared {
            commands,
            bus,
            topics: Arc::new(Topics::new("pi", &registry)),
            registry,
            admission,
            started: now,
            outbox: OutboxLimits { messages: 100, bytes: 1 << 20 },
            journal,
            counters: Arc::default(),
            commands_per_second: NonZeroU32::MAX,
            entrance: crate::auth::Entrance::open(),
        };
        let outbox = Arc::new(Outbox::new(shared.outbox).expect("an eventfd"));
        let settings = MqttSettings {
            connect_time: Duration::from_secs(30),
            maximum_packet: 4096,
            protocol: Protocol::Mqtt,
        };
        let peer = std::net::SocketAddr::from(([127, 0, 0, 1], 5000));
        let conversation = MqttConversation::new(shared, settings, outbox, peer, 7, seat, now);
        let mut talk = Talk { conversation, posts, now, _mailbox: mailbox };
        talk.hear(&Packet::Connect(Box::new(Connect {
            version: Version::V5,
            clean_start: false,
            keep_alive: 0,
            client_id: "me".to_owned(),
            will: None,
            username: None,
            password: None,
            properties: Properties::new().with(Property::SessionExpiryInterval(expiry)),
        })));
        let number = (expiry != 0).then_some(SessionNumber(1));
        talk.conversation.note(Note::Done(0, Ok(Done::Joined(None, number))), now);
        talk
    }

    fn hear(&mut self, packet: &Packet) {
        let mut bytes = Vec::new();
        encode(packet, Version::V5, &mut bytes).expect("a good packet");
        assert_eq!(self.conversation.receive(&bytes, self.now), bytes.len());
    }

    fn deliver(&mut self, qos: QoS, number: u64) {
        let message = Message::own(TopicName::parse("t").expect("valid"), "x", false);
        let delivery = Delivery { number, ..Delivery::new(Arc::new(Message { qos, ..message }), qos) };
        self.conversation.deliver(delivery, self.now);
    }

    /// Ends the turn: what was posted in it, and what leaves.
    fn turn(&mut self) -> (Vec<Entry>, Vec<PacketType>) {
        self.conversation.end_turn();
        (self.posts.try_iter().flat_map(|post| post.entries).collect(), self.said())
    }

    /// What leaves when the disk has everything up to this post.
    fn durable(&mut self, post: u64) -> Vec<PacketType> {
        self.conversation.note(Note::Durable(post), self.now);
        self.said()
    }

    fn said(&mut self) -> Vec<PacketType> {
        let bytes = std::mem::take(self.conversation.output());
        let (mut rest, mut said) = (&bytes[..], Vec::new());
        while let Ok(Split::Packet { frame, length }) = split(rest, usize::MAX) {
            said.push(frame.packet_type());
            rest = &rest[length..];
        }
        said
    }
}

fn acknowledge(id: u16) -> Acknowledge {
    Acknowledge::success(NonZeroU16::new(id).expect("not 0"))
}

#[test]
fn everything_waits_for_the_disk_in_its_order() {
    let mut talk = Talk::with(3600);
    assert!(matches!(talk.turn(), (entries, said) if entries.is_empty() && said.is_empty()));
    assert_eq!(talk.durable(1), [PacketType::Connack]);

    talk.deliver(QoS::ExactlyOnce, 5);
    let (entries, said) = talk.turn();
    assert!(matches!(entries[..], [Entry::Sent(SessionNumber(1), 5, PacketId::MIN)]) && said.is_empty());
    talk.hear(&Packet::Pingreq);
    assert!(matches!(talk.turn(), (entries, said) if entries.is_empty() && said.is_empty()));
    assert_eq!(talk.durable(2), [PacketType::Publish, PacketType::Pingresp]);

    talk.hear(&Packet::Pubrec(acknowledge(1)));
    let (entries, said) = talk.turn();
    assert!(matches!(entries[..], [Entry::Received(_, 5, PacketId::MIN)]) && said.is_empty());
    assert_eq!(talk.durable(3), [PacketType::Pubrel]);
    talk.hear(&Packet::Pubcomp(acknowledge(1)));
    talk.hear(&Packet::Pingreq);
    let (entries, said) = talk.turn();
    assert!(matches!(entries[..], [Entry::Done(_, 5)]));
    assert_eq!(said, [PacketType::Pingresp], "nothing speaks of what is done with");
}

#[test]
fn a_message_is_released_on_the_disk_before_that_is_confirmed() {
    let mut talk = Talk::with(3600);
    talk.turn();
    talk.durable(1);
    let publish = Packet::Publish(Publish {
        dup: false,
        qos: QoS::ExactlyOnce,
        retain: false,
        topic: Some(TopicName::parse("t").expect("valid")),
        packet_id: NonZeroU16::new(9),
        properties: Properties::new(),
        payload: Vec::new(),
    });
    talk.hear(&publish);
    // The bus has written down that it came, and the store has passed its answer on.
    talk.conversation.note(Note::Done(1, Ok(Done::Published(true))), talk.now);
    assert_eq!(talk.turn().1, [PacketType::Pubrec]);
    talk.hear(&Packet::Pubrel(acknowledge(9)));
    let (entries, said) = talk.turn();
    assert!(matches!(entries[..], [Entry::Released(..)]) && said.is_empty());
    assert_eq!(talk.durable(2), [PacketType::Pubcomp]);
}

#[test]
fn who_has_no_session_waits_for_nothing() {
    let mut talk = Talk::with(0);
    assert_eq!(talk.turn().1, [PacketType::Connack]);
    talk.deliver(QoS::AtLeastOnce, 0);
    let (entries, said) = talk.turn();
    assert!(entries.is_empty());
    assert_eq!(said, [PacketType::Publish]);
}

#[test]
fn what_is_said_last_waits_too_and_the_end_waits_for_it() {
    let mut talk = Talk::with(3600);
    talk.turn();
    talk.durable(1);
    talk.deliver(QoS::AtLeastOnce, 5);
    talk.conversation.close(Refusal::stopping(), talk.now);
    let (entries, said) = talk.turn();
    assert!(matches!(entries[..], [Entry::Sent(..)]) && said.is_empty() && !talk.conversation.is_over());
    assert_eq!(talk.durable(2), [PacketType::Publish, PacketType::Disconnect]);
    assert!(talk.conversation.is_over());
}
