// Drives the devices of a GPIO Gatekeeper from a microcontroller, over any Arduino Client: WiFi, Ethernet, TLS.
//
//   WiFiClient network;
//   GatekeeperClient gate(network, "porch");            // a client id that is this board's own
//
//   void setup() { ... gate.onState(changed).onOutcome(settled); gate.subscribe("button"); gate.begin("192.168.1.10"); }
//   void loop()  { gate.poll(); }
#pragma once

#include "gatekeeper/Connection.h"

// The engine of gatekeeper/Engine.h, whose calls it has, with its connection. It keeps references to the Client and to the
// client id.
template <uint16_t In = gatekeeper::Sizes::In, uint16_t Out = gatekeeper::Sizes::Out,
          uint8_t PendingCount = gatekeeper::Sizes::Pending, uint8_t SubscriptionCount = gatekeeper::Sizes::Subscriptions,
          uint8_t LeaseCount = gatekeeper::Sizes::Leases, uint8_t ReadingCount = gatekeeper::Sizes::Readings>
class BasicGatekeeperClient
    : public gatekeeper::Engine<In, Out, PendingCount, SubscriptionCount, LeaseCount, ReadingCount> {
 public:
  BasicGatekeeperClient(Client& network, gatekeeper::Text client)
      : gatekeeper::Engine<In, Out, PendingCount, SubscriptionCount, LeaseCount, ReadingCount>(client),
        connection_(*this, network) {}

  // Where the gatekeeper is; kept. Its port is 7070, and 7071 in TLS.
  void begin(const char* host, uint16_t port = 7070) { connection_.begin(host, port); }
  // To be called from loop(), again and again. It never waits, but for connect() of the Client.
  void poll() { connection_.poll(); }
  void loop() { connection_.poll(); }
  // Closes the connection; begin() makes another one.
  void end() { connection_.end(); }

 private:
  gatekeeper::Connection connection_;
};

// With sizes that fit the board.
typedef BasicGatekeeperClient<> GatekeeperClient;
