//! What one client takes: its version, its largest packet, and whether it wants to be told reasons in words.

use log::error;

use crate::wire::mqtt::{Packet, Properties, Property, Version, encode};

/// How to write to one client.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reception {
    pub(super) version: Version,
    /// Its Maximum Packet Size in bytes.
    pub(super) maximum_packet: usize,
    words: Words,
}

/// In which packets it wants reasons in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Words {
    Everywhere,
    /// Request Problem Information was 0.
    Necessary,
}

/// A packet has more bytes than the client takes, and was not written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLarge;

impl Reception {
    /// As a CONNECT with these properties asks for.
    pub(super) fn of(version: Version, connect: &Properties) -> Reception {
        let maximum_packet = connect.maximum_packet_size().map_or(usize::MAX, |size| size.get() as usize);
        let words = if connect.request_problem_information() { Words::Everywhere } else { Words::Necessary };
        Reception { version, maximum_packet, words }
    }

    /// From now on nobody is there to take what is written, and nothing is too large.
    pub(super) fn unheard(&mut self) {
        self.maximum_packet = usize::MAX;
    }

    /// Writes an answer.  What stands in it for people alone is left out where the client does not want it
    /// [MQTT-3.1.2-29], and where it would make the packet too large: [MQTT-3.2.2-19] [MQTT-3.4.2-2] [MQTT-3.5.2-2]
    /// [MQTT-3.14.2-3].  A packet that is too large all the same is not sent [MQTT-3.1.2-24].
    pub(super) fn write(&self, mut packet: Packet, out: &mut Vec<u8>) -> Result<(), TooLarge> {
        let always = matches!(packet, Packet::Publish(_) | Packet::Connack(_) | Packet::Disconnect(_));
        if self.words == Words::Necessary && !always {
            leave_words_out(&mut packet);
        }
        let start = out.len();
        if !self.fits(&packet, out) {
            out.truncate(start);
            leave_words_out(&mut packet);
            if !self.fits(&packet, out) {
                out.truncate(start);
                return Err(TooLarge);
            }
        }
        Ok(())
    }

    fn fits(&self, packet: &Packet, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        if let Err(malformed) = encode(packet, self.version, out) {
            error!("a packet of our own can't be written: {malformed}");
        }
        out.len() - start <= self.maximum_packet
    }
}

fn leave_words_out(packet: &mut Packet) {
    let properties = match packet {
        Packet::Connack(connack) => &mut connack.properties,
        Packet::Puback(acknowledge) | Packet::Pubrec(acknowledge) => &mut acknowledge.properties,
        Packet::Disconnect(disconnect) => &mut disconnect.properties,
        // The others never have any.
        _ => return,
    };
    // Response Information is an offer, too, which a client finds in the documentation as well.
    properties
        .retain(|property| !matches!(property, Property::ReasonString(_) | Property::ResponseInformation(_)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::mqtt::{Acknowledge, Connack, Disconnect, PacketId, ReasonCode};

    fn puback(words: &str) -> Packet {
        let properties = Properties::new().with(Property::ReasonString(words.to_owned()));
        let reason = ReasonCode::NotAuthorized;
        Packet::Puback(Acknowledge { packet_id: PacketId::MIN, reason, properties })
    }

    fn written(packet: Packet, maximum_packet: usize, words: Words) -> Option<usize> {
        let mut out = vec![0];
        let reception = Reception { version: Version::V5, maximum_packet, words };
        let result = reception.write(packet, &mut out);
        assert_eq!(result.is_err(), out.len() == 1);
        result.ok().map(|()| out.len() - 1)
    }

    // [MQTT-3.1.2-24] [MQTT-3.4.2-2]
    #[test]
    fn words_are_left_out_before_a_packet_is_too_large() {
        assert_eq!(written(puback("why"), 12, Words::Everywhere), Some(12));
        assert_eq!(written(puback("why"), 11, Words::Everywhere), Some(5));
        assert_eq!(written(puback("why"), 5, Words::Everywhere), Some(5));
        assert_eq!(written(puback("why"), 4, Words::Everywhere), None);
    }

    // [MQTT-3.1.2-29] [MQTT-3.2.2-19] [MQTT-3.14.2-3]
    #[test]
    fn words_that_are_not_wanted_stand_only_where_they_are_needed() {
        assert_eq!(written(puback("why"), 100, Words::Necessary), Some(5));
        let properties = Properties::new().with(Property::ReasonString("why".to_owned()));
        let reason = ReasonCode::NotAuthorized;
        let connack = Connack { session_present: false, reason, properties: properties.clone() };
        assert_eq!(written(Packet::Connack(connack.clone()), 100, Words::Necessary), Some(11));
        assert_eq!(written(Packet::Connack(connack), 10, Words::Necessary), Some(5));
        let disconnect = Packet::Disconnect(Disconnect { reason, properties });
        assert_eq!(written(disconnect.clone(), 100, Words::Necessary), Some(10));
        assert_eq!(written(disconnect, 9, Words::Everywhere), Some(3));
    }
}
