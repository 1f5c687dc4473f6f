//! Links: outputs that follow inputs, and what stands in their way.

use gpio_gatekeeper::domain::Code;
use gpio_gatekeeper::hardware::Level;

use super::bench::{Bench, mistakes};
use super::support::faulty::Fault;

const BUTTON: &str = r#""button": {"button": {"line": "GPIO22", "hold_time": "1s"}}"#;

/// A button, and a light on GPIO17 that follows it so.
fn light(follow: &str) -> String {
    format!(r#"{BUTTON}, "light": {{"led": {{"line": "GPIO17", "follow": {follow}}}}}"#)
}

fn is_lit(bench: &mut Bench) -> bool {
    bench.pass(0);
    bench.level(17) == Level::High
}

#[test]
fn a_light_is_on_while_a_button_is_pressed() {
    let mut bench = Bench::new(&light(r#""button""#));
    bench.state("button.press()");
    assert!(is_lit(&mut bench));
    bench.pass(5000);
    bench.state("button.release()");
    assert!(!is_lit(&mut bench));
    let audit: Vec<_> =
        bench.audit().iter().map(|entry| (entry.deed.device(), entry.deed.action())).collect();
    let by_itself = ["follow(button, set(1))", "follow(button, set(0))"];
    let told: Vec<_> = audit.iter().filter(|(device, _)| device == "light").map(|(_, deed)| deed).collect();
    assert_eq!(told, by_itself);
}

#[test]
fn it_may_be_the_other_way_round_or_only_in_some_states() {
    for (follow, pressed, held) in [
        (r#"{"device": "button", "invert": true}"#, false, false),
        (r#"{"device": "button", "while": ["held"]}"#, false, true),
        (r#"{"device": "button", "while": ["pressed"]}"#, true, false),
        (r#"{"device": "button", "while": ["held"], "invert": true}"#, false, false),
    ] {
        let mut bench = Bench::new(&light(follow));
        bench.state("light.off()");
        bench.state("button.press()");
        assert_eq!(is_lit(&mut bench), pressed, "{follow}");
        bench.pass(1000);
        assert_eq!(is_lit(&mut bench), held, "{follow}");
        bench.state("button.release()");
        assert_eq!(is_lit(&mut bench), follow.contains("invert"), "{follow}");
    }
}

#[test]
fn what_somebody_sets_stays_until_the_next_change() {
    let mut bench = Bench::new(&light(r#""button""#));
    bench.state("button.press()");
    assert!(is_lit(&mut bench));
    bench.state("light.off()");
    bench.pass(5000);
    assert!(!is_lit(&mut bench), "to be held is no other value");
    bench.state("button.release()");
    bench.state("light.on()");
    assert!(!is_lit(&mut bench));
}

#[test]
fn a_lease_of_somebody_stands_against_it_and_that_is_told_once() {
    let mut bench = Bench::new(&light(r#""button""#));
    bench.by("panel").lease("system.lease(light, ttl=1min)");
    bench.audit();
    for call in ["button.press()", "button.release()", "button.press()"] {
        bench.by("finger").state(call);
        assert!(!is_lit(&mut bench));
    }
    let refused = bench.audit().into_iter().filter_map(|entry| entry.refused.clone());
    assert_eq!(refused.map(|(code, _)| code).collect::<Vec<_>>(), [Code::Held]);
}

#[test]
fn max_on_and_interlocks_hold() {
    let limited = light(r#""button""#).replace("\"follow\"", "\"max_on\": \"1s\", \"follow\"");
    let mut bench = Bench::new(&limited);
    bench.state("button.press()");
    bench.pass(1000);
    assert!(!is_lit(&mut bench));
    let devices = format!(
        r#""interlocks": {{"x": {{"devices": ["light", "pump"]}}}}, --- {}, "pump": {{"relay": {{"line": 27}}}}"#,
        light(r#""button""#)
    );
    let mut bench = Bench::new(&devices);
    bench.pass(1000);
    bench.state("pump.on()");
    bench.state("button.press()");
    assert!(!is_lit(&mut bench));
    bench.state("pump.off()");
    bench.pass(1000);
    assert!(!is_lit(&mut bench), "what came at the wrong time does not act later");
}

#[test]
fn an_output_goes_off_when_what_it_follows_is_not_known() {
    let (mut bench, switch) = Bench::faulty(&light(r#"{"device": "button", "invert": true}"#));
    bench.state("light.on()");
    switch.set(22, Fault::Read);
    assert_eq!(bench.refusal("button.read()"), Code::DeviceFault);
    assert!(!is_lit(&mut bench));
    switch.mend();
    bench.state("button.read()");
    assert!(is_lit(&mut bench), "and does as it is told again");
}

#[test]
fn outputs_follow_each_other_in_one_go() {
    let devices = format!(
        r#""last": {{"pwm_led": {{"line": 18, "follow": "light"}}}}, {},
           "knob": {{"rotary_encoder": {{"a": 20, "b": 21}}}}, "lamp": {{"pwm_led": {{"line": 19, "follow": "knob"}}}}"#,
        light(r#""button""#)
    );
    let mut bench = Bench::new(&devices);
    bench.state("button.press()");
    bench.pass(0);
    assert_eq!(bench.state("last.read()").value, Ok(1.0));
    bench.state("knob.rotate(4)");
    bench.pass(0);
    assert_eq!(bench.state("lamp.read()").value, Ok(0.25));
    bench.state("knob.rotate(-5)");
    bench.audit();
    bench.pass(0);
    assert_eq!(bench.state("lamp.read()").value, Ok(0.25), "nothing is brighter than on or darker than off");
    assert_eq!(bench.audit().len(), 1);
}

#[test]
fn a_follower_does_not_lose_its_link() {
    let mut bench =
        Bench::new(&light(r#""button""#).replace("\"follow\"", "\"on_link_lost\": \"off\", \"follow\""));
    bench.by("phone").state("light.on()");
    bench.by("finger").state("button.press()");
    bench.pass(0);
    bench.by("phone").disconnect();
    assert!(is_lit(&mut bench), "not the phone has switched it on last");
}

#[test]
fn a_link_that_leads_nowhere_is_a_mistake() {
    for (devices, rule) in [
        (light(r#""buton""#), "unknown device `buton`, did you mean `button`?"),
        (light(r#""light""#), "a device does not follow itself"),
        (
            light(r#"{"device": "button", "while": []}"#),
            "while needs at least one state, such as \"pressed\"",
        ),
        (
            light(r#"{"device": "button", "while": ["hold"]}"#),
            "while: unknown state `hold`, did you mean `held`?",
        ),
        (
            light("5"),
            "expected the name of a device, or {\"device\": ..., \"invert\": false, \"while\": [\"pressed\", ...]}",
        ),
        (
            r#""b": {"button": {"line": 4, "follow": "b"}}"#.to_owned(),
            "a button can't be set, so it follows nobody",
        ),
        (
            r#""a": {"led": {"line": 4, "follow": "b"}}, "b": {"led": {"line": 5, "follow": "a"}}"#
                .to_owned(),
            "they follow each other in a circle: b -> a -> b",
        ),
    ] {
        let found = mistakes(&devices);
        assert!(found.len() == 1 && found[0].starts_with(rule), "{devices}: {found:?}");
    }
    Bench::new(&light("null"));
}

#[test]
fn a_cover_opens_all_the_way_for_a_button() {
    let cover = r#""shade": {"cover": {"up": 9, "down": 10, "open_time": "10s", "close_time": "10s", "follow": "button"}}"#;
    let mut bench = Bench::new(&format!("{BUTTON}, {cover}"));
    // Until it has been at an end it can't be sent anywhere in between.
    bench.state("shade.close()");
    bench.pass(20_000);
    bench.state("button.press()");
    bench.pass(0);
    assert_eq!(bench.state("shade.read()").event, "opening");
    bench.pass(20_000);
    assert_eq!(bench.state("shade.read()").event, "open");
    bench.state("button.release()");
    bench.pass(20_000);
    assert_eq!(bench.state("shade.read()").event, "closed");
}
