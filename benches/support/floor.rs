//! The floor: a thread per client, one worker thread, and nothing done by either.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Sender, channel};

use gpio_gatekeeper::wire::mqtt::{
    Connack, Packet, Properties, ReasonCode, Split, Suback, Version, decode, encode, split,
};

/// What the clients of a floor begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speech {
    /// Requests at once.
    Line,
    /// CONNECT and SUBSCRIBE.
    Mqtt,
}

/// A request on its way to the worker, and where its answer goes.
type Job = (Vec<u8>, Sender<Vec<u8>>);

/// The program `floor line SIZE` or `floor mqtt SIZE`, with the size of a request: it prints its address and serves
/// until its standard input ends.
pub fn run(arguments: &[String]) {
    let (speech, size) = match arguments {
        [speech, size] if speech == "line" => (Speech::Line, size),
        [speech, size] if speech == "mqtt" => (Speech::Mqtt, size),
        _ => panic!("floor line SIZE, or floor mqtt SIZE"),
    };
    let size = size.parse().expect("a number of bytes");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    println!("{}", listener.local_addr().expect("bound"));
    let (jobs, worker) = channel::<Job>();
    std::thread::spawn(move || {
        for (request, answer) in worker {
            // A client that has gone away needs no answer.
            let _ = answer.send(request);
        }
    });
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (client, jobs) = (client.expect("a connection"), jobs.clone());
            std::thread::spawn(move || serve(client, speech, size, &jobs));
        }
    });
    // Nobody writes to it: it ends when whoever started this has ended.
    let _ = std::io::stdin().read(&mut [0]);
}

/// Serves one client; an error is its end.
fn serve(mut client: TcpStream, speech: Speech, size: usize, jobs: &Sender<Job>) -> Option<()> {
    client.set_nodelay(true).ok()?;
    if speech == Speech::Mqtt {
        welcome(&mut client)?;
    }
    let (answer, answers) = channel();
    let (mut chunk, mut filled) = (vec![0; 64 << 10], 0);
    let mut output = Vec::new();
    loop {
        match client.read(&mut chunk[filled..]).ok()? {
            0 => return None,
            read => filled += read,
        }
        let whole = filled / size;
        for request in chunk[..whole * size].chunks(size) {
            jobs.send((request.to_vec(), answer.clone())).ok()?;
        }
        chunk.copy_within(whole * size..filled, 0);
        filled -= whole * size;
        for _ in 0..whole {
            output.extend(answers.recv().ok()?);
        }
        client.write_all(&output).ok()?;
        output.clear();
    }
}

/// Takes CONNECT and SUBSCRIBE as they come.
fn welcome(client: &mut TcpStream) -> Option<()> {
    let (mut input, mut subscribed) = (Vec::new(), false);
    while !subscribed {
        let mut chunk = [0; 4096];
        let read = client.read(&mut chunk).ok().filter(|read| *read > 0)?;
        input.extend_from_slice(&chunk[..read]);
        while let Split::Packet { frame, length } = split(&input, usize::MAX).ok()? {
            let answer = match decode(&frame, Version::V5).ok()? {
                Packet::Connect(_) => Packet::Connack(Connack {
                    session_present: false,
                    reason: ReasonCode::Success,
                    properties: Properties::new(),
                }),
                Packet::Subscribe(subscribe) => {
                    subscribed = true;
                    Packet::Suback(Suback {
                        packet_id: subscribe.packet_id,
                        properties: Properties::new(),
                        reasons: vec![ReasonCode::Success],
                    })
                }
                _ => return None,
            };
            let mut output = Vec::new();
            encode(&answer, Version::V5, &mut output).ok()?;
            client.write_all(&output).ok()?;
            input.drain(..length);
        }
    }
    Some(())
}
