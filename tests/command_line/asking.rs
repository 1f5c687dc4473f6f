//! `get`, `set`, `do` and `send`: what they do, and how they show it.

use super::support::Gatekeeper;
use super::support::line::LineClient;
use super::{Caller, demo};

#[test]
fn all_devices_are_listed_one_on_a_line() {
    let (_gatekeeper, caller) = demo();
    let expected = "led     off       0\nrelay   off       0\nlamp    off       0\n\
                    button  released  0\nmotor   stopped   0\n";
    assert_eq!(caller.says(&["get"]), expected);
    assert_eq!(caller.says(&["get", "lamp", "led"]), "lamp  off  0\nled   off  0\n");
}

#[test]
fn json_has_the_members_of_mqtt() {
    let (_gatekeeper, caller) = demo();
    let [led] = &caller.json(&["get", "led", "--json"])[..] else { panic!("one device") };
    assert_eq!((&led["device"], &led["kind"], &led["event"]), (&"led".into(), &"led".into(), &"off".into()));
    assert_eq!((&led["value"], &led["seq"]), (&0.into(), &1.into()));
    assert!(led["timestamp"].is_f64() && led.as_object().is_some_and(|led| led.len() == 6), "{led}");
    assert_eq!(caller.json(&["get", "--json"]).len(), 5);
    let blinking = &caller.json(&["do", "lamp", "blink", "on_time=1h", "--json"])[0];
    assert_eq!(blinking["blinking"], true, "{blinking}");
}

#[test]
fn values_are_set_however_people_write_them() {
    let (_gatekeeper, caller) = demo();
    for (value, shown) in [("on", "on  1"), ("OFF", "off  0"), ("TOGGLE", "on  1"), ("0", "off  0")] {
        assert_eq!(caller.says(&["set", "led", value]), format!("led  {shown}\n"));
    }
    assert_eq!(caller.says(&["set", "lamp", "0.25", "--within", "10s"]), "lamp  on  0.25\n");
    // A negative number is no option; and what will not stay so is said.
    let backward = caller.run(&["set", "motor", "-1"]);
    assert_eq!((backward.code(), &*backward.output), (Some(0), "motor  backward  -1\n"));
    assert!(
        backward.errors.contains("on_link_lost") && backward.errors.contains("lease motor"),
        "{}",
        backward.errors
    );
}

#[test]
fn actions_have_their_parameters() {
    let (_gatekeeper, caller) = demo();
    assert_eq!(caller.says(&["do", "lamp", "blink", "on_time=250ms", "n=5"]), "lamp  on  1  blinking\n");
    let errors = caller.fails(14, &["do", "lamp", "blink", "on_tmie=250ms"]);
    assert!(errors.contains("BAD_VALUE") && errors.contains("on_tmie"), "{errors}");
    assert!(caller.fails(2, &["do", "lamp", "blink", "5"]).contains("NAME=VALUE"));
    assert!(caller.fails(2, &["do", "lamp", "blink", "a b=5"]).contains("A B"));
}

#[test]
fn values_have_their_units() {
    let gatekeeper = Gatekeeper::with("", r#""box": {"simulated": {"interval": "1h", "ambient": 20}}"#);
    let shown = Caller::at(gatekeeper.line()).says(&["get"]);
    assert!(shown.starts_with("box  reading  ") && shown.ends_with(" °C\n"), "{shown}");
}

#[test]
fn a_text_is_sent_to_one_client() {
    let (gatekeeper, caller) = demo();
    let mut panel = LineClient::patient(gatekeeper.line());
    panel.expect("COMMAND=HELLO|CLIENT=panel", "REPLY=OK");
    assert_eq!(caller.says(&["send", "panel", "a|b", "--client", "me"]), "");
    assert_eq!(panel.receive(), "EVENT=MESSAGE|TO=panel|VALUE=a%7Cb|FROM=me");
    caller.fails(30, &["send", "nobody", "hello"]);
}

#[test]
fn a_value_is_published_and_kept_if_that_is_wanted() {
    let (gatekeeper, caller) = demo();
    let mut panel = LineClient::patient(gatekeeper.line());
    panel.expect("COMMAND=SUB|VAR=setpoint", "REPLY=OK");
    assert_eq!(caller.says(&["publish", "setpoint", "warm", "--client", "me"]), "");
    assert_eq!(panel.receive(), "EVENT=MESSAGE|VAR=setpoint|VALUE=warm|FROM=me");
    caller.says(&["publish", "setpoint", "-3.5", "--retain", "--client", "me"]);
    assert_eq!(panel.receive(), "EVENT=MESSAGE|VAR=setpoint|VALUE=-3.5|FROM=me");
    panel.expect("COMMAND=SUB|VAR=setpoint", "REPLY=OK");
    assert_eq!(panel.receive(), "EVENT=MESSAGE|VAR=setpoint|VALUE=-3.5|FROM=me|RETAINED=1");
}

#[test]
fn a_stale_token_does_nothing() {
    let (_gatekeeper, caller) = demo();
    caller.fails(22, &["set", "led", "on", "--token", "17"]);
    let caller = caller.with("LEASE_TOKEN", "17").with("LEASE_DEVICES", "motor,led");
    caller.says(&["do", "lamp", "on"]);
    assert!(caller.fails(22, &["do", "led", "on"]).contains("STALE_TOKEN"));
}
