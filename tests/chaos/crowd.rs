//! All the clients, each a thread with its own chance.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use gpio_gatekeeper::wire::mqtt::QoS;

use super::books::{Book, Numbers};
use super::disturber::{self, Victims};
use super::house::Addresses;
use super::mqtt::{Link, publication};
use super::outsider::{self, Library};
use super::support::mqtt::connect;
use super::tempo::Tempo;
use super::{boss, commander, exact, holder, reader, requester};

const COMMANDERS: usize = 3;
const REQUESTERS: usize = 2;
const EXACTS: usize = 2;
/// How long the leases of each holder last without a sign of life, in milliseconds.
const HOLDERS: [u64; 6] = [100, 100, 150, 200, 400, 800];
/// What each library for another language is used for, and how long its leases last, in milliseconds.
const OUTSIDERS: [(&str, u64); 2] = [("commander", 0), ("holder", 500)];

/// The clients that are there.
pub struct Crowd {
    addresses: Addresses,
    clients: Vec<Client>,
    reader: Client,
    seed: u64,
    broken: (Sender<()>, Receiver<()>),
}

struct Client {
    thread: JoinHandle<Book>,
    /// All is over when this is dropped.
    over: Sender<()>,
}

/// Tells when the thread of a client panics.
struct Alarm(Sender<()>);

impl Drop for Alarm {
    fn drop(&mut self) {
        if thread::panicking() {
            let _ = self.0.send(());
        }
    }
}

impl Crowd {
    /// Lets everybody begin.
    pub fn gather(addresses: Addresses, libraries: &[Library], seed: u64) -> Crowd {
        let broken = channel();
        let numbers = Numbers::default();
        reader::subscribe(addresses, "reader");
        let reader =
            client("reader", seed, &broken.0, move |name, tempo| reader::run(addresses, name, tempo));
        let mut crowd = Crowd { addresses, clients: Vec::new(), reader, seed, broken };
        let mut victims = Victims { fleeting: Vec::new(), durable: vec!["reader".to_owned()] };
        for number in 0..COMMANDERS {
            let (name, numbers) = (format!("commander-{number}"), numbers.clone());
            victims.fleeting.push(name.clone());
            crowd.enter(&name, move |name, tempo| commander::run(addresses, name, &numbers, tempo));
        }
        for (number, ttl) in HOLDERS.into_iter().enumerate() {
            let (name, numbers) = (format!("holder-{number}"), numbers.clone());
            victims.fleeting.push(name.clone());
            let ttl = Duration::from_millis(ttl);
            crowd.enter(&name, move |name, tempo| holder::run(addresses, name, ttl, &numbers, tempo));
        }
        for number in 0..REQUESTERS {
            let (name, numbers) = (format!("requester-{number}"), numbers.clone());
            victims.fleeting.push(name.clone());
            crowd.enter(&name, move |name, tempo| requester::run(addresses, name, &numbers, tempo));
        }
        for number in 0..EXACTS {
            let (name, numbers) = (format!("exact-{number}"), numbers.clone());
            victims.durable.push(name.clone());
            crowd.enter(&name, move |name, tempo| exact::run(addresses, name, &numbers, tempo));
        }
        for library in libraries {
            for (role, ttl) in OUTSIDERS {
                let (name, numbers) = (format!("{}-{role}", library.name), numbers.clone());
                let (library, ttl) = (library.clone(), Duration::from_millis(ttl));
                crowd.enter(&name, move |name, tempo| {
                    outsider::run(&library, addresses, name, ttl, &numbers, tempo)
                });
            }
        }
        crowd.enter("boss", move |name, tempo| boss::run(addresses, name, tempo));
        crowd.enter("disturber", move |name, tempo| {
            disturber::run(addresses, &victims, tempo);
            Book::of(&name)
        });
        crowd
    }

    fn enter(&mut self, name: &str, run: impl FnOnce(String, Tempo) -> Book + Send + 'static) {
        // Each has its own chance, which does not depend on how many others there are.
        let seed = name.bytes().fold(self.seed, |seed, byte| seed.rotate_left(9) ^ u64::from(byte));
        self.clients.push(client(name, seed, &self.broken.0, run));
    }

    /// Waits for so long; false when a client has found something wrong meanwhile.
    pub fn wait(&self, time: Duration) -> bool {
        self.broken.1.recv_timeout(time) == Err(RecvTimeoutError::Timeout)
    }

    /// Lets everybody finish, while the daemon is there and stays, and takes their books.
    pub fn leave(self) -> Vec<Book> {
        let (threads, overs): (Vec<_>, Vec<_>) =
            self.clients.into_iter().map(|client| (client.thread, client.over)).unzip();
        drop(overs);
        let mut books: Vec<_> = threads.into_iter().map(join).collect();
        drop(self.reader.over);
        let (mut link, _) = Link::connect(self.addresses.mqtt, connect("")).expect("the daemon is there");
        let end = publication(reader::TOPIC, reader::THE_END, QoS::AtLeastOnce, 1);
        link.send(&gpio_gatekeeper::wire::mqtt::Packet::Publish(end)).expect("the daemon is there");
        link.next();
        books.push(join(self.reader.thread));
        books
    }
}

fn join(thread: JoinHandle<Book>) -> Book {
    thread.join().expect("the client found nothing wrong")
}

fn client(
    name: &str,
    seed: u64,
    broken: &Sender<()>,
    run: impl FnOnce(String, Tempo) -> Book + Send + 'static,
) -> Client {
    let (over, receiver) = channel();
    let alarm = Alarm(broken.clone());
    let owned = name.to_owned();
    let body = move || {
        let _alarm = alarm;
        run(owned, Tempo::new(seed, receiver))
    };
    let thread = thread::Builder::new().name(name.to_owned()).spawn(body).expect("a thread");
    Client { thread, over }
}
