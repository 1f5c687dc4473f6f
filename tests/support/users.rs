//! Users in a file, as a daemon reads them.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A hash of `password` that costs little.
pub const PHC: &str = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

/// A device's token.
pub const TOKEN: &str = "gk_0123456789abcdef0123456789abcdef01234567";
/// What is kept of it.
pub const DIGEST: &str = "d379947b71164f9885d8956a0a735f041fb6690256ba2cada731a72980b212c0";

/// Writes a users file that only its owner can read.
pub fn write_users(file: &Path, users: &str) {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(file)
        .expect("it can be made");
    write!(file, r#"{{"version": 1, "users": {{{users}}}}}"#).expect("it can be written");
}
