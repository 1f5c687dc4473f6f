// A button at this board switches a lamp at the gatekeeper, and the board's own LED shows what the lamp really does,
// whoever has switched it.
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
  byte mac[] = {0x02, 0x00, 0x00, 0x00, 0x00, 0x02};
  Ethernet.begin(mac);
}
#endif

const uint8_t ButtonPin = 4;  // to ground
const uint8_t LedPin = 5;

GatekeeperClient gate(network, "door-button");
bool wasPressed = false;
unsigned long changed = 0;

void show(const gatekeeper::State& state) { digitalWrite(LedPin, state.isOn() ? HIGH : LOW); }

void setup() {
  pinMode(ButtonPin, INPUT_PULLUP);
  pinMode(LedPin, OUTPUT);
  beginNetwork();
  gate.onState(show);
  gate.subscribe("led");  // kept, and renewed after each reconnect
  gate.begin("192.168.1.10");
}

void loop() {
  gate.poll();
  const bool isPressed = digitalRead(ButtonPin) == LOW;
  if (isPressed == wasPressed || millis() - changed < 30) return;  // 30 ms until it has stopped bouncing
  changed = millis();
  wasPressed = isPressed;
  // Without a connection this does nothing, not even later: nobody wants a lamp that goes on after an hour.
  if (isPressed) gate.set(F("led"), F("TOGGLE"));
}
