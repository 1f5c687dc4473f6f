//! The thread that waits for edges.

use std::fs;
use std::time::Instant;

use gpio_gatekeeper::hardware::Level;

use super::benches;
use super::hands::{DEADLINE, PLAIN, sink};

#[test]
fn one_thread_watches_all_inputs_and_ends_with_them() {
    for (_, mut bench) in benches() {
        assert!(bench.hardware.is_alive());
        let (sink, edges) = sink();
        for _ in 0..2 {
            let mut inputs: Vec<_> = (20..24)
                .map(|offset| {
                    bench.wires.pull(offset, Level::Low);
                    let line = bench.line(offset);
                    bench.hardware.open_input(&line, PLAIN, offset as usize, sink.clone()).unwrap()
                })
                .collect();
            edge_threads_become(1);
            assert!(bench.hardware.is_alive());
            for offset in 20..24 {
                bench.wires.pull(offset, Level::High);
                assert_eq!(edges.recv_timeout(DEADLINE).unwrap().input, offset as usize);
            }
            // The others go on without it, and its line is free at once.
            drop(inputs.remove(0));
            drop(bench.watch(20, PLAIN));
            bench.wires.pull(21, Level::Low);
            assert_eq!(edges.recv_timeout(DEADLINE).unwrap().input, 21);
            drop(inputs);
            edge_threads_become(0);
            bench.wires.pull(22, Level::Low);
            assert!(edges.try_recv().is_err());
        }
    }
}

/// A thread takes its name only when it runs, and one that was joined stays listed until the kernel has tidied up.
fn edge_threads_become(expected: usize) {
    until(&format!("{expected} threads"), || edge_threads().len() == expected);
}

/// Returns when the thread waits for edges of what it was given so far.
pub(super) fn the_edge_thread_waits() {
    until("a thread that waits", || edge_threads() == ['S']);
}

/// The state of each thread of that name, as `ps` shows it.
fn edge_threads() -> Vec<char> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    // A thread may end between being listed and being read.
    let stats = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("stat")).ok());
    stats.filter_map(|stat| stat.split_once("(edges) ")?.1.chars().next()).collect()
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "there is no {what}");
        std::thread::yield_now();
    }
}
