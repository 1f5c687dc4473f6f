#include "Engine.h"

#include <string.h>

namespace gatekeeper {

namespace {

// Milliseconds between renewals at most: 16 bits hold them, which is what small processors count with.
const uint32_t LongestThird = 20000;

}  // namespace

// The lease on exactly these devices; with none a free place.
EngineCore::Lease* EngineCore::leaseOf(Text devices) const {
  Lease* one = space_.leases;
  for (uint8_t i = space_.leasesSize; i != 0; i--, one++) {
    if (one->devices.equals(devices)) return one;
  }
  return nullptr;
}

// The same, where it was granted.
EngineCore::Lease* EngineCore::held(Text devices) const {
  Lease* lease = leaseOf(devices);
  return lease == nullptr || lease->token[0] == '\0' ? nullptr : lease;
}

const char* EngineCore::tokenOf(const EngineCore& engine, Text device) {
  const Lease* one = engine.space_.leases;
  for (uint8_t i = engine.space_.leasesSize; i != 0; i--, one++) {
    if (one->token[0] != '\0' && one->devices.lists(device)) return one->token;
  }
  return nullptr;
}

Ticket EngineCore::lease(Text devices, uint32_t ttl) {
  Lease* place = leaseOf(devices);
  if (place == nullptr) place = leaseOf(Text());
  if (place == nullptr || devices.isNone()) return 0;
  leases_ = leases;
  tokenOf_ = tokenOf;
  begin(Word::Lease);
  out_.field(Word::Device, devices);
  duration(textOf(Word::Ttl), ttl);
  const Ticket ticket = finish(Kind::Lease);
  if (ticket == 0) return 0;
  place->devices = devices;
  place->ttl = ttl;
  place->third = static_cast<uint16_t>(ttl < LongestThird * 3 ? ttl / 3 : LongestThird);
  place->asked = now_;
  place->ticket = ticket;
  return ticket;
}

bool EngineCore::holds(Text devices) const {
  const Lease* lease = held(devices);
  return lease != nullptr && now_ - lease->granted < lease->ttl;
}

Ticket EngineCore::renew(Text devices) {
  Lease* lease = held(devices);
  return lease == nullptr || lease->ticket != 0 ? 0 : sendToken(*lease, Word::Renew, Kind::Command);
}

Ticket EngineCore::release(Text devices) {
  Lease* lease = devices.isNone() ? nullptr : leaseOf(devices);
  if (lease == nullptr) return 0;
  const Ticket ticket = lease->token[0] == '\0' ? 0 : sendToken(*lease, Word::Release, Kind::Release);
  lease->devices = Text();
  lease->token[0] = '\0';
  return ticket;
}

Ticket EngineCore::sendToken(Lease& lease, Word command, Kind kind) {
  const Ticket ticket = give(command, kind, Word::Token, lease.token);
  if (ticket != 0) {
    lease.asked = now_;
    lease.ticket = ticket;
  }
  return ticket;
}

void EngineCore::lose(Lease& lease, const char* cause) {
  const Text devices = lease.devices;
  lease.devices = Text();
  lease.token[0] = '\0';
  if (onLeaseLost_ != nullptr) onLeaseLost_(LeaseLoss{devices, cause, context_});
}

void EngineCore::leases(EngineCore& engine, Step step, const Outcome& outcome) {
  Lease* one = engine.space_.leases;
  for (uint8_t i = engine.space_.leasesSize; i != 0; i--, one++) {
    if (!one->devices.isNone()) engine.step(*one, step, outcome);
  }
}

void EngineCore::step(Lease& lease, Step step, const Outcome& outcome) {
  const bool isHeld = lease.token[0] != '\0';
  const uint16_t age = static_cast<uint16_t>(now_ - lease.asked);
  switch (step) {
    case Step::Tick:
      if (isHeld && now_ - lease.granted >= lease.ttl) lose(lease, "SILENCE");
      break;
    case Step::Greeted:
      // Asks at once whether it is still there.
      lease.asked = now_ - lease.third;
      break;
    case Step::Pump:
      if (isHeld && lease.ticket == 0 && age >= lease.third) sendToken(lease, Word::Renew, Kind::Renewal);
      break;
    case Step::Event:
      if (!isHeld || strcmp(outcome.frame.text(Word::Token), lease.token) != 0) break;
      if (outcome.frame.word(Word::Event) == Word::LeaseEnding) lease.asked = now_ - lease.third;
      if (outcome.frame.word(Word::Event) == Word::LeaseLost) lose(lease, outcome.frame.text(Word::Cause));
      break;
    case Step::Settle: {
      if (lease.ticket != outcome.ticket) break;
      lease.ticket = 0;
      const char* token = outcome.frame.text(Word::Token);
      if (outcome.isDone() && strlen(token) < sizeof lease.token) {
        strcpy(lease.token, token);
        // From when it was asked for: so this side never believes in it for longer than the gatekeeper.
        lease.granted = lease.asked;
      } else if (!isHeld) {
        lease.devices = Text();
      } else if (outcome.frame.word(Word::Code) == Word::NoLease) {
        lose(lease, outcome.code());
      }
      break;
    }
  }
}

}  // namespace gatekeeper
