// The core of an ESP8266 (Xtensa lx106) on QEMU's sim machine: the console of its simulator calls is the byte stream to
// the TCP server, the log goes to QEMU's standard error.
#pragma once
#include <Arduino.h>
#include <Client.h>

// What QEMU does for the machine: operation 1 exit, 3 read, 4 write, 5 open, 29 select.
int simulator(int operation, int a, int b, int c);

class SimulatorClient : public Client {
 public:
  int connect(IPAddress, uint16_t) override { return up_ = 1; }
  int connect(const char *, uint16_t) override { return up_ = 1; }
  size_t write(uint8_t byte) override { return write(&byte, 1); }
  size_t write(const uint8_t *bytes, size_t count) override {
    int written = simulator(4, 1, (int)bytes, (int)count);
    return written > 0 ? (size_t)written : 0;
  }
  // QEMU 7.2 does not lock its buffer of 16 bytes while it is read: a byte that comes in that moment is lost. So it is read as a
  // whole, and when it has had time to be filled.
  int available() override {
    if (next_ < have_) return have_ - next_;
    static int no_time[2];
    if (simulator(29, 0, 1, (int)no_time) <= 0) return 0;
    for (unsigned long start = micros(); micros() - start < SETTLED_US;) {
    }
    int count = simulator(3, 0, (int)bytes_, sizeof bytes_);
    next_ = 0;
    have_ = (uint8_t)(count > 0 ? count : 0);
    return have_;
  }
  int read() override { return available() ? bytes_[next_++] : -1; }
  int read(uint8_t *bytes, size_t room) override {
    size_t count = 0;
    while (count < room && (count == 0 ? available() : next_ < have_)) bytes[count++] = bytes_[next_++];
    return count ? (int)count : -1;
  }
  int peek() override { return available() ? bytes_[next_] : -1; }
  void flush() override {}
  void stop() override { up_ = 0; }
  uint8_t connected() override { return up_; }
  operator bool() override { return up_; }

 private:
  static constexpr unsigned long SETTLED_US = 500;

  uint8_t bytes_[16];
  uint8_t next_ = 0, have_ = 0;
  uint8_t up_ = 0;
};

static SimulatorClient net;
inline const char *labHost() { return "simulator"; }
inline uint16_t labPort() { return 0; }
inline void labSetup() {}
inline void labIdle() {}
void labLog(const char *text);
inline void labLog(const __FlashStringHelper *text) { labLog((const char *)text); }
[[noreturn]] void labEnd(int status);
