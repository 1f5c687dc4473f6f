//! Admission: how many connections there may be, in all and from one address.
//!
//! A connection is a newcomer until it has introduced itself, with its first frame or its CONNECT.  Newcomers take
//! no seats, so that those who say nothing keep nobody out; where there are too many, the oldest has to go.

use std::collections::{HashMap, VecDeque};
use std::fmt;
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
    by_address: HashMap<IpAddr, usize>,
    /// The oldest first.
    newcomers: VecDeque<Newcomer>,
    /// Newcomers that were told to go and are still there.
    leaving: usize,
    last: u64,
    stopping: bool,
}

struct Newcomer {
    number: u64,
    address: IpAddr,
    /// Tells it to go.
    dismiss: Option<Dismiss>,
}

type Dismiss = Box<dyn FnOnce(Dismissal) + Send>;

/// Why a newcomer has to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dismissal {
    /// Others have come after it, and it has not introduced itself.
    Crowded,
    /// The daemon stops.
    Stopping,
}

/// One connection's place; dropping it gives the place back.
#[derive(Debug)]
pub struct Seat {
    admission: Admission,
    address: IpAddr,
    number: u64,
    is_seated: bool,
}

/// What a connection gets that introduces itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seating {
    /// It is a client.
    Seated,
    /// All seats are taken: it is told so in its own protocol, and goes.
    Full,
}

/// There may be as many newcomers as seats, so that everybody can come at once, and so many where seats are few.
const NEWCOMERS: usize = 64;
/// So many of those who have to go may still be on their way; while there are more, the door is closed.
const LEAVING: usize = 64;

impl Admission {
    /// For `seats` clients, of which one address may have `seats_per_address`.
    pub fn new(seats: usize, seats_per_address: usize) -> Admission {
        Admission(Arc::new(Counters { seats, seats_per_address, taken: Mutex::new(Taken::default()) }))
    }

    /// How many connections there may be at one time with so many seats, newcomers included.
    pub fn connections(seats: usize) -> usize {
        seats + seats.max(NEWCOMERS) + LEAVING
    }

    /// A place for a newcomer from `address`, or none where too many are on their way out.
    pub fn enter(&self, address: IpAddr) -> Option<Seat> {
        let mut taken = self.taken();
        let here = taken.newcomers.iter().filter(|newcomer| newcomer.address == address).count();
        let oldest = if here >= self.0.seats_per_address.max(NEWCOMERS) {
            taken.newcomers.iter().position(|newcomer| newcomer.address == address)
        } else {
            (taken.newcomers.len() >= self.0.seats.max(NEWCOMERS)).then_some(0)
        };
        if taken.stopping || (oldest.is_some() && taken.leaving >= LEAVING) {
            return None;
        }
        let oldest = oldest.and_then(|oldest| taken.newcomers.remove(oldest));
        taken.leaving += usize::from(oldest.is_some());
        taken.last += 1;
        let number = taken.last;
        taken.newcomers.push_back(Newcomer { number, address, dismiss: None });
        drop(taken);
        if let Some(dismiss) = oldest.and_then(|oldest| oldest.dismiss) {
            dismiss(Dismissal::Crowded);
        }
        Some(Seat { admission: self.clone(), address, number, is_seated: false })
    }

    /// How many clients there are.
    pub fn count(&self) -> usize {
        self.taken().seated
    }

    /// Lets nobody in any more, and tells all newcomers to go.
    pub fn stop(&self) {
        let mut taken = self.taken();
        taken.stopping = true;
        let newcomers = std::mem::take(&mut taken.newcomers);
        taken.leaving += newcomers.len();
        drop(taken);
        newcomers.into_iter().filter_map(|newcomer| newcomer.dismiss).for_each(|d| d(Dismissal::Stopping));
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // Counting does not panic between its steps.
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_seat(&self, taken: &Taken, address: IpAddr) -> bool {
        let here = taken.by_address.get(&address).copied().unwrap_or(0);
        taken.seated < self.0.seats && here < self.0.seats_per_address
    }
}

impl Seat {
    /// Says how to tell the newcomer that it has to go, which may be now.
    pub fn on_dismissal(&self, dismiss: impl FnOnce(Dismissal) + Send + 'static) {
        let mut taken = self.admission.taken();
        if let Some(newcomer) = taken.newcomers.iter_mut().find(|newcomer| newcomer.number == self.number) {
            newcomer.dismiss = Some(Box::new(dismiss));
            return;
        }
        let why = if taken.stopping { Dismissal::Stopping } else { Dismissal::Crowded };
        drop(taken);
        dismiss(why);
    }

    /// What a newcomer would get if it introduced itself now.
    pub fn outlook(&self) -> Seating {
        let taken = self.admission.taken();
        if self.admission.has_seat(&taken, self.address) { Seating::Seated } else { Seating::Full }
    }

    /// The connection has introduced itself; a seat that it got stays its own.
    pub fn take(&mut self) -> Seating {
        if self.is_seated {
            return Seating::Seated;
        }
        let mut taken = self.admission.taken();
        if !self.admission.has_seat(&taken, self.address) {
            return Seating::Full;
        }
        taken.seated += 1;
        *taken.by_address.entry(self.address).or_default() += 1;
        taken.let_go(self.number);
        drop(taken);
        self.is_seated = true;
        Seating::Seated
    }
}

impl Taken {
    /// A newcomer is none any more.
    fn let_go(&mut self, number: u64) {
        match self.newcomers.iter().position(|newcomer| newcomer.number == number) {
            Some(place) => drop(self.newcomers.remove(place)),
            None => self.leaving -= 1,
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.admission.taken();
        if !self.is_seated {
            return taken.let_go(self.number);
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

impl fmt::Debug for Newcomer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} from {}", self.number, self.address)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 1));
    const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 2));

    /// A newcomer, and what it hears.
    fn newcomer(admission: &Admission, address: IpAddr) -> (Seat, Receiver<Dismissal>) {
        let seat = admission.enter(address).expect("the door is open");
        let (tell, told) = channel();
        seat.on_dismissal(move |why| tell.send(why).expect("it listens"));
        (seat, told)
    }

    #[test]
    fn seats_are_counted_in_all_and_by_address() {
        let admission = Admission::new(3, 2);
        let mut seats: Vec<Seat> = [A, A, A, B, B].iter().filter_map(|from| admission.enter(*from)).collect();
        assert_eq!(admission.count(), 0, "nobody has introduced itself");
        let got: Vec<Seating> = seats.iter_mut().map(Seat::take).collect();
        assert_eq!(got, [Seating::Seated, Seating::Seated, Seating::Full, Seating::Seated, Seating::Full]);
        assert_eq!(
            (admission.count(), seats[0].take(), seats[2].outlook()),
            (3, Seating::Seated, Seating::Full)
        );
        seats.remove(0);
        assert_eq!(seats[1].take(), Seating::Seated, "a seat is free again");
        drop(seats);
        assert_eq!(admission.count(), 0);
        let taken = admission.taken();
        assert!(taken.by_address.is_empty() && taken.newcomers.is_empty());
    }

    #[test]
    fn the_oldest_newcomer_has_to_go() {
        let admission = Admission::new(1, 1);
        let mut there: Vec<_> = (0..NEWCOMERS).map(|_| newcomer(&admission, A)).collect();
        assert_eq!(there[1].0.take(), Seating::Seated);
        there.push(newcomer(&admission, A));
        assert!(there.iter().all(|(_, told)| told.try_recv().is_err()), "there was room for one more");
        there.push(newcomer(&admission, A));
        there.push(newcomer(&admission, B));
        let told: Vec<_> = there.iter().map(|(_, told)| told.try_recv().ok()).collect();
        let crowded = Some(Dismissal::Crowded);
        assert_eq!(told[..4], [crowded, None, crowded, None], "who has introduced itself stays");
        assert_eq!(told.iter().flatten().count(), 2);
    }

    #[test]
    fn the_door_is_closed_while_too_many_are_on_their_way_out() {
        let admission = Admission::new(1, 1);
        let mut there: Vec<Seat> = (0..NEWCOMERS + LEAVING).filter_map(|_| admission.enter(A)).collect();
        assert_eq!(there.len(), NEWCOMERS + LEAVING);
        assert!(admission.enter(A).is_none());
        there.remove(0);
        assert!(admission.enter(A).is_some());
        drop(there);
        let taken = admission.taken();
        assert_eq!((taken.leaving, taken.newcomers.len()), (0, 0));
    }

    #[test]
    fn at_a_stop_every_newcomer_is_told() {
        let admission = Admission::new(2, 2);
        let (_seat, told) = newcomer(&admission, A);
        let hesitant = admission.enter(A).expect("the door is open");
        admission.stop();
        assert_eq!(told.try_recv(), Ok(Dismissal::Stopping));
        let (tell, told) = channel();
        hesitant.on_dismissal(move |why| tell.send(why).expect("it listens"));
        assert_eq!(told.try_recv(), Ok(Dismissal::Stopping));
        assert!(admission.enter(A).is_none());
    }
}
