//! What happens to a driven line that is to be kept, while others of the same device are not driven.

use gpio_gatekeeper::domain::{Polarity, Value};
use gpio_gatekeeper::hardware::Start;
use gpio_gatekeeper::hardware::gpiochip::Version;
use gpiocdev::line::InfoChangeKind;

use super::bench;
use super::lab::Lab;

#[test]
fn version_2_never_releases_a_line_that_is_kept() {
    let Some(changes) = changes(Version::V2) else { return };
    // Kernels differ in whether they tell of a new setup for a line that it leaves as it is.
    assert_eq!(changes[0], InfoChangeKind::Requested);
    assert!(changes[1..].iter().all(|change| *change == InfoChangeKind::Reconfigured), "{changes:?}");
}

#[test]
fn version_1_has_to_release_it_for_a_moment() {
    let Some(changes) = changes(Version::V1) else { return };
    assert_eq!(changes, [InfoChangeKind::Requested, InfoChangeKind::Released, InfoChangeKind::Requested]);
}

/// What the kernel tells of a driven line that is kept; nothing outside the lab.
fn changes(version: Version) -> Option<Vec<InfoChangeKind>> {
    let lab = Lab::inside()?;
    let mut bench = bench(version)?;
    bench.leave_driven(11);
    bench.leave_open(12);
    let chip = gpiocdev::Chip::from_path(&lab.chip).unwrap();
    chip.watch_line_info(11).unwrap();
    let mut outputs = bench.open([(11, Polarity::ActiveHigh), (12, Polarity::ActiveHigh)], Start::Keep);
    assert_eq!(outputs.read().unwrap(), [Value::Active, Value::Inactive]);
    let mut changes = Vec::new();
    while chip.has_line_info_change_event().unwrap() {
        changes.push(chip.read_line_info_change_event().unwrap().kind);
    }
    Some(changes)
}
