//! Leases: who may write what, for how long, and who comes next.

use gpio_gatekeeper::domain::{Code, Who};
use gpio_gatekeeper::hardware::Level;

use super::bench::Bench;

const THREE: &str = r#""a": {"led": {"line": 1}}, "b": {"led": {"line": 2}}, "c": {"relay": {"line": 3}}"#;

fn bench() -> Bench {
    Bench::new(THREE)
}

#[test]
fn only_the_holder_writes_and_everybody_reads() {
    let mut bench = bench();
    bench.by("panel").lease("system.lease(a,b)");
    assert_eq!(bench.by("other").refusal("a.on()"), Code::Held);
    let refusal = bench.call("b.on()").expect_err("held");
    assert_eq!(refusal.message, "b is held by panel for another 30.0s");
    assert!(bench.call("a.read()").is_ok() && bench.call("c.on()").is_ok());
    assert_eq!(bench.refusal("system.lease(b,c)"), Code::Held, "all or none");
    assert!(bench.by("third").call("c.off()").is_ok(), "none");
    assert_eq!(bench.by("panel").state("a.on()").value, Ok(1.0));
}

#[test]
fn the_whole_system_is_leased_with_a_star() {
    let mut bench = bench();
    bench.by("panel").lease("system.lease(*)");
    assert_eq!(bench.controller.leases(), 1);
    for call in ["a.on()", "c.on()", "system.lease(*)"] {
        assert_eq!(bench.by("other").refusal(call), Code::Held);
    }
}

#[test]
fn a_lease_ends_by_itself_after_a_warning() {
    let mut bench = bench();
    bench.by("panel").lease("system.lease(a, ttl=1)");
    bench.pass(999);
    assert_eq!(bench.by("other").refusal("a.on()"), Code::Held);
    bench.pass(1);
    assert!(bench.call("a.on()").is_ok());
    assert_eq!(bench.leases_told(), ["a: panel", "panel: ending@800", "panel: lost@1000", "a: free"]);
    bench.by("panel").lease("system.lease(a, ttl=0.1)");
    bench.pass(100);
    assert_eq!(bench.leases_told()[1..], ["panel: ending@1050", "panel: lost@1100", "a: free"]);
}

#[test]
fn a_lease_has_ended_when_its_time_is_over_although_nobody_looked() {
    let mut bench = bench();
    let token = bench.by("panel").lease("system.lease(a, ttl=1)").token;
    let late = bench.request(&format!("a.on(token={token})"));
    bench.skip(1000);
    assert_eq!(bench.give(&late).expect_err("over").code, Code::StaleToken);
    assert_eq!(bench.level(1), Level::Low);
    let told = ["a: panel", "panel: ending@1000", "panel: lost@1000", "a: free"];
    assert_eq!(bench.leases_told(), told, "the warning is late, and still the first");
}

#[test]
fn a_renewal_and_every_write_of_the_holder_give_it_another_whole_time() {
    let mut bench = bench();
    let token = bench.by("panel").lease("system.lease(a,b, ttl=1)").token;
    for call in ["a.on()", &format!("system.renew({token})"), &format!("b.toggle(token={token})")] {
        bench.pass(900);
        assert!(bench.call(call).is_ok(), "{call}");
    }
    bench.pass(900);
    bench.state("a.read()");
    bench.pass(100);
    assert_eq!(bench.refusal(&format!("system.renew({token})")), Code::NoLease, "reading is no renewal");
}

#[test]
fn renewals_are_told_when_they_matter() {
    let mut bench = bench();
    bench.by("panel").lease("system.lease(a, ttl=1)");
    for _ in 0..20 {
        bench.pass(50);
        bench.state("a.on()");
    }
    assert_eq!(bench.leases_told(), ["a: panel"; 6], "once, and with every fifth of its time");
}

#[test]
fn a_stale_token_is_refused_even_from_the_holder() {
    let mut bench = bench();
    let first = bench.by("panel").lease("system.lease(a)").token;
    let second = bench.lease("system.lease(a)").token;
    assert!(second > first);
    assert_eq!(bench.refusal(&format!("a.on(token={first})")), Code::StaleToken);
    assert!(bench.call(&format!("a.on(token={second})")).is_ok() && bench.call("a.off()").is_ok());
    assert_eq!(
        bench.by("other").refusal(&format!("a.on(token={second})")),
        Code::Held,
        "no key, but a fence"
    );
    bench.by("panel").call(&format!("system.release({second})")).expect("its own");
    assert_eq!(bench.refusal(&format!("a.on(token={second})")), Code::StaleToken);
    assert!(bench.call("a.on()").is_ok());
}

#[test]
fn tokens_begin_with_the_time() {
    let mut bench = bench();
    bench.pass(5000);
    let first = bench.lease("system.lease(a)").token;
    assert_eq!((first.0, bench.lease("system.lease(a)").token.0), (5000, 5001));
}

#[test]
fn a_lease_is_given_back_by_its_holder_alone() {
    let mut bench = bench();
    let token = bench.by("panel").lease("system.lease(a,b)").token;
    for verb in ["release", "renew"] {
        assert_eq!(bench.by("other").refusal(&format!("system.{verb}({token})")), Code::NoLease);
    }
    bench.by("panel").call(&format!("system.release({token})")).expect("its own");
    assert!(bench.by("other").call("a.on()").is_ok());
    assert_eq!(bench.leases_told(), ["a: panel", "b: panel", "a: free", "b: free"], "nothing was lost");
}

#[test]
fn a_part_of_a_lease_moves_to_the_holders_next_one() {
    let mut bench = bench();
    let old = bench.by("panel").lease("system.lease(a,b, ttl=10)").token;
    let new = bench.lease("system.lease(b,c, ttl=20)").token;
    assert_eq!(bench.refusal(&format!("b.on(token={old})")), Code::StaleToken);
    assert!(bench.call(&format!("a.on(token={old})")).is_ok());
    bench.pass(10_000);
    assert!(bench.by("other").call("a.on()").is_ok());
    assert_eq!(bench.refusal("b.on()"), Code::Held);
    assert!(bench.by("panel").call(&format!("b.on(token={new})")).is_ok());
}

#[test]
fn a_lease_is_broken_for_a_reason_and_its_holder_is_told() {
    let mut bench = bench();
    let token = bench.by("panel").lease("system.lease(a,b)").token;
    assert_eq!(bench.by("boss").refusal("system.break(c, fire)"), Code::NoLease);
    bench.call("system.break(b, fire)").expect("anybody may");
    assert_eq!(bench.by("panel").refusal(&format!("a.on(token={token})")), Code::StaleToken, "all of it");
    let told = bench.leases_told();
    assert_eq!(told[2..], ["panel: lost@0", "a: free", "b: free"]);
}

#[test]
fn a_lease_outlives_its_connection_unless_it_is_bound_to_it() {
    let mut bench = bench();
    bench.by("panel").lease("system.lease(a)");
    bench.lease("system.lease(b, connection=1)");
    bench.disconnect();
    assert_eq!(bench.by("other").refusal("a.on()"), Code::Held);
    assert!(bench.call("b.on()").is_ok());
    bench.connect("panel");
    assert!(bench.call("a.on()").is_ok(), "on another connection it is still the holder");
}

#[test]
fn who_waits_is_served_in_turn() {
    let mut bench = bench();
    let token = bench.by("one").lease("system.lease(a)").token;
    bench.by("two").wait("system.lease(a, ttl=1, wait=10)");
    bench.by("three").wait("system.lease(a, ttl=1, wait=10)");
    bench.by("one").call(&format!("system.release({token})")).expect("its own");
    assert_eq!(bench.late().len(), 1);
    assert!(bench.by("two").call("a.on()").is_ok());
    bench.pass(1000);
    assert_eq!(bench.late().len(), 1);
    assert!(bench.by("three").call("a.on()").is_ok());
}

#[test]
fn a_request_for_many_is_not_overtaken_by_requests_for_one() {
    let mut bench = bench();
    let token = bench.by("one").lease("system.lease(a)").token;
    bench.by("many").wait("system.lease(a,b, wait=10)");
    let refusal = bench.by("late").call("system.lease(b)").expect_err("promised");
    assert_eq!((refusal.code, &*refusal.message), (Code::Held, "many waits for b already"));
    bench.by("late").wait("system.lease(b, wait=10)");
    assert!(bench.by("late").call("b.on()").is_ok(), "nobody holds it yet");
    assert!(bench.by("other").call("system.lease(c)").is_ok(), "nobody waits for it");
    bench.by("one").call(&format!("system.release({token})")).expect("its own");
    assert_eq!(bench.late().len(), 1);
    assert!(bench.by("many").call("b.on()").is_ok());
}

#[test]
fn waiting_has_an_end() {
    let mut bench = bench();
    bench.by("one").lease("system.lease(a)");
    bench.by("two").wait("system.lease(a, wait=1)");
    bench.pass(999);
    assert_eq!(bench.late(), []);
    bench.pass(1);
    assert_eq!(bench.late(), [Err(Code::Held)]);
    bench.wait("system.lease(a, wait=1)");
    bench.disconnect();
    assert_eq!(bench.late(), [Err(Code::Expired)], "nobody is there to be served");
    bench.connect("two");
    for _ in 0..8 {
        bench.wait("system.lease(a, wait=1)");
    }
    assert_eq!(bench.refusal("system.lease(a, wait=1)"), Code::LimitReached);
}

#[test]
fn who_waits_at_the_end_is_told_so() {
    let mut bench = bench();
    bench.by("one").lease("system.lease(a)");
    bench.by("two").wait("system.lease(a, wait=1)");
    assert!(bench.stop());
    assert_eq!(bench.late(), [Err(Code::Stopping)]);
}

#[test]
fn where_a_lease_is_required_nobody_writes_without_one() {
    let mut bench = Bench::new(r#""a": {"relay": {"line": 1, "require_lease": true}}"#);
    assert_eq!(bench.by("panel").refusal("a.on()"), Code::LeaseRequired);
    assert!(bench.call("a.read()").is_ok());
    bench.lease("system.lease(a)");
    assert!(bench.call("a.on()").is_ok());
}

#[test]
fn the_audit_knows_what_became_of_leases() {
    let mut bench = bench();
    bench.by("panel").lease("system.lease(a, ttl=1)");
    drop(bench.by("other").call("system.lease(a)"));
    bench.pass(1000);
    let entries: Vec<_> = bench
        .audit()
        .iter()
        .map(|entry| {
            let who = if let Who::Client(who) = &entry.who { who.client.as_str() } else { "nobody" };
            let code = entry.refused.as_ref().map(|(code, _)| *code);
            (who.to_owned(), entry.deed.device(), entry.deed.action(), code)
        })
        .collect();
    let entry = |who: &str, action: &str, code| (who.to_owned(), "a".to_owned(), action.to_owned(), code);
    assert_eq!(
        entries,
        [
            entry("panel", "lease(ttl=1s)", None),
            entry("other", "lease(ttl=30s)", Some(Code::Held)),
            entry("nobody", "lease_expired", None),
        ]
    );
}
