//! `gpio-gatekeeper watch`: all devices as they change, as a table on a terminal and as lines otherwise.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use gpio_gatekeeper::client::{Failure, Fields, Request};
use serde_json::Value as Json;

use super::lasting::{Lasting, News};
use super::options::Form;
use super::screen::Screen;
use super::table::Table;
use super::{Options, shown};

/// Which devices; all of them where none is named.
pub(crate) struct Order {
    options: Options,
    devices: Vec<String>,
}

/// Why there is no connection, and when the next attempt is.
type Trouble = Option<(Failure, Instant)>;

/// A table that changes all the time is drawn no more often.
const CALM: Duration = Duration::from_millis(50);
/// Ages grow all the while.
const TICK: Duration = Duration::from_secs(1);

/// Reads what follows the word.
pub(super) fn arguments(parser: &mut lexopt::Parser) -> Result<Option<Order>, lexopt::Error> {
    let read = super::get::arguments(parser)?;
    Ok(read.map(|super::get::Order { options, devices }| Order { options, devices }))
}

/// Shows them until somebody ends that.
pub(super) fn run(Order { options, devices }: Order) -> Result<ExitCode, Failure> {
    let subscribe = |key: &'static str| {
        let all = if devices.is_empty() { &["*".to_owned()][..] } else { &devices[..] };
        all.iter().map(move |name| Request::new("SUB").with(key, name.as_str())).collect::<Vec<_>>()
    };
    let subscriptions = [subscribe("DEVICE"), subscribe("LEASE")].concat();
    let mut lasting = Lasting::begin(&options, subscriptions)?;
    let mut table = Table::default();
    let open = fill(&mut table, &mut lasting, &devices)?;
    if options.form == Form::Text && io::stdout().is_terminal() {
        draw(&mut table, &mut lasting, &devices)?;
    } else {
        print(&mut table, &mut lasting, &devices, options.form, open)?;
    }
    lasting.close();
    Ok(ExitCode::SUCCESS)
}

/// Asks for what is not told by itself.  Where the connection is lost meanwhile, the next look at it says so.
fn fill(table: &mut Table, lasting: &mut Lasting, devices: &[String]) -> Result<Vec<Fields>, Failure> {
    match lasting.connection().map(|connection| table.fill(connection, devices)) {
        Some(Err(Failure::NotSent(_) | Failure::Unknown(_))) | None => Ok(Vec::new()),
        Some(filled) => filled,
    }
}

/// Each change as a line.
fn print(
    table: &mut Table,
    lasting: &mut Lasting,
    devices: &[String],
    form: Form,
    mut open: Vec<Fields>,
) -> Result<(), Failure> {
    loop {
        for event in open.drain(..) {
            let line = match form {
                Form::Json => Some(json(&event).to_string()),
                Form::Text => table.line(&event),
            };
            if !line.is_none_or(|line| shown::say(&line)) {
                return Ok(());
            }
        }
        match lasting.next(None)? {
            News::Event(event) => open.extend(table.hear(&event).then_some(event)),
            News::Back => {
                eprintln!("gpio-gatekeeper: connected again");
                open = fill(table, lasting, devices)?;
            }
            News::Lost(failure, _) => eprintln!("gpio-gatekeeper: {failure}; connecting again"),
            News::Ended => return Ok(()),
            News::Nothing => {}
        }
    }
}

/// An event for programs; that nobody holds a device is said, too.
fn json(event: &Fields) -> Json {
    let mut object = shown::json(event);
    if event.get("EVENT") == Some("LEASE") {
        object.entry("holder").or_insert(Json::Null);
    }
    Json::Object(object)
}

/// All of it as a table that is drawn again and again.
fn draw(table: &mut Table, lasting: &mut Lasting, devices: &[String]) -> Result<(), Failure> {
    let broken = |error: io::Error| Failure::Settings(format!("the terminal can't be used: {error}"));
    let mut screen = Screen::enter().map_err(broken)?;
    let place = lasting.place();
    let (mut trouble, mut due): (Trouble, Instant) = (None, Instant::now());
    loop {
        let now = Instant::now();
        if due <= now {
            let mut lines = vec![title(&place, &trouble, now), String::new()];
            lines.extend(table.lines(epoch()));
            screen.draw(&lines).map_err(broken)?;
            due = now + TICK;
        }
        let calm = now + CALM;
        match lasting.next(Some(due))? {
            News::Event(event) => {
                if table.hear(&event) {
                    due = due.min(calm);
                }
            }
            News::Back => {
                fill(table, lasting, devices)?;
                (trouble, due) = (None, now);
            }
            News::Lost(failure, next) => (trouble, due) = (Some((failure, next)), now),
            News::Ended => return Ok(()),
            News::Nothing => {}
        }
    }
}

fn title(place: &str, trouble: &Trouble, now: Instant) -> String {
    match trouble {
        None => format!("{place}  connected"),
        Some((failure, next)) => {
            let left = next.saturating_duration_since(now).as_secs() + 1;
            format!("{place}  NOT CONNECTED, again in {left} s: {}", shown::plain(&failure.to_string()))
        }
    }
}

fn epoch() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
