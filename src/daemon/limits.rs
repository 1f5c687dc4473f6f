//! What the daemon asks of the system before it starts.

use log::{debug, warn};
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};

/// Descriptors beside those of connections: chips, lines, listeners, files.
const OWN: usize = 128;
/// Each connection has a socket and a waker.
const PER_CONNECTION: usize = 2;

/// Raises the limit on open descriptors as far as so many connections need it, or as the system lets us.
pub(super) fn raise(connections: usize) {
    // Limits have 32 bits on some boards and 64 on others.
    let wanted = rlim_t::try_from(OWN + PER_CONNECTION * connections).unwrap_or(rlim_t::MAX);
    match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((soft, _)) if soft >= wanted => {}
        Ok((soft, hard)) => {
            let raised = wanted.min(hard);
            match setrlimit(Resource::RLIMIT_NOFILE, raised, hard) {
                Ok(()) if raised == wanted => debug!("open descriptors: {soft} raised to {raised}"),
                Ok(()) => {
                    warn!("{connections} connections need {wanted} descriptors, and the system allows {hard}")
                }
                Err(error) => warn!("the limit on open descriptors stays at {soft}: {error}"),
            }
        }
        Err(error) => warn!("the limit on open descriptors is unknown: {error}"),
    }
}
