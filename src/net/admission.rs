//! Admission: how many connections there may be, in all and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts connections.  It is shared by all listeners.
#[derive(Debug, Clone)]
pub struct Admission(Arc<Counters>);

#[derive(Debug)]
struct Counters {
    seats: usize,
    seats_per_address: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    seated: usize,
    standing: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// One connection's place; dropping it gives the place back.
#[derive(Debug)]
pub struct Seat {
    admission: Admission,
    address: IpAddr,
    seating: Seating,
}

/// What a new connection may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seating {
    /// It is a client.
    Seated,
    /// All seats are taken: it is told so in its own protocol, and goes.
    Standing,
}

/// So many clients may be told at the same time that they can't be taken; others find the door closed.
const STANDING: usize = 16;

impl Admission {
    /// For `seats` clients, of which one address may have `seats_per_address`.
    pub fn new(seats: usize, seats_per_address: usize) -> Admission {
        Admission(Arc::new(Counters { seats, seats_per_address, taken: Mutex::new(Taken::default()) }))
    }

    /// A place for a connection from `address`, or none where not even a refusal can be afforded.
    pub fn enter(&self, address: IpAddr) -> Option<Seat> {
        let mut taken = self.taken();
        let here = taken.by_address.get(&address).copied().unwrap_or(0);
        let seating = if taken.seated < self.0.seats && here < self.0.seats_per_address {
            taken.seated += 1;
            *taken.by_address.entry(address).or_default() += 1;
            Seating::Seated
        } else if taken.standing < STANDING {
            taken.standing += 1;
            Seating::Standing
        } else {
            return None;
        };
        drop(taken);
        Some(Seat { admission: self.clone(), address, seating })
    }

    /// How many clients there are.
    pub fn count(&self) -> usize {
        self.taken().seated
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // Counting does not panic between its steps.
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// What the connection may do.
    pub fn seating(&self) -> Seating {
        self.seating
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.admission.taken();
        if self.seating == Seating::Standing {
            taken.standing -= 1;
            return;
        }
        taken.seated -= 1;
        if let Some(here) = taken.by_address.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                taken.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_counted_in_all_and_by_address() {
        let admission = Admission::new(3, 2);
        let [a, b] = [IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2])];
        let seating = |seat: &Option<Seat>| seat.as_ref().map(Seat::seating);
        let first = admission.enter(a);
        let second = admission.enter(a);
        assert_eq!([seating(&first), seating(&second)], [Some(Seating::Seated); 2]);
        let third = admission.enter(a);
        assert_eq!(seating(&third), Some(Seating::Standing));
        drop(third);
        let other = admission.enter(b);
        assert_eq!(seating(&other), Some(Seating::Seated));
        assert_eq!(seating(&admission.enter(b)), Some(Seating::Standing));
        drop(first);
        let again = admission.enter(b);
        assert_eq!(seating(&again), Some(Seating::Seated), "who stands takes no seat");
        let crowd: Vec<_> = std::iter::from_fn(|| admission.enter(b)).collect();
        assert_eq!((crowd.len(), admission.count()), (STANDING, 3));
        drop((crowd, second, other, again));
        assert_eq!(admission.count(), 0);
    }
}
