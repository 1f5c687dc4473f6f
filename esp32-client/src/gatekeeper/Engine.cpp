#include "Engine.h"

#include <string.h>

namespace gatekeeper {

EngineCore::EngineCore(Text client, const Space& space)
    : space_(space),
      splitter_(space.in, space.inSize),
      client_(client),
      context_(nullptr),
      onOutcome_(nullptr),
      onState_(nullptr),
      onMessage_(nullptr),
      onAlert_(nullptr),
      onLeaseLost_(nullptr),
      onLink_(nullptr),
      now_(0),
      heard_(0),
      keepalive_(5000),
      timeout_(5000),
      outLength_(0),
      lastTicket_(0),
      readingTicket_(0),
      readingsDropped_(0),
      readingsUnknown_(0),
      readingsFirst_(0),
      readingsCount_(0),
      phase_(Phase::Offline),
      comeback_(Comeback::Soon),
      over_(false),
      owesHello_(false),
      hasAsked_(false) {}

void EngineCore::connected(uint32_t now) {
  disconnected();
  now_ = heard_ = now;
  phase_ = Phase::Begin;
  comeback_ = Comeback::Soon;
  pump();
}

void EngineCore::disconnected() {
  const bool wasReady = isReady();
  phase_ = Phase::Offline;
  over_ = owesHello_ = hasAsked_ = false;
  outLength_ = 0;
  splitter_.reset();
  for (uint8_t i = 0; i < space_.pendingSize; i++) {
    Pending& pending = space_.pending[i];
    if (pending.ticket != 0) settle(pending, pending.unsent != 0 ? Result::NotSent : Result::Lost, Frame());
  }
  if (wasReady) end(Link::Lost, "", comeback_);
  over_ = false;
}

void EngineCore::receive(const char* bytes, uint16_t count, uint32_t now) {
  now_ = now;
  while (count-- != 0 && phase_ != Phase::Offline) {
    heard_ = now;
    hasAsked_ = false;
    const Item item = splitter_.feed(*bytes++);
    if (item != Item::Whole && item != Item::Cut) continue;
    Frame frame;
    if (splitter_.parse(frame)) take(frame);
  }
  pump();
}

void EngineCore::tick(uint32_t now) {
  now_ = now;
  tickLeases();
  tickReadings();
  if (phase_ == Phase::Offline) return;
  for (uint8_t i = 0; i < space_.pendingSize; i++) {
    Pending& pending = space_.pending[i];
    if (pending.ticket == 0 || static_cast<uint16_t>(static_cast<uint16_t>(now) - pending.since) < timeout_) continue;
    // What could not be sent in all this time must not be sent any more, and the bytes before it are gone already.
    if (pending.unsent != 0) {
      over_ = true;
    } else {
      settle(pending, Result::TimedOut, Frame());
    }
  }
  const uint32_t silence = now - heard_;
  if (silence >= keepalive_ && !hasAsked_) hasAsked_ = owesHello_ = true;
  if (silence / 2 >= keepalive_) over_ = true;
  pump();
}

void EngineCore::sent(uint16_t count) {
  if (count > outLength_) count = outLength_;
  outLength_ = static_cast<uint16_t>(outLength_ - count);
  memmove(space_.out, space_.out + count, outLength_);
  for (uint8_t i = 0; i < space_.pendingSize; i++) {
    uint16_t& unsent = space_.pending[i].unsent;
    unsent = static_cast<uint16_t>(unsent > count ? unsent - count : 0);
  }
}

void EngineCore::updateSystem(const char* in) { receive(in, static_cast<uint16_t>(strlen(in)), now_); }

const char* EngineCore::transmitQueue() {
  space_.out[outLength_] = '\0';
  sent(outLength_);
  return space_.out;
}

void EngineCore::take(const Frame& frame) {
  if (frame.isFirst(GATEKEEPER_TEXT("REPLY"))) {
    reply(frame);
  } else if (frame.isFirst(GATEKEEPER_TEXT("EVENT"))) {
    event(frame);
  } else if (frame.is(GATEKEEPER_TEXT("COMMAND"), GATEKEEPER_TEXT("HELLO"))) {
    owesHello_ = true;
  }
}

void EngineCore::reply(const Frame& frame) {
  // Without an ID it is the answer to a sign of life.
  const int32_t id = frame.fixed(GATEKEEPER_TEXT("ID"), 0, -1);
  if (id == 0) greet(frame);
  for (uint8_t i = 0; id > 0 && i < space_.pendingSize; i++) {
    Pending& pending = space_.pending[i];
    if (pending.ticket != id) continue;
    settle(pending, frame.is(GATEKEEPER_TEXT("REPLY"), GATEKEEPER_TEXT("OK")) ? Result::Done : Result::Refused, frame);
    return;
  }
}

// The answer to what handshake() has sent.
void EngineCore::greet(const Frame& frame) {
  const Text code(frame.text(GATEKEEPER_TEXT("CODE")));
  const bool isDone = code[0] == '\0';
  // NOT_SUPPORTED: there are no users, or a certificate has said already who this is.
  if (phase_ == Phase::Authenticating && (isDone || code.equals(GATEKEEPER_TEXT("NOT_SUPPORTED")))) {
    phase_ = Phase::Authenticated;
  } else if (phase_ == Phase::Greeting && isDone) {
    phase_ = Phase::Ready;
    for (uint8_t i = 0; i < space_.subscriptionsSize; i++) space_.subscriptions[i].flags &= IsUsed | IsDevice;
    recallLeases();
    if (onLink_ != nullptr) onLink_(LinkChange{Link::Ready, "", context_});
  } else if (phase_ == Phase::Authenticating || phase_ == Phase::Greeting) {
    const bool isBusy = code.equals(GATEKEEPER_TEXT("LIMIT_REACHED")) || code.equals(GATEKEEPER_TEXT("STOPPING"));
    end(Link::Denied, frame.text(GATEKEEPER_TEXT("CODE")), isBusy ? Comeback::Soon : Comeback::Late);
  }
}

void EngineCore::event(const Frame& frame) {
  const Text what(frame.text(GATEKEEPER_TEXT("EVENT")));
  if (what.equals(GATEKEEPER_TEXT("STATE"))) {
    state(frame);
  } else if (what.equals(GATEKEEPER_TEXT("MESSAGE"))) {
    if (onMessage_ != nullptr) onMessage_(Message{frame, context_});
  } else if (what.equals(GATEKEEPER_TEXT("ALERT"))) {
    if (onAlert_ != nullptr) onAlert_(Alert{frame, context_});
  } else if (what.equals(GATEKEEPER_TEXT("LEASE_ENDING"))) {
    Lease* lease = leaseWith(frame);
    if (lease != nullptr) lease->asked = now_ - lease->ttl;
  } else if (what.equals(GATEKEEPER_TEXT("LEASE_LOST"))) {
    Lease* lease = leaseWith(frame);
    if (lease != nullptr) lose(*lease, frame.text(GATEKEEPER_TEXT("CAUSE")));
  } else if (what.equals(GATEKEEPER_TEXT("CLOSING"))) {
    const Text code(frame.text(GATEKEEPER_TEXT("CODE")));
    const bool isUnwanted = code.equals(GATEKEEPER_TEXT("TAKEN_OVER")) || code.equals(GATEKEEPER_TEXT("ACCESS_DENIED")) ||
                            code.equals(GATEKEEPER_TEXT("MALFORMED"));
    end(Link::Lost, frame.text(GATEKEEPER_TEXT("CODE")), isUnwanted ? Comeback::Late : Comeback::Soon);
  }
}

// Nothing goes on over this connection; what waits is told by disconnected().
void EngineCore::end(Link link, const char* code, Comeback comeback) {
  phase_ = Phase::Offline;
  over_ = true;
  comeback_ = comeback;
  if (onLink_ != nullptr) onLink_(LinkChange{link, code, context_});
}

void EngineCore::settle(Pending& pending, Result result, const Frame& frame) {
  const Ticket ticket = pending.ticket;
  const Kind kind = pending.kind;
  // A callback may need the place for its own command.
  pending.ticket = 0;
  settleLease(ticket, result, frame);
  if (kind == Kind::Reading) settleReading(ticket, result);
  // Subscriptions are made again with the next connection, renewals in time, readings that were not sent too.
  if (kind == Kind::Renewal || (kind == Kind::Subscription && result != Result::Refused)) return;
  if (kind == Kind::Reading && (result == Result::Done || result == Result::NotSent)) return;
  if (onOutcome_ == nullptr) return;
  onOutcome_(Outcome{ticket, result, kind, frame, context_});
}

// Sends what the engine itself has to say, as far as there is room.
void EngineCore::pump() {
  if (phase_ == Phase::Offline) return;
  if (owesHello_) {
    Writer hello = writer();
    hello.field(GATEKEEPER_TEXT("COMMAND"), GATEKEEPER_TEXT("HELLO!"));
    owesHello_ = !queue(hello.finish());
  }
  handshake();
  if (!isReady()) return;
  pumpLeases();
  pumpSubscriptions();
  pumpReadings();
}

// Says who this is, one step after the other, so that little room is enough.
void EngineCore::handshake() {
  const bool isBegin = phase_ == Phase::Begin;
  if (!isBegin && phase_ != Phase::Authenticated) return;
  Writer frame = writer();
  if (isBegin && !token_.isNone()) {
    frame.field(GATEKEEPER_TEXT("COMMAND"), GATEKEEPER_TEXT("AUTH")).field(GATEKEEPER_TEXT("ID"), Number(0, 0));
    frame.field(GATEKEEPER_TEXT("TOKEN"), token_);
    if (queue(frame.finish())) phase_ = Phase::Authenticating;
    return;
  }
  frame.field(GATEKEEPER_TEXT("COMMAND"), GATEKEEPER_TEXT("HELLO")).field(GATEKEEPER_TEXT("ID"), Number(0, 0));
  frame.field(GATEKEEPER_TEXT("CLIENT"), client_).key(GATEKEEPER_TEXT("KEEPALIVE"));
  frame.number(Number(keepalive_, 0)).value(GATEKEEPER_TEXT("ms")).close();
  if (queue(frame.finish())) phase_ = Phase::Greeting;
}

// Where the next frame goes; a byte stays free for the zero of transmitQueue().
Writer EngineCore::writer() const {
  return Writer(space_.out + outLength_, static_cast<uint16_t>(space_.outSize - 1 - outLength_));
}

// Takes the frame of this length that was written; false where it did not fit.
bool EngineCore::queue(uint16_t length) {
  outLength_ = static_cast<uint16_t>(outLength_ + length);
  return length != 0;
}

EngineCore::Pending* EngineCore::freePending() const {
  for (uint8_t i = 0; i < space_.pendingSize; i++) {
    if (space_.pending[i].ticket == 0) return &space_.pending[i];
  }
  return nullptr;
}

}  // namespace gatekeeper
