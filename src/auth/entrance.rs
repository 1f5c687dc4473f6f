//! The entrance: who gets in, and as whom.

use std::sync::Arc;

use super::{Admitted, Rejected, User, Users, Verdict, Verifier};
use crate::domain::{Account, Role, UserName};

/// Who gets in.
#[derive(Clone)]
pub struct Entrance {
    verifier: Option<Verifier>,
    unnamed: Option<Arc<Account>>,
}

/// Which account belongs to whom, for what goes on without its owner: sessions of clients that are not connected.
#[derive(Clone)]
pub struct Directory {
    /// Nothing where there are no users.
    users: Option<Users>,
    unnamed: Option<Arc<Account>>,
    /// Whoever has expired by then, in seconds since 1970-01-01T00:00:00Z, is gone.
    epoch: f64,
}

impl Directory {
    /// Everybody may do everything: there are no users.
    pub fn open() -> Directory {
        Directory { users: None, unnamed: Some(Arc::new(Account::everybody())), epoch: 0.0 }
    }

    /// Of users, and of those who do not say who they are.
    pub fn of(users: Users, anonymous: Option<Role>) -> Directory {
        let unnamed = anonymous.map(|role| Arc::new(Account::anonymous(role)));
        Directory { users: Some(users), unnamed, epoch: 0.0 }
    }

    /// With other users.
    #[must_use]
    pub fn with(self, users: Users) -> Directory {
        Directory { users: Some(users), ..self }
    }

    /// At another time, in seconds since 1970-01-01T00:00:00Z: users who have expired are gone then, and others are not.
    pub fn set_time(&mut self, epoch: f64) {
        self.epoch = epoch;
    }

    /// When the next user expires, in seconds since 1970-01-01T00:00:00Z.
    pub fn next_expiry(&self) -> Option<u64> {
        let users = self.users.iter().flat_map(Users::all);
        users.filter(|user| !self.is_over(user)).filter_map(|user| user.expires).min()
    }

    /// Whether who has signed in with this account may go on with it.
    pub fn has(&self, account: &Arc<Account>) -> bool {
        match (&self.users, &account.user) {
            (Some(_), Some(name)) => self.find(name).is_some_and(|user| Arc::ptr_eq(&user.account, account)),
            _ => true,
        }
    }

    /// The account of a user, or of somebody who has not said who it is; nothing where there is none any more.
    pub fn account(&self, user: Option<&UserName>) -> Option<Arc<Account>> {
        match (&self.users, user) {
            (Some(_), Some(name)) => self.find(name).map(|user| user.account.clone()),
            _ => self.unnamed.clone(),
        }
    }

    fn find(&self, name: &UserName) -> Option<&User> {
        self.users.as_ref()?.find(name.as_str()).filter(|user| !self.is_over(user))
    }

    fn is_over(&self, user: &User) -> bool {
        user.expires.is_some_and(|expires| expires as f64 <= self.epoch)
    }
}

impl Entrance {
    /// Everybody, to do everything: there are no users.
    pub fn open() -> Entrance {
        Entrance { verifier: None, unnamed: Some(Arc::new(Account::everybody())) }
    }

    /// Users, and with the role of `anonymous` those who do not say who they are.
    pub fn guarded(verifier: Verifier, anonymous: Option<Role>) -> Entrance {
        let unnamed = anonymous.map(|role| Arc::new(Account::anonymous(role)));
        Entrance { verifier: Some(verifier), unnamed }
    }

    /// The account of those who do not say who they are; without one they do not get in.
    pub fn unnamed(&self) -> Option<Arc<Account>> {
        self.unnamed.clone()
    }

    /// What a verdict comes to: who shows a certificate that is nobody's comes in as if it had shown none.
    pub fn admit(&self, verdict: Verdict) -> Verdict {
        match verdict {
            Err(rejected @ (Rejected::Unknown | Rejected::Lapsed)) => {
                self.unnamed().map(|account| Admitted { account, expires: None }).ok_or(rejected)
            }
            verdict => verdict,
        }
    }

    /// Who looks at credentials; nobody where there are no users.
    pub fn verifier(&self) -> Option<&Verifier> {
        self.verifier.as_ref()
    }
}
