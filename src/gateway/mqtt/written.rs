//! What of a session is written down, and what of its output waits for that.

use super::kept::Progress;
use super::outgoing::Step;
use super::outlet::Hold;
use super::session::{Receipt, Request, Session};
use super::store::{Entry, SessionNumber};
use crate::wire::mqtt::{Packet, PacketId};

impl Session {
    /// What this turn has to write down, and whether its output waits for that.
    pub(super) fn end_turn(&mut self) -> (Vec<Entry>, Hold) {
        for step in self.outgoing.steps() {
            match step {
                Step::Sent(message, id) => self.write_down(|number| Entry::Sent(number, message, id)),
                Step::Received(message, id) => self.write_down(|number| Entry::Received(number, message, id)),
                // To send it once more does no harm: the client knows the identifier.
                Step::Done(message) => {
                    self.entries.extend(self.number.map(|number| Entry::Done(number, message)));
                }
            }
        }
        (std::mem::take(&mut self.entries), std::mem::replace(&mut self.hold, Hold::No))
    }

    /// Writes down that a command of QoS 2 has been carried out, so that it is not carried out again.
    pub(super) fn note_command(&mut self, answer: &Packet) {
        let Packet::Pubrec(pubrec) = answer else { return };
        if !pubrec.reason.is_error() {
            self.write_down(|number| Entry::Incoming(number, pubrec.packet_id, Progress::Taken));
        }
    }

    /// What is written in this turn says something that must be on the disk before.
    pub(super) fn write_down(&mut self, entry: impl FnOnce(SessionNumber) -> Entry) {
        if let Some(number) = self.number {
            self.entries.push(entry(number));
            self.hold = Hold::Until;
        }
    }

    /// The bus has written something down for this session that its answer speaks of.
    pub(super) fn wait_for_the_disk(&mut self) {
        if self.number.is_some() {
            self.hold = Hold::Until;
        }
    }

    /// The connection is over, and nobody waits for anything.
    pub(super) fn write_down_the_rest(&mut self) {
        let commands: Vec<PacketId> = self.requests.requests().filter_map(Request::command).collect();
        for id in commands {
            self.write_down(|number| Entry::Incoming(number, id, Progress::Unknown));
        }
        let (entries, _) = self.end_turn();
        if !entries.is_empty() {
            self.shared.journal.post(entries, None);
        }
    }
}

impl Request {
    /// The identifier of a command of QoS 2.
    fn command(&self) -> Option<PacketId> {
        match self {
            Request::Command(Receipt::Pubrec(id), _) => Some(*id),
            _ => None,
        }
    }
}
