// WiFi without a network, with what the cores of ESP32 and ESP8266 have in common.
#pragma once
#include <StubClient.h>

typedef enum { WL_IDLE_STATUS = 0, WL_NO_SSID_AVAIL = 1, WL_CONNECTED = 3, WL_CONNECT_FAILED = 4, WL_DISCONNECTED = 6 } wl_status_t;
typedef enum { WIFI_OFF = 0, WIFI_STA = 1, WIFI_AP = 2, WIFI_AP_STA = 3 } WiFiMode_t;

class WiFiClass {
 public:
  wl_status_t begin(const char *, const char * = nullptr) { return WL_DISCONNECTED; }
  wl_status_t status() { return WL_DISCONNECTED; }
  bool isConnected() { return false; }
  bool mode(WiFiMode_t) { return true; }
  bool setAutoReconnect(bool) { return true; }
  bool setHostname(const char *) { return true; }
  bool hostname(const char *) { return true; }
  IPAddress localIP() { return IPAddress(0, 0, 0, 0); }
  String macAddress() { return String("00:00:00:00:00:00"); }
};
static WiFiClass WiFi;

class WiFiClient : public StubClient {};

// The time that certificates are checked against.
inline void configTime(long, int, const char *, const char * = nullptr, const char * = nullptr) {}
