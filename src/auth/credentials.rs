//! What somebody shows to prove who it is, and what came of that.

use std::sync::Arc;

use super::secret::{LONGEST_PASSWORD, Token};
use crate::domain::{Account, Code, Deed, Refusal, UserName};

/// What somebody shows to prove who it is.
#[derive(Default)]
pub struct Credentials {
    /// The user's name; a token needs none, and neither does a certificate.
    pub user: Option<String>,
    /// A password, or a token.  Without one the certificate has to say who it is.
    pub secret: Option<Vec<u8>>,
    /// The name in its certificate, which was found good.
    pub certificate: Option<String>,
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
    /// There is nothing but a certificate, which is no user's: it is as if there were none.
    Unknown,
    /// The same, because its user has expired.
    Lapsed,
    /// The certificate is another user's.
    Contradicted,
    /// Too many wait already.
    Busy,
}

/// What stands for a name that is too long to be one; nobody can be called so.
const NO_NAME: &str = "?";

impl Credentials {
    /// Whether nothing is shown.
    pub fn are_none(&self) -> bool {
        self.user.is_none() && self.secret.is_none() && self.certificate.is_none()
    }

    /// What can be no secret is none, and takes no memory; and so for names.
    pub(super) fn bounded(self) -> Credentials {
        let secret = |secret: Vec<u8>| if secret.len() > LONGEST_PASSWORD { Vec::new() } else { secret };
        let user = |user: String| if user.len() > UserName::MAXIMUM { NO_NAME.to_owned() } else { user };
        Credentials { user: self.user.map(user), secret: self.secret.map(secret), ..self }
    }

    /// The token, if that is what is shown.
    pub(super) fn token(&self) -> Option<&[u8]> {
        self.secret.as_deref().filter(|secret| Token::is_one(secret))
    }

    /// The name that was given; none is the empty one, which nobody has.
    pub(super) fn user(&self) -> &str {
        self.user.as_deref().unwrap_or_default()
    }

    /// How it is tried.
    pub(super) fn deed(&self) -> Deed {
        let how = match &self.secret {
            Some(_) if self.token().is_some() => "token",
            Some(_) => "password",
            None if self.certificate.is_some() => "certificate",
            None => "password",
        };
        Deed::Other(String::new(), format!("sign_in({how})"))
    }
}

impl Rejected {
    /// What is said of it.
    pub fn refusal(self) -> Refusal {
        let (code, words) = match self {
            Rejected::Wrong => (Code::AccessDenied, "the user, or the password or token, is wrong"),
            Rejected::Expired => (Code::AccessDenied, "these credentials have expired"),
            Rejected::Unknown => {
                (Code::AccessDenied, "the certificate is no user's; a user's password or a token is needed")
            }
            Rejected::Lapsed => (
                Code::AccessDenied,
                "the user of the certificate has expired; another one's password or token is needed",
            ),
            Rejected::Contradicted => (
                Code::AccessDenied,
                "the certificate is another user's; come without it, or with that user's credentials alone",
            ),
            Rejected::Busy => (Code::LimitReached, "too many want to sign in; try again later"),
        };
        Refusal::new(code, words)
    }
}
