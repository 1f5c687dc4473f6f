//! An authority of the test's own, and clients that trust it.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
    date_time_ymd,
};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};
use tempfile::TempDir;

use super::PATIENCE;

/// What bytes go over, plain or not.
pub trait Transport: Read + Write + Send {}

impl<T: Read + Write + Send> Transport for T {}

/// A client's connection.
pub type Secured = StreamOwned<ClientConnection, TcpStream>;

/// An authority, and the files of those whom it has signed.
pub struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

/// A key and what was signed for it, as PEM.
pub struct Signed {
    /// The certificate.
    pub certificate: String,
    /// The key.
    pub key: String,
}

/// When a certificate is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Term {
    /// From 2020 to 2090.
    Good,
    /// Until 2021.
    Expired,
}

impl Authority {
    /// A new one, with a good certificate of the server in its files.
    pub fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(DnType::CommonName, "authority of a test");
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("signed").pem();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let authority = Authority { folder, issuer: Issuer::new(params, key), certificate };
        fs::write(authority.file("ca.pem"), &authority.certificate).expect("writable");
        authority.serve(&authority.server(Term::Good));
        authority
    }

    /// Its certificate, as PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Signs what these parameters say.
    pub fn sign(&self, params: &CertificateParams) -> Signed {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        Signed { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// Signs a certificate of a server on this machine.
    pub fn server(&self, term: Term) -> Signed {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).expect("names");
        (params.not_before, params.not_after) = match term {
            Term::Good => (date_time_ymd(2020, 1, 1), date_time_ymd(2090, 1, 1)),
            Term::Expired => (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1)),
        };
        self.sign(&params)
    }

    /// Signs a certificate of a client with this common name, and this URI.
    pub fn client(&self, common_name: Option<&str>, uri: &str) -> Signed {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.subject_alt_names = vec![SanType::URI(uri.try_into().expect("ASCII"))];
        params.distinguished_name.remove(DnType::CommonName);
        if let Some(name) = common_name {
            params.distinguished_name.push(DnType::CommonName, name);
        }
        self.sign(&params)
    }

    /// Signs a certificate of a client that is worth nothing any more.
    pub fn expired_client(&self, common_name: &str) -> Signed {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.distinguished_name.push(DnType::CommonName, common_name);
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
        self.sign(&params)
    }

    /// Writes what the server shows.
    pub fn serve(&self, signed: &Signed) {
        fs::write(self.file("certificate.pem"), &signed.certificate).expect("writable");
        let key = self.file("key.pem");
        fs::write(&key, &signed.key).expect("writable");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("ours");
    }

    /// The path of one of the files.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The object `tls` of a listener on a free port, with these settings besides.
    pub fn settings(&self, besides: &str) -> String {
        let [certificate, key] = ["certificate.pem", "key.pem"].map(|name| self.file(name));
        format!(r#"{{"listen": "127.0.0.1:0", "certificate": {certificate:?}, "key": {key:?}{besides}}}"#)
    }

    /// Sections in which every protocol is spoken in plain and in TLS, with these settings of TLS besides.
    pub fn sections(&self, besides: &str) -> String {
        let tls = self.settings(besides);
        let section = |name| format!(r#""{name}": {{"listen": "127.0.0.1:0", "tls": {tls}}},"#);
        ["line", "mqtt", "http"].map(section).concat()
    }

    /// The same, and clients need a certificate of the same authority, or may have one.
    pub fn sections_with_clients(&self, asked: &str) -> String {
        let ca = self.file("ca.pem");
        self.sections(&format!(r#", "client_ca": {ca:?}, "client_certificates": "{asked}""#))
    }

    /// A client that trusts it, and speaks these versions.
    pub fn trusting(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        own: Option<&Signed>,
    ) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(self.certificate.as_bytes()).expect("PEM"))
            .expect("an authority");
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .expect("good versions")
            .with_root_certificates(roots);
        Arc::new(match own {
            None => config.with_no_client_auth(),
            Some(Signed { certificate, key }) => {
                let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).expect("PEM")];
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("PEM");
                config.with_client_auth_cert(chain, key).expect("they belong together")
            }
        })
    }

    /// Connects as a client that trusts it.
    pub fn connect(&self, address: SocketAddr) -> Secured {
        shake_hands(address, self.trusting(rustls::ALL_VERSIONS, None)).expect("a good handshake")
    }

    /// Connects with a certificate.
    pub fn connect_as(&self, address: SocketAddr, own: &Signed) -> io::Result<Secured> {
        shake_hands(address, self.trusting(rustls::ALL_VERSIONS, Some(own)))
    }
}

/// Connects and shakes hands.  In TLS 1.3 a client hears only later that its certificate was refused.
pub fn shake_hands(address: SocketAddr, config: Arc<ClientConfig>) -> io::Result<Secured> {
    shake_hands_saying(address, config, b"")
}

/// The same, and these first words leave together with the end of the handshake.
pub fn shake_hands_saying(
    address: SocketAddr,
    config: Arc<ClientConfig>,
    words: &[u8],
) -> io::Result<Secured> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_nodelay(true)?;
    let name = ServerName::from(address.ip());
    let mut connection = ClientConnection::new(config, name).map_err(io::Error::other)?;
    connection.writer().write_all(words)?;
    while connection.is_handshaking() || connection.wants_write() {
        connection.complete_io(&mut socket)?;
    }
    Ok(StreamOwned::new(connection, socket))
}
