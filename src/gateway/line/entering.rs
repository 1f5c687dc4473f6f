//! How a client of the line protocol gets in: at once where everybody may, with its certificate, or with `AUTH`.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use super::commands::{self, Next};
use super::conversation::{LineConversation, NOBODY, Then};
use super::translate::{Answer, Fields};
use crate::auth::{Admitted, Credentials, Rejected, Verdict, Verifier};
use crate::control::Now;
use crate::domain::{Audit, Code, Deed, Principal, Refusal, Visitor};
use crate::gateway::mqtt::kept::Keeping;
use crate::gateway::{Joining, Lifetime, Note};
use crate::net::Seating;
use crate::wire::line::Frame;

/// How far a client is.
pub(super) enum Entry {
    /// It is in, with the rights of those who do not say who they are, or with its own.
    In,
    /// It has to say who it is.
    Outside(Outside),
    /// Its credentials are looked at, and nothing more is read from it; it is outside until then, or in already.
    Waiting {
        /// Somebody waits for the verdict, as long as this is there.
        _awaited: Arc<()>,
        outside: Option<Outside>,
    },
}

/// Somebody who is outside.
#[derive(Clone, Copy)]
pub(super) struct Outside {
    /// Until when it has to say who it is.
    pub(super) until: Instant,
    /// Why its certificate does not say so, where it has shown one.
    pub(super) certificate: Option<Rejected>,
}

/// The commands that need no rights.
pub(super) const FREE: [&str; 5] = ["HELP", "HELLO", "HELLO!", "AUTH", "QUIT"];

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
    // It may have become some user's after the connection has begun.
    let certificate = line.principal.certificate_name.clone();
    line.show(&verifier, Credentials { user, secret: Some(secret.as_bytes().to_vec()), certificate }, ticket);
    Ok(Next::Wait)
}

impl LineConversation {
    /// Begins: a certificate is looked at first, for it may say already who this is.
    pub(super) fn arrive(&mut self) {
        let certificate = self.principal.certificate_name.clone();
        match (self.shared.entrance.verifier().cloned(), &self.entry) {
            (Some(verifier), _) if certificate.is_some() => {
                self.show(&verifier, Credentials { certificate, ..Credentials::default() }, CERTIFICATE);
            }
            (_, Entry::In) => self.join(),
            _ => {}
        }
    }

    /// Has credentials looked at; nothing more is read until the verdict is there.
    fn show(&mut self, verifier: &Verifier, credentials: Credentials, ticket: u64) {
        let outbox = self.outbox.clone();
        let awaited = verifier.verify(self.visitor(), credentials, move |verdict| {
            outbox.note(Note::Verdict(ticket, verdict));
        });
        let outside = match self.entry {
            Entry::Outside(outside) => Some(outside),
            Entry::In | Entry::Waiting { .. } => None,
        };
        self.entry = Entry::Waiting { _awaited: awaited, outside };
    }

    /// Whether its credentials are looked at.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.entry, Entry::Waiting { .. })
    }

    /// Until when it has to say who it is.
    pub(super) fn outside_until(&self) -> Option<Instant> {
        match self.entry {
            Entry::In => None,
            Entry::Outside(outside) => Some(outside.until),
            Entry::Waiting { outside, .. } => outside.map(|outside| outside.until),
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
            Entry::Outside(Outside { certificate, .. }) if !FREE.contains(&command) => {
                let message = "say who you are first: AUTH with USER and PASSWORD, or with TOKEN";
                Err(match certificate {
                    None => Refusal::new(Code::AccessDenied, message),
                    Some(why) => {
                        Refusal::new(Code::AccessDenied, format!("{message}; {}", why.refusal().message))
                    }
                })
            }
            _ => Ok(()),
        }
    }

    /// Takes what a verdict says.  When it answers a request, gives its ticket and what is replied.
    pub(super) fn judged(&mut self, ticket: u64, verdict: Verdict, now: Instant) -> Option<(u64, Answer)> {
        if ticket == CERTIFICATE {
            self.recognize(verdict, now);
            return None;
        }
        Some((ticket, self.enter(verdict, now)))
    }

    /// Takes what its certificate has come to: it is in as its user, or stays what it is without one.
    fn recognize(&mut self, verdict: Verdict, now: Instant) {
        let Entry::Waiting { outside, .. } = std::mem::replace(&mut self.entry, Entry::In) else { return };
        match (self.shared.entrance.admit(verdict), outside) {
            (Ok(admitted), _) => {
                self.become_one(admitted, now);
                self.join();
            }
            (Err(rejected), Some(outside)) => {
                self.entry = Entry::Outside(Outside { certificate: Some(rejected), ..outside });
            }
            // Where everybody is in, nobody is kept out for a certificate.
            (Err(_), None) => self.join(),
        }
    }

    /// Has the account that it was admitted with, for as long as that is good.
    fn become_one(&mut self, Admitted { account, expires }: Admitted, now: Instant) {
        self.principal = Arc::new(Principal { account, ..Principal::clone(&self.principal) });
        self.lifetime = expires.map(|expires| Lifetime::new(expires, Now::at(now)));
    }

    /// Takes what became of its credentials, and says what is replied.
    fn enter(&mut self, verdict: Verdict, now: Instant) -> Answer {
        let Entry::Waiting { outside, .. } = std::mem::replace(&mut self.entry, Entry::In) else {
            return Answer::Done(Fields::new());
        };
        match verdict {
            Ok(admitted) => self.become_one(admitted, now),
            Err(rejected) => {
                self.entry = outside.map_or(Entry::In, Entry::Outside);
                return Answer::Refused(rejected.refusal());
            }
        }
        let account = &self.principal.account;
        let mut fields: Fields = vec![("ROLE", Cow::Borrowed(account.role.as_str()))];
        if let Some(user) = &account.user {
            fields.insert(0, ("USER", Cow::Owned(user.to_string())));
        }
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
        self.membership = Some(self.shared.bus.join(joining, NOBODY));
    }
}

/// The ticket of the verdict on a certificate, which was shown before there was a request.
const CERTIFICATE: u64 = NOBODY - 1;
