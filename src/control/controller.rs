//! The hardware thread without the thread: commands, edges and deadlines in, outcomes and events out.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use log::error;

use super::alerts::Alerts;
use super::build::Audited;
use super::faults::Troubles;
use super::interlocks::Interlocks;
use super::leases::{Claim, Leases};
use super::links::Links;
use super::replug::Sites;
use super::sensing::Sensing;
use super::station::Station;
use super::watching::Watching;
use super::{Answer, ConnectionId, Now, Occasion, Request, Ticked};
use crate::domain::{
    Action, Arguments, Audit, Bond, Code, Command, Deed, DeviceName, Event, Holder, LeaseOrder, LeaseToken,
    Order, Outcome, Principal, Refusal, Reply, Role, Scope, State, Target, Who,
};
use crate::hardware::{Edge, Hardware};

/// Owns the hardware, the devices and what was told of them.
pub struct Controller {
    pub(super) stations: Vec<Station>,
    pub(super) by_name: HashMap<DeviceName, usize>,
    pub(super) by_line: HashMap<u32, OnLine>,
    /// The station of each input.
    pub(super) inputs: Vec<usize>,
    pub(super) sites: Sites,
    pub(super) troubles: Troubles,
    pub(super) leases: Leases,
    pub(super) interlocks: Interlocks,
    pub(super) links: Links,
    pub(super) alerts: Alerts,
    pub(super) sensing: Sensing,
    pub(super) watching: Watching,
    pub(super) audited: Audited,
    pub(super) events: Vec<Event>,
    /// Kept to the end: what it opened may depend on it.
    pub(super) hardware: Box<dyn Hardware>,
}

#[derive(Clone, Copy)]
pub(super) enum OnLine {
    One(usize),
    /// Lines of several chips have this offset, so that it names no device.
    Several,
}

impl Controller {
    /// How many inputs there are.
    pub fn inputs(&self) -> usize {
        self.inputs.len()
    }

    /// Whether the hardware is one that can still be relied on.
    pub fn is_alive(&self) -> bool {
        self.hardware.is_alive()
    }

    /// Carries out an order, or says why not; what changed is among the events.  Without an outcome it has to wait for
    /// a lease, and is answered later.
    pub fn handle(&mut self, request: &Request, now: Now) -> Option<Outcome> {
        self.interlocks.stamp(now.instant);
        // First, so that nobody acts under a lease whose time is over, or is refused for its sake.
        self.settle_leases(now);
        match &request.order {
            Order::Command(command) => {
                let outcome = self.command(command, request, now);
                Some(outcome.map(Reply::State))
            }
            Order::Lease(order) => self.lease(order, request, now),
            Order::Threshold(order) => self.threshold(order, request, now),
            Order::Fault(order) => Some(self.fault(order, request, now)),
        }
    }

    /// Takes note that a connection has ended.
    pub fn disconnect(&mut self, connection: ConnectionId, now: Now) {
        self.interlocks.stamp(now.instant);
        self.leases.disconnect(connection, now);
        self.secure_lost(now);
        for index in 0..self.stations.len() {
            let writer = &mut self.stations[index].writer;
            if writer.take_if(|writer| *writer == connection).is_some() {
                self.secure(index, Occasion::LinkLost, now);
            }
        }
        self.settle_leases(now);
    }

    /// Whether this one holds a lease.
    pub fn is_holder(&self, who: &Principal) -> bool {
        self.leases.is_holder(who)
    }

    /// How many alerts are open: warnings, and critical ones.
    pub fn alerts(&self) -> [usize; 2] {
        self.alerts.counts()
    }

    /// How many leases are held.
    pub fn leases(&self) -> usize {
        self.leases.count()
    }

    /// The outcomes that were waited for, since the last call.
    pub fn answers(&mut self) -> std::vec::Drain<'_, Answer> {
        self.leases.answers()
    }

    /// Passes an edge to the device that has the input.
    pub fn edge(&mut self, edge: Edge, now: Now) {
        let Some(&index) = self.inputs.get(edge.input) else { return };
        let Some(station) = self.stations.get_mut(index) else { return };
        station.device.edge(edge, now.instant);
        self.look(index, now);
    }

    /// Does what is due and says when something is due next.
    pub fn tick(&mut self, now: Now) -> Option<Instant> {
        self.interlocks.stamp(now.instant);
        self.settle_leases(now);
        self.settle_alerts(now);
        self.mend_faults(now);
        for index in 0..self.stations.len() {
            let device = &mut self.stations[index].device;
            if device.deadline().is_some_and(|due| due <= now.instant)
                && device.tick(now.instant) == Ticked::Changed
            {
                self.look(index, now);
            }
            self.step(index, now);
            self.turn_off(index, now);
        }
        self.settle_links(now);
        let stations = self.stations.iter().flat_map(|station| {
            [station.device.deadline(), station.step_due(), station.off_due()].into_iter().flatten()
        });
        stations.chain(self.leases.due()).chain(self.alerts.due()).chain(self.troubles.due()).min()
    }

    /// Brings every device to its `on_stop` state; false when one could not be brought there.
    pub fn stop(&mut self, now: Now) -> bool {
        self.interlocks.stamp(now.instant);
        self.leases.stop(now);
        self.events.extend(self.leases.events());
        self.alerts.stop(now);
        self.events.extend(self.alerts.events());
        let mut well = true;
        for index in 0..self.stations.len() {
            well &= self.secure(index, Occasion::Stop, now);
        }
        well
    }

    /// Takes the events since the last call, in order.
    pub fn events(&mut self) -> std::vec::Drain<'_, Event> {
        self.events.drain(..)
    }

    fn command(&mut self, command: &Command, request: &Request, now: Now) -> Result<Arc<State>, Refusal> {
        let (outcome, old) = match self.find(&command.target) {
            Err(refusal) => (Err(refusal), None),
            Ok(index) => {
                let old = self.stations[index].told().value.clone().ok();
                (self.act(index, command, request, now), old)
            }
        };
        if outcome.is_err() || self.audited == Audited::Everything || !is_reading(command) {
            self.audit(request.principal.clone(), command, &outcome, old, now);
        }
        outcome
    }

    /// Does what is wanted with a lease.
    fn lease(&mut self, order: &LeaseOrder, request: &Request, now: Now) -> Option<Outcome> {
        let outcome = in_time(request, now).and_then(|()| match order {
            LeaseOrder::Acquire { scope, ttl, wait, bond } => {
                let bond = match bond {
                    Bond::Holder => None,
                    Bond::Connection => request.connection,
                };
                let devices = self.resolve(scope)?;
                let claim = Claim { holder: Holder::of(&request.principal), devices, ttl: *ttl, bond };
                let until = (!wait.is_zero()).then(|| {
                    let until = now.instant + *wait;
                    request.expires.map_or(until, |expires| until.min(expires))
                });
                self.leases.acquire(claim, until, request, now).transpose()
            }
            LeaseOrder::Renew(token) => {
                let lease = self.leases.renew(*token, &request.principal, now)?;
                Ok(Some(Reply::Lease(Arc::new(lease))))
            }
            LeaseOrder::Release(token) => {
                self.leases.release(*token, &request.principal)?;
                Ok(Some(Reply::Done))
            }
            LeaseOrder::Break { scope, reason } => {
                admins_only(&request.principal, "breaks the leases of others")?;
                let devices = self.resolve(scope)?;
                self.leases.break_up(&devices, &request.principal, reason, now)?;
                Ok(Some(Reply::Done))
            }
        });
        let outcome = outcome.transpose();
        // A lease that is renewed again and again would fill the audit with it.
        let is_renewed = matches!((order, &outcome), (LeaseOrder::Renew(_), Some(Ok(_))));
        if let Some(outcome) = outcome.as_ref().filter(|_| !is_renewed) {
            let granted = match outcome {
                Ok(Reply::Lease(lease)) => Some(lease.token),
                _ => None,
            };
            let deed = Deed::Other(order.subject(), order.to_string());
            self.audit_order(request, deed, granted.or(order.token()), outcome.as_ref().err(), now);
        }
        self.settle_leases(now);
        outcome
    }

    /// Turns a device off that has been on for as long as it may.
    fn turn_off(&mut self, index: usize, now: Now) {
        let station = &mut self.stations[index];
        if station.off_due().is_none_or(|due| due > now.instant) {
            return;
        }
        let old = station.told().value.clone().ok();
        let turned = station.act("off", &Arguments::default(), now.instant);
        self.look(index, now);
        let station = &mut self.stations[index];
        station.put_off(now);
        if let Err(refusal) = &turned {
            error!("{}: could not be turned off after max_on: {refusal}", station.name);
        }
        self.audit_own(index, "max_on", turned, old, now);
    }

    /// Brings a device to the state that its policy has for this occasion; false when it could not be brought there.
    fn secure(&mut self, index: usize, occasion: Occasion, now: Now) -> bool {
        let station = &mut self.stations[index];
        let old = station.told().value.clone().ok();
        let has_left = station.leave(occasion);
        let blocker = self.interlocks.blocker(index, now.instant).filter(|_| station.goes_on(occasion));
        let secured = match (blocker, occasion) {
            // Of two that are to go on, the second one goes off.
            (Some(blocker), _) => {
                let off = station.act("off", &Arguments::default(), now.instant);
                Err(off.err().unwrap_or(blocker))
            }
            (None, Occasion::Stop) => {
                stop_device(station, now).and_then(|()| unharmed(|| self.rewire(index, now)))
            }
            (None, _) => {
                let secured = station.device.secure(occasion, now.instant).map_err(Refusal::from);
                secured.and_then(|()| self.rewire(index, now))
            }
        };
        if let Err(refusal) = &secured {
            let name = &self.stations[index].name;
            error!("{name}: could not do what {} says: {refusal}", occasion.as_str());
        }
        self.look(index, now);
        let new = self.stations[index].told().value.clone().ok();
        let well = secured.as_ref().err().is_none_or(|refusal| refusal.code == Code::Interlocked);
        if old != new || secured.is_err() || has_left {
            self.audit_own(index, occasion.as_str(), secured, old, now);
        }
        well
    }

    /// Secures the devices that have lost their leases, before anybody else gets them.
    fn secure_lost(&mut self, now: Now) {
        self.events.extend(self.leases.events());
        for index in self.leases.lost() {
            // It has told what did not work; the others go on.
            let _ = self.secure(index, Occasion::LeaseLost, now);
        }
    }

    /// Ends the leases whose time is over and gives what is free to those who wait for it.
    fn settle_leases(&mut self, now: Now) {
        self.leases.expire(now);
        self.secure_lost(now);
        self.leases.serve(now);
        self.events.extend(self.leases.events());
    }

    fn resolve(&self, scope: &Scope) -> Result<Vec<usize>, Refusal> {
        let Scope::Devices(targets) = scope else { return Ok((0..self.stations.len()).collect()) };
        let mut devices: Vec<_> = targets.iter().map(|target| self.find(target)).collect::<Result<_, _>>()?;
        devices.sort_unstable();
        devices.dedup();
        Ok(devices)
    }

    pub(super) fn find(&self, target: &Target) -> Result<usize, Refusal> {
        match target {
            Target::Device(name) => self.by_name.get(name).copied().ok_or_else(|| {
                Refusal::new(
                    Code::UnknownDevice,
                    format!("no device is called {name}; LIST tells which there are"),
                )
            }),
            Target::Line(offset) => match self.by_line.get(offset) {
                Some(OnLine::One(index)) => Ok(*index),
                Some(OnLine::Several) => Err(Refusal::new(
                    Code::UnknownDevice,
                    format!("lines of several chips have the offset {offset}; name the device"),
                )),
                None => Err(Refusal::new(Code::UnknownDevice, format!("no device is on line {offset}"))),
            },
        }
    }

    /// Whether it is in time, whether the client may, and the deed itself: nothing can come in between.
    fn act(
        &mut self,
        index: usize,
        command: &Command,
        request: &Request,
        now: Now,
    ) -> Result<Arc<State>, Refusal> {
        in_time(request, now)?;
        if !is_reading(command) {
            let access = self.stations[index].protection.access;
            self.leases.permit(index, command.token, access, request, now)?;
            self.events.extend(self.leases.events());
        }
        let action = &command.action;
        if let Some(refusal) = self.interlocked(index, action, now) {
            return Err(refusal);
        }
        let station = &mut self.stations[index];
        let acted = station.act(&action.verb, &action.arguments, now.instant);
        let acted = acted.and_then(|()| self.rewire(index, now));
        let station = &mut self.stations[index];
        if !is_reading(command)
            && acted.as_ref().err().is_none_or(|refusal| refusal.code == Code::DeviceFault)
        {
            station.writer = request.connection;
        }
        self.look(index, now);
        let station = &self.stations[index];
        match acted {
            Ok(()) => Ok(station.told().clone()),
            Err(refusal) => {
                if refusal.code == Code::DeviceFault {
                    error!("{}: {}: {}", station.name, action, refusal.message);
                }
                Err(refusal)
            }
        }
    }

    /// Why an interlock does not let this be done to a device now; what can't switch it on is always let.
    pub(super) fn interlocked(&self, index: usize, action: &Action, now: Now) -> Option<Refusal> {
        let blocker = self.interlocks.blocker(index, now.instant)?;
        (!self.stations[index].device.is_off(action)).then_some(blocker)
    }

    pub(super) fn look(&mut self, index: usize, now: Now) {
        self.interlocks.note(index, self.stations[index].activity());
        let Some(state) = self.stations[index].look(now) else { return };
        if let (Err(error), "fault") = (&state.value, state.event) {
            error!("{}: {error}", state.device);
        }
        self.links.note(index);
        self.alerts.observe(index, &state, now);
        self.events.push(Event::State(state.clone()));
        self.events.extend(self.alerts.events());
        self.show_watchers(index, &state, now);
    }

    /// Something that the gatekeeper did with a device of itself.
    pub(super) fn audit_own(
        &mut self,
        index: usize,
        action: &str,
        outcome: Result<(), Refusal>,
        old: Option<f64>,
        now: Now,
    ) {
        let station = &self.stations[index];
        let deed = Deed::Other(station.name.to_string(), action.to_owned());
        let new = station.told().value.clone().ok();
        let audit = Audit::new(now.epoch, Who::Gatekeeper, deed).refused(outcome.as_ref().err());
        let audit = Audit { old, new, ..audit };
        self.events.push(Event::Audit(Arc::new(audit)));
    }

    /// An order that is no command to a device, and the lease that it was about.
    pub(super) fn audit_order(
        &mut self,
        request: &Request,
        deed: Deed,
        token: Option<LeaseToken>,
        refused: Option<&Refusal>,
        now: Now,
    ) {
        let audit = Audit::new(now.epoch, Who::Client(request.principal.clone()), deed);
        let audit = Audit { token, ..audit.refused(refused) };
        self.events.push(Event::Audit(Arc::new(audit)));
    }

    fn audit(
        &mut self,
        principal: Arc<Principal>,
        command: &Command,
        outcome: &Result<Arc<State>, Refusal>,
        old: Option<f64>,
        now: Now,
    ) {
        let new = match outcome {
            Ok(state) => state.value.clone().ok(),
            Err(_) => old,
        };
        let deed = Deed::Command(command.clone());
        let audit = Audit::new(now.epoch, Who::Client(principal), deed).refused(outcome.as_ref().err());
        let audit = Audit { old, new, ..audit };
        self.events.push(Event::Audit(Arc::new(audit)));
    }
}

/// Reading is free for everybody, whoever holds a lease.
fn is_reading(command: &Command) -> bool {
    command.action.verb == "read"
}

/// Refuses everybody but admins, with what it is that they do.
pub(super) fn admins_only(principal: &Principal, deed: &str) -> Result<(), Refusal> {
    if principal.account.role == Role::Admin {
        return Ok(());
    }
    Err(Refusal::new(Code::AccessDenied, format!("only an admin {deed}")))
}

pub(super) fn in_time(request: &Request, now: Now) -> Result<(), Refusal> {
    if request.expires.is_some_and(|expires| expires <= now.instant) {
        return Err(Refusal::new(Code::Expired, "the command's time had passed when its turn came"));
    }
    Ok(())
}

/// Stops a device; a panic in one does not keep the others from being stopped.
pub(super) fn stop_device(station: &mut Station, now: Now) -> Result<(), Refusal> {
    unharmed(|| station.device.secure(Occasion::Stop, now.instant).map_err(Refusal::from))
}

/// Does something with a device of which a panic is a fault like any other.
fn unharmed(deed: impl FnOnce() -> Result<(), Refusal>) -> Result<(), Refusal> {
    let panicked = |_| Err(Refusal::new(Code::DeviceFault, "the device panicked"));
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(deed)).unwrap_or_else(panicked)
}
