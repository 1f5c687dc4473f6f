//! How a client of the line protocol gets in: at once where everybody may, or with `AUTH`.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use super::commands::{self, Next};
use super::conversation::{LineConversation, Then};
use super::translate::{Answer, Fields};
use crate::auth::{Admitted, Credentials, Verdict};
use crate::control::Now;
use crate::domain::{Account, Audit, Code, Deed, Principal, Refusal, Role, Visitor};
use crate::gateway::mqtt::kept::Keeping;
use crate::gateway::{Joining, Lifetime, Note};
use crate::net::Seating;
use crate::wire::line::Frame;

/// How far a client is.
pub(super) enum Entry {
    /// It is in, with the rights of those who do not say who they are, or with its own.
    In,
    /// It has to say who it is, until then.
    Outside(Instant),
    /// Its credentials are looked at, and nothing more is read from it; it is outside until then, or in already.
    Waiting {
        /// Somebody waits for the verdict, as long as this is there.
        _awaited: Arc<()>,
        until: Option<Instant>,
    },
}

/// The commands that need no rights.
pub(super) const FREE: [&str; 5] = ["HELP", "HELLO", "HELLO!", "AUTH", "QUIT"];

/// The rights of somebody who is not in.
pub(super) fn nobody() -> Account {
    Account { user: None, role: Role::Viewer, devices: Vec::new(), topics: Vec::new() }
}

/// `AUTH`: has the credentials looked at.
pub(super) fn auth(line: &mut LineConversation, frame: &Frame<'_>) -> Result<Next, Refusal> {
    let Some(verifier) = line.shared.entrance.verifier().cloned() else {
        return Err(Refusal::new(
            Code::NotSupported,
            "there are no users here, and everybody may do everything",
        ));
    };
    if let Some(user) = line.principal.user() {
        let message = format!("this connection is {user}'s; connect again to be somebody else");
        return Err(Refusal::new(Code::NotSupported, message));
    }
    let missing = |key| Refusal::new(Code::MissingKey, format!("{key} is missing"));
    let (user, secret) = match (frame.get("TOKEN"), frame.get("USER"), frame.get("PASSWORD")) {
        (Some(token), None, None) => (None, token),
        (None, Some(user), Some(password)) => (Some(user.to_owned()), password),
        (None, Some(_), None) => return Err(missing("PASSWORD")),
        (None, None, Some(_)) => return Err(missing("USER")),
        (None, None, None) => return Err(missing("USER with PASSWORD, or TOKEN,")),
        (Some(_), ..) => {
            return Err(Refusal::new(Code::BadValue, "give either TOKEN, or USER and PASSWORD, not both"));
        }
    };
    let ticket = line.ask(frame, Then::Answer);
    let credentials = Credentials { user, secret: secret.as_bytes().to_vec() };
    let outbox = line.outbox.clone();
    let awaited = verifier.verify(line.visitor(), credentials, move |verdict| {
        outbox.note(Note::Verdict(ticket, verdict));
    });
    let until = match line.entry {
        Entry::Outside(until) => Some(until),
        _ => None,
    };
    line.entry = Entry::Waiting { _awaited: awaited, until };
    Ok(Next::Wait)
}

impl LineConversation {
    /// Whether its credentials are looked at.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.entry, Entry::Waiting { .. })
    }

    /// Until when it has to say who it is.
    pub(super) fn outside_until(&self) -> Option<Instant> {
        match self.entry {
            Entry::In => None,
            Entry::Outside(until) => Some(until),
            Entry::Waiting { until, .. } => until,
        }
    }

    /// Who it is, as far as it has said.
    pub(super) fn visitor(&self) -> Visitor {
        let Principal { client, address, protocol, certificate_name, .. } = (*self.principal).clone();
        Visitor { client: Some(client), address, protocol, certificate_name, user: None }
    }

    /// Tells the audit of a command that was refused.
    pub(super) fn audit_refused(&mut self, frame: &Frame<'_>, refusal: &Refusal) {
        let (device, action) = commands::deed(frame);
        let deed = Deed::Other(device, action);
        match (&self.entry, self.shared.entrance.verifier()) {
            (Entry::Outside(_), Some(verifier)) => {
                // Its first one says enough of somebody who is not in.
                if !std::mem::replace(&mut self.was_kept_out, true) {
                    verifier.tell_refused(self.visitor(), deed, refusal.clone());
                }
            }
            _ => self.shared.bus.audit(Audit::refusal(self.principal.clone(), deed, refusal)),
        }
    }

    /// Whether a command may be looked at.
    pub(super) fn admits(&self, command: &str) -> Result<(), Refusal> {
        match self.entry {
            Entry::Outside(_) if !FREE.contains(&command) => {
                let message = "say who you are first: AUTH with USER and PASSWORD, or with TOKEN";
                Err(Refusal::new(Code::AccessDenied, message))
            }
            _ => Ok(()),
        }
    }

    /// Takes what became of its credentials, and says what is replied.
    pub(super) fn enter(&mut self, verdict: Verdict, now: Instant) -> Answer {
        let Entry::Waiting { until, .. } = std::mem::replace(&mut self.entry, Entry::In) else {
            return Answer::Done(Fields::new());
        };
        let Admitted { account, expires } = match verdict {
            Ok(admitted) => admitted,
            Err(rejected) => {
                self.entry = until.map_or(Entry::In, Entry::Outside);
                return Answer::Refused(rejected.refusal());
            }
        };
        let mut fields: Fields = vec![("ROLE", Cow::Borrowed(account.role.as_str()))];
        if let Some(user) = &account.user {
            fields.insert(0, ("USER", Cow::Owned(user.to_string())));
        }
        self.principal = Arc::new(Principal { account, ..Principal::clone(&self.principal) });
        let now = Now { instant: now, ..Now::read() };
        self.lifetime = expires.map(|expires| Lifetime::new(expires, now));
        match &self.membership {
            Some(membership) => membership.identify(self.principal.clone()),
            None if self.seat.take() == Seating::Full => return Answer::Refused(Refusal::too_many_clients()),
            None => self.join(),
        }
        Answer::Done(fields)
    }

    /// Becomes a member of the bus.
    pub(super) fn join(&mut self) {
        let joining = Joining {
            principal: self.principal.clone(),
            named: self.named,
            outbox: self.outbox.clone(),
            will: None,
            keeping: Keeping::NONE,
        };
        self.membership = Some(self.shared.bus.join(joining, JOINING));
    }
}

/// The ticket of joining, which nobody waits for.
const JOINING: u64 = u64::MAX;
