//! The verdict notices what is wrong, and nothing else.

use super::super::books::{Act, Book, Command, Deed, Delivery, Fate, Outcome};
use super::super::clock::{Moment, milliseconds};
use super::super::devices::{COUNT, FREE};
use super::super::house::{End, Life, Stall};
use super::super::journal::{Entry, What};
use super::{Case, judge};

/// The only device that these leases are on.
const HELD: usize = FREE;
/// How long they last, in milliseconds.
const TTL: u64 = 1000;

/// Times here are milliseconds.
fn at(time: u64) -> Moment {
    milliseconds(time)
}

fn fate(sent: u64, settled: u64, outcome: Outcome) -> Fate {
    Fate { sent: at(sent), settled: at(settled), outcome }
}

fn acknowledged(sent: u64) -> Fate {
    fate(sent, sent + 10, Outcome::Acknowledged)
}

fn refused(sent: u64) -> Fate {
    fate(sent, sent + 10, Outcome::Refused("HELD".to_owned()))
}

fn command(number: u32, device: usize, fate: Fate) -> Command {
    Command { number, device, connection: 1, token: None, not_after: None, delivery: Delivery::Once, fate }
}

fn client(name: &str, commands: Vec<Command>, deeds: Vec<(Act, Fate)>) -> Book {
    let deeds = deeds.into_iter().map(|(act, fate)| Deed { act, fate }).collect();
    Book { ttl: at(TTL), commands, deeds, ..Book::of(name) }
}

/// Two lives, the first of which is killed after 10 s, and the second stopped after 20; with these writes.
fn case(seen: Vec<Book>, writes: &[(u64, usize, u32)]) -> Case {
    let life = |end, ended| Life { signalled: at(ended), ended: at(ended), end };
    let lives = vec![life(End::Killed, 10_000), life(End::Stopped, 20_000)];
    let entry = |time, device, what| Entry { at: at(time), life: (time / 10_000) as usize, device, what };
    let mut entries: Vec<_> =
        writes.iter().map(|&(time, device, number)| entry(time, device, What::Written(number))).collect();
    for device in 0..COUNT {
        entries.push(entry(0, device, What::Taken(0)));
        entries.push(entry(10_000, device, What::Taken(0)));
        entries.push(entry(19_999, device, What::Written(0)));
    }
    entries.sort_by_key(|entry| entry.at);
    Case { lives, stalls: Vec::new(), entries, seen }
}

/// The promise that was broken, if any.
#[track_caller]
fn expect(case: &Case, wanted: Option<&str>) {
    let broken = judge(case).broken;
    match wanted {
        None => assert!(broken.is_empty(), "{broken:#?}"),
        Some(wanted) => assert!(broken.iter().any(|broken| broken.contains(wanted)), "{broken:#?}"),
    }
}

fn one(fate: Fate, writes: &[(u64, usize, u32)]) -> Case {
    case(vec![client("one", vec![command(7, 0, fate)], Vec::new())], writes)
}

#[test]
fn commands_are_carried_out_once_if_acknowledged_and_never_if_refused() {
    expect(&one(acknowledged(100), &[(105, 0, 7)]), None);
    expect(&one(refused(100), &[]), None);
    expect(&one(fate(100, 110, Outcome::Unknown), &[(500, 0, 7)]), None);
    expect(&one(acknowledged(100), &[]), Some("never carried out"));
    expect(&one(acknowledged(100), &[(105, 0, 7), (106, 0, 7)]), Some("twice"));
    expect(&one(fate(100, 110, Outcome::Unknown), &[(105, 0, 7), (12_000, 0, 7)]), Some("twice"));
    expect(&one(refused(100), &[(105, 0, 7)]), Some("refused and carried out"));
    expect(&one(acknowledged(100), &[(105, 1, 7)]), Some("another device"));
    expect(&one(acknowledged(100), &[(120, 0, 7)]), Some("after it was acknowledged"));
    expect(&one(acknowledged(100), &[(90, 0, 7)]), Some("before it was sent"));
    expect(&one(acknowledged(100), &[(105, 0, 7), (106, 0, 8)]), Some("nobody has sent 8"));
}

#[test]
fn what_is_sent_until_it_is_answered_may_be_carried_out_again_after_a_crash_alone() {
    let sent_again = |fate, writes: &[(u64, usize, u32)]| {
        let command = Command { delivery: Delivery::UntilAnswered, ..command(7, 0, fate) };
        case(vec![client("one", vec![command], Vec::new())], writes)
    };
    let late = || fate(9000, 11_000, Outcome::Acknowledged);
    expect(&sent_again(late(), &[(9500, 0, 7), (10_500, 0, 7)]), None);
    expect(&sent_again(late(), &[(9500, 0, 7), (9600, 0, 7)]), Some("twice"));
    expect(&sent_again(acknowledged(9490), &[(9495, 0, 7), (10_500, 0, 7)]), Some("twice"));
}

#[test]
fn late_and_retained_commands_do_nothing() {
    let until = |time, changed: Delivery| Command {
        not_after: Some(at(time)),
        delivery: changed,
        ..command(7, 0, fate(100, 2000, Outcome::Unknown))
    };
    let done = |command| case(vec![client("one", vec![command], Vec::new())], &[(1000, 0, 7)]);
    expect(&done(until(990, Delivery::Once)), None);
    expect(&done(until(500, Delivery::Once)), Some("after its time"));
    expect(&done(until(2000, Delivery::Retained)), Some("retained and carried out"));
    let mut stalled = done(until(500, Delivery::Once));
    stalled.stalls.push(Stall { from: at(400), to: at(990) });
    expect(&stalled, None);
    // The second one was not begun before the stall.
    let mut two = vec![command(6, 0, fate(100, 2000, Outcome::Unknown)), until(500, Delivery::Once)];
    two[0].connection = 2;
    let mut stalled = case(vec![client("one", two, Vec::new())], &[(995, 0, 6), (1000, 0, 7)]);
    stalled.stalls.push(Stall { from: at(400), to: at(990) });
    expect(&stalled, Some("after its time"));
}

#[test]
fn commands_of_a_connection_keep_their_order() {
    let two = |fate: Fate| vec![command(7, 0, fate.clone()), command(8, 1, fate)];
    let done =
        |writes| case(vec![client("one", two(fate(100, 200, Outcome::Acknowledged)), Vec::new())], writes);
    expect(&done(&[(105, 0, 7), (106, 1, 8)]), None);
    expect(&done(&[(105, 1, 8), (106, 0, 7)]), Some("7 came after Some(8)"));
}

#[test]
fn the_daemon_begins_and_ends_with_everything_off() {
    let mut begins = case(Vec::new(), &[]);
    begins.entries[0].what = What::Taken(5);
    expect(&begins, Some("is not off as life 0 begins"));
    let mut ends = one(acknowledged(15_000), &[(15_005, 0, 7)]);
    ends.entries.retain(|entry| entry.at != at(19_999));
    expect(&ends, Some("is not off as life 1 ends"));
}

/// Somebody with a lease from 1000 on, who writes at 1500.
fn holder(deeds: Vec<(Act, Fate)>) -> Book {
    let mut all = vec![(Act::Acquire(vec![HELD], Some(1)), acknowledged(1000))];
    all.extend(deeds);
    let write = Command { token: Some(1), ..command(7, HELD, acknowledged(1500)) };
    client("holder", vec![write], all)
}

#[test]
fn what_was_written_under_a_lease_does_not_outlive_it() {
    let end = |deeds, time| case(vec![holder(deeds)], &[(1505, HELD, 7), (time, HELD, 0)]);
    expect(&end(vec![], 2506), None);
    expect(&end(vec![], 3100), Some("outlives its lease"));
    expect(&end(vec![], 2400), Some("holder holds it, the gatekeeper writes"));
    expect(&end(vec![(Act::Renew(1), acknowledged(2400))], 3411), None);
    expect(&end(vec![(Act::Renew(1), acknowledged(2400))], 4000), Some("outlives its lease"));
    expect(&end(vec![(Act::Renew(1), refused(2400))], 3411), Some("outlives its lease"));
    expect(&end(vec![(Act::Release(1), acknowledged(1600))], 9000), None);
    let mut stalled = end(vec![], 3100);
    stalled.stalls.push(Stall { from: at(2400), to: at(3090) });
    expect(&stalled, None);
}

#[test]
fn what_nobody_answered_may_be_done_when_a_stall_is_over() {
    let released = vec![(Act::Release(1), fate(1501, 1503, Outcome::Unknown))];
    let mut gone = case(vec![holder(released)], &[(1505, HELD, 7)]);
    gone.seen[0].commands[0].fate = fate(1500, 1503, Outcome::Unknown);
    gone.stalls.push(Stall { from: at(1502), to: at(1504) });
    expect(&gone, None);
}

#[test]
fn a_lease_that_is_broken_ends_at_once_and_nobody_else_writes_before() {
    let boss = |sent| client("boss", vec![], vec![(Act::Break(HELD), acknowledged(sent))]);
    let end = |time| case(vec![holder(vec![]), boss(2000)], &[(1505, HELD, 7), (time, HELD, 0)]);
    expect(&end(2005), None);
    expect(&end(2600), Some("outlives its lease"));
    // Before the holder has heard that it has it.
    let unheard = client("holder", vec![], vec![(Act::Acquire(vec![HELD], Some(1)), acknowledged(2000))]);
    expect(&case(vec![unheard, boss(1999)], &[(2008, HELD, 0), (2900, HELD, 0)]), None);
}

#[test]
fn nobody_else_writes_what_is_held() {
    let other = |sent| {
        let acquire = (Act::Acquire(vec![HELD], Some(2)), acknowledged(sent));
        client("other", vec![command(8, HELD, acknowledged(sent + 20))], vec![acquire])
    };
    let ends = (9000, HELD, 0);
    let writes = [(1505, HELD, 7), (2506, HELD, 0), (2525, HELD, 8), (3530, HELD, 0)];
    expect(&case(vec![holder(vec![]), other(2505)], &writes), None);
    let early = [(1505, HELD, 7), (2025, HELD, 8), (3030, HELD, 0), ends];
    expect(&case(vec![holder(vec![]), other(2000)], &early), Some("holder holds it, other writes"));
    let made_safe_late = [(1505, HELD, 7), (2525, HELD, 8), (3530, HELD, 0)];
    expect(
        &case(vec![holder(vec![]), other(2505)], &made_safe_late),
        Some("not safe between holder and other"),
    );
    let nobody = client("nobody", vec![command(8, HELD, acknowledged(5000))], vec![]);
    expect(&case(vec![nobody], &[(5005, HELD, 8), (5100, HELD, 0)]), Some("written without a lease"));
}

#[test]
fn a_lease_does_not_survive_its_time_or_its_daemon() {
    let write = |sent| {
        let mut book = holder(vec![]);
        book.commands.push(Command { token: Some(1), ..command(8, HELD, acknowledged(sent)) });
        case(vec![book], &[(1505, HELD, 7), (2506, HELD, 0), (sent + 5, HELD, 8), (sent + 500, HELD, 0)])
    };
    expect(&write(4000), Some("after the lease"));
    let renewed = holder(vec![(Act::Renew(1), acknowledged(11_000))]);
    expect(&case(vec![renewed], &[(1505, HELD, 7), (2506, HELD, 0)]), Some("was renewed, and is over"));
    let write = |sent| {
        let mut book = holder(vec![(Act::Release(1), acknowledged(1600))]);
        book.commands.push(Command { token: Some(1), ..command(8, HELD, acknowledged(sent)) });
        case(vec![book], &[(1505, HELD, 7), (sent + 5, HELD, 8), (sent + 500, HELD, 0)])
    };
    expect(&write(1700), Some("under a lease that is over"));
}

#[test]
fn tokens_rise() {
    let granted = |tokens: [u64; 2]| {
        let acquire = |token, sent| (Act::Acquire(vec![HELD], Some(token)), acknowledged(sent));
        case(vec![client("one", vec![], vec![acquire(tokens[0], 1000), acquire(tokens[1], 11_000)])], &[])
    };
    expect(&granted([1, 2]), None);
    expect(&granted([2, 1]), Some("the token 1 came after 2"));
    expect(&granted([1, 1]), Some("the token 1 came after 1"));
}

#[test]
fn messages_come_once() {
    let told = |received: &[&str]| {
        let messages = vec![("a".to_owned(), Outcome::Acknowledged), ("b".to_owned(), Outcome::Unknown)];
        let received = received.iter().map(|text| (*text).to_owned()).collect();
        case(vec![Book { messages, received, ..Book::of("one") }], &[])
    };
    expect(&told(&["a"]), None);
    expect(&told(&["a", "b"]), None);
    expect(&told(&["b"]), Some("\"a\" was acknowledged and has not come"));
    expect(&told(&["a", "a"]), Some("\"a\" has come 2 times"));
}
