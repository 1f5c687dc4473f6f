//! Credentials to an account, and what an account may do.
//!
//! ```text
//! users file -> Users -> Verifier (a thread) -> Account -> decide
//! ```
//!
//! [`UsersFile`] is the file that `gpio-gatekeeper user` changes and the daemon reads.  Nothing here knows a protocol.

mod date;
mod file;
mod record;
mod secret;
mod users;

pub use date::{date_of, parse_expiry};
pub use file::{UsersError, UsersFile};
pub use secret::{LONGEST_PASSWORD, PasswordDigest, SHORTEST_PASSWORD, Scratch, Token, TokenDigest};
pub use users::{User, Users};
