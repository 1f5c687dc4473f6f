// The same in TLS, signed in with a token of this board's own: `gpio-gatekeeper user token esp1`.
// For ESP32 and ESP8266; on other boards with a Client that speaks TLS.
#include <GpioGatekeeper.h>

// The authority that signed the gatekeeper's certificate, or that certificate itself. Without it nobody knows who answers.
const char Authority[] = R"(-----BEGIN CERTIFICATE-----
put it here
-----END CERTIFICATE-----
)";

#if defined(ESP32)
#include <WiFi.h>
#include <WiFiClientSecure.h>
WiFiClientSecure network;
void beginNetwork() {
  WiFi.begin("network", "password");
  configTime(0, 0, "pool.ntp.org");  // certificates are good for some time only
  network.setCACert(Authority);
}
#elif defined(ESP8266)
#include <ESP8266WiFi.h>
#include <WiFiClientSecure.h>
BearSSL::X509List authorities(Authority);
BearSSL::WiFiClientSecure network;
void beginNetwork() {
  WiFi.begin("network", "password");
  configTime(0, 0, "pool.ntp.org");
  network.setTrustAnchors(&authorities);
}
#else
#include <Ethernet.h>
EthernetClient network;  // no TLS: put the Client of your board here
void beginNetwork() { (void)Authority; }
#endif

GatekeeperClient gate(network, "esp1");

void linked(const gatekeeper::LinkChange& change) {
  if (change.link == gatekeeper::Link::Ready) gate.set(F("led"), F("ON"));
  if (change.link == gatekeeper::Link::Denied) Serial.println(change.code);
}

void setup() {
  Serial.begin(115200);
  beginNetwork();
  gate.token("gk_0123456789abcdef0123456789abcdef01234567").onLink(linked);
  gate.begin("gatekeeper.example", 7071);  // the name in the certificate
}

void loop() { gate.poll(); }
