//! Finding chips and lines, which either version does alike.

use std::fs;
use std::os::unix::fs::symlink;

use gpio_gatekeeper::domain::{LineAddress, LineRef, Polarity, Value};
use gpio_gatekeeper::hardware::{Hardware, HardwareError, Line, Start};

use super::lab::{Lab, SecondChip};
use super::{VERSIONS, benches, open};

#[test]
fn chips_are_found_by_path_link_name_and_label() {
    let Some(lab) = Lab::inside() else { return };
    symlink(&lab.chip, "/tmp/my-chip").unwrap();
    symlink(&lab.chip, "/dev/gpiochip77").unwrap();
    let path = lab.chip.to_string_lossy();
    for chip in [&*path, "/tmp/my-chip", &lab.name(), "gpiochip77", "kernel-lab"] {
        let found = locate(Some(chip), LineRef::Offset(31)).unwrap();
        assert_eq!(found, Line { chip: lab.name().into(), offset: 31 }, "{chip}");
    }
    fs::remove_file("/dev/gpiochip77").unwrap();
}

#[test]
fn lines_are_found_by_name() {
    let Some(lab) = Lab::inside() else { return };
    for chip in [Some("kernel-lab"), None] {
        let found = locate(chip, LineRef::Name("GPIO17".to_owned())).unwrap();
        assert_eq!(found, Line { chip: lab.name().into(), offset: 17 }, "{chip:?}");
    }
}

#[test]
fn what_is_not_there_is_said_with_what_is() {
    let Some(_lab) = Lab::inside() else { return };
    let chip = "gpiochip0 (kernel-lab, 32 lines)";
    let name = |name: &str| LineRef::Name(name.to_owned());
    for (address, line, expected) in [
        (Some("kernel-lab"), LineRef::Offset(32), format!("{chip} has no line 32: lines are counted from 0")),
        (
            None,
            LineRef::Offset(3),
            format!("line 3 is counted on a chip, so name the chip; the chips here: {chip}"),
        ),
        (Some("kernellab"), name("GPIO1"), format!("there is no chip kernellab; the chips here: {chip}")),
        (
            Some("/dev/gpiochip9"),
            name("GPIO1"),
            format!("there is no chip /dev/gpiochip9; the chips here: {chip}"),
        ),
        (Some("/dev/null"), name("GPIO1"), "/dev/null is not a GPIO chip".to_owned()),
        (
            None,
            name("gpio_31"),
            format!("there is no line gpio_31 on {chip}; did you mean GPIO31 or GPIO1 or GPIO11?"),
        ),
        (Some("gpiochip0"), name("LAMP"), format!("there is no line LAMP on {chip}")),
    ] {
        let error = locate(address, line).unwrap_err();
        assert!(matches!(error, HardwareError::NotFound(_)), "{error:?}");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn what_is_there_twice_is_not_guessed() {
    let Some(_lab) = Lab::inside() else { return };
    let second = SecondChip::plug("kernel-lab", &["GPIO3", "TWIN", "TWIN"]);
    let name = &second.name;
    for (chip, line, expected) in [
        (
            Some("kernel-lab"),
            LineRef::Offset(0),
            format!("the label kernel-lab is that of gpiochip0 and {name}"),
        ),
        (None, LineRef::Name("GPIO3".into()), format!("the name GPIO3 is that of gpiochip0:3 and {name}:0")),
        (Some(name), LineRef::Name("TWIN".into()), format!("the name TWIN is that of {name}:1 and {name}:2")),
    ] {
        let error = locate(chip, line).unwrap_err().to_string();
        assert!(error.starts_with(&expected), "{error}");
    }
    assert_eq!(locate(None, LineRef::Name("GPIO4".into())).unwrap().offset, 4);
}

/// What both versions answer.
fn locate(chip: Option<&str>, line: LineRef) -> Result<Line, HardwareError> {
    let address = LineAddress { chip: chip.map(str::to_owned), line };
    let [one, other] = VERSIONS.map(|version| open(version).locate(&address));
    let words = |answer: &Result<Line, HardwareError>| match answer {
        Ok(line) => line.to_string(),
        Err(error) => error.to_string(),
    };
    assert_eq!(words(&one), words(&other));
    one
}

#[test]
fn a_line_is_found_whoever_holds_it() {
    for (_, mut bench) in benches() {
        let _outputs = bench.open([(5, Polarity::ActiveHigh)], Start::Values(&[Value::Active]));
        let found = locate(Some("kernel-lab"), LineRef::Name("GPIO5".to_owned())).unwrap();
        assert_eq!(found.offset, 5);
    }
}

#[test]
fn what_one_request_cannot_hold_is_refused() {
    for (_, mut bench) in benches() {
        let line = |offset| (Line { chip: "gpiochip0".into(), offset }, Polarity::ActiveHigh);
        let elsewhere = (Line { chip: "gpiochip1".into(), offset: 0 }, Polarity::ActiveHigh);
        for lines in [vec![], (0..65).map(line).collect(), vec![line(0), elsewhere], vec![line(0), line(0)]] {
            let error = bench.hardware.open_outputs(&lines, Start::Keep).err().unwrap();
            assert!(matches!(error, HardwareError::Unsupported(_)), "{error:?}");
        }
    }
}
