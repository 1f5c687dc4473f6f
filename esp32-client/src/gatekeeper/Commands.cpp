#include "Engine.h"

namespace gatekeeper {

Request::Request(EngineCore& engine, Text command, Kind kind)
    : engine_(engine), writer_(engine.writer()), ticket_(0), kind_(kind) {
  if (!engine.isReady() || engine.freePending() == nullptr) return;
  ticket_ = static_cast<Ticket>(engine.lastTicket_ + 1);
  if (ticket_ == 0) ticket_ = 1;
  writer_.field(GATEKEEPER_TEXT("COMMAND"), command).field(GATEKEEPER_TEXT("ID"), Number(ticket_, 0));
}

Request& Request::withDuration(Text key, uint32_t duration) {
  writer_.key(key).number(Number(static_cast<int32_t>(duration), 0)).value(GATEKEEPER_TEXT("ms")).close();
  return *this;
}

Ticket Request::send() {
  EngineCore::Pending* pending = engine_.freePending();
  if (ticket_ == 0 || pending == nullptr || !engine_.queue(writer_.finish())) return 0;
  *pending = EngineCore::Pending{ticket_, engine_.outLength_, static_cast<uint16_t>(engine_.now_), kind_};
  return engine_.lastTicket_ = ticket_;
}

// A command that writes a device, under the lease that is held on it.
Request EngineCore::write(Text command, Text device) {
  Request request(*this, command, Kind::Command);
  request.with(GATEKEEPER_TEXT("DEVICE"), device);
  const char* token = tokenFor(device);
  if (token != nullptr) request.with(GATEKEEPER_TEXT("TOKEN"), token);
  return request;
}

Ticket EngineCore::set(Text device, Text value) {
  return write(GATEKEEPER_TEXT("SET"), device).with(GATEKEEPER_TEXT("VALUE"), value).send();
}

Ticket EngineCore::set(Text device, Number value) {
  return write(GATEKEEPER_TEXT("SET"), device).with(GATEKEEPER_TEXT("VALUE"), value).send();
}

Ticket EngineCore::perform(Text device, Text action) {
  return write(GATEKEEPER_TEXT("DO"), device).with(GATEKEEPER_TEXT("ACTION"), action).send();
}

Ticket EngineCore::get(Text device) {
  return command(GATEKEEPER_TEXT("GET")).with(GATEKEEPER_TEXT("DEVICE"), device).send();
}

Ticket EngineCore::publishText(Text variable, Text value, Retain retain) {
  Request request = command(GATEKEEPER_TEXT("PUB"));
  request.with(GATEKEEPER_TEXT("VAR"), variable).with(GATEKEEPER_TEXT("VALUE"), value);
  if (retain == Retain::Yes) request.with(GATEKEEPER_TEXT("RETAIN"), Number(1, 0));
  return request.send();
}

Ticket EngineCore::send(Text client, Text value) {
  return command(GATEKEEPER_TEXT("SEND")).with(GATEKEEPER_TEXT("TO"), client).with(GATEKEEPER_TEXT("VALUE"), value).send();
}

EngineCore::Subscription* EngineCore::subscription(Text name, uint8_t flags) const {
  for (uint8_t i = 0; i < space_.subscriptionsSize; i++) {
    Subscription& found = space_.subscriptions[i];
    if ((found.flags & (IsUsed | IsDevice)) == (flags | IsUsed) && found.name.equals(name)) return &found;
  }
  return nullptr;
}

bool EngineCore::subscribe(Text name, uint8_t flags) {
  if (subscription(name, flags) != nullptr) return true;
  for (uint8_t i = 0; i < space_.subscriptionsSize; i++) {
    Subscription& made = space_.subscriptions[i];
    if ((made.flags & IsUsed) != 0) continue;
    made = Subscription{name, 0, static_cast<uint8_t>(flags | IsUsed)};
    return true;
  }
  return false;
}

void EngineCore::unsubscribe(Text name, uint8_t flags) {
  Subscription* found = subscription(name, flags);
  if (found == nullptr) return;
  // Where this can't be sent the events go on until the next connection, and nothing else is wrong.
  if ((found->flags & IsAsked) != 0) {
    Request request(*this, GATEKEEPER_TEXT("UNSUB"), Kind::Subscription);
    request.with((flags & IsDevice) != 0 ? GATEKEEPER_TEXT("DEVICE") : GATEKEEPER_TEXT("VAR"), name).send();
  }
  found->flags = 0;
}

void EngineCore::pumpSubscriptions() {
  for (uint8_t i = 0; i < space_.subscriptionsSize; i++) {
    Subscription& wanted = space_.subscriptions[i];
    if ((wanted.flags & (IsUsed | IsAsked)) != IsUsed) continue;
    Request request(*this, GATEKEEPER_TEXT("SUB"), Kind::Subscription);
    request.with((wanted.flags & IsDevice) != 0 ? GATEKEEPER_TEXT("DEVICE") : GATEKEEPER_TEXT("VAR"), wanted.name);
    if (request.send() == 0) return;
    wanted.flags |= IsAsked;
  }
}

void EngineCore::state(const Frame& frame) {
  if (onState_ == nullptr) return;
  uint16_t missed = 0;
  Subscription* subscribed = subscription(frame.text(GATEKEEPER_TEXT("DEVICE")), IsDevice);
  if (subscribed != nullptr) {
    const uint16_t sequence = static_cast<uint16_t>(frame.fixed(GATEKEEPER_TEXT("SEQ"), 0));
    const uint16_t risen = static_cast<uint16_t>(sequence - subscribed->sequence);
    if ((subscribed->flags & HasSequence) != 0 && risen != 0) missed = static_cast<uint16_t>(risen - 1);
    subscribed->sequence = sequence;
    subscribed->flags |= HasSequence;
  }
  onState_(State{frame, missed, context_});
}

}  // namespace gatekeeper
