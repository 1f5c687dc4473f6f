// Linux: a Client over a non-blocking socket that behaves as WiFiClient does: read() is -1 when nothing is there, it counts
// as connected while there are unread bytes, write() may be short. With LAB_NASTY=1 all of that happens all the time.
#pragma once
#include <Arduino.h>
#include <Client.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

class SocketClient : public Client {
 public:
  ~SocketClient() { stop(); }
  int connect(IPAddress ip, uint16_t port) override {
    char text[16];
    snprintf(text, sizeof text, "%u.%u.%u.%u", ip[0], ip[1], ip[2], ip[3]);
    return connect(text, port);
  }
  int connect(const char *host, uint16_t port) override {
    stop();
    if (nasty() && !refused_++) return -1;  // a timeout, as some boards say it: only 1 is success
    addrinfo hints{}, *found = nullptr;
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo(host, std::to_string(port).c_str(), &hints, &found)) return 0;
    socket_ = socket(found->ai_family, found->ai_socktype, 0);
    int failed = ::connect(socket_, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    if (failed) return stop(), 0;
    int on = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(socket_, F_SETFL, O_NONBLOCK);
    return 1;
  }
  size_t write(uint8_t byte) override { return write(&byte, 1); }
  size_t write(const uint8_t *bytes, size_t count) override {
    if (socket_ < 0) return 0;
    if (nasty() && count) count = turn_++ % 3 ? count < 5 ? count : 5 : 0;  // now and then none at all
    ssize_t written = ::send(socket_, bytes, count, MSG_NOSIGNAL);
    if (written < 0 && errno != EAGAIN) stop();
    return written > 0 ? (size_t)written : 0;
  }
  int available() override {
    int count = 0;
    return socket_ >= 0 && !ioctl(socket_, FIONREAD, &count) ? count : 0;
  }
  int read() override {
    uint8_t byte;
    return read(&byte, 1) == 1 ? byte : -1;
  }
  int read(uint8_t *bytes, size_t room) override {
    if (socket_ < 0) return -1;
    if (nasty() && room > 3) room = 3;
    ssize_t count = ::recv(socket_, bytes, room, 0);
    return count > 0 ? (int)count : -1;
  }
  int peek() override {
    uint8_t byte;
    return socket_ >= 0 && ::recv(socket_, &byte, 1, MSG_PEEK) == 1 ? byte : -1;
  }
  void flush() override {  // that of the ESP32's core 2.x throws away what was received
    char bytes[64];
    while (nasty() && socket_ >= 0 && ::recv(socket_, bytes, sizeof bytes, 0) > 0) {
    }
  }
  void stop() override {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }
  uint8_t connected() override {
    if (socket_ < 0) return 0;
    char byte;
    ssize_t count = ::recv(socket_, &byte, 1, MSG_PEEK);
    return count > 0 || (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK));
  }
  operator bool() override { return socket_ >= 0; }

 private:
  static bool nasty() {
    const char *nasty = getenv("LAB_NASTY");
    return nasty && *nasty;
  }
  int socket_ = -1;
  unsigned refused_ = 0, turn_ = 0;
};

static SocketClient net;
inline const char *labHost() { return getenv("LAB_HOST"); }
inline uint16_t labPort() { return (uint16_t)atoi(getenv("LAB_PORT")); }
inline void labSetup() {}
inline void labIdle() {}
inline void labLog(const char *text) { fprintf(stderr, "%s\n", text); }
inline void labLog(const __FlashStringHelper *text) { labLog((const char *)text); }
[[noreturn]] inline void labEnd(int status) { exit(status); }
