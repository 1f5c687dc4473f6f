// A client of the chaos on the microcontroller library; README.md has what it says and when.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <random>
#include <string>
#include <vector>

#include "gatekeeper/Engine.h"

using namespace gatekeeper;

namespace {

uint64_t nanoseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000000000u + static_cast<uint64_t>(now.tv_nsec);
}

uint32_t milliseconds() { return static_cast<uint32_t>(nanoseconds() / 1000000u); }

// A line in one write, which a kill leaves whole or out.
void say(const std::string& words, uint64_t at = nanoseconds()) {
  const std::string line = words + " " + std::to_string(at) + "\n";
  if (write(1, line.data(), line.size()) != static_cast<ssize_t>(line.size())) exit(2);
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts(1);
  for (char byte : text) {
    if (byte == ',') parts.emplace_back();
    else parts.back() += byte;
  }
  return parts;
}

struct Sent {
  Ticket ticket;
  uint32_t number;
};

struct Program {
  Engine<> engine;
  sockaddr_in address = sockaddr_in();
  int socket = -1;
  uint32_t comeBack = 0;
  std::mt19937 chance;
  uint32_t next, end;
  uint32_t ttl;
  std::vector<std::string> free;
  // Every set of devices that a lease is asked for with; the library keeps the texts.
  std::vector<std::string> sets;
  std::vector<Sent> open;
  // What is held or asked for: the devices and, when it is granted, the token.
  const std::string* devices = nullptr;
  Ticket asked = 0;
  std::string token;
  uint32_t nextDeed = 0;

  Program(const char* name, uint32_t seed) : engine(name), chance(seed), next(0), end(0), ttl(0) {
    engine.context(this);
    engine.onOutcome([](const Outcome& outcome) { static_cast<Program*>(outcome.context)->outcome(outcome); });
    engine.onLeaseLost([](const LeaseLoss& loss) { static_cast<Program*>(loss.context)->lost(); });
  }

  uint32_t below(uint32_t count) { return static_cast<uint32_t>(chance() % count); }

  void outcome(const Outcome& outcome) {
    static const char* const words[] = {"ack", "refused", "unknown", "unknown", "notsent"};
    const std::string word = words[static_cast<int>(outcome.result)];
    if (outcome.kind == Kind::Lease && outcome.ticket == asked) {
      asked = 0;
      if (outcome.isDone()) {
        token = outcome.frame.text("TOKEN");
        say("granted " + token);
      } else {
        say("denied " + word);
        devices = nullptr;
      }
      return;
    }
    for (size_t i = 0; i < open.size(); i++) {
      if (open[i].ticket != outcome.ticket) continue;
      const std::string number = std::to_string(open[i].number);
      open.erase(open.begin() + static_cast<long>(i));
      if (outcome.isDone() && number != outcome.frame.text("VALUE")) exit(3);
      say(word + " " + number + (outcome.result == Result::Refused ? std::string(" ") + outcome.code() : ""));
      return;
    }
  }

  void lost() {
    if (!token.empty()) say("lost " + token);
    token.clear();
    devices = nullptr;
  }

  // Sets a device to the next number.
  void set(const std::string& device) {
    const std::string number = std::to_string(next);
    say("sent " + number + " " + device + " " + (token.empty() ? "-" : token));
    const Ticket ticket = engine.set(device.c_str(), number.c_str());
    if (ticket == 0) say("notsent " + number);
    else open.push_back(Sent{ticket, next});
    next++;
  }

  // Does the next thing that it has a mind to.
  void act(uint64_t now) {
    if (!engine.isReady() || open.size() > 4) return;
    if (ttl == 0) return set(free[below(static_cast<uint32_t>(free.size()))]);
    if (devices == nullptr) {
      devices = &sets[below(static_cast<uint32_t>(sets.size()))];
      say("asking " + *devices);
      asked = engine.lease(devices->c_str(), ttl);
      if (asked == 0) {
        say("denied notsent");
        devices = nullptr;
      }
      return;
    }
    if (token.empty()) return;
    if (!engine.holds(devices->c_str())) return;
    say("holds " + token, now);
    if (below(20) == 0) {
      say("releasing " + token);
      engine.release(devices->c_str());
      token.clear();
      devices = nullptr;
      return;
    }
    const std::vector<std::string> names = split(*devices);
    set(names[below(static_cast<uint32_t>(names.size()))]);
  }

  void connect() {
    if (static_cast<int32_t>(milliseconds() - comeBack) < 0) return;
    comeBack = milliseconds() + 20 + below(200);
    socket = ::socket(AF_INET, SOCK_STREAM, 0);
    if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      close(socket);
      socket = -1;
      return;
    }
    engine.connected(milliseconds());
  }

  void disconnect() {
    close(socket);
    socket = -1;
    engine.disconnected();
  }

  // Moves bytes until the next deed is due.
  void move() {
    uint16_t count;
    const char* bytes = engine.output(count);
    if (count > 0) {
      const ssize_t written = send(socket, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (written > 0) engine.sent(static_cast<uint16_t>(written));
    }
    pollfd waiting = {socket, POLLIN, 0};
    if (poll(&waiting, 1, 5) > 0) {
      char buffer[512];
      const ssize_t got = recv(socket, buffer, sizeof buffer, MSG_DONTWAIT);
      if (got <= 0) return disconnect();
      engine.receive(buffer, static_cast<uint16_t>(got), milliseconds());
    }
    engine.tick(milliseconds());
    if (engine.isOver()) disconnect();
  }

  void run() {
    while (next < end || !open.empty()) {
      // Whoever started this holds the other end of the standard input for as long as it lives.
      pollfd input = {0, POLLIN, 0};
      if (poll(&input, 1, 0) > 0) exit(4);
      if (socket < 0) connect();
      if (socket < 0) {
        poll(nullptr, 0, 5);
        engine.tick(milliseconds());
        continue;
      }
      move();
      if (socket >= 0 && next < end && static_cast<int32_t>(milliseconds() - nextDeed) >= 0) {
        nextDeed = milliseconds() + below(20);
        const uint64_t now = nanoseconds();
        engine.time(static_cast<uint32_t>(now / 1000000u));
        act(now);
      }
    }
  }
};

}  // namespace

// program URL CLIENT SEED FIRST COUNT TTL FREE HELD; the URL is line://ADDRESS:PORT.
int main(int count, char** words) {
  if (count != 9) return 2;
  static std::string name = words[2];
  Program program(name.c_str(), static_cast<uint32_t>(strtoul(words[3], nullptr, 10)));
  const std::string url = words[1];
  const size_t begin = url.find("://") + 3, colon = url.rfind(':');
  program.address.sin_family = AF_INET;
  program.address.sin_port = htons(static_cast<uint16_t>(atoi(url.c_str() + colon + 1)));
  if (inet_pton(AF_INET, url.substr(begin, colon - begin).c_str(), &program.address.sin_addr) != 1) return 2;
  program.next = static_cast<uint32_t>(strtoul(words[4], nullptr, 10));
  program.end = program.next + static_cast<uint32_t>(strtoul(words[5], nullptr, 10));
  program.ttl = static_cast<uint32_t>(strtoul(words[6], nullptr, 10));
  program.free = split(words[7]);
  program.sets = split(words[8]);
  program.sets.push_back(words[8]);
  program.run();
  return 0;
}
