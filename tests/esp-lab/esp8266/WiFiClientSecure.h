// As in the core of the ESP8266.
#pragma once
#include <StubWiFi.h>
#include <time.h>

namespace BearSSL {

class X509List {
 public:
  explicit X509List(const char *) {}
};

class PrivateKey {
 public:
  explicit PrivateKey(const char *) {}
};

class WiFiClientSecure : public ::WiFiClient {
 public:
  void setTrustAnchors(const X509List *) {}
  void setClientRSACert(const X509List *, const PrivateKey *) {}
  void setBufferSizes(int, int) {}
  void setX509Time(time_t) {}
};

}  // namespace BearSSL

using BearSSL::WiFiClientSecure;
