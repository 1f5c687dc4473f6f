//! Who holds which lease, and who waits for one: all decisions, and none of the deeds that follow from them.
//!
//! A lease is on all of its devices or there is none.  Who waits is served first come, first served: a later request
//! never gets a device that an earlier one waits for, so that a request for many devices is not overtaken for ever by
//! requests for single ones.

mod gatekeeper;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{ConnectionId, Now, Recipient, Request};
use crate::domain::{
    Audit, Code, Deed, DeviceName, Event, Holder, Lease, LeaseNews, LeaseNotice, LeaseToken, LeasedDevices,
    Loss, Outcome, Principal, Refusal, Reply, Tenancy, Who,
};

/// The leases on the devices of one controller, which are known by their places.
pub(super) struct Leases {
    names: Vec<DeviceName>,
    /// In the order in which they were granted.
    held: BTreeMap<LeaseToken, Held>,
    /// Under which lease each device is.
    by_device: Vec<Option<LeaseToken>>,
    waiting: VecDeque<Waiting>,
    last_token: u64,
    /// Nothing is due before this.  A renewal does not move it, so that it costs nothing; then it is looked at once
    /// too often.
    due: Option<Instant>,
    /// What is to be told.
    events: Vec<Event>,
    /// Devices that have lost their lease and were not told so yet.
    lost: Vec<usize>,
    answers: Vec<Answer>,
}

/// What somebody wants, or has.
pub(super) struct Claim {
    pub(super) holder: Holder,
    /// In order, each once.
    pub(super) devices: Vec<usize>,
    pub(super) ttl: Duration,
    /// The connection with which it ends.
    pub(super) bond: Option<ConnectionId>,
}

/// Whether a device can be written without a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// It can, by anybody while nobody holds one.
    #[default]
    Free,
    /// It can't.
    LeaseRequired,
}

/// An outcome that was waited for.
pub struct Answer {
    recipient: Arc<dyn Recipient>,
    ticket: u64,
    outcome: Outcome,
}

struct Held {
    claim: Claim,
    since: f64,
    expires: Instant,
    /// Until when everybody was told that it lasts.
    told: Instant,
    warning: Warning,
}

#[derive(PartialEq, Eq)]
enum Warning {
    Due,
    Given,
}

struct Waiting {
    claim: Claim,
    principal: Arc<Principal>,
    connection: Option<ConnectionId>,
    until: Instant,
    recipient: Arc<dyn Recipient>,
    ticket: u64,
}

/// So many requests for leases may wait at the same time.
const MOST_WAITING: usize = 256;
/// So many of one holder's.
const MOST_WAITING_OF_ONE: usize = 8;
/// The holder is warned when this part of the time is left,
const LAST_PART: u32 = 5;
/// and this much at least.
const LEAST_WARNING: Duration = Duration::from_millis(50);

impl Leases {
    /// None yet, on these devices.
    pub(super) fn new(names: Vec<DeviceName>) -> Leases {
        Leases {
            by_device: vec![None; names.len()],
            names,
            held: BTreeMap::new(),
            waiting: VecDeque::new(),
            last_token: 0,
            due: None,
            events: Vec::new(),
            lost: Vec::new(),
            answers: Vec::new(),
        }
    }

    /// How many leases are held.
    pub(super) fn count(&self) -> usize {
        self.held.len()
    }

    /// Whether this one holds any.
    pub(super) fn is_holder(&self, who: &Principal) -> bool {
        self.held.values().any(|held| held.claim.holder.is(who))
    }

    /// When [`Leases::expire`] is to be called next.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// What happened since the last call, in order.
    pub(super) fn events(&mut self) -> std::vec::Drain<'_, Event> {
        self.events.drain(..)
    }

    /// The devices that have lost their leases since the last call.
    pub(super) fn lost(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.lost)
    }

    /// The outcomes that were waited for, since the last call.
    pub(super) fn answers(&mut self) -> std::vec::Drain<'_, Answer> {
        self.answers.drain(..)
    }

    /// Whether this request may write the device now.  A write under the holder's own lease renews it.
    pub(super) fn permit(
        &mut self,
        device: usize,
        token: Option<LeaseToken>,
        access: Access,
        request: &Request,
        now: Now,
    ) -> Result<(), Refusal> {
        let name = &self.names[device];
        let Some(current) = self.by_device[device] else {
            return match (token, access) {
                (Some(token), _) => Err(stale(token, name)),
                (None, Access::Free) => Ok(()),
                (None, Access::LeaseRequired) => Err(Refusal::new(
                    Code::LeaseRequired,
                    format!("{name} is written under a lease only; LEASE acquires one"),
                )),
            };
        };
        let Some(held) = self.held.get_mut(&current) else { return Ok(()) };
        if !held.claim.holder.is(&request.principal) {
            return Err(held.refusal(name, now));
        }
        if let Some(token) = token.filter(|token| *token != current) {
            return Err(stale(token, name));
        }
        // A last will is no sign of life.
        if request.connection.is_some() {
            self.prolong(current, now);
        }
        Ok(())
    }

    /// Grants a lease, or says why not; where nothing is answered yet the request waits until `until`.
    pub(super) fn acquire(
        &mut self,
        claim: Claim,
        until: Option<Instant>,
        request: &Request,
        now: Now,
    ) -> Option<Outcome> {
        let Some(refusal) = self.obstacle(&claim, self.waiting.len(), now) else {
            return Some(Ok(Reply::Lease(Arc::new(self.grant(claim, now)))));
        };
        let Some(until) = until else { return Some(Err(refusal)) };
        let of_one = self.waiting.iter().filter(|waiting| waiting.claim.holder == claim.holder).count();
        if self.waiting.len() >= MOST_WAITING || of_one >= MOST_WAITING_OF_ONE {
            return Some(Err(Refusal::new(Code::LimitReached, "as many requests wait for leases as may be")));
        }
        self.is_due(until);
        self.waiting.push_back(Waiting {
            claim,
            principal: request.principal.clone(),
            connection: request.connection,
            until,
            recipient: request.recipient.clone(),
            ticket: request.ticket,
        });
        None
    }

    /// Gives a lease another whole time.
    pub(super) fn renew(&mut self, token: LeaseToken, who: &Principal, now: Now) -> Result<Lease, Refusal> {
        self.own(token, who)?;
        self.prolong(token, now);
        self.lease(token, now).ok_or_else(no_lease)
    }

    /// Ends a lease because its holder wants it so.
    pub(super) fn release(&mut self, token: LeaseToken, who: &Principal) -> Result<(), Refusal> {
        self.own(token, who)?;
        self.remove(token);
        Ok(())
    }

    /// Ends every lease on one of these devices.
    pub(super) fn break_up(
        &mut self,
        devices: &[usize],
        by: &Principal,
        reason: &str,
        now: Now,
    ) -> Result<(), Refusal> {
        let mut tokens: Vec<_> = devices.iter().filter_map(|device| self.by_device[*device]).collect();
        tokens.sort();
        tokens.dedup();
        if tokens.is_empty() {
            return Err(Refusal::new(Code::NoLease, "nobody holds a lease there"));
        }
        for token in tokens {
            self.lose(token, Loss::Broken { by: Holder::of(by), reason: reason.to_owned() }, now);
        }
        Ok(())
    }

    /// A connection has ended: what lasts with it ends, and what waits on it waits no more.
    pub(super) fn disconnect(&mut self, connection: ConnectionId, now: Now) {
        let bound = self.held.iter().filter(|(_, held)| held.claim.bond == Some(connection));
        for token in bound.map(|(token, _)| *token).collect::<Vec<_>>() {
            self.lose(token, Loss::Disconnected, now);
        }
        let gone = |waiting: &Waiting| waiting.connection == Some(connection);
        while let Some(place) = self.waiting.iter().position(gone) {
            self.give_up(place, Refusal::new(Code::Expired, "the connection ended while it waited"), now);
        }
    }

    /// Nobody is served any more.
    pub(super) fn stop(&mut self, now: Now) {
        while !self.waiting.is_empty() {
            self.give_up(0, Refusal::stopping(), now);
        }
    }

    /// Ends what is over, warns whose time is nearly over, and sends away who has waited long enough.
    pub(super) fn expire(&mut self, now: Now) {
        if self.due.is_none_or(|due| due > now.instant) {
            return;
        }
        // Warnings first, so that one comes before every end, even where both come late.
        let late = |held: &Held| held.warning == Warning::Due && held.due() <= now.instant;
        let late = self.held.iter().filter(|(_, held)| late(held));
        for token in late.map(|(token, _)| *token).collect::<Vec<_>>() {
            if let Some(held) = self.held.get_mut(&token) {
                held.warning = Warning::Given;
                let left = held.expires.saturating_duration_since(now.instant);
                self.notify(token, LeaseNews::Ending(left), now);
            }
        }
        let over = self.held.iter().filter(|(_, held)| held.expires <= now.instant);
        for token in over.map(|(token, _)| *token).collect::<Vec<_>>() {
            self.lose(token, Loss::Expired, now);
        }
        while let Some(place) = self.waiting.iter().position(|waiting| waiting.until <= now.instant) {
            let refusal = self.obstacle(&self.waiting[place].claim, place, now);
            let over = || Refusal::new(Code::Held, "the time to wait was over before the devices were free");
            self.give_up(place, refusal.unwrap_or_else(over), now);
        }
        let held = self.held.values().map(Held::due);
        self.due = held.chain(self.waiting.iter().map(|waiting| waiting.until)).min();
    }

    /// Serves those who wait, as far as their devices are free.
    pub(super) fn serve(&mut self, now: Now) {
        let mut place = 0;
        while place < self.waiting.len() {
            if self.obstacle(&self.waiting[place].claim, place, now).is_some() {
                place += 1;
                continue;
            }
            let Some(waiting) = self.waiting.remove(place) else { return };
            let Waiting { claim, principal, recipient, ticket, .. } = waiting;
            let lease = Arc::new(self.grant(claim, now));
            self.audit(Who::Client(principal), &lease.devices, "lease", Ok(lease.token), now);
            self.answers.push(Answer { recipient, ticket, outcome: Ok(Reply::Lease(lease)) });
        }
    }

    /// Why a claim can't be granted: somebody else holds one of its devices, or one of the first `ahead` that wait
    /// was there before.
    fn obstacle(&self, claim: &Claim, ahead: usize, now: Now) -> Option<Refusal> {
        let mut wanted = Vec::with_capacity(claim.devices.len());
        for device in &claim.devices {
            match self.by_device[*device].and_then(|token| self.held.get(&token)) {
                Some(held) if held.claim.holder != claim.holder => {
                    return Some(held.refusal(&self.names[*device], now));
                }
                // What it has already nobody else can have before.
                Some(_) => {}
                None => wanted.push(*device),
            }
        }
        let others = self.waiting.iter().take(ahead).filter(|other| other.claim.holder != claim.holder);
        for other in others {
            if let Some(device) = wanted.iter().find(|device| other.claim.devices.contains(device)) {
                let message = format!("{} waits for {} already", other.claim.holder, self.names[*device]);
                return Some(Refusal::new(Code::Held, message));
            }
        }
        None
    }

    /// Grants what nothing stands against.  Devices that the holder has under an older lease move to the new one.
    fn grant(&mut self, claim: Claim, now: Now) -> Lease {
        for device in &claim.devices {
            let Some(older) = self.by_device[*device] else { continue };
            let Some(held) = self.held.get_mut(&older) else { continue };
            held.claim.devices.retain(|other| other != device);
            if held.claim.devices.is_empty() {
                self.held.remove(&older);
            }
        }
        // Milliseconds, so that it is higher than all before a restart; and one more where that is not enough.
        self.last_token = (self.last_token + 1).max((now.epoch * 1000.0) as u64);
        let token = LeaseToken(self.last_token);
        for device in &claim.devices {
            self.by_device[*device] = Some(token);
        }
        let expires = now.instant + claim.ttl;
        let held = Held { claim, since: now.epoch, expires, told: expires, warning: Warning::Due };
        self.is_due(held.due());
        let lease = held.lease(token, &self.names, now);
        self.held.insert(token, held);
        self.tell(token, now);
        lease
    }

    fn own(&self, token: LeaseToken, who: &Principal) -> Result<(), Refusal> {
        let is_own = self.held.get(&token).is_some_and(|held| held.claim.holder.is(who));
        if is_own { Ok(()) } else { Err(no_lease()) }
    }

    fn prolong(&mut self, token: LeaseToken, now: Now) {
        let Some(held) = self.held.get_mut(&token) else { return };
        held.expires = now.instant + held.claim.ttl;
        held.warning = Warning::Due;
        // Not every write is worth a message to everybody.
        if held.expires.saturating_duration_since(held.told) >= held.claim.ttl / LAST_PART {
            held.told = held.expires;
            self.tell(token, now);
        }
    }

    fn lose(&mut self, token: LeaseToken, loss: Loss, now: Now) {
        let action = match &loss {
            Loss::Broken { by, reason } => format!("lease_broken(by={by}, reason={reason})"),
            Loss::Expired => "lease_expired".to_owned(),
            Loss::Disconnected => "lease_disconnected".to_owned(),
        };
        if let Some(held) = self.held.get(&token) {
            self.audit(Who::Gatekeeper, &held.devices(&self.names), &action, Ok(token), now);
        }
        self.notify(token, LeaseNews::Lost(loss), now);
        let devices = self.remove(token);
        self.lost.extend(devices);
    }

    /// Ends a lease; the devices that were under it.
    fn remove(&mut self, token: LeaseToken) -> Vec<usize> {
        let Some(held) = self.held.remove(&token) else { return Vec::new() };
        for device in &held.claim.devices {
            self.by_device[*device] = None;
            self.events.push(Event::Leased(self.names[*device].clone(), None));
        }
        held.claim.devices
    }

    fn give_up(&mut self, place: usize, refusal: Refusal, now: Now) {
        let Some(Waiting { claim, principal, recipient, ticket, .. }) = self.waiting.remove(place) else {
            return;
        };
        self.audit(Who::Client(principal), &claim.devices(&self.names), "lease", Err(&refusal), now);
        self.answers.push(Answer { recipient, ticket, outcome: Err(refusal) });
    }

    fn lease(&self, token: LeaseToken, now: Now) -> Option<Lease> {
        self.held.get(&token).map(|held| held.lease(token, &self.names, now))
    }

    /// Tells everybody of a lease that was granted or lasts longer.
    fn tell(&mut self, token: LeaseToken, now: Now) {
        let Some(held) = self.held.get(&token) else { return };
        let tenancy = Arc::new(Tenancy {
            holder: held.claim.holder.clone(),
            since: held.since,
            expires: now.epoch_of(held.expires),
        });
        let told = |device: &usize| Event::Leased(self.names[*device].clone(), Some(tenancy.clone()));
        self.events.extend(held.claim.devices.iter().map(told));
    }

    fn notify(&mut self, token: LeaseToken, news: LeaseNews, now: Now) {
        let Some(held) = self.held.get(&token) else { return };
        self.events.push(Event::Notice(Arc::new(LeaseNotice {
            holder: held.claim.holder.clone(),
            token,
            devices: held.devices(&self.names),
            timestamp: now.epoch,
            news,
        })));
    }

    fn audit(
        &mut self,
        who: Who,
        devices: &LeasedDevices,
        action: &str,
        outcome: Result<LeaseToken, &Refusal>,
        now: Now,
    ) {
        let audit = Audit::new(now.epoch, who, Deed::Other(devices.to_string(), action.to_owned()));
        let audit = match outcome {
            Ok(token) => Audit { token: Some(token), ..audit },
            Err(refusal) => audit.refused(refusal),
        };
        self.events.push(Event::Audit(Arc::new(audit)));
    }

    fn is_due(&mut self, due: Instant) {
        self.due = Some(self.due.map_or(due, |earlier| earlier.min(due)));
    }
}

impl Held {
    /// When its holder is to be warned, or when it ends.
    fn due(&self) -> Instant {
        let lead = (self.claim.ttl / LAST_PART).max(LEAST_WARNING);
        match self.warning {
            Warning::Due => self.expires.checked_sub(lead).unwrap_or(self.expires),
            Warning::Given => self.expires,
        }
    }

    fn devices(&self, names: &[DeviceName]) -> LeasedDevices {
        self.claim.devices(names)
    }

    fn lease(&self, token: LeaseToken, names: &[DeviceName], now: Now) -> Lease {
        let expires = now.epoch_of(self.expires);
        Lease { token, devices: self.devices(names), ttl: self.claim.ttl, expires }
    }

    fn refusal(&self, device: &DeviceName, now: Now) -> Refusal {
        let left = self.expires.saturating_duration_since(now.instant).as_secs_f64();
        let holder = &self.claim.holder;
        Refusal::new(Code::Held, format!("{device} is held by {holder} for another {left:.1}s"))
    }
}

impl Claim {
    fn devices(&self, names: &[DeviceName]) -> LeasedDevices {
        if self.devices.len() == names.len() && names.len() > 1 {
            return LeasedDevices::All;
        }
        LeasedDevices::Some(self.devices.iter().map(|device| names[*device].clone()).collect())
    }
}

impl Answer {
    /// Gives it to who waits for it.
    pub fn give(self) {
        self.recipient.answer(self.ticket, self.outcome);
    }
}

fn stale(token: LeaseToken, device: &DeviceName) -> Refusal {
    Refusal::new(Code::StaleToken, format!("{device} is not under the lease {token} any more"))
}

fn no_lease() -> Refusal {
    Refusal::new(Code::NoLease, "the client holds no lease with this token")
}
