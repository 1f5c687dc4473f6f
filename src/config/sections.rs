//! The sections `hardware` and `limits`: their settings, defaults and bounds.

use std::fmt;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use serde::Deserialize;

use crate::domain::{Mistakes, Settings, Span};

/// What drives the lines.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Hardware {
    /// Which backend.
    pub backend: Backend,
    /// The chip on which lines are counted that name none: by path, name or label.
    pub chip: Option<String>,
    /// The daemon ends when the hardware thread has not answered for so long; `None` is never.
    pub watchdog: Option<Span>,
}

impl Default for Hardware {
    fn default() -> Hardware {
        Hardware { backend: Backend::Auto, chip: None, watchdog: Some(Span::from_millis(10_000)) }
    }
}

/// Where the audit is written down.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Audit {
    /// The file; `None` is none.
    pub file: Option<PathBuf>,
    /// A file that has so many bytes is followed by another.
    pub maximum_bytes: u64,
    /// So many are kept, the newest included.
    pub files: u32,
    /// Whether readings are told as well.
    pub reads: bool,
}

impl Default for Audit {
    fn default() -> Audit {
        Audit { file: None, maximum_bytes: 10 * MIB as u64, files: 5, reads: false }
    }
}

/// A way to drive lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// The kernel's chips where there are any, else simulated ones.
    #[default]
    Auto,
    /// The kernel's chips, or no start; by the newest version of their interface that the kernel has.
    Gpiochip,
    /// The kernel's chips by version 1 of their interface, or no start.
    #[serde(rename = "gpiochip-v1")]
    GpiochipV1,
    /// The kernel's chips by version 2 of their interface, or no start.
    #[serde(rename = "gpiochip-v2")]
    GpiochipV2,
    /// Lines that exist only in memory.
    Simulated,
}

/// How much clients may use, so that none of them can starve the others.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Clients at one time.
    pub clients: usize,
    /// Clients at one time from one address; three quarters of `clients` unless it is given.
    pub clients_per_address: usize,
    /// The time until a new client has sent its first frame or CONNECT.
    pub connect_time: Span,
    /// Commands of one client in a second.
    pub commands_per_second: NonZeroU32,
    /// Messages that wait for one client, which is disconnected when it has more.
    pub outbox_messages: usize,
    /// Bytes that wait for one client; at least two of the largest frames and packets, so that one that is
    /// being sent leaves room for another.  1 MiB unless it is given, or more where those two need more.
    pub outbox_bytes: usize,
    /// Subscriptions of one client.
    pub subscriptions: usize,
    /// Messages that are retained.
    pub retained_messages: usize,
    /// Bytes of retained messages.
    pub retained_bytes: usize,
    /// Sessions that are kept for clients which are not connected.
    pub sessions: usize,
    /// Bytes that wait for them in all; for one of them it is as much as for one that is connected.
    pub queued_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            clients: 256,
            clients_per_address: 192,
            connect_time: Span::from_millis(30_000),
            commands_per_second: COMMANDS_PER_SECOND,
            outbox_messages: 1000,
            outbox_bytes: MIB,
            subscriptions: 100,
            retained_messages: 10_000,
            retained_bytes: 16 * MIB,
            sessions: 1000,
            queued_bytes: 16 * MIB,
        }
    }
}

pub(super) fn read_hardware(settings: &Settings<'_>, mistakes: &mut Mistakes) -> Hardware {
    let hardware: Hardware = settings.read(mistakes).unwrap_or_default();
    if hardware.chip.as_ref().is_some_and(|chip| chip.trim().is_empty()) {
        settings.mistake("chip", "expected a chip such as \"pinctrl-bcm2711\", or null for none", mistakes);
    }
    if let Some(watchdog) = hardware.watchdog {
        within(settings, "watchdog", watchdog, WATCHDOG, mistakes);
    }
    hardware
}

pub(super) fn read_audit(settings: &Settings<'_>, mistakes: &mut Mistakes) -> Audit {
    let audit: Audit = settings.read(mistakes).unwrap_or_default();
    if audit.file.as_ref().is_some_and(|file| !file.is_absolute()) {
        let message =
            "expected the path of a file from the root on, such as \"/var/log/gatekeeper.jsonl\", or null";
        settings.mistake("file", message, mistakes);
    }
    within(settings, "maximum_bytes", audit.maximum_bytes, 65_536..=1024 * MIB as u64, mistakes);
    within(settings, "files", audit.files, 1..=100, mistakes);
    audit
}

/// `largest` is the size of the largest frame or packet, which the outbox has to hold.
pub(super) fn read_limits(settings: &Settings<'_>, largest: usize, mistakes: &mut Mistakes) -> Limits {
    let mut limits: Limits = settings.read(mistakes).unwrap_or_default();
    if !settings.has("clients_per_address") {
        // Nobody keeps all others out by coming again and again.
        limits.clients_per_address = limits.clients - limits.clients / 4;
    }
    if !settings.has("outbox_bytes") {
        limits.outbox_bytes = limits.outbox_bytes.max(2 * largest);
    }

    let clients_in_bounds = within(settings, "clients", limits.clients, 1..=4096, mistakes);
    if settings.has("clients_per_address") && clients_in_bounds {
        within(settings, "clients_per_address", limits.clients_per_address, 1..=limits.clients, mistakes);
    }
    within(settings, "connect_time", limits.connect_time, CONNECT_TIME, mistakes);
    within(settings, "commands_per_second", limits.commands_per_second, PACES, mistakes);
    within(settings, "outbox_messages", limits.outbox_messages, 16..=100_000, mistakes);
    let outbox_in_bounds = within(settings, "outbox_bytes", limits.outbox_bytes, 8192..=256 * MIB, mistakes);
    if outbox_in_bounds && limits.outbox_bytes / 2 < largest {
        let message = format!(
            "expected at least {}, which is twice the largest frame or packet, found {}",
            2 * largest,
            limits.outbox_bytes
        );
        settings.mistake("outbox_bytes", message, mistakes);
    }
    within(settings, "subscriptions", limits.subscriptions, 1..=10_000, mistakes);
    within(settings, "retained_messages", limits.retained_messages, 1..=1_000_000, mistakes);
    within(settings, "retained_bytes", limits.retained_bytes, 65_536..=1024 * MIB, mistakes);
    within(settings, "sessions", limits.sessions, 1..=100_000, mistakes);
    within(settings, "queued_bytes", limits.queued_bytes, 65_536..=1024 * MIB, mistakes);
    limits
}

/// Whether `value`, which stands under `key`, is within `bounds`; else there is a mistake.
pub(super) fn within<T: PartialOrd + fmt::Display>(
    settings: &Settings<'_>,
    key: &str,
    value: T,
    bounds: RangeInclusive<T>,
    mistakes: &mut Mistakes,
) -> bool {
    let inside = bounds.contains(&value);
    if !inside {
        let message = format!("expected {} to {}, found {value}", bounds.start(), bounds.end());
        settings.mistake(key, message, mistakes);
    }
    inside
}

const PACES: RangeInclusive<NonZeroU32> = NonZeroU32::MIN..=NonZeroU32::MIN.saturating_add(999_999);
/// Far more than anybody's finger or sensor needs, and little for the hardware thread.
const COMMANDS_PER_SECOND: NonZeroU32 = NonZeroU32::MIN.saturating_add(999);
/// A mebibyte.
pub(super) const MIB: usize = 1024 * 1024;

const WATCHDOG: RangeInclusive<Span> = Span::from_millis(1000)..=Span::from_millis(600_000);
const CONNECT_TIME: RangeInclusive<Span> = Span::from_millis(1000)..=Span::from_millis(300_000);
