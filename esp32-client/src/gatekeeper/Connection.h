// Moves the bytes between an engine and an Arduino Client, and connects again when the connection is lost.
#pragma once

#include <Arduino.h>
#include <Client.h>

#include "Engine.h"

namespace gatekeeper {

// What a connection remembers; all of it is zero at first, but for the backoff.
struct ConnectionMemory {
  enum class Place : uint8_t { Idle, Waiting, Open };
  const char* host_;
  // The lower half of the time.
  uint16_t waitingSince_;
  uint16_t wait_;
  uint16_t backoff_;
  uint16_t port_;
  Place place_;
  bool isPolling_;
};

class Connection : private ConnectionMemory {
 public:
  Connection(EngineCore& engine, Client& network);

  // Where the gatekeeper is, a name or an address; kept. The first attempt is made by the next poll().
  void begin(const char* host, uint16_t port);
  // Does what there is to do, and waits for nothing, but that connect() of the Client takes its time. Attempts are 0.5 s
  // apart at first, then twice as much each time up to 33 s, each ±50 %.
  void poll();
  // Closes the connection, and makes no other one until begin().
  void end();

 private:
  void open();
  void close();
  void read(uint32_t now);
  void write();

  EngineCore& engine_;
  Client& network_;
};

}  // namespace gatekeeper
