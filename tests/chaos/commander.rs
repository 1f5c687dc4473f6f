//! A client of the line protocol that writes what anybody may write, in bursts, and whose connections end in every way.

use super::books::{Book, Command, Delivery, Fate, Numbers, Outcome};
use super::clock::{self, Moment};
use super::devices;
use super::house::Addresses;
use super::line::{self, Line};
use super::support::line::LineClient;
use super::tempo::Tempo;

/// So many bursts a connection sees at most.
const BURSTS: u64 = 30;
/// So many commands are sent at once at most.
const BURST: u64 = 16;
/// Once in so many times a command is for a device that needs a lease, which it has not.
const PRESUMPTUOUS: u64 = 20;
/// Once in so many times a command is only for so many milliseconds at most.
const URGENT: (u64, u64) = (4, 200);

/// How a connection ends.
enum Leaving {
    /// In order, after the last answer.
    Quit,
    /// The client sends no more, and reads to the end.
    HalfClosed,
    /// It goes without waiting for answers.
    Gone,
    /// It breaks.
    Reset,
    /// It stays, until the next one takes the client over.
    Remains,
}

/// Commands, for as long as there is time.
pub fn run(addresses: Addresses, name: String, numbers: &Numbers, mut tempo: Tempo) -> Book {
    let mut book = Book::of(&name);
    let mut connection = 0;
    let mut remains: Option<(Line, usize)> = None;
    while tempo.pause(60) {
        let Some(mut line) = Line::connect(addresses.line, &name) else { continue };
        connection += 1;
        if let Some((mut old, open)) = remains.take() {
            settle(&mut book, open, &mut old);
        }
        let mut open = book.commands.len();
        for _ in 0..tempo.below(BURSTS) {
            let text = burst(&mut book, connection, numbers, &mut tempo);
            if !sent(&mut line, &text, &mut tempo) || !settle(&mut book, open, &mut line) || !tempo.pause(20)
            {
                break;
            }
            open = book.commands.len();
        }
        give_up(&mut book, open);
        open = book.commands.len();
        let text = burst(&mut book, connection, numbers, &mut tempo);
        // Whoever does not take it any more answers it as little.
        sent(&mut line, &text, &mut tempo);
        match leaving(&mut tempo) {
            Leaving::Quit => {
                let _ = line.send("COMMAND=QUIT");
                settle(&mut book, open, &mut line);
            }
            Leaving::HalfClosed => {
                line.finish();
                settle(&mut book, open, &mut line);
            }
            Leaving::Gone => drop(line),
            Leaving::Reset => line.reset(),
            Leaving::Remains => {
                remains = Some((line, open));
                continue;
            }
        }
        give_up(&mut book, open);
    }
    if let Some((mut old, open)) = remains {
        settle(&mut book, open, &mut old);
    }
    book
}

/// New commands, as they are sent.
fn burst(book: &mut Book, connection: u64, numbers: &Numbers, tempo: &mut Tempo) -> String {
    let mut text = String::new();
    for _ in 0..=tempo.below(BURST) {
        let number = numbers.next();
        let device = match tempo.once_in(PRESUMPTUOUS) {
            true => devices::FREE + tempo.place(devices::LEASED),
            false => tempo.place(devices::FREE),
        };
        let urgent = tempo.once_in(URGENT.0).then(|| 1 + tempo.below(URGENT.1));
        // How long it lasts from when it was read on, nobody else can know.
        let since_read = tempo.once_in(4);
        let deadline = match urgent {
            None => String::new(),
            Some(left) if since_read => format!("|TTL={left}ms"),
            Some(left) => format!("|NOT_AFTER={:.6}", clock::time_of_day_in(left)),
        };
        let name = devices::name(device);
        text += &line::framed(&format!("COMMAND=SET|ID={number}|DEVICE={name}|VALUE={number}{deadline}"));
        book.commands.push(Command {
            number,
            device,
            connection,
            token: None,
            not_after: urgent.filter(|_| !since_read).map(|left| clock::now() + clock::milliseconds(left)),
            delivery: Delivery::Once,
            fate: Fate::open(),
        });
    }
    text
}

/// Sends it, sometimes in two pieces; false when nobody takes it.
fn sent(line: &mut Line, text: &str, tempo: &mut Tempo) -> bool {
    let cut = if tempo.once_in(4) { tempo.place(text.len()) } else { text.len() };
    let (first, second) = text.as_bytes().split_at(cut);
    if line.raw(first).is_err() {
        return false;
    }
    if !second.is_empty() {
        tempo.pause(30);
    }
    line.raw(second).is_ok()
}

/// Takes the answers to all commands from this one on; false when the connection has ended before the last one.
pub fn settle(book: &mut Book, first: usize, line: &mut Line) -> bool {
    for command in &mut book.commands[first..] {
        let reply = line.reply();
        let outcome = line::outcome(reply.as_deref());
        if let Some(reply) = &reply {
            let number = command.number.to_string();
            let field = |key| LineClient::field(reply, key);
            assert_eq!(
                field("ID"),
                Some(number.clone()),
                "replies come in the order of the commands: {reply}"
            );
            assert!(field("VALUE").is_none_or(|value| value == number), "read back after the write: {reply}");
        }
        command.fate.settle(outcome);
        if reply.is_none() {
            give_up(book, first);
            return false;
        }
    }
    true
}

/// Nobody will tell what came of those that are open.
pub fn give_up(book: &mut Book, first: usize) {
    let open = book.commands[first..].iter_mut().filter(|command| command.fate.settled == Moment::MAX);
    open.for_each(|command| command.fate.settle(Outcome::Unknown));
}

fn leaving(tempo: &mut Tempo) -> Leaving {
    match tempo.below(5) {
        0 => Leaving::Quit,
        1 => Leaving::HalfClosed,
        2 => Leaving::Gone,
        3 => Leaving::Reset,
        _ => Leaving::Remains,
    }
}
