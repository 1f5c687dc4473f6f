//! The words with which the program is a client of a running gatekeeper, wherever that is.

mod child;
mod completion;
mod get;
mod help;
mod lasting;
mod lease;
mod logs;
mod options;
mod screen;
mod send;
mod set;
mod shown;
mod signals;
mod table;
mod watch;

use std::ffi::OsString;
use std::process::ExitCode;

use gpio_gatekeeper::client::Failure;

use options::Options;

pub(crate) use help::HELP;

/// What a word asks for.
pub(crate) enum Order {
    Get(get::Order),
    Lease(lease::Order),
    Become(Vec<OsString>),
    Completion(completion::Shell),
    Complete(Vec<OsString>),
    Logs(logs::Order),
    Watch(watch::Order),
    Set(set::Order),
    Send(send::Order),
    Help,
}

/// The words that are a client's; the last two are said by this program's own and by its scripts.
pub(crate) const WORDS: [&str; 11] = [
    "get",
    "set",
    "do",
    "watch",
    "lease",
    "send",
    "publish",
    "logs",
    "completion",
    completion::ASK,
    lease::INSTEAD,
];

/// Reads what follows one of the words.
pub(crate) fn arguments(word: &str, parser: &mut lexopt::Parser) -> Result<Order, lexopt::Error> {
    let order = match word {
        "watch" => watch::arguments(parser)?.map(Order::Watch),
        "completion" => completion::arguments(parser)?.map(Order::Completion),
        completion::ASK => Some(Order::Complete(parser.raw_args()?.collect())),
        lease::INSTEAD => Some(Order::Become(parser.raw_args()?.collect())),
        "lease" => lease::arguments(parser)?.map(Order::Lease),
        "logs" => logs::arguments(parser)?.map(Order::Logs),
        "get" => get::arguments(parser)?.map(Order::Get),
        "set" => set::arguments(parser)?.map(Order::Set),
        "do" => set::any_action(parser)?.map(Order::Set),
        "publish" => send::to_everybody(parser)?.map(Order::Send),
        _ => send::arguments(parser)?.map(Order::Send),
    };
    Ok(order.unwrap_or(Order::Help))
}

/// Does it.
pub(crate) fn run(order: Order) -> ExitCode {
    let done = match order {
        Order::Become(command) => return lease::become_command(&command),
        Order::Completion(shell) => return completion::script(&shell),
        Order::Complete(words) => return completion::complete(&words),
        Order::Get(order) => get::run(order),
        Order::Lease(order) => lease::run(order),
        Order::Logs(order) => logs::run(order),
        Order::Watch(order) => watch::run(order),
        Order::Set(order) => set::run(order),
        Order::Send(order) => send::run(order),
        Order::Help => return super::print(HELP),
    };
    done.unwrap_or_else(|failure| complain(&failure))
}

/// Says what went wrong, and what to do about it; gives the status that stands for it.
fn complain(failure: &Failure) -> ExitCode {
    eprintln!("gpio-gatekeeper: {}", shown::plain(&failure.to_string()));
    if let Some(hint) = hint(failure) {
        eprintln!("  {hint}");
    }
    ExitCode::from(failure.exit_status())
}

fn hint(failure: &Failure) -> Option<&'static str> {
    Some(match failure {
        Failure::Settings(_) => return None,
        Failure::NotSent(_) => "does it run there?  --url line://HOST, or GATEKEEPER_URL, says where to look",
        Failure::Unknown(_) => "`gpio-gatekeeper get` tells how it is now",
        Failure::Refused { code, .. } => match code.as_str() {
            "HELD" => "`gpio-gatekeeper lease DEVICE --wait 30s` waits for it",
            "LEASE_REQUIRED" => "`gpio-gatekeeper lease DEVICE -- COMMAND` runs a command with a lease",
            "ACCESS_DENIED" => "--user NAME, or GATEKEEPER_USER, says as whom to sign in",
            "UNKNOWN_DEVICE" => "`gpio-gatekeeper get` lists the devices",
            "TOO_MANY_CLIENTS" | "LIMIT_REACHED" | "STOPPING" => "try again later",
            "DEVICE_FAULT" => "it is in an unknown state: `gpio-gatekeeper logs` and `doctor` tell more",
            _ => return None,
        },
    })
}
