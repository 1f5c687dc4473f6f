// ATmega with the real Arduino core: the UART is the byte stream to the TCP server. The simulator listens to the two registers
// that the chip leaves to programs: a byte in GPIOR1 is one of the log, one in GPIOR0 is the status with which it ends.
#pragma once
#include <Arduino.h>
#include <Client.h>
#include <avr/sleep.h>

class UartClient : public Client {
 public:
  int connect(IPAddress, uint16_t) override { return up_ = 1; }
  int connect(const char *, uint16_t) override { return up_ = 1; }
  size_t write(uint8_t byte) override { return Serial.write(byte); }
  size_t write(const uint8_t *bytes, size_t count) override { return Serial.write(bytes, count); }
  int available() override { return Serial.available(); }
  int read() override { return Serial.read(); }
  int read(uint8_t *bytes, size_t room) override {
    size_t count = 0;
    while (count < room && Serial.available()) bytes[count++] = (uint8_t)Serial.read();
    return count ? (int)count : -1;
  }
  int peek() override { return Serial.peek(); }
  void flush() override { Serial.flush(); }
  void stop() override { up_ = 0; }
  uint8_t connected() override { return up_; }
  operator bool() override { return up_; }

 private:
  uint8_t up_ = 0;
};

static UartClient net;
inline const char *labHost() { return ""; }
inline uint16_t labPort() { return 0; }
inline void labSetup() { Serial.begin(115200); }
inline void labLog(const char *text) {
  while (*text) GPIOR1 = (uint8_t)*text++;
  GPIOR1 = '\n';
}
inline void labLog(const __FlashStringHelper *text) {
  PGM_P letter = (PGM_P)text;
  while (uint8_t byte = pgm_read_byte(letter++)) GPIOR1 = byte;
  GPIOR1 = '\n';
}
// Until something comes or the clock ticks.
inline void labIdle() {
  set_sleep_mode(SLEEP_MODE_IDLE);
  sleep_mode();
}
inline void labEnd(int status) {
  Serial.flush();
  GPIOR0 = (uint8_t)status;
  // Nothing can wake it any more: this is the end for the simulator as well.
  cli();
  for (;;) sleep_mode();
}
