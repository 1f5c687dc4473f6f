//! A client of MQTT that writes what anybody may write with QoS 1, as values and as requests with responses.

use std::collections::HashMap;

use gpio_gatekeeper::wire::mqtt::{
    Packet, Properties, Property, Publish, QoS, Subscribe, SubscribeOptions, TopicFilter,
};
use serde_json::Value;

use super::books::{Book, Command, Delivery, Fate, Numbers, Outcome};
use super::commander::give_up;
use super::devices;
use super::house::Addresses;
use super::mqtt::{Link, outcome, publication};
use super::support::mqtt::{connect, topic_name};
use super::tempo::Tempo;

/// So many bursts a connection sees at most.
const BURSTS: u64 = 30;
/// So many commands are sent at once at most.
const BURST: u64 = 8;
/// One command in so many asks to be retained, and is refused.
const RETAINED: u64 = 20;

/// Commands, for as long as there is time.
pub fn run(addresses: Addresses, name: String, numbers: &Numbers, mut tempo: Tempo) -> Book {
    let mut book = Book::of(&name);
    let mut connection = 0;
    while tempo.pause(60) {
        let Some((mut link, _)) = Link::connect(addresses.mqtt, connect(&name)) else { continue };
        connection += 1;
        let first = book.commands.len();
        let mut responses = HashMap::new();
        let over = converse(&mut link, &mut book, connection, numbers, &mut tempo, &mut responses);
        give_up(&mut book, first);
        for command in &book.commands[first..] {
            let response = responses.get(&command.number);
            let agree = match (&command.fate.outcome, response) {
                (Outcome::Unknown, _) | (_, None) => true,
                (outcome, Some(response)) => outcome == response,
            };
            assert!(agree, "response and PUBACK agree: {command:?} {response:?}");
        }
        if over.is_some() && tempo.once_in(2) {
            link.reset();
        }
    }
    book
}

/// Talks for a while; nothing when the connection has ended before.
fn converse(
    link: &mut Link,
    book: &mut Book,
    connection: u64,
    numbers: &Numbers,
    tempo: &mut Tempo,
    responses: &mut HashMap<u32, Outcome>,
) -> Option<()> {
    let own = format!("pi/rpc/responses/{}", book.client);
    let filters = vec![(TopicFilter::parse(&own).expect("valid"), SubscribeOptions::plain(QoS::AtMostOnce))];
    let packet_id = u16::MAX.try_into().expect("not 0");
    link.send(&Packet::Subscribe(Subscribe { packet_id, properties: Properties::new(), filters })).ok()?;
    for _ in 0..tempo.below(BURSTS) {
        let first = book.commands.len();
        for id in 1..=1 + tempo.below(BURST) as u16 {
            let (number, device) = (numbers.next(), tempo.place(devices::FREE));
            let name = devices::name(device);
            let mut message = match tempo.once_in(2) {
                true => {
                    publication(&format!("pi/devices/{name}/set"), &number.to_string(), QoS::AtLeastOnce, id)
                }
                false => request(&own, &name, number, id),
            };
            message.retain = tempo.once_in(RETAINED);
            book.commands.push(Command {
                number,
                device,
                connection,
                token: None,
                not_after: None,
                delivery: if message.retain { Delivery::Retained } else { Delivery::Once },
                fate: Fate::open(),
            });
            link.send(&Packet::Publish(message)).ok()?;
        }
        if tempo.once_in(30) {
            return Some(());
        }
        let mut open = book.commands.len() - first;
        while open > 0 {
            match link.next()? {
                Packet::Puback(puback) => {
                    let command = &mut book.commands[first + usize::from(puback.packet_id.get()) - 1];
                    command.fate.settle(outcome(&puback));
                    open -= 1;
                }
                Packet::Publish(response) => {
                    drop(responses.insert(number(&response), response_of(&response)))
                }
                _ => {}
            }
        }
        if !tempo.pause(20) {
            break;
        }
    }
    Some(())
}

fn request(own: &str, device: &str, number: u32, id: u16) -> Publish {
    let payload = format!(r#"{{"device": "{device}", "method": "set", "args": [{number}]}}"#);
    let mut request = publication("pi/rpc/commands", &payload, QoS::AtLeastOnce, id);
    request.properties.push(Property::ResponseTopic(topic_name(own)));
    request.properties.push(Property::CorrelationData(number.to_be_bytes().to_vec()));
    request
}

/// Which command a response is to.
fn number(response: &Publish) -> u32 {
    let data = response.properties.correlation_data().and_then(|data| data.try_into().ok());
    u32::from_be_bytes(data.expect("it came with the request"))
}

fn response_of(response: &Publish) -> Outcome {
    let value: Value = serde_json::from_slice(&response.payload).expect("a response is JSON");
    if value["status"] == "success" {
        assert_eq!(value["result"]["value"], f64::from(number(response)), "read back after the write");
        return Outcome::Acknowledged;
    }
    Outcome::Refused(value["code"].as_str().expect("an error has a code").to_owned())
}
