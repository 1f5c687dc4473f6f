//! What a device does when it is left alone.

use crate::control::Occasion;
use crate::domain::Datum;

/// What a device does on each occasion.
#[derive(Debug, Clone, Copy)]
pub(super) struct Policies<P> {
    pub(super) on_stop: P,
    pub(super) on_lease_lost: P,
    pub(super) on_link_lost: P,
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
