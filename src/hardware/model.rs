//! Which board this is, where the kernel says so.

use std::fs;
use std::path::Path;

use crate::domain::Model;

/// Asks the kernel, whose `/proc` is at `proc`.
pub fn read(proc: &Path) -> Model {
    let tree = proc.join("device-tree");
    let name = fs::read(tree.join("model")).ok().and_then(|text| named(&text));
    let revision = fs::read(tree.join("system/linux,revision")).ok().and_then(|cell| in_tree(&cell));
    let told = || in_cpuinfo(&fs::read_to_string(proc.join("cpuinfo")).ok()?);
    Model { name, revision: revision.or_else(told) }
}

/// Texts of the device tree end with a NUL.
fn named(text: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    let name = text.trim_end_matches('\0').trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// Numbers of the device tree are big-endian.
fn in_tree(cell: &[u8]) -> Option<u32> {
    known(u32::from_be_bytes(cell.try_into().ok()?))
}

/// As kernels say it that have it nowhere else: `Revision : c03112`.
fn in_cpuinfo(text: &str) -> Option<u32> {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    let mut revisions = lines.filter(|(key, _)| key.trim() == "Revision").map(|(_, value)| value.trim());
    known(u32::from_str_radix(revisions.next()?, 16).ok()?)
}

/// Boards without a code have 0 there.
fn known(revision: u32) -> Option<u32> {
    (revision != 0).then_some(revision)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_is_what_its_kernel_says() {
        let proc = tempfile::tempdir().expect("a folder");
        assert_eq!(read(proc.path()), Model::default());
        fs::write(proc.path().join("cpuinfo"), "CPU revision\t: 3\nRevision\t: c03112\n").expect("written");
        assert_eq!(read(proc.path()), Model { name: None, revision: Some(0xc0_3112) });
        let tree = proc.path().join("device-tree/system");
        fs::create_dir_all(&tree).expect("made");
        fs::write(tree.join("linux,revision"), [0, 0xd0, 0x41, 0x70]).expect("written");
        fs::write(proc.path().join("device-tree/model"), "Raspberry Pi 5 Model B Rev 1.0\0")
            .expect("written");
        let name = Some("Raspberry Pi 5 Model B Rev 1.0".to_owned());
        assert_eq!(read(proc.path()), Model { name, revision: Some(0xd0_4170) });
    }

    #[test]
    fn what_is_no_revision_is_none() {
        for text in ["", "CPU revision : 3", "Revision : 0000", "Revision : new", "Revision"] {
            assert_eq!(in_cpuinfo(text), None, "{text}");
        }
        assert_eq!((in_tree(&[0; 4]), in_tree(&[1; 3]), named(b"\0")), (None, None, None));
    }
}
