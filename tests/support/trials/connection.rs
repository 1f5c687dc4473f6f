//! Whole connections: packets in any order from several clients, against the broker, with every interleaving of the
//! threads that there could be.
//!
//! Two clients have sessions for ever: what was accepted for them has to arrive, and what is of QoS 2 must not arrive
//! twice, however often their connections break.  A third comes and goes as it likes, and strangers send anything.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use gpio_gatekeeper::wire::mqtt::{
    Connect, Packet, Properties, Property, Publish, QoS, ReasonCode, TopicName, Version, Will, encode,
};

use super::choices::Choices;
use super::network::{Network, Patience};
use super::players::{Happened, Life, Player};
use super::stage::{Limits, Persistence, Stage};

const TOPICS: [&str; 6] = ["t/1", "t/2", "s/1", "pi/vars/v", "pi/devices/led/set", "pi/rpc/commands"];

const ONE: QoS = QoS::AtLeastOnce;
const TWO: QoS = QoS::ExactlyOnce;

/// A message that was published.
struct Published {
    by: usize,
    qos: QoS,
    /// The durable clients whose subscription was confirmed before.
    kept_for: Vec<usize>,
    accepted: bool,
    expires: bool,
}

struct World {
    stage: Stage,
    limits: Limits,
    persistence: Persistence,
    players: [Player; 3],
    strangers: Vec<usize>,
    published: Vec<Published>,
    /// What has arrived where.
    arrived: HashSet<(usize, usize)>,
    /// How often each message of QoS 2 has arrived as a new one: at one client, or for the group at all.
    exact: HashMap<(Option<usize>, usize), usize>,
    /// The last of each topic and quality that the third client published and each of the others got.
    last: HashMap<(usize, String, u8), usize>,
}

/// The place of the client whose sessions do not last.
const FLEETING: usize = 2;

/// Does what the bytes say; panics where the gatekeeper breaks a promise.
pub fn run(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let limits = if choices.below(4) == 0 { Limits::Tight } else { Limits::Generous };
    let persistence = [Persistence::Off, Persistence::File][choices.below(2)];
    let mut world = World::new(limits, persistence);
    while choices.more() {
        world.step(&mut choices);
        world.note();
    }
    world.finish();
}

impl World {
    fn new(limits: Limits, persistence: Persistence) -> World {
        World {
            stage: Stage::new(limits, persistence),
            limits,
            persistence,
            players: [
                Player::new("a", Life::Durable, &[("t/#", TWO), ("$share/g/s/#", TWO)], 1),
                Player::new("b", Life::Durable, &[("t/1", ONE), ("t/+", TWO), ("$share/g/s/#", TWO)], 3),
                Player::new("c", Life::Fleeting, &[("+/2", TWO), ("$share/g/s/#", TWO)], 2),
            ],
            strangers: Vec::new(),
            published: Vec::new(),
            arrived: HashSet::new(),
            exact: HashMap::new(),
            last: HashMap::new(),
        }
    }

    fn step(&mut self, choices: &mut Choices<'_>) {
        let who = choices.below(3);
        let World { stage, players, strangers, .. } = self;
        let player = &mut players[who];
        match choices.below(16) {
            0..=2 => {
                if let Some(connection) = player.connection {
                    stage.turn(connection);
                }
            }
            3 | 4 => drop(stage.bus()),
            5 => drop(stage.hardware() | stage.disk()),
            6 => stage.settle(),
            7 => stage.pass(Duration::from_secs([1, 7, 31, 4000][choices.below(4)])),
            8 => match player.life {
                Life::Durable => player.connect(stage, |_| ()),
                Life::Fleeting => player.connect(stage, |connect| fleeting(connect, choices)),
            },
            9 => player.lose(stage, [Patience::Some, Patience::None][choices.below(2)]),
            10 => {
                let reason = [ReasonCode::Success, ReasonCode::DisconnectWithWillMessage][choices.below(2)];
                player.disconnect(stage, reason);
            }
            11 | 12 => self.publish(who, choices),
            13 => drop(player.read(stage)),
            14 => drop(player.answer(stage)),
            _ => match choices.below(5) {
                // Without persistence there are no promises beyond it.
                4 if self.persistence == Persistence::File => stage.crash(),
                0 if player.is_in && player.life == Life::Fleeting => player.subscribe(stage),
                0 => player.send(stage, &Packet::Pingreq),
                1 => strangers.push(stage.connect()),
                2 => {
                    if let Some(stranger) = strangers.last() {
                        stage.write(*stranger, &choices.bytes());
                        stage.turn(*stranger);
                    }
                }
                _ => {
                    if let Some(stranger) = strangers.last() {
                        stage.write(*stranger, &introduction(choices));
                        stage.turn(*stranger);
                    }
                }
            },
        }
    }

    fn publish(&mut self, who: usize, choices: &mut Choices<'_>) {
        if !self.players[who].may_publish() {
            return;
        }
        let topic = TOPICS[choices.below(TOPICS.len())];
        let qos = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][choices.below(3)];
        let (retain, expires) = (choices.below(4) == 0, choices.below(4) == 0);
        let mut properties = Properties::new();
        if expires {
            properties.push(Property::MessageExpiryInterval(5));
        }
        let number = self.published.len();
        let durable = 0..FLEETING;
        let kept_for =
            durable.filter(|p| topic.starts_with("t/") && self.players[*p].is_subscribed).collect();
        self.published.push(Published { by: who, qos, kept_for, accepted: false, expires });
        let topic = TopicName::parse(topic).ok();
        let publish =
            Publish { dup: false, qos, retain, topic, packet_id: None, properties, payload: Vec::new() };
        self.players[who].publish(&mut self.stage, number, publish);
    }

    /// Takes note of what the clients have seen.
    fn note(&mut self) {
        for who in 0..self.players.len() {
            for happened in std::mem::take(&mut self.players[who].happened) {
                match happened {
                    Happened::Accepted(number) => self.published[number].accepted = true,
                    Happened::SessionLost => {
                        let durable = self.players[who].life == Life::Durable;
                        assert!(!durable || self.limits == Limits::Tight, "the session of {who} is lost");
                    }
                    Happened::Received { number, topic, qos, retain } => {
                        self.received(who, number, topic, qos, retain)
                    }
                }
            }
        }
    }

    fn received(&mut self, who: usize, number: usize, topic: String, qos: QoS, retain: bool) {
        let first = self.arrived.insert((who, number));
        let Some(published) = self.published.get(number) else { panic!("nobody published {number}") };
        // A session that had to give way unseen has forgotten what it has sent.
        if self.limits == Limits::Tight {
            return;
        }
        // What was retained comes again with every new subscription; and who begins afresh can't know whether that
        // was heard before its connection broke.
        if retain || self.players[who].life == Life::Fleeting {
            return;
        }
        if qos == QoS::ExactlyOnce {
            let place = topic.starts_with("t/").then_some(who);
            let times = self.exact.entry((place, number)).or_default();
            *times += 1;
            assert!(*times == 1, "{number} of QoS 2 on {topic} has arrived {times} times");
        }
        // [MQTT-4.6.0-5]
        if first && published.by == FLEETING && topic.starts_with("t/") && published.qos != QoS::AtMostOnce {
            let last = self.last.insert((who, topic, published.qos as u8), number);
            assert!(last.is_none_or(|last| last < number), "{number} came after {last:?}");
        }
    }

    /// Everybody comes back and takes what there is: then nothing may be missing.
    fn finish(mut self) {
        for player in &mut self.players {
            if player.life == Life::Durable && player.connection.is_none() {
                player.connect(&mut self.stage, |_| ());
            }
        }
        for round in 0.. {
            assert!(round < 10_000, "it never comes to rest");
            self.stage.settle();
            let mut moved = false;
            for player in &mut self.players {
                moved |= player.read(&mut self.stage) | player.answer(&mut self.stage);
                // Who was too slow for tight limits comes back.
                if player.life == Life::Durable && player.connection.is_none() {
                    player.connect(&mut self.stage, |_| ());
                    moved = true;
                }
            }
            self.note();
            if !moved {
                break;
            }
        }
        for player in &self.players {
            if let Some(connection) = player.connection.filter(|_| player.is_in) {
                assert!(!self.stage.expects_answer(connection), "a request was never answered");
                assert!(player.sending.is_empty(), "a message was never acknowledged");
            }
        }
        if self.limits == Limits::Tight {
            return;
        }
        for (number, published) in self.published.iter().enumerate() {
            if published.accepted && !published.expires {
                for who in &published.kept_for {
                    assert!(
                        self.arrived.contains(&(*who, number)),
                        "{number} was accepted and never reached {who}"
                    );
                }
            }
        }
    }
}

/// Some CONNECT of the client that comes and goes.
fn fleeting(connect: &mut Connect, choices: &mut Choices<'_>) {
    connect.version = [Version::V5, Version::V5, Version::V3][choices.below(3)];
    connect.clean_start = choices.below(2) == 0;
    connect.keep_alive = [0, 5][choices.below(2)];
    // Nothing in between: of a session that ends without it a client can't know.
    let expiry = [0, u32::MAX][choices.below(2)];
    connect.properties.retain(|property| !matches!(property, Property::SessionExpiryInterval(_)));
    connect.properties.push(Property::SessionExpiryInterval(expiry));
    if choices.below(3) == 0 {
        let topic = TOPICS[choices.below(TOPICS.len())];
        let properties = match connect.version {
            Version::V5 => Properties::new().with(Property::WillDelayInterval([0, 3][choices.below(2)])),
            Version::V3 => Properties::new(),
        };
        connect.will = Some(Will {
            topic: TopicName::parse(topic).expect("valid"),
            payload: b"ON".to_vec(),
            qos: QoS::AtLeastOnce,
            retain: false,
            properties,
        });
    }
}

/// A good CONNECT of a stranger, whatever follows.
fn introduction(choices: &mut Choices<'_>) -> Vec<u8> {
    let mut connect = Connect {
        version: Version::V5,
        clean_start: true,
        keep_alive: 0,
        client_id: ["", "x", "y"][choices.below(3)].to_owned(),
        will: None,
        username: None,
        password: None,
        properties: Properties::new(),
    };
    fleeting(&mut connect, choices);
    if connect.version == Version::V3 {
        connect.properties = Properties::new();
    }
    let mut bytes = Vec::new();
    // A 3.1.1 session that is kept needs a name; then there is just nothing.
    let _ = encode(&Packet::Connect(Box::new(connect)), Version::V5, &mut bytes);
    bytes
}
