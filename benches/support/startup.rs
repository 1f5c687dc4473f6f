//! How long it takes from starting the program to its first reply.

use std::time::Instant;

use super::clients::LineClient;
use super::median;
use super::servers::Gatekeeper;

/// In milliseconds, the median of so many starts.
pub fn measure(starts: usize) -> f64 {
    let start = |_| {
        let begun = Instant::now();
        let daemon = Gatekeeper::start("");
        let reply =
            LineClient::connect(daemon.server.line()).ask("|START|COMMAND=SET|DEVICE=led|VALUE=1|END|");
        let took = begun.elapsed();
        assert!(reply.contains("VALUE=1"), "{reply}");
        took.as_secs_f64() * 1e3
    };
    median((0..starts).map(start).collect())
}
