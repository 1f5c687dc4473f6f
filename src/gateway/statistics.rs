//! `$SYS`: what is counted, as topics with the names that Mosquitto gave them, so that its tools show it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Counters, Message};
use crate::wire::mqtt::TopicName;

/// What was told of it until now.
#[derive(Debug)]
pub struct Statistics {
    counters: Arc<Counters>,
    started: Instant,
    told: HashMap<String, String>,
    loads: Vec<Load>,
    /// When the loads were brought up to date.
    updated: Instant,
}

/// How many of something there were in a minute, averaged over the last minutes.
#[derive(Debug)]
struct Load {
    name: &'static str,
    total: Total,
    before: u64,
    /// One for each of [`AGES`].
    averages: [f64; AGES.len()],
}

/// How many of it there were since the start.
type Total = fn(&Counters) -> u64;

/// What the averages are called, and the age at which something counts a third.
const AGES: [(&str, Duration); 3] = [
    ("1min", Duration::from_secs(60)),
    ("5min", Duration::from_secs(5 * 60)),
    ("15min", Duration::from_secs(15 * 60)),
];

const LOADS: [(&str, Total); 8] = [
    ("messages/received", |c| c.over_mqtt(|traffic| &traffic.frames_received)),
    ("messages/sent", |c| c.over_mqtt(|traffic| &traffic.frames_sent)),
    ("publish/received", |c| c.over_mqtt(|traffic| &traffic.publishes_received)),
    ("publish/sent", |c| c.over_mqtt(|traffic| &traffic.publishes_sent)),
    ("publish/dropped", Counters::all_dropped),
    ("bytes/received", |c| c.over_mqtt(|traffic| &traffic.bytes_received)),
    ("bytes/sent", |c| c.over_mqtt(|traffic| &traffic.bytes_sent)),
    ("sockets", |c| c.over_mqtt(|traffic| &traffic.connections)),
];

impl Statistics {
    /// Of a daemon that was started then.
    pub fn new(counters: Arc<Counters>, started: Instant) -> Statistics {
        let load = |(name, total)| Load { name, total, before: 0, averages: [0.0; AGES.len()] };
        let loads = LOADS.into_iter().map(load).collect();
        Statistics { counters, started, told: HashMap::new(), loads, updated: started }
    }

    /// What is another value than was told before: the first time all of them.
    pub fn news(&mut self, now: Instant) -> Vec<Message> {
        let mut values = vec![
            ("version".to_owned(), concat!("gpio-gatekeeper version ", env!("CARGO_PKG_VERSION")).to_owned()),
            ("uptime".to_owned(), format!("{} seconds", now.duration_since(self.started).as_secs())),
        ];
        let numbers = numbers(&self.counters);
        values.extend(numbers.into_iter().map(|(name, value)| (name.to_owned(), value.to_string())));
        let passed = now.duration_since(self.updated);
        self.updated = now;
        for load in &mut self.loads {
            load.update((load.total)(&self.counters), passed);
            let averages = AGES.iter().zip(load.averages);
            values.extend(
                averages.map(|((age, _), average)| {
                    (format!("load/{}/{age}", load.name), format!("{average:.2}"))
                }),
            );
        }
        values.retain(|(name, value)| self.told.get(name) != Some(value));
        values.into_iter().filter_map(|(name, value)| self.message(name, value)).collect()
    }

    fn message(&mut self, name: String, value: String) -> Option<Message> {
        let topic = TopicName::parse(&format!("$SYS/broker/{name}")).ok()?;
        self.told.insert(name, value.clone());
        Some(Message::own(topic, value, true))
    }
}

fn numbers(counters: &Counters) -> [(&'static str, u64); 18] {
    let bus = &counters.bus;
    let (connected, absent) = (counters.clients.value(), bus.absent_sessions.value());
    let stored = bus.retained_messages.value() + bus.waiting_messages.value();
    [
        ("clients/connected", connected),
        ("clients/disconnected", absent),
        ("clients/total", connected + absent),
        ("clients/maximum", counters.most_clients.value()),
        ("clients/expired", bus.expired_sessions.value()),
        ("connections/socket/count", counters.over_mqtt(|traffic| &traffic.connections)),
        ("messages/received", counters.over_mqtt(|traffic| &traffic.frames_received)),
        ("messages/sent", counters.over_mqtt(|traffic| &traffic.frames_sent)),
        ("messages/stored", stored),
        ("store/messages/count", stored),
        ("store/messages/bytes", bus.retained_bytes.value() + bus.waiting_bytes.value()),
        ("publish/messages/received", counters.over_mqtt(|traffic| &traffic.publishes_received)),
        ("publish/messages/sent", counters.over_mqtt(|traffic| &traffic.publishes_sent)),
        ("publish/messages/dropped", counters.all_dropped()),
        ("bytes/received", counters.over_mqtt(|traffic| &traffic.bytes_received)),
        ("bytes/sent", counters.over_mqtt(|traffic| &traffic.bytes_sent)),
        ("subscriptions/count", bus.subscriptions.value()),
        ("retained messages/count", bus.retained_messages.value()),
    ]
}

impl Load {
    /// What came since then counts the more, the longer that is.
    fn update(&mut self, total: u64, passed: Duration) {
        if passed.is_zero() {
            return;
        }
        let in_a_minute = (total - self.before) as f64 * 60.0 / passed.as_secs_f64();
        self.before = total;
        for (average, (_, age)) in self.averages.iter_mut().zip(AGES) {
            let kept = fading(passed.as_secs_f64() / age.as_secs_f64());
            *average = in_a_minute + kept * (*average - in_a_minute);
        }
    }
}

/// e to the power of `-ages`, to a part in a thousand as far as a load can still be seen: `exp` itself would make
/// the mathematics library part of the process, which is half a megabyte.
fn fading(ages: f64) -> f64 {
    const STEPS: i32 = 1 << 10;
    (1.0 - ages / f64::from(STEPS)).max(0.0).powi(STEPS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(messages: &[Message]) -> HashMap<String, String> {
        let text = |message: &Message| String::from_utf8_lossy(message.payload()).into_owned();
        messages.iter().map(|message| (message.topic.to_string(), text(message))).collect()
    }

    #[test]
    fn all_is_told_at_first_and_then_what_has_changed() {
        let counters = Arc::new(Counters::default());
        let started = Instant::now();
        let mut statistics = Statistics::new(counters.clone(), started);
        let first = told(&statistics.news(started));
        assert_eq!(first.len(), 2 + 18 + LOADS.len() * AGES.len());
        assert_eq!(first["$SYS/broker/uptime"], "0 seconds");
        assert_eq!(first["$SYS/broker/retained messages/count"], "0");
        assert!(statistics.news(started).is_empty());
        counters.websocket.publishes_sent.add(2);
        counters.line.frames_sent.add(5);
        let news = told(&statistics.news(started + Duration::from_secs(60)));
        assert_eq!(news["$SYS/broker/publish/messages/sent"], "2");
        // After a minute with two, a minute counts two thirds of all that is known.
        assert_eq!(news["$SYS/broker/load/publish/sent/1min"], "1.26");
        assert_eq!(news.len(), 5, "what line clients do is not counted: {news:?}");
    }

    #[test]
    fn a_load_goes_to_what_comes_in_a_minute_and_fades() {
        let mut load = Load { name: "", total: |_| 0, before: 0, averages: [0.0; 3] };
        for step in 1..=600 {
            load.update(step * 20, Duration::from_secs(10));
        }
        assert!(load.averages.iter().all(|average| (118.0..=120.0).contains(average)), "{load:?}");
        let before = load.averages;
        load.update(12_000, Duration::from_secs(60));
        assert!((load.averages[0] / before[0] - 0.368).abs() < 0.001, "{load:?}");
        assert!((load.averages[2] / before[2] - 0.935).abs() < 0.001, "{load:?}");
    }
}
