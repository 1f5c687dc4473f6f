// An engine on a bench: what it says is text, what it tells is a list, and its clock is moved by hand.
#pragma once

#include <string>
#include <vector>

#include "../../src/gatekeeper/Engine.h"
#include "check.h"

template <typename Kind>
struct Bench {
  Kind engine;
  uint32_t now;
  // What the callbacks told, one word after the other.
  std::vector<std::string> told;
  // What the next callback does.
  void (*then)(Bench&) = nullptr;

  explicit Bench(uint32_t now = 0) : engine("bench"), now(now) {
    engine.context(this);
    engine.onOutcome([](const gatekeeper::Outcome& outcome) {
      static const char* const results[] = {"done", "refused", "timed out", "lost", "not sent"};
      of(outcome.context).tell(std::to_string(outcome.ticket) + " " + results[static_cast<int>(outcome.result)] + " " + outcome.code());
    });
    engine.onState([](const gatekeeper::State& state) {
      of(state.context).tell(std::string(state.device()) + "=" + state.frame.text("VALUE") + (state.missed ? " missed " + std::to_string(state.missed) : "") +
                             (state.isRetained() ? " retained" : ""));
    });
    engine.onMessage([](const gatekeeper::Message& message) {
      of(message.context).tell(std::string(message.variable()) + ":" + message.text() + " from " + message.from());
    });
    engine.onAlert([](const gatekeeper::Alert& alert) {
      of(alert.context).tell(std::string(alert.threshold()) + (alert.isCreated() ? " created" : " resolved"));
    });
    engine.onLeaseLost([](const gatekeeper::LeaseLoss& loss) {
      std::string devices;
      for (uint16_t i = 0; loss.devices[i] != '\0'; i++) devices += loss.devices[i];
      of(loss.context).tell("lost " + devices + " " + loss.cause);
    });
    engine.onLink([](const gatekeeper::LinkChange& change) {
      static const char* const links[] = {"ready", "link lost", "denied"};
      of(change.context).tell(links[static_cast<int>(change.link)] + std::string(*change.code ? " " : "") + change.code);
    });
  }

  static Bench& of(void* context) { return *static_cast<Bench*>(context); }

  void tell(const std::string& what) {
    told.push_back(what);
    void (*now)(Bench&) = then;
    then = nullptr;
    if (now != nullptr) now(*this);
  }

  // Frames arrive, each without its |START| and |END|, in single bytes.
  void hear(const std::vector<std::string>& frames) {
    for (const std::string& frame : frames) {
      for (char byte : "|START|" + frame + "|END|\n") engine.receive(&byte, 1, now);
    }
  }

  // Time passes.
  void wait(uint32_t milliseconds) {
    now += milliseconds;
    engine.tick(now);
  }

  // What it says, without |START| and |END|, with blanks between the frames; `most` bytes of it leave.
  std::string said(uint16_t most = 65535) {
    uint16_t count;
    const char* bytes = engine.output(count);
    if (count > most) count = most;
    std::string text(bytes, count);
    engine.sent(count);
    size_t at;
    while ((at = text.find("|END||START|")) != std::string::npos) text.replace(at, 12, " ");
    if (text.compare(0, 7, "|START|") == 0) text.erase(0, 7);
    if (text.size() >= 5 && text.compare(text.size() - 5, 5, "|END|") == 0) text.erase(text.size() - 5);
    return text;
  }

  // What was told since the last time.
  std::string news() {
    std::string all;
    for (const std::string& one : told) all += (all.empty() ? "" : "; ") + one;
    told.clear();
    return all;
  }

  // Connects and is greeted.
  void greet() {
    engine.connected(now);
    said();
    hear({"REPLY=OK|ID=0|SERVER=gpio-gatekeeper|VERSION=0|PROTOCOL=1|CLIENT=bench|KEEPALIVE=5s"});
    CHECK_TEXT(news(), "ready");
  }
};

typedef Bench<gatekeeper::Engine<>> Roomy;
// Hardly room for anything.
typedef Bench<gatekeeper::Engine<64, 84, 2, 2, 1, 2>> Tiny;
