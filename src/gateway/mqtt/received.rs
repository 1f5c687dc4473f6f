//! Messages of QoS 2 from the client, from their PUBLISH to their PUBCOMP.

use std::collections::HashMap;

use super::kept::Progress;
use super::outgoing::Dup;
use super::session::Violation;
use crate::wire::mqtt::{PacketId, ReasonCode};

/// Those that are open.
#[derive(Debug, Default)]
pub(super) struct Received {
    /// Those that are not released.
    exchanges: HashMap<PacketId, Progress>,
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

/// So many messages may be open.  That is far more than the Receive Maximum allows, because libraries that are used
/// much do not know of it.
const MOST: usize = 4096;

impl Received {
    /// Goes on with what an earlier connection has left open.
    pub(super) fn resume(&mut self, exchanges: HashMap<PacketId, Progress>) {
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

    /// A PUBLISH of QoS 2 has come [MQTT-4.3.3-10].
    pub(super) fn exactly_once(&mut self, id: PacketId, dup: Dup) -> Result<Exchange, Violation> {
        match (self.exchanges.get(&id), dup) {
            (Some(Progress::Taken), _) => return Ok(Exchange::Taken),
            (Some(Progress::Pending), _) => return Ok(Exchange::Waiting),
            (Some(Progress::Unknown), Dup::Again) => return Ok(Exchange::Unknown),
            // It was told so, and begins another with the same identifier.
            (Some(Progress::Unknown), Dup::First) | (None, _) => {}
        }
        self.exchanges.insert(id, Progress::Pending);
        if self.exchanges.len() > MOST {
            // [MQTT-3.3.4-7]
            return Err((ReasonCode::ReceiveMaximumExceeded, "more messages of QoS 2 are open than may be"));
        }
        Ok(Exchange::New)
    }

    /// Its PUBREC is written.
    pub(super) fn recorded(&mut self, id: PacketId) {
        self.exchanges.insert(id, Progress::Taken);
    }

    /// It is done with: the next PUBLISH with this identifier is new.  Says how the PUBCOMP is to answer.
    pub(super) fn end(&mut self, id: PacketId) -> ReasonCode {
        match self.exchanges.remove(&id) {
            Some(_) => ReasonCode::Success,
            None => ReasonCode::PacketIdentifierNotFound,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u16) -> PacketId {
        PacketId::new(number).expect("not 0")
    }

    #[test]
    fn what_is_released_is_new_again() {
        let mut received = Received::default();
        assert_eq!(received.exactly_once(id(1), Dup::First), Ok(Exchange::New));
        assert_eq!(received.exactly_once(id(1), Dup::Again), Ok(Exchange::Waiting));
        received.recorded(id(1));
        assert_eq!(received.exactly_once(id(1), Dup::Again), Ok(Exchange::Taken));
        assert_eq!(received.end(id(1)), ReasonCode::Success);
        assert_eq!(received.end(id(1)), ReasonCode::PacketIdentifierNotFound);
        assert_eq!(received.exactly_once(id(1), Dup::First), Ok(Exchange::New));
    }

    #[test]
    fn what_nobody_knows_of_is_told_so_until_the_client_goes_on() {
        let (mut earlier, mut later) = (Received::default(), Received::default());
        assert_eq!(earlier.exactly_once(id(1), Dup::First), Ok(Exchange::New));
        earlier.settle(id(1), Progress::Unknown);
        later.resume(earlier.hand_back());
        for _ in 0..2 {
            assert_eq!(later.exactly_once(id(1), Dup::Again), Ok(Exchange::Unknown));
        }
        assert_eq!(later.exactly_once(id(1), Dup::First), Ok(Exchange::New));
    }

    // [MQTT-3.3.4-7]
    #[test]
    fn exchanges_that_are_never_finished_are_bounded() {
        let mut received = Received::default();
        received.resume((1..=MOST as u16).map(|number| (id(number), Progress::Taken)).collect());
        assert!(received.exactly_once(id(MOST as u16), Dup::Again).is_ok());
        assert!(received.exactly_once(id(MOST as u16 + 1), Dup::First).is_err());
    }
}
