// As in the core of the ESP32.
#pragma once
#include <StubWiFi.h>
