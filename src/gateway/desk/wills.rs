//! Last wills: what is published for a client whose connection has ended without a goodbye.

use std::sync::Arc;
use std::time::{Duration, Instant};

use log::warn;

use super::{Desk, Nobody};
use crate::control::{Now, Request};
use crate::domain::{Deed, Principal, Refusal};
use crate::gateway::mqtt::translate;
use crate::gateway::{Message, Space, access};
use crate::wire::mqtt::Property;

impl Desk {
    /// A will may be a command, as any other message.
    pub(super) fn publish_will(&mut self, principal: &Arc<Principal>, mut will: Message, now: Instant) {
        // Its time begins when it is published (section 3.1.3.2.4).
        will.expires = will.properties.message_expiry().map(|s| now + Duration::from_secs(u64::from(s)));
        let own =
            |p: &Property| matches!(p, Property::MessageExpiryInterval(_) | Property::WillDelayInterval(_));
        will.properties.retain(|property| !own(property));
        // What the client may do may have changed since it left its will.
        self.directory.set_time(Now::read().epoch);
        let Some(account) = self.directory.account(principal.user()) else {
            return self.refuse_will(principal, &will, &Refusal::changed_user(), now);
        };
        let principal = &Arc::new(Principal { account, ..Principal::clone(principal) });
        if let Err(refusal) = access::publish(&self.topics, principal, &will.topic) {
            return self.refuse_will(principal, &will, &refusal, now);
        }
        let order = match self.topics.space(&will.topic) {
            Space::Set(target) => translate::set(target, will.payload()),
            Space::Rpc => translate::rpc(will.payload()),
            _ => {
                if let Err(refusal) = self.broker.publish(will, now) {
                    warn!("the will of {}: {}", principal.client, refusal.message);
                }
                return;
            }
        };
        let sent = order.and_then(|mut order| {
            access::order(&self.registry, principal, &mut order)?;
            let commands = self.commands.as_ref().ok_or_else(Refusal::stopping)?;
            let (principal, recipient) = (principal.clone(), Arc::new(Nobody));
            let expires = will.expires;
            commands.send(vec![Request {
                principal,
                connection: None,
                order,
                expires,
                recipient,
                ticket: 0,
            }]);
            Ok(())
        });
        if let Err(refusal) = sent {
            self.refuse_will(principal, &will, &refusal, now);
        }
    }

    fn refuse_will(&mut self, principal: &Arc<Principal>, will: &Message, refusal: &Refusal, now: Instant) {
        warn!("the will of {} was not carried out: {refusal}", principal.client);
        let deed = Deed::Other(will.topic.to_string(), "will".to_owned());
        self.audit(principal.clone(), deed, refusal, now);
    }
}
