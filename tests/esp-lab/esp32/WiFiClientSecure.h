// As in the core of the ESP32.
#pragma once
#include <WiFi.h>

class WiFiClientSecure : public WiFiClient {
 public:
  void setCACert(const char *) {}
  void setCertificate(const char *) {}
  void setPrivateKey(const char *) {}
  void setHandshakeTimeout(unsigned long) {}
};
typedef WiFiClientSecure NetworkClientSecure;
