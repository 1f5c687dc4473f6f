//! The clients of the soak, each a thread.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use gpio_gatekeeper::wire::mqtt::{Properties, Publish, QoS, ReasonCode, TopicName};

use super::accounts::Accounts;
use super::random::Random;
use super::support::clients::LineClient;
use super::tcp::Tcp;
use super::trials::network::Patience;
use super::trials::players::{Life, Player};

/// What all of them need to know.
#[derive(Clone)]
pub struct Plan {
    mqtt: SocketAddr,
    line: SocketAddr,
    accounts: Arc<Accounts>,
    phase: Arc<AtomicUsize>,
    subscribed: Arc<AtomicUsize>,
}

/// The threads.
pub struct Running {
    plan: Plan,
    publishers: Vec<JoinHandle<()>>,
    readers: Vec<JoinHandle<()>>,
    others: Vec<JoinHandle<()>>,
}

type Filters = &'static [(&'static str, QoS)];

/// Their names as in the accounts, what they subscribe to, and how much they take at once.
const READERS: [(&str, &str, Filters, u16); 5] = [
    ("reader-1", "reader-1", &[("soak/#", QoS::ExactlyOnce)], 20),
    ("reader-2", "reader-2", &[("soak/#", QoS::ExactlyOnce), ("soak/+/x", QoS::AtLeastOnce)], 200),
    ("reader-3", "reader-3", &[("soak/#", QoS::AtLeastOnce)], 50),
    ("group", "member-1", &[("$share/group/soak/#", QoS::ExactlyOnce)], 20),
    ("group", "member-2", &[("$share/group/soak/#", QoS::ExactlyOnce)], 20),
];
const PUBLISHERS: [&str; 4] = ["publisher-1", "publisher-2", "publisher-3", "publisher-4"];

/// The phases: clients come and go; nothing new is published and everybody stays; the end.
const BUSY: usize = 0;
const STAYING: usize = 1;
const OVER: usize = 2;

impl Plan {
    pub fn new(mqtt: SocketAddr, line: SocketAddr, accounts: Arc<Accounts>) -> Plan {
        Plan { mqtt, line, accounts, phase: Arc::default(), subscribed: Arc::default() }
    }

    fn phase(&self) -> usize {
        self.phase.load(Ordering::Relaxed)
    }
}

/// Starts them; the publishers when every reader has subscribed.
pub fn start(plan: &Plan) -> Running {
    let readers = READERS.iter().zip(100..).map(|((reader, name, filters, window), seed)| {
        let player = Player::new(name, Life::Durable, filters, *window);
        let plan = plan.clone();
        std::thread::spawn(move || read(&plan, player, reader, Random::new(seed)))
    });
    let readers: Vec<_> = readers.collect();
    while plan.subscribed.load(Ordering::Relaxed) < READERS.len() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let publishers = PUBLISHERS.iter().zip(200..).map(|(name, seed)| {
        let player = Player::new(name, Life::Durable, &[("own/nothing", QoS::AtMostOnce)], 10);
        let plan = plan.clone();
        std::thread::spawn(move || publish(&plan, player, Random::new(seed)))
    });
    let publishers = publishers.collect();
    let (commander, stranger) = (plan.clone(), plan.clone());
    let others = vec![
        std::thread::spawn(move || command(&commander)),
        std::thread::spawn(move || bother(&stranger, Random::new(300))),
    ];
    Running { plan: plan.clone(), publishers, readers, others }
}

impl Running {
    /// Nothing new is published; everybody comes back, and stays until everything has arrived.
    pub fn come_to_an_end(self) {
        self.plan.phase.store(STAYING, Ordering::Relaxed);
        let join = |thread: JoinHandle<()>| thread.join().expect("the client found nothing wrong");
        self.publishers.into_iter().for_each(join);
        let mut arrived = self.plan.accounts.arrived();
        loop {
            std::thread::sleep(Duration::from_secs(3));
            let now = self.plan.accounts.arrived();
            if std::mem::replace(&mut arrived, now) == now {
                break;
            }
        }
        self.plan.phase.store(OVER, Ordering::Relaxed);
        self.readers.into_iter().chain(self.others).for_each(join);
    }
}

fn read(plan: &Plan, mut player: Player, reader: &'static str, mut random: Random) {
    let mut network = Tcp::new(plan.mqtt);
    let mut counted = false;
    while plan.phase() != OVER {
        if player.connection.is_none() {
            player.connect(&mut network, |_| ());
            plan.accounts.connected();
        }
        let until = Instant::now() + random.milliseconds(3000);
        let lazy = random.below(3) == 0;
        while player.connection.is_some() && plan.phase() != OVER {
            player.read(&mut network);
            plan.accounts.enter(reader, std::mem::take(&mut player.happened));
            if player.is_subscribed && !std::mem::replace(&mut counted, true) {
                plan.subscribed.fetch_add(1, Ordering::Relaxed);
            }
            let over = Instant::now() >= until && plan.phase() == BUSY && counted;
            if over {
                break;
            }
            // What is read last may stay unanswered.
            if !lazy || random.below(20) == 0 || plan.phase() != BUSY {
                player.answer(&mut network);
            }
        }
        if plan.phase() == BUSY {
            vanish(&mut player, &mut network, &mut random);
            std::thread::sleep(random.milliseconds(1000));
        }
    }
}

/// However a connection can end; and sometimes the next one comes before.
fn vanish(player: &mut Player, network: &mut Tcp, random: &mut Random) {
    match random.below(4) {
        0 => player.disconnect(network, ReasonCode::Success),
        1 => player.lose(network, Patience::Some),
        2 => player.lose(network, Patience::None),
        _ => player.connect(network, |_| ()),
    }
}

fn publish(plan: &Plan, mut player: Player, mut random: Random) {
    let mut network = Tcp::new(plan.mqtt);
    // At the end everything has to be acknowledged.
    while plan.phase() == BUSY || !player.sending.is_empty() {
        if player.connection.is_none() {
            player.connect(&mut network, |_| ());
            plan.accounts.connected();
        }
        let until = Instant::now() + random.milliseconds(2000);
        while player.connection.is_some() && (plan.phase() == BUSY || !player.sending.is_empty()) {
            for _ in 0..random.below(4) {
                if player.may_publish() && plan.phase() == BUSY {
                    publish_one(plan, &mut player, &mut network, &mut random);
                }
            }
            player.read(&mut network);
            player.answer(&mut network);
            plan.accounts.enter("publisher", std::mem::take(&mut player.happened));
            if Instant::now() >= until && plan.phase() == BUSY {
                vanish(&mut player, &mut network, &mut random);
            }
        }
    }
    player.disconnect(&mut network, ReasonCode::Success);
}

fn publish_one(plan: &Plan, player: &mut Player, network: &mut Tcp, random: &mut Random) {
    let qos = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][random.below(3) as usize];
    let topic = TopicName::parse(["soak/1", "soak/2", "soak/3/x", "soak/4"][random.below(4) as usize]).ok();
    let retain = random.below(10) == 0;
    let (properties, payload) = (Properties::new(), Vec::new());
    let publish = Publish { dup: false, qos, retain, topic, packet_id: None, properties, payload };
    player.publish(network, plan.accounts.number(qos), publish);
}

/// Switches a device again and again, and takes the time.
fn command(plan: &Plan) {
    let mut client = LineClient::connect(plan.line);
    while plan.phase() == BUSY {
        let began = Instant::now();
        let reply = client.ask("|START|COMMAND=SET|DEVICE=led|VALUE=1|END|");
        assert!(reply.contains("REPLY=OK"), "{reply}");
        plan.accounts.command_took(began.elapsed());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Sends half packets, nonsense and nothing, to both ports.
fn bother(plan: &Plan, mut random: Random) {
    while plan.phase() == BUSY {
        let address = if random.below(2) == 0 { plan.mqtt } else { plan.line };
        if let Ok(mut stream) = TcpStream::connect(address) {
            let bytes: Vec<u8> = (0..random.below(200)).map(|_| random.below(256) as u8).collect();
            // Whether it is read, or answered, is the daemon's business.
            let _ = stream.write_all(&bytes);
            if random.below(2) == 0 {
                let _ = stream.set_read_timeout(Some(Duration::from_millis(20)));
                let _ = stream.read(&mut [0; 100]);
            }
        }
        std::thread::sleep(random.milliseconds(50));
    }
}
