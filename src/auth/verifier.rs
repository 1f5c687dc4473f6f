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
use super::secret::{LONGEST_PASSWORD, PasswordDigest, Scratch, Token, TokenDigest};
use super::tally::{Sum, Tally, Telling};
use super::throttle::Throttle;
use super::{Changes, User, Users};
use crate::domain::{Account, Audit, Code, Deed, Refusal, UserName, Visitor, Who};

/// The way to the verifier; its thread ends when nobody has one any more.
#[derive(Clone)]
pub struct Verifier(Sender<Order>);

/// What somebody shows to prove who it is.
pub struct Credentials {
    /// The user's name; a token needs none.
    pub user: Option<String>,
    /// A password, or a token.
    pub secret: Vec<u8>,
}

/// Who somebody is, or why that is not known.
pub type Verdict = Result<Admitted, Rejected>;

/// Somebody who has proved who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// What it may do, and who it is.
    pub account: Arc<Account>,
    /// When that ends, in seconds since 1970-01-01T00:00:00Z: with the user or with the token, whichever is earlier.
    pub expires: Option<u64>,
}

/// Why credentials are not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejected {
    /// There is no such user, or it has no such secret; which of them is not told.
    Wrong,
    /// They were good once.
    Expired,
    /// Too many wait already.
    Busy,
}

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
        mut credentials: Credentials,
        answer: impl FnOnce(Verdict) + Send + 'static,
    ) -> Arc<()> {
        let awaited = Arc::new(());
        // What can be no secret is none, and takes no memory.
        if credentials.secret.len() > LONGEST_PASSWORD {
            credentials.secret = Vec::new();
        }
        credentials.user = credentials.user.map(|mut user| {
            if user.len() > UserName::MAXIMUM {
                user.clear();
            }
            user
        });
        let attempt = Attempt {
            visitor: Box::new(visitor),
            credentials,
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
            // A token is looked at in no time, and nobody guesses one.
            Order::Verify(attempt) if Token::is_one(&attempt.credentials.secret) => {
                let judged = self.judge_token(&attempt.credentials, epoch);
                // After that look, so that who has a good one gets in beside those who guess.
                if judged.verdict.is_err() && self.late.is_full(attempt.address()) {
                    return self.turn_away(attempt, now, epoch);
                }
                self.tell(attempt, judged, now, epoch);
            }
            Order::Refused(visitor, deed, refusal) => self.audit_refused(visitor, deed, &refusal, now, epoch),
            Order::Users(users, changed) => {
                let changes = Changes::between(&self.users, &users);
                self.users = users.after(&self.users);
                self.nobody = dearest(&self.users);
                changed(self.users.clone(), changes);
            }
            Order::Verify(attempt) => {
                if let Err(attempt) = self.attempts.add(attempt) {
                    self.turn_away(attempt, now, epoch);
                }
            }
        }
    }

    /// Tells what is due, and looks at one attempt.  Says when there is more to do.
    fn work(&mut self, now: Instant, epoch: f64) -> Option<Instant> {
        self.late.tell(now);
        if let Some(attempt) = self.attempts.next(&self.throttle, now) {
            let judged = self.judge_password(&attempt.credentials, epoch);
            self.tell(attempt, judged, now, epoch);
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
        let user = self.users.find(attempt.user()).map(|user| user.name.clone());
        let visitor = Visitor { user, ..(*attempt.visitor).clone() };
        let deed = sign_in(&attempt.credentials);
        self.audit_refused(visitor, deed, &Rejected::Busy.refusal(), now, epoch);
        attempt.tell(Err(Rejected::Busy));
    }

    fn tell(&mut self, attempt: Attempt, judged: Judged, now: Instant, epoch: f64) {
        let Judged { user, verdict } = judged;
        let (deed, address) = (sign_in(&attempt.credentials), attempt.address());
        let due = match &verdict {
            Ok(_) => now,
            Err(_) if Token::is_one(&attempt.credentials.secret) => {
                self.token_throttle.failed(address, attempt.user(), now)
            }
            Err(_) => self.throttle.failed(address, attempt.user(), now),
        };
        let visitor = Visitor { user, ..(*attempt.visitor).clone() };
        match &verdict {
            Ok(_) => (self.audit)(Audit::new(epoch, Who::Visitor(Arc::new(visitor)), deed)),
            Err(rejected) => self.audit_refused(visitor, deed, &rejected.refusal(), now, epoch),
        }
        if due <= now {
            return attempt.tell(verdict);
        }
        self.late.add(due, attempt, verdict);
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
        let Credentials { user, secret } = credentials;
        let user = user.as_deref().and_then(|name| self.users.find(name));
        // It takes as long where there is no such user, or where it has no password.
        let digest = user.and_then(|user| user.password.as_ref());
        let is_right = digest.unwrap_or(&self.nobody).is_of(secret, &mut self.scratch);
        let verdict = match user {
            Some(user) if is_right && digest.is_some() => admit(user, user.expires, epoch),
            _ => Err(Rejected::Wrong),
        };
        Judged { user: user.map(|user| user.name.clone()), verdict }
    }

    fn judge_token(&self, credentials: &Credentials, epoch: f64) -> Judged {
        let Credentials { user: name, secret } = credentials;
        let digest = TokenDigest::of(secret);
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
        let name = name.as_deref().filter(|name| !name.is_empty());
        let found = found.filter(|(user, _)| name.is_none_or(|name| name == user.name.as_str()));
        let named = name.and_then(|name| self.users.find(name));
        let user = found.map(|(user, _)| user).or(named).map(|user| user.name.clone());
        let verdict = match found {
            Some((user, expires)) => admit(user, [user.expires, expires].into_iter().flatten().min(), epoch),
            None => Err(Rejected::Wrong),
        };
        Judged { user, verdict }
    }
}

/// How it was tried.
fn sign_in(credentials: &Credentials) -> Deed {
    let how = if Token::is_one(&credentials.secret) { "token" } else { "password" };
    Deed::Other(String::new(), format!("sign_in({how})"))
}

fn admit(user: &User, expires: Option<u64>, epoch: f64) -> Verdict {
    if expires.is_some_and(|expires| expires as f64 <= epoch) {
        return Err(Rejected::Expired);
    }
    info!("{} signed in as {}", user.name, user.account.role);
    Ok(Admitted { account: user.account.clone(), expires })
}

/// The hash that is made for users who are not there: as dear as the dearest of those who are.
fn dearest(users: &Users) -> PasswordDigest {
    let passwords = users.all().iter().filter_map(|user| user.password.as_ref());
    passwords.max_by_key(|digest| digest.work()).cloned().unwrap_or_else(PasswordDigest::of_nobody)
}

impl Attempt {
    /// The name that was given; none is the empty one, which nobody has.
    pub(super) fn user(&self) -> &str {
        self.credentials.user.as_deref().unwrap_or_default()
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

impl Rejected {
    /// What is said of it.
    pub fn refusal(self) -> Refusal {
        match self {
            Rejected::Wrong => {
                Refusal::new(Code::AccessDenied, "the user, or the password or token, is wrong")
            }
            Rejected::Expired => Refusal::new(Code::AccessDenied, "these credentials have expired"),
            Rejected::Busy => Refusal::new(Code::LimitReached, "too many want to sign in; try again later"),
        }
    }
}

#[cfg(test)]
mod tests;
