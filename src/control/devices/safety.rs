//! What a device does when it is left alone.

use crate::control::{Access, Occasion, Protection};
use crate::domain::{Datum, Mistakes, Settings, Span};

/// What a device does on each occasion.
#[derive(Debug, Clone, Copy)]
pub(super) struct Policies<P> {
    pub(super) on_stop: P,
    pub(super) on_lease_lost: P,
    pub(super) on_link_lost: P,
}

/// The shortest and the longest time after which an output can be turned off.
const MAX_ON: (Span, Span) = (Span::from_millis(10), Span::from_millis(24 * 3_600_000));

/// What protects an output, from its settings `require_lease` and `max_on`.
pub(super) fn protection(
    require_lease: bool,
    max_on: Option<Span>,
    settings: &Settings<'_>,
    mistakes: &mut Mistakes,
) -> Option<Protection> {
    let (least, most) = MAX_ON;
    if max_on.is_some_and(|max_on| max_on < least || max_on > most) {
        settings.mistake("max_on", format!("max_on is from {least} to {most}, or null"), mistakes);
        return None;
    }
    let access = if require_lease { Access::LeaseRequired } else { Access::Free };
    Some(Protection { access, max_on: max_on.map(|Span(max_on)| max_on) })
}

impl<P: Copy + Into<Datum>> Policies<P> {
    /// What it does on this occasion.
    pub(super) fn on(&self, occasion: Occasion) -> P {
        match occasion {
            Occasion::Stop => self.on_stop,
            Occasion::LeaseLost => self.on_lease_lost,
            Occasion::LinkLost => self.on_link_lost,
        }
    }

    /// All of them by their names.
    pub(super) fn told(&self) -> Vec<(&'static str, Datum)> {
        let occasions = [Occasion::Stop, Occasion::LeaseLost, Occasion::LinkLost];
        occasions.map(|occasion| (occasion.as_str(), self.on(occasion).into())).into()
    }
}
