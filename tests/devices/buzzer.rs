//! Buzzers: those that make their own tone, and those that play what they are told.

use gpio_gatekeeper::domain::{Code, Datum};
use gpio_gatekeeper::hardware::Level;

use super::bench::{Bench, mistakes, pwm_channel};

const PLAIN: &str = r#""buzzer": {"buzzer": {"line": 1}}"#;
const TONAL: &str = r#""buzzer": {"buzzer": {"pwm": {"chip": "chip", "channel": 0}, "frequency": 1000}}"#;

#[test]
fn it_beeps_and_ends_quiet() {
    let mut bench = Bench::new(PLAIN);
    for verb in ["beep", "blink"] {
        let state = bench.state(&format!("buzzer.{verb}(0.1, 0.2, 2)"));
        assert_eq!((state.event, &state.fields), ("on", &vec![("blinking", Datum::Bool(true))]));
        bench.pass(1000);
        assert_eq!(bench.told().len(), 4);
        assert_eq!(bench.level(1), Level::Low);
    }
    bench.state("buzzer.toggle()");
    assert_eq!(bench.level(1), Level::High);
    assert_eq!(bench.state("buzzer.set(0)").event, "off");
    assert_eq!(bench.refusal("buzzer.play(440)"), Code::NotSupported);
}

#[test]
fn a_channel_makes_its_tone() {
    let mut bench = Bench::new(TONAL);
    assert_eq!((bench.state("buzzer.on()").value.clone(), bench.signal(0)), (Ok(1.0), (0.5, 1000)));
    let state = bench.state("buzzer.play(2000)");
    assert_eq!((bench.signal(0), &state.fields), ((0.5, 500), &vec![("tone", Datum::Number(2000.0))]));
    bench.state("buzzer.play(A5)");
    assert_eq!(bench.signal(0).1, 1136);
    assert_eq!(bench.state("buzzer.off()").fields, []);
    assert_eq!(bench.signal(0).0, 0.0);
    bench.state("buzzer.on()");
    assert_eq!(bench.signal(0), (0.5, 1000), "its own tone again");
}

#[test]
fn a_tone_may_have_an_end() {
    let mut bench = Bench::new(TONAL);
    bench.state("buzzer.play(500, 0.5)");
    bench.pass(499);
    assert_eq!(bench.signal(0).0, 0.5);
    bench.pass(1);
    assert_eq!((bench.signal(0).0, bench.state("buzzer.read()").event), (0.0, "off"));
    for (call, code) in [
        ("buzzer.play()", Code::MissingKey),
        ("buzzer.play(30000)", Code::OutOfRange),
        ("buzzer.play(loud)", Code::BadValue),
        ("buzzer.play(440, 0.001)", Code::OutOfRange),
        ("buzzer.play(440, 1, 1)", Code::BadValue),
    ] {
        assert_eq!(bench.refusal(call), code, "{call}");
    }
    assert_eq!(bench.signal(0).0, 0.0);
}

#[test]
fn it_is_quiet_when_it_is_left_alone() {
    let mut bench = Bench::new(TONAL);
    bench.connect("panel");
    bench.state("buzzer.play(440)");
    bench.disconnect();
    assert_eq!(bench.signal(0).0, 0.0);
    let hold = PLAIN.replace(r#""line": 1"#, r#""line": 1, "on_stop": "hold""#);
    let mut bench = Bench::new(&hold);
    bench.state("buzzer.beep()");
    assert!(bench.stop());
    assert_eq!(bench.level(1), Level::Low, "nobody would end the beep");
}

#[test]
fn a_channel_that_fails_is_a_fault() {
    let mut bench = Bench::new(TONAL);
    bench.state("buzzer.beep(0.1, 0.1)");
    bench.board.break_channel(&pwm_channel(0));
    bench.pass(100);
    assert_eq!(bench.told().pop(), Some("fault@100".to_owned()));
}

#[test]
fn only_a_channel_has_a_frequency() {
    let wrong = |settings: &str| mistakes(&format!(r#""a": {{"buzzer": {{{settings}}}}}"#));
    let message = "only the tone of a PWM channel (pwm) has a frequency";
    assert_eq!(wrong(r#""line": 1, "frequency": 440"#), [message]);
    assert_eq!(
        wrong(r#""pwm": {"chip": "chip", "channel": 0}, "frequency": 10"#),
        ["frequency is from 20 to 20000 (Hz)"]
    );
}
