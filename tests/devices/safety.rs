//! Where devices go when they are left alone.

use gpio_gatekeeper::domain::Code;
use gpio_gatekeeper::hardware::Level;

use super::bench::Bench;
use super::support::faulty::Fault;

const MOTOR_AND_LED: &str =
    r#""motor": {"motor": {"forward": 5, "backward": 6}}, "led": {"led": {"line": 17}}"#;

/// With policies of its own for each kind.
const CHOSEN: &str = r#"
    "relay": {"relay": {"line": 1, "on_lease_lost": "off", "on_link_lost": "on"}},
    "lamp": {"pwm_led": {"line": 2, "on_lease_lost": 0.25, "on_link_lost": "off"}},
    "motor": {"motor": {"forward": 5, "backward": 6, "on_lease_lost": "hold", "on_link_lost": "off"}}
"#;

#[test]
fn a_lost_lease_stops_a_motor_and_leaves_a_light_as_it_is() {
    for loss in ["expiry", "break", "disconnection"] {
        let mut bench = Bench::new(MOTOR_AND_LED);
        bench.by("other").state("motor.forward()");
        bench.state("led.on()");
        bench.by("panel").lease("system.lease(*, ttl=1, connection=1)");
        match loss {
            "expiry" => bench.pass(1000),
            "break" => drop(bench.by("boss").call("system.break(*, fire)")),
            _ => bench.disconnect(),
        }
        assert_eq!((bench.level(5), bench.level(17)), (Level::Low, Level::High), "{loss}");
        let audit = bench.audit();
        let secured = audit.iter().find(|entry| entry.deed.action() == "on_lease_lost").expect("audited");
        assert_eq!(
            (secured.deed.device().as_str(), secured.old, secured.new),
            ("motor", Some(1.0), Some(0.0))
        );
    }
}

#[test]
fn a_lease_that_is_given_back_changes_nothing() {
    let mut bench = Bench::new(MOTOR_AND_LED);
    let token = bench.by("panel").lease("system.lease(motor)").token;
    bench.state("motor.forward()");
    bench.call(&format!("system.release({token})")).expect("its own");
    assert_eq!(bench.level(5), Level::High);
}

#[test]
fn a_motor_stops_when_the_connection_that_drove_it_ends() {
    let mut bench = Bench::new(MOTOR_AND_LED);
    bench.by("panel").state("motor.forward()");
    bench.state("led.on()");
    bench.by("reader").state("motor.read()");
    assert_eq!(bench.refusal("motor.fly()"), Code::UnknownAction);
    bench.disconnect();
    assert_eq!(bench.level(5), Level::High, "it has not written it");
    bench.by("panel").disconnect();
    assert_eq!((bench.level(5), bench.level(17)), (Level::Low, Level::High));
    assert_eq!(bench.told(), ["forward@0", "on@0", "stopped@0"]);
}

#[test]
fn the_last_writer_counts() {
    let mut bench = Bench::new(MOTOR_AND_LED);
    bench.by("panel").state("motor.forward()");
    bench.by("other").state("motor.forward()");
    bench.by("panel").disconnect();
    assert_eq!(bench.level(5), Level::High);
    bench.by("other").disconnect();
    assert_eq!(bench.level(5), Level::Low);
}

#[test]
fn a_connection_that_comes_back_finds_its_motor_stopped_and_its_lease_kept() {
    let mut bench = Bench::new(MOTOR_AND_LED);
    bench.by("panel").lease("system.lease(motor)");
    bench.state("motor.forward()");
    bench.disconnect();
    assert_eq!(bench.level(5), Level::Low);
    bench.connect("panel");
    assert_eq!(bench.state("motor.forward()").value, Ok(1.0));
}

#[test]
fn a_last_will_has_no_connection_to_lose() {
    let mut bench = Bench::new(MOTOR_AND_LED);
    bench.by("panel").state("led.on()");
    let mut will = bench.request("motor.forward()");
    will.connection = None;
    bench.give(&will).expect("it is carried out");
    bench.disconnect();
    assert_eq!(bench.level(5), Level::High);
}

#[test]
fn each_goes_where_its_policy_says() {
    let mut bench = Bench::new(CHOSEN);
    bench.by("panel").lease("system.lease(*, ttl=1)");
    for call in ["relay.on()", "lamp.on()", "motor.forward()"] {
        bench.state(call);
    }
    bench.pass(1000);
    assert_eq!((bench.level(1), bench.level(5)), (Level::Low, Level::High));
    assert_eq!(bench.state("lamp.read()").value, Ok(0.25));
    bench.state("relay.off()");
    bench.disconnect();
    assert_eq!((bench.level(1), bench.level(2), bench.level(5)), (Level::High, Level::Low, Level::Low));
}

#[test]
fn who_waits_gets_the_device_when_it_is_safe() {
    let mut bench = Bench::new(MOTOR_AND_LED);
    bench.by("panel").lease("system.lease(motor, ttl=1)");
    bench.state("motor.forward()");
    bench.by("next").wait("system.lease(motor, wait=10)");
    bench.pass(1000);
    let actions: Vec<_> = bench.audit().iter().map(|entry| entry.deed.action()).collect();
    assert_eq!(actions[2..], ["lease_expired", "on_lease_lost", "lease"]);
}

#[test]
fn a_blinking_light_ends_with_its_lease_where_it_is_to_go_off() {
    let mut bench =
        Bench::new(r#""led": {"led": {"line": 17, "on_lease_lost": "off"}}, "b": {"led": {"line": 1}}"#);
    bench.by("panel").lease("system.lease(*, ttl=1)");
    bench.state("led.blink()");
    bench.state("b.blink()");
    bench.pass(1000);
    bench.pass(5000);
    assert_eq!(bench.level(17), Level::Low);
    assert_eq!(bench.state("b.read()").fields.len(), 1, "what is held goes on");
}

#[test]
fn a_safe_state_that_can_not_be_reached_is_told_and_keeps_nobody_from_theirs() {
    let (mut bench, switch) = Bench::faulty(
        r#""a": {"motor": {"forward": 1, "backward": 2}}, "b": {"motor": {"forward": 3, "backward": 4}}"#,
    );
    bench.by("panel").lease("system.lease(*, ttl=1)");
    bench.state("a.forward()");
    bench.state("b.forward()");
    switch.set(1, Fault::Write);
    bench.pass(1000);
    assert_eq!((bench.level(1), bench.level(3)), (Level::High, Level::Low));
    let audit = bench.audit();
    let failed = audit.iter().find(|entry| entry.refused.is_some()).expect("it is audited");
    assert_eq!((failed.deed.device(), failed.deed.action()), ("a".to_owned(), "on_lease_lost".to_owned()));
}
