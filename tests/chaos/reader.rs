//! A subscriber with a session that outlives the daemon: what comes to it, and how often.

use std::collections::HashSet;

use gpio_gatekeeper::wire::mqtt::{
    Acknowledge, Packet, PacketId, Properties, QoS, Subscribe, SubscribeOptions, TopicFilter,
};

use super::books::Book;
use super::house::Addresses;
use super::mqtt::{Link, durable};
use super::tempo::Tempo;

/// Where messages are published.
pub const TOPIC: &str = "chaos/messages";
/// The last message.
pub const THE_END: &str = "the end";
/// So many packets it takes at most on one connection.
const PACKETS: u64 = 3000;

/// Subscribes, before anybody publishes.
pub fn subscribe(addresses: Addresses, name: &str) {
    let (mut link, _) = Link::connect(addresses.mqtt, durable(name)).expect("the daemon is there");
    let filters =
        vec![(TopicFilter::parse(TOPIC).expect("valid"), SubscribeOptions::plain(QoS::ExactlyOnce))];
    let subscribe = Subscribe { packet_id: PacketId::MIN, properties: Properties::new(), filters };
    link.send(&Packet::Subscribe(subscribe)).expect("the daemon is there");
    assert!(matches!(link.next(), Some(Packet::Suback(_))));
}

/// Reads until the last message has come.
pub fn run(addresses: Addresses, name: String, mut tempo: Tempo) -> Book {
    let mut book = Book::of(&name);
    // What of QoS 2 is not released.
    let mut open = HashSet::new();
    loop {
        let goes_on = tempo.pause(60);
        let Some((mut link, connack)) = Link::connect(addresses.mqtt, durable(&name)) else { continue };
        assert!(connack.session_present, "the session of {name} is lost");
        let mut most = if goes_on { 1 + tempo.below(PACKETS) } else { u64::MAX };
        while most > 0 {
            let Some(packet) = link.next() else { break };
            most -= 1;
            let answer = match packet {
                Packet::Publish(publish) => {
                    let id = publish.packet_id.expect("QoS 1 or 2");
                    let text = String::from_utf8(publish.payload).expect("UTF-8");
                    if text == THE_END {
                        return book;
                    }
                    if open.insert(id) {
                        book.received.push(text);
                    }
                    Packet::Pubrec(Acknowledge::success(id))
                }
                Packet::Pubrel(pubrel) => {
                    open.remove(&pubrel.packet_id);
                    Packet::Pubcomp(Acknowledge::success(pubrel.packet_id))
                }
                other => panic!("{other:?}"),
            };
            // What is read last may stay unanswered.
            if most == 0 || link.send(&answer).is_err() {
                break;
            }
        }
    }
}
