#include "Engine.h"

#include <string.h>

namespace gatekeeper {

EngineCore::EngineCore(Text client, char* in, uint16_t inSize, char* out, uint16_t outSize, const Space& space)
    : EngineStreams(in, inSize, out, outSize), EngineMemory() {
  space_ = space;
  client_ = client;
  keepalive_ = timeout_ = 5000;
  nextTicket_ = 1;
}

void EngineCore::connected(uint32_t now) {
  disconnected();
  now_ = now;
  heard_ = static_cast<uint16_t>(now);
  phase_ = Phase::Begin;
  comeback_ = Comeback::Soon;
  pump();
}

void EngineCore::disconnected() {
  const Frame none;
  const bool wasReady = isReady();
  phase_ = Phase::Offline;
  over_ = false;
  owesHello_ = false;
  hasAsked_ = false;
  out_.clear();
  splitter_.reset();
  for (Pending* one = space_.pending; one != space_.pending + space_.pendingSize; one++) {
    if (one->ticket != 0) settle(*one, one->unsent != 0 ? Result::NotSent : Result::Lost, none);
  }
  if (wasReady) end(Link::Lost, none);
  over_ = false;
}

void EngineCore::receive(const char* bytes, uint16_t count, uint32_t now) {
  now_ = now;
  for (; count != 0 && phase_ != Phase::Offline; count--) {
    heard_ = static_cast<uint16_t>(now);
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
  const Frame none;
  step(Step::Tick, none);
  if (phase_ == Phase::Offline) return;
  const uint16_t time = static_cast<uint16_t>(now);
  for (Pending* one = space_.pending; one != space_.pending + space_.pendingSize; one++) {
    if (one->ticket == 0 || static_cast<uint16_t>(time - one->since) < timeout_) continue;
    // What could not be sent in all this time must not be sent any more, and the bytes before it are gone already.
    if (one->unsent != 0) {
      over_ = true;
    } else {
      settle(*one, Result::TimedOut, none);
    }
  }
  const uint16_t silence = static_cast<uint16_t>(time - heard_);
  if (silence >= keepalive_ && !hasAsked_) {
    hasAsked_ = true;
    owesHello_ = true;
  }
  if (silence / 2 >= keepalive_) over_ = true;
  pump();
}

void EngineCore::sent(uint16_t count) {
  out_.drop(count);
  for (Pending* one = space_.pending; one != space_.pending + space_.pendingSize; one++) {
    one->unsent = static_cast<uint16_t>(one->unsent > count ? one->unsent - count : 0);
  }
}

void EngineCore::updateSystem(const char* in) { receive(in, static_cast<uint16_t>(strlen(in)), now_); }

const char* EngineCore::transmitQueue() {
  char* text = out_.bytes();
  text[out_.length()] = '\0';
  sent(out_.length());
  return text;
}

void EngineCore::take(const Frame& frame) {
  switch (frame.kind()) {
    case 'R': reply(frame); break;
    case 'E': event(frame); break;
    case 'C': owesHello_ = true; break;  // the gatekeeper has one command only: HELLO
  }
}

void EngineCore::reply(const Frame& frame) {
  // Without an ID it is the answer to a sign of life.
  if (*frame.text(Word::Id) == '\0') return;
  const Ticket ticket = static_cast<Ticket>(frame.fixed(Word::Id, 0));
  if (ticket == 0) return greet(frame);
  Pending* answered = pending(ticket);
  if (answered == nullptr) return;
  settle(*answered, frame.word(Word::Reply) == Word::Ok ? Result::Done : Result::Refused, frame);
}

// The answer to what introduce() has sent.
void EngineCore::greet(const Frame& frame) {
  const bool isDone = frame.word(Word::Reply) == Word::Ok;
  // NOT_SUPPORTED: there are no users, or a certificate has said already who this is.
  if (phase_ == Phase::Authenticating && (isDone || frame.word(Word::Code) == Word::NotSupported)) {
    phase_ = Phase::Authenticated;
  } else if (!isDone) {
    end(Link::Denied, frame);
  } else if (phase_ == Phase::Greeting) {
    phase_ = Phase::Ready;
    Subscription* one = space_.subscriptions;
    for (uint8_t i = space_.subscriptionsSize; i != 0; i--, one++) {
      one->flags &= IsUsed | IsDevice;
      one->sequence = 0;
    }
    step(Step::Greeted, frame);
    if (onLink_ != nullptr) onLink_(LinkChange{Link::Ready, "", context_});
  }
}

void EngineCore::event(const Frame& frame) {
  switch (frame.word(Word::Event)) {
    case Word::State:
      state(frame);
      break;
    case Word::Message:
      if (onMessage_ != nullptr) onMessage_(Message{frame, context_});
      break;
    case Word::Alert:
      if (onAlert_ != nullptr) onAlert_(Alert{frame, context_});
      break;
    case Word::Closing:
      end(Link::Lost, frame);
      break;
    default:
      step(Step::Event, frame);
  }
}

// Nothing goes on over this connection; what waits is told by disconnected().
void EngineCore::end(Link link, const Frame& frame) {
  phase_ = Phase::Offline;
  over_ = true;
  const Word code = frame.word(Word::Code);
  comeback_ = code >= Word::TakenOver && code <= Word::Malformed ? Comeback::Late : Comeback::Soon;
  if (onLink_ != nullptr) onLink_(LinkChange{link, frame.text(Word::Code), context_});
}

void EngineCore::settle(Pending& pending, Result result, const Frame& frame) {
  const Outcome outcome{pending.ticket, result, pending.kind, frame, context_};
  // A callback may need the place for its own command.
  pending.ticket = 0;
  step(Step::Settle, outcome);
  // Subscriptions are made again with the next connection, renewals in time, readings that were not sent too.
  if (outcome.kind == Kind::Renewal || (outcome.kind == Kind::Subscription && result != Result::Refused)) return;
  if (outcome.kind == Kind::Reading && (result == Result::Done || result == Result::NotSent)) return;
  if (onOutcome_ != nullptr) onOutcome_(outcome);
}

void EngineCore::step(Step step, const Outcome& outcome) {
  if (leases_ != nullptr) leases_(*this, step, outcome);
  if (readings_ != nullptr) readings_(*this, step, outcome);
}

void EngineCore::step(Step step, const Frame& frame) {
  this->step(step, Outcome{0, Result::Done, Kind::Command, frame, context_});
}

// Sends what the engine itself has to say, as far as there is room.
void EngineCore::pump() {
  if (owesHello_) {
    owesHello_ = !out_.start().field(Word::Command, Word::HelloAnswer).finish();
  }
  introduce();
  if (!isReady()) return;
  const Frame none;
  step(Step::Pump, none);
  pumpSubscriptions();
}

// Says who this is, one step after the other, so that little room is enough.
void EngineCore::introduce() {
  const bool isBegin = phase_ == Phase::Begin;
  if (!isBegin && phase_ != Phase::Authenticated) return;
  const bool hasToken = isBegin && !token_.isNone();
  out_.start().field(Word::Command, hasToken ? Word::Authenticate : Word::Hello).field(Word::Id, 0);
  if (hasToken) {
    out_.field(Word::Token, token_);
  } else {
    out_.field(Word::Client, client_).key(Word::Keepalive).digits(keepalive_, 0).value(Word::Milliseconds).close();
  }
  if (out_.finish()) phase_ = hasToken ? Phase::Authenticating : Phase::Greeting;
}

// The command with this ticket; with 0 a free place.
EngineCore::Pending* EngineCore::pending(Ticket ticket) const {
  for (Pending* one = space_.pending; one != space_.pending + space_.pendingSize; one++) {
    if (one->ticket == ticket) return one;
  }
  return nullptr;
}

}  // namespace gatekeeper
