//! A chip that goes away while its lines are held.

use gpio_gatekeeper::domain::{LineAddress, LineRef, Polarity, Value};
use gpio_gatekeeper::hardware::{HardwareError, Line, Start};

use super::benches;
use super::hands::{Bench, PLAIN, sink};
use super::lab::SecondChip;

#[test]
fn every_call_fails_and_says_why() {
    for (version, mut bench) in benches() {
        let second = SecondChip::plug("unplugged", &["A", "B"]);
        let (button, lamp) = (find(&mut bench, "A"), find(&mut bench, "B"));
        let (sink, _edges) = sink();
        let mut input = bench.hardware.open_input(&button, PLAIN, 7, sink).unwrap();
        let lines = [(lamp, Polarity::ActiveHigh)];
        let mut outputs = bench.hardware.open_outputs(&lines, Start::Values(&[Value::Active])).unwrap();
        second.unplug();
        let errors = [input.read().err(), outputs.write(&[Value::Inactive]).err(), outputs.read().err()];
        for (error, call) in errors.into_iter().zip(["read", "write", "read"]) {
            let HardwareError::Call { call: failed, cause } = error.unwrap() else { panic!() };
            assert!(failed.starts_with(&format!("{call} {}:", second.name)), "{version:?}: {failed}");
            assert_eq!(cause.to_string(), "No such device (os error 19)", "{version:?}");
        }
        let error = bench.hardware.open_outputs(&lines, Start::Keep).err().unwrap();
        assert!(matches!(error, HardwareError::NotFound(_)), "{version:?}: {error:?}");
    }
}

fn find(bench: &mut Bench, name: &str) -> Line {
    let address = LineAddress { chip: Some("unplugged".to_owned()), line: LineRef::Name(name.to_owned()) };
    bench.hardware.locate(&address).unwrap()
}
