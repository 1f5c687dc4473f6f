//! The files of a TLS listener: read, and looked at before anybody has to trust them.

use std::fmt;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{Error, RootCertStore, ServerConfig};

use super::certificate;

/// Where the files of a TLS listener are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, followed by those between it and the one that clients trust; PEM.
    pub certificate: PathBuf,
    /// Its private key; PEM.
    pub key: PathBuf,
    /// Who has to show a certificate.
    pub clients: ClientCertificates,
}

/// Whether clients show certificates, and which authorities have to have signed those; PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientCertificates {
    /// None is asked for.
    Off,
    /// Who shows one has to show a good one.
    Optional(PathBuf),
    /// Nobody comes in without.
    Required(PathBuf),
}

/// Which of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The certificate.
    Certificate,
    /// Its key.
    Key,
    /// Those who sign clients' certificates.
    ClientCa,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gravity {
    /// Nobody can be served.
    Unusable,
    /// Clients whose clock is right will refuse it.
    Untimely,
    /// It works, and should be otherwise.
    Unwise,
}

/// What was found about one of the files, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which file.
    pub part: Part,
    /// How bad it is.
    pub gravity: Gravity,
    /// What it is, with the file's path.
    pub message: String,
}

/// A certificate that ends in less than this is worth a word.
const SOON: i64 = 14 * 24 * 3600;

/// Reads the files.  Without a result there is an [`Gravity::Unusable`] finding.
pub(super) fn read(files: &TlsFiles) -> (Option<Arc<ServerConfig>>, Vec<Finding>) {
    let mut findings = Vec::new();
    let chain = certificates(&files.certificate, Part::Certificate, &mut findings);
    if let Some(own) = chain.as_ref().and_then(|chain| chain.first()) {
        look_at_time(&files.certificate, own, &mut findings);
    }
    let key = private_key(&files.key, &mut findings);
    let provider = Arc::new(ring::default_provider());
    let verifier = verifier(&files.clients, &provider, &mut findings);
    let (Some(chain), Some(key), Some(verifier)) = (chain, key, verifier) else { return (None, findings) };
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map(|builder| builder.with_client_cert_verifier(verifier))
        .and_then(|builder| builder.with_single_cert(chain, key));
    match config {
        Ok(mut config) => {
            // Nobody resumes a session: what is kept for that would be most of an idle client's memory.
            config.send_tls13_tickets = 0;
            config.session_storage = Arc::new(NoServerSessionStorage {});
            (Some(Arc::new(config)), findings)
        }
        Err(error) => {
            let (certificate, key) = (files.certificate.display(), files.key.display());
            let (part, message) = match error {
                Error::InconsistentKeys(_) => (
                    Part::Key,
                    format!(
                        "{key} is not the key of the first certificate in {certificate}: give the one it was made with"
                    ),
                ),
                Error::InvalidCertificate(_) => {
                    (Part::Certificate, format!("{certificate} has no certificate of a server: {error}"))
                }
                _ => (
                    Part::Key,
                    format!("{key} can't be used: {error}; give an RSA, ECDSA P-256, P-384 or Ed25519 key"),
                ),
            };
            findings.push(Finding { part, gravity: Gravity::Unusable, message });
            (None, findings)
        }
    }
}

fn certificates(
    path: &Path,
    part: Part,
    findings: &mut Vec<Finding>,
) -> Option<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let message = match read {
        Ok(chain) if !chain.is_empty() => return Some(chain),
        Ok(_) => {
            format!("{} has no certificate in it: it has to have -----BEGIN CERTIFICATE-----", path.display())
        }
        Err(error) => unreadable(path, &error),
    };
    findings.push(Finding { part, gravity: Gravity::Unusable, message });
    None
}

fn private_key(path: &Path, findings: &mut Vec<Finding>) -> Option<PrivateKeyDer<'static>> {
    // A group of its own is a usual way to share keys between servers.
    if std::fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o007 != 0) {
        let message =
            format!("everybody on this machine can read {0}, or write it: chmod o= {0}", path.display());
        findings.push(Finding { part: Part::Key, gravity: Gravity::Unwise, message });
    }
    let message = match PrivateKeyDer::from_pem_file(path) {
        Ok(key) => return Some(key),
        Err(pem::Error::NoItemsFound) => format!(
            "{} has no private key in it: it has to have -----BEGIN PRIVATE KEY-----, without a password",
            path.display()
        ),
        Err(error) => unreadable(path, &error),
    };
    findings.push(Finding { part: Part::Key, gravity: Gravity::Unusable, message });
    None
}

fn verifier(
    clients: &ClientCertificates,
    provider: &Arc<CryptoProvider>,
    findings: &mut Vec<Finding>,
) -> Option<Arc<dyn ClientCertVerifier>> {
    let path = match clients {
        ClientCertificates::Off => return Some(WebPkiClientVerifier::no_client_auth()),
        ClientCertificates::Optional(path) | ClientCertificates::Required(path) => path,
    };
    let mut authorities = RootCertStore::empty();
    let (good, _) = authorities.add_parsable_certificates(certificates(path, Part::ClientCa, findings)?);
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), provider.clone());
    let builder = match clients {
        ClientCertificates::Optional(_) => builder.allow_unauthenticated(),
        ClientCertificates::Off | ClientCertificates::Required(_) => builder,
    };
    match builder.build() {
        Ok(verifier) if good > 0 => Some(verifier),
        _ => {
            let message = format!("{} has no certificate of an authority that can be used", path.display());
            findings.push(Finding { part: Part::ClientCa, gravity: Gravity::Unusable, message });
            None
        }
    }
}

fn look_at_time(path: &Path, own: &CertificateDer<'_>, findings: &mut Vec<Finding>) {
    let Some(validity) = certificate::validity(own) else { return };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let days = |seconds: i64| match seconds / (24 * 3600) {
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    };
    let path = path.display();
    let (gravity, message) = if now > validity.until {
        let message = format!("{path} has expired {} ago: renew it", days(now - validity.until));
        (Gravity::Untimely, message)
    } else if now < validity.from {
        let message = format!(
            "{path} is good in {} only: wait for that, or set this machine's clock",
            days(validity.from - now)
        );
        (Gravity::Untimely, message)
    } else if validity.until - now < SOON {
        (Gravity::Unwise, format!("{path} expires in {}: renew it", days(validity.until - now)))
    } else {
        return;
    };
    findings.push(Finding { part: Part::Certificate, gravity, message });
}

fn unreadable(path: &Path, error: &pem::Error) -> String {
    let path = path.display();
    match error {
        pem::Error::Io(error) if error.kind() == io::ErrorKind::NotFound => {
            format!(
                "there is no file {path}: give the path of a PEM file, or make one with `gpio-gatekeeper cert`"
            )
        }
        pem::Error::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            format!("{path} can't be read: {error}; give its group to the user that runs the gatekeeper")
        }
        pem::Error::Io(error) => format!("{path} can't be read: {error}"),
        error => format!("{path} is no PEM file: {error}"),
    }
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Part::Certificate => "certificate",
            Part::Key => "key",
            Part::ClientCa => "client_ca",
        })
    }
}
