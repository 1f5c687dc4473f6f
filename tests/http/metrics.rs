//! `/metrics`, read with the rules that Prometheus has for it.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::support::Gatekeeper;
use super::support::http::get;
use super::support::line::LineClient;
use super::support::mqtt::{MqttClient, publish};

/// Every sample by its name and labels.
type Samples = BTreeMap<String, f64>;

fn scrape(gatekeeper: &Gatekeeper) -> Samples {
    let answer = get(gatekeeper.http(), "/metrics");
    assert_eq!(answer.header("Content-Type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    parse(&answer.body)
}

/// Checks the text and reads it: each family stands together, with HELP and TYPE before its samples, once.
fn parse(text: &str) -> Samples {
    assert!(text.ends_with('\n'));
    let (mut kinds, mut helped) = (HashMap::new(), HashSet::new());
    let (mut samples, mut family) = (Samples::new(), "");
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, words) = help.split_once(' ').expect("a name and words");
            assert!(helped.insert(name) && !words.is_empty(), "{line}");
            family = name;
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a name and a kind");
            assert!(name == family && ["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(kinds.insert(name, kind).is_none(), "{line}");
        } else {
            let (key, value) = line.rsplit_once(' ').expect("a sample");
            let name = key.split('{').next().expect("a name");
            let ends: &[&str] =
                if kinds[family] == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
            assert!(ends.iter().any(|end| name.strip_suffix(end) == Some(family)), "{line} in {family}");
            assert!(name.starts_with("gatekeeper_"), "{line}");
            assert_eq!(kinds[family] == "counter", name.ends_with("_total"), "{line}");
            if let Some((_, labels)) = key.split_once('{') {
                let labels = labels.strip_suffix("\"}").expect("labels end");
                assert!(labels.split("\",").all(|label| label.contains("=\"")), "{line}");
            }
            assert!(
                samples.insert(key.to_owned(), value.parse().expect("a number")).is_none(),
                "twice: {line}"
            );
        }
    }
    assert_eq!(kinds.len(), helped.len());
    samples
}

#[test]
fn leases_are_counted_while_they_are_held() {
    let gatekeeper = Gatekeeper::start();
    let mut client = LineClient::patient(gatekeeper.line());
    client.expect("COMMAND=LEASE|DEVICE=led,relay", "REPLY=OK");
    client.expect("COMMAND=LEASE|DEVICE=motor", "REPLY=OK");
    assert_eq!(scrape(&gatekeeper)["gatekeeper_leases"], 2.0);
    client.expect("COMMAND=BREAK|DEVICE=*|REASON=x", "REPLY=OK");
    assert_eq!(scrape(&gatekeeper)["gatekeeper_leases"], 0.0);
}

#[test]
fn the_text_follows_the_rules() {
    let gatekeeper = Gatekeeper::start();
    let samples = scrape(&gatekeeper);
    for name in [
        concat!("gatekeeper_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"}"),
        "gatekeeper_backend_info{backend=\"simulated\",simulated=\"true\"}",
    ] {
        assert_eq!(samples.get(name), Some(&1.0), "{samples:#?}");
    }
    assert!(samples["gatekeeper_process_resident_memory_bytes"] > 100_000.0);
    assert!(samples["gatekeeper_uptime_seconds"] > 0.0);
}

#[test]
fn what_clients_do_is_seen() {
    let gatekeeper = Gatekeeper::start();
    let before = scrape(&gatekeeper);
    let mut mqtt = MqttClient::connect(gatekeeper.mqtt(), "me");
    mqtt.subscribe("t");
    for _ in 0..3 {
        mqtt.publish(publish("t", "x"));
        mqtt.message();
    }
    let _line = LineClient::patient(gatekeeper.line());
    let after = scrape(&gatekeeper);
    let rise = |name: &str| after[name] - before[name];
    assert_eq!(rise("gatekeeper_clients{protocol=\"mqtt\"}"), 1.0);
    assert_eq!(rise("gatekeeper_clients{protocol=\"line\"}"), 1.0);
    assert_eq!(rise("gatekeeper_connections_total{protocol=\"http\"}"), 1.0);
    assert_eq!(rise("gatekeeper_received_publishes_total{protocol=\"mqtt\"}"), 3.0);
    assert_eq!(rise("gatekeeper_subscriptions"), 1.0);
    assert!(rise("gatekeeper_received_bytes_total{protocol=\"mqtt\"}") > 40.0);
    assert_eq!(rise("gatekeeper_received_bytes_total{protocol=\"websocket\"}"), 0.0);
}

#[test]
fn latencies_are_cumulative_and_complete() {
    let gatekeeper = Gatekeeper::start();
    let mut line = LineClient::patient(gatekeeper.line());
    for _ in 0..20 {
        line.expect("COMMAND=DO|DEVICE=led|ACTION=toggle", "REPLY=OK");
    }
    // The last may be answered and not counted yet; the one after it tells that it is.
    line.expect("COMMAND=GET|DEVICE=led", "REPLY=OK");
    let samples = scrape(&gatekeeper);
    let bucket = |key: &str| {
        let bound =
            key.strip_prefix("gatekeeper_command_latency_seconds_bucket{le=\"")?.strip_suffix("\"}")?;
        Some(if bound == "+Inf" { f64::INFINITY } else { bound.parse().expect("a number") })
    };
    let mut buckets: Vec<(f64, f64)> =
        samples.iter().filter_map(|(key, count)| Some((bucket(key)?, *count))).collect();
    buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
    assert_eq!((buckets.len(), buckets[0].0, buckets[14].0), (16, 0.000_025, 1.0));
    assert!(buckets.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{buckets:?}");
    let count = samples["gatekeeper_command_latency_seconds_count"];
    assert!(count >= 20.0 && count == buckets[15].1, "{count} {buckets:?}");
    let sum = samples["gatekeeper_command_latency_seconds_sum"];
    assert!(sum > 0.0 && sum < 20.0, "{sum}");
    assert_eq!(samples["gatekeeper_commands_total"], 21.0);
}
