//! A certificate for a client, and the authority that signs it: no other program is needed for them.

use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;

use super::self_signed::{DAYS, Written, cannot_write, failed, is_good_for, write_pair};
use crate::domain::UserName;

/// Where the files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    name: String,
    client: Written,
    authority: Written,
}

/// The subject of every such authority.  It is signed by itself, so that its key says which it is.
const AUTHORITY: &str = "clients of gpio-gatekeeper";
/// Ten years: with another authority every client needs another certificate.
const AUTHORITY_DAYS: u32 = 3650;

/// Makes `NAME.pem` and `NAME-key.pem` in `folder`, for a client of this name.  The authority that signs it is in
/// `clients.pem` and `clients-key.pem` there, and made if it is not.  Files that are there already are left as they are.
pub fn make_client_certificate(name: &str, folder: &Path) -> Result<ClientCertificate, String> {
    // It becomes the name of a file, so not all that can stand in a certificate is good.
    if UserName::parse(name).is_err() {
        return Err(format!(
            "{name:?} is no name for a client: 1 to 64 letters a-z and A-Z, digits, '.', '_', '@' and '-', of which the \
             first is neither '.' nor '-'"
        ));
    }
    let folder = folder.canonicalize().map_err(|error| cannot_write(folder, &error))?;
    let authority = Written { certificate: folder.join("clients.pem"), key: folder.join("clients-key.pem") };
    let client = Written {
        certificate: folder.join(format!("{name}.pem")),
        key: folder.join(format!("{name}-key.pem")),
    };
    if client.certificate == authority.certificate {
        return Err("clients.pem is the file of the authority: choose another name".to_owned());
    }
    if !authority.certificate.exists() && !authority.key.exists() {
        make_authority(&authority)?;
    }
    let (certificate, key) = signed(name, &authority)?;
    write_pair(&client, &certificate, &key)?;
    Ok(ClientCertificate { name: name.to_owned(), client, authority })
}

/// All that is in an authority's certificate but its key, so that it need not be read.
fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    is_good_for(&mut params, AUTHORITY_DAYS);
    params.distinguished_name.push(DnType::CommonName, AUTHORITY);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn make_authority(files: &Written) -> Result<(), String> {
    let key = KeyPair::generate().map_err(failed)?;
    let certificate = authority_params().self_signed(&key).map_err(failed)?;
    write_pair(files, &certificate.pem(), &key.serialize_pem())
}

/// The certificate and its key as PEM.
fn signed(name: &str, authority: &Written) -> Result<(String, String), String> {
    let key_text = fs::read_to_string(&authority.key).map_err(|error| cannot_use(&authority.key, &error))?;
    let authority_key = KeyPair::from_pem(&key_text).map_err(|error| cannot_use(&authority.key, &error))?;
    let mut params = CertificateParams::default();
    is_good_for(&mut params, DAYS);
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate().map_err(failed)?;
    let issuer = Issuer::new(authority_params(), authority_key);
    let certificate = params.signed_by(&key, &issuer).map_err(failed)?;
    check(certificate.der(), authority)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

/// Whether a listener with this authority will let the client in.
fn check(certificate: &CertificateDer<'_>, authority: &Written) -> Result<(), String> {
    let path = &authority.certificate;
    let own = CertificateDer::from_pem_file(path).map_err(|error| cannot_use(path, &error))?;
    let mut authorities = RootCertStore::empty();
    authorities.add(own).map_err(|error| cannot_use(path, &error))?;
    let provider = Arc::new(ring::default_provider());
    WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), provider)
        .build()
        .map_err(|error| cannot_use(path, &error))?
        .verify_client_cert(certificate, &[], UnixTime::now())
        .map(drop)
        .map_err(|error| {
            let key = authority.key.display();
            format!("{key} does not sign what {} trusts: {error}; move both away", path.display())
        })
}

fn cannot_use(path: &Path, error: &dyn fmt::Display) -> String {
    format!("can't use {}: {error}", path.display())
}

/// What to do with it.
impl fmt::Display for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        let (certificate, key) = (self.client.certificate.display(), self.client.key.display());
        let (authority, signer) = (self.authority.certificate.display(), self.authority.key.display());
        writeln!(f, "{certificate} is good for {DAYS} days, for a client called {name}; its key is {key}.")?;
        writeln!(f, "{signer} signs further ones: the gatekeeper does not need it, so keep it elsewhere.")?;
        writeln!(f, "In the configuration, beside \"certificate\" and \"key\" of each \"tls\":")?;
        writeln!(f, "  \"client_ca\": {authority:?}, \"client_certificates\": \"optional\",")?;
        writeln!(f, "Whose it is, and how it is shown:")?;
        writeln!(f, "  gpio-gatekeeper user certificate USER {name} --users FILE")?;
        write!(
            f,
            "  mosquitto_sub -V 5 -h HOST -p 8883 --cafile SERVER.pem --cert {certificate} --key {key} -t 'pi/#' -v"
        )
    }
}
