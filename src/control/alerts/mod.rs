//! What devices measure, and what follows when it is too much or too little: all decisions, and none of the deeds.
//!
//! A threshold that has just acted waits for a moment before it acts again, and of what it was to do meanwhile the last
//! is done: two thresholds that undo each other's work, or one that undoes its own, take turns slowly.

mod deeds;
mod keeping;
mod orders;
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use log::{error, info, warn};

use super::Now;
use crate::domain::{
    Alert, AlertId, AlertNews, AlertTurn, Datum, Event, Origin, Reaction, Resolution, Severity, State,
    Threshold, ThresholdName,
};
pub(super) use deeds::unfit;
pub use keeping::{Keep, Keeper, Keeps};
use watch::{Turn, Watch};

/// The thresholds of one controller, and the alerts that are open.
#[derive(Default)]
pub(super) struct Alerts {
    guards: BTreeMap<ThresholdName, Guard>,
    last_id: u64,
    /// What is to be told.
    events: Vec<Event>,
    keeper: Keeper,
    /// What it did not get yet.
    unkept: Vec<Keep>,
}

/// A threshold that is in force.
struct Guard {
    threshold: Arc<Threshold>,
    origin: Origin,
    /// The place of its device.
    device: usize,
    watch: Watch,
    open: Option<Arc<Alert>>,
    /// When it has acted last.
    acted: Option<Instant>,
    /// What it is to do.
    intent: Option<Intent>,
}

/// What a threshold is to do, once.
#[derive(Clone)]
struct Intent {
    reaction: Reaction,
    /// For which alert.
    alert: AlertId,
    origin: Origin,
    due: Instant,
}

/// A threshold acts no sooner again.
const PAUSE: Duration = Duration::from_secs(1);

impl Alerts {
    /// Puts a threshold in force, which looks at the state of its device; what has the same name goes.
    pub(super) fn add(
        &mut self,
        threshold: Arc<Threshold>,
        origin: Origin,
        device: usize,
        state: &State,
        now: Now,
    ) {
        let name = threshold.name.clone();
        if let Some(earlier) = self.guards.remove(&name) {
            self.close(earlier, Resolution::Changed, now);
        }
        // A device in a fault may have it later, as a sensor does that was not read yet.
        if state.value.is_ok() && number(state, &threshold.field).is_none() {
            warn!(
                "threshold {name}: {} has no number {} now; it is watched for one",
                threshold.device, threshold.field
            );
        }
        let watch = Watch::new(threshold.bounds, threshold.duration);
        let guard = Guard { threshold, origin, device, watch, open: None, acted: None, intent: None };
        self.guards.insert(name.clone(), guard);
        self.look(&name, state, now);
    }

    /// Removes a threshold; its alert is resolved, and nothing is done for that.
    pub(super) fn remove(&mut self, name: &ThresholdName, now: Now) {
        if let Some(guard) = self.guards.remove(name) {
            self.close(guard, Resolution::Deleted, now);
        }
    }

    /// Takes note of the state of a device.
    pub(super) fn observe(&mut self, device: usize, state: &State, now: Now) {
        let watching = self.guards.iter().filter(|(_, guard)| guard.device == device);
        for name in watching.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            self.look(&name, state, now);
        }
    }

    /// Creates what is due.
    pub(super) fn tick(&mut self, now: Now) {
        let is_due = |guard: &Guard| guard.watch.deadline().is_some_and(|due| due <= now.instant);
        let due = self.guards.iter().filter(|(_, guard)| is_due(guard));
        for name in due.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            let turn = self.guards.get_mut(&name).and_then(|guard| guard.watch.tick(now.instant));
            self.turn(&name, turn, now);
        }
    }

    /// When there is something to do next.
    pub(super) fn due(&self) -> Option<Instant> {
        let intent = |guard: &Guard| guard.intent.as_ref().map(|intent| intent.due);
        self.guards.values().flat_map(|guard| [guard.watch.deadline(), intent(guard)]).flatten().min()
    }

    /// Nothing is watched any more, and every alert is resolved.
    pub(super) fn stop(&mut self, now: Now) {
        for guard in std::mem::take(&mut self.guards).into_values() {
            self.close(guard, Resolution::Stopped, now);
        }
    }

    /// What has happened since the last call.
    pub(super) fn events(&mut self) -> std::vec::Drain<'_, Event> {
        self.events.drain(..)
    }

    /// How many alerts are open, the warnings first.
    pub(super) fn counts(&self) -> [usize; 2] {
        let open = |severity: &Severity| self.open().filter(|alert| alert.severity == *severity).count();
        Severity::ALL.each_ref().map(open)
    }

    /// What is to be done now, each with its threshold.
    fn intents(&mut self, now: Instant) -> Vec<(ThresholdName, Intent)> {
        let due = |(name, guard): (&ThresholdName, &mut Guard)| {
            let intent = guard.intent.take_if(|intent| intent.due <= now)?;
            guard.acted = Some(now);
            Some((name.clone(), intent))
        };
        self.guards.iter_mut().filter_map(due).collect()
    }

    /// The hardware did not do what was to be done: that is tried again, unless something else is to be done meanwhile.
    fn try_again(&mut self, name: &ThresholdName, intent: Intent, now: Instant) {
        if let Some(guard) = self.guards.get_mut(name) {
            guard.intent.get_or_insert(Intent { due: now + PAUSE, ..intent });
        }
    }

    /// Every alert that is open, in the order of the names of their thresholds.
    fn open(&self) -> impl Iterator<Item = &Arc<Alert>> {
        self.guards.values().filter_map(|guard| guard.open.as_ref())
    }

    fn look(&mut self, name: &ThresholdName, state: &State, now: Now) {
        let Some(guard) = self.guards.get_mut(name) else { return };
        for turn in guard.watch.observe(number(state, &guard.threshold.field), now.instant) {
            self.turn(name, Some(turn), now);
        }
    }

    /// Tells of a turn, and notes what is to be done for it.
    fn turn(&mut self, name: &ThresholdName, turn: Option<Turn>, now: Now) {
        let (Some(guard), Some(turn)) = (self.guards.get_mut(name), turn) else { return };
        let threshold = &guard.threshold;
        let (alert, turn, reaction) = match turn {
            Turn::Created(limit, value) => {
                // Milliseconds, so that it is higher than all before a restart; and one more where that is not enough.
                self.last_id = (self.last_id + 1).max((now.epoch * 1000.0) as u64);
                let alert = Arc::new(Alert {
                    id: AlertId(self.last_id),
                    threshold: name.clone(),
                    device: threshold.device.clone(),
                    field: threshold.field.clone(),
                    limit,
                    bound: threshold.bounds.of(limit),
                    severity: threshold.severity,
                    value,
                    created: now.epoch,
                });
                guard.open = Some(alert.clone());
                (alert, AlertTurn::Created, &threshold.action)
            }
            Turn::Resolved(value) => {
                let Some(alert) = guard.open.take() else { return };
                let turn = AlertTurn::Resolved { cause: Resolution::Back, value: Some(value) };
                (alert, turn, &threshold.resolved_action)
            }
        };
        let due = guard.acted.map_or(now.instant, |acted| now.instant.max(acted + PAUSE));
        // What was to be done for the turn before is out of date.
        guard.intent =
            reaction.clone().map(|reaction| Intent { reaction, alert: alert.id, origin: guard.origin, due });
        self.tell(alert, turn, now);
    }

    /// Resolves the alert of a threshold that is in force no more.
    fn close(&mut self, guard: Guard, cause: Resolution, now: Now) {
        if let Some(alert) = guard.open {
            self.tell(alert, AlertTurn::Resolved { cause, value: None }, now);
        }
    }

    fn tell(&mut self, alert: Arc<Alert>, turn: AlertTurn, now: Now) {
        let Alert { id, threshold, severity, device, .. } = &*alert;
        match (&turn, severity) {
            (AlertTurn::Created, Severity::Warning) => warn!("alert {id} ({threshold}): {alert}"),
            (AlertTurn::Created, Severity::Critical) => error!("alert {id} ({threshold}): {alert}"),
            (AlertTurn::Resolved { cause, .. }, _) => {
                info!("alert {id} ({threshold}) is resolved: {}", cause.as_str());
            }
        }
        let open = self.open().filter(|open| open.device == *device).cloned().collect();
        let device = device.clone();
        self.events.push(Event::Alert(Arc::new(AlertNews { alert, timestamp: now.epoch, turn })));
        self.events.push(Event::OpenAlerts(device, open));
    }
}

/// A number of a state, where it has one of this name.
fn number(state: &State, field: &str) -> Option<f64> {
    let value = state.value.as_ref().ok()?;
    if field == "value" {
        return Some(*value);
    }
    let field = state.fields.iter().find(|(name, _)| *name == field);
    field.and_then(|(_, datum)| if let Datum::Number(number) = datum { Some(*number) } else { None })
}
