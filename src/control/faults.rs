//! Faults of a simulation: who may make them, what they are made to, and when they are over.

use std::sync::Arc;
use std::time::Instant;

use super::controller::{admins_only, in_time};
use super::{Controller, Now, Request};
use crate::domain::{Code, Deed, Fault, FaultOrder, Outcome, Refusal, Reply, Trouble};
use crate::hardware::{Board, Place};

/// The troubles that there are.
#[derive(Default)]
pub(super) struct Troubles(Vec<Made>);

/// Something that was made to go wrong.
struct Made {
    station: usize,
    what: What,
    /// When it is over by itself.
    until: Option<Instant>,
}

#[derive(PartialEq)]
enum What {
    Fault(Place),
    Unplugged(Arc<str>),
}

impl Troubles {
    /// When the next of them is over by itself.
    pub(super) fn due(&self) -> Option<Instant> {
        self.0.iter().filter_map(|made| made.until).min()
    }

    /// Ends those that are meant.
    fn end(&mut self, board: &Board, is_meant: impl Fn(&Made) -> bool) {
        let (over, still) = std::mem::take(&mut self.0).into_iter().partition::<Vec<_>, _>(is_meant);
        self.0 = still;
        // What somebody else has made to the same place goes on.
        for made in over.iter().filter(|made| !self.0.iter().any(|other| other.what == made.what)) {
            match &made.what {
                What::Fault(place) => board.mend(place),
                What::Unplugged(chip) => board.plug(chip),
            }
        }
    }
}

impl Controller {
    /// Does what is wanted with the faults of the simulation.
    pub(super) fn fault(&mut self, order: &FaultOrder, request: &Request, now: Now) -> Outcome {
        let done = in_time(request, now)
            .and_then(|()| admins_only(&request.principal, "makes simulated hardware go wrong"))
            .and_then(|()| self.disturb(order, now));
        let deed = Deed::Other(order.subject(), order.to_string());
        self.audit_order(request, deed, None, done.as_ref().err(), now);
        done.map(|()| Reply::Done)
    }

    /// Ends the troubles whose time is over.
    pub(super) fn mend_faults(&mut self, now: Now) {
        if self.troubles.due().is_none_or(|due| due > now.instant) {
            return;
        }
        if let Some(board) = self.hardware.board() {
            self.troubles.end(&board, |made| made.until.is_some_and(|until| until <= now.instant));
        }
    }

    fn disturb(&mut self, order: &FaultOrder, now: Now) -> Result<(), Refusal> {
        let board = self.hardware.board().ok_or_else(|| {
            Refusal::new(Code::NotSupported, "only simulated hardware goes wrong by a command")
        })?;
        match order {
            FaultOrder::Mend(target) => {
                let meant = target.as_ref().map(|target| self.find(target)).transpose()?;
                self.troubles.end(&board, |made| meant.is_none_or(|index| made.station == index));
            }
            FaultOrder::Inject { target, trouble, lasting } => {
                let index = self.find(target)?;
                let until = lasting.map(|time| now.instant + time);
                for what in self.make(index, *trouble, &board)? {
                    self.troubles.0.push(Made { station: index, what, until });
                }
            }
        }
        Ok(())
    }

    /// Makes something go wrong, and says what is to be mended afterwards.
    fn make(&mut self, index: usize, trouble: Trouble, board: &Board) -> Result<Vec<What>, Refusal> {
        let name = &self.stations[index].name;
        let lacks = |what| Err(Refusal::new(Code::NotSupported, format!("{name} has no {what}")));
        let site = &self.sites.all[index];
        match trouble {
            Trouble::Fault(fault) => {
                let part = site.blueprint.part().map(|(_, part)| Place::Part(part.place));
                let is_of_bus = matches!(fault, Fault::Nak | Fault::BitErrors | Fault::Slow(_));
                let lines = site.lines.iter().cloned().map(Place::Line);
                let channels = site.blueprint.channels().into_iter().map(|(_, it)| Place::Channel(it));
                let places: Vec<Place> = if is_of_bus {
                    part.into_iter().collect()
                } else {
                    lines.chain(channels).chain(part).collect()
                };
                if places.is_empty() {
                    return lacks(if is_of_bus { "part on a bus" } else { "line, channel or part" });
                }
                places.iter().for_each(|place| board.inject(place.clone(), fault));
                Ok(places.into_iter().map(What::Fault).collect())
            }
            Trouble::Unplugged => {
                let mut chips: Vec<Arc<str>> = site.lines.iter().map(|line| line.chip.clone()).collect();
                chips.sort_unstable();
                chips.dedup();
                if chips.is_empty() {
                    return lacks("line");
                }
                chips.iter().for_each(|chip| board.unplug(chip));
                Ok(chips.into_iter().map(What::Unplugged).collect())
            }
            Trouble::Storm(edges) => {
                if !self.inputs.contains(&index) {
                    return lacks("input");
                }
                for line in &site.lines {
                    board.storm(line, edges)?;
                }
                Ok(Vec::new())
            }
        }
    }
}
