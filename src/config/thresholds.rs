//! The section `thresholds`: names, and under each the limits of one number of a device.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::report::Places;
use super::{Device, Report, syntax};
use crate::domain::{
    Bounds, KindReader, Mistakes, Origin, Reaction, Settings, Severity, Span, Threshold, ThresholdName,
    Wired, unknown_name,
};

/// One threshold, as it is written.
#[derive(Deserialize)]
struct Written {
    device: String,
    #[serde(default = "value")]
    field: String,
    min: Option<f64>,
    max: Option<f64>,
    #[serde(default)]
    hysteresis: f64,
    duration: Option<Span>,
    #[serde(default)]
    severity: Grade,
    action: Option<Deed>,
    resolved_action: Option<Deed>,
}

/// A value that a device is set to, as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deed {
    device: String,
    set: f64,
}

/// A severity as it is written.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Grade {
    #[default]
    Warning,
    Critical,
}

fn value() -> String {
    "value".to_owned()
}

/// The form of a file of thresholds that clients have set.
pub const KEPT_VERSION: u32 = 1;

/// What is in such a file, beside the thresholds.
#[derive(Deserialize)]
struct Kept {
    version: u32,
    #[serde(rename = "admin")]
    _admin: IgnoredAny,
    #[serde(rename = "operator")]
    _operator: IgnoredAny,
}

/// The thresholds of a file with those that clients have set, as far as they can be used with these devices; and what of it
/// can't be.  `file` is its name in the report.
pub fn kept_thresholds<B: Wired>(
    text: &str,
    file: &str,
    devices: &[Device<B>],
    kinds: &[KindReader<B>],
) -> (Vec<(Origin, Threshold)>, Option<Report>) {
    let (places, mut mistakes) = (Places::new(text), Mistakes::default());
    let mut thresholds = Vec::new();
    let good = syntax::check(text, &places, &mut mistakes);
    let document = if good { Settings::of_document(text, &mut mistakes) } else { None };
    let kept = document.and_then(|settings| Some((settings.read::<Kept>(&mut mistakes)?, settings)));
    if let Some((Kept { version, .. }, settings)) = kept {
        if version == KEPT_VERSION {
            for (key, origin) in [("admin", Origin::Admin), ("operator", Origin::Operator)] {
                let section = settings.object(key, "an object with the thresholds by name", &mut mistakes);
                let read = read(&section, devices, kinds, &mut mistakes);
                thresholds.extend(read.into_iter().map(|threshold| (origin, threshold)));
            }
        } else {
            let message = format!("version {version} was written by another gatekeeper");
            settings.mistake("version", message, &mut mistakes);
        }
    }
    let report = (!mistakes.found.is_empty()).then(|| Report::of(file, &places, mistakes));
    (thresholds, report)
}

/// Reads every threshold, and compares it with the devices that there are.
pub(super) fn read<B: Wired>(
    settings: &Settings<'_>,
    devices: &[Device<B>],
    kinds: &[KindReader<B>],
    mistakes: &mut Mistakes,
) -> Vec<Threshold> {
    let by_name: HashMap<&str, &Device<B>> =
        devices.iter().map(|device| (device.name.as_str(), device)).collect();
    let known: Vec<&str> = devices.iter().map(|device| device.name.as_str()).collect();
    let mut thresholds = Vec::new();
    for key in settings.keys() {
        let name = ThresholdName::parse(key);
        if let Err(rule) = &name {
            settings.key_mistake(key, rule.to_string(), mistakes);
        }
        let before = mistakes.found.len();
        let section = settings.object(key, "an object with the limits of a device", mistakes);
        if mistakes.found.len() > before {
            continue;
        }
        let Some(written) = section.read::<Written>(mistakes) else { continue };
        let watched = by_name.get(written.device.as_str());
        let Some(watched) = watched else {
            section.mistake("device", unknown_name("device", &written.device, &known), mistakes);
            continue;
        };
        if let Some(numbers) = watched.blueprint.numbers() {
            let fields: Vec<&str> = std::iter::once("value").chain(numbers.iter().copied()).collect();
            if !fields.contains(&written.field.as_str()) {
                section.mistake("field", unknown_name("field", &written.field, &fields), mistakes);
            }
        }
        let mut reaction = |key: &str, deed: Option<Deed>| {
            let Deed { device, set } = deed?;
            match by_name.get(device.as_str()) {
                None => section.mistake(key, unknown_name("device", &device, &known), mistakes),
                Some(device) => {
                    let kind = kinds.iter().find(|kind| kind.name == device.kind);
                    match kind.and_then(|kind| kind.settable) {
                        None => {
                            let message =
                                format!("{} is a {}, which nothing can set", device.name, device.kind);
                            section.mistake(key, message, mistakes);
                        }
                        Some((low, high)) if !(low..=high).contains(&set) => {
                            let message = format!("{} is set to {low} to {high}, not {set}", device.name);
                            section.mistake(key, message, mistakes);
                        }
                        Some(_) => return Some(Reaction { device: device.name.clone(), value: set }),
                    }
                }
            }
            None
        };
        let action = reaction("action", written.action);
        let resolved_action = reaction("resolved_action", written.resolved_action);
        let Ok(name) = name else { continue };
        let threshold = Threshold {
            name,
            device: watched.name.clone(),
            field: Arc::from(written.field),
            bounds: Bounds { minimum: written.min, maximum: written.max, hysteresis: written.hysteresis },
            duration: written.duration.map(|Span(duration)| duration).unwrap_or_default(),
            severity: match written.severity {
                Grade::Warning => Severity::Warning,
                Grade::Critical => Severity::Critical,
            },
            action,
            resolved_action,
        };
        match threshold.mistake() {
            Some((key, message)) => section.mistake(key, message, mistakes),
            None => thresholds.push(threshold),
        }
    }
    thresholds
}
