//! Shared subscriptions: each message goes to one of a group, and to another when that one is gone.

use std::num::NonZeroU16;

use gpio_gatekeeper::wire::mqtt::{
    Acknowledge, Connect, Packet, PacketId, Properties, Property, Publish, QoS, ReasonCode, SubscribeOptions,
};

use super::support::Gatekeeper;
use super::support::mqtt::{MqttClient, connect, publish};

const SHARED: &str = "$share/workers/jobs/+";

/// A member of the group that takes one message at a time.
fn worker(gatekeeper: &Gatekeeper, name: &str, qos: QoS, expiry: u32) -> MqttClient {
    let mut asking = Connect { clean_start: false, ..connect(name) };
    asking.properties.push(Property::SessionExpiryInterval(expiry));
    asking.properties.push(Property::ReceiveMaximum(NonZeroU16::MIN));
    let (mut worker, connack) = MqttClient::connect_with(gatekeeper.mqtt(), asking);
    assert!(connack.properties.shared_subscription_available());
    if !connack.session_present {
        worker.subscribe_with(SHARED, SubscribeOptions::plain(qos), Properties::new());
    }
    worker
}

fn job(publisher: &mut MqttClient, payload: &str) {
    assert_eq!(publisher.publish(publish("jobs/a", payload)).reason, ReasonCode::Success);
}

/// A message of QoS 2, as far as the daemon's PUBREC.
fn careful_job(publisher: &mut MqttClient, payload: &str) {
    let packet_id = Some(publisher.packet_id());
    publisher.send(&Packet::Publish(Publish {
        qos: QoS::ExactlyOnce,
        packet_id,
        ..publish("jobs/a", payload)
    }));
    assert!(matches!(publisher.receive(), Packet::Pubrec(_)));
}

/// The next message, which is not acknowledged yet.
fn taken(worker: &mut MqttClient) -> (String, PacketId) {
    match worker.receive() {
        Packet::Publish(publish) => {
            let text = String::from_utf8(publish.payload).expect("UTF-8");
            assert!(!publish.dup);
            (text, publish.packet_id.expect("QoS 1 or 2"))
        }
        other => panic!("no message: {other:?}"),
    }
}

/// Ends a connection without a goodbye, and waits until the gatekeeper knows.
fn lose(gatekeeper: &Gatekeeper, worker: MqttClient, name: &str) {
    let mut watcher = MqttClient::connect(gatekeeper.mqtt(), "");
    let topic = format!("pi/nodes/{name}/status");
    watcher.subscribe(&topic);
    drop(worker);
    while watcher.message_on(&topic) != "offline" {}
}

#[test]
fn each_message_goes_to_one_of_each_group_in_turn() {
    let gatekeeper = Gatekeeper::start();
    let mut workers = ["a", "b", "c"].map(|name| worker(&gatekeeper, name, QoS::AtLeastOnce, 0));
    let mut other = MqttClient::connect(gatekeeper.mqtt(), "other group");
    other.subscribe("$share/others/#");
    let mut alone = MqttClient::connect(gatekeeper.mqtt(), "alone");
    alone.subscribe("jobs/#");
    let mut publisher = MqttClient::connect(gatekeeper.mqtt(), "publisher");
    for round in 0..3 {
        for (number, worker) in workers.iter_mut().enumerate() {
            let payload = format!("{round} {number}");
            job(&mut publisher, &payload);
            assert_eq!(worker.message_on("jobs/a"), payload);
            assert_eq!(other.message_on("jobs/a"), payload);
            assert_eq!(alone.message_on("jobs/a"), payload);
        }
    }
}

#[test]
fn a_subscription_of_ones_own_brings_the_message_beside_the_shared_one() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    let with = |id| Properties::new().with(Property::SubscriptionIdentifier(id));
    let [seven, nine] = [7, 9].map(|id| std::num::NonZeroU32::new(id).expect("not 0"));
    client.subscribe_with("jobs/#", SubscribeOptions::plain(QoS::AtMostOnce), with(seven));
    client.subscribe_with(SHARED, SubscribeOptions::plain(QoS::AtMostOnce), with(nine));
    client.send(&Packet::Publish(publish("jobs/a", "x")));
    for id in [seven, nine] {
        assert_eq!(client.message().properties.subscription_ids().collect::<Vec<_>>(), [id]);
    }
}

#[test]
fn who_does_not_keep_up_gets_less() {
    let gatekeeper = Gatekeeper::start();
    let mut slow = worker(&gatekeeper, "slow", QoS::AtLeastOnce, 0);
    let mut quick = worker(&gatekeeper, "quick", QoS::AtLeastOnce, 0);
    let mut publisher = MqttClient::connect(gatekeeper.mqtt(), "publisher");
    job(&mut publisher, "for the slow one");
    assert_eq!(taken(&mut slow).0, "for the slow one");
    job(&mut publisher, "1");
    assert_eq!(quick.message_on("jobs/a"), "1");
    job(&mut publisher, "waits for the slow one");
    for payload in ["2", "3", "4", "5"] {
        job(&mut publisher, payload);
        assert_eq!(quick.message_on("jobs/a"), payload);
    }
}

#[test]
fn what_a_lost_member_has_not_acknowledged_goes_to_another() {
    let gatekeeper = Gatekeeper::start();
    for expiry in [0, 3600] {
        let mut lost = worker(&gatekeeper, "lost", QoS::AtLeastOnce, expiry);
        let mut publisher = MqttClient::connect(gatekeeper.mqtt(), "publisher");
        job(&mut publisher, "sent");
        assert_eq!(taken(&mut lost).0, "sent");
        job(&mut publisher, "waiting");
        let mut other = worker(&gatekeeper, "other", QoS::AtLeastOnce, 0);
        lose(&gatekeeper, lost, "lost");
        assert_eq!(other.message_on("jobs/a"), "sent");
        assert_eq!(other.message_on("jobs/a"), "waiting");
        other.unsubscribe(SHARED);
    }
    let mut lost = worker(&gatekeeper, "lost", QoS::AtLeastOnce, 3600);
    let mut publisher = MqttClient::connect(gatekeeper.mqtt(), "publisher");
    job(&mut publisher, "nothing of it is left for its session");
    assert_eq!(lost.message_on("jobs/a"), "nothing of it is left for its session");
}

#[test]
fn what_a_member_has_refused_is_for_nobody_else() {
    let gatekeeper = Gatekeeper::start();
    let mut picky = worker(&gatekeeper, "picky", QoS::AtLeastOnce, 0);
    let mut other = worker(&gatekeeper, "other", QoS::AtLeastOnce, 0);
    let mut publisher = MqttClient::connect(gatekeeper.mqtt(), "publisher");
    job(&mut publisher, "refused");
    let (_, packet_id) = taken(&mut picky);
    // [MQTT-4.8.2-6]
    let refusal = Acknowledge { reason: ReasonCode::QuotaExceeded, ..Acknowledge::success(packet_id) };
    picky.send(&Packet::Puback(refusal));
    lose(&gatekeeper, picky, "picky");
    job(&mut publisher, "another");
    assert_eq!(other.message_on("jobs/a"), "another");
}

#[test]
fn what_is_half_done_with_quality_2_stays_with_its_session() {
    let gatekeeper = Gatekeeper::start();
    let mut lost = worker(&gatekeeper, "lost", QoS::ExactlyOnce, 3600);
    let mut publisher = MqttClient::connect(gatekeeper.mqtt(), "publisher");
    careful_job(&mut publisher, "half done");
    let (text, id) = taken(&mut lost);
    assert_eq!(text, "half done");
    careful_job(&mut publisher, "not begun");
    let mut other = worker(&gatekeeper, "other", QoS::ExactlyOnce, 0);
    lose(&gatekeeper, lost, "lost");
    // [MQTT-4.8.2-4]
    let (text, begun) = taken(&mut other);
    assert_eq!(text, "not begun");
    let mut back = worker(&gatekeeper, "lost", QoS::ExactlyOnce, 3600);
    match back.receive() {
        Packet::Publish(again) => assert!(again.dup && again.packet_id == Some(id), "{again:?}"),
        other => panic!("no message: {other:?}"),
    }
    // [MQTT-4.8.2-5] It ends with its session: the other gets the next one.
    let (_afresh, connack) = MqttClient::connect_with(gatekeeper.mqtt(), connect("lost"));
    assert!(!connack.session_present);
    careful_job(&mut publisher, "the next one");
    other.send(&Packet::Pubrec(Acknowledge::success(begun)));
    assert!(matches!(other.receive(), Packet::Pubrel(_)));
    other.send(&Packet::Pubcomp(Acknowledge::success(begun)));
    assert_eq!(taken(&mut other).0, "the next one");
}

#[test]
fn sessions_get_what_nobody_is_there_for_and_pass_it_on_when_they_end() {
    let gatekeeper = Gatekeeper::start();
    for name in ["a", "b"] {
        let absent = worker(&gatekeeper, name, QoS::AtLeastOnce, 3600);
        lose(&gatekeeper, absent, name);
    }
    let mut publisher = MqttClient::connect(gatekeeper.mqtt(), "publisher");
    for payload in ["1", "2", "3", "4"] {
        job(&mut publisher, payload);
    }
    // The other session begins afresh, and so has to let its messages go.
    let (_b, connack) = MqttClient::connect_with(gatekeeper.mqtt(), connect("b"));
    assert!(!connack.session_present);
    let mut a = worker(&gatekeeper, "a", QoS::AtLeastOnce, 3600);
    for payload in ["1", "3", "2", "4"] {
        assert_eq!(a.message_on("jobs/a"), payload);
    }
}

#[test]
fn members_that_are_there_come_before_sessions_that_wait() {
    let gatekeeper = Gatekeeper::start();
    let absent = worker(&gatekeeper, "absent", QoS::AtLeastOnce, 3600);
    lose(&gatekeeper, absent, "absent");
    // [MQTT-4.8.2-3] Each has the quality that it was granted.
    let mut present = worker(&gatekeeper, "present", QoS::AtMostOnce, 0);
    let mut publisher = MqttClient::connect(gatekeeper.mqtt(), "publisher");
    for payload in ["1", "2"] {
        job(&mut publisher, payload);
        let message = present.message();
        assert_eq!((message.payload, message.qos), (payload.as_bytes().to_vec(), QoS::AtMostOnce));
    }
}

#[test]
fn a_group_gets_no_retained_messages_and_ends_with_its_last_member() {
    let gatekeeper = Gatekeeper::start();
    let mut client = MqttClient::connect(gatekeeper.mqtt(), "me");
    client.publish(Publish { retain: true, ..publish("jobs/old", "retained") });
    client.subscribe(SHARED);
    client.send(&Packet::Publish(publish("jobs/a", "new")));
    assert_eq!(client.message().payload, b"new");
    assert_eq!(client.unsubscribe(SHARED), ReasonCode::Success);
    assert_eq!(client.unsubscribe(SHARED), ReasonCode::NoSubscriptionExisted);
    assert_eq!(client.publish(publish("jobs/a", "x")).reason, ReasonCode::NoMatchingSubscribers);
}
