//! Messages of QoS 2: what was acknowledged has come, and nothing has come twice.

use std::collections::HashMap;

use super::super::books::Outcome;
use super::{Case, Report};

pub fn judge(case: &Case, report: &mut Report) {
    let mut received: HashMap<&str, usize> = HashMap::new();
    for text in case.seen.iter().flat_map(|book| &book.received) {
        *received.entry(text).or_default() += 1;
    }
    for (text, times) in &received {
        if *times > 1 {
            report.break_promise(format!("the message {text:?} has come {times} times"));
        }
    }
    for (text, outcome) in case.seen.iter().flat_map(|book| &book.messages) {
        if *outcome == Outcome::Acknowledged {
            report.figures.messages += 1;
            if !received.contains_key(text.as_str()) {
                report.break_promise(format!("the message {text:?} was acknowledged and has not come"));
            }
        }
    }
}
