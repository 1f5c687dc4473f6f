//! What the hardware thread tells becomes messages.

use std::time::Instant;

use super::Desk;
use crate::domain::{Event, LeaseNews};
use crate::gateway::Message;
use crate::gateway::mqtt::json;

impl Desk {
    /// Tells everybody who wants to know.
    pub(super) fn tell(&mut self, event: Event, now: Instant) {
        match event {
            Event::State(state) => {
                for topic in self.topics.clone().states(&state.device) {
                    self.say(Message::state(topic.clone(), state.clone()), now);
                }
            }
            Event::Leased(device, tenancy) => {
                self.say(Message::lease(self.topics.lease(&device), device, tenancy), now);
            }
            Event::Notice(notice) => {
                let topic = self.topics.notice(notice.holder.client.as_str());
                // A warning is worth nothing when what it warns of has come.
                let expires = match notice.news {
                    LeaseNews::Ending(left) => Some(now + left),
                    LeaseNews::Lost(_) => None,
                };
                self.say(Message { expires, ..Message::notice(topic, notice) }, now);
            }
            Event::Alert(news) => {
                self.say(Message::alert(self.topics.alerts(&news.alert.device), news), now);
            }
            Event::OpenAlerts(device, open) => {
                // Empty where none is open, so that nothing is retained.
                let payload = if open.is_empty() { Vec::new() } else { json::alerts(&open) };
                self.say(Message::own(self.topics.open_alerts(&device), payload, true), now);
            }
            Event::Audit(audit) => {
                let topic = self.topics.audit();
                if self.broker.is_wanted(&topic) {
                    self.say(Message::audit(topic, audit), now);
                }
            }
        }
    }
}
