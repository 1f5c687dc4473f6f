//! Users in a file, as a daemon reads them.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A hash of `password` that costs little.
pub const PHC: &str = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

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
