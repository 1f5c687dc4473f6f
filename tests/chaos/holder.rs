//! A client of the line protocol that writes under leases: acquires, renews, lets expire, releases, crashes and comes back
//! under the same id.

use std::time::Duration;

use super::books::{Act, Book, Command, Deed, Delivery, Fate, Numbers, Outcome};
use super::clock;
use super::commander::{give_up, settle};
use super::devices;
use super::house::Addresses;
use super::line::{self, Line};
use super::support::line::LineClient;
use super::tempo::Tempo;

/// So many things are done on a connection at most.
const STEPS: u64 = 60;
/// So many milliseconds a lease is waited for at most.
const WAIT: u64 = 300;

/// The client, and what it believes to hold.
struct Holder<'a> {
    name: String,
    ttl: Duration,
    book: Book,
    numbers: &'a Numbers,
    tempo: Tempo,
    connection: u64,
    lease: Option<Lease>,
    /// The token of a lease that it had before.
    old: Option<u64>,
}

#[derive(Clone)]
struct Lease {
    token: u64,
    devices: Vec<usize>,
}

/// Holds leases with this time, for as long as there is time.
pub fn run(addresses: Addresses, name: String, ttl: Duration, numbers: &Numbers, tempo: Tempo) -> Book {
    let book = Book { ttl: clock::nanos(ttl), ..Book::of(&name) };
    let mut holder = Holder { name, ttl, book, numbers, tempo, connection: 0, lease: None, old: None };
    while holder.tempo.pause(60) {
        let Some(mut line) = Line::connect(addresses.line, &holder.name) else { continue };
        holder.connection += 1;
        let steps = holder.tempo.below(STEPS);
        for _ in 0..steps {
            if holder.step(&mut line).is_none() || !holder.tempo.pause(15) {
                break;
            }
        }
        // A program that has crashed knows nothing any more.
        if holder.tempo.once_in(3) {
            holder.lose();
        }
        match holder.tempo.below(3) {
            0 => line.reset(),
            1 => line.finish(),
            _ => {}
        }
    }
    holder.book
}

impl Holder<'_> {
    /// Does something; nothing when the connection has ended.
    fn step(&mut self, line: &mut Line) -> Option<()> {
        let Some(lease) = self.lease.clone() else { return self.acquire(line) };
        match self.tempo.below(100) {
            0..60 => self.write(line, &lease.devices, Some(lease.token)),
            60..70 => self.write(line, &lease.devices, None),
            70..82 => self.renew(line, &lease),
            // With luck it has expired then.
            82..88 => {
                let twice = self.ttl.as_millis() as u64 * 2;
                self.tempo.pause(twice);
                Some(())
            }
            88..93 => self.release(line, &lease),
            93..97 => self.acquire(line),
            _ => self.write(line, &lease.devices, self.old),
        }
    }

    fn acquire(&mut self, line: &mut Line) -> Option<()> {
        let mut wanted = Vec::new();
        for device in devices::FREE..devices::COUNT {
            if self.tempo.once_in(2) {
                wanted.push(device);
            }
        }
        if wanted.is_empty() {
            wanted.push(devices::FREE + self.tempo.place(devices::LEASED));
        }
        let names: Vec<_> = wanted.iter().map(|device| devices::name(*device)).collect();
        let wait = if self.tempo.once_in(2) { self.tempo.below(WAIT) } else { 0 };
        let (names, ttl) = (names.join(","), self.ttl.as_millis());
        let order = format!("COMMAND=LEASE|DEVICE={names}|TTL={ttl}ms|WAIT={wait}ms");
        let reply = self.deed(line, Act::Acquire(wanted.clone(), None), &order)?;
        if let Some(token) = LineClient::field(&reply, "TOKEN") {
            let token = token.parse().expect("a token is a number");
            self.book.deeds.last_mut().expect("just done").act = Act::Acquire(wanted.clone(), Some(token));
            self.lose();
            self.lease = Some(Lease { token, devices: wanted });
        }
        Some(())
    }

    fn renew(&mut self, line: &mut Line, lease: &Lease) -> Option<()> {
        let reply =
            self.deed(line, Act::Renew(lease.token), &format!("COMMAND=RENEW|TOKEN={}", lease.token))?;
        if reply.starts_with("REPLY=ERROR") {
            self.lose();
        }
        Some(())
    }

    fn release(&mut self, line: &mut Line, lease: &Lease) -> Option<()> {
        self.deed(line, Act::Release(lease.token), &format!("COMMAND=RELEASE|TOKEN={}", lease.token))?;
        self.lose();
        Some(())
    }

    /// Sends an order and takes the answer, both into the books.
    fn deed(&mut self, line: &mut Line, act: Act, order: &str) -> Option<String> {
        let mut fate = Fate::open();
        let reply = line.ask(order);
        fate.settle(line::outcome(reply.as_deref()));
        self.book.deeds.push(Deed { act, fate });
        reply
    }

    /// Writes some of the devices under the lease of this token.
    fn write(&mut self, line: &mut Line, among: &[usize], token: Option<u64>) -> Option<()> {
        let first = self.book.commands.len();
        let mut text = String::new();
        for _ in 0..=self.tempo.below(4) {
            let (number, device) = (self.numbers.next(), among[self.tempo.place(among.len())]);
            let under = token.map_or(String::new(), |token| format!("|TOKEN={token}"));
            let name = devices::name(device);
            text += &line::framed(&format!("COMMAND=SET|ID={number}|DEVICE={name}|VALUE={number}{under}"));
            self.book.commands.push(Command {
                number,
                device,
                connection: self.connection,
                token,
                not_after: None,
                delivery: Delivery::Once,
                fate: Fate::open(),
            });
        }
        // What was sent by then may be carried out after the client has gone.
        let taken = line.raw(text.as_bytes()).is_ok() && !self.tempo.once_in(20);
        if !taken || !settle(&mut self.book, first, line) {
            give_up(&mut self.book, first);
            return None;
        }
        let current = self.lease.as_ref().map(|lease| lease.token);
        let refused = self.book.commands[first..].iter().any(|command| refused(&command.fate.outcome));
        if refused && token == current {
            self.lose();
        }
        Some(())
    }

    /// It believes to hold nothing any more.
    fn lose(&mut self) {
        if let Some(lease) = self.lease.take() {
            self.old = Some(lease.token);
        }
    }
}

fn refused(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Refused(_))
}
