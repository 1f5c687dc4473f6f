#include "Engine.h"

#include <string.h>

namespace gatekeeper {

EngineCore::Lease* EngineCore::leaseOf(Text devices) const {
  for (uint8_t i = 0; i < space_.leasesSize; i++) {
    if (space_.leases[i].devices.equals(devices)) return &space_.leases[i];
  }
  return nullptr;
}

// The lease whose token the frame has.
EngineCore::Lease* EngineCore::leaseWith(const Frame& frame) const {
  const Text token(frame.text(GATEKEEPER_TEXT("TOKEN")));
  for (uint8_t i = 0; i < space_.leasesSize; i++) {
    Lease& lease = space_.leases[i];
    if (!lease.devices.isNone() && lease.token[0] != '\0' && token.equals(lease.token)) return &lease;
  }
  return nullptr;
}

const char* EngineCore::tokenFor(Text device) const {
  for (uint8_t i = 0; i < space_.leasesSize; i++) {
    const Lease& lease = space_.leases[i];
    if (lease.token[0] != '\0' && lease.devices.lists(device)) return lease.token;
  }
  return nullptr;
}

Ticket EngineCore::lease(Text devices, uint32_t ttl) {
  Lease* place = leaseOf(devices);
  if (place == nullptr) place = leaseOf(Text());
  if (place == nullptr || devices.isNone()) return 0;
  Request request(*this, GATEKEEPER_TEXT("LEASE"), Kind::Lease);
  const Ticket ticket =
      request.with(GATEKEEPER_TEXT("DEVICE"), devices).withDuration(GATEKEEPER_TEXT("TTL"), ttl).send();
  if (ticket == 0) return 0;
  if (place->devices.isNone()) place->token[0] = '\0';
  place->devices = devices;
  place->ttl = ttl;
  place->asked = now_;
  place->ticket = ticket;
  return ticket;
}

bool EngineCore::holds(Text devices) const {
  const Lease* lease = devices.isNone() ? nullptr : leaseOf(devices);
  return lease != nullptr && lease->token[0] != '\0' && now_ - lease->granted < lease->ttl;
}

Ticket EngineCore::renew(Text devices) {
  Lease* lease = devices.isNone() ? nullptr : leaseOf(devices);
  return lease == nullptr || lease->token[0] == '\0' || lease->ticket != 0 ? 0 : renew(*lease, Kind::Command);
}

Ticket EngineCore::renew(Lease& lease, Kind kind) {
  const Ticket ticket =
      Request(*this, GATEKEEPER_TEXT("RENEW"), kind).with(GATEKEEPER_TEXT("TOKEN"), lease.token).send();
  if (ticket == 0) return 0;
  lease.asked = now_;
  return lease.ticket = ticket;
}

Ticket EngineCore::release(Text devices) {
  Lease* lease = devices.isNone() ? nullptr : leaseOf(devices);
  if (lease == nullptr) return 0;
  lease->devices = Text();
  if (lease->token[0] == '\0') return 0;
  Request request(*this, GATEKEEPER_TEXT("RELEASE"), Kind::Release);
  request.with(GATEKEEPER_TEXT("TOKEN"), lease->token);
  lease->token[0] = '\0';
  return request.send();
}

void EngineCore::lose(Lease& lease, const char* cause) {
  const Text devices = lease.devices;
  lease.devices = Text();
  lease.token[0] = '\0';
  if (onLeaseLost_ != nullptr) onLeaseLost_(LeaseLoss{devices, cause, context_});
}

void EngineCore::settleLease(Ticket ticket, Result result, const Frame& frame) {
  for (uint8_t i = 0; i < space_.leasesSize; i++) {
    Lease& lease = space_.leases[i];
    if (lease.devices.isNone() || lease.ticket != ticket) continue;
    lease.ticket = 0;
    const char* token = frame.text(GATEKEEPER_TEXT("TOKEN"));
    if (result == Result::Done && strlen(token) < sizeof lease.token) {
      strcpy(lease.token, token);
      // From when it was asked for: so this side never believes in it for longer than the gatekeeper.
      lease.granted = lease.asked;
    } else if (lease.token[0] == '\0') {
      lease.devices = Text();
    } else if (frame.is(GATEKEEPER_TEXT("CODE"), GATEKEEPER_TEXT("NO_LEASE"))) {
      lose(lease, frame.text(GATEKEEPER_TEXT("CODE")));
    }
  }
}

// After a reconnect: asks at once whether the leases are still there.
void EngineCore::recallLeases() {
  for (uint8_t i = 0; i < space_.leasesSize; i++) space_.leases[i].asked = now_ - space_.leases[i].ttl;
}

void EngineCore::tickLeases() {
  for (uint8_t i = 0; i < space_.leasesSize; i++) {
    Lease& lease = space_.leases[i];
    const bool isHeld = !lease.devices.isNone() && lease.token[0] != '\0';
    if (isHeld && now_ - lease.granted >= lease.ttl) lose(lease, "SILENCE");
  }
}

void EngineCore::pumpLeases() {
  for (uint8_t i = 0; i < space_.leasesSize; i++) {
    Lease& lease = space_.leases[i];
    const bool isHeld = !lease.devices.isNone() && lease.token[0] != '\0' && lease.ticket == 0;
    if (isHeld && now_ - lease.asked >= lease.ttl / 3) renew(lease, Kind::Renewal);
  }
}

}  // namespace gatekeeper
