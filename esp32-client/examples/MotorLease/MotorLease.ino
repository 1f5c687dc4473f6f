// Drives a motor of the gatekeeper while a switch at this board is closed, under a lease: nobody else can write the motor
// meanwhile, and if this board or its network dies, the gatekeeper stops the motor after 3 s by itself.
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
  byte mac[] = {0x02, 0x00, 0x00, 0x00, 0x00, 0x04};
  Ethernet.begin(mac);
}
#endif

const uint8_t SwitchPin = 4;  // to ground

GatekeeperClient gate(network, "winch");
bool wasClosed = false;

void settled(const gatekeeper::Outcome& outcome) {
  // The lease is there: from now on it is renewed by itself.
  if (outcome.kind == gatekeeper::Kind::Lease && outcome.isDone()) gate.perform(F("motor"), F("forward"));
  if (outcome.isRefused(F("HELD"))) Serial.println(F("somebody else has it"));
}

void lost(const gatekeeper::LeaseLoss& loss) {
  Serial.print(F("lost, and the motor stands: "));
  Serial.println(loss.cause);
}

void setup() {
  Serial.begin(115200);
  pinMode(SwitchPin, INPUT_PULLUP);
  beginNetwork();
  gate.onOutcome(settled).onLeaseLost(lost);
  gate.begin("192.168.1.10");
}

void loop() {
  gate.poll();
  const bool isClosed = digitalRead(SwitchPin) == LOW;
  if (isClosed == wasClosed || !gate.isReady()) return;
  wasClosed = isClosed;
  if (isClosed) {
    gate.lease("motor", 3000);
  } else {
    gate.perform(F("motor"), F("stop"));
    gate.release("motor");
  }
}
