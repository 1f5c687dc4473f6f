//! A certificate for a first try at home: signed by itself, so that clients trust it only where it is given to them.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, date_time_ymd};

/// Where the two files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelfSigned {
    files: Written,
    names: Vec<String>,
}

/// A certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) certificate: PathBuf,
    /// Only its owner can read it.
    pub(super) key: PathBuf,
}

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Phones refuse certificates that are good for longer.
pub(super) const DAYS: u32 = 825;

/// Makes `certificate.pem` and `key.pem` in `folder`, for a server of these names or addresses.  Files that are there
/// already are left as they are, and nothing is made.
pub fn make_self_signed(names: &[String], folder: &Path) -> Result<SelfSigned, String> {
    let (certificate, key) = certificate(names)?;
    let folder = folder.canonicalize().map_err(|error| cannot_write(folder, &error))?;
    let files = Written { certificate: folder.join("certificate.pem"), key: folder.join("key.pem") };
    write_pair(&files, &certificate, &key)?;
    Ok(SelfSigned { files, names: names.to_vec() })
}

/// Writes a certificate and its key, both or none of them, and over nothing that is there.
pub(super) fn write_pair(files: &Written, certificate: &str, key: &str) -> Result<(), String> {
    let mut key_file = create(&files.key, 0o600)?;
    let mut certificate_file = create(&files.certificate, 0o644).inspect_err(|_| {
        // It was made a moment ago, and nobody has it.
        let _ = fs::remove_file(&files.key);
    })?;
    key_file.write_all(key.as_bytes()).map_err(|error| cannot_write(&files.key, &error))?;
    certificate_file
        .write_all(certificate.as_bytes())
        .map_err(|error| cannot_write(&files.certificate, &error))
}

/// The certificate and its key as PEM.
fn certificate(names: &[String]) -> Result<(String, String), String> {
    let good = |name: &String| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
    if let Some(wrong) = names.iter().find(|name| !good(name)) {
        return Err(format!("{wrong:?} is no name of a host and no address"));
    }
    let mut params = CertificateParams::new(names).map_err(failed)?;
    is_good_for(&mut params, DAYS);
    if let Some(first) = names.first() {
        params.distinguished_name.push(DnType::CommonName, first);
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().map_err(failed)?;
    let certificate = params.self_signed(&key).map_err(failed)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

/// Good from now on, for so many days.
pub(super) fn is_good_for(params: &mut CertificateParams, days: u32) {
    let now = date_time_ymd(1970, 1, 1) + SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // Clocks that are a little late are no reason to refuse it.
    (params.not_before, params.not_after) = (now - DAY, now + DAY * days);
}

fn create(path: &Path, mode: u32) -> Result<File, String> {
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(|error| {
        match error.kind() {
            io::ErrorKind::AlreadyExists => {
                format!(
                    "{} is there already: move it away, or choose another folder with --out",
                    path.display()
                )
            }
            _ => cannot_write(path, &error),
        }
    })
}

pub(super) fn failed(error: rcgen::Error) -> String {
    format!("no certificate can be made: {error}")
}

pub(super) fn cannot_write(path: &Path, error: &io::Error) -> String {
    format!("can't write {}: {error}", path.display())
}

/// What to do with it.
impl fmt::Display for SelfSigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (certificate, key) = (self.files.certificate.display(), self.files.key.display());
        let name = self.names.first().map_or("localhost", String::as_str);
        let host = if name.contains(':') { format!("[{name}]") } else { name.to_owned() };
        writeln!(
            f,
            "{certificate} is good for {DAYS} days, for {}; its key is {key}.",
            self.names.join(", ")
        )?;
        writeln!(f, "In the configuration, and the same in \"line\" and \"http\":")?;
        writeln!(f, "  \"mqtt\": {{ \"tls\": {{ \"certificate\": {certificate:?}, \"key\": {key:?} }} }},")?;
        writeln!(f, "Clients need a copy of the certificate, but never of the key:")?;
        writeln!(f, "  mosquitto_sub -V 5 -h {name} -p 8883 --cafile {certificate} -t 'pi/#' -v")?;
        write!(f, "  openssl s_client -connect {host}:7071 -CAfile {certificate} -verify_return_error -quiet")
    }
}
