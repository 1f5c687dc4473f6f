//! Leases and the gatekeeper itself, which holds none.

use super::{Access, Leases};
use crate::control::Now;
use crate::domain::{Code, Refusal};

impl Leases {
    /// Why the gatekeeper itself may not write the device as its users do: somebody holds a lease on it, or nobody does
    /// where one is required.
    pub(in crate::control) fn obstacle_to_gatekeeper(
        &self,
        device: usize,
        access: Access,
        now: Now,
    ) -> Option<Refusal> {
        let name = &self.names[device];
        match (self.by_device[device].and_then(|token| self.held.get(&token)), access) {
            (Some(held), _) => Some(held.refusal(name, now)),
            (None, Access::Free) => None,
            (None, Access::LeaseRequired) => {
                Some(Refusal::new(Code::LeaseRequired, format!("{name} is written under a lease only")))
            }
        }
    }
}
