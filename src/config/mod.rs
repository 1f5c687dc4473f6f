//! The configuration: one file of JSON with comments, read once and checked as a whole.
//!
//! ```text
//! text -> comments (blanked) -> syntax (JSON, no key twice) -> sections and devices -> Config or Report
//! ```
//!
//! The file is JSON that may have `//` and `/* */` comments, trailing commas and a byte order mark.  Nothing
//! in it is ignored or corrected: what is not understood is a mistake, and all mistakes are reported at once,
//! each with its place and with what to write instead.

mod comments;
mod devices;
mod example;
mod interlocks;
mod links;
mod listeners;
mod raw_lines;
mod report;
mod sections;
mod syntax;
mod thresholds;
mod tls;
mod watching;

use std::path::PathBuf;

use log::LevelFilter;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::domain::{Interlock, KindReader, Link, Mistakes, Role, Settings, Span, Threshold, Wired};

pub use devices::Device;
pub use example::{DEMO, example};
pub use listeners::{HttpListener, LineListener, MqttListener, Persistence};
pub use report::{Located, Report};
pub use sections::{Audit, Backend, Hardware, Limits};
pub use thresholds::{KEPT_VERSION, kept_thresholds};
pub use tls::{ClientCertificates, PemFile, TlsListener};

use listeners::{Guard, Privacy};
use report::Places;

/// A configuration without a mistake.
#[derive(Debug, Clone, PartialEq)]
pub struct Config<B> {
    /// The listener of the line protocol.
    pub line: LineListener,
    /// The listener of MQTT.
    pub mqtt: MqttListener,
    /// The listener of HTTP.
    pub http: HttpListener,
    /// What drives the lines.
    pub hardware: Hardware,
    /// Where the audit is written down.
    pub audit: Audit,
    /// How much clients may use.
    pub limits: Limits,
    /// How often the telemetry is published.
    pub telemetry: Span,
    /// What is logged.
    pub log: LevelFilter,
    /// Where files are kept that outlive the daemon; only looked at when there are any.
    pub state_folder: PathBuf,
    /// Where the users are; without them everybody may do everything.
    pub users: Option<PathBuf>,
    /// What those may do who do not say who they are; nothing where there are users and no role for them.
    pub anonymous: Option<Role>,
    /// In the order of the file.
    pub devices: Vec<Device<B>>,
    /// Groups of devices of which one at a time may be on.
    pub interlocks: Vec<Interlock>,
    /// Which outputs follow which devices.
    pub links: Vec<Link>,
    /// The limits of what devices measure.
    pub thresholds: Vec<Threshold>,
}

impl<B> Config<B> {
    /// What may be meant, and lets other machines in who should perhaps stay outside: each listener that is not secured,
    /// as `insecure` allows, and a role of the anonymous that drives.
    pub fn dangers(&self) -> Vec<String> {
        let guard = if self.users.is_some() { Guard::Users } else { Guard::Nobody };
        let (line, mqtt, http) = (&self.line, &self.mqtt, &self.http);
        let tls = |tls: &Option<TlsListener>| tls.as_ref().and_then(|tls| tls.listen);
        let listeners = [
            ("line", line.listen, Privacy::None),
            ("mqtt", mqtt.listen, Privacy::None),
            ("http", http.listen, Privacy::None),
            ("line.tls", tls(&line.tls), Privacy::Encrypted),
            ("mqtt.tls", tls(&mqtt.tls), Privacy::Encrypted),
            ("http.tls", tls(&http.tls), Privacy::Encrypted),
        ];
        let unsecured = listeners.into_iter().filter_map(|(name, listen, privacy)| {
            let danger = listeners::danger(listen, listeners::secured(guard, privacy))?;
            Some(format!("{name}.listen: {danger} (a warning)"))
        });
        // Where a certificate is required, not everybody comes in.
        let open = |tls: &Option<TlsListener>| {
            tls.as_ref().filter(|tls| tls.client_certificates != ClientCertificates::Required)?.listen
        };
        let doors =
            [line.listen, mqtt.listen, http.listen, open(&line.tls), open(&mqtt.tls), open(&http.tls)];
        let reached = doors.into_iter().find_map(listeners::reachable);
        let anonymous = reached.filter(|_| self.anonymous == Some(Role::Operator)).map(|address| {
            format!(
                "anonymous: {address} can be reached from other machines, and everybody who can reach it may drive every \
                 device without signing in (a warning)"
            )
        });
        unsecured.chain(anonymous).collect()
    }
}

/// Reads the `text` of a configuration; `file` is its name in the report.
pub fn load<B: Wired>(text: &str, file: &str, kinds: &[KindReader<B>]) -> Result<Config<B>, Report> {
    let places = Places::new(text);
    let mut mistakes = Mistakes::default();
    let config = match comments::blank(text) {
        Ok(document) if syntax::check(&document, &places, &mut mistakes) => {
            Settings::of_document(&document, &mut mistakes)
                .map(|settings| read(&settings, &places, kinds, &mut mistakes))
        }
        Ok(_) => None,
        Err(mistake) => {
            mistakes.found.push(mistake);
            None
        }
    };
    match config {
        Some(config) if mistakes.found.is_empty() => Ok(config),
        _ => Err(Report::of(file, &places, mistakes)),
    }
}

/// Reads every section, whatever is wrong with the others.
fn read<B: Wired>(
    settings: &Settings<'_>,
    places: &Places<'_>,
    kinds: &[KindReader<B>],
    mistakes: &mut Mistakes,
) -> Config<B> {
    let top: Top = settings.read(mistakes).unwrap_or_default();
    sections::within(settings, "telemetry", top.telemetry, TELEMETRY, mistakes);
    if !top.state_folder.is_absolute() {
        let message = "expected the path of a folder from the root on, such as \"/var/lib/gpio-gatekeeper\"";
        settings.mistake("state_folder", message, mistakes);
    }

    if top.users.as_ref().is_some_and(|users| !users.is_absolute()) {
        let message =
            "expected the path of a file from the root on, such as \"/etc/gpio-gatekeeper/users.json\"";
        settings.mistake("users", message, mistakes);
    }
    if top.anonymous.is_some() && top.users.is_none() {
        let message = "without users everybody may do everything: add \"users\", or leave this out";
        settings.mistake("anonymous", message, mistakes);
    }
    let guard = if top.users.is_some() { Guard::Users } else { Guard::Nobody };

    let line_settings = settings.object("line", "an object with the settings of the line protocol", mistakes);
    let mqtt_settings = settings.object("mqtt", "an object with the settings of MQTT", mistakes);
    let http_settings = settings.object("http", "an object with the settings of HTTP", mistakes);
    let mut line = listeners::read_line(&line_settings, guard, mistakes);
    let mut mqtt = listeners::read_mqtt(&mqtt_settings, guard, mistakes);
    let mut http = listeners::read_http(&http_settings, guard, mistakes);
    let [line_tls, mqtt_tls, http_tls] = [&line_settings, &mqtt_settings, &http_settings]
        .map(|section| section.object("tls", "an object with the settings of TLS", mistakes));
    let mut read_tls = |section, tls, port, insecure| {
        tls::read(section, tls, port, (guard, tls::Insecure(insecure)), places, mistakes)
    };
    line.tls = read_tls(&line_settings, &line_tls, LINE_TLS, line.insecure);
    mqtt.tls = read_tls(&mqtt_settings, &mqtt_tls, MQTT_TLS, mqtt.insecure);
    http.tls = read_tls(&http_settings, &http_tls, HTTP_TLS, http.insecure);
    let secured = |tls: &Option<TlsListener>| tls.as_ref().and_then(|tls| tls.listen);
    let sections = [
        ("line", &line_settings, line.listen),
        ("mqtt", &mqtt_settings, mqtt.listen),
        ("http", &http_settings, http.listen),
        ("line.tls", &line_tls, secured(&line.tls)),
        ("mqtt.tls", &mqtt_tls, secured(&mqtt.tls)),
        ("http.tls", &http_tls, secured(&http.tls)),
    ];
    listeners::check_together(&sections, mistakes);

    let hardware = settings.object("hardware", "an object with the settings of the hardware", mistakes);
    let hardware = sections::read_hardware(&hardware, mistakes);
    let audit = settings.object("audit", "an object with the settings of the audit", mistakes);
    let audit = sections::read_audit(&audit, mistakes);
    let limits = settings.object("limits", "an object with the limits", mistakes);
    let limits = sections::read_limits(&limits, line.maximum_frame.max(mqtt.maximum_packet), mistakes);

    let devices = settings.object("devices", "an object with the devices by name", mistakes);
    let raw =
        settings.object("raw_lines", "an object with the lines that programs use as they like", mistakes);
    let section = devices;
    let devices = devices::read(&section, &raw, &hardware, places, kinds, mistakes);
    let links = links::read(&section, &devices, kinds, mistakes);
    let interlocks = settings.object("interlocks", "an object with the interlocks by name", mistakes);
    let interlocks = interlocks::read(&interlocks, &devices, mistakes);
    let thresholds = settings.object("thresholds", "an object with the thresholds by name", mistakes);
    let thresholds = thresholds::read(&thresholds, &devices, kinds, mistakes);
    let Top { telemetry, log, state_folder, users, anonymous, .. } = top;
    let (log, anonymous) = (log.into(), anonymous.map(Role::from));
    Config {
        line,
        mqtt,
        http,
        hardware,
        audit,
        limits,
        telemetry,
        log,
        state_folder,
        users,
        anonymous,
        devices,
        interlocks,
        links,
        thresholds,
    }
}

/// The keys of the file itself.  The sections are read one by one, so that each can go on after a mistake.
#[derive(Deserialize)]
#[serde(default)]
struct Top {
    telemetry: Span,
    log: LogLevel,
    state_folder: PathBuf,
    users: Option<PathBuf>,
    anonymous: Option<Anonymous>,
    #[serde(rename = "line")]
    _line: IgnoredAny,
    #[serde(rename = "mqtt")]
    _mqtt: IgnoredAny,
    #[serde(rename = "http")]
    _http: IgnoredAny,
    #[serde(rename = "hardware")]
    _hardware: IgnoredAny,
    #[serde(rename = "audit")]
    _audit: IgnoredAny,
    #[serde(rename = "limits")]
    _limits: IgnoredAny,
    #[serde(rename = "devices")]
    _devices: IgnoredAny,
    #[serde(rename = "raw_lines")]
    _raw_lines: IgnoredAny,
    #[serde(rename = "interlocks")]
    _interlocks: IgnoredAny,
    #[serde(rename = "thresholds")]
    _thresholds: IgnoredAny,
}

impl Default for Top {
    fn default() -> Top {
        Top {
            telemetry: Span::from_millis(10_000),
            log: LogLevel::Info,
            state_folder: PathBuf::from("/var/lib/gpio-gatekeeper"),
            users: None,
            anonymous: None,
            _line: IgnoredAny,
            _mqtt: IgnoredAny,
            _http: IgnoredAny,
            _hardware: IgnoredAny,
            _audit: IgnoredAny,
            _limits: IgnoredAny,
            _devices: IgnoredAny,
            _raw_lines: IgnoredAny,
            _interlocks: IgnoredAny,
            _thresholds: IgnoredAny,
        }
    }
}

/// `LevelFilter` as the file spells it.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// The roles of those who do not say who they are.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Anonymous {
    Viewer,
    Operator,
}

impl From<Anonymous> for Role {
    fn from(anonymous: Anonymous) -> Role {
        match anonymous {
            Anonymous::Viewer => Role::Viewer,
            Anonymous::Operator => Role::Operator,
        }
    }
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> LevelFilter {
        match level {
            LogLevel::Off => LevelFilter::Off,
            LogLevel::Error => LevelFilter::Error,
            LogLevel::Warn => LevelFilter::Warn,
            LogLevel::Info => LevelFilter::Info,
            LogLevel::Debug => LevelFilter::Debug,
            LogLevel::Trace => LevelFilter::Trace,
        }
    }
}

const TELEMETRY: std::ops::RangeInclusive<Span> = Span::from_millis(1000)..=Span::from_millis(3_600_000);

/// The ports of TLS, of which the second is the one that IANA has given to MQTT.
const LINE_TLS: u16 = 7071;
const MQTT_TLS: u16 = 8883;
const HTTP_TLS: u16 = 8443;
