//! The daemon seen from outside: its memory, threads and descriptors.

use std::time::{Duration, Instant};
use std::{fmt, fs};

use nix::unistd::Pid;

use super::support::status::{row, status};

/// Looks at it now and then.
pub struct Watch {
    pid: Pid,
    began: Instant,
    looks: Vec<Look>,
}

/// What one look saw.
#[derive(Clone, Copy)]
pub struct Look {
    resident_kib: u64,
    threads: u64,
    descriptors: usize,
}

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Look { resident_kib, threads, descriptors } = self;
        write!(f, "{resident_kib} KiB resident, {threads} threads, {descriptors} descriptors")
    }
}

impl Watch {
    pub fn new(pid: Pid) -> Watch {
        Watch { pid, began: Instant::now(), looks: Vec::new() }
    }

    /// Looks, and says so once in a minute.
    pub fn look(&mut self) {
        let look = self.see();
        if self.looks.len() % 60 == 0 {
            println!("{:5.0} s: {look}", self.began.elapsed().as_secs_f64());
        }
        self.looks.push(look);
    }

    /// What is left when everybody has gone.
    pub fn at_rest(&self) -> Look {
        // The next telemetry comes within 10 s, and gives back the memory that is free.
        std::thread::sleep(Duration::from_secs(12));
        self.see()
    }

    /// Prints how the memory went.
    pub fn tell(&self, at_rest: Look) {
        let part = self.looks.len() / 5;
        let median = |looks: &[Look]| {
            let mut resident: Vec<_> = looks.iter().map(|look| look.resident_kib).collect();
            resident.sort_unstable();
            resident.get(resident.len() / 2).copied().unwrap_or(0)
        };
        println!("resident KiB, the median of each fifth of the time:");
        for fifth in self.looks.chunks(part.max(1)).take(5) {
            println!("  {}", median(fifth));
        }
        println!("when everybody has gone: {at_rest}");
    }

    fn see(&self) -> Look {
        let status = status(self.pid);
        let row = |name| row(&status, name) as u64;
        let descriptors = fs::read_dir(format!("/proc/{}/fd", self.pid)).expect("it is ours").count();
        Look { resident_kib: row("VmRSS:"), threads: row("Threads:"), descriptors }
    }
}
