// Publishes a measurement every 10 s as the variable "soil". While there is no connection up to 24 of them wait; those that
// are older than a second go out as "soil.late", with their age: "512 93400ms".
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
  byte mac[] = {0x02, 0x00, 0x00, 0x00, 0x00, 0x03};
  Ethernet.begin(mac);
}
#endif

// Bytes for a frame in and for frames out, commands, subscriptions, leases, readings.
BasicGatekeeperClient<64, 80, 2, 0, 0, 24> gate(network, "garden");
unsigned long measured = 0;

void setup() {
  Serial.begin(115200);
  beginNetwork();
  gate.begin("192.168.1.10");
}

void loop() {
  gate.poll();
  if (millis() - measured < 10000) return;
  measured = millis();
  gate.publish("soil", analogRead(A0));
  Serial.print(gate.readingsWaiting());
  Serial.print(F(" waiting, dropped so far: "));
  Serial.println(gate.readingsDropped());
}
