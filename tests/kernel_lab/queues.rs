//! Edges that come faster than they are read, and those that the kernel holds back.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gpio_gatekeeper::domain::{Bias, Polarity, Value};
use gpio_gatekeeper::hardware::gpiochip::Version;
use gpio_gatekeeper::hardware::{Edge, EdgeSink, InputRequest, Level};

use super::hands::{Bench, DEADLINE, PLAIN};
use super::{bench, benches};
use Value::{Active, Inactive};

/// The line that everything happens to.
const LINE: u32 = 15;

#[test]
fn version_1_loses_the_newest_of_a_burst_and_says_that_it_may_have() {
    let Some(mut bench) = bench(Version::V1) else { return };
    let edges = burst(&mut bench, 101);
    // One that was read before, 16 in the queue, and 185 that are lost, for which one without a value stands.
    assert_eq!(edges.len(), 18);
    assert!(edges[..17].iter().zip(1..).all(|(edge, sequence)| edge.sequence == Some(sequence)));
    let (value, sequence) = (edges[17].value, edges[17].sequence);
    assert_eq!((value, sequence), (None, None));
}

#[test]
fn version_2_loses_the_oldest_of_a_burst_and_says_how_many() {
    let Some(mut bench) = bench(Version::V2) else { return };
    let edges = burst(&mut bench, 400);
    // One that was read before, and 800 of which the queue has room for the last 256.
    let numbers: Vec<u32> =
        edges.iter().filter(|edge| edge.value.is_some()).flat_map(|edge| edge.sequence).collect();
    let expected: Vec<u32> = [1].into_iter().chain(801 - 255..=801).collect();
    assert_eq!(numbers, expected);
    // The advice to read the line comes after the first of them, which were read at once.
    let (place, advice) = edges.iter().enumerate().find(|(_, edge)| edge.value.is_none()).unwrap();
    assert_eq!((edges.len(), advice.sequence), (258, edges[place - 1].sequence));
    assert_eq!(edges.last().unwrap().value, Some(Active));
}

#[test]
fn a_burst_ends_with_the_true_value_and_what_follows_is_seen() {
    for (version, mut bench) in benches() {
        for turns in [8, 100, 400] {
            let edges = burst(&mut bench, turns);
            let last = edges.last().unwrap().value;
            assert!(last.is_none_or(|value| value == Active), "{version:?} {turns}: {edges:?}");
        }
    }
}

#[test]
fn version_2_debounces_in_the_kernel() {
    let Some(mut bench) = bench(Version::V2) else { return };
    bench.wires.pull(LINE, Level::Low);
    let request = InputRequest {
        debounce: Duration::from_millis(300),
        ..InputRequest::new(Polarity::ActiveHigh, Bias::AsIs)
    };
    let (mut input, edges) = bench.watch(LINE, request);
    assert!(input.debounces());
    for pull in [Level::High, Level::Low, Level::High, Level::Low, Level::High] {
        bench.wires.pull(LINE, pull);
    }
    // The level is high, and does not count yet.
    assert_eq!((bench.wires.level(LINE), input.read().unwrap()), (1, Inactive));
    let edge = edges.recv_timeout(DEADLINE).unwrap();
    assert_eq!((edge.value, edge.sequence, input.read().unwrap()), (Some(Active), Some(1), Active));
    assert!(edges.try_recv().is_err(), "the others are no edges");
    bench.wires.pull(LINE, Level::Low);
    let edge = edges.recv_timeout(DEADLINE).unwrap();
    assert_eq!((edge.value, edge.sequence), (Some(Inactive), Some(2)));
}

#[test]
fn who_debounces_is_told() {
    for (version, mut bench) in benches() {
        let request = InputRequest { debounce: Duration::from_millis(1), ..PLAIN };
        let (input, _edges) = bench.watch(LINE, request);
        assert_eq!(input.debounces(), version == Version::V2);
        drop(input);
        assert!(!bench.watch(LINE, PLAIN).0.debounces());
    }
}

#[test]
fn version_2_refuses_what_the_kernel_cannot_count() {
    let Some(mut bench) = bench(Version::V2) else { return };
    let line = bench.line(LINE);
    let request = InputRequest { debounce: Duration::from_secs(4295), ..PLAIN };
    let (sink, _edges) = super::hands::sink();
    let error = bench.hardware.open_input(&line, request, 0, sink).err().unwrap();
    assert_eq!(error.to_string(), "line gpiochip0:15: the kernel debounces for at most 4294 s");
}

/// Turns the line so many times from low to high and back while nobody reads, after one edge to high that the edge
/// thread is held at; then lets it go on, and returns what it reports, in order.  The line is high in the end.
fn burst(bench: &mut Bench, turns: u32) -> Vec<Edge> {
    bench.wires.pull(LINE, Level::Low);
    let (sink, is_in, go_on, reported) = held_sink();
    let line = bench.line(LINE);
    let mut input = bench.hardware.open_input(&line, PLAIN, 0, sink).unwrap();
    bench.wires.pull(LINE, Level::High);
    is_in.recv_timeout(DEADLINE).unwrap();
    for _ in 0..turns {
        bench.wires.pull(LINE, Level::Low);
        bench.wires.pull(LINE, Level::High);
    }
    drop(go_on);
    let mut edges = Vec::new();
    while let Ok(edge) = reported.recv_timeout(QUIET) {
        edges.push(edge);
    }
    assert_eq!(input.read().unwrap(), Active);
    bench.wires.pull(LINE, Level::Low);
    let next = reported.recv_timeout(DEADLINE).unwrap();
    assert_eq!(next.value, Some(Inactive));
    edges
}

/// A sink that waits at the first edge until it may go on: what says that it is in, what lets it go on when it is
/// dropped, and where the edges come out.
fn held_sink() -> (EdgeSink, Receiver<()>, Sender<()>, Receiver<Edge>) {
    let (entered, is_in) = mpsc::channel();
    let (go_on, wait) = mpsc::channel::<()>();
    let (edges, reported) = mpsc::channel();
    let wait = Mutex::new(wait);
    let sink = move |edge: Edge| {
        let _ = entered.send(());
        let _ = wait.lock().unwrap().recv();
        let _ = edges.send(edge);
    };
    (Arc::new(sink), is_in, go_on, reported)
}

/// How long nothing must have happened to believe that nothing will.
const QUIET: Duration = Duration::from_millis(500);
