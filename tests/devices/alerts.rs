//! Thresholds, alerts, and what alerts do.

use gpio_gatekeeper::domain::{Audit, Code, Who};
use gpio_gatekeeper::hardware::Simulation;

use super::bench::Bench;
use super::support::faulty::Fault;

/// A lamp whose brightness is watched, and what an alert may set.
fn bench(threshold: &str) -> Bench {
    Bench::new(&configured(threshold))
}

fn configured(threshold: &str) -> String {
    format!(
        r#""interlocks": {{"x": {{"devices": ["fan", "pump"], "dead_time": "0s"}}}},
        "thresholds": {{"bright": {{"device": "lamp", "max": 0.5, {threshold}}}}},
        ---
        "lamp": {{"pwm_led": {{"line": 1}}}},
        "fan": {{"relay": {{"line": 2, "on_link_lost": "off"}}}},
        "pump": {{"relay": {{"line": 3, "require_lease": true}}}}"#
    )
}

/// What the gatekeeper did of itself: on which device, what, and the code of the refusal.
fn deeds(bench: &mut Bench) -> Vec<String> {
    let own = |audit: &Audit| {
        let code = audit.refused.as_ref().map_or("", |(code, _)| code.as_str());
        format!("{} {} {code}", audit.deed.device(), audit.deed.action()).trim_end().to_owned()
    };
    let audit = bench.audit();
    audit.iter().filter(|audit| matches!(audit.who, Who::Gatekeeper)).map(|audit| own(audit)).collect()
}

#[test]
fn an_alert_comes_after_its_duration_and_goes_by_the_hysteresis() {
    let mut bench = bench(r#""hysteresis": 0.2, "duration": "300ms""#);
    bench.state("lamp.set(0.6)");
    bench.pass(200);
    bench.state("lamp.set(0.5)");
    bench.state("lamp.set(0.8)");
    bench.pass(400);
    assert_eq!(bench.alerts_told(), ["bright: created@500", "lamp: 1"]);
    bench.state("lamp.set(0.4)");
    assert_eq!((bench.alerts_told().len(), bench.controller.alerts()), (0, [1, 0]));
    bench.state("lamp.set(0.3)");
    assert_eq!(bench.alerts_told(), ["bright: BACK@600", "lamp: 0"]);
    assert_eq!(bench.controller.alerts(), [0, 0]);
}

#[test]
fn the_first_state_counts_and_the_stop_ends_all() {
    let mut bench = Bench::new(
        r#""thresholds": {"dark": {"device": "lamp", "min": 0.5, "severity": "critical"}}, ---
        "lamp": {"pwm_led": {"line": 1}}"#,
    );
    assert_eq!(
        (bench.alerts_told(), bench.controller.alerts()),
        (vec!["dark: created@0".to_owned(), "lamp: 1".to_owned()], [0, 1])
    );
    assert!(bench.stop());
    assert_eq!(bench.alerts_told(), ["dark: STOPPED@0", "lamp: 0"]);
}

#[test]
fn a_fault_neither_creates_nor_resolves() {
    let (mut bench, switch) = Bench::faulty(&configured(r#""duration": "300ms""#));
    bench.state("lamp.on()");
    bench.pass(200);
    switch.set(1, Fault::Read);
    assert_eq!(bench.refusal("lamp.read()"), Code::DeviceFault);
    bench.pass(1000);
    assert_eq!(bench.alerts_told().len(), 0);
    switch.mend();
    bench.state("lamp.on()");
    bench.pass(99);
    assert_eq!(bench.alerts_told().len(), 0, "the time of the fault did not count");
    bench.pass(1);
    assert_eq!(bench.alerts_told(), ["bright: created@1300", "lamp: 1"]);
}

#[test]
fn what_the_hardware_did_not_do_is_tried_again_until_it_is_done() {
    let action = configured(
        r#""action": {"device": "fan", "set": 1}, "resolved_action": {"device": "fan", "set": 0}"#,
    );
    let (mut bench, switch) = Bench::faulty(&action);
    switch.set(2, Fault::Write);
    bench.state("lamp.set(0.6)");
    bench.pass(2500);
    assert_eq!(deeds(&mut bench), ["fan alert(1, set(1)) DEVICE_FAULT"; 3]);
    switch.mend();
    bench.pass(500);
    assert_eq!(bench.state("fan.read()").value, Ok(1.0));
    bench.pass(5000);
    assert_eq!(deeds(&mut bench).len(), 1);
    switch.set(2, Fault::Write);
    bench.state("lamp.off()");
    bench.pass(1000);
    bench.state("lamp.set(0.6)");
    switch.mend();
    bench.pass(3000);
    assert_eq!(bench.state("fan.read()").value, Ok(1.0), "what is out of date is not done any more");
}

#[test]
fn an_alert_acts_once_and_once_more_when_it_is_resolved() {
    let mut bench =
        bench(r#""action": {"device": "fan", "set": 1}, "resolved_action": {"device": "fan", "set": 0}"#);
    bench.state("lamp.set(0.6)");
    bench.pass(0);
    assert_eq!(bench.state("fan.read()").value, Ok(1.0));
    assert_eq!(deeds(&mut bench), ["fan alert(1, set(1))"]);
    bench.state("fan.off()");
    bench.state("lamp.set(0.9)");
    bench.pass(2000);
    assert_eq!((bench.state("fan.read()").value.clone(), deeds(&mut bench).len()), (Ok(0.0), 0));
    bench.state("fan.on()");
    bench.state("lamp.off()");
    bench.pass(0);
    assert_eq!(deeds(&mut bench), ["fan alert(1, set(0))"]);
}

#[test]
fn what_an_alert_has_set_outlives_the_connection_that_wrote_before() {
    let mut bench = bench(r#""action": {"device": "fan", "set": 1}"#);
    bench.by("cook").state("fan.on()");
    bench.by("other").state("lamp.on()");
    bench.pass(0);
    bench.by("cook").disconnect();
    assert_eq!(bench.by("other").state("fan.read()").value, Ok(1.0));
}

#[test]
fn thresholds_that_undo_their_own_work_take_turns_slowly() {
    let mut bench =
        bench(r#""action": {"device": "lamp", "set": 0}, "resolved_action": {"device": "lamp", "set": 1}"#);
    bench.state("lamp.on()");
    for (pause, expected) in [(0, 1), (999, 0), (1, 1), (1000, 1)] {
        // However often it gets a turn meanwhile.
        bench.pass_late(pause);
        (0..10).for_each(|_| bench.pass_late(0));
        let deeds = deeds(&mut bench);
        assert_eq!(deeds.len(), expected, "after {pause} ms: {deeds:?}");
    }
}

#[test]
fn a_lease_stands_against_switching_on_and_not_against_switching_off() {
    let mut on = bench(r#""action": {"device": "fan", "set": 1}"#);
    on.by("cook").lease("system.lease(fan)");
    on.state("lamp.on()");
    on.pass(0);
    assert_eq!(deeds(&mut on), ["fan alert(1, set(1)) HELD"]);
    assert_eq!(on.state("fan.read()").value, Ok(0.0));

    let mut off = bench(r#""action": {"device": "fan", "set": 0}"#);
    off.by("cook").lease("system.lease(fan)");
    off.state("fan.on()");
    off.by("other").state("lamp.on()");
    off.pass(0);
    assert_eq!(deeds(&mut off), ["fan alert(1, set(0))"]);
    assert_eq!(off.state("fan.read()").value, Ok(0.0));
}

#[test]
fn what_is_written_under_a_lease_only_is_switched_on_by_no_alert() {
    let mut bench = bench(r#""action": {"device": "pump", "set": 1}"#);
    bench.state("lamp.on()");
    bench.pass(0);
    assert_eq!(deeds(&mut bench), ["pump alert(1, set(1)) LEASE_REQUIRED"]);
}

#[test]
fn an_interlock_stands_against_an_alert_too() {
    let mut bench = bench(r#""action": {"device": "fan", "set": 1}"#);
    bench.by("cook").lease("system.lease(pump)");
    bench.state("pump.on()");
    bench.state("lamp.on()");
    bench.pass(0);
    assert_eq!(deeds(&mut bench), ["fan alert(1, set(1)) INTERLOCKED"]);
    assert_eq!(bench.state("fan.read()").value, Ok(0.0));
}

#[test]
fn the_middle_of_a_servo_is_not_off() {
    let mut bench = Bench::new(
        r#""interlocks": {"x": {"devices": ["arm", "lamp"], "dead_time": "0s"}},
        "thresholds": {"bright": {"device": "lamp", "max": 0.5, "action": {"device": "arm", "set": 0}}}, ---
        "lamp": {"pwm_led": {"line": 1}}, "arm": {"servo": {"line": 2}}"#,
    );
    bench.state("lamp.on()");
    bench.pass(0);
    assert_eq!(deeds(&mut bench), ["arm alert(1, set(0)) INTERLOCKED"]);
}

#[test]
fn what_a_device_does_not_take_is_found_at_the_start() {
    let devices = configured(r#""action": {"device": "fan", "set": 0.5}"#);
    let error = Bench::on(Simulation::new(), &devices).err().expect("a relay is on or off").to_string();
    assert!(error.starts_with("threshold bright: fan: "), "{error}");
}

#[test]
fn a_number_that_there_is_not_makes_no_alert() {
    let mut bench = bench(r#""field": "humidity""#);
    bench.state("lamp.on()");
    bench.pass(100);
    assert_eq!(bench.alerts_told().len(), 0);
}
