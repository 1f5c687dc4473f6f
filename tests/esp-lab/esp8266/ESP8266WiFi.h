// As in the core of the ESP8266.
#pragma once
#include <StubWiFi.h>
#include <WiFiClientSecure.h>
