//! A station: one device with its name, its number of changes and the state that was last told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::sequences::Sequence;
use super::{Activity, ConnectionId, Device, Kind, Now, Occasion, Protection};
use crate::domain::{Datum, DeviceName, State};

pub(super) struct Station {
    pub(super) name: DeviceName,
    pub(super) kind: &'static Kind,
    pub(super) protection: Protection,
    /// What it does on each occasion, by its name.
    pub(super) policies: Vec<(&'static str, Datum)>,
    pub(super) device: Box<dyn Device>,
    /// Its chip is gone, so that nothing can be done with it.
    pub(super) is_lost: bool,
    /// The connection that wrote it last.
    pub(super) writer: Option<ConnectionId>,
    /// Since when it is active without having been idle in between.
    active_since: Option<Instant>,
    /// How much longer than allowed it may be on, because it could not be turned off.
    patience: Duration,
    /// What sets it one value after the other.
    pub(super) sequence: Option<Sequence>,
    told: Arc<State>,
}

/// A device that can't be turned off is tried again after this time.
const AGAIN: Duration = Duration::from_secs(1);

impl Station {
    pub(super) fn new(
        name: DeviceName,
        kind: &'static Kind,
        protection: Protection,
        policies: Vec<(&'static str, Datum)>,
        device: Box<dyn Device>,
        now: Now,
    ) -> Station {
        let seen = device.observe();
        let told = Arc::new(State {
            device: name.clone(),
            kind: kind.name,
            event: seen.event,
            value: seen.value,
            seq: 1,
            timestamp: now.epoch,
            edge: seen.edge,
            fields: seen.fields,
        });
        let active_since = (device.activity() == Activity::Active).then_some(now.instant);
        Station {
            name,
            kind,
            protection,
            policies,
            device,
            is_lost: false,
            writer: None,
            active_since,
            patience: Duration::ZERO,
            sequence: None,
            told,
        }
    }

    /// The state that was last told.
    pub(super) fn told(&self) -> &Arc<State> {
        &self.told
    }

    /// Whether what it does on this occasion may switch it on; lines that are given back drive nothing.
    pub(super) fn goes_on(&self, occasion: Occasion) -> bool {
        let policy = self.policies.iter().find(|(name, _)| *name == occasion.as_str());
        policy.is_some_and(
            |(_, policy)| !matches!(policy, Datum::Text(word) if ["hold", "off", "release"].contains(&word.as_str())),
        )
    }

    /// When it has been on for long enough.
    pub(super) fn off_due(&self) -> Option<Instant> {
        if self.is_lost {
            return None;
        }
        Some(self.active_since? + self.protection.max_on? + self.patience)
    }

    /// It was to go off at `now`: if it has not, that is tried again.
    pub(super) fn put_off(&mut self, now: Now) {
        if let (Some(since), Some(max_on)) = (self.active_since, self.protection.max_on) {
            self.patience = (now.instant + AGAIN).saturating_duration_since(since + max_on);
        }
    }

    /// Looks at the device; when it is another than was told, that is a change with the next number.
    pub(super) fn look(&mut self, now: Now) -> Option<Arc<State>> {
        match (self.activity(), self.active_since) {
            (Activity::Active, None) => self.active_since = Some(now.instant),
            (Activity::Active, Some(_)) => {}
            (Activity::Idle, _) => (self.active_since, self.patience) = (None, Duration::ZERO),
        }
        let mut seen = self.device.observe();
        if self.sequence.is_some() {
            seen.fields.push(("sequence", Datum::Bool(true)));
        }
        let told = &self.told;
        if seen.event == told.event && seen.value == told.value && seen.fields == told.fields {
            return None;
        }
        self.told = Arc::new(State {
            device: self.name.clone(),
            kind: self.kind.name,
            event: seen.event,
            value: seen.value,
            seq: told.seq + 1,
            timestamp: now.epoch,
            edge: seen.edge,
            fields: seen.fields,
        });
        Some(self.told.clone())
    }
}
