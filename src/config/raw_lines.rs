//! The section `raw_lines`: lines that programs use as they like, each of which becomes a device.

use crate::domain::{KindReader, LineRef, Mistakes, Settings, Wired};

use super::Device;
use super::devices;

/// Reads the section: each line with its settings, and the device that it becomes.
pub(super) fn read<'a, B: Wired>(
    section: &Settings<'a>,
    kinds: &[KindReader<B>],
    mistakes: &mut Mistakes,
) -> Vec<(Settings<'a>, Device<B>)> {
    if section.keys().next().is_none() {
        return Vec::new();
    }
    let Some(kind) = kinds.iter().find(|kind| kind.name == KIND) else {
        section.mistake("", "there are no raw lines here", mistakes);
        return Vec::new();
    };
    for key in [LINE, NAME].into_iter().filter(|key| section.has(key)) {
        let message = format!("a {key} is that of one line: put it into braces in `lines`");
        section.key_mistake(key, message, mistakes);
    }
    let before = mistakes.found.len();
    let each = section.of_each(LINES, LINE, mistakes);
    if each.is_empty() && mistakes.found.len() == before {
        section.mistake(LINES, "expected the lines, such as [\"GPIO17\", \"GPIO27\"]", mistakes);
    }
    let read = |settings: Settings<'a>| {
        let given: Option<String> = settings.value(NAME, mistakes);
        let settings = settings.without(NAME);
        let blueprint = (kind.read)(&settings, mistakes)?;
        let name = given.unwrap_or_else(|| name_of(&blueprint));
        let name = devices::name(&name).map_err(|rule| settings.mistake(LINE, rule, mistakes)).ok()?;
        Some((settings, Device { name, kind: kind.name, blueprint }))
    };
    each.into_iter().filter_map(read).collect()
}

/// The name of a line that was given none: that of the line with what a name may have, or `gpio` and its offset.
fn name_of(wired: &impl Wired) -> String {
    match wired.lines().first().map(|(_, address)| &address.line) {
        Some(LineRef::Name(name)) => {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            name.to_ascii_lowercase().chars().map(|c| if plain(c) { c } else { '-' }).collect()
        }
        Some(LineRef::Offset(offset)) => format!("gpio{offset}"),
        None => String::new(),
    }
}

/// The kind that they are of.
const KIND: &str = "raw_line";
/// The key of the list.
const LINES: &str = "lines";
/// Where an element is no object, it is what would stand there under this key.
const LINE: &str = "line";
/// What the device is called, where it is not called after its line.
const NAME: &str = "name";
