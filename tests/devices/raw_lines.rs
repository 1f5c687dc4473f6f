//! Raw lines: unused, inputs, outputs and PWMs, as programs want them.

use gpio_gatekeeper::domain::{Code, Datum, Fault as Broken};
use gpio_gatekeeper::hardware::{Board, Level, Place};

use super::bench::Bench;
use super::support::{configuration, gpio};

const PIN: &str = r#""pin": {"raw_line": {"line": "GPIO17"}}"#;
const SLOW: &str =
    r#""pin": {"raw_line": {"line": 17, "max_on": "1s", "on_lease_lost": "hold", "on_link_lost": "hold"}}"#;

fn field(fields: &[(&'static str, Datum)], name: &str) -> Option<String> {
    fields.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string())
}

#[test]
fn a_line_that_nobody_uses_is_nobodys() {
    let mut bench = Bench::new(PIN);
    let state = bench.state("pin.read()");
    assert_eq!((state.event, state.value.is_err()), ("unused", true));
    assert_eq!(field(&state.fields, "function").as_deref(), Some("none"));
    for call in ["pin.on()", "pin.off()", "pin.toggle()", "pin.set(1)", "pin.pwm(100)", "pin.activate()"] {
        assert_eq!(bench.refusal(call), Code::NotSupported, "{call}");
    }
    bench.board.hold(&gpio(17), "flashrom");
    assert_eq!(bench.refusal("pin.configure(output)"), Code::DeviceFault);
    assert_eq!(bench.state("pin.read()").event, "unused");
}

#[test]
fn an_output_is_written_and_read_back() {
    let mut bench = Bench::new(PIN);
    bench.board.record();
    assert_eq!(bench.state("pin.configure(output, value=1)").event, "high");
    assert_eq!(bench.board.history(), [[(gpio(17), Level::High)]], "it was never low on the way");
    for (call, value) in
        [("off()", 0.0), ("on()", 1.0), ("toggle()", 0.0), ("set(1)", 1.0), ("set(OFF)", 0.0)]
    {
        assert_eq!(bench.state(&format!("pin.{call}")).value, Ok(value), "{call}");
        assert_eq!(bench.level(17) == Level::High, value == 1.0, "{call}");
    }
    assert_eq!(bench.refusal("pin.set(0.5)"), Code::BadValue);
    bench.board.stick(&gpio(17));
    assert_eq!(bench.refusal("pin.on()"), Code::DeviceFault);
}

#[test]
fn an_output_that_is_configured_again_is_not_released_in_between() {
    let mut bench = Bench::new(PIN);
    bench.state("pin.configure(output, value=1)");
    bench.board.record();
    assert_eq!(bench.state("pin.configure(output)").value, Ok(1.0));
    assert!(bench.board.history().iter().flatten().all(|(_, level)| *level == Level::High));
    assert_eq!(bench.state("pin.configure(output, value=0)").value, Ok(0.0));
}

#[test]
fn an_input_has_a_pull_and_tells_its_edges() {
    let mut bench = Bench::new(PIN);
    let state = bench.state("pin.configure(input, pull=up)");
    assert_eq!((state.event, state.value.clone()), ("high", Ok(1.0)));
    assert_eq!(field(&state.fields, "pull").as_deref(), Some("up"));
    bench.told();
    bench.drive(17, Level::Low);
    assert_eq!(bench.told(), ["low@0"]);
    let state = bench.state("pin.read()");
    assert_eq!(state.edge.and_then(|edge| edge.sequence), Some(1));
    assert_eq!(bench.state("pin.activate()").event, "high");
    assert_eq!(bench.refusal("pin.on()"), Code::NotSupported);
    assert_eq!(bench.state("pin.configure(input, pull=down)").event, "low");
    assert_eq!(field(&bench.state("pin.configure(input)").fields, "pull").as_deref(), Some("floating"));
}

#[test]
fn what_bounces_counts_when_it_has_stayed() {
    let mut bench = Bench::new(PIN);
    let state = bench.state("pin.configure(input, down, 10ms)");
    assert_eq!(field(&state.fields, "debounce").as_deref(), Some("10ms"));
    bench.told();
    bench.drive(17, Level::High);
    bench.pass(9);
    assert_eq!(bench.told(), [] as [&str; 0]);
    bench.pass(1);
    assert_eq!(bench.told(), ["high@10"]);
}

#[test]
fn an_edge_of_an_input_that_is_no_more_changes_nothing() {
    let mut bench = Bench::new(PIN);
    bench.state("pin.configure(input, pull=down)");
    // These are on their way while the line becomes another input.
    bench.board.drive(&gpio(17), Level::High);
    bench.board.drive(&gpio(17), Level::Low);
    bench.told();
    assert_eq!(bench.state("pin.configure(input, pull=up)").event, "high");
    assert_eq!(bench.told(), ["high@0"]);
}

#[test]
fn a_pwm_has_a_frequency_and_a_duty() {
    let mut bench = Bench::new(PIN);
    bench.state("pin.configure(output)");
    assert_eq!(bench.refusal("pin.pwm(value=0.5)"), Code::MissingKey);
    for out_of_range in ["pin.pwm(9)", "pin.pwm(1001)", "pin.pwm(100, 1.5)"] {
        assert_eq!(bench.refusal(out_of_range), Code::OutOfRange, "{out_of_range}");
    }
    let state = bench.state("pin.pwm(100, 0.25)");
    assert_eq!((state.event, state.value.clone()), ("pwm", Ok(0.25)));
    assert_eq!(field(&state.fields, "frequency").as_deref(), Some("100"));
    let high = |bench: &mut Bench| {
        let is_high = |bench: &mut Bench| {
            bench.pass(1);
            bench.level(17) == Level::High
        };
        (0..1000).filter(|_| is_high(bench)).count()
    };
    assert!(high(&mut bench).abs_diff(250) <= 50);
    bench.state("pin.set(0.75)");
    bench.state("pin.pwm(50)");
    assert!(high(&mut bench).abs_diff(750) <= 50);
    assert_eq!(bench.told().len(), 4, "its steps are not told");
    assert_eq!(bench.state("pin.toggle()").value, Ok(0.25));
    assert_eq!(bench.state("pin.configure(output)").event, "low");
    bench.pass(100);
    assert_eq!(bench.level(17), Level::Low);
}

#[test]
fn a_line_that_is_released_is_low_and_free() {
    let mut bench = Bench::new(PIN);
    bench.state("pin.configure(output, value=1)");
    assert_eq!(bench.state("pin.release()").event, "unused");
    assert_eq!((bench.level(17), bench.board.is_driven(&gpio(17))), (Level::Low, false));
    // Another program may take it now; it would be refused if somebody held it.
    bench.board.hold(&gpio(17), "flashrom");
    assert_eq!(bench.refusal("pin.configure(input)"), Code::DeviceFault);
}

#[test]
fn what_can_not_be_configured_is_refused_and_changes_nothing() {
    let mut bench = Bench::new(PIN);
    bench.state("pin.configure(output, value=1)");
    for (call, code) in [
        ("configure()", Code::MissingKey),
        ("configure(spi)", Code::BadValue),
        ("configure(input, pull=left)", Code::BadValue),
        ("configure(input, value=1)", Code::BadValue),
        ("configure(output, pull=up)", Code::BadValue),
        ("configure(output, debounce=1ms)", Code::BadValue),
        ("configure(none, pull=up)", Code::BadValue),
        ("configure(output, value=0.5)", Code::BadValue),
        ("configure(output, value=2)", Code::OutOfRange),
        ("configure(input, debounce=2min)", Code::OutOfRange),
        ("configure(input, edges=both)", Code::BadValue),
    ] {
        assert_eq!(bench.refusal(&format!("pin.{call}")), code, "{call}");
    }
    assert_eq!((bench.state("pin.read()").event, bench.level(17)), ("high", Level::High));
}

#[test]
fn a_line_that_can_not_be_had_is_unused() {
    let mut bench = Bench::new(PIN);
    bench.state("pin.configure(output, value=1)");
    bench.happen(|board: &Board| board.inject(Place::Line(gpio(17)), Broken::ReadFails));
    let refused = bench.call("pin.configure(input)").expect_err("it can't be read");
    assert!(refused.message.ends_with("; the line is unused now"), "{refused}");
    assert_eq!(bench.state("pin.read()").event, "unused");
    assert_eq!(bench.level(17), Level::Low);
}

#[test]
fn who_leaves_gives_the_line_back_unless_it_is_to_be_held() {
    for (device, left) in [(PIN, "unused"), (SLOW, "high")] {
        let mut bench = Bench::new(device);
        bench.connect("panel");
        bench.state("pin.configure(output, value=1)");
        bench.disconnect();
        assert_eq!(bench.by("test").state("pin.read()").event, left);
        bench.by("panel").lease("system.lease(pin, 100ms)");
        bench.state("pin.configure(output, value=1)");
        bench.pass(100);
        assert_eq!(bench.state("pin.read()").event, left);
        bench.state("pin.configure(output, value=1)");
        assert!(bench.stop());
        assert_eq!(bench.level(17), Level::Low);
    }
}

#[test]
fn to_configure_a_line_is_to_write_it() {
    let mut bench = Bench::new(r#""pin": {"raw_line": {"line": 17, "require_lease": true}}"#);
    for call in ["pin.configure(input)", "pin.release()"] {
        assert_eq!(bench.refusal(call), Code::LeaseRequired, "{call}");
    }
    bench.by("panel").lease("system.lease(pin, 10s)");
    bench.state("pin.configure(output, value=1)");
    bench.audit();
    assert_eq!(bench.by("test").refusal("pin.configure(none)"), Code::Held);
    assert_eq!(bench.state("pin.read()").event, "high");
    let told: Vec<_> = bench.audit().iter().map(|audit| audit.deed.action()).collect();
    assert_eq!(told, ["configure(none)"]);
}

#[test]
fn an_input_is_given_back_as_well() {
    let mut bench = Bench::new(PIN);
    bench.connect("panel");
    bench.state("pin.configure(input)");
    bench.disconnect();
    assert_eq!(bench.by("test").state("pin.read()").event, "unused");
}

#[test]
fn max_on_ends_what_was_forgotten_and_an_interlock_lets_one_be_high() {
    let mut bench = Bench::new(SLOW);
    bench.state("pin.configure(output, value=1)");
    bench.pass(1000);
    assert_eq!(bench.state("pin.read()").event, "low");
    let mut bench = Bench::new(
        r#""interlocks": {"one": {"devices": ["a", "b"], "dead_time": "0s"}}, ---
        "a": {"raw_line": {"line": 1}}, "b": {"raw_line": {"line": 2}}"#,
    );
    bench.state("a.configure(output, value=1)");
    assert_eq!(bench.refusal("b.configure(output, value=1)"), Code::Interlocked);
    bench.state("b.configure(output)");
    assert_eq!(bench.refusal("b.on()"), Code::Interlocked);
    bench.state("b.configure(input)");
    bench.state("a.release()");
    assert_eq!(bench.state("b.configure(output, value=1)").event, "high");
}

#[test]
fn a_sequence_runs_on_an_output() {
    let mut bench = Bench::new(PIN);
    assert_eq!(bench.refusal("pin.sequence(1:100ms,0:100ms)"), Code::NotSupported);
    bench.state("pin.configure(output)");
    bench.state("pin.sequence(steps=1:100ms)");
    assert_eq!(bench.level(17), Level::High);
}

#[test]
fn a_section_makes_a_device_of_each_line() {
    let section = r#""raw_lines": {"lines": ["GPIO17", 27, {"line": "GPIO22", "name": "probe", "max_on": "1s"}, "J8.3 (SDA)"],
        "max_on": "10s", "on_link_lost": "hold"},"#;
    let config = configuration(section, "");
    let told = config.devices.iter().map(|device| {
        let guards = device.blueprint.guards();
        let max_on = guards.protection.max_on.map(|max_on| max_on.as_secs());
        (device.name.as_str(), device.kind, max_on, guards.policies[2].1.to_string())
    });
    let named = |name, max_on| (name, "raw_line", Some(max_on), "hold".to_owned());
    let expected = [named("gpio17", 10), named("gpio27", 10), named("probe", 1), named("j8-3--sda-", 10)];
    assert_eq!(told.collect::<Vec<_>>(), expected);
}

#[test]
fn every_mistake_of_a_section_is_told_with_its_place() {
    let said = |raw: &str, devices: &str| {
        let text = format!(
            r#"{{"hardware": {{"backend": "simulated"}}, "devices": {{{devices}}},{}"raw_lines": {raw}}}"#,
            '\n'
        );
        let kinds = gpio_gatekeeper::daemon::kinds();
        let report = gpio_gatekeeper::config::load(&text, "test", &kinds).err().expect("mistakes");
        report.mistakes.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let led = r#""gpio27": {"led": {"line": "GPIO17"}}"#;
    for (raw, expected) in [
        (r#"{"lines": []}"#, r#"2:24: raw_lines.lines: expected the lines, such as ["GPIO17", "GPIO27"]"#),
        (r#"{"max_on": "1s"}"#, r#"2:14: raw_lines: expected the lines, such as ["GPIO17", "GPIO27"]"#),
        (r#"{"lines": 5}"#, "2:24: raw_lines.lines: expected a list"),
        (
            r#"5"#,
            "2:14: raw_lines: expected an object with the lines that programs use as they like, found 5",
        ),
        (
            r#"{"lines": [true]}"#,
            r#"2:25: raw_lines.line: expected a line: an offset such as 17, or a name such as "GPIO17""#,
        ),
        (
            r#"{"lines": [4, {"line": 5, "nmae": "a"}]}"#,
            "2:40: raw_lines.nmae: unknown key `nmae`, expected `line`, `chip`, `require_lease`, `max_on`, `on_stop`, \
             `on_lease_lost` or `on_link_lost`",
        ),
        (
            r#"{"lines": [1, 2], "max_on": "1ms"}"#,
            "2:42: raw_lines.max_on: max_on is from 10ms to 24h, or null",
        ),
        (
            r#"{"lines": [1], "on_stop": "hold"}"#,
            "2:40: raw_lines.on_stop: unknown value `hold`, expected `release`",
        ),
        (
            r#"{"lines": [1], "name": "a"}"#,
            "2:29: raw_lines.name: a name is that of one line: put it into braces in `lines`",
        ),
        (
            r#"{"lines": ["GPIO27"]}"#,
            "2:25: raw_lines.line: another device is called gpio27 already: give this line a name of its own",
        ),
        (
            r#"{"lines": ["GPIO17"]}"#,
            "2:25: raw_lines.line: line GPIO17 is taken by devices.gpio27.led.line at 1:79: one line serves one role \
             of one device",
        ),
        (
            r#"{"lines": [{"line": 1, "name": "A"}]}"#,
            "2:34: raw_lines.line: a device name has only lower-case letters a-z, digits, '_' and '-'",
        ),
        (
            r#"{"lines": [{"line": 1, "name": "system"}]}"#,
            "2:34: raw_lines.line: this is the name of the gatekeeper's own device: choose another one",
        ),
    ] {
        assert_eq!(said(raw, led), [expected], "{raw}");
    }
}
