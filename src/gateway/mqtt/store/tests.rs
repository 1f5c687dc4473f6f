//! What is written is read again, whatever happens to the file; and the store goes on whatever happens to the disk.

use std::fs;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use tempfile::TempDir;

use super::clock::Clock;
use super::entry::{Entry, SessionNumber};
use super::file::Folder;
use super::mirror::Mirror;
use super::record::{self, HEAD, Records};
use crate::domain::{ClientId, UserName};
use crate::gateway::mqtt::broker::Subscription;
use crate::gateway::mqtt::kept::{Expiry, Progress};
use crate::gateway::{Delivery, Message};
use crate::wire::mqtt::{PacketId, Property, QoS, SubscribeOptions, TopicFilter, TopicName};

fn clock() -> Clock {
    // Far from the machine's start, so that there is a past, and in whole milliseconds as the file has it.
    Clock { now: Instant::now(), epoch_ms: 1_700_000_000_000 }
}

pub(super) fn message(topic: &str, payload: &str, expires: Option<Instant>) -> Arc<Message> {
    let mut message = Message::own(TopicName::parse(topic).expect("valid"), payload, true);
    message.sender = Some(ClientId::parse("sender").expect("valid"));
    message.properties.push(Property::UserProperty("name".to_owned(), "value".to_owned()));
    message.expires = expires;
    Arc::new(message)
}

/// Entries about few sessions, messages and topics, so that they have to do with each other.
fn entry(clock: Clock) -> impl Strategy<Value = Entry> {
    let session = (1..4u64).prop_map(SessionNumber);
    let id = (1..5u16).prop_map(|id| PacketId::new(id).expect("not 0"));
    let expiry =
        prop_oneof![Just(Expiry::Never), (1..9u64).prop_map(|s| Expiry::After(Duration::from_secs(s)))];
    let filter = prop_oneof![Just("a/+"), Just("#"), Just("$share/g/a")];
    let filter = filter.prop_map(|filter| TopicFilter::parse(filter).expect("valid"));
    let later = prop::option::of((0..9000u64).prop_map(move |ms| clock.now + Duration::from_millis(ms)));
    let message =
        ("[ab]", "[xyz]{0,20}", later).prop_map(|(topic, payload, at)| message(&topic, &payload, at));
    let delivery = (message.clone(), 1..9u64, prop::option::of(filter.clone()), any::<bool>(), 1..99u32);
    let delivery = delivery.prop_map(|(message, number, share, retain, id)| Delivery {
        number,
        share,
        retain,
        subscription_ids: NonZeroU32::new(id).into_iter().collect(),
        ..Delivery::new(message, QoS::ExactlyOnce)
    });
    let all = (session, id, expiry, filter, message, delivery, 0..9000u64);
    (0..15u8, all).prop_map(move |(kind, (session, id, expiry, filter, message, delivery, ms))| {
        let number = delivery.number;
        let options = SubscribeOptions { no_local: ms % 2 == 0, ..SubscribeOptions::plain(QoS::AtLeastOnce) };
        let span = Duration::from_millis(ms);
        match kind {
            0 => Entry::Retain(message),
            1 => Entry::Clear(message.topic.clone()),
            2 => Entry::Begin(session, ClientId::parse("me").expect("valid"), expiry),
            3 => Entry::Subscribe(session, filter, Subscription { options, id: NonZeroU32::new(7) }),
            4 => Entry::Unsubscribe(session, filter),
            5 => Entry::Queue(session, delivery),
            6 => Entry::Sent(session, number, id),
            7 => Entry::Received(session, number, id),
            8 => Entry::Done(session, number),
            9 => Entry::Incoming(session, id, if ms % 2 == 0 { Progress::Taken } else { Progress::Unknown }),
            10 => Entry::Released(session, id),
            11 => Entry::Left(session, clock.now - span, Some((message, clock.now + span))),
            12 => Entry::Came(session, expiry),
            13 => Entry::Owner(session, UserName::parse("anna").expect("valid")),
            _ => Entry::End(session),
        }
    })
}

fn transactions(clock: Clock) -> impl Strategy<Value = Vec<Vec<Entry>>> {
    prop::collection::vec(prop::collection::vec(entry(clock), 1..6), 1..8)
}

fn bytes(transactions: &[Vec<Entry>], clock: &Clock) -> Vec<u8> {
    let mut records = Records::new(clock);
    for entries in transactions {
        entries.iter().for_each(|entry| records.add(entry).expect("it can be written"));
        records.end();
    }
    records.take()
}

fn mirror(transactions: &[Vec<Entry>]) -> Mirror {
    let mut mirror = Mirror::default();
    transactions.iter().flatten().cloned().for_each(|entry| mirror.apply(entry));
    mirror
}

/// Everything that it holds, to be compared.
fn told(mirror: &Mirror) -> String {
    format!("{:?}", mirror.entries().collect::<Vec<_>>())
}

/// A folder with a log of these records.
fn folder(records: &[u8], clock: &Clock) -> (TempDir, Folder, PathBuf) {
    let place = tempfile::tempdir().expect("a temporary folder");
    let folder = Folder::open(&place.path().join("state")).expect("it can be made");
    folder.replace(&Mirror::default(), clock).expect("it can be written").append(records).expect("it too");
    let log = place.path().join("state/sessions.log");
    (place, folder, log)
}

fn damaged(place: &TempDir) -> usize {
    let entries = fs::read_dir(place.path().join("state")).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"));
    names.filter(|name| name.contains("corrupt")).count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_written_is_read_again_and_a_snapshot_says_the_same(
        (clock, transactions) in Just(clock()).prop_flat_map(|clock| (Just(clock), transactions(clock)))
    ) {
        let live = mirror(&transactions);
        let (_place, folder, _) = folder(&bytes(&transactions, &clock), &clock);
        prop_assert_eq!(told(&folder.read(&clock).expect("it can be read")), told(&live));
        folder.replace(&live, &clock).expect("it can be written");
        prop_assert_eq!(told(&folder.read(&clock).expect("it can be read")), told(&live));
        prop_assert!(live.sessions.keys().all(|number| number.0 < live.next_number()));
    }

    /// Every byte that is wrong, and every length at which the file may end.
    #[test]
    fn a_damaged_log_is_good_up_to_the_damage_and_says_nothing_that_was_not_said(
        (clock, transactions) in Just(clock()).prop_flat_map(|clock| (Just(clock), transactions(clock))),
        flip in 1..=255u8,
    ) {
        let (place, folder, log) = folder(&bytes(&transactions, &clock), &clock);
        let whole = fs::read(&log).expect("it is there");
        let so_far: Vec<String> = (0..=transactions.len()).map(|n| told(&mirror(&transactions[..n]))).collect();
        let header = whole.len() - bytes(&transactions, &clock).len();
        let mut ends = vec![header];
        for entries in &transactions {
            ends.push(ends.last().expect("one") + bytes(std::slice::from_ref(entries), &clock).len());
        }
        for place in 0..whole.len() {
            let good = ends.iter().rposition(|end| *end <= place).unwrap_or(0);
            let mut wrong = whole.clone();
            wrong[place] ^= flip;
            for text in [&whole[..place], &wrong] {
                fs::write(&log, text).expect("it can be written");
                let read = folder.read(&clock).expect("it can be read");
                prop_assert!(told(&read) == so_far[good], "byte {}", place);
            }
        }
        prop_assert_eq!(damaged(&place), 3);
    }

    #[test]
    fn a_body_of_any_bytes_is_refused_or_read(
        (clock, transactions) in Just(clock()).prop_flat_map(|clock| (Just(clock), transactions(clock))),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut body = bytes(&transactions[..1], &clock).split_off(HEAD);
        let place = place.index(body.len());
        body[place] = byte;
        let mut head = [0; HEAD];
        head[8..].copy_from_slice(&crc32fast::hash(&body).to_be_bytes());
        let mut mirror = Mirror::default();
        record::read(head, &body, &clock).into_iter().flatten().for_each(|entry| mirror.apply(entry));
    }
}

#[test]
fn only_a_torn_tail_is_dropped_in_silence() {
    let clock = clock();
    let begin =
        |number| Entry::Begin(SessionNumber(number), ClientId::parse("me").expect("valid"), Expiry::Never);
    let records = bytes(&[vec![begin(1)], vec![begin(2)]], &clock);
    let (place, folder, log) = folder(&records, &clock);
    let whole = fs::read(&log).expect("it is there");
    let last = whole.len() - records.len() / 2;
    let read = |text: &[u8]| {
        fs::write(&log, text).expect("it can be written");
        (folder.read(&clock).expect("it can be read").sessions.len(), damaged(&place))
    };
    for end in last..whole.len() {
        assert_eq!(read(&whole[..end]), (1, 0), "cut at byte {end}");
    }
    let mut wrong = whole.clone();
    *wrong.last_mut().expect("bytes") ^= 1;
    assert_eq!(read(&wrong), (1, 0), "its checksum is wrong");
    assert_eq!(read(&[&whole[..], &[0; 5000]].concat()), (2, 0), "bytes that never came");
    wrong.extend(&records);
    assert_eq!(read(&wrong), (1, 1), "damage with something behind it");
    assert_eq!(read(b"something else"), (0, 2), "no log at all");
    let mut newer = whole.clone();
    newer[11] += 1;
    assert_eq!(read(&newer), (0, 3), "another version");
    assert_eq!(read(&newer), (0, 3), "so many are kept");
    assert_eq!(read(b""), (0, 3), "nothing was written yet");
}

#[test]
fn what_has_expired_is_forgotten_and_numbers_go_on() {
    let clock = clock();
    let session = SessionNumber(3);
    let late = clock.now + Duration::from_secs(5);
    let queue = |number, expires| {
        let delivery = Delivery::new(message("t", "x", expires), QoS::AtLeastOnce);
        Entry::Queue(session, Delivery { number, ..delivery })
    };
    let mut mirror = mirror(&[vec![
        Entry::Begin(session, ClientId::parse("me").expect("valid"), Expiry::Never),
        queue(7, Some(late)),
        queue(8, None),
        queue(5, Some(late)),
        Entry::Sent(session, 5, PacketId::MIN),
        Entry::Retain(message("r", "x", Some(late))),
    ]]);
    assert_eq!((mirror.next_number(), mirror.retained().len()), (9, 1));
    mirror.forget_expired(late);
    assert_eq!((mirror.sessions[&session].messages.len(), mirror.retained().len()), (2, 0));
    assert_eq!(Mirror::default().next_number(), 1);
}

#[test]
fn a_folder_belongs_to_one_gatekeeper() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let path = place.path().join("state");
    let first = Folder::open(&path).expect("it can be made");
    let error = Folder::open(&path).expect_err("it is taken").to_string();
    assert!(error.contains("another gatekeeper") && error.contains("state_folder"), "{error}");
    drop(first);
    Folder::open(&path).expect("it is free again");
    let error = Folder::open(&place.path().join("no/where")).expect_err("no parent").to_string();
    assert!(error.contains("parent folder"), "{error}");
}
