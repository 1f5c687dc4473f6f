//! The inbox of the hardware thread: everything that can reach it, in one queue.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SendError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::latency::Latency;
use super::pulse::{NoPulse, Pulse, SignsOfLife};
use super::{ConnectionId, Tether};
use crate::domain::{Order, Outcome, Principal, Refusal, Severity};
use crate::hardware::buses::{Reading, ReadingSink};
use crate::hardware::{ChipNews, ChipSink, Edge, EdgeSink};

/// How many edges of one input may wait.  More of them are dropped, and the input is read when those that wait are
/// handled.
const WAITING_EDGES: u32 = 64;

/// An order on its way, and where its outcome goes.
pub struct Request {
    /// Who asks.
    pub principal: Arc<Principal>,
    /// On which connection; on none for a last will, whose connection has ended.
    pub connection: Option<ConnectionId>,
    /// What for.
    pub order: Order,
    /// When it is too late for it.
    pub expires: Option<Instant>,
    /// Who gets the outcome, exactly once.
    pub recipient: Arc<dyn Recipient>,
    /// What the recipient knows this request by.
    pub ticket: u64,
}

/// Somebody who waits for outcomes.
pub trait Recipient: Send + Sync {
    /// Takes the outcome of the request with this ticket.  It is called on the hardware thread and does not wait.
    fn answer(&self, ticket: u64, outcome: Outcome);
}

/// The moment in which something is done.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// On the clock that deadlines are kept on.
    pub instant: Instant,
    /// In seconds since 1970-01-01T00:00:00Z, for people and timestamps.
    pub epoch: f64,
}

/// Where commands are sent.
#[derive(Clone)]
pub struct Commands {
    messages: Sender<Message>,
    about: Arc<About>,
}

/// What anybody may know of the hardware thread without asking it.
#[derive(Debug, Default)]
pub(super) struct About {
    sent: AtomicU64,
    connections: AtomicU64,
    pub(super) leases: AtomicUsize,
    /// Those that are open: warnings, and critical ones.
    pub(super) alerts: [AtomicUsize; 2],
    pub(super) latency: Latency,
    pub(super) pulse: Pulse,
}

/// The other end of [`Commands`] that lead to no hardware thread.
pub struct Requests {
    inbox: Receiver<Message>,
    waiting: VecDeque<Request>,
}

pub(super) enum Message {
    /// Commands, and when they were handed over.
    Commands(Vec<Request>, Instant),
    Edge(Edge),
    /// What came of a reading of a sensor, of which there is one at a time.
    Reading(Reading),
    /// A chip was unplugged, or has come.
    Chip(ChipNews),
    /// A connection that has sent commands has ended.
    Gone(ConnectionId),
    /// Somebody wants to know whether this is ever reached.
    Pulse,
    Stop,
}

/// The edges of each input that were sent and not yet handled.
#[derive(Clone, Default)]
pub(super) struct WaitingEdges(Arc<OnceLock<Vec<Waiting>>>);

#[derive(Default)]
struct Waiting {
    edges: AtomicU32,
    /// The newest of those that were dropped since the input was last read.
    dropped: Mutex<Option<Edge>>,
}

impl Now {
    /// What the other clock will say, or has said, at `instant`, as far as can be known now.
    pub fn epoch_of(&self, instant: Instant) -> f64 {
        match instant.checked_duration_since(self.instant) {
            Some(later) => self.epoch + later.as_secs_f64(),
            None => self.epoch - self.instant.saturating_duration_since(instant).as_secs_f64(),
        }
    }

    /// Reads the other clock at a moment that is known already.
    pub fn at(instant: Instant) -> Now {
        Now { instant, ..Now::read() }
    }

    /// Reads both clocks.
    pub fn read() -> Now {
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
        Now { instant: Instant::now(), epoch }
    }
}

impl Commands {
    /// An inbox and the way into it.
    pub(super) fn channel() -> (Commands, Receiver<Message>) {
        let (sender, receiver) = channel();
        (Commands { messages: sender, about: Arc::default() }, receiver)
    }

    /// A way to no hardware thread, for tests of those who send: they take the requests and answer them.
    pub fn unattended() -> (Commands, Requests) {
        let (commands, receiver) = Commands::channel();
        (commands, Requests { inbox: receiver, waiting: VecDeque::new() })
    }

    /// Hands requests to the hardware thread, which answers each in its turn.  When that has ended they are refused
    /// here.
    ///
    /// What one client sends together is handed over together: otherwise the thread is woken by the first request
    /// and sleeps again before the second is there.
    pub fn send(&self, requests: Vec<Request>) {
        if requests.is_empty() {
            return;
        }
        self.about.sent.fetch_add(requests.len() as u64, Ordering::Relaxed);
        let message = Message::Commands(requests, Instant::now());
        if let Err(SendError(Message::Commands(requests, _))) = self.messages.send(message) {
            requests.into_iter().for_each(Request::refuse);
        }
    }

    /// Ties a connection that is about to send requests to the hardware thread.
    pub fn tether(&self) -> Tether {
        let number = self.about.connections.fetch_add(1, Ordering::Relaxed);
        Tether::new(ConnectionId(number), self.messages.clone())
    }

    /// How many leases are held.
    pub fn leases(&self) -> usize {
        self.about.leases.load(Ordering::Relaxed)
    }

    /// How many alerts are open, with each severity.
    pub fn alerts(&self) -> [(Severity, usize); 2] {
        let [warnings, critical] = Severity::ALL;
        let count = |place: usize| self.about.alerts[place].load(Ordering::Relaxed);
        [(warnings, count(0)), (critical, count(1))]
    }

    /// How many requests were handed over since the start.
    pub fn count(&self) -> u64 {
        self.about.sent.load(Ordering::Relaxed)
    }

    /// How long they took, each until its answer was given to its recipient.
    pub fn latency(&self) -> &Latency {
        &self.about.latency
    }

    /// Waits at most `patience` for the hardware thread to show that it lives, and says how long that took.  However
    /// many ask at the same time, its inbox gets one question.
    pub fn pulse(&self, patience: Duration) -> Result<Duration, NoPulse> {
        self.about.pulse.feel(patience, || self.messages.send(Message::Pulse).is_ok())
    }

    /// How alive the hardware thread looks at `now`, without waiting for it.  It is asked for its next sign of life, if
    /// it owes none.  Nothing when it has ended.
    pub fn signs_of_life(&self, now: Instant) -> Option<SignsOfLife> {
        self.about.pulse.look(now, || self.messages.send(Message::Pulse).is_ok())
    }

    pub(super) fn about(&self) -> Arc<About> {
        self.about.clone()
    }

    pub(super) fn stop(&self) {
        // Without a receiver the thread has ended already.
        let _ = self.messages.send(Message::Stop);
    }

    /// Where readings go.
    pub(super) fn reading_sink(&self) -> ReadingSink {
        let sender = self.messages.clone();
        Arc::new(move |reading| {
            // Without a receiver the hardware thread has ended already.
            let _ = sender.send(Message::Reading(reading));
        })
    }

    /// Where news of chips go.
    pub(super) fn chip_sink(&self) -> ChipSink {
        let sender = self.messages.clone();
        Arc::new(move |news| {
            // Without a receiver the thread has ended already.
            let _ = sender.send(Message::Chip(news));
        })
    }

    /// Where edges go.  An input whose edges are not handled as fast as they come loses some, never the last state.
    pub(super) fn edge_sink(&self, waiting: WaitingEdges) -> EdgeSink {
        let sender = self.messages.clone();
        Arc::new(move |edge| {
            if waiting.admit(edge) {
                let _ = sender.send(Message::Edge(edge));
            }
        })
    }
}

impl Requests {
    /// The next request, if one was sent already.
    pub fn take(&mut self) -> Option<Request> {
        self.waiting.extend(self.inbox.try_iter().flat_map(Message::into_requests));
        self.waiting.pop_front()
    }

    /// The next request; nothing when nobody is left who could send one.
    pub fn wait(&mut self) -> Option<Request> {
        while self.waiting.is_empty() {
            self.waiting.extend(self.inbox.recv().ok()?.into_requests());
        }
        self.waiting.pop_front()
    }
}

impl Request {
    /// Tells that the time for requests is over.
    pub(super) fn refuse(self) {
        self.recipient.answer(self.ticket, Err(Refusal::stopping()));
    }
}

impl Message {
    pub(super) fn into_requests(self) -> Vec<Request> {
        match self {
            Message::Commands(requests, _) => requests,
            Message::Edge(_)
            | Message::Reading(_)
            | Message::Chip(_)
            | Message::Gone(_)
            | Message::Pulse
            | Message::Stop => Vec::new(),
        }
    }

    /// The connection that it is about, if it is about one.
    pub(super) fn connection(&self) -> Option<ConnectionId> {
        match self {
            Message::Commands(requests, _) => requests.first().and_then(|request| request.connection),
            Message::Gone(connection) => Some(*connection),
            Message::Edge(_) | Message::Reading(_) | Message::Chip(_) | Message::Pulse | Message::Stop => {
                None
            }
        }
    }
}

impl WaitingEdges {
    pub(super) fn prepare(&self, inputs: usize) {
        // Set once, before any edge is handled; a second call would find it set and leave it.
        let _ = self.0.set((0..inputs).map(|_| Waiting::default()).collect());
    }

    fn admit(&self, edge: Edge) -> bool {
        let Some(waiting) = self.0.get().and_then(|inputs| inputs.get(edge.input)) else { return true };
        if waiting.add() {
            return true;
        }
        // Marked before it is tried again: either it fits now, or those that wait are handled after the mark.
        waiting.drop(edge);
        waiting.add()
    }

    /// Notes that an edge was handled.  When it was the last that waited and others were dropped, this is the newest of
    /// those, without a value: only the line itself knows what it is.
    pub(super) fn handled(&self, input: usize) -> Option<Edge> {
        let waiting = self.0.get()?.get(input)?;
        // Edges that came before `prepare` were never counted.
        let less = waiting.edges.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        if less.unwrap_or(0) > 1 {
            return None;
        }
        waiting.dropped().take()
    }
}

impl Waiting {
    fn drop(&self, edge: Edge) {
        let mut dropped = self.dropped();
        // Where any of them stands for edges that nobody counted, all of them do.
        let sequence = dropped.map_or(edge.sequence, |before| before.sequence.and(edge.sequence));
        *dropped = Some(Edge { value: None, sequence, ..edge });
    }

    fn dropped(&self) -> MutexGuard<'_, Option<Edge>> {
        // It is assigned as a whole, so a panic elsewhere leaves it whole.
        self.dropped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self) -> bool {
        let more = |n: u32| (n < WAITING_EDGES).then_some(n + 1);
        self.edges.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_flood_of_edges_the_line_is_read_once() {
        let waiting = WaitingEdges::default();
        waiting.prepare(2);
        let admitted = (1..=WAITING_EDGES + 10).filter(|n| waiting.admit(edge(1, Some(*n)))).count();
        assert_eq!(admitted as u32, WAITING_EDGES);
        assert!(waiting.admit(edge(0, Some(1))), "another input is another matter");
        assert_eq!(waiting.handled(0), None);
        let read: Vec<_> = (0..WAITING_EDGES).filter_map(|_| waiting.handled(1)).collect();
        assert_eq!(read, [edge(1, Some(WAITING_EDGES + 10))], "so that none of those dropped goes uncounted");
        assert!(waiting.admit(edge(1, None)));
        assert_eq!(waiting.handled(1), None);
    }

    #[test]
    fn what_was_lost_uncounted_stays_so_when_it_is_dropped() {
        let waiting = WaitingEdges::default();
        waiting.prepare(1);
        for sequence in (1..=WAITING_EDGES).map(Some).chain([None, Some(WAITING_EDGES + 1)]) {
            waiting.admit(edge(0, sequence));
        }
        let read: Vec<_> = (0..WAITING_EDGES).filter_map(|_| waiting.handled(0)).collect();
        assert_eq!(read, [edge(0, None)]);
    }

    fn edge(input: usize, sequence: Option<u32>) -> Edge {
        Edge { input, value: None, timestamp_ns: 1, sequence }
    }
}
