//! Chaos: daemon and clients are killed, stopped, stalled, cut off and taken over at random, and no acknowledged command
//! is lost or repeated, and no lease outlives its time.
//!
//! The daemon is this program itself, started again as a process whose hardware writes every value that it gets into a
//! journal; what is in the journal has happened, whatever anybody says of it.  Every command has a number of its own,
//! which is the value that it sets, so that each entry names its command.  The clients keep books of what they sent and
//! what they were told, and in the end the one is held against the other.
//!
//! ```sh
//! GATEKEEPER_CHAOS=5min GATEKEEPER_CHAOS_SEED=7 cargo test --test chaos -- --nocapture
//! ```
//!
//! The seed, which is printed, decides what is tried; what comes of it is up to the machine, too.

#![allow(unreachable_pub, reason = "a test program has nobody outside")]

mod books;
mod boss;
mod clock;
mod commander;
mod crowd;
mod devices;
mod disturber;
mod exact;
mod holder;
mod home;
mod house;
mod journal;
mod line;
mod mqtt;
mod outsider;
#[path = "../../benches/soak/random.rs"]
mod random;
mod reader;
mod requester;
#[path = "../support/mod.rs"]
mod support;
mod tempo;
mod verdict;

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use gpio_gatekeeper::domain::Span;

use crowd::Crowd;
use house::{End, House};
use random::Random;
use verdict::Case;

/// How long it goes on: a duration such as `5min`.
const LENGTH: &str = "GATEKEEPER_CHAOS";
const DEFAULT_LENGTH: Duration = Duration::from_secs(20);
/// What is tried: a number.
const SEED: &str = "GATEKEEPER_CHAOS_SEED";

/// So many milliseconds pass at most between two blows.
const BETWEEN: u64 = 1500;
/// So many milliseconds the daemon stands still at most,
const STALL: u64 = 1000;
/// so many it is away,
const AWAY: u64 = 400;
/// and so many it has to stop in order before it is killed.
const GOODBYE: u64 = 50;

#[test]
fn no_acknowledged_command_is_lost_or_repeated_and_no_lease_outlives_its_time() {
    let length = from_environment(LENGTH, |text| text.parse().ok().map(|Span(length)| length));
    let seed = from_environment(SEED, |text| text.parse().ok());
    let seed = seed.unwrap_or_else(|| RandomState::new().hash_one(0));
    let length = length.unwrap_or(DEFAULT_LENGTH);
    println!("{SEED}={seed} {LENGTH}={}", Span(length));

    let mut random = Random::new(seed);
    let programs = tempfile::tempdir().expect("a temporary folder");
    let libraries = outsider::libraries(programs.path());
    let mut house = House::build();
    house.start();
    let crowd = Crowd::gather(house.addresses(), &libraries, seed);
    let until = clock::now() + clock::nanos(length);
    while crowd.wait(random.milliseconds(BETWEEN)) && clock::now() < until {
        strike(&mut house, &mut random, &crowd);
    }
    let seen = crowd.leave();
    house.stop(End::Stopped, || {});
    let case = Case { lives: house.lives(), stalls: house.stalls(), entries: house.journal(), seen };
    let report = verdict::judge(&case);
    println!("{report}");
    assert!(report.broken.is_empty(), "{SEED}={seed}\n{}", report.broken.join("\n"));
}

/// Something that the daemon has to live with, or to die of.
fn strike(house: &mut House, random: &mut Random, crowd: &Crowd) {
    let wait = |time| {
        crowd.wait(time);
    };
    match random.below(20) {
        0..8 => house.stop(End::Killed, || {}),
        8..11 => house.stop(End::Stopped, || {}),
        11..13 => house.stop(End::KilledAsItStopped, || wait(random.milliseconds(GOODBYE))),
        _ => return house.stall(|| wait(random.milliseconds(STALL))),
    }
    crowd.wait(random.milliseconds(AWAY));
    house.start();
}

/// What an environment variable says, which has to be readable where it is there.
fn from_environment<T>(name: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
    let text = std::env::var(name).ok()?;
    Some(read(&text).unwrap_or_else(|| panic!("{name} can't be {text:?}")))
}

#[test]
#[ignore = "the daemon that the chaos starts for itself"]
fn daemon() {
    home::keep();
}
