#include "Engine.h"

namespace gatekeeper {

Request::Request(EngineCore& engine, Text command) : engine_(engine) { engine.begin(command); }

Request& Request::with(Text key, Text value) { return engine_.out_.field(key, value), *this; }

Request& Request::with(Text key, Number value) { return engine_.out_.field(key, value), *this; }

Request& Request::withDuration(Text key, uint32_t duration) { return engine_.duration(key, duration), *this; }

Ticket Request::send() { return engine_.finish(); }

void EngineCore::begin(Text command) {
  out_.start().field(Word::Command, command).field(Word::Id, nextTicket_);
  if (!isReady()) out_.spoil();
}

void EngineCore::duration(Text key, uint32_t duration) {
  out_.key(key).digits(duration, 0).value(Word::Milliseconds).close();
}

Ticket EngineCore::finish(Kind kind) {
  Pending* place = pending(0);
  if (place == nullptr || !out_.finish()) return 0;
  const Ticket ticket = nextTicket_++;
  if (nextTicket_ == 0) nextTicket_ = 1;
  place->ticket = ticket;
  place->unsent = out_.length();
  place->since = static_cast<uint16_t>(now_);
  place->kind = kind;
  return ticket;
}

// A command with one field, or with two.
Ticket EngineCore::give(Word command, Kind kind, Word key, Text value, Word otherKey, Text otherValue) {
  begin(command);
  out_.field(key, value);
  if (otherKey != Word::Unknown) out_.field(otherKey, otherValue);
  return finish(kind);
}

// Begins a command that writes a device, under the lease that is held on it.
void EngineCore::beginWrite(Word command, Text device) {
  begin(command);
  out_.field(Word::Device, device);
  const char* token = tokenOf_ == nullptr ? nullptr : tokenOf_(*this, device);
  if (token != nullptr) out_.field(Word::Token, token);
}

Ticket EngineCore::set(Text device, Text value) {
  beginWrite(Word::Set, device);
  out_.field(Word::Value, value);
  return finish();
}

Ticket EngineCore::set(Text device, Number value) {
  beginWrite(Word::Set, device);
  out_.key(Word::Value).number(value).close();
  return finish();
}

Ticket EngineCore::perform(Text device, Text action) {
  beginWrite(Word::Do, device);
  out_.field(Word::Action, action);
  return finish();
}

Ticket EngineCore::get(Text device) { return give(Word::Get, Kind::Command, Word::Device, device); }

Ticket EngineCore::publishText(Text variable, Text value, Retain retain) {
  begin(Word::Publish);
  out_.field(Word::Variable, variable).field(Word::Value, value);
  if (retain == Retain::Yes) out_.field(Word::Retain, 1);
  return finish();
}

Ticket EngineCore::send(Text client, Text value) {
  return give(Word::Send, Kind::Command, Word::To, client, Word::Value, value);
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
  return give(command, Kind::Subscription, (flags & IsDevice) != 0 ? Word::Device : Word::Variable, name) != 0;
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
