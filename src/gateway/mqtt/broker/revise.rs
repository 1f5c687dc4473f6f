//! Other users: what belongs to one who is changed, or gone, does not go on as it was.

use std::sync::Arc;

use super::{Broker, MemberId};
use crate::auth::Directory;
use crate::domain::{Principal, Refusal};
use crate::gateway::mqtt::kept::Expiry;

impl Broker {
    /// Ends connections of users who are changed or gone, which are told `why`.  Sessions go on with the rights that their users have now,
    /// and end with users who are gone.
    pub fn revise(&mut self, directory: &Directory, why: &Refusal) {
        let old = |principal: &Arc<Principal>| !directory.has(&principal.account);
        let present: Vec<MemberId> =
            self.members.iter().filter(|(_, member)| old(&member.principal)).map(|(id, _)| *id).collect();
        for id in present {
            let Some(member) = self.members.get_mut(&id) else { continue };
            member.outbox.close(why.clone());
            match directory.account(member.principal.user()) {
                Some(account) => {
                    member.principal = Arc::new(Principal { account, ..Principal::clone(&member.principal) });
                }
                None => self.set_expiry(id, Expiry::AtOnce),
            }
        }
        for (id, client) in self.absents.whose(old) {
            let principal = self.absents.get(id).map(|absent| absent.principal.clone());
            match principal.and_then(|principal| Some((directory.account(principal.user())?, principal))) {
                Some((account, principal)) => {
                    self.absents
                        .identify(id, Arc::new(Principal { account, ..Principal::clone(&principal) }));
                }
                None => {
                    if let Some((id, absent)) = self.absents.take(&client) {
                        // Who is gone has no will either.
                        drop(self.end(id, absent));
                    }
                }
            }
        }
    }
}
