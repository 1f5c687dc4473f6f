//! Whom a client trusts, and what it shows of itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::Settings;

/// Where Debian and its relatives keep the authorities that the system trusts; and Fedora and its relatives.
const SYSTEM: [&str; 2] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

/// Begins a session.  The chain and the name are always looked at: there is no way not to.
pub(super) fn begin(settings: &Settings) -> Result<ClientConnection, String> {
    let host = &settings.address.host;
    let name = ServerName::try_from(host.clone())
        .map_err(|_| format!("{host} is no name that a certificate can have"))?;
    let roots = roots(settings.ca.as_deref())?;
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots);
    let config = match &settings.certificate {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = certificates(certificate)?;
            let private = PrivateKeyDer::from_pem_file(key)
                .map_err(|error| format!("{} has no private key that can be read: {error}", key.display()))?;
            builder
                .with_client_auth_cert(chain, private)
                .map_err(|error| format!("{} can't be used: {error}", certificate.display()))?
        }
    };
    ClientConnection::new(Arc::new(config), name).map_err(|error| error.to_string())
}

fn roots(ca: Option<&Path>) -> Result<RootCertStore, String> {
    let system = || SYSTEM.iter().map(PathBuf::from).find(|path| path.exists());
    let path = ca.map(Path::to_owned).or_else(system).ok_or(
        "this system has no certificates of authorities: install ca-certificates, or give the gatekeeper's own with --ca",
    )?;
    let mut roots = RootCertStore::empty();
    let (good, _) = roots.add_parsable_certificates(certificates(&path)?);
    if good == 0 {
        return Err(format!("{} has no certificate that can be trusted", path.display()));
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) => Err(format!("{} has no certificate in it", path.display())),
        Err(error) => Err(format!("{} can't be read: {error}", path.display())),
    }
}
