//! Credentials to an account, and what an account may do.
//!
//! ```text
//! users file -> Users -> Verifier (a thread) -> Account -> decide
//! ```
//!
//! [`UsersFile`] is the file that `gpio-gatekeeper user` changes and the daemon reads.  Nothing here knows a protocol.

mod attempts;
mod changes;
mod credentials;
mod date;
mod decide;
mod entrance;
mod file;
mod late;
mod record;
mod secret;
mod tally;
mod throttle;
mod users;
mod verifier;

pub use changes::Changes;
pub use credentials::{Admitted, Credentials, Rejected, Verdict};
pub use date::{date_of, parse_expiry};
pub use decide::{Wish, decide, may, name};
pub use entrance::{Directory, Entrance};
pub use file::{UsersError, UsersFile};
pub use secret::{LONGEST_PASSWORD, PasswordDigest, SHORTEST_PASSWORD, Scratch, Token, TokenDigest};
pub use users::{User, Users};
pub use verifier::Verifier;
