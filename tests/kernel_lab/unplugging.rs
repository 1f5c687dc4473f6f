//! A chip that goes away while its lines are held, and comes back.

use gpio_gatekeeper::domain::{LineAddress, LineRef, Polarity, Value};
use gpio_gatekeeper::hardware::{HardwareError, Level, Line, Start};

use super::benches;
use super::hands::{Bench, DEADLINE, PLAIN, sink};
use super::lab::{Pull, SecondChip};
use super::threads::the_edge_thread_waits;
use Polarity::{ActiveHigh, ActiveLow};
use Value::{Active, Inactive};

#[test]
fn every_call_fails_and_says_why() {
    for (version, mut bench) in benches() {
        let second = SecondChip::plug("unplugged", &["A", "B"]);
        let (button, lamp) = (find(&mut bench, "A"), find(&mut bench, "B"));
        let (sink, _edges) = sink();
        let mut input = bench.hardware.open_input(&button, PLAIN, 7, sink).unwrap();
        let lines = [(lamp, ActiveHigh)];
        let mut outputs = bench.hardware.open_outputs(&lines, Start::Values(&[Active])).unwrap();
        second.unplug();
        let errors = [input.read().err(), outputs.write(&[Inactive]).err(), outputs.read().err()];
        for (error, call) in errors.into_iter().zip(["read", "write", "read"]) {
            let HardwareError::Call { call: failed, cause } = error.unwrap() else { panic!() };
            assert!(failed.starts_with(&format!("{call} {}:", second.name)), "{version:?}: {failed}");
            assert_eq!(cause.to_string(), "No such device (os error 19)", "{version:?}");
        }
        let error = bench.hardware.open_outputs(&lines, Start::Keep).err().unwrap();
        assert!(matches!(error, HardwareError::NotFound(_)), "{version:?}: {error:?}");
    }
}

#[test]
fn its_inputs_are_told_at_once_and_others_go_on() {
    for (version, mut bench) in benches() {
        let second = SecondChip::plug("unplugged", &["A", "B"]);
        bench.wires.pull(20, Level::Low);
        let (_other, elsewhere) = bench.watch(20, PLAIN);
        let (sink, edges) = sink();
        let lines = [find(&mut bench, "A"), find(&mut bench, "B")];
        let open = |(line, input): (&Line, usize)| {
            bench.hardware.open_input(line, PLAIN, input, sink.clone()).unwrap()
        };
        let mut inputs: Vec<_> = lines.iter().zip([7, 8]).map(open).collect();
        the_edge_thread_waits();
        second.unplug();
        for input in [7, 8] {
            let told = edges.recv_timeout(DEADLINE).unwrap();
            assert_eq!((told.input, told.value, told.sequence), (input, None, None), "{version:?}");
        }
        assert!(inputs.iter_mut().all(|input| input.read().is_err()));
        bench.wires.pull(20, Level::High);
        assert_eq!(elsewhere.recv_timeout(DEADLINE).unwrap().sequence, Some(1), "{version:?}");
        assert!(edges.try_recv().is_err() && elsewhere.try_recv().is_err(), "each is told once");
        assert!(bench.hardware.is_alive());
    }
}

#[test]
fn what_is_plugged_in_again_is_taken_again() {
    for (version, mut bench) in benches() {
        let mut second = SecondChip::plug("unplugged", &["A", "B", "C"]);
        let (sink, edges) = sink();
        let button = find(&mut bench, "A");
        let mut input = bench.hardware.open_input(&button, PLAIN, 7, sink).unwrap();
        let lines = [(find(&mut bench, "B"), ActiveHigh), (find(&mut bench, "C"), ActiveLow)];
        let mut outputs = bench.hardware.open_outputs(&lines, Start::Values(&[Active, Inactive])).unwrap();
        let mut number = 0;
        for _ in 0..3 {
            let wires = second.wires();
            wires.pull(0, Pull::Up);
            number += 1;
            let edge = edges.recv_timeout(DEADLINE).unwrap();
            assert_eq!((edge.value, edge.sequence), (Some(Active), Some(number)), "{version:?}");
            second.unplug();
            assert_eq!(edges.recv_timeout(DEADLINE).unwrap().sequence, None);
            assert!(input.read().is_err() && outputs.write(&[Active, Active]).is_err());
            second.plug_again();
            let wires = second.wires();
            assert_eq!(
                [1, 2].map(|line| wires.level(line)),
                [0, 0],
                "nothing drives it before it is written"
            );
            // Each change of the file is a reason to look; with the last of them the chip may be opened.
            while input.read().is_err() {
                assert_eq!(edges.recv_timeout(DEADLINE).unwrap().value, None, "{version:?}");
            }
            assert_eq!(input.read().unwrap(), Inactive);
            assert!(outputs.read().is_err(), "{version:?}: nobody knows what they are to be");
            outputs.write(&[Active, Inactive]).unwrap();
            assert_eq!(outputs.read().unwrap(), [Active, Inactive]);
            assert_eq!([1, 2].map(|line| wires.level(line)), [1, 1]);
            while edges.try_recv().is_ok() {}
        }
    }
}

#[test]
fn another_chip_is_not_taken_for_it() {
    for (version, mut bench) in benches() {
        let first = SecondChip::plug("unplugged", &["A", "B"]);
        let lines = [(find(&mut bench, "A"), ActiveHigh)];
        let mut outputs = bench.hardware.open_outputs(&lines, Start::Values(&[Active])).unwrap();
        drop(first);
        for (label, names) in [("another", &["A", "B"][..]), ("unplugged", &["A", "B", "C"])] {
            let _second = SecondChip::plug(label, names);
            let error = outputs.write(&[Active]).err().unwrap().to_string();
            assert!(error.ends_with("No such device (os error 19)"), "{version:?}: {error}");
        }
        let _second = SecondChip::plug("unplugged", &["A", "B"]);
        outputs.write(&[Active]).unwrap();
    }
}

fn find(bench: &mut Bench, name: &str) -> Line {
    let address = LineAddress { chip: Some("unplugged".to_owned()), line: LineRef::Name(name.to_owned()) };
    bench.hardware.locate(&address).unwrap()
}
