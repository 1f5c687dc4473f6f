// Arduino.h for boards that have no Arduino core here. The classes Print, Stream, Client, IPAddress and String are the
// real ones of Debian's arduino-core-avr; esp-lab copies them when it builds.
#pragma once
#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <avr/pgmspace.h>

typedef uint8_t byte;
typedef bool boolean;
#define HIGH 1
#define LOW 0
#define INPUT 0
#define OUTPUT 1
#define INPUT_PULLUP 2
#define LED_BUILTIN 2
#define A0 17
#ifdef __cplusplus
extern "C" {
#endif
// The board's own: rv32, lx106, host.
unsigned long millis(void);
unsigned long micros(void);
void delay(unsigned long ms);
void yield(void);
// Pins: what was written is read back, and nothing else.
void pinMode(uint8_t pin, uint8_t mode);
void digitalWrite(uint8_t pin, uint8_t level);
int digitalRead(uint8_t pin);
int analogRead(uint8_t pin);
// Numbers as text, as the AVR's C library has them.
char *ltoa(long number, char *text, int radix);
char *ultoa(unsigned long number, char *text, int radix);
char *itoa(int number, char *text, int radix);
char *utoa(unsigned number, char *text, int radix);
char *dtostrf(double number, signed char width, unsigned char decimals, char *text);
#ifdef __cplusplus
}
// C++, for the C library has a random() of its own.
long random(long below);
void randomSeed(unsigned long seed);

#include "WString.h"
#include "Print.h"
#include "Stream.h"
#include "IPAddress.h"

// A serial port to which nobody listens, for sketches that tell of themselves.
class DeafSerial : public Stream {
 public:
  void begin(unsigned long) {}
  int available() override { return 0; }
  int read() override { return -1; }
  int peek() override { return -1; }
  size_t write(uint8_t) override { return 1; }
  using Print::write;
  operator bool() { return true; }
};
extern DeafSerial Serial;
#endif
