//! A record: the entries of one transaction as bytes, which count together or not at all.
//!
//! ```text
//! u32 length | u32 CRC of the length | u32 CRC of the body | body
//! ```
//!
//! The length has a checksum of its own, because a wrong one would make everything behind it look like a record that
//! was cut off.  In the body, an entry is its kind and its fields; numbers are big-endian, texts have their length in
//! front.  A message is a PUBLISH of MQTT 5.0; one that several entries in a row are about is written once.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Instant;

use super::clock::{Clock, Due, seconds};
use super::entry::{Entry, SessionNumber};
use crate::domain::{ClientId, UserName};
use crate::gateway::mqtt::broker::Subscription;
use crate::gateway::mqtt::kept::{Expiry, Progress};
use crate::gateway::{Body, Delivery, Message};
use crate::wire::mqtt::{
    Packet, PacketId, Property, PublishView, QoS, Split, SubscribeOptions, TopicFilter, TopicName, Version,
    decode as decode_packet, split,
};
use crate::wire::reader::{ReadError, Reader};

/// How long the part in front of a body is.
pub(super) const HEAD: usize = 12;

/// The longest body: the largest packet, twice, and what belongs to it.  A greater length is damage.
pub(super) const LONGEST_BODY: usize = 64 << 20;

/// Why a body can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadRecord;

/// Writes entries, one record after the other.
pub(super) struct Records<'a> {
    clock: &'a Clock,
    out: Vec<u8>,
    /// Where the record begins that is being written.
    start: usize,
    last: Option<Arc<Message>>,
}

/// What stands before a message: whether it is written out.
const NEW: u8 = 0;
const SAME: u8 = 1;

impl<'a> Records<'a> {
    pub(super) fn new(clock: &'a Clock) -> Records<'a> {
        Records { clock, out: vec![0; HEAD], start: 0, last: None }
    }

    /// Adds an entry to the record; one that can't be written leaves it as it was.
    pub(super) fn add(&mut self, entry: &Entry) -> Result<(), BadRecord> {
        let before = self.out.len();
        let result = self.put(entry);
        if result.is_err() {
            self.out.truncate(before);
        }
        result
    }

    /// How long the body is so far.
    pub(super) fn body(&self) -> usize {
        self.out.len() - self.start - HEAD
    }

    /// Ends the record, if there is anything in it; the next entry begins another.
    pub(super) fn end(&mut self) {
        let length = self.body();
        if length == 0 {
            return;
        }
        // What is longer can't be read again, so it is no record at all.
        let Some(written) = u32::try_from(length).ok().filter(|_| length <= LONGEST_BODY) else {
            log::error!("{length} bytes at once are more than is kept");
            self.out.truncate(self.start + HEAD);
            return;
        };
        let body = crc32fast::hash(&self.out[self.start + HEAD..]);
        let head = &mut self.out[self.start..self.start + HEAD];
        head[..4].copy_from_slice(&written.to_be_bytes());
        head[4..8].copy_from_slice(&crc32fast::hash(&written.to_be_bytes()).to_be_bytes());
        head[8..].copy_from_slice(&body.to_be_bytes());
        self.start = self.out.len();
        self.out.resize(self.start + HEAD, 0);
        self.last = None;
    }

    /// The complete records, which are given away.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let rest = self.out.split_off(self.start);
        self.start = 0;
        std::mem::replace(&mut self.out, rest)
    }

    fn put(&mut self, entry: &Entry) -> Result<(), BadRecord> {
        self.out.push(kind(entry));
        match entry {
            Entry::Retain(message) => return self.message(message),
            Entry::Clear(topic) => return self.text(topic.as_str()),
            _ => {}
        }
        self.u64(session(entry).0);
        match entry {
            Entry::Begin(_, client, expiry) => {
                self.text(client.as_str())?;
                self.u32(seconds(*expiry));
            }
            Entry::Owner(_, user) => self.text(user.as_str())?,
            Entry::Subscribe(_, filter, subscription) => {
                self.text(filter.as_str())?;
                self.out.push(subscription.options.byte(Version::V5));
                self.u32(subscription.id.map_or(0, NonZeroU32::get));
            }
            Entry::Unsubscribe(_, filter) => self.text(filter.as_str())?,
            Entry::Queue(_, delivery) => self.delivery(delivery)?,
            Entry::Sent(_, number, id) | Entry::Received(_, number, id) => {
                self.u64(*number);
                self.out.extend(id.get().to_be_bytes());
            }
            Entry::Done(_, number) => self.u64(*number),
            Entry::Incoming(_, id, progress) => {
                self.out.extend(id.get().to_be_bytes());
                self.out.push(u8::from(*progress == Progress::Taken));
            }
            Entry::Released(_, id) => self.out.extend(id.get().to_be_bytes()),
            Entry::Left(_, at, will) => {
                self.u64(self.clock.past(*at));
                self.out.push(u8::from(will.is_some()));
                if let Some((will, due)) = will {
                    self.due(*due);
                    self.message(will)?;
                }
            }
            Entry::Came(_, expiry) => self.u32(seconds(*expiry)),
            Entry::Retain(_) | Entry::Clear(_) | Entry::End(_) => {}
        }
        Ok(())
    }

    fn delivery(&mut self, delivery: &Delivery) -> Result<(), BadRecord> {
        self.u64(delivery.number);
        self.out.push(delivery.qos.bits() | if delivery.retain { RETAIN } else { 0 });
        let ids = u16::try_from(delivery.subscription_ids.len()).map_err(|_| BadRecord)?;
        self.out.extend(ids.to_be_bytes());
        for id in &delivery.subscription_ids {
            self.u32(id.get());
        }
        self.text(delivery.share.as_ref().map_or("", TopicFilter::as_str))?;
        self.message(&delivery.message)
    }

    fn message(&mut self, message: &Arc<Message>) -> Result<(), BadRecord> {
        if self.last.as_ref().is_some_and(|last| Arc::ptr_eq(last, message)) {
            self.out.push(SAME);
            return Ok(());
        }
        self.out.push(NEW);
        self.text(message.sender.as_ref().map_or("", ClientId::as_str))?;
        self.out.push(u8::from(message.expires.is_some()));
        if let Some(expires) = message.expires {
            self.due(expires);
        }
        let mut properties = message.properties.clone();
        // How long a will waits is no property of a PUBLISH: when it is due stands beside it.
        properties.retain(|property| !matches!(property, Property::WillDelayInterval(_)));
        let publish = PublishView {
            dup: false,
            qos: message.qos,
            retain: message.retain,
            topic: Some(&message.topic),
            packet_id: (message.qos != QoS::AtMostOnce).then_some(PacketId::MIN),
            properties: properties.as_slice(),
            delivery_properties: &[],
            payload: message.payload(),
        };
        self.u32(u32::try_from(publish.encoded_size(Version::V5)).map_err(|_| BadRecord)?);
        publish.encode(Version::V5, &mut self.out).map_err(|_| BadRecord)?;
        self.last = Some(message.clone());
        Ok(())
    }

    fn due(&mut self, deadline: Instant) {
        let due = self.clock.due(deadline);
        self.u64(due.epoch_ms);
        self.u64(due.left_ms);
    }

    fn text(&mut self, text: &str) -> Result<(), BadRecord> {
        let length = u16::try_from(text.len()).map_err(|_| BadRecord)?;
        self.out.extend(length.to_be_bytes());
        self.out.extend(text.as_bytes());
        Ok(())
    }

    fn u32(&mut self, number: u32) {
        self.out.extend(number.to_be_bytes());
    }

    fn u64(&mut self, number: u64) {
        self.out.extend(number.to_be_bytes());
    }
}

/// The retain flag of a delivery, beside its quality of service.
const RETAIN: u8 = 0b100;

/// The length of a body, if its head is whole.
pub(super) fn length(head: [u8; HEAD]) -> Result<usize, BadRecord> {
    let mut reader = Reader::new(&head);
    let length = reader.u32()?;
    let good = reader.u32()? == crc32fast::hash(&length.to_be_bytes());
    let length = usize::try_from(length).map_err(|_| BadRecord)?;
    if good && (1..=LONGEST_BODY).contains(&length) { Ok(length) } else { Err(BadRecord) }
}

/// Reads the body that belongs to a head.
pub(super) fn read(head: [u8; HEAD], body: &[u8], clock: &Clock) -> Result<Vec<Entry>, BadRecord> {
    if crc32fast::hash(body).to_be_bytes() != head[8..] {
        return Err(BadRecord);
    }
    decode(body, clock)
}

fn decode(body: &[u8], clock: &Clock) -> Result<Vec<Entry>, BadRecord> {
    let mut decoder = Decoder { reader: Reader::new(body), clock, last: None };
    let mut entries = Vec::new();
    while !decoder.reader.is_empty() {
        entries.push(decoder.entry()?);
    }
    Ok(entries)
}

struct Decoder<'a> {
    reader: Reader<'a>,
    clock: &'a Clock,
    last: Option<Arc<Message>>,
}

impl Decoder<'_> {
    fn entry(&mut self) -> Result<Entry, BadRecord> {
        let kind = self.reader.u8()?;
        match kind {
            1 => return Ok(Entry::Retain(self.message()?)),
            2 => return Ok(Entry::Clear(TopicName::parse(self.text()?).map_err(|_| BadRecord)?)),
            _ => {}
        }
        let session = SessionNumber(self.u64()?);
        Ok(match kind {
            3 => {
                let client = ClientId::parse(self.text()?).map_err(|_| BadRecord)?;
                Entry::Begin(session, client, Expiry::from_seconds(self.reader.u32()?))
            }
            4 => {
                let filter = self.filter()?;
                let byte = self.reader.u8()?;
                let options = SubscribeOptions::from_byte(byte, Version::V5).map_err(|_| BadRecord)?;
                let id = NonZeroU32::new(self.reader.u32()?);
                Entry::Subscribe(session, filter, Subscription { options, id })
            }
            5 => Entry::Unsubscribe(session, self.filter()?),
            6 => Entry::Queue(session, self.delivery()?),
            7 => Entry::Sent(session, self.u64()?, self.packet_id()?),
            8 => Entry::Received(session, self.u64()?, self.packet_id()?),
            9 => Entry::Done(session, self.u64()?),
            10 => {
                let id = self.packet_id()?;
                let progress = if self.flag()? { Progress::Taken } else { Progress::Unknown };
                Entry::Incoming(session, id, progress)
            }
            11 => Entry::Released(session, self.packet_id()?),
            12 => {
                let at = self.u64()?;
                let will = match self.flag()? {
                    true => Some((self.due()?, self.message()?)),
                    false => None,
                };
                let will = will.map(|(due, will)| (will, due));
                Entry::Left(session, self.clock.moment(at), will)
            }
            13 => Entry::Came(session, Expiry::from_seconds(self.reader.u32()?)),
            14 => Entry::End(session),
            15 => Entry::Owner(session, UserName::parse(self.text()?).map_err(|_| BadRecord)?),
            _ => return Err(BadRecord),
        })
    }

    fn delivery(&mut self) -> Result<Delivery, BadRecord> {
        let number = self.u64()?;
        let flags = self.reader.u8()?;
        let qos = QoS::from_bits(flags & !RETAIN).ok_or(BadRecord)?;
        let ids = self.reader.u16()?;
        let subscription_ids = (0..ids)
            .map(|_| NonZeroU32::new(self.reader.u32()?).ok_or(BadRecord))
            .collect::<Result<Vec<_>, _>>()?;
        let share = match self.text()? {
            "" => None,
            text => Some(TopicFilter::parse(text).map_err(|_| BadRecord)?),
        };
        let delivery = Delivery::new(self.message()?, qos);
        Ok(Delivery { number, retain: flags & RETAIN != 0, subscription_ids, share, ..delivery })
    }

    fn message(&mut self) -> Result<Arc<Message>, BadRecord> {
        if self.flag()? {
            return self.last.clone().ok_or(BadRecord);
        }
        let sender = match self.text()? {
            "" => None,
            text => Some(ClientId::parse(text).map_err(|_| BadRecord)?),
        };
        let expires = if self.flag()? { Some(self.due()?) } else { None };
        let length = usize::try_from(self.reader.u32()?).map_err(|_| BadRecord)?;
        let bytes = self.reader.bytes(length)?;
        let publish = match split(bytes, usize::MAX) {
            Ok(Split::Packet { frame, length: whole }) if whole == length => {
                match decode_packet(&frame, Version::V5) {
                    Ok(Packet::Publish(publish)) => publish,
                    _ => return Err(BadRecord),
                }
            }
            _ => return Err(BadRecord),
        };
        let message = Arc::new(Message {
            topic: publish.topic.ok_or(BadRecord)?,
            body: Body::Bytes(publish.payload),
            qos: publish.qos,
            retain: publish.retain,
            properties: publish.properties,
            expires,
            sender,
        });
        self.last = Some(message.clone());
        Ok(message)
    }

    fn due(&mut self) -> Result<Instant, BadRecord> {
        let due = Due { epoch_ms: self.u64()?, left_ms: self.u64()? };
        Ok(self.clock.deadline(due))
    }

    fn flag(&mut self) -> Result<bool, BadRecord> {
        match self.reader.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(BadRecord),
        }
    }

    fn filter(&mut self) -> Result<TopicFilter, BadRecord> {
        TopicFilter::parse(self.text()?).map_err(|_| BadRecord)
    }

    fn packet_id(&mut self) -> Result<PacketId, BadRecord> {
        PacketId::new(self.reader.u16()?).ok_or(BadRecord)
    }

    fn text(&mut self) -> Result<&str, BadRecord> {
        let length = self.reader.u16()?;
        std::str::from_utf8(self.reader.bytes(length.into())?).map_err(|_| BadRecord)
    }

    fn u64(&mut self) -> Result<u64, BadRecord> {
        let (high, low) = (self.reader.u32()?, self.reader.u32()?);
        Ok(u64::from(high) << 32 | u64::from(low))
    }
}

fn kind(entry: &Entry) -> u8 {
    match entry {
        Entry::Retain(..) => 1,
        Entry::Clear(..) => 2,
        Entry::Begin(..) => 3,
        Entry::Subscribe(..) => 4,
        Entry::Unsubscribe(..) => 5,
        Entry::Queue(..) => 6,
        Entry::Sent(..) => 7,
        Entry::Received(..) => 8,
        Entry::Done(..) => 9,
        Entry::Incoming(..) => 10,
        Entry::Released(..) => 11,
        Entry::Left(..) => 12,
        Entry::Came(..) => 13,
        Entry::End(..) => 14,
        Entry::Owner(..) => 15,
    }
}

/// The session that an entry belongs to; 0, which none has, for those of what is retained.
pub(super) fn session(entry: &Entry) -> SessionNumber {
    match entry {
        Entry::Retain(_) | Entry::Clear(_) => SessionNumber(0),
        Entry::Begin(session, ..)
        | Entry::Owner(session, _)
        | Entry::Subscribe(session, ..)
        | Entry::Unsubscribe(session, _)
        | Entry::Queue(session, _)
        | Entry::Sent(session, ..)
        | Entry::Received(session, ..)
        | Entry::Done(session, _)
        | Entry::Incoming(session, ..)
        | Entry::Released(session, _)
        | Entry::Left(session, ..)
        | Entry::Came(session, _)
        | Entry::End(session) => *session,
    }
}

impl From<ReadError> for BadRecord {
    fn from(_: ReadError) -> BadRecord {
        BadRecord
    }
}
