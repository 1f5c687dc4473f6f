//! The setting `follow` of outputs: whose value they take.

use std::collections::HashMap;

use serde::Deserialize;

use super::Device;
use crate::domain::{DeviceName, KindReader, Link, Mistakes, Sense, Settings, Wired, unknown_name};

/// The key of the setting, which every kind has beside its own.
pub(super) const FOLLOW: &str = "follow";

/// The setting, as it is written.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected the name of a device, or {\"device\": ..., \"invert\": false, \"while\": [\"pressed\", ...]}"
)]
enum Follow {
    Name(String),
    How(How),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct How {
    device: String,
    #[serde(default)]
    invert: bool,
    #[serde(rename = "while")]
    during: Option<Vec<String>>,
}

/// Reads the links of all devices, and looks whether they lead anywhere.
pub(super) fn read<B: Wired>(
    settings: &Settings<'_>,
    devices: &[Device<B>],
    kinds: &[KindReader<B>],
    mistakes: &mut Mistakes,
) -> Vec<Link> {
    let known: Vec<&str> = devices.iter().map(|device| device.name.as_str()).collect();
    let mut links = Vec::new();
    for device in devices {
        // What is wrong with the objects themselves was said when the devices were read.
        let mut said = Mistakes::default();
        let section = settings.object(device.name.as_str(), "", &mut said).object(device.kind, "", &mut said);
        let Some(Some(follow)) = section.value::<Option<Follow>>(FOLLOW, mistakes) else { continue };
        let (name, invert, during) = match follow {
            Follow::Name(name) => (name, false, None),
            Follow::How(How { device, invert, during }) => (device, invert, during),
        };
        let kind = kinds.iter().find(|kind| kind.name == device.kind);
        let wrong = if kind.is_none_or(|kind| kind.settable.is_none()) {
            Some(format!("a {} can't be set, so it follows nobody", device.kind))
        } else if name == device.name.as_str() {
            Some("a device does not follow itself".to_owned())
        } else {
            match devices.iter().find(|device| device.name.as_str() == name) {
                None => Some(unknown_name("device", &name, &known)),
                Some(followed) => {
                    let sense = if invert { Sense::Inverted } else { Sense::Same };
                    let wrong = during.as_deref().and_then(|words| wrong_words(words, followed));
                    let (output, input) = (device.name.clone(), followed.name.clone());
                    links.push(Link { output, input, sense, during });
                    wrong
                }
            }
        };
        if let Some(message) = wrong {
            section.mistake(FOLLOW, message, mistakes);
        } else if let Some(circle) = circle(&device.name, &links) {
            section.mistake(FOLLOW, format!("they follow each other in a circle: {circle}"), mistakes);
        }
    }
    links
}

/// What is wrong with the states for which an output waits.
fn wrong_words<B: Wired>(words: &[String], followed: &Device<B>) -> Option<String> {
    if words.is_empty() {
        return Some("while needs at least one state, such as \"pressed\"".to_owned());
    }
    let known = followed.blueprint.states()?;
    let unknown = words.iter().find(|word| !known.contains(&word.as_str()))?;
    Some(format!("while: {}", unknown_name("state", unknown, known)))
}

/// The way from a device through those that it follows back to itself.
fn circle(from: &DeviceName, links: &[Link]) -> Option<String> {
    let followed: HashMap<&DeviceName, &DeviceName> =
        links.iter().map(|link| (&link.output, &link.input)).collect();
    let (mut way, mut at) = (from.to_string(), from);
    // No way without a circle is longer.
    for _ in 0..links.len() {
        at = followed.get(at)?;
        way += &format!(" -> {at}");
        if at == from {
            return Some(way);
        }
    }
    None
}
