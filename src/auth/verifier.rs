//! The verifier: one thread that looks at credentials, one after the other, so that however many come at once take
//! the memory and the time of one.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use log::{info, warn};

use super::attempts::Attempts;
use super::secret::{LONGEST_PASSWORD, PasswordDigest, Scratch, Token, TokenDigest};
use super::throttle::Throttle;
use super::{User, Users};
use crate::domain::{Account, Code, Refusal, UserName};

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
pub type Verdict = Result<Arc<Account>, Rejected>;

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
    pub(super) address: IpAddr,
    credentials: Credentials,
    /// Gone when nobody waits for the verdict any more.
    awaited: Weak<()>,
    answer: Answer,
}

type Answer = Box<dyn FnOnce(Verdict) + Send>;

enum Order {
    Verify(Attempt),
    /// These are the users from now on, which is told when it is so.
    Users(Users, Box<dyn FnOnce(Users) + Send>),
}

/// The verifier without its thread and without a clock.
struct Desk {
    users: Users,
    nobody: PasswordDigest,
    attempts: Attempts,
    throttle: Throttle,
    /// Verdicts that are not told before their time.
    late: BTreeMap<(Instant, u64), (Answer, Verdict)>,
    number: u64,
    scratch: Scratch,
}

impl Verifier {
    /// Starts the thread.  `ended` is called as its last act.
    pub fn start(
        users: Users,
        ended: impl FnOnce() + Send + 'static,
    ) -> io::Result<(Verifier, JoinHandle<()>)> {
        let (sender, orders) = channel();
        let thread = std::thread::Builder::new().name("verifier".to_owned()).spawn(move || {
            let run = std::panic::AssertUnwindSafe(|| run(users, &orders));
            if std::panic::catch_unwind(run).is_err() {
                log::error!("the verifier panicked");
            }
            ended();
        })?;
        Ok((Verifier(sender), thread))
    }

    /// Has credentials looked at that came from `address`.  The verdict goes to `answer`, unless what is returned
    /// is dropped before.
    #[must_use]
    pub fn verify(
        &self,
        address: IpAddr,
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
        let attempt =
            Attempt { address, credentials, awaited: Arc::downgrade(&awaited), answer: Box::new(answer) };
        // The daemon ends when the verifier does.
        let _ = self.0.send(Order::Verify(attempt));
        awaited
    }

    /// These are the users from now on.  When it is so, `changed` gets them, with the accounts of before for those who
    /// are the same.
    pub fn change(&self, users: Users, changed: impl FnOnce(Users) + Send + 'static) {
        let _ = self.0.send(Order::Users(users, Box::new(changed)));
    }
}

fn run(users: Users, orders: &Receiver<Order>) {
    let mut desk = Desk::new(users);
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
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Seconds since 1970-01-01T00:00:00Z, by which credentials expire.
fn epoch() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl Desk {
    fn new(users: Users) -> Desk {
        Desk {
            nobody: dearest(&users),
            users,
            attempts: Attempts::default(),
            throttle: Throttle::default(),
            late: BTreeMap::new(),
            number: 0,
            scratch: Scratch::default(),
        }
    }

    fn take(&mut self, order: Order, now: Instant, epoch: u64) {
        match order {
            // A token is looked at in no time, and nobody guesses one.
            Order::Verify(attempt) if Token::is_one(&attempt.credentials.secret) => {
                let Credentials { user, secret } = &attempt.credentials;
                let verdict = self.judge_token(user.as_deref(), secret, epoch);
                self.tell(attempt, verdict, now);
            }
            Order::Users(users, changed) => {
                self.users = users.after(&self.users);
                self.nobody = dearest(&self.users);
                changed(self.users.clone());
            }
            Order::Verify(attempt) => {
                if let Err(attempt) = self.attempts.add(attempt) {
                    (attempt.answer)(Err(Rejected::Busy));
                }
            }
        }
    }

    /// Tells what is due, and looks at one attempt.  Says when there is more to do.
    fn work(&mut self, now: Instant, epoch: u64) -> Option<Instant> {
        while let Some(first) = self.late.first_entry().filter(|first| first.key().0 <= now) {
            let (answer, verdict) = first.remove();
            answer(verdict);
        }
        if let Some(attempt) = self.attempts.next(&self.throttle, now) {
            let verdict = self.judge_password(&attempt.credentials, epoch);
            self.tell(attempt, verdict, now);
        }
        let late = self.late.keys().next().map(|(due, _)| *due);
        [late, self.attempts.due(&self.throttle, now)].into_iter().flatten().min()
    }

    fn tell(&mut self, attempt: Attempt, verdict: Verdict, now: Instant) {
        let Err(rejected) = &verdict else { return (attempt.answer)(verdict) };
        // Names are no secrets, but what is typed for one may be.
        let known = self.users.find(attempt.user()).map_or("no user", |user| user.name.as_str());
        warn!("{}: credentials for {known} were refused: {}", attempt.address, rejected.refusal().message);
        let due = self.throttle.failed(attempt.address, attempt.user(), now);
        if due <= now {
            return (attempt.answer)(verdict);
        }
        self.number += 1;
        self.late.insert((due, self.number), (attempt.answer, verdict));
    }

    fn judge_password(&mut self, credentials: &Credentials, epoch: u64) -> Verdict {
        let Credentials { user, secret } = credentials;
        let user = user.as_deref().and_then(|name| self.users.find(name));
        // It takes as long where there is no such user, or where it has no password.
        let digest = user.and_then(|user| user.password.as_ref());
        let is_right = digest.unwrap_or(&self.nobody).is_of(secret, &mut self.scratch);
        match user {
            Some(user) if is_right && digest.is_some() => admit(user, user.expires, epoch),
            _ => Err(Rejected::Wrong),
        }
    }

    fn judge_token(&self, name: Option<&str>, token: &[u8], epoch: u64) -> Verdict {
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
        match found {
            // MQTT libraries want a user name beside it, and then it is the right one.
            Some((user, expires))
                if name.is_none_or(|name| name.is_empty() || name == user.name.as_str()) =>
            {
                admit(user, [user.expires, expires].into_iter().flatten().min(), epoch)
            }
            _ => Err(Rejected::Wrong),
        }
    }
}

fn admit(user: &User, expires: Option<u64>, epoch: u64) -> Verdict {
    if expires.is_some_and(|expires| expires <= epoch) {
        return Err(Rejected::Expired);
    }
    info!("{} signed in as {}", user.name, user.account.role);
    Ok(user.account.clone())
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
