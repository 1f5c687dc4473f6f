//! Programs on the libraries for other languages, each started, killed and started again; `clients/README.md` says what
//! they are told and what they tell.

use std::path::{Path, PathBuf};
use std::process::Command as Program;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::books::{Act, Book, Command, Deed, Delivery, Fate, Numbers, Outcome};
use super::clock::{self, Moment};
use super::devices;
use super::house::Addresses;
use super::support::process::Process;
use super::support::{programs_are_here, skipped};
use super::tempo::Tempo;

/// So many numbers a run gets.
const NUMBERS: u32 = 2000;
/// So many milliseconds a run lasts at most.
const RUN: u64 = 4000;

/// A library, and how its program is called.
#[derive(Debug, Clone)]
pub struct Library {
    /// Its part in the names of clients.
    pub name: &'static str,
    scheme: Scheme,
    program: PathBuf,
    arguments: Vec<PathBuf>,
    /// Where it finds the modules of this project.
    python_path: Option<PathBuf>,
}

/// Which protocol it speaks.
#[derive(Debug, Clone, Copy)]
enum Scheme {
    Line,
    Mqtt,
}

/// The libraries that can be used here.  Where one can't, it is said.
pub fn libraries(folder: &Path) -> Vec<Library> {
    [microcontrollers(folder), python(), python_with_paho()].into_iter().flatten().collect()
}

/// The library for microcontrollers, compiled for this machine.
fn microcontrollers(folder: &Path) -> Option<Library> {
    if !programs_are_here(&["g++"]) {
        return None;
    }
    let program = folder.join("client");
    let source = project("esp32-client/src");
    let codes = sources(&source);
    let mut compiler = Program::new("g++");
    compiler
        .args(["-std=c++11", "-O1", "-Wall", "-Wextra", "-fno-exceptions", "-fno-rtti", "-I"])
        .arg(&source);
    compiler.arg(project("tests/chaos/clients/client.cpp")).args(codes).arg("-o").arg(&program);
    let compiled = Process::start(&mut compiler).end_within(Duration::from_secs(120));
    assert_eq!(compiled.code(), Some(0), "{}", compiled.errors);
    let name = "microcontroller";
    Some(Library { name, scheme: Scheme::Line, program, arguments: Vec::new(), python_path: None })
}

/// The codes of the library, but for the one that needs an Arduino.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let folder = folder.join("gatekeeper").read_dir().expect("the library is there");
    let paths = folder.map(|entry| entry.expect("an entry").path());
    let is_code = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "cpp");
    paths.filter(|path| is_code(path) && !path.ends_with("Connection.cpp")).collect()
}

/// The library for Python, without anything beside it.
fn python() -> Option<Library> {
    programs_are_here(&["python3"]).then(|| in_python("python", Scheme::Line, "python3".into()))
}

/// The same over MQTT, for which `tests/clients/install` brings paho.
fn python_with_paho() -> Option<Library> {
    let ours = || project("target/clients");
    let folder = std::env::var_os("GATEKEEPER_CLIENTS").map_or_else(ours, PathBuf::from);
    let python = folder.join("venv/bin/python");
    if folder.join("stamp").is_file() && python.exists() {
        return Some(in_python("paho", Scheme::Mqtt, python));
    }
    skipped(&format!("paho is not in {} (tests/clients/install)", folder.display()));
    None
}

fn in_python(name: &'static str, scheme: Scheme, program: PathBuf) -> Library {
    // It leaves nothing behind among the sources.
    let arguments = vec!["-B".into(), project("tests/chaos/clients/client.py")];
    Library { name, scheme, program, arguments, python_path: Some(project("python-client/src")) }
}

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Runs it again and again, for as long as there is time; with `ttl` it holds leases.
pub fn run(
    library: &Library,
    addresses: Addresses,
    name: String,
    ttl: Duration,
    numbers: &Numbers,
    mut tempo: Tempo,
) -> Book {
    let mut book = Book { ttl: clock::nanos(ttl), ..Book::of(&name) };
    let names = |range: std::ops::Range<usize>| range.map(devices::name).collect::<Vec<_>>().join(",");
    let (free, held) = (names(0..devices::FREE), names(devices::FREE..devices::COUNT));
    let url = match library.scheme {
        Scheme::Line => format!("line://{}", addresses.line),
        Scheme::Mqtt => format!("mqtt://{}", addresses.mqtt),
    };
    let mut connection = 0;
    while tempo.pause(100) {
        let mut program = Program::new(&library.program);
        program
            .args(&library.arguments)
            .args([&url, &name])
            .arg(tempo.below(u64::from(u32::MAX)).to_string());
        program.arg(numbers.several(NUMBERS).to_string()).arg(NUMBERS.to_string());
        program.arg(ttl.as_millis().to_string()).args([&free, &held]);
        if let Some(path) = &library.python_path {
            program.env("PYTHONPATH", path);
        }
        let process = Process::start_typing(&mut program);
        tempo.pause(RUN);
        process.signal(Signal::SIGKILL);
        let ended = process.end();
        assert!(matches!(ended.code(), None | Some(0)), "{name}: {ended:?}");
        connection = read(&mut book, &ended.output, connection + 1, clock::now());
    }
    book
}

/// Takes what a run has said into the books; the run was over at `end`.  Answers with the number of its last connection.
fn read(book: &mut Book, said: &str, mut connection: u64, end: Moment) -> u64 {
    let first = (book.commands.len(), book.deeds.len());
    let open = |sent| Fate { sent, settled: end, outcome: Outcome::Unknown };
    for line in said.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let Some((at, words)) = words.split_last() else { continue };
        let at = at.parse().unwrap_or_else(|_| panic!("{}: {line:?}", book.client));
        let number = |word: &str| word.parse::<u64>().unwrap_or_else(|_| panic!("no number: {line:?}"));
        match *words {
            ["sent", command, device, token] => book.commands.push(Command {
                number: number(command) as u32,
                device: devices::of_name(device),
                connection,
                token: (token != "-").then(|| number(token)),
                not_after: None,
                delivery: Delivery::Once,
                fate: open(at),
            }),
            ["ack" | "refused" | "unknown" | "notsent", command, ..] => {
                let outcome = outcome(words);
                // What comes after that is on another connection.
                if matches!(outcome, Outcome::Unknown | Outcome::NotSent) {
                    connection += 1;
                }
                let number = number(command) as u32;
                let command = book.commands[first.0..].iter_mut().find(|command| command.number == number);
                let fate = &mut command.expect("it was sent").fate;
                (fate.settled, fate.outcome) = (at, outcome);
            }
            _ => lease(book, first.1, words, at, end),
        }
    }
    connection
}

fn lease(book: &mut Book, first: usize, words: &[&str], at: Moment, end: Moment) {
    let open = |sent| Fate { sent, settled: end, outcome: Outcome::Unknown };
    let token = |word: &str| word.parse::<u64>().expect("a token");
    let deeds = &mut book.deeds;
    match *words {
        ["asking", names] => {
            let wanted = names.split(',').map(devices::of_name).collect();
            deeds.push(Deed { act: Act::Acquire(wanted, None), fate: open(at) });
        }
        ["granted", word] => {
            let asked = asked(&mut deeds[first..]);
            if let Act::Acquire(_, granted) = &mut asked.act {
                *granted = Some(token(word));
            }
            asked.fate.settled = at;
            asked.fate.outcome = Outcome::Acknowledged;
            let sent = asked.fate.sent;
            deeds.push(Deed { act: Act::RenewAgain(token(word)), fate: open(sent) });
        }
        ["denied", ..] => {
            let asked = asked(&mut deeds[first..]);
            asked.fate = Fate { settled: at, outcome: outcome(words), ..asked.fate.clone() };
        }
        ["holds", word] => {
            let fate = Fate { sent: at, settled: at, outcome: Outcome::Acknowledged };
            deeds.push(Deed { act: Act::Believe(token(word)), fate });
        }
        ["releasing", word] => {
            renew_no_more(&mut deeds[first..], token(word), at);
            deeds.push(Deed { act: Act::Release(token(word)), fate: open(at) });
        }
        ["lost", word] => renew_no_more(&mut deeds[first..], token(word), at),
        _ => panic!("{}: {words:?}", book.client),
    }
}

/// The lease that was asked for last.
fn asked(deeds: &mut [Deed]) -> &mut Deed {
    let asked = deeds.iter_mut().rev().find(|deed| matches!(deed.act, Act::Acquire(..)));
    asked.expect("it was asked for")
}

fn renew_no_more(deeds: &mut [Deed], token: u64, at: Moment) {
    let renewals = deeds.iter_mut().filter(|deed| deed.act == Act::RenewAgain(token));
    renewals.for_each(|deed| deed.fate.settled = at);
}

fn outcome(words: &[&str]) -> Outcome {
    match *words {
        ["ack", ..] => Outcome::Acknowledged,
        ["refused", _, code] => Outcome::Refused(code.to_owned()),
        ["denied", "refused"] => Outcome::Refused(String::new()),
        ["notsent", ..] | ["denied", "notsent"] => Outcome::NotSent,
        _ => Outcome::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_says_goes_into_the_books() {
        let said = "sent 7 free1 - 100\nack 7 110\nsent 8 free0 - 120\nunknown 8 130\nsent 9 free0 - 140\n";
        let mut book = Book::of("one");
        assert_eq!(read(&mut book, said, 4, 500), 5);
        let told = book.commands.iter().map(|it| (it.number, it.device, it.connection, it.fate.settled));
        assert_eq!(told.collect::<Vec<_>>(), [(7, 1, 4, 110), (8, 0, 4, 130), (9, 0, 5, 500)]);
        assert_eq!(book.commands[0].fate.outcome, Outcome::Acknowledged);
        assert_eq!(book.commands[2].fate.outcome, Outcome::Unknown);
    }

    #[test]
    fn a_lease_is_renewed_until_the_program_ends_or_gives_it_back() {
        let asked = "asking held4,held6 100\ngranted 77 110\nholds 77 120\n";
        let renewed_until = |said: &str| {
            let mut book = Book::of("one");
            read(&mut book, said, 0, 500);
            assert_eq!(book.deeds[0].act, Act::Acquire(vec![4, 6], Some(77)));
            let renewal = book.deeds.iter().find(|deed| deed.act == Act::RenewAgain(77));
            renewal.map(|deed| (deed.fate.sent, deed.fate.settled))
        };
        assert_eq!(renewed_until(asked), Some((100, 500)));
        assert_eq!(renewed_until(&format!("{asked}releasing 77 130\n")), Some((100, 130)));
        assert_eq!(renewed_until(&format!("{asked}lost 77 140\n")), Some((100, 140)));
    }
}
