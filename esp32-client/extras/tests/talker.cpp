// talker HOST PORT CLIENT: the library over a socket of this machine, which does what the lines of its standard input say
// and prints what comes of it. Its network behaves as badly as an Arduino's may: it takes and gives a few bytes at a time,
// now and then none, fails with another number than 0, and throws away what has come when it is flushed. Its clock wraps
// 2 s after the start.
#include <GpioGatekeeper.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <list>
#include <string>

static uint32_t skipped = 0;

// Milliseconds of this process's clock.
static uint32_t monotonic() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint32_t>(now.tv_sec) * 1000u + static_cast<uint32_t>(now.tv_nsec / 1000000);
}

unsigned long millis() {
  static const uint32_t start = monotonic();
  return static_cast<uint32_t>(monotonic() - start + skipped - 2000u);
}

class BadNetwork : public Client {
 public:
  int descriptor = -1;

  int connect(const char* host, uint16_t port) override {
    stop();
    if (attempts_++ == 0) return -1;
    sockaddr_in address = sockaddr_in();
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    inet_pton(AF_INET, host, &address.sin_addr);
    descriptor = socket(AF_INET, SOCK_STREAM, 0);
    if (::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      stop();
      return 0;
    }
    fcntl(descriptor, F_SETFL, O_NONBLOCK);
    return 1;
  }
  size_t write(const uint8_t* bytes, size_t count) override {
    if (descriptor < 0 || turn_++ % 3 == 0) return 0;
    const ssize_t taken = send(descriptor, bytes, count < 5 ? count : 5, MSG_NOSIGNAL);
    if (taken < 0 && errno != EAGAIN) stop();
    return taken > 0 ? static_cast<size_t>(taken) : 0;
  }
  int available() override {
    int count = 0;
    return descriptor >= 0 && ioctl(descriptor, FIONREAD, &count) == 0 ? count : 0;
  }
  int read(uint8_t* bytes, size_t count) override {
    if (available() <= 0) abort();  // as it would on some boards
    return static_cast<int>(recv(descriptor, bytes, count < 3 ? count : 3, 0));
  }
  void flush() override { abort(); }
  void stop() override {
    if (descriptor >= 0) close(descriptor);
    descriptor = -1;
  }
  uint8_t connected() override {
    char byte;
    if (descriptor < 0) return 0;
    const ssize_t there = recv(descriptor, &byte, 1, MSG_PEEK);
    return there > 0 || (there < 0 && errno == EAGAIN);
  }

 private:
  unsigned attempts_ = 0;
  unsigned turn_ = 0;
};

static void settled(const gatekeeper::Outcome& outcome) {
  static const char* const results[] = {"done", "refused", "timed out", "lost", "not sent"};
  printf("outcome %d %s %s\n", outcome.ticket, results[static_cast<int>(outcome.result)], outcome.code());
}

static void changed(const gatekeeper::State& state) {
  printf("state %s %s%s\n", state.device(), state.word(), state.isRetained() ? " retained" : "");
}

static void heard(const gatekeeper::Message& message) {
  printf("message %s=%s from %s\n", message.variable(), message.text(), message.from());
}

static void lost(const gatekeeper::LeaseLoss& loss) { printf("lease lost %s\n", loss.cause); }

static void linked(const gatekeeper::LinkChange& change) {
  static const char* const links[] = {"ready", "lost", "denied"};
  printf("link %s %s\n", links[static_cast<int>(change.link)], change.code);
}

// Does what a line says, and tells the ticket where it has one.
static void obey(GatekeeperClient& gate, BadNetwork& network, const std::string& line) {
  // The library keeps names, not texts.
  static std::list<std::string> kept;
  std::string words[3];
  size_t at = 0;
  for (std::string& word : words) {
    const size_t end = line.find(' ', at);
    word = line.substr(at, end == std::string::npos || &word == &words[2] ? std::string::npos : end - at);
    at = end == std::string::npos ? line.size() : end + 1;
  }
  kept.push_back(words[1]);
  const char* name = kept.back().c_str();
  const char* value = words[2].c_str();
  long ticket = -1;
  if (words[0] == "set") ticket = gate.set(name, value);
  if (words[0] == "get") ticket = gate.get(name);
  if (words[0] == "do") ticket = gate.perform(name, value);
  if (words[0] == "pub") ticket = gate.publishText(name, value);
  if (words[0] == "send") ticket = gate.send(name, value);
  if (words[0] == "lease") ticket = gate.lease(name, static_cast<uint32_t>(atol(value)));
  if (words[0] == "release") ticket = gate.release(name);
  if (words[0] == "sub") gate.subscribe(name);
  if (words[0] == "var") gate.subscribeVariable(name);
  if (words[0] == "unsub") gate.unsubscribe(name);
  if (words[0] == "publish") gate.publish(name, atof(value));
  if (words[0] == "drop") network.stop();
  if (words[0] == "skip") skipped += static_cast<uint32_t>(atol(name));
  if (words[0] == "waiting") printf("waiting %d\n", gate.readingsWaiting());
  if (ticket >= 0) printf("ticket %ld\n", ticket);
}

int main(int, char** arguments) {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  BadNetwork network;
  GatekeeperClient gate(network, arguments[3]);
  gate.token(getenv("GATEKEEPER_TOKEN"));
  gate.onOutcome(settled).onState(changed).onMessage(heard).onLeaseLost(lost).onLink(linked);
  gate.begin(arguments[1], static_cast<uint16_t>(atoi(arguments[2])));
  std::string input;
  for (;;) {
    gate.poll();
    pollfd wanted[2] = {{0, POLLIN, 0}, {network.descriptor, POLLIN, 0}};
    poll(wanted, 2, 1);
    if ((wanted[0].revents & (POLLIN | POLLHUP)) == 0) continue;
    char bytes[256];
    const ssize_t count = read(0, bytes, sizeof bytes);
    if (count <= 0) return 0;
    input.append(bytes, static_cast<size_t>(count));
    size_t end;
    while ((end = input.find('\n')) != std::string::npos) {
      obey(gate, network, input.substr(0, end));
      input.erase(0, end + 1);
    }
  }
}
