//! Memory that was in use for a moment, seen from outside: it goes back to the system.

mod support;

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use gpio_gatekeeper::wire::mqtt::{
    Connect, Properties, Property, Publish, QoS, ReasonCode, SubscribeOptions,
};
use support::PATIENCE;
use support::mqtt::{MqttClient, connect, publish};
use support::program::{Program, simulated};

/// Messages that wait for somebody, and their bytes.
const WAITING: usize = 10_000;
const SIZE: usize = 1000;

/// What the next telemetry from now on says of the resident memory.
fn resident(watcher: &mut MqttClient) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64();
    loop {
        let telemetry = watcher.message_on("pi/system/telemetry");
        let telemetry: serde_json::Value = serde_json::from_str(&telemetry).expect("JSON");
        if telemetry["timestamp"].as_f64().expect("a time") >= now {
            return telemetry["resident"].as_u64().expect("the kernel tells it");
        }
    }
}

#[test]
#[cfg_attr(not(target_env = "gnu"), ignore = "the C library has no way to do it")]
fn what_has_waited_for_an_absent_client_takes_no_memory_when_it_is_taken() {
    let limits = r#""telemetry": "1s", "limits": {"outbox_messages": 100000, "outbox_bytes": 67108864, "queued_bytes": 67108864},"#;
    let daemon = Program::start(&simulated(limits, ""));
    let mut watcher = MqttClient::connect(daemon.mqtt, "watcher");
    watcher.subscribe("pi/system/telemetry");
    let session = || {
        let properties = Properties::new().with(Property::SessionExpiryInterval(3600));
        let connect = Connect { clean_start: false, properties, ..connect("away") };
        MqttClient::connect_with(daemon.mqtt, connect).0
    };
    let mut away = session();
    away.subscribe_with("big/#", SubscribeOptions::plain(QoS::AtLeastOnce), Properties::new());
    away.disconnect(ReasonCode::Success);
    assert_eq!(away.next(), None);

    let mut publisher = MqttClient::connect(daemon.mqtt, "publisher");
    let payload = "x".repeat(SIZE);
    (0..WAITING).for_each(|_| drop(publisher.publish(publish("big/t", &payload))));
    // What stays was allocated after what goes.
    for number in 0..100 {
        publisher.publish(Publish { retain: true, ..publish(&format!("stays/{number}"), "y") });
    }
    let peak = resident(&mut watcher);
    let mut away = session();
    (0..WAITING).for_each(|_| assert_eq!(away.message().payload.len(), SIZE));
    away.disconnect(ReasonCode::Success);

    let until = Instant::now() + PATIENCE;
    // Some of it is not worth the trouble, and some was given back while it came.
    let waited = (WAITING * SIZE) as u64 / 2;
    loop {
        let now = resident(&mut watcher);
        if now + waited < peak {
            break;
        }
        assert!(Instant::now() < until, "{peak} bytes at the peak, and {now} now");
    }
}
