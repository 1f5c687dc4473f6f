#include "Engine.h"

namespace gatekeeper {

Request::Request(EngineCore& engine, Text command, Kind kind) : engine_(engine) {
  engine.kind_ = kind;
  engine.out_.start().field(Word::Command, command).field(Word::Id, engine.nextTicket_);
  if (!engine.isReady()) engine.out_.spoil();
}

Request& Request::with(Text key, Text value) { return engine_.out_.field(key, value), *this; }

Request& Request::with(Text key, Number value) { return engine_.out_.field(key, value), *this; }

Request& Request::with(Word key, Text value) { return engine_.out_.field(key, value), *this; }

Request& Request::withDuration(Text key, uint32_t duration) {
  engine_.out_.key(key).digits(duration, 0).value(Word::Milliseconds).close();
  return *this;
}

Ticket Request::send() {
  EngineCore::Pending* place = engine_.pending(0);
  if (place == nullptr || !engine_.out_.finish()) return 0;
  const Ticket ticket = engine_.nextTicket_++;
  if (engine_.nextTicket_ == 0) engine_.nextTicket_ = 1;
  place->ticket = ticket;
  place->unsent = engine_.out_.length();
  place->since = static_cast<uint16_t>(engine_.now_);
  place->kind = engine_.kind_;
  return ticket;
}

// A command that writes a device, under the lease that is held on it.
Request EngineCore::write(Word command, Text device) {
  Request request(*this, textOf(command), Kind::Command);
  request.with(Word::Device, device);
  const char* token = tokenOf_ == nullptr ? nullptr : tokenOf_(*this, device);
  if (token != nullptr) request.with(Word::Token, token);
  return request;
}

Ticket EngineCore::set(Text device, Text value) { return write(Word::Set, device).with(Word::Value, value).send(); }

Ticket EngineCore::set(Text device, Number value) {
  return write(Word::Set, device).with(textOf(Word::Value), value).send();
}

Ticket EngineCore::perform(Text device, Text action) {
  return write(Word::Do, device).with(Word::Action, action).send();
}

Ticket EngineCore::get(Text device) { return command(textOf(Word::Get)).with(Word::Device, device).send(); }

Ticket EngineCore::publishText(Text variable, Text value, Retain retain) {
  Request request = command(textOf(Word::Publish));
  request.with(Word::Variable, variable).with(Word::Value, value);
  if (retain == Retain::Yes) request.with(Word::Retain, "1");
  return request.send();
}

Ticket EngineCore::send(Text client, Text value) {
  return command(textOf(Word::Send)).with(Word::To, client).with(Word::Value, value).send();
}

EngineCore::Subscription* EngineCore::subscription(Text name, uint8_t flags) const {
  Subscription* one = space_.subscriptions;
  for (uint8_t i = space_.subscriptionsSize; i != 0; i--, one++) {
    if ((one->flags & (IsUsed | IsDevice)) == flags && (flags == 0 || one->name.equals(name))) return one;
  }
  return nullptr;
}

bool EngineCore::subscribe(Text name, uint8_t flags) {
  if (subscription(name, flags) != nullptr) return true;
  Subscription* place = subscription(name, 0);
  if (place == nullptr) return false;
  place->name = name;
  place->flags = flags;
  place->sequence = 0;
  return true;
}

void EngineCore::unsubscribe(Text name, uint8_t flags) {
  Subscription* found = subscription(name, flags);
  if (found == nullptr) return;
  // Where this can't be sent the events go on until the next connection, and nothing else is wrong.
  if ((found->flags & IsAsked) != 0) sendSubscription(Word::Unsubscribe, name, flags);
  found->flags = 0;
}

bool EngineCore::sendSubscription(Word command, Text name, uint8_t flags) {
  Request request(*this, textOf(command), Kind::Subscription);
  return request.with((flags & IsDevice) != 0 ? Word::Device : Word::Variable, name).send() != 0;
}

void EngineCore::pumpSubscriptions() {
  Subscription* one = space_.subscriptions;
  for (uint8_t i = space_.subscriptionsSize; i != 0; i--, one++) {
    const bool isWanted = (one->flags & (IsUsed | IsAsked)) == IsUsed;
    if (isWanted && sendSubscription(Word::Subscribe, one->name, one->flags)) one->flags |= IsAsked;
  }
}

void EngineCore::state(const Frame& frame) {
  if (onState_ == nullptr) return;
  uint16_t missed = 0;
  Subscription* subscribed = subscription(frame.text(Word::Device), IsUsed | IsDevice);
  if (subscribed != nullptr) {
    const uint16_t sequence = static_cast<uint16_t>(frame.fixed(Word::Sequence, 0));
    const uint16_t before = subscribed->sequence;
    subscribed->sequence = sequence;
    if (before != 0 && sequence != 0 && sequence != before) missed = static_cast<uint16_t>(sequence - before - 1);
  }
  onState_(State{frame, missed, context_});
}

}  // namespace gatekeeper
