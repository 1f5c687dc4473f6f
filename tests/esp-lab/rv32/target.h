// rv32imc, the instructions of an ESP32-C3, on QEMU's virt machine: the UART is the byte stream to the TCP server,
// semihosting is the log, and the test device ends it.
#pragma once
#include <Arduino.h>
#include <Client.h>

class UartClient : public Client {
 public:
  int connect(IPAddress, uint16_t) override { return up_ = 1; }
  int connect(const char *, uint16_t) override { return up_ = 1; }
  size_t write(uint8_t byte) override {
    while (!(uart(5) & 0x20)) {
    }
    uart(0) = byte;
    return 1;
  }
  size_t write(const uint8_t *bytes, size_t count) override {
    for (size_t i = 0; i < count; i++) write(bytes[i]);
    return count;
  }
  int available() override { return have_ >= 0 || (uart(5) & 1 ? have_ = uart(0), 1 : 0); }
  int read() override {
    if (!available()) return -1;
    int byte = have_;
    have_ = -1;
    return byte;
  }
  int read(uint8_t *bytes, size_t room) override {
    size_t count = 0;
    while (count < room && available()) bytes[count++] = (uint8_t)read();
    return count ? (int)count : -1;
  }
  int peek() override { return available() ? have_ : -1; }
  void flush() override {}
  void stop() override { up_ = 0; }
  uint8_t connected() override { return up_; }
  operator bool() override { return up_; }

 private:
  static volatile uint8_t &uart(unsigned register_number) { return *(volatile uint8_t *)(0x10000000u + register_number); }
  int have_ = -1;
  uint8_t up_ = 0;
};

static UartClient net;
inline const char *labHost() { return "uart"; }
inline uint16_t labPort() { return 0; }
inline void labSetup() {}
inline void labIdle() {}
void labLog(const char *text);
inline void labLog(const __FlashStringHelper *text) { labLog((const char *)text); }
[[noreturn]] void labEnd(int status);
