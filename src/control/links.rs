//! Links: outputs that follow other devices, without anybody sending them anything.
//!
//! An output acts when the value changes that it is to take, and only then: whatever somebody else sets in between
//! stays until the next change.

use std::collections::{HashMap, VecDeque};

use log::error;

use super::station::Station;
use super::{Controller, Now};
use crate::domain::{Action, Code, DeviceName, Link, Refusal, Scale, State};

/// The links of one controller, whose devices are known by their places.
#[derive(Default)]
pub(super) struct Links {
    links: Vec<Following>,
    /// Devices that have changed, as far as others follow them.
    changed: VecDeque<usize>,
}

struct Following {
    link: Link,
    output: usize,
    input: usize,
    scale: Scale,
    /// The value that it was last to take; nothing where that was not known.
    wanted: Option<f64>,
    /// Why it was refused last, if it was.
    refused: Option<Code>,
}

impl Links {
    /// Between devices as they are at first, at which nobody acts; those that there are not have no part in it.
    pub(super) fn new(links: Vec<Link>, by_name: &HashMap<DeviceName, usize>, stations: &[Station]) -> Links {
        let place = |name: &DeviceName| by_name.get(name).copied();
        let links = links.into_iter().filter_map(|link| {
            let (output, input) = (place(&link.output)?, place(&link.input)?);
            let (of_input, of_output) = (stations.get(input)?, stations.get(output)?);
            let scale = Scale::between(of_input.kind.unit, of_output.kind.unit);
            let wanted = link.value(of_input.told(), scale);
            Some(Following { link, output, input, scale, wanted, refused: None })
        });
        Links { links: links.collect(), changed: VecDeque::new() }
    }

    /// Takes note that a device has changed.
    pub(super) fn note(&mut self, device: usize) {
        if self.links.iter().any(|following| following.input == device) {
            self.changed.push_back(device);
        }
    }

    /// What a link wants done in this state of the device that it follows.
    fn heed(&mut self, place: usize, followed: &State) -> Option<Action> {
        let following = self.links.get_mut(place)?;
        let wanted = following.link.value(followed, following.scale);
        if wanted == following.wanted {
            return None;
        }
        following.wanted = wanted;
        // Who does not know what to do does nothing any more.
        Some(wanted.map_or_else(|| Action::new("off"), |value| Action::set(value.into())))
    }

    /// Takes note of what came of it; true where that is to be told, and not only what was told before.
    fn done(&mut self, place: usize, done: &Result<(), Refusal>) -> bool {
        let refused = done.as_ref().err().map(|refusal| refusal.code);
        let Some(following) = self.links.get_mut(place) else { return false };
        let before = std::mem::replace(&mut following.refused, refused);
        refused.is_none() || before != refused
    }
}

impl Controller {
    /// Lets outputs follow what has changed, and those that follow these.
    pub(super) fn settle_links(&mut self, now: Now) {
        while let Some(device) = self.links.changed.pop_front() {
            let followed = self.stations[device].told().clone();
            for place in 0..self.links.links.len() {
                if self.links.links[place].input == device {
                    if let Some(action) = self.links.heed(place, &followed) {
                        self.follow(place, &action, now);
                    }
                }
            }
        }
    }

    fn follow(&mut self, place: usize, action: &Action, now: Now) {
        let (output, input) = (self.links.links[place].output, self.links.links[place].input);
        let old = self.stations[output].told().value.clone().ok();
        let done = self.may_follow(output, action, now).and_then(|()| {
            let station = &mut self.stations[output];
            // What its last writer's connection comes to does not undo what was done since.
            station.writer = None;
            station.act(&action.verb, &action.arguments, now.instant)
        });
        self.look(output, now);
        if let Err(refusal) = done.as_ref().map_err(|refusal| refusal.code) {
            if refusal == Code::DeviceFault {
                error!("{}: could not follow {}", self.stations[output].name, self.stations[input].name);
            }
        }
        if self.links.done(place, &done) {
            let deed = format!("follow({}, {action})", self.stations[input].name);
            self.audit_own(output, &deed, done, old, now);
        }
    }

    /// Whether an output may follow now: no lease and no interlock is in the way.
    fn may_follow(&self, output: usize, action: &Action, now: Now) -> Result<(), Refusal> {
        let station = &self.stations[output];
        let lease = self.leases.obstacle_to_gatekeeper(output, station.protection.access, now);
        lease.or_else(|| self.interlocked(output, action, now)).map_or(Ok(()), Err)
    }
}
