// Ethernet without a network, with the face of Arduino's Ethernet library.
#pragma once
#include "StubClient.h"

class EthernetClient : public StubClient {};

class EthernetClass {
 public:
  int begin(uint8_t *) { return 0; }
  void begin(uint8_t *, IPAddress) {}
  int maintain() { return 0; }
  IPAddress localIP() { return IPAddress(0, 0, 0, 0); }
};
static EthernetClass Ethernet;
