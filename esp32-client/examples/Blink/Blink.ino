// Blinks a lamp of the gatekeeper over the network, and says on the serial line what came of each command.
// On ESP32 and ESP8266 over WiFi, on other boards over an Ethernet shield.
#include <GpioGatekeeper.h>

#if defined(ESP32) || defined(ESP8266)
#if defined(ESP32)
#include <WiFi.h>
#else
#include <ESP8266WiFi.h>
#endif
WiFiClient network;
void beginNetwork() { WiFi.begin("network", "password"); }
#else
#include <Ethernet.h>
EthernetClient network;
void beginNetwork() {
  byte mac[] = {0x02, 0x00, 0x00, 0x00, 0x00, 0x01};
  Ethernet.begin(mac);
}
#endif

// The second is this board's own name among all clients of the gatekeeper.
GatekeeperClient gate(network, "blinker");
unsigned long switched = 0;

void settled(const gatekeeper::Outcome& outcome) {
  if (outcome.isDone()) return;
  Serial.print(F("not done: "));
  Serial.println(outcome.isUnknown() ? "no reply" : outcome.code());
}

void setup() {
  Serial.begin(115200);
  beginNetwork();
  gate.onOutcome(settled);
  gate.begin("192.168.1.10");
}

void loop() {
  gate.poll();
  if (!gate.isReady() || millis() - switched < 1000) return;
  switched = millis();
  gate.set(F("led"), F("TOGGLE"));
}
