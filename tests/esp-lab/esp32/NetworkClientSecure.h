// Its name since version 3 of the core of the ESP32.
#pragma once
#include <WiFiClientSecure.h>
