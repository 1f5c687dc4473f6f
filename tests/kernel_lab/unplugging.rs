//! A chip that goes away while its lines are held, and comes back.

use std::sync::Arc;
use std::sync::mpsc;

use gpio_gatekeeper::domain::{LineAddress, LineRef, Polarity, Value};
use gpio_gatekeeper::hardware::{ChipNews, HardwareError, Level, Line, Start};

use super::benches;
use super::hands::{Bench, DEADLINE, PLAIN, sink};
use super::lab::SecondChip;
use super::threads::the_edge_thread_waits;
use Polarity::ActiveHigh;
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
fn who_watches_chips_hears_of_them_and_takes_their_lines_anew() {
    for (version, mut bench) in benches() {
        let (news, heard) = mpsc::channel();
        bench.hardware.watch_chips(Arc::new(move |chip| {
            let _ = news.send(chip);
        }));
        let hears = |expected: ChipNews| {
            // A new file may change once more before it is as udev wants it.
            while heard.recv_timeout(DEADLINE).expect("news") != expected {}
        };
        the_edge_thread_waits();
        let mut second = SecondChip::plug("unplugged", &["A"]);
        for _ in 0..3 {
            hears(ChipNews::Came(second.name.as_str().into()));
            let lines = [(find(&mut bench, "A"), ActiveHigh)];
            let mut outputs = bench.hardware.open_outputs(&lines, Start::Values(&[Active])).unwrap();
            assert_eq!(second.wires().level(0), 1);
            second.unplug();
            hears(ChipNews::Gone(second.name.as_str().into()));
            assert!(heard.try_recv().is_err(), "{version:?}: a chip that goes does not come");
            assert!(outputs.write(&[Active]).is_err());
            second.plug_again();
        }
    }
}

fn find(bench: &mut Bench, name: &str) -> Line {
    let address = LineAddress { chip: Some("unplugged".to_owned()), line: LineRef::Name(name.to_owned()) };
    bench.hardware.locate(&address).unwrap()
}
