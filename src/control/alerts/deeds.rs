//! What alerts do: they set devices, as everybody else does, and are told no as everybody else is.

use std::collections::HashMap;

use log::error;

use super::Intent;
use crate::control::station::Station;
use crate::control::{Controller, Now};
use crate::domain::{Action, Code, DeviceName, Origin, Reaction, Refusal, Standing, ThresholdName};

impl Controller {
    /// Watches what has to be watched, and does what alerts want done.  What that makes others want comes in the next
    /// round, so that nobody waits for them to come to an end.
    pub(in crate::control) fn settle_alerts(&mut self, now: Now) {
        self.alerts.tick(now);
        self.events.extend(self.alerts.events());
        for (threshold, intent) in self.alerts.intents(now.instant) {
            if self.react(&intent, now) == Err(Code::DeviceFault) {
                self.alerts.try_again(&threshold, intent, now.instant);
            }
        }
    }

    fn react(&mut self, intent: &Intent, now: Now) -> Result<(), Code> {
        let Intent { reaction, alert, .. } = intent;
        let Some(index) = self.by_name.get(&reaction.device).copied() else { return Ok(()) };
        let action = Action::set(reaction.value.into());
        let old = self.stations[index].told().value.clone().ok();
        let done = self.may_react(index, &action, intent, now).and_then(|()| {
            let station = &mut self.stations[index];
            let done = station.act(&action.verb, &action.arguments, now.instant);
            if done.as_ref().err().is_none_or(|refusal| refusal.code == Code::DeviceFault) {
                // What its last writer's connection comes to does not undo what was done for the alert.
                station.writer = None;
            }
            done
        });
        self.look(index, now);
        if let Err(refusal) = &done {
            error!("alert {alert}: {reaction} was not set: {refusal}");
        }
        let outcome = done.as_ref().err().map_or(Ok(()), |refusal| Err(refusal.code));
        self.audit_own(index, &format!("alert({alert}, {action})"), done, old, now);
        outcome
    }

    /// Whether an alert may set a device now.  To switch off is for safety: neither an interlock stands against that,
    /// nor a lease, where an administrator has said that it is wanted.
    fn may_react(&self, index: usize, action: &Action, intent: &Intent, now: Now) -> Result<(), Refusal> {
        let station = &self.stations[index];
        let is_off = station.device.is_off(action);
        let overrides = match intent.origin {
            Origin::Configuration | Origin::Admin => {
                is_off && station.kind.actions.iter().any(|action| action.name == "off")
            }
            Origin::Operator => false,
        };
        let lease = self.leases.obstacle_to_gatekeeper(index, station.protection.access, now);
        let interlock = || self.interlocked(index, action, now);
        lease.filter(|_| !overrides).or_else(interlock).map_or(Ok(()), Err)
    }
}

/// Whether a device has the action `set`, and takes this value.
pub(super) fn takes(station: &Station, value: f64) -> Result<(), Refusal> {
    let Station { name, kind, device, .. } = station;
    let Some(range) = kind.settable() else {
        let message = format!("{name} is a {}, which nothing can set", kind.name);
        return Err(Refusal::new(Code::UnknownAction, message));
    };
    let refused = |refusal: Refusal| Refusal::new(refusal.code, format!("{name}: {}", refusal.message));
    device.check_set(&Action::set(value.into()).arguments, range).map_err(refused)
}

/// The first threshold of the configuration that would set a device to what it does not take.
pub(in crate::control) fn unfit(
    thresholds: &[Standing],
    by_name: &HashMap<DeviceName, usize>,
    stations: &[Station],
) -> Option<(DeviceName, ThresholdName, Refusal)> {
    let configured = thresholds.iter().filter(|standing| standing.origin == Origin::Configuration);
    configured.map(|standing| &standing.threshold).find_map(|threshold| {
        let mut reactions = threshold.action.iter().chain(&threshold.resolved_action);
        reactions.find_map(|Reaction { device, value }| {
            let refusal = takes(&stations[*by_name.get(device)?], *value).err()?;
            Some((device.clone(), threshold.name.clone(), refusal))
        })
    })
}
