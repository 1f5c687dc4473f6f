//! What an earlier life of the gatekeeper has written down becomes retained messages and absent sessions again.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use super::absent::Absent;
use super::{Broker, MemberId, OwnedWill};
use crate::auth::Directory;
use crate::domain::{Account, Principal, Protocol};
use crate::gateway::mqtt::kept::{Awaited, Kept, UnderWay};
use crate::gateway::mqtt::store::{Entry, KeptSession, Mirror, SessionNumber, Stage};
use crate::wire::mqtt::{QoS, TopicFilter};

/// From where those have connected who have not, in this life.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// What a session is from now on.
struct Restored {
    id: MemberId,
    number: SessionNumber,
    account: Arc<Account>,
}

impl Broker {
    /// Takes over what was kept, before anybody is here.  Says how many things did not fit into the limits, which may
    /// be others now, and gives the wills of sessions that had to give way.  Sessions of users who are there no more end.
    pub fn restore(
        &mut self,
        mirror: Mirror,
        directory: &Directory,
        now: Instant,
    ) -> (usize, Vec<OwnedWill>) {
        let (mut dropped, mut wills) = (0, Vec::new());
        self.ledger.begin_with(mirror.next_number());
        for message in mirror.retained() {
            let topic = message.topic.clone();
            if self.retained.keep(message, now).is_err() {
                self.ledger.add(Entry::Clear(topic));
                dropped += 1;
            }
        }
        for (place, (number, session)) in (0..).zip(mirror.sessions) {
            // Members that come are counted from 1, and never get so far.
            let id = MemberId(u64::MAX - place);
            match directory.account(session.user.as_ref()) {
                Some(account) => {
                    let ours = Restored { id, number, account };
                    dropped += self.restore_session(ours, session, &mut wills, now);
                }
                None => self.ledger.add(Entry::End(number)),
            }
        }
        self.ledger.commit();
        (dropped, wills)
    }

    fn restore_session(
        &mut self,
        ours: Restored,
        session: KeptSession,
        wills: &mut Vec<OwnedWill>,
        now: Instant,
    ) -> usize {
        let Restored { id, number, account } = ours;
        let KeptSession { client, user: _, expiry, subscriptions, messages, incoming, left } = session;
        if let Some((older, absent)) = self.absents.take(&client) {
            wills.extend(self.end(older, absent));
        }
        let mut dropped = 0;
        let mut kept = Kept { received: incoming.into_iter().collect(), ..Kept::default() };
        let own = self.topics.response(client.as_str());
        let mut filters: Vec<TopicFilter> = Vec::new();
        for (filter, subscription) in subscriptions {
            if filters.len() >= self.maximum_subscriptions {
                self.ledger.add(Entry::Unsubscribe(number, filter));
                dropped += 1;
                continue;
            }
            self.tree.insert(&filter, id, subscription);
            if filter.share().is_none() && filter.matches(&own) {
                kept.private.push((filter.clone(), subscription.options, subscription.id));
            }
            filters.push(filter);
            self.subscriptions += 1;
        }
        let mut waiting = Vec::new();
        for (number, stage) in messages {
            match stage {
                Stage::Waits(delivery) => waiting.push(delivery),
                Stage::Sent(delivery, id) => {
                    let awaited = match delivery.qos {
                        QoS::ExactlyOnce => Awaited::Pubrec,
                        QoS::AtMostOnce | QoS::AtLeastOnce => Awaited::Puback,
                    };
                    kept.under_way.push(UnderWay { id, awaited, delivery: Some(delivery), number });
                }
                Stage::Received(id) => {
                    let awaited = Awaited::Pubcomp;
                    kept.under_way.push(UnderWay { id, awaited, delivery: None, number });
                }
            }
        }
        let (address, protocol) = (NOWHERE, Protocol::Mqtt);
        let principal = Arc::new(Principal { client, address, protocol, certificate_name: None, account });
        let (left, will) = left.unwrap_or((now, None));
        let until = expiry.end(left);
        let will = will.map(|(will, due)| (Arc::unwrap_or_clone(will), due));
        let mut absent = Absent::new(principal, filters, Box::new(kept), will, until, left);
        absent.session = Some(number);
        let evicted = self.absents.add(id, absent);
        for (id, absent) in evicted {
            dropped += 1;
            wills.extend(self.end(id, absent));
        }
        for delivery in waiting {
            let message = delivery.number;
            if !self.absents.queue(id, delivery) {
                self.ledger.add(Entry::Done(number, message));
                dropped += 1;
            }
        }
        dropped
    }
}
