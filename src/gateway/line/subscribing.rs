//! `SUB` and `UNSUB`: what a client wants to be told of, as filters of topics.

use super::about;
use super::commands::Next;
use super::conversation::{LineConversation, Then};
use crate::domain::{Code, Refusal};
use crate::wire::line::Frame;
use crate::wire::mqtt::{QoS, SubscribeOptions, TopicFilter, TopicName};

/// The keys of which one says what a subscription is about.
const SUBJECTS: [&str; 5] = ["DEVICE", "VAR", "LEASE", "LOG", "AUDIT"];
/// The levels of the log, the worst first.
const LEVELS: [&str; 3] = ["error", "warn", "info"];

/// Begins a subscription.
pub(super) fn subscribe(line: &mut LineConversation, frame: &Frame<'_>) -> Result<Next, Refusal> {
    let filters = filters(line, frame)?;
    let ticket = line.ask(frame, Then::Subscribed(filters.clone()));
    if let Some(membership) = &line.membership {
        let options = SubscribeOptions::plain(QoS::AtMostOnce);
        membership.subscribe(filters.into_iter().map(|filter| (filter, options)).collect(), None, ticket);
    }
    Ok(Next::Wait)
}

/// Ends one.
pub(super) fn unsubscribe(line: &mut LineConversation, frame: &Frame<'_>) -> Result<Next, Refusal> {
    let filters = filters(line, frame)?;
    let ticket = line.ask(frame, Then::Unsubscribed(filters.clone()));
    if let Some(membership) = &line.membership {
        membership.unsubscribe(filters, ticket);
    }
    Ok(Next::Wait)
}

/// What it is about: one thing, which may be published in several topics.
fn filters(line: &LineConversation, frame: &Frame<'_>) -> Result<Vec<TopicFilter>, Refusal> {
    let mut named = SUBJECTS.iter().filter_map(|key| frame.get(key).map(|name| (*key, name)));
    let (key, name) = named.next().ok_or_else(|| {
        let message = "DEVICE is missing, or VAR, LEASE, LOG or AUDIT in its place";
        Refusal::new(Code::MissingKey, message)
    })?;
    if let Some((other, _)) = named.next() {
        return Err(Refusal::new(Code::BadValue, format!("give either {key} or {other}, not both")));
    }
    let topics = &line.shared.topics;
    let registry = &line.shared.registry;
    let names = match (key, name) {
        ("DEVICE", "*") => return Ok(vec![topics.every_state()]),
        ("LEASE", "*") => return Ok(vec![topics.every_lease()]),
        ("DEVICE", _) => {
            let entry = about::device(registry, name)?;
            vec![topics.states(&entry.name).first().cloned().ok_or_else(|| about::unknown(name))?]
        }
        ("LEASE", _) => vec![topics.lease(&about::device(registry, name)?.name)],
        ("VAR", _) => vec![variable(line, name)?],
        ("AUDIT", "1") => vec![topics.audit()],
        ("AUDIT", _) => return Err(Refusal::new(Code::BadValue, "AUDIT is 1")),
        _ => {
            let level = LEVELS.iter().position(|level| *level == name);
            let level = level.ok_or_else(|| Refusal::new(Code::BadValue, "LOG is error, warn or info"))?;
            LEVELS[..=level].iter().map(|level| topics.log(level)).collect()
        }
    };
    let filter = |name: TopicName| TopicFilter::parse(name.as_str());
    let filters: Result<Vec<_>, _> = names.into_iter().map(filter).collect();
    filters.map_err(|error| Refusal::new(Code::BadValue, error.to_string()))
}

/// The topic of a variable.
pub(super) fn variable(line: &LineConversation, name: &str) -> Result<TopicName, Refusal> {
    line.shared.topics.variable(name).ok_or_else(|| {
        let message = "VAR has 1 to 64 characters, no '/', '+', '#' and no control characters";
        Refusal::new(Code::BadValue, message)
    })
}
