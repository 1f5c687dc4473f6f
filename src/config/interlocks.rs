//! The section `interlocks`: names of groups, and in each the devices of which one at a time may be on.

use std::collections::HashSet;

use serde::Deserialize;

use super::Device;
use crate::domain::{Interlock, Mistakes, Settings, Span, Wired, unknown_name};

/// One group, as it is written.
#[derive(Deserialize)]
struct Group {
    devices: Vec<String>,
    dead_time: Option<Span>,
}

const DEAD_TIME: Span = Span::from_millis(100);
const LONGEST_DEAD_TIME: Span = Span::from_millis(60_000);

/// Reads every group, and compares it with the devices that there are.
pub(super) fn read<B: Wired>(
    settings: &Settings<'_>,
    devices: &[Device<B>],
    mistakes: &mut Mistakes,
) -> Vec<Interlock> {
    let mut interlocks = Vec::new();
    for name in settings.keys() {
        let group = settings.object(name, "an object with the devices of the interlock", mistakes);
        let Some(Group { devices: members, dead_time }) = group.read(mistakes) else { continue };
        let dead_time = dead_time.unwrap_or(DEAD_TIME);
        if dead_time > LONGEST_DEAD_TIME {
            let message = format!("dead_time is at most {LONGEST_DEAD_TIME}");
            group.mistake("dead_time", message, mistakes);
        }
        let (mut found, mut seen) = (Vec::new(), HashSet::new());
        for member in &members {
            let known: Vec<&str> = devices.iter().map(|device| device.name.as_str()).collect();
            match devices.iter().find(|device| device.name.as_str() == member) {
                None => group.mistake("devices", unknown_name("device", member, &known), mistakes),
                Some(device) if !device.blueprint.is_output() => {
                    let message = format!("{member} is an input: only what can be switched is kept off");
                    group.mistake("devices", message, mistakes);
                }
                Some(_) if !seen.insert(member) => {
                    group.mistake("devices", format!("{member} stands here twice"), mistakes);
                }
                Some(device) => found.push(device.name.clone()),
            }
        }
        if members.len() < 2 {
            group.mistake("devices", "an interlock is among at least two devices", mistakes);
        }
        interlocks.push(Interlock { name: name.to_owned(), devices: found, dead_time: dead_time.0 });
    }
    interlocks
}
