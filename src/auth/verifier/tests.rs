//! The verifier with a clock of its own.

use std::sync::mpsc::TryRecvError;
use std::time::Duration;

use super::super::attempts::LANE;
use super::super::late::ADDRESS as LATE;
use super::*;
use crate::domain::Protocol;

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::BROADCAST);
const TOKEN: &str = "gk_0000000000000000000000000000000000000000";

/// What one attempt is told, and its wish to be told.
struct Asked {
    verdict: Receiver<Verdict>,
    _awaited: Arc<()>,
}

impl Asked {
    fn told(&self) -> Option<Result<String, Rejected>> {
        match self.verdict.try_recv() {
            Ok(verdict) => {
                Some(verdict.map(|admitted| admitted.account.user.as_ref().expect("a user").to_string()))
            }
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => None,
        }
    }
}

/// `anna` and `bert` have the password `password`, `esp` has a token that expires at 100; `anna` has the certificate
/// `anna.home`, and that of `gone`, `gone.home`, is worth nothing from 50 on.
fn desk() -> Desk {
    let phc = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    let person = format!(r#"{{"role": "viewer", "password": "{phc}"}}"#);
    let anna = person.replace('}', r#", "certificates": ["anna.home"]}"#);
    let token = TokenDigest::of(TOKEN.as_bytes());
    let text = format!(
        r#"{{"version": 1, "users": {{"anna": {anna}, "bert": {person},
        "gone": {{"role": "viewer", "expires": 50, "certificates": ["gone.home"]}},
        "esp": {{"role": "viewer", "tokens": [{{"sha256": "{token}", "expires": 100}}]}}}}}}"#
    );
    Desk::new(Users::parse(&text).expect("good"), Box::new(drop), Instant::now())
}

fn ask(desk: &mut Desk, address: IpAddr, user: &str, secret: &str) -> Asked {
    ask_at(desk, address, user, secret, 0.0)
}

fn ask_at(desk: &mut Desk, address: IpAddr, user: &str, secret: &str, epoch: f64) -> Asked {
    let user = (!user.is_empty()).then(|| user.to_owned());
    let credentials = Credentials { user, secret: Some(secret.into()), certificate: None };
    show(desk, address, credentials, epoch)
}

fn show(desk: &mut Desk, address: IpAddr, credentials: Credentials, epoch: f64) -> Asked {
    let (tell, told) = channel();
    let awaited = Arc::new(());
    let attempt = Attempt {
        visitor: Box::new(Visitor {
            client: None,
            address: (address, 5000).into(),
            protocol: Protocol::Mqtt,
            certificate_name: credentials.certificate.clone(),
            user: None,
        }),
        credentials,
        awaited: Arc::downgrade(&awaited),
        answer: Box::new(move |verdict| drop(tell.send(verdict))),
    };
    desk.take(Order::Verify(attempt), Instant::now(), epoch);
    Asked { verdict: told, _awaited: awaited }
}

#[test]
fn credentials_are_right_or_wrong_or_expired() {
    let (mut desk, now) = (desk(), Instant::now());
    for (user, secret, epoch, verdict) in [
        ("anna", "password", 0.0, Ok("anna")),
        ("anna", "passwore", 0.0, Err(Rejected::Wrong)),
        ("nobody", "password", 0.0, Err(Rejected::Wrong)),
        ("esp", "", 0.0, Err(Rejected::Wrong)),
        ("", TOKEN, 99.0, Ok("esp")),
        ("esp", TOKEN, 99.0, Ok("esp")),
        ("anna", TOKEN, 99.0, Err(Rejected::Wrong)),
        ("", TOKEN, 100.0, Err(Rejected::Expired)),
        ("", "gk_0000000000000000000000000000000000000001", 0.0, Err(Rejected::Wrong)),
    ] {
        (desk.throttle, desk.token_throttle) = (Throttle::default(), Throttle::default());
        let asked = ask_at(&mut desk, HERE, user, secret, epoch);
        desk.work(now, epoch);
        assert_eq!(asked.told(), Some(verdict.map(str::to_owned)), "{user} {secret}");
    }
}

#[test]
fn a_certificate_is_its_users_and_nobody_elses() {
    use Rejected::{Contradicted, Expired, Lapsed, Unknown, Wrong};
    let (mut desk, now) = (desk(), Instant::now());
    for (certificate, user, secret, epoch, verdict) in [
        ("anna.home", None, None, 0.0, Ok("anna")),
        ("anna.home", Some("anna"), None, 0.0, Ok("anna")),
        ("anna.home", Some(""), None, 0.0, Ok("anna")),
        ("anna.home", Some("anna"), Some("password"), 0.0, Ok("anna")),
        ("anna.home", Some("anna"), Some("passwore"), 0.0, Err(Wrong)),
        ("anna.home", Some("anna"), Some(""), 0.0, Err(Wrong)),
        ("anna.home", Some("bert"), None, 0.0, Err(Contradicted)),
        ("anna.home", Some("nobody"), None, 0.0, Err(Contradicted)),
        ("anna.home", Some("?"), None, 0.0, Err(Contradicted)),
        ("anna.home", Some("bert"), Some("password"), 0.0, Err(Contradicted)),
        ("anna.home", Some("bert"), Some("passwore"), 0.0, Err(Wrong)),
        ("anna.home", None, Some(TOKEN), 0.0, Err(Contradicted)),
        ("Anna.home", None, None, 0.0, Err(Unknown)),
        ("Anna.home", Some("anna"), None, 0.0, Err(Wrong)),
        ("Anna.home", Some("bert"), Some("password"), 0.0, Ok("bert")),
        ("gone.home", None, None, 49.0, Ok("gone")),
        ("gone.home", None, None, 50.0, Err(Lapsed)),
        ("gone.home", Some("gone"), None, 50.0, Err(Expired)),
        ("gone.home", Some("anna"), None, 50.0, Err(Wrong)),
        ("gone.home", Some("anna"), Some("password"), 50.0, Ok("anna")),
        ("gone.home", Some("anna"), Some("password"), 49.0, Err(Contradicted)),
    ] {
        (desk.throttle, desk.token_throttle) = (Throttle::default(), Throttle::default());
        let credentials = Credentials {
            user: user.map(str::to_owned),
            secret: secret.map(|secret| secret.as_bytes().to_vec()),
            certificate: Some(certificate.to_owned()),
        };
        let asked = show(&mut desk, HERE, credentials, epoch);
        desk.work(now, epoch);
        assert_eq!(
            asked.told(),
            Some(verdict.map(str::to_owned)),
            "{certificate} {user:?} {secret:?} {epoch}"
        );
    }
}

#[test]
fn a_certificate_waits_for_nobody_who_guesses() {
    let (mut desk, now) = (desk(), Instant::now());
    for _ in 0..9 {
        desk.throttle.failed(HERE, "anna", now);
    }
    for (certificate, verdict) in [("anna.home", Ok("anna".to_owned())), ("x", Err(Rejected::Unknown))] {
        let certificate = Some(certificate.to_owned());
        let asked = show(&mut desk, HERE, Credentials { certificate, ..Credentials::default() }, 0.0);
        assert_eq!(asked.told(), Some(verdict));
    }
}

/// A desk, and what it tells the audit, each as its action and its code.
fn audited_desk() -> (Desk, Receiver<String>) {
    let (tell, told) = channel();
    let audit = move |audit: Audit| {
        let code = audit.refused.map_or("done", |(code, _)| code.as_str());
        let _ = tell.send(format!("{} {code}", audit.deed.action()));
    };
    (Desk { audit: Box::new(audit), ..desk() }, told)
}

#[test]
fn a_flood_that_is_turned_away_is_told_in_a_sum() {
    let (mut desk, told) = audited_desk();
    let guesses: Vec<Asked> = (0..1032).map(|_| ask(&mut desk, HERE, "anna", "guess")).collect();
    let busy = guesses.iter().filter(|guess| guess.told() == Some(Err(Rejected::Busy))).count();
    assert_eq!((busy, told.try_iter().count()), (1000, 10), "32 wait to be looked at");
    let due = desk.tally.due().expect("990 were counted");
    drop(guesses);
    desk.work(due, 0.0);
    assert_eq!(told.try_iter().collect::<Vec<_>>(), ["refused(990) ACCESS_DENIED"]);
    ask(&mut desk, THERE, "", TOKEN);
    assert_eq!(told.try_iter().collect::<Vec<_>>(), ["sign_in(token) done"]);
    ask(&mut desk, HERE, "", "gk_0000000000000000000000000000000000000001");
    desk.finish(0.0);
    assert_eq!(told.try_iter().collect::<Vec<_>>(), ["refused(1) ACCESS_DENIED"], "nothing is left unsaid");
}

#[test]
fn who_fails_is_told_so_later_and_later() {
    let (mut desk, now) = (desk(), Instant::now());
    let mut last = None;
    for _ in 0..3 {
        last = Some(ask(&mut desk, HERE, "anna", "guess"));
        desk.work(now, 0.0);
    }
    let asked = last.expect("three");
    let due = now + Duration::from_millis(100);
    assert_eq!((asked.told(), desk.work(now, 0.0)), (None, Some(due)));
    desk.work(due, 0.0);
    assert_eq!(asked.told(), Some(Err(Rejected::Wrong)));
}

#[test]
fn a_flood_of_guesses_keeps_nobody_out() {
    let (mut desk, mut now) = (desk(), Instant::now());
    let guesses: Vec<Asked> = (0..LANE).map(|_| ask(&mut desk, HERE, "anna", "guess")).collect();
    let elsewhere = ask(&mut desk, THERE, "anna", "password");
    let beside = ask(&mut desk, HERE, "bert", "password");
    for _ in 0..3 {
        desk.work(now, 0.0);
    }
    assert_eq!(elsewhere.told(), Some(Ok("anna".to_owned())), "from another address");
    assert_eq!(beside.told(), Some(Ok("bert".to_owned())), "another user of the same address");
    for _ in 0..10 {
        now = desk.work(now, 0.0).expect("guesses wait");
    }
    let told = guesses.iter().filter(|guess| guess.told().is_some()).count();
    assert!(told < 12, "{told} guesses were told");
}

#[test]
fn few_wrong_tokens_of_one_address_wait_and_good_ones_do_not() {
    const WRONG: &str = "gk_0000000000000000000000000000000000000001";
    let (mut desk, now) = (desk(), Instant::now());
    let guess = |desk: &mut Desk, address| ask(desk, address, "", WRONG);
    // The first two are told at once.
    let mut guesses: Vec<Asked> = (0..LATE + 2).map(|_| guess(&mut desk, HERE)).collect();
    assert_eq!(guesses.iter().filter(|guess| guess.told().is_some()).count(), 2);
    assert_eq!(guess(&mut desk, HERE).told(), Some(Err(Rejected::Busy)));
    assert_eq!(ask(&mut desk, HERE, "", TOKEN).told(), Some(Ok("esp".to_owned())));
    assert_eq!(guess(&mut desk, THERE).told(), None, "from another address");
    guesses.pop();
    assert_eq!(guess(&mut desk, HERE).told(), None, "who has gone makes room");
    let password = ask(&mut desk, HERE, "anna", "password");
    desk.work(now, 0.0);
    assert_eq!(password.told(), Some(Ok("anna".to_owned())), "a password does not wait for them");
    desk.work(now + 2 * Duration::from_secs(2), 0.0);
    assert!(guesses[2..].iter().all(|guess| guess.told() == Some(Err(Rejected::Wrong))));
    assert_eq!(guess(&mut desk, HERE).told(), None, "there is room again");
}

#[test]
fn who_has_gone_away_takes_no_time() {
    let (mut desk, now) = (desk(), Instant::now());
    for _ in 0..1000 {
        drop(ask(&mut desk, HERE, "anna", "guess"));
    }
    let there = ask(&mut desk, HERE, "anna", "password");
    assert_eq!(desk.work(now, 0.0), None, "nothing is left to do");
    assert_eq!(there.told(), Some(Ok("anna".to_owned())));
}

#[test]
fn only_so_many_wait_and_who_has_gone_makes_room() {
    let mut desk = desk();
    let mut waiting: Vec<Asked> = (0..LANE).map(|_| ask(&mut desk, HERE, "anna", "guess")).collect();
    assert_eq!(ask(&mut desk, HERE, "anna", "guess").told(), Some(Err(Rejected::Busy)));
    waiting.truncate(LANE - 1);
    assert_eq!(ask(&mut desk, HERE, "anna", "guess").told(), None, "there is room for it");
    let names = (0..200).map(|number| ask(&mut desk, HERE, &number.to_string(), "guess"));
    let busy = names.collect::<Vec<_>>().iter().filter(|guess| guess.told().is_some()).count();
    assert_eq!(busy, 200 - (128 - (LANE - 1)), "from one address");
    assert_eq!(ask(&mut desk, THERE, "bert", "password").told(), None, "from another one there is room");
}

#[test]
fn a_user_who_is_not_there_takes_as_long_as_one_who_is() {
    let desk = desk();
    assert_eq!(desk.nobody.work(), 512);
    assert_eq!(dearest(&Users::default()).work(), 5 * 7168);
}

#[test]
fn the_memory_of_hashes_is_there_as_long_as_somebody_waits() {
    let (mut desk, now) = (desk(), Instant::now());
    let asked = ["anna", "bert"].map(|user| ask(&mut desk, HERE, user, "password"));
    desk.work(now, 0.0);
    assert!(!desk.scratch.is_empty());
    desk.work(now, 0.0);
    assert!(desk.scratch.is_empty());
    assert!(asked.iter().all(|asked| asked.told().is_some_and(|verdict| verdict.is_ok())));
}
