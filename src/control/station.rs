//! A station: one device with its name, its number of changes and the state that was last told.

use std::sync::Arc;

use super::{Access, ConnectionId, Device, Kind, Now};
use crate::domain::{DeviceName, State};

pub(super) struct Station {
    pub(super) name: DeviceName,
    pub(super) kind: &'static Kind,
    pub(super) access: Access,
    pub(super) device: Box<dyn Device>,
    /// The connection that wrote it last.
    pub(super) writer: Option<ConnectionId>,
    told: Arc<State>,
}

impl Station {
    pub(super) fn new(
        name: DeviceName,
        kind: &'static Kind,
        access: Access,
        device: Box<dyn Device>,
        now: Now,
    ) -> Station {
        let seen = device.observe();
        let told = Arc::new(State {
            device: name.clone(),
            kind: kind.name,
            event: seen.event,
            value: seen.value,
            seq: 1,
            timestamp: now.epoch,
            edge_ns: seen.edge_ns,
            fields: seen.fields,
        });
        Station { name, kind, access, device, writer: None, told }
    }

    /// The state that was last told.
    pub(super) fn told(&self) -> &Arc<State> {
        &self.told
    }

    /// Looks at the device; when it is another than was told, that is a change with the next number.
    pub(super) fn look(&mut self, now: Now) -> Option<Arc<State>> {
        let seen = self.device.observe();
        let told = &self.told;
        if seen.event == told.event && seen.value == told.value && seen.fields == told.fields {
            return None;
        }
        self.told = Arc::new(State {
            device: self.name.clone(),
            kind: self.kind.name,
            event: seen.event,
            value: seen.value,
            seq: told.seq + 1,
            timestamp: now.epoch,
            edge_ns: seen.edge_ns,
            fields: seen.fields,
        });
        Some(self.told.clone())
    }
}
