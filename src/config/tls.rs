//! The section `tls` of a listener: a second listener beside the plain one, for connections in TLS.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::Deserialize;

use super::listeners::{Guard, Privacy, address_or_null, check_reach, secured};
use super::report::Places;
use crate::domain::{Mistakes, Settings};

/// A listener for TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsListener {
    /// Where it listens; `None` is no listener.
    pub listen: Option<SocketAddr>,
    /// The certificate, followed by those between it and the one that clients trust.
    pub certificate: PemFile,
    /// Its key.
    pub key: PemFile,
    /// Whether clients show certificates.
    pub client_certificates: ClientCertificates,
    /// Those who sign them; given unless none are asked for.
    pub client_ca: Option<PemFile>,
}

/// A file that the configuration names, and which nobody has looked at yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PemFile {
    /// Where the file is; an absolute path.
    pub path: PathBuf,
    /// Where the configuration names it, such as `4:38: mqtt.tls.key`.
    pub place: String,
}

/// Whether clients show certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientCertificates {
    /// None is asked for.
    Off,
    /// Who shows one has to show a good one.
    Optional,
    /// Nobody comes in without.
    Required,
}

/// The section as it stands in the file.
#[derive(Deserialize)]
struct Section {
    #[serde(default, deserialize_with = "address_or_null")]
    listen: Option<SocketAddr>,
    certificate: String,
    key: String,
    #[serde(default)]
    client_ca: Option<String>,
    #[serde(default)]
    client_certificates: Option<ClientCertificates>,
}

/// Whether the listeners of a section may be where other machines can reach them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Insecure(pub(super) bool);

/// Reads the object `tls` of a section, which need not be there; `port` is the usual one.
pub(super) fn read(
    section: &Settings<'_>,
    tls: &Settings<'_>,
    port: u16,
    (guard, insecure): (Guard, Insecure),
    places: &Places<'_>,
    mistakes: &mut Mistakes,
) -> Option<TlsListener> {
    if !section.has("tls") {
        return None;
    }
    let Section { mut listen, certificate, key, client_ca, client_certificates } = tls.read(mistakes)?;
    if !tls.has("listen") {
        listen = Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }
    check_reach(tls, listen, secured(guard, Privacy::Encrypted), insecure, mistakes);
    let asked = client_ca.as_ref().map_or(ClientCertificates::Off, |_| ClientCertificates::Required);
    let client_certificates = client_certificates.unwrap_or(asked);
    if client_certificates != ClientCertificates::Off && client_ca.is_none() {
        let message =
            "clients' certificates are asked for, and nobody is named who signs them: add \"client_ca\"";
        tls.mistake("client_certificates", message, mistakes);
    }
    let mut file = |key: &str, path: String| {
        let path = PathBuf::from(path);
        if !path.is_absolute() {
            let message = format!(
                "expected a whole path, such as \"/etc/gpio-gatekeeper/{key}.pem\", found {:?}",
                path.display().to_string()
            );
            tls.mistake(key, message, mistakes);
        }
        let (name, offset) = tls.place(key);
        let (line, column) = places.of(offset);
        PemFile { path, place: format!("{line}:{column}: {name}") }
    };
    Some(TlsListener {
        listen,
        certificate: file("certificate", certificate),
        key: file("key", key),
        client_certificates,
        client_ca: client_ca.map(|path| file("client_ca", path)),
    })
}
