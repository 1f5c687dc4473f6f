//! What the hardware thread has told and the bus has not taken yet.
//!
//! The bus is woken for it only where somebody listens.  Otherwise the newest state of each device waits here until
//! the bus has something else to do, which comes before any look at what is retained; and entries of the audit,
//! which are not retained, are for nobody.  Where the bus falls far behind, it is the same: no flood of commands takes
//! more and more memory.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};

use log::warn;

use crate::domain::{DeviceName, Event};

/// Shared by the bus and those who tell.
#[derive(Debug, Default)]
pub(super) struct Backlog(Mutex<Waiting>);

/// Which events somebody listens to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Wanted {
    /// States, of whichever device.
    pub(super) states: bool,
    /// The audit.
    pub(super) audit: bool,
}

impl Wanted {
    /// Everything.
    pub(super) const ALL: Wanted = Wanted { states: true, audit: true };
}

#[derive(Debug, Default)]
struct Waiting {
    events: Vec<Event>,
    /// Where in `events` the newest state of a device is, while nobody listens to states.
    newest: HashMap<DeviceName, usize>,
    wanted: Wanted,
    /// The bus was woken and has not taken anything since.
    rung: bool,
    /// Alerts, and entries of the audit, that there was no room for since then.
    missed: usize,
}

/// So many events may wait, but for those of leases, and for one state and the open alerts of each device.
const FULL: usize = 4096;

impl Backlog {
    /// Adds what has happened; true when the bus is to be woken.
    #[must_use]
    pub(super) fn add(&self, events: impl IntoIterator<Item = Event>) -> bool {
        let mut waiting = self.waiting();
        let mut listened_to = false;
        for event in events {
            listened_to |= waiting.add(event);
        }
        listened_to && !std::mem::replace(&mut waiting.rung, true)
    }

    /// Takes everything, in order.
    pub(super) fn take(&self) -> Vec<Event> {
        let mut waiting = self.waiting();
        waiting.rung = false;
        waiting.newest.clear();
        let missed = std::mem::take(&mut waiting.missed);
        let events = std::mem::take(&mut waiting.events);
        drop(waiting);
        if missed > 0 {
            warn!(
                "{missed} alerts and entries of the audit are missing in their topics: more came than could be told"
            );
        }
        events
    }

    /// Says what is listened to from now on; what came before is still to be taken.
    pub(super) fn listen(&self, wanted: Wanted) {
        let mut waiting = self.waiting();
        waiting.wanted = wanted;
        // What comes after a state that was wanted does not stand before it.
        waiting.newest.clear();
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Whoever panicked while it had the lock left events that are whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// True where somebody listens.
    fn add(&mut self, event: Event) -> bool {
        let is_full = self.events.len() >= FULL;
        if self.events.len() == FULL {
            self.newest.clear();
        }
        let wanted = match &event {
            Event::State(_) => self.wanted.states && !is_full,
            Event::Audit(_) if self.wanted.audit && !is_full => true,
            Event::Audit(_) => {
                self.missed += usize::from(self.wanted.audit);
                return false;
            }
            // What is open is told in the place of what was open before, where nobody has taken that yet.
            Event::OpenAlerts(device, _) if is_full => {
                let same = |e: &&mut Event| matches!(e, Event::OpenAlerts(other, _) if other == device);
                if let Some(place) = self.events[FULL..].iter_mut().find(same) {
                    *place = event;
                    return true;
                }
                true
            }
            Event::Alert(_) if is_full => {
                self.missed += 1;
                return false;
            }
            Event::Alert(_) | Event::OpenAlerts(..) => true,
            // Leases are few, and those who hold them are always there to be told.
            Event::Leased(..) | Event::Notice(_) => true,
        };
        if wanted {
            self.events.push(event);
            return true;
        }
        if let Event::State(state) = &event {
            match self.newest.entry(state.device.clone()) {
                Entry::Occupied(place) => self.events[*place.get()] = event,
                Entry::Vacant(place) => {
                    place.insert(self.events.len());
                    self.events.push(event);
                }
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{Audit, Deed, State, Who};

    fn state(device: &str, seq: u64) -> Event {
        Event::State(Arc::new(State {
            device: DeviceName::parse(device).expect("valid"),
            kind: "led",
            event: "on",
            value: Ok(1.0),
            seq,
            timestamp: 0.0,
            edge: None,
            fields: Vec::new(),
        }))
    }

    fn audit() -> Event {
        let deed = Deed::Other("led".to_owned(), "on".to_owned());
        Event::Audit(Arc::new(Audit::new(0.0, Who::Gatekeeper, deed)))
    }

    fn taken(backlog: &Backlog) -> Vec<String> {
        let name = |event: &Event| match event {
            Event::State(state) => format!("{} {}", state.device, state.seq),
            Event::Audit(_) => "audit".to_owned(),
            other => format!("{other:?}"),
        };
        backlog.take().iter().map(name).collect()
    }

    #[test]
    fn what_nobody_listens_to_wakes_nobody_and_is_bounded() {
        let backlog = Backlog::default();
        assert!(!backlog.add([state("b", 1), audit(), state("a", 1), state("b", 2)]));
        assert!(!backlog.add([state("a", 2)]));
        assert_eq!(taken(&backlog), ["b 2", "a 2"], "in the order of the first states");
        assert!(!backlog.add([state("a", 3)]));
        assert_eq!(taken(&backlog), ["a 3"]);
    }

    #[test]
    fn what_somebody_listens_to_is_kept_and_wakes_once() {
        let backlog = Backlog::default();
        assert!(!backlog.add([state("a", 1)]));
        backlog.listen(Wanted { states: true, audit: false });
        assert!(backlog.add([audit(), state("a", 2)]));
        assert!(!backlog.add([state("a", 3)]), "it was woken already");
        assert_eq!(taken(&backlog), ["a 1", "a 2", "a 3"]);
        assert!(backlog.add([state("a", 4)]));
        backlog.listen(Wanted { states: false, audit: true });
        assert!(!backlog.add([state("a", 5), audit()]));
        assert_eq!(taken(&backlog), ["a 4", "a 5", "audit"]);
        assert!(backlog.add([audit()]));
    }

    #[test]
    fn open_alerts_are_told_however_far_the_bus_falls_behind() {
        let (backlog, lamp) = (Backlog::default(), DeviceName::parse("lamp").expect("valid"));
        let open = || Event::OpenAlerts(lamp.clone(), Vec::new());
        assert!(backlog.add([open(), open()]), "somebody may want to know");
        assert_eq!(backlog.take().len(), 2);
        backlog.listen(Wanted::ALL);
        assert!(backlog.add((0..FULL as u64).map(|seq| state("a", seq))));
        let _ = backlog.add((0..100).map(|_| open()));
        assert_eq!(backlog.take().len(), FULL + 1);
    }

    #[test]
    fn no_state_stands_before_an_older_one() {
        let backlog = Backlog::default();
        for (number, states) in [(1, false), (2, true), (3, false)] {
            backlog.listen(Wanted { states, audit: false });
            let _ = backlog.add([state("a", number)]);
        }
        assert_eq!(taken(&backlog), ["a 1", "a 2", "a 3"]);
    }

    #[test]
    fn where_the_bus_falls_behind_only_the_newest_is_kept() {
        let backlog = Backlog::default();
        assert!(!backlog.add([state("a", 0)]));
        backlog.listen(Wanted::ALL);
        assert!(backlog.add((1..FULL as u64).map(|seq| state("a", seq))));
        assert!(!backlog.add((0..1000).flat_map(|seq| [
            audit(),
            state("a", FULL as u64 + seq),
            state("b", seq)
        ])));
        let taken = taken(&backlog);
        assert_eq!(taken.len(), FULL + 2);
        let last = format!("a {}", FULL + 999);
        assert_eq!(taken[FULL - 1..], [format!("a {}", FULL - 1), last, "b 999".to_owned()]);
    }
}
