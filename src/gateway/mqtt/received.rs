//! Messages of QoS 1 and 2 from the client, from their PUBLISH to their last acknowledgement.

use std::collections::{HashMap, HashSet};

use super::connect::WINDOW;
use super::kept::Progress;
use super::outgoing::Dup;
use super::session::Violation;
use crate::wire::mqtt::{PacketId, ReasonCode, Version};

/// Those that are open.
#[derive(Debug, Default)]
pub(super) struct Received {
    /// How many of QoS 1 wait for their PUBACK.
    pubacks: usize,
    /// Those of QoS 2 that are not released.
    exchanges: HashMap<PacketId, Progress>,
    /// Those of them that began on an earlier connection, where they counted.
    inherited: HashSet<PacketId>,
}

/// What a PUBLISH of QoS 2 is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exchange {
    /// A message that was not there before.
    New,
    /// One that was received already and still waits for its PUBREC.
    Waiting,
    /// One whose PUBREC was sent, and is to be sent again.
    Taken,
    /// One of which nobody knows what came of it, which is to be said.
    Unknown,
}

/// So many messages of QoS 2 may be open from all connections of a session together.
const MOST: usize = 32 * WINDOW as usize;

impl Received {
    /// Goes on with what an earlier connection has left open.
    pub(super) fn resume(&mut self, exchanges: HashMap<PacketId, Progress>) {
        self.inherited = exchanges.keys().copied().collect();
        self.exchanges = exchanges;
    }

    /// How far one is that was pending.
    pub(super) fn settle(&mut self, id: PacketId, progress: Progress) {
        self.exchanges.insert(id, progress);
    }

    /// What is left open when the connection ends.
    pub(super) fn hand_back(&mut self) -> HashMap<PacketId, Progress> {
        std::mem::take(&mut self.exchanges)
    }

    /// How many of them count against our Receive Maximum.  The client can't count less than that: what ends a
    /// message here was written before the client can have read it.
    pub(super) fn open(&self) -> usize {
        self.pubacks + self.exchanges.len() - self.inherited.len()
    }

    /// A PUBLISH of QoS 1 has come.
    pub(super) fn at_least_once(&mut self, version: Version) -> Result<(), Violation> {
        self.pubacks += 1;
        self.check(version)
    }

    /// Its PUBACK is written.
    pub(super) fn acknowledged(&mut self) {
        self.pubacks = self.pubacks.saturating_sub(1);
    }

    /// A PUBLISH of QoS 2 has come [MQTT-4.3.3-10].
    pub(super) fn exactly_once(
        &mut self,
        id: PacketId,
        dup: Dup,
        version: Version,
    ) -> Result<Exchange, Violation> {
        match (self.exchanges.get(&id), dup) {
            (Some(Progress::Taken), _) => return Ok(Exchange::Taken),
            (Some(Progress::Pending), _) => return Ok(Exchange::Waiting),
            (Some(Progress::Unknown), Dup::Again) => return Ok(Exchange::Unknown),
            // It was told so, and begins another with the same identifier.
            (Some(Progress::Unknown), Dup::First) | (None, _) => {}
        }
        self.inherited.remove(&id);
        self.exchanges.insert(id, Progress::Pending);
        self.check(version)?;
        Ok(Exchange::New)
    }

    /// Its PUBREC is written.
    pub(super) fn recorded(&mut self, id: PacketId) {
        self.exchanges.insert(id, Progress::Taken);
    }

    /// It is done with: the next PUBLISH with this identifier is new.  Says how the PUBCOMP is to answer.
    pub(super) fn end(&mut self, id: PacketId) -> ReasonCode {
        self.inherited.remove(&id);
        match self.exchanges.remove(&id) {
            Some(_) => ReasonCode::Success,
            None => ReasonCode::PacketIdentifierNotFound,
        }
    }

    /// [MQTT-3.3.4-7] A client of 5.0 was told how many may be open; one of 3.1.1 can't know.
    fn check(&self, version: Version) -> Result<(), Violation> {
        let too_many = self.open() > usize::from(WINDOW) || self.exchanges.len() > MOST;
        if version == Version::V5 && too_many {
            return Err((
                ReasonCode::ReceiveMaximumExceeded,
                "more messages of QoS 1 and 2 are open than may be",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u16) -> PacketId {
        PacketId::new(number).expect("not 0")
    }

    fn full() -> Received {
        let mut received = Received::default();
        for number in 1..=WINDOW {
            let taken = match number % 2 {
                0 => received.at_least_once(Version::V5),
                _ => received.exactly_once(id(number), Dup::First, Version::V5).map(drop),
            };
            assert_eq!(taken, Ok(()), "{number}");
        }
        received
    }

    // [MQTT-3.3.4-7]
    #[test]
    fn both_qualities_count_together_and_one_too_many_is_a_violation() {
        let exceeded = |taken: Result<_, Violation>| taken.map_err(|(reason, _)| reason);
        let expected = Err(ReasonCode::ReceiveMaximumExceeded);
        assert_eq!(exceeded(full().at_least_once(Version::V5)), expected);
        assert_eq!(exceeded(full().exactly_once(id(2), Dup::First, Version::V5).map(drop)), expected);
        assert_eq!(full().at_least_once(Version::V3), Ok(()));
        assert_eq!(
            full().exactly_once(id(1), Dup::First, Version::V5),
            Ok(Exchange::Waiting),
            "the same one again"
        );
    }

    #[test]
    fn every_last_acknowledgement_makes_room() {
        let mut received = full();
        received.acknowledged();
        assert_eq!(received.at_least_once(Version::V5), Ok(()));
        received.recorded(id(1));
        assert_eq!(received.open(), usize::from(WINDOW), "not yet");
        assert_eq!(received.end(id(1)), ReasonCode::Success);
        assert_eq!(received.exactly_once(id(1), Dup::First, Version::V5), Ok(Exchange::New));
    }

    #[test]
    fn what_an_earlier_connection_left_does_not_count() {
        let (mut earlier, mut later) = (full(), Received::default());
        earlier.settle(id(1), Progress::Unknown);
        later.resume(earlier.hand_back());
        assert_eq!(later.open(), 0);
        assert_eq!(later.exactly_once(id(1), Dup::Again, Version::V5), Ok(Exchange::Unknown));
        later.settle(id(1), Progress::Taken);
        assert_eq!(later.exactly_once(id(1), Dup::Again, Version::V5), Ok(Exchange::Taken));
        for number in 100..100 + WINDOW {
            assert_eq!(later.exactly_once(id(number), Dup::First, Version::V5), Ok(Exchange::New));
        }
        assert_eq!(later.end(id(1)), ReasonCode::Success);
        assert_eq!(later.open(), usize::from(WINDOW));
        assert!(later.at_least_once(Version::V5).is_err());
    }

    #[test]
    fn what_nobody_knows_of_is_told_so_until_the_client_goes_on() {
        let mut received = Received::default();
        received.resume(HashMap::from([(id(1), Progress::Unknown)]));
        for _ in 0..2 {
            assert_eq!(received.exactly_once(id(1), Dup::Again, Version::V5), Ok(Exchange::Unknown));
        }
        assert_eq!(received.exactly_once(id(1), Dup::First, Version::V5), Ok(Exchange::New));
        assert_eq!((received.open(), received.end(id(1))), (1, ReasonCode::Success));
    }

    #[test]
    fn sessions_that_are_never_finished_are_bounded() {
        let mut received = Received::default();
        received.resume((1..=MOST as u16).map(|number| (id(number), Progress::Taken)).collect());
        assert!(received.exactly_once(id(MOST as u16), Dup::First, Version::V5).is_ok());
        assert!(received.exactly_once(id(MOST as u16 + 1), Dup::First, Version::V5).is_err());
    }
}
