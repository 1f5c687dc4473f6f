// Where the cores of ESP8266 and ESP32 have it.
#pragma once
#include <avr/pgmspace.h>
