//! The pump: one client's thread, which moves bytes and messages between link, conversation and outbox.

use std::collections::VecDeque;
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use super::{Counted, Delivery, Note, Outbox, Taken};
use crate::domain::{Code, Refusal};
use crate::gateway::outbox::Lost;
use crate::net::{Interest, Link, Read, wait};
use crate::wire::mqtt::Census;

/// A protocol as one client speaks it.  It has no socket and no clock: bytes and time are given to it, and its
/// output is fetched.
pub trait Conversation {
    /// Takes bytes from the front of `bytes` and says how many it is done with; the others come again, with more.
    fn receive(&mut self, bytes: &[u8], now: Instant) -> usize;

    /// Whether it takes bytes at all now: not while as many requests wait as may.
    fn can_receive(&self) -> bool;

    /// Whether it waits for an answer to something that the client asked for.
    fn expects_answer(&self) -> bool;

    /// The client will send no more, and `rest` is what was not taken; its answers are still wanted.
    fn end_of_input(&mut self, rest: &[u8], now: Instant);

    /// Takes an answer to something that the client asked for.
    fn note(&mut self, note: Note, now: Instant);

    /// How many messages it can take now.
    fn room(&self) -> usize;

    /// Takes a message for the client.
    fn deliver(&mut self, delivery: Delivery, now: Instant);

    /// Says goodbye, because of what stands in the outbox.
    fn close(&mut self, why: Refusal, now: Instant);

    /// Does what is due at `now`.
    fn tick(&mut self, now: Instant);

    /// When it wants its next tick.
    fn deadline(&self) -> Option<Instant>;

    /// A turn is over: everything that had come was taken in.
    fn end_turn(&mut self) {}

    /// Bytes for the client, which are taken from the front.
    fn output(&mut self) -> &mut Vec<u8>;

    /// How many whole frames or packets were added to the output since this was last asked, which is behind its first
    /// `counted` bytes; and how many of them were publications.
    fn count_output(&mut self, counted: usize) -> Census;

    /// Whether everything has been said, so that the link can be closed when the output is written.
    fn is_over(&self) -> bool;
}

/// With so many bytes unwritten, nothing more is taken in for this client.
const FULL: usize = 64 << 10;
/// With so many bytes unread by the conversation, none are read; more than any frame or packet needs is never
/// wanted.
const SLACK: usize = 16 << 10;
/// A buffer that grew beyond this is given back when it is empty.
const SPARE: usize = 1 << 10;
/// How long the last bytes have to leave, and the client to close.
const FAREWELL: Duration = Duration::from_millis(500);

/// Runs a conversation to its end.  `largest` is the most bytes that one frame or packet has.
pub fn converse(
    link: &mut Link,
    conversation: &mut dyn Conversation,
    outbox: &Outbox,
    counted: &Counted,
    largest: usize,
) -> io::Result<()> {
    let mut farewell = None;
    let result = talk(link, conversation, outbox, counted, largest, &mut farewell);
    link.finish();
    let until = farewell.unwrap_or_else(|| Instant::now() + FAREWELL);
    conclude(conversation, outbox, until);
    result
}

fn talk(
    link: &mut Link,
    conversation: &mut dyn Conversation,
    outbox: &Outbox,
    counted: &Counted,
    largest: usize,
    farewell: &mut Option<Instant>,
) -> io::Result<()> {
    let (counters, traffic) = (counted.counters(), counted.traffic());
    // So much of the output was there, and counted, before.
    let mut unwritten = 0;
    let mut input = Vec::new();
    let (mut notes, mut deliveries) = (VecDeque::new(), VecDeque::new());
    let mut ended = false;
    let mut told_end = false;
    let mut closed = false;
    let mut spoken = false;
    loop {
        let now = Instant::now();
        let mut listening = false;
        let taken = loop {
            // What comes now is for the next connection of the session.
            if conversation.is_over() {
                break Taken::default();
            }
            listening = conversation.can_receive() && conversation.output().len() < FULL;
            let listened = listening;
            if !input.is_empty() && listening {
                let done = conversation.receive(&input, now);
                input.drain(..done);
                give_back(&mut input);
            }
            // After the input, because an acknowledgement in it may have made room.
            let room = if conversation.output().len() < FULL { conversation.room() } else { 0 };
            let taken = outbox.take(&mut notes, &mut deliveries, room);
            if taken.lost != Lost::default() {
                counters.dropped.outbox_full.add(taken.lost.dropped);
                counters.dropped.replaced.add(taken.lost.replaced);
            }
            let answered = !notes.is_empty();
            for note in notes.drain(..) {
                conversation.note(note, now);
            }
            for delivery in deliveries.drain(..) {
                conversation.deliver(delivery, now);
            }
            listening = conversation.can_receive() && conversation.output().len() < FULL;
            // An answer, or the last of what waited, may have made room for a request that has come already.
            let may_go_on = answered || !listened;
            if !(may_go_on && listening && !input.is_empty()) {
                break taken;
            }
        };
        if ended && !told_end && listening {
            conversation.end_of_input(&input, now);
            input = Vec::new();
            told_end = true;
        }
        conversation.tick(now);
        conversation.end_turn();

        let output = conversation.output();
        let mut blocked = false;
        if !output.is_empty() || link.has_unsent() {
            if output.len() > unwritten {
                let sent = conversation.count_output(unwritten);
                traffic.frames_sent.add(sent.packets);
                traffic.publishes_sent.add(sent.publishes);
            }
            let output = conversation.output();
            let written = link.write(output)?;
            traffic.bytes_sent.add(written as u64);
            output.drain(..written);
            spoken |= written > 0;
            unwritten = output.len();
            blocked = unwritten > 0 || link.has_unsent();
            give_back(output);
        }
        // Nobody rings again for what there was no room for, and there is room now.
        let more_to_say = taken.more && conversation.room() > 0;
        // What waited before the goodbye is said before it, as long as the client reads.
        let goodbye = taken.closing.filter(|_| !closed && (blocked || !more_to_say));
        if let Some(why) = goodbye {
            counters.too_slow.add(u64::from(why.code == Code::TooSlow));
            conversation.close(why, now);
            closed = true;
            farewell.get_or_insert(now + FAREWELL);
            continue;
        }
        if conversation.is_over() {
            let until = *farewell.get_or_insert(now + FAREWELL);
            if !blocked && !spoken {
                return Ok(());
            }
            if !blocked {
                return link
                    .linger(until, |socket, interest| wait(socket, interest, outbox.waker(), Some(until)));
            }
            if until > now {
                wait(link.as_fd(), Interest { read: false, write: true }, outbox.waker(), Some(until))?;
                continue;
            }
        }
        if farewell.is_some_and(|until| until <= now) {
            return Ok(());
        }
        let more_to_hear = !listening && conversation.can_receive();
        if !blocked && (more_to_say || more_to_hear) {
            continue;
        }
        if !blocked && conversation.expects_answer() && outbox.expect() {
            continue;
        }
        let interest =
            Interest { read: !ended && listening && input.len() < largest + SLACK, write: blocked };
        let until = [conversation.deadline(), *farewell].into_iter().flatten().min();
        let ready = link.wait(interest, |socket, interest| outbox.sleep(socket, interest, until))?;
        if ready.read {
            let before = input.len();
            ended |= link.read(&mut input)? == Read::End;
            traffic.bytes_received.add((input.len() - before) as u64);
        } else if ready.gone {
            // Both directions are closed: what is not read yet counts, what is not written yet is lost.
            while link.read(&mut input)? == Read::Bytes && input.len() < largest + SLACK {}
            if conversation.can_receive() {
                conversation.receive(&input, Instant::now());
            }
            return Ok(());
        }
    }
}

/// The client is gone, and some of what it asked for is not answered: a session that goes on elsewhere wants to know
/// what came of it.
fn conclude(conversation: &mut dyn Conversation, outbox: &Outbox, until: Instant) {
    conversation.end_of_input(&[], Instant::now());
    let (mut notes, mut deliveries) = (VecDeque::new(), VecDeque::new());
    while !conversation.is_over() && Instant::now() < until {
        outbox.take(&mut notes, &mut deliveries, 0);
        for note in notes.drain(..) {
            conversation.note(note, Instant::now());
        }
        conversation.end_turn();
        if !conversation.is_over() {
            outbox.expect();
        }
    }
}

fn give_back(buffer: &mut Vec<u8>) {
    if buffer.is_empty() && buffer.capacity() > SPARE {
        *buffer = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::net::{TcpListener, TcpStream};
    use std::sync::Arc;

    use super::*;
    use crate::domain::Protocol;
    use crate::gateway::{Count, Counters, Message, OutboxLimits};
    use crate::wire::mqtt::{QoS, TopicName};

    /// Writes an `x` for each message and a full stop at the end.
    #[derive(Default)]
    struct Counting {
        output: Vec<u8>,
        over: bool,
    }

    impl Conversation for Counting {
        fn receive(&mut self, bytes: &[u8], _now: Instant) -> usize {
            bytes.len()
        }
        fn can_receive(&self) -> bool {
            true
        }
        fn expects_answer(&self) -> bool {
            false
        }
        fn end_of_input(&mut self, _rest: &[u8], _now: Instant) {}
        fn note(&mut self, _note: Note, _now: Instant) {}
        fn room(&self) -> usize {
            100
        }
        fn deliver(&mut self, _delivery: Delivery, _now: Instant) {
            self.output.push(b'x');
        }
        fn close(&mut self, _why: Refusal, _now: Instant) {
            self.output.push(b'.');
            self.over = true;
        }
        fn tick(&mut self, _now: Instant) {}
        fn deadline(&self) -> Option<Instant> {
            None
        }
        fn output(&mut self) -> &mut Vec<u8> {
            &mut self.output
        }
        fn count_output(&mut self, counted: usize) -> Census {
            Census { packets: (self.output.len() - counted) as u64, publishes: 0 }
        }
        fn is_over(&self) -> bool {
            self.over
        }
    }

    #[test]
    fn what_waits_for_a_client_that_reads_comes_before_its_goodbye() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let mut client = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
        let (stream, peer) = listener.accept().expect("a client");
        let mut link = Link::new(stream, peer).expect("a socket");
        let outbox = Outbox::new(OutboxLimits { messages: 1000, bytes: 1 << 20 }).expect("an eventfd");
        for _ in 0..950 {
            let message = Message::own(TopicName::parse("t").expect("valid"), *b"x", false);
            outbox.deliver(Delivery::new(Arc::new(message), QoS::AtMostOnce));
        }
        outbox.close(Refusal::new(Code::Stopping, "the end"));
        let reading = std::thread::spawn(move || {
            let mut all = Vec::new();
            client.read_to_end(&mut all).expect("the end");
            all
        });
        let counters = Arc::new(Counters::default());
        let counted = Counted::new(&counters, Protocol::Mqtt);
        converse(&mut link, &mut Counting::default(), &outbox, &counted, 100).expect("it ends well");
        let all = reading.join().expect("it ends well");
        assert_eq!((all.len(), all.last()), (951, Some(&b'.')));
        let sent = [&counters.mqtt.frames_sent, &counters.mqtt.bytes_sent].map(Count::value);
        assert_eq!(sent, [951, 951]);
    }
}
