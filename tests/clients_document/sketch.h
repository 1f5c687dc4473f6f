// What stands around the snippets of docs/clients.md: a byte stream, a serial port that prints, and an end.
#pragma once

#include "target.h"

#include <GpioGatekeeper.h>
#include <sys/wait.h>

#include <fstream>
#include <iterator>

// What a sketch prints is what the test reads.
class Console : public Print {
 public:
  size_t write(uint8_t byte) override {
    putchar(byte);
    if (byte == '\n') fflush(stdout);
    return 1;
  }
};
static Console console;
#define Serial console

inline std::string textOf(const char *file) {
  std::ifstream stream(file);
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

// The TLS of an ESP32, done by a process of OpenSSL's: its port is that of the test's gatekeeper.
class WiFiClientSecure : public Client {
 public:
  void setCACert(const char *certificate) { std::ofstream("trusted.pem") << certificate; }
  int connect(IPAddress, uint16_t) override { return 0; }
  int connect(const char *, uint16_t) override {
    stop();
    int in[2], out[2];
    if (pipe(in) || pipe(out)) return 0;
    process_ = fork();
    if (process_ == 0) {
      dup2(in[0], 0), dup2(out[1], 1);
      close(in[0]), close(in[1]), close(out[0]), close(out[1]);
      execlp("openssl", "openssl", "s_client", "-quiet", "-verify_return_error", "-CAfile", "trusted.pem", "-verify_hostname",
             "localhost", "-connect", getenv("SKETCH_TLS"), nullptr);
      _exit(1);
    }
    close(in[0]), close(out[1]);
    to_ = in[1], from_ = out[0];
    fcntl(from_, F_SETFL, O_NONBLOCK);
    return 1;
  }
  size_t write(uint8_t byte) override { return write(&byte, 1); }
  size_t write(const uint8_t *bytes, size_t count) override {
    ssize_t written = to_ < 0 ? -1 : ::write(to_, bytes, count);
    return written > 0 ? (size_t)written : 0;
  }
  int available() override {
    int count = 0;
    return from_ >= 0 && !ioctl(from_, FIONREAD, &count) ? count : 0;
  }
  int read() override {
    uint8_t byte;
    return read(&byte, 1) == 1 ? byte : -1;
  }
  int read(uint8_t *bytes, size_t room) override {
    ssize_t count = from_ < 0 ? -1 : ::read(from_, bytes, room);
    if (count == 0) stop();
    return count > 0 ? (int)count : -1;
  }
  int peek() override { return -1; }
  void flush() override {}
  void stop() override {
    if (from_ < 0) return;
    close(to_), close(from_);
    to_ = from_ = -1;
    waitpid(process_, nullptr, 0);
  }
  uint8_t connected() override {
    int status;
    if (from_ >= 0 && available() == 0 && waitpid(process_, &status, WNOHANG) == process_) close(to_), close(from_), to_ = from_ = -1;
    return from_ >= 0;
  }
  operator bool() override { return from_ >= 0; }

 private:
  pid_t process_ = 0;
  int to_ = -1, from_ = -1;
};
