//! What clients have done with thresholds while the gatekeeper runs.

use std::sync::Arc;

use super::deeds::takes;
use super::{Guard, Keep, Keeper};
use crate::control::controller::in_time;
use crate::control::{Audited, Controller, Now, Request};
use crate::domain::{
    Alert, Code, Deed, DeviceName, Keeping, Origin, Outcome, Page, Reach, Reaction, Refusal, Reply, Role,
    Standing, Target, Threshold, ThresholdName, ThresholdOrder, ThresholdWish,
};

/// So many thresholds can be set while the gatekeeper runs.
const MOST: usize = 256;

impl Controller {
    /// Does what is wanted with thresholds and alerts.  Without an outcome it waits for the disk, and is answered later.
    pub(in crate::control) fn threshold(
        &mut self,
        order: &ThresholdOrder,
        request: &Request,
        now: Now,
    ) -> Option<Outcome> {
        let outcome = in_time(request, now).and_then(|()| self.carry_out(order, request, now));
        self.events.extend(self.alerts.events());
        if outcome.is_err() || self.audited == Audited::Everything || !order.is_reading() {
            let deed = Deed::Other(order.subject(), order.to_string());
            self.audit_order(request, deed, None, outcome.as_ref().err(), now);
        }
        let changed = match outcome {
            Ok(Done::Told(reply)) => return Some(Ok(reply)),
            Err(refusal) => return Some(Err(refusal)),
            Ok(Done::Set(name)) => self.alerts.standing(&name),
            Ok(Done::Deleted) => None,
        };
        if self.alerts.keeper.keeps_nothing() {
            return Some(Ok(Keep::reply(changed, Keeping::Volatile)));
        }
        let keep = Keep::new(self.alerts.set_by_clients(), changed, request);
        self.alerts.unkept.push(keep);
        None
    }

    /// Has kept what was set and deleted since the last call.  Those who wait for that are answered after, so that what
    /// has happened is to be told before.
    pub fn keep(&mut self) {
        let super::Alerts { unkept, keeper, .. } = &mut self.alerts;
        unkept.drain(..).for_each(|keep| keeper.keep(keep));
    }

    fn carry_out(&mut self, order: &ThresholdOrder, request: &Request, now: Now) -> Result<Done, Refusal> {
        let reach = &order.reach;
        match &order.wish {
            ThresholdWish::Set(threshold) => self.set(threshold, reach, request, now),
            ThresholdWish::Delete(name) => {
                let guard = self.alerts.visible(name, reach).ok_or_else(|| no_threshold(name))?;
                may_change(guard, reach)?;
                self.alerts.remove(name, now);
                Ok(Done::Deleted)
            }
            ThresholdWish::Tell(name) => {
                let standing = self.alerts.visible(name, reach).map(|guard| self.alerts.standing_of(guard));
                let standing = standing.ok_or_else(|| no_threshold(name))?;
                Ok(Done::Told(Reply::Threshold(Arc::new(standing))))
            }
            ThresholdWish::List(selection) => {
                self.is_there(selection.device.as_ref())?;
                let all = self.alerts.all_visible(reach, selection.device.as_ref());
                let all = all.map(|guard| self.alerts.standing_of(guard)).collect();
                let is_after = |standing: &Standing, after: &ThresholdName| standing.threshold.name > *after;
                Ok(Done::Told(Reply::Thresholds(Arc::new(Page::of(all, selection, is_after)))))
            }
            ThresholdWish::TellAlert(id) => {
                let mut all = self.alerts.all_visible(reach, None).filter_map(|guard| guard.open.as_ref());
                let alert = all.find(|alert| alert.id == *id).cloned();
                let closed = || Refusal::new(Code::NotFound, format!("no alert {id} is open"));
                alert.map(|alert| Done::Told(Reply::Alert(alert))).ok_or_else(closed)
            }
            ThresholdWish::Alerts(selection) => {
                self.is_there(selection.device.as_ref())?;
                let all = self.alerts.all_visible(reach, selection.device.as_ref());
                let mut all: Vec<Arc<Alert>> = all.filter_map(|guard| guard.open.clone()).collect();
                all.sort_by_key(|alert| alert.id);
                let page = Page::of(all, selection, |alert, after| alert.id > *after);
                Ok(Done::Told(Reply::Alerts(Arc::new(page))))
            }
        }
    }

    fn set(
        &mut self,
        threshold: &Arc<Threshold>,
        reach: &Reach,
        request: &Request,
        now: Now,
    ) -> Result<Done, Refusal> {
        let name = &threshold.name;
        let index = self.find(&Target::Device(threshold.device.clone()))?;
        for reaction in threshold.action.iter().chain(&threshold.resolved_action) {
            self.can_be_set(reaction)?;
        }
        for device in threshold.acted_on().chain([&threshold.device]) {
            drives(reach, device)?;
        }
        match self.alerts.guards.get(name) {
            Some(guard)
                if guard.origin == Origin::Configuration || reach.sees.contains(&guard.threshold.device) =>
            {
                may_change(guard, reach)?;
            }
            Some(_) => {
                let message = format!("another threshold is called {name}; choose another name");
                return Err(Refusal::new(Code::AccessDenied, message));
            }
            None if self.alerts.set_by_clients().len() >= MOST => {
                return Err(Refusal::new(Code::LimitReached, format!("at most {MOST} thresholds are set")));
            }
            None => {}
        }
        let is_admin = request.principal.account.role == Role::Admin;
        let origin = if is_admin { Origin::Admin } else { Origin::Operator };
        self.alerts.add(threshold.clone(), origin, index, self.stations[index].told(), now);
        Ok(Done::Set(name.clone()))
    }

    /// Whether there is such a device, where one is named.
    fn is_there(&self, device: Option<&DeviceName>) -> Result<(), Refusal> {
        let Some(device) = device else { return Ok(()) };
        self.find(&Target::Device(device.clone())).map(|_| ())
    }

    /// Whether a device has the action `set`, and takes this value.
    fn can_be_set(&self, reaction: &Reaction) -> Result<(), Refusal> {
        takes(&self.stations[self.find(&Target::Device(reaction.device.clone()))?], reaction.value)
    }
}

/// What has come of an order.
enum Done {
    /// All of it.
    Told(Reply),
    /// A threshold is in force.
    Set(ThresholdName),
    /// A threshold is in force no more.
    Deleted,
}

impl super::Alerts {
    /// Where thresholds are kept that clients set.
    pub(in crate::control) fn keep_with(&mut self, keeper: Keeper) {
        self.keeper = keeper;
    }

    fn standing(&self, name: &ThresholdName) -> Option<Standing> {
        self.guards.get(name).map(|guard| self.standing_of(guard))
    }

    fn standing_of(&self, guard: &Guard) -> Standing {
        let keeping = match guard.origin {
            Origin::Configuration => Keeping::Kept,
            Origin::Admin | Origin::Operator => self.keeper.keeping(),
        };
        Standing {
            threshold: guard.threshold.clone(),
            origin: guard.origin,
            keeping,
            alert: guard.open.clone(),
        }
    }

    fn set_by_clients(&self) -> Vec<Standing> {
        let set = self.guards.values().filter(|guard| guard.origin != Origin::Configuration);
        set.map(|guard| self.standing_of(guard)).collect()
    }

    /// The threshold of this name, for those who may see its device.
    fn visible(&self, name: &ThresholdName, reach: &Reach) -> Option<&Guard> {
        self.guards.get(name).filter(|guard| reach.sees.contains(&guard.threshold.device))
    }

    fn all_visible<'a>(
        &'a self,
        reach: &'a Reach,
        device: Option<&'a DeviceName>,
    ) -> impl Iterator<Item = &'a Guard> {
        let wanted = move |guard: &&Guard| {
            let watched = &guard.threshold.device;
            reach.sees.contains(watched) && device.is_none_or(|device| device == watched)
        };
        self.guards.values().filter(wanted)
    }
}

/// Whether somebody may change a threshold: who drives its device and those that it sets.
fn may_change(guard: &Guard, reach: &Reach) -> Result<(), Refusal> {
    let threshold = &guard.threshold;
    if guard.origin == Origin::Configuration {
        let message = format!("{} stands in the configuration, and is changed there", threshold.name);
        return Err(Refusal::new(Code::NotSupported, message));
    }
    threshold.acted_on().chain([&threshold.device]).try_for_each(|device| drives(reach, device))
}

fn drives(reach: &Reach, device: &DeviceName) -> Result<(), Refusal> {
    if reach.drives.contains(device) {
        return Ok(());
    }
    Err(Refusal::new(Code::AccessDenied, format!("this takes the right to drive {device}")))
}

fn no_threshold(name: &ThresholdName) -> Refusal {
    Refusal::new(Code::NotFound, format!("no threshold is called {name}"))
}
