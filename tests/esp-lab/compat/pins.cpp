// Pins without a board: what was written is read back.
#include <Arduino.h>

static uint8_t levels[64];
static uint32_t seed = 1;

extern "C" {
void pinMode(uint8_t, uint8_t) {}
void digitalWrite(uint8_t pin, uint8_t level) { levels[pin % sizeof levels] = level; }
int digitalRead(uint8_t pin) { return levels[pin % sizeof levels]; }
int analogRead(uint8_t pin) { return levels[pin % sizeof levels] ? 1023 : 0; }
}

void randomSeed(unsigned long with) { seed = (uint32_t)with; }
long random(long below) {
  seed = seed * 1664525u + 1013904223u;
  return below > 0 ? (long)((seed >> 8) % (uint32_t)below) : 0;
}
