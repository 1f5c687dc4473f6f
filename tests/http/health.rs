//! `/health`, with hardware that answers, is stuck, or has ended.

use gpio_gatekeeper::daemon::Ending;
use serde_json::Value as Json;

use super::support::Gatekeeper;
use super::support::faulty::{self, Fault};
use super::support::http::{Answer, get};
use super::support::line::LineClient;

const DEVICES: &str = r#""relay": {"relay": {"line": "GPIO27"}}"#;

fn json(answer: &Answer) -> Json {
    assert_eq!(answer.header("Content-Type"), Some("application/json"));
    serde_json::from_str(&answer.body).expect("JSON")
}

#[test]
fn healthy_hardware_answers_in_microseconds() {
    let gatekeeper = Gatekeeper::start();
    let health = get(gatekeeper.http(), "/health");
    assert_eq!(health.status, 200);
    let health = json(&health);
    assert_eq!((&health["status"], &health["backend"]), (&"ok".into(), &"simulated".into()));
    assert_eq!((&health["simulated"], &health["devices"]), (&true.into(), &5.into()));
    assert_eq!(health["version"], env!("CARGO_PKG_VERSION"));
    assert!(health["hardware_latency_us"].as_u64().is_some_and(|micros| micros < 500_000), "{health}");
    assert!(health["uptime"].is_u64(), "{health}");
}

#[test]
fn stuck_hardware_is_told_and_so_is_its_recovery() {
    let (hardware, _board, switch) = faulty::hardware();
    let daemon = Gatekeeper::daemon("", DEVICES, hardware);
    let http = daemon.http_address().expect("on");
    let mut line = LineClient::patient(daemon.line_address().expect("on"));
    switch.set(27, Fault::Stuck);
    // They are handed over together, so that with the first answer the second is what the thread is stuck in.
    line.raw(b"|START|COMMAND=GET|DEVICE=relay|END||START|COMMAND=SET|DEVICE=relay|VALUE=ON|END|");
    assert!(line.reply().starts_with("REPLY=OK|"));
    // However many ask, each is answered.
    let stuck: Vec<_> = (0..8).map(|_| std::thread::spawn(move || get(http, "/health"))).collect();
    for answer in stuck {
        let answer = answer.join().expect("an answer");
        let health = json(&answer);
        assert_eq!((answer.status, &health["status"]), (503, &"stuck".into()));
        assert_eq!(health["hardware_latency_us"], Json::Null);
    }
    assert_eq!(get(http, "/metrics").status, 200, "what needs no hardware goes on");
    switch.mend();
    assert!(line.reply().starts_with("REPLY=OK|"));
    let health = get(http, "/health");
    assert_eq!((health.status, &json(&health)["status"]), (200, &"ok".into()));
    assert!(daemon.stop(Ending::Asked));
}

#[test]
fn hardware_that_has_ended_is_told() {
    let (hardware, _board, switch) = faulty::hardware();
    let daemon = Gatekeeper::daemon("", DEVICES, hardware);
    let mut line = LineClient::patient(daemon.line_address().expect("on"));
    switch.set(27, Fault::Panic);
    line.send("COMMAND=SET|DEVICE=relay|VALUE=ON");
    let ending = daemon.wait();
    let health = get(daemon.http_address().expect("on"), "/health");
    assert_eq!((health.status, &json(&health)["status"]), (503, &"stopping".into()));
    daemon.stop(ending);
}
