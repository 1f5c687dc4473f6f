//! One MQTT client's conversation: which packets may come when, and how it ends.

use std::sync::Arc;
use std::time::{Duration, Instant};

use log::debug;

use super::connect::{self, Introduction, Refused};
use super::kept::Expiry;
use super::outlet::{Course, Hold, Outlet};
use super::reasons;
use super::reception::{Reception, TooLarge};
use super::session::Session;
use crate::auth::Admitted;
use crate::control::Now;
use crate::domain::{Account, Code, Protocol, Refusal};
use crate::gateway::{Conversation, Delivery, Lifetime, Note, Outbox, Shared};
use crate::net::{Peer, Seat};
use crate::wire::mqtt::{
    Census, Connack, Connect, Disconnect, Frame, Malformed, Packet, PacketType, Properties, Property,
    ReasonCode, Split, Version, census, decode, dialect, split,
};

/// What the configuration says about MQTT connections.
#[derive(Debug, Clone)]
pub struct MqttSettings {
    /// How long a connection may be there without a CONNECT.
    pub connect_time: Duration,
    /// The largest packet that is accepted, in bytes.
    pub maximum_packet: usize,
    /// Whether it comes in WebSockets.
    pub protocol: Protocol,
}

/// One client's conversation.
pub struct MqttConversation {
    pub(super) shared: Shared,
    pub(super) settings: MqttSettings,
    pub(super) outbox: Arc<Outbox>,
    pub(super) peer: Peer,
    pub(super) number: u64,
    opened: Instant,
    phase: Phase,
    /// The next packet is a request, and has to wait until another is answered.
    blocked: bool,
    out: Outlet,
    /// Until what it has signed in with is good no more.
    lifetime: Option<Lifetime>,
    /// Given back last, when the session has left the bus.
    pub(super) seat: Seat,
}

enum Phase {
    /// Before its CONNECT.
    New,
    /// Its credentials are looked at.
    Waiting(Box<Introduced>),
    /// It is a member, or about to be one.
    Open(Box<Session>),
    /// Nothing more is read, and the outcomes of its commands are still awaited.
    Leaving(Box<Session>),
    /// Nothing is left to be said.
    Over,
}

/// A client whose credentials are looked at.
struct Introduced {
    connect: Connect,
    reception: Reception,
    /// Somebody waits for the verdict, as long as this is there.
    _awaited: Arc<()>,
}

impl MqttConversation {
    /// A conversation with a client that has just connected from `peer`.
    pub fn new(
        shared: Shared,
        settings: MqttSettings,
        outbox: Arc<Outbox>,
        peer: impl Into<Peer>,
        number: u64,
        seat: Seat,
        now: Instant,
    ) -> MqttConversation {
        MqttConversation {
            shared,
            settings,
            outbox,
            peer: peer.into(),
            number,
            opened: now,
            phase: Phase::New,
            blocked: false,
            out: Outlet::default(),
            lifetime: None,
            seat,
        }
    }

    fn frame(&mut self, frame: &Frame<'_>, now: Instant) {
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::New => self.first(frame, now),
            Phase::Open(mut session) => {
                session.heard(now);
                if frame.packet_type() == PacketType::Connect {
                    // [MQTT-3.1.0-2] Whatever is in it.
                    return self.end(session, ReasonCode::ProtocolError, "a second CONNECT");
                }
                match decode(frame, session.version()) {
                    Ok(packet) => self.packet(packet, session, now),
                    Err(malformed) => self.end(session, malformed.reason, malformed.what),
                }
            }
            // What comes after a goodbye is not for anybody [MQTT-3.14.4-1].
            phase @ (Phase::Waiting(_) | Phase::Leaving(_) | Phase::Over) => self.phase = phase,
        }
    }

    /// [MQTT-3.1.0-1] The first packet is a CONNECT; another one gets no answer, for who sent it speaks no MQTT.
    fn first(&mut self, frame: &Frame<'_>, now: Instant) {
        if frame.packet_type() != PacketType::Connect {
            debug!("{}: the first packet is no CONNECT", self.peer);
            return;
        }
        let connect = match decode(frame, Version::V5) {
            Ok(Packet::Connect(connect)) => connect,
            Ok(_) => return,
            // [MQTT-3.1.4-1]
            Err(Malformed { reason, what }) => {
                let reception = Reception::of(dialect(frame), &Properties::new());
                return self.refuse(reception, Refused { reason, message: what.into() });
            }
        };
        let reception = Reception::of(connect.version, &connect.properties);
        match connect::introduce(self, &connect) {
            Introduction::As(account) => self.open(*connect, reception, account, now),
            Introduction::Refused(refused) => self.refuse(reception, refused),
            Introduction::Waits(awaited) => {
                let introduced = Introduced { connect: *connect, reception, _awaited: awaited };
                self.phase = Phase::Waiting(Box::new(introduced));
            }
        }
    }

    /// It is known who the client is.
    fn open(&mut self, connect: Connect, reception: Reception, account: Arc<Account>, now: Instant) {
        match connect::open(self, connect, reception, account, now) {
            Ok(session) => {
                if session.is_kept() && self.shared.journal.is_on() {
                    self.out.set_course(Course::Kept);
                }
                self.phase = Phase::Open(session);
            }
            Err(refused) => self.refuse(reception, refused),
        }
    }

    /// Says why the client is not taken; what it sends after that is not read [MQTT-3.1.4-6] [MQTT-3.2.2-7].
    fn refuse(&mut self, reception: Reception, Refused { reason, message }: Refused) {
        debug!("{}: CONNECT refused: {message}", self.peer);
        self.shared.counters.refused.add(1);
        let wrong = [ReasonCode::MalformedPacket, ReasonCode::ProtocolError, ReasonCode::TopicNameInvalid];
        if reception.version == Version::V3 && wrong.contains(&reason) {
            // [3.1.1: MQTT-3.2.2-6] It has no return code for a client that does not speak it well.
            return;
        }
        let properties = Properties::new().with(Property::ReasonString(message.into_owned()));
        self.write(Packet::Connack(Connack { session_present: false, reason, properties }), reception);
    }

    fn packet(&mut self, packet: Packet, mut session: Box<Session>, now: Instant) {
        let done = match packet {
            Packet::Publish(publish) => session.publish(publish, now, self.out.writer()),
            Packet::Subscribe(subscribe) => {
                session.subscribe(subscribe);
                Ok(())
            }
            Packet::Unsubscribe(unsubscribe) => {
                session.unsubscribe(unsubscribe);
                Ok(())
            }
            Packet::Puback(acknowledge) => {
                session.acknowledged(acknowledge.packet_id, now, self.out.writer());
                Ok(())
            }
            Packet::Pubrec(acknowledge) => session.pubrec(&acknowledge, self.out.writer()),
            Packet::Pubrel(acknowledge) => session.pubrel(&acknowledge, self.out.writer()),
            Packet::Pubcomp(acknowledge) => {
                session.completed(acknowledge.packet_id, now, self.out.writer());
                Ok(())
            }
            Packet::Pingreq => {
                self.write(Packet::Pingresp, session.reception); // [MQTT-3.12.4-1]
                Ok(())
            }
            Packet::Disconnect(disconnect) => {
                let expiry = disconnect.properties.session_expiry().map(Expiry::from_seconds);
                if expiry.is_some_and(|expiry| !session.set_expiry(expiry)) {
                    return self.end(session, ReasonCode::ProtocolError, "session expiry was 0 and stays so");
                }
                if disconnect.reason == ReasonCode::Success {
                    session.forget_will(); // [MQTT-3.14.4-3]
                }
                session.membership.part("DISCONNECT");
                return self.leave(session);
            }
            // [MQTT-4.12.0-7]
            Packet::Auth(_) => Err((ReasonCode::ProtocolError, "no authentication method was agreed on")),
            // A CONNECT was dealt with before.
            Packet::Connect(_)
            | Packet::Connack(_)
            | Packet::Suback(_)
            | Packet::Unsuback(_)
            | Packet::Pingresp => Err((ReasonCode::ProtocolError, "only a server sends such a packet")),
        };
        match done {
            Ok(()) => self.phase = Phase::Open(session),
            Err((reason, what)) => self.end(session, reason, what),
        }
    }

    /// Ends the connection because of what the client did [MQTT-4.13.1-1] [MQTT-4.13.2-1]: it is told, and its will is
    /// published.  The connection closes at once; what it asked for before is still done, but answered to nobody.
    fn end(&mut self, mut session: Box<Session>, reason: ReasonCode, what: &'static str) {
        debug!("{}: {} is disconnected: {reason}: {what}", self.peer, session.client());
        self.say_disconnect(&session, reason, what);
        session.membership.part(reason.to_string());
        session.orders.hand_over();
        self.phase = Phase::Over;
    }

    /// The last that is said [MQTT-3.14.4-1..2], and never with another Session Expiry Interval [MQTT-3.14.2-2].
    fn say_disconnect(&mut self, session: &Session, reason: ReasonCode, what: &str) {
        // 3.1.1 has no such packet from a server.
        if session.version() == Version::V5 {
            let properties = Properties::new().with(Property::ReasonString(what.to_owned()));
            self.write(Packet::Disconnect(Disconnect { reason, properties }), session.reception);
        }
    }

    fn leave(&mut self, mut session: Box<Session>) {
        session.orders.end();
        session.reception.unheard();
        self.phase = if session.awaits_outcome() { Phase::Leaving(session) } else { Phase::Over };
    }

    /// Whether as many requests wait as may.
    fn is_full(&self) -> bool {
        matches!(&self.phase, Phase::Open(session) if session.is_full())
    }

    /// What a client can't even take is left unsaid.
    fn write(&mut self, packet: Packet, reception: Reception) {
        if let Err(TooLarge) = reception.write(packet, self.out.writer()) {
            debug!("{}: it takes no packet as small as {} bytes", self.peer, reception.maximum_packet);
        }
    }
}

/// Whether it asks for something that is answered by others.
fn is_request(frame: &Frame<'_>) -> bool {
    matches!(frame.packet_type(), PacketType::Publish | PacketType::Subscribe | PacketType::Unsubscribe)
}

impl Conversation for MqttConversation {
    fn receive(&mut self, bytes: &[u8], now: Instant) -> usize {
        let (mut taken, mut packets, mut publishes) = (0, 0, 0);
        self.blocked = false;
        while self.can_receive() {
            match split(&bytes[taken..], self.settings.maximum_packet) {
                Ok(Split::NeedMore) => break,
                // It waits, while what else the client has to say is heard before it [MQTT-4.9.0-3].
                Ok(Split::Packet { frame, .. }) if self.is_full() && is_request(&frame) => {
                    self.blocked = true;
                }
                Ok(Split::Packet { frame, length }) => {
                    taken += length;
                    packets += 1;
                    publishes += u64::from(frame.packet_type() == PacketType::Publish);
                    self.frame(&frame, now);
                }
                Err(malformed) => {
                    // Where one packet can't be told from the next, nothing more can be read.
                    taken = bytes.len();
                    match std::mem::replace(&mut self.phase, Phase::Over) {
                        Phase::Open(session) => self.end(session, malformed.reason, malformed.what),
                        Phase::Leaving(session) => self.phase = Phase::Leaving(session),
                        Phase::New | Phase::Waiting(_) | Phase::Over => {
                            debug!("{}: no MQTT: {malformed}", self.peer)
                        }
                    }
                }
            }
        }
        if let Phase::Open(session) | Phase::Leaving(session) = &mut self.phase {
            session.orders.hand_over();
        }
        if packets > 0 {
            let traffic = self.shared.counters.of(self.settings.protocol);
            traffic.frames_received.add(packets);
            traffic.publishes_received.add(publishes);
        }
        if matches!(self.phase, Phase::Leaving(_) | Phase::Over) { bytes.len() } else { taken }
    }

    fn can_receive(&self) -> bool {
        match &self.phase {
            Phase::New => true,
            Phase::Open(session) => {
                let waits = session.is_joining() || self.blocked && session.is_full();
                !waits && !self.out.is_full()
            }
            Phase::Waiting(_) | Phase::Leaving(_) | Phase::Over => false,
        }
    }

    fn expects_answer(&self) -> bool {
        match &self.phase {
            Phase::Open(session) => !session.is_idle() || !self.out.is_free(),
            Phase::Leaving(session) => session.awaits_outcome() || !self.out.is_free(),
            // That may take a while, and whoever waits for it may go away.
            Phase::New | Phase::Waiting(_) | Phase::Over => !self.out.is_free(),
        }
    }

    fn end_of_input(&mut self, _rest: &[u8], _now: Instant) {
        // No goodbye was said, so the will is published [MQTT-3.1.2-8].
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Open(session) => self.leave(session),
            Phase::Leaving(session) => self.phase = Phase::Leaving(session),
            Phase::New | Phase::Waiting(_) | Phase::Over => {}
        }
    }

    fn note(&mut self, note: Note, now: Instant) {
        if let Note::Durable(post) = note {
            return self.out.release(post);
        }
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Open(mut session) => match session.note(note, now, self.out.writer()) {
                Ok(()) => self.phase = Phase::Open(session),
                Err((reason, what)) => self.end(session, reason, what),
            },
            Phase::Leaving(mut session) => {
                // Nobody is there to take what is written.
                let _ = session.note(note, now, &mut Vec::new());
                self.leave(session);
            }
            Phase::Waiting(introduced) => {
                let Introduced { connect, reception, .. } = *introduced;
                let Note::Verdict(_, verdict) = note else { return };
                match self.shared.entrance.admit(verdict) {
                    Ok(Admitted { account, expires }) => {
                        let clock = Now::at(now);
                        self.lifetime = expires.map(|expires| Lifetime::new(expires, clock));
                        self.open(connect, reception, account, now);
                    }
                    Err(rejected) => self.refuse(reception, connect::rejected(self, &connect, rejected)),
                }
            }
            phase @ (Phase::New | Phase::Over) => self.phase = phase,
        }
    }

    fn room(&self) -> usize {
        match &self.phase {
            Phase::Open(_) if self.out.is_full() => 0,
            Phase::Open(session) => session.room(),
            // They stay where they are, for the session's next connection.
            _ => 0,
        }
    }

    fn deliver(&mut self, delivery: Delivery, now: Instant) {
        if let Phase::Open(session) = &mut self.phase {
            session.deliver(&delivery, now, self.out.writer());
        }
    }

    fn close(&mut self, why: Refusal, _now: Instant) {
        let phase = std::mem::replace(&mut self.phase, Phase::Over);
        if let Phase::Waiting(introduced) = &phase {
            let refused = Refused { reason: ReasonCode::ServerUnavailable, message: why.message.clone() };
            self.refuse(introduced.reception, refused);
        }
        // What it asked for is still awaited, because its session may go on elsewhere.
        if let Phase::Open(mut session) = phase {
            session.membership.part(why.code.as_str());
            if why.code != Code::Stopping {
                debug!("{}: {} is closed: {why}", self.peer, session.client());
            }
            if session.is_joining() {
                // [MQTT-3.14.0-1] No DISCONNECT comes before a CONNACK.
                let reason = match why.code {
                    Code::AccessDenied => ReasonCode::NotAuthorized,
                    _ => ReasonCode::ServerUnavailable,
                };
                let refused = Refused { reason, message: why.message };
                self.refuse(session.reception, refused);
            } else {
                self.say_disconnect(&session, reasons::of_closing(why.code), &why.message);
                self.leave(session);
            }
        }
    }

    fn tick(&mut self, now: Instant) {
        let has_expired = self.lifetime.as_mut().is_some_and(|lifetime| lifetime.is_over(now));
        if has_expired && matches!(self.phase, Phase::Open(_)) {
            return self.close(Refusal::expired(), now);
        }
        let can_receive = self.can_receive();
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::New | Phase::Waiting(_) if now >= self.opened + self.settings.connect_time => {
                debug!("{}: no good CONNECT in time", self.peer);
            }
            // Nothing is read from a client while so much of what it asked for waits.
            Phase::Open(mut session) if !can_receive => {
                session.heard(now);
                self.phase = Phase::Open(session);
            }
            // [MQTT-3.1.2-22] Nothing was heard for one and a half times the keep alive.
            Phase::Open(session) if session.silent_until().is_some_and(|until| until <= now) => {
                self.end(
                    session,
                    ReasonCode::KeepAliveTimeout,
                    "nothing was heard in the time of the keep alive",
                );
            }
            phase => self.phase = phase,
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match &self.phase {
            Phase::New | Phase::Waiting(_) => Some(self.opened + self.settings.connect_time),
            Phase::Open(session) => {
                let expires = self.lifetime.map(|lifetime| lifetime.due());
                [session.silent_until(), expires].into_iter().flatten().min()
            }
            Phase::Leaving(_) | Phase::Over => None,
        }
    }

    fn end_turn(&mut self) {
        let (entries, hold) = match &mut self.phase {
            Phase::Open(session) | Phase::Leaving(session) => session.end_turn(),
            // What the session had to say last was posted when it went.
            Phase::Over if self.out.has_fresh() => (Vec::new(), Hold::Until),
            Phase::New | Phase::Waiting(_) | Phase::Over => (Vec::new(), Hold::No),
        };
        self.out.end_turn(entries, hold, &self.shared.journal, &self.outbox);
    }

    fn output(&mut self) -> &mut Vec<u8> {
        self.out.ready()
    }

    fn count_output(&mut self, counted: usize) -> Census {
        census(&self.out.leaving()[counted..])
    }

    fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over) && self.out.is_free()
    }
}
