//! The verifier: one thread that looks at credentials, one after the other, so that however many come at once take
//! the memory and the time of one.

use std::io;
use std::net::IpAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use log::{info, warn};

use super::attempts::Attempts;
use super::late::LateAnswers;
use super::secret::{PasswordDigest, Scratch, TokenDigest};
use super::tally::{Sum, Tally, Telling};
use super::throttle::Throttle;
use super::{Admitted, Changes, Credentials, Rejected, User, Users, Verdict};
use crate::domain::{Audit, Code, Deed, Refusal, UserName, Visitor, Who};

/// The way to the verifier; its thread ends when nobody has one any more.
#[derive(Clone)]
pub struct Verifier(Sender<Order>);

/// Credentials that wait to be looked at.
pub(super) struct Attempt {
    visitor: Box<Visitor>,
    credentials: Credentials,
    /// Gone when nobody waits for the verdict any more.
    awaited: Weak<()>,
    answer: Answer,
}

type Answer = Box<dyn FnOnce(Verdict) + Send>;

enum Order {
    Verify(Attempt),
    /// Somebody who is not in was refused something else.
    Refused(Visitor, Deed, Refusal),
    /// These are the users from now on, which is told when it is so.
    Users(Users, Box<dyn FnOnce(Users, Changes) + Send>),
}

/// The verifier without its thread and without a clock.
struct Desk {
    users: Users,
    nobody: PasswordDigest,
    attempts: Attempts,
    throttle: Throttle,
    /// For tokens, so that a flood of them does not keep an address from showing a password.
    token_throttle: Throttle,
    late: LateAnswers,
    scratch: Scratch,
    tally: Tally,
    audit: Box<dyn Fn(Audit) + Send>,
}

/// What came of credentials, and whose they are, or would be.
struct Judged {
    user: Option<UserName>,
    verdict: Verdict,
}

impl Verifier {
    /// Starts the thread.  It gives `audit` the entries of who has signed in, and who has not; `ended` is called as its
    /// last act.
    pub fn start(
        users: Users,
        audit: impl Fn(Audit) + Send + 'static,
        ended: impl FnOnce() + Send + 'static,
    ) -> io::Result<(Verifier, JoinHandle<()>)> {
        let (sender, orders) = channel();
        let thread = std::thread::Builder::new().name("verifier".to_owned()).spawn(move || {
            let run = std::panic::AssertUnwindSafe(|| run(users, Box::new(audit), &orders));
            if std::panic::catch_unwind(run).is_err() {
                log::error!("the verifier panicked");
            }
            ended();
        })?;
        Ok((Verifier(sender), thread))
    }

    /// Has the credentials of a visitor looked at.  The verdict goes to `answer`, unless what is returned is dropped
    /// before.
    #[must_use]
    pub fn verify(
        &self,
        visitor: Visitor,
        credentials: Credentials,
        answer: impl FnOnce(Verdict) + Send + 'static,
    ) -> Arc<()> {
        let awaited = Arc::new(());
        let attempt = Attempt {
            visitor: Box::new(visitor),
            credentials: credentials.bounded(),
            awaited: Arc::downgrade(&awaited),
            answer: Box::new(answer),
        };
        // The daemon ends when the verifier does.
        let _ = self.0.send(Order::Verify(attempt));
        awaited
    }

    /// Tells that somebody who is not in was refused something: one by one as long as there are few of them.
    pub fn tell_refused(&self, visitor: Visitor, deed: Deed, refusal: Refusal) {
        let _ = self.0.send(Order::Refused(visitor, deed, refusal));
    }

    /// These are the users from now on.  When it is so, `changed` gets them, with the accounts of before for those who
    /// are the same, and what is new about them.
    pub fn change(&self, users: Users, changed: impl FnOnce(Users, Changes) + Send + 'static) {
        let _ = self.0.send(Order::Users(users, Box::new(changed)));
    }
}

fn run(users: Users, audit: Box<dyn Fn(Audit) + Send>, orders: &Receiver<Order>) {
    let mut desk = Desk::new(users, audit, Instant::now());
    loop {
        let order = match desk.work(Instant::now(), epoch()) {
            None => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(due) => orders.recv_timeout(due.saturating_duration_since(Instant::now())),
        };
        match order {
            Ok(order) => {
                desk.take(order, Instant::now(), epoch());
                // Everybody who is there takes part in whose turn it is.
                orders.try_iter().for_each(|order| desk.take(order, Instant::now(), epoch()));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return desk.finish(epoch()),
        }
    }
}

/// Seconds since 1970-01-01T00:00:00Z, by which credentials expire.
fn epoch() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

impl Desk {
    fn new(users: Users, audit: Box<dyn Fn(Audit) + Send>, now: Instant) -> Desk {
        Desk {
            nobody: dearest(&users),
            users,
            attempts: Attempts::default(),
            throttle: Throttle::default(),
            token_throttle: Throttle::default(),
            late: LateAnswers::default(),
            scratch: Scratch::default(),
            tally: Tally::new(now),
            audit,
        }
    }

    fn take(&mut self, order: Order, now: Instant, epoch: f64) {
        match order {
            Order::Refused(visitor, deed, refusal) => self.audit_refused(visitor, deed, &refusal, now, epoch),
            Order::Users(users, changed) => {
                let changes = Changes::between(&self.users, &users);
                self.users = users.after(&self.users);
                self.nobody = dearest(&self.users);
                changed(self.users.clone(), changes);
            }
            Order::Verify(attempt) => match self.judge_at_once(&attempt.credentials, epoch) {
                // After that look, so that who has a good one gets in beside those who guess.
                Some(judged) if judged.is_guess() && self.late.is_full(attempt.address()) => {
                    self.turn_away(attempt, now, epoch);
                }
                Some(judged) => self.tell(attempt, judged, now, epoch),
                None => {
                    if let Err(attempt) = self.attempts.add(attempt) {
                        self.turn_away(attempt, now, epoch);
                    }
                }
            },
        }
    }

    /// Tells what is due, and looks at one attempt.  Says when there is more to do.
    fn work(&mut self, now: Instant, epoch: f64) -> Option<Instant> {
        self.late.tell(now);
        if let Some(attempt) = self.attempts.next(&self.throttle, now) {
            let judged = self.judge_password(&attempt.credentials, epoch);
            self.tell(attempt, judged, now, epoch);
        }
        if self.attempts.is_empty() {
            // Most of the time nobody signs in, and a small board has better use for 7 MiB.
            self.scratch = Scratch::default();
        }
        if let Some(sum) = self.tally.sum(now) {
            self.audit_sum(sum, epoch);
        }
        [self.late.due(), self.tally.due(), self.attempts.due(&self.throttle, now)]
            .into_iter()
            .flatten()
            .min()
    }

    /// Says what has not been said yet.
    fn finish(&mut self, epoch: f64) {
        if let Some(sum) = self.tally.rest() {
            self.audit_sum(sum, epoch);
        }
    }

    /// Too many wait.
    fn turn_away(&mut self, attempt: Attempt, now: Instant, epoch: f64) {
        let user = self.users.find(attempt.credentials.user()).map(|user| user.name.clone());
        let visitor = Visitor { user, ..(*attempt.visitor).clone() };
        let deed = attempt.credentials.deed();
        self.audit_refused(visitor, deed, &Rejected::Busy.refusal(), now, epoch);
        attempt.tell(Err(Rejected::Busy));
    }

    fn tell(&mut self, attempt: Attempt, judged: Judged, now: Instant, epoch: f64) {
        let Judged { user, verdict } = judged;
        let (deed, address) = (attempt.credentials.deed(), attempt.address());
        let due = match &verdict {
            Err(Rejected::Wrong | Rejected::Expired | Rejected::Busy) => {
                let is_token = attempt.credentials.token().is_some();
                let throttle = if is_token { &mut self.token_throttle } else { &mut self.throttle };
                throttle.failed(address, attempt.credentials.user(), now)
            }
            // Nobody has guessed anything.
            Ok(_) | Err(Rejected::Unknown | Rejected::Lapsed | Rejected::Contradicted) => now,
        };
        let visitor = Visitor { user, ..(*attempt.visitor).clone() };
        match &verdict {
            Ok(_) => (self.audit)(Audit::new(epoch, Who::Visitor(Arc::new(visitor)), deed)),
            // It is as if there were no certificate, and whoever needs one is refused elsewhere.
            Err(rejected @ (Rejected::Unknown | Rejected::Lapsed)) => {
                let shown = visitor.certificate_name.unwrap_or_default();
                info!(
                    "{address}: the certificate of {shown:?} signs nobody in: {}",
                    rejected.refusal().message
                );
            }
            Err(rejected) => self.audit_refused(visitor, deed, &rejected.refusal(), now, epoch),
        }
        if due <= now {
            return attempt.tell(verdict);
        }
        self.late.add(due, attempt, verdict);
    }

    /// The verdict on what is looked at in no time, and what nobody guesses: a token, or a certificate alone.
    fn judge_at_once(&self, credentials: &Credentials, epoch: f64) -> Option<Judged> {
        match credentials.token() {
            Some(token) => Some(self.judge_token(credentials, token, epoch)),
            None if credentials.secret.is_none() => self.judge_certificate(credentials, epoch),
            None => None,
        }
    }

    /// Where the certificate is nobody's, a user's name with it is as good as one without it.
    fn judge_certificate(&self, credentials: &Credentials, epoch: f64) -> Option<Judged> {
        let name = credentials.user.as_deref();
        let is_named = |user: &User| name.is_none_or(|name| name.is_empty() || name == user.name.as_str());
        let owner = self.owner(credentials);
        let verdict = match owner {
            Some(user) if !is_over(user.expires, epoch) && is_named(user) => {
                self.admit(user, user.expires, credentials, epoch)
            }
            Some(user) if !is_over(user.expires, epoch) => Err(Rejected::Contradicted),
            Some(user) if is_named(user) => {
                Err(if name.is_none() { Rejected::Lapsed } else { Rejected::Expired })
            }
            _ if name.is_none() => Err(Rejected::Unknown),
            _ => return None,
        };
        let wanted = name.and_then(|name| self.users.find(name));
        Some(Judged::of(wanted.or(owner), verdict))
    }

    fn audit_refused(&mut self, visitor: Visitor, deed: Deed, refusal: &Refusal, now: Instant, epoch: f64) {
        let address = visitor.address.ip();
        if self.tally.note(address, now) == Telling::InSum {
            return;
        }
        // Names are no secrets, but what is typed for one may be.
        let known = visitor.user.as_ref().map_or("no user", UserName::as_str);
        warn!("{address}: {} for {known} was refused: {}", deed.action(), refusal.message);
        (self.audit)(Audit::new(epoch, Who::Visitor(Arc::new(visitor)), deed).refused(refusal));
    }

    fn audit_sum(&self, sum: Sum, epoch: f64) {
        warn!("refused: {sum}");
        let deed = Deed::Other(String::new(), format!("refused({})", sum.count));
        let refusal = Refusal::new(Code::AccessDenied, sum.to_string());
        (self.audit)(Audit::new(epoch, Who::Address(sum.address), deed).refused(&refusal));
    }

    fn judge_password(&mut self, credentials: &Credentials, epoch: f64) -> Judged {
        let Credentials { user, secret, .. } = credentials;
        let user = user.as_deref().and_then(|name| self.users.find(name));
        // It takes as long where there is no such user, or where it has no password.
        let digest = user.and_then(|user| user.password.as_ref());
        let secret = secret.as_deref().unwrap_or_default();
        let is_right = digest.unwrap_or(&self.nobody).is_of(secret, &mut self.scratch);
        let is_right = is_right && digest.is_some();
        Judged::of(
            user,
            match user {
                Some(user) if is_right => self.admit(user, user.expires, credentials, epoch),
                _ => Err(Rejected::Wrong),
            },
        )
    }

    fn judge_token(&self, credentials: &Credentials, token: &[u8], epoch: f64) -> Judged {
        let digest = TokenDigest::of(token);
        let mut found = None;
        // All of them, whichever it is.
        for user in self.users.all() {
            for (known, expires) in &user.tokens {
                if known.is(&digest) {
                    found = Some((user, *expires));
                }
            }
        }
        // MQTT libraries want a user name beside it, and then it is the right one.
        let name = credentials.user.as_deref().filter(|name| !name.is_empty());
        let found = found.filter(|(user, _)| name.is_none_or(|name| name == user.name.as_str()));
        let named = name.and_then(|name| self.users.find(name));
        Judged::of(
            found.map(|(user, _)| user).or(named),
            match found {
                Some((user, expires)) => {
                    let expires = [user.expires, expires].into_iter().flatten().min();
                    self.admit(user, expires, credentials, epoch)
                }
                None => Err(Rejected::Wrong),
            },
        )
    }

    /// Whose certificate is shown.
    fn owner(&self, credentials: &Credentials) -> Option<&User> {
        credentials.certificate.as_deref().and_then(|name| self.users.of_certificate(name))
    }

    /// Lets a user in whose credentials are right, unless it has shown a certificate that is another's.
    fn admit(&self, user: &User, expires: Option<u64>, credentials: &Credentials, epoch: f64) -> Verdict {
        if is_over(expires, epoch) {
            return Err(Rejected::Expired);
        }
        let owner = self.owner(credentials);
        if owner.is_some_and(|owner| owner.name != user.name && !is_over(owner.expires, epoch)) {
            return Err(Rejected::Contradicted);
        }
        info!("{} signed in as {}", user.name, user.account.role);
        Ok(Admitted { account: user.account.clone(), expires })
    }
}

impl Judged {
    fn of(user: Option<&User>, verdict: Verdict) -> Judged {
        Judged { user: user.map(|user| user.name.clone()), verdict }
    }

    /// Whether it is one of those that are answered late.
    fn is_guess(&self) -> bool {
        matches!(self.verdict, Err(Rejected::Wrong | Rejected::Expired))
    }
}

fn is_over(expires: Option<u64>, epoch: f64) -> bool {
    expires.is_some_and(|expires| expires as f64 <= epoch)
}

/// The hash that is made for users who are not there: as dear as the dearest of those who are.
fn dearest(users: &Users) -> PasswordDigest {
    let passwords = users.all().iter().filter_map(|user| user.password.as_ref());
    passwords.max_by_key(|digest| digest.work()).cloned().unwrap_or_else(PasswordDigest::of_nobody)
}

impl Attempt {
    /// The name that was given; none is the empty one, which nobody has.
    pub(super) fn user(&self) -> &str {
        self.credentials.user()
    }

    /// Where it came from.
    pub(super) fn address(&self) -> IpAddr {
        self.visitor.address.ip()
    }

    /// Tells what came of it.
    pub(super) fn tell(self, verdict: Verdict) {
        (self.answer)(verdict);
    }

    /// Whether somebody waits for the verdict.
    pub(super) fn is_awaited(&self) -> bool {
        self.awaited.strong_count() > 0
    }
}

#[cfg(test)]
mod tests;
