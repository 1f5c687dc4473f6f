//! Certificates: the files that TLS listeners show, when they are read, and what is said about them.

use std::sync::Arc;

use log::{info, warn};

use super::{DaemonConfig, StartupError, own};
use crate::auth::Users;
use crate::config::{ClientCertificates as Asked, PemFile, TlsListener};
use crate::domain::{Code, Refusal};
use crate::gateway::Bus;
use crate::net::{ClientCertificates, Finding, Gravity, Part, Tls, TlsFiles};

/// Those that are shown.
#[derive(Clone, Default)]
pub struct Certificates {
    shown: Vec<(TlsListener, Arc<Tls>)>,
    /// Where it is told that they were read anew.
    bus: Option<Bus>,
}

/// What is wrong with the files that a configuration names, each with its place in that.
#[derive(Debug, Default)]
pub struct FileReport {
    /// What keeps clients away.
    pub mistakes: Vec<String>,
    /// What works, and should be otherwise.
    pub warnings: Vec<String>,
}

/// Reads the files that a configuration names.
pub fn check_files(config: &DaemonConfig) -> FileReport {
    let mut report = FileReport::default();
    for listener in [&config.line.tls, &config.mqtt.tls, &config.http.tls].into_iter().flatten() {
        for finding in Tls::load(files(listener)).1 {
            let told = told(listener, &finding);
            match finding.gravity {
                Gravity::Unusable | Gravity::Untimely => report.mistakes.push(told),
                Gravity::Unwise => report.warnings.push(format!("{told} (a warning)")),
            }
        }
    }
    report
}

/// Warns of certificates that make nobody a user, because no listener asks for one.
pub fn check_users(config: &DaemonConfig, users: &Users) -> Option<String> {
    let asks = |tls: &TlsListener| tls.listen.is_some() && tls.client_certificates != Asked::Off;
    if [&config.line.tls, &config.mqtt.tls, &config.http.tls].into_iter().flatten().any(asks) {
        return None;
    }
    let user = users.all().iter().find(|user| !user.certificates.is_empty())?;
    Some(format!(
        "users: {} has certificates, and no listener asks for one: add \"client_ca\" to its \"tls\" (a warning)",
        user.name
    ))
}

impl Certificates {
    /// Reads the files of a listener.  A certificate out of its time is shown all the same: a board without a battery
    /// does not know the time when it starts.
    pub(super) fn load(&mut self, listener: &TlsListener) -> Result<Arc<Tls>, StartupError> {
        let (tls, findings) = Tls::load(files(listener));
        let Some(tls) = tls else {
            let unusable = findings.iter().filter(|finding| finding.gravity == Gravity::Unusable);
            return Err(StartupError::Files(unusable.map(|finding| told(listener, finding)).collect()));
        };
        findings.iter().for_each(|finding| warn!("{}", told(listener, finding)));
        let tls = Arc::new(tls);
        self.shown.push((listener.clone(), tls.clone()));
        Ok(tls)
    }

    /// The same, which tell the audit when they are read anew.  As long as they are there, the daemon does not come to its
    /// end: drop them before the stop.
    pub(super) fn with_audit(self, bus: Bus) -> Certificates {
        Certificates { bus: Some(bus), ..self }
    }

    /// Reads all files anew, for clients that come from now on.  A listener whose new files are not good goes on with
    /// the old ones.
    pub fn reload(&self) -> Reloaded {
        let mut reloaded = Reloaded::All;
        for (listener, tls) in &self.shown {
            let path = listener.certificate.path.display();
            let audit = own(format!("reload(certificate={path})"));
            let (findings, audit) = match tls.reload() {
                Ok(findings) => {
                    info!("{path}: read anew");
                    (findings, audit)
                }
                Err(findings) => {
                    warn!("{path}: the one read before stays in use");
                    reloaded = Reloaded::NotAll;
                    let told: Vec<String> = findings.iter().map(|finding| told(listener, finding)).collect();
                    (findings, audit.refused(&Refusal::new(Code::BadValue, told.join("; "))))
                }
            };
            findings.iter().for_each(|finding| warn!("{}", told(listener, finding)));
            if let Some(bus) = &self.bus {
                bus.audit(audit);
            }
        }
        reloaded
    }
}

/// What came of reading files anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reloaded {
    /// All of them are in use.
    All,
    /// Some were not good, as the log says, and what was read before stays in use.
    NotAll,
}

fn files(listener: &TlsListener) -> TlsFiles {
    let authorities = || listener.client_ca.as_ref().map(|file| file.path.clone()).unwrap_or_default();
    TlsFiles {
        certificate: listener.certificate.path.clone(),
        key: listener.key.path.clone(),
        clients: match listener.client_certificates {
            Asked::Off => ClientCertificates::Off,
            Asked::Optional => ClientCertificates::Optional(authorities()),
            Asked::Required => ClientCertificates::Required(authorities()),
        },
    }
}

/// A finding behind the place where the configuration names its file.
fn told(listener: &TlsListener, finding: &Finding) -> String {
    let file: Option<&PemFile> = match finding.part {
        Part::Certificate => Some(&listener.certificate),
        Part::Key => Some(&listener.key),
        Part::ClientCa => listener.client_ca.as_ref(),
    };
    let place = file.map_or("", |file| &file.place);
    format!("{place}: {}", finding.message)
}
