//! `FAULT`: frames to orders.

use std::time::Instant;

use super::commands::Next;
use super::conversation::LineConversation;
use crate::domain::{Arguments, Code, Datum, FaultOrder, Order, Refusal};
use crate::wire::line::Frame;

/// The keys, each with the name of the argument.
const KEYS: [(&str, &str); 5] =
    [("DEVICE", "device"), ("FAULT", "fault"), ("FOR", "for"), ("TIME", "time"), ("N", "n")];

/// Makes simulated hardware go wrong, or mends it.
pub(super) fn fault(line: &mut LineConversation, frame: &Frame<'_>, now: Instant) -> Result<Next, Refusal> {
    let verb = match frame.get("MEND") {
        None | Some("0") => "inject_fault",
        Some("1") => "mend_faults",
        Some(_) => return Err(Refusal::new(Code::BadValue, "MEND is 0 or 1")),
    };
    let given =
        |(key, name): &(&str, &str)| frame.get(key).map(|text| ((*name).to_owned(), Datum::from(text)));
    let arguments = Arguments { positional: Vec::new(), named: KEYS.iter().filter_map(given).collect() };
    line.order(frame, Order::Fault(FaultOrder::parse(verb, &arguments)?), None, now)
}
