//! Somebody who breaks the leases of others now and then.

use super::books::{Act, Book, Deed, Fate};
use super::devices;
use super::house::Addresses;
use super::line::{self, Line};
use super::tempo::Tempo;

/// So many milliseconds pass at most between two of its visits.
const PATIENCE: u64 = 2000;

/// Comes, breaks what is held of a device, and goes.
pub fn run(addresses: Addresses, name: String, mut tempo: Tempo) -> Book {
    let mut book = Book::of(&name);
    while tempo.pause(PATIENCE) {
        let Some(mut line) = Line::connect(addresses.line, &name) else { continue };
        let device = devices::FREE + tempo.place(devices::LEASED);
        let mut fate = Fate::open();
        let reply = line.ask(&format!("COMMAND=BREAK|DEVICE={}|REASON=chaos", devices::name(device)));
        fate.settle(line::outcome(reply.as_deref()));
        book.deeds.push(Deed { act: Act::Break(device), fate });
    }
    book
}
