//! Contests: servers that do the same in turns, so that what else the machine does meets all of them.

use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::Pid;

use super::median;
use super::table::{Bound, Row, Table};

/// One thing that several servers do.
pub struct Contest {
    name: &'static str,
    /// How often in a turn.
    times: usize,
    /// Requests each time.
    requests: usize,
    contestants: Vec<Contestant>,
}

/// One server in a contest.
pub struct Contestant {
    clock: ClockId,
    /// Does it once, and gives the moment in which it was done.
    act: Box<dyn FnMut() -> Instant>,
    turns: Vec<Turn>,
}

/// What one turn came to.
#[derive(Debug, Clone, Copy)]
struct Turn {
    p50_us: f64,
    p99_us: f64,
    cpu_per_100k: f64,
    requests_per_second: f64,
}

impl Contestant {
    /// The server with this process identifier, and what it does.
    pub fn new(server: Pid, act: impl FnMut() -> Instant + 'static) -> Contestant {
        let clock = clock_getcpuclockid(server).expect("the server runs");
        Contestant { clock, act: Box::new(act), turns: Vec::new() }
    }

    fn turn(&mut self, times: usize, requests: usize) -> Turn {
        let cpu_before = self.cpu();
        let start = Instant::now();
        let mut took: Vec<Duration> = (0..times)
            .map(|_| {
                let begun = Instant::now();
                (self.act)() - begun
            })
            .collect();
        let elapsed = start.elapsed().as_secs_f64();
        let cpu = (self.cpu() - cpu_before).as_secs_f64();
        took.sort_unstable();
        let micros = |place: usize| took[place.min(times - 1)].as_secs_f64() * 1e6;
        let all = (times * requests) as f64;
        Turn {
            p50_us: micros(times / 2),
            p99_us: micros(times * 99 / 100),
            cpu_per_100k: cpu * 1e5 / all,
            requests_per_second: all / elapsed,
        }
    }

    /// What the server has used.
    fn cpu(&self) -> Duration {
        self.clock.now().expect("the server runs").into()
    }
}

impl Contest {
    /// Nobody takes part yet.
    pub fn new(name: &'static str, times: usize, requests: usize) -> Contest {
        Contest { name, times, requests, contestants: Vec::new() }
    }

    /// Lets a server take part; the last one is ours.
    pub fn add(&mut self, contestant: Contestant) {
        self.contestants.push(contestant);
    }

    /// Everybody's turn; it `counts` unless it is for warming up.
    pub fn turn(&mut self, counts: bool) {
        for contestant in &mut self.contestants {
            let turn = contestant.turn(self.times, self.requests);
            if counts {
                contestant.turns.push(turn);
            }
        }
    }

    /// Adds latency and processor time to the table.
    pub fn tell(&self, beside: &'static str, p50: Option<Bound>, cpu: Option<Bound>, table: &mut Table) {
        table.add(self.row("p50", "us", beside, p50, |turn| turn.p50_us));
        table.add(self.row("p99", "us", beside, None, |turn| turn.p99_us));
        table.add(self.row("CPU per 100k", "s", beside, cpu, |turn| turn.cpu_per_100k));
    }

    /// Adds throughput and processor time to the table.
    pub fn tell_rate(&self, beside: &'static str, rate: Option<Bound>, table: &mut Table) {
        table.add(self.row("requests", "/s", beside, rate, |turn| turn.requests_per_second));
        table.add(self.row("CPU per 100k", "s", beside, None, |turn| turn.cpu_per_100k));
    }

    fn row(
        &self,
        figure: &str,
        unit: &'static str,
        beside: &'static str,
        bound: Option<Bound>,
        of: fn(&Turn) -> f64,
    ) -> Row {
        let name = format!("{}, {figure}", self.name);
        let figures = |contestant: &Contestant| contestant.turns.iter().map(of).collect::<Vec<_>>();
        match self.contestants.as_slice() {
            [other, ours] => {
                let (other, ours) = (figures(other), figures(ours));
                let ratios = ours.iter().zip(&other).map(|(ours, other)| ours / other).collect();
                Row::beside(name, unit, (beside, median(other)), median(ours), median(ratios), bound)
            }
            [ours] => Row::own(name, unit, median(figures(ours)), None),
            _ => panic!("ours, and at most one beside it"),
        }
    }
}
