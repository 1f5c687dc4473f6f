// The engine: bytes in, bytes out. It has no socket and no clock, and never allocates.
//
// Whoever moves the bytes calls
//
//   connected(now)              when a connection is there, then again and again
//   receive(bytes, count, now)  with what came
//   tick(now)                   at least every 100 ms
//   output(count), sent(count)  what is to be sent, and how much of it was
//   isOver()                    whether the connection has to be closed, which ends with
//   disconnected()              when it is gone
//
// `now` is in milliseconds, from any beginning, and may wrap. GatekeeperClient does all that with an Arduino Client.
//
// Callbacks are called from receive(), tick() and disconnected(). They may give commands, which are only queued.
#pragma once

#include "Events.h"

namespace gatekeeper {

// What becomes of a value that is published.
enum class Retain : uint8_t {
  No,   // told to those who have subscribed now
  Yes,  // kept for those who subscribe later, too
};

// How long to stay away after a connection.
enum class Comeback : uint8_t {
  Soon,
  Late,  // it was taken over, or this client was not let in: to come back at once would be in vain or do harm
};

class EngineCore;

// A command that is being written: with() its fields, then send(). Nothing else may be called in between.
//
//   gate.command(F("DO")).with(F("DEVICE"), F("lamp")).with(F("ACTION"), F("pulse")).with(F("N"), Number(3, 0)).send();
class Request {
 public:
  Request& with(Text key, Text value);
  Request& with(Text key, Number value);
  // Milliseconds.
  Request& withDuration(Text key, uint32_t duration);
  // Queues it. 0 where it is not taken: there is no connection, or no room in the buffer or among what waits.
  Ticket send();

 private:
  friend class EngineCore;
  Request(EngineCore& engine, Text command);

  EngineCore& engine_;
};

// What goes out and what comes in.
struct EngineStreams {
  EngineStreams(char* in, uint16_t inSize, char* out, uint16_t outSize) : out_(out, outSize), splitter_(in, inSize) {}
  Writer out_;
  Splitter splitter_;
};

// What an engine remembers; all of it is zero at first, but for the settings.
class EngineCore;
struct EngineMemory {
  // A command that waits for its outcome; the ticket is 0 where there is none.
  struct Pending {
    Ticket ticket;
    // Bytes of the output up to the end of this command that were not sent yet.
    uint16_t unsent;
    // The lower half of the time when it was given.
    uint16_t since;
    Kind kind;
  };
  struct Subscription {
    Text name;
    // The lower half of that of the last state; 0 where it is not known.
    uint16_t sequence;
    uint8_t flags;
  };
  // A lease that is held or asked for; the devices are none where there is none.
  struct Lease {
    Text devices;
    uint32_t ttl;
    // When the request was made that the gatekeeper has granted last, and when the last one was made.
    uint32_t granted;
    uint32_t asked;
    // Milliseconds until the next renewal.
    uint16_t third;
    // Of the request that waits for its reply.
    Ticket ticket;
    // Empty while it was not granted yet.
    char token[14];
  };
  struct Reading {
    Text variable;
    Number value;
    uint32_t taken;
  };
  // Where the buffers are, and how many of each.
  struct Space {
    Pending* pending;
    Subscription* subscriptions;
    Lease* leases;
    Reading* readings;
    uint8_t pendingSize;
    uint8_t subscriptionsSize;
    uint8_t leasesSize;
    uint8_t readingsSize;
  };
  enum class Phase : uint8_t { Offline, Begin, Authenticating, Authenticated, Greeting, Ready };
  // What leases and readings are asked to do. They come in by a pointer that the first call of them sets, so that a
  // program without them does not have their code in its flash.
  enum class Step : uint8_t { Tick, Greeted, Pump, Settle, Event };
  typedef void (*Feature)(EngineCore& engine, Step step, const Outcome& outcome);
  typedef const char* (*TokenOf)(const EngineCore& engine, Text device);

  // What is used most comes first: that is where small processors reach it with short instructions.
  uint32_t now_;
  // The lower half of the time when something was heard.
  uint16_t heard_;
  uint16_t keepalive_;
  uint16_t timeout_;
  Ticket nextTicket_;
  Phase phase_;
  Comeback comeback_;
  bool over_ : 1;
  bool owesHello_ : 1;
  bool hasAsked_ : 1;
  Space space_;
  Feature leases_;
  Feature readings_;
  TokenOf tokenOf_;
  void* context_;
  void (*onOutcome_)(const Outcome&);
  void (*onState_)(const State&);
  void (*onMessage_)(const Message&);
  void (*onAlert_)(const Alert&);
  void (*onLeaseLost_)(const LeaseLoss&);
  void (*onLink_)(const LinkChange&);
  Text client_;
  Text token_;
  Ticket readingTicket_;
  uint16_t readingsDropped_;
  uint16_t readingsUnknown_;
  uint8_t readingsCount_;
};

// What an Engine is, but for its buffers. The sizes are template arguments of Engine.
class EngineCore : protected EngineStreams, protected EngineMemory {
 public:
  // Settings; before the first connection. Texts are kept.

  // A device token of the gatekeeper's users; none where there are no users.
  EngineCore& token(Text token) { return token_ = token, *this; }
  // How long either side may be silent before the other one asks, in milliseconds, 1000 to 30000; 5000 by itself. After
  // twice this time without a byte the connection counts as lost.
  EngineCore& keepalive(uint16_t milliseconds) { return keepalive_ = milliseconds, *this; }
  // How long a command waits for its reply, in milliseconds, up to 60000; 5000 by itself.
  EngineCore& timeout(uint16_t milliseconds) { return timeout_ = milliseconds, *this; }
  // Given to every callback, as their `context`.
  EngineCore& context(void* context) { return context_ = context, *this; }
  EngineCore& onOutcome(void (*callback)(const Outcome&)) { return onOutcome_ = callback, *this; }
  EngineCore& onState(void (*callback)(const State&)) { return onState_ = callback, *this; }
  EngineCore& onMessage(void (*callback)(const Message&)) { return onMessage_ = callback, *this; }
  EngineCore& onAlert(void (*callback)(const Alert&)) { return onAlert_ = callback, *this; }
  EngineCore& onLeaseLost(void (*callback)(const LeaseLoss&)) { return onLeaseLost_ = callback, *this; }
  EngineCore& onLink(void (*callback)(const LinkChange&)) { return onLink_ = callback, *this; }

  // Commands. Each gives its ticket, or 0 where it is not taken: without a connection nothing is kept for later, since
  // late is dangerous. A write to a device of a lease that is held here carries the lease's token.

  // Whether commands are taken: there is a connection, and the gatekeeper has greeted.
  bool isReady() const { return phase_ == Phase::Ready; }
  // ON, OFF, TOGGLE, or a number as text.
  Ticket set(Text device, Text value);
  Ticket set(Text device, Number value);
  // What there is of numbers in a sketch: set("lamp", 0.25), set("led", 1), set("led", true).
  Ticket set(Text device, int value) { return set(device, Number(value, 0)); }
  Ticket set(Text device, unsigned value) { return set(device, Number(static_cast<int32_t>(value), 0)); }
  Ticket set(Text device, long value) { return set(device, Number(static_cast<int32_t>(value), 0)); }
  Ticket set(Text device, double value) { return set(device, Number::of(value)); }
  // The reply, with the keys of a state, comes with the outcome.
  Ticket get(Text device);
  // An action of the device, without parameters: perform("motor", "reverse"). Others take command("DO").
  Ticket perform(Text device, Text action);
  // Tells a text to everybody who has subscribed to the variable.
  Ticket publishText(Text variable, Text value, Retain retain = Retain::No);
  // Tells a text to one client, by its id.
  Ticket send(Text client, Text value);
  // Any command of protocol.md.
  Request command(Text command) { return Request(*this, command); }

  // Subscriptions last over reconnects. The names are kept. False where there is no room for another one.

  // "*" is every device. Its alerts come, too.
  bool subscribe(Text device) { return subscribe(device, IsUsed | IsDevice); }
  bool subscribeVariable(Text variable) { return subscribe(variable, IsUsed); }
  void unsubscribe(Text device) { unsubscribe(device, IsUsed | IsDevice); }
  void unsubscribeVariable(Text variable) { unsubscribe(variable, IsUsed); }

  // Leases.

  // Asks for the sole right to write `devices`: names with commas, or "*"; kept. It lasts `ttl` milliseconds (100 to
  // 3600000), and is renewed every third of that by itself, at least every 20 s, until release() or onLeaseLost(). 0 also where as many leases
  // as may be are held or asked for.
  Ticket lease(Text devices, uint32_t ttl = 30000);
  // Whether the lease that was asked for with exactly these devices is held, as far as this side knows: never longer than the gatekeeper.
  bool holds(Text devices) const;
  // Renews now.
  Ticket renew(Text devices);
  // Gives it back. Where that is not taken (0) it is given up all the same, and ends with its time.
  Ticket release(Text devices);

  // Readings.

  // Publishes a number as the variable (kept), now or as soon as there is a connection. It waits in a ring of the engine's:
  // where that is full the oldest one is dropped and counted. False where the number is none, or there is no ring.
  //
  // What goes out within a second is published as `variable`, such as "21.50". What had to wait goes to `variable`.late, with
  // its age when it was sent: "21.50 93.4s"; so nobody takes the past for the present. A reading whose outcome is unknown is not sent again.
  bool publish(Text variable, Number value);
  bool publish(Text variable, int value) { return publish(variable, Number(value, 0)); }
  bool publish(Text variable, long value) { return publish(variable, Number(static_cast<int32_t>(value), 0)); }
  bool publish(Text variable, double value, uint8_t decimals = 2) { return publish(variable, Number::of(value, decimals)); }
  // How many wait.
  uint8_t readingsWaiting() const { return readingsCount_; }
  // How many were dropped for want of room; and how many may have been lost on their way.
  uint16_t readingsDropped() const { return readingsDropped_; }
  uint16_t readingsUnknown() const { return readingsUnknown_; }

  // The two calls for programs that have a way of their own for texts (a serial line, a radio), beside connected() and tick().

  // Takes what came: any piece of text.
  void updateSystem(const char* in);
  // All that is to be sent, which counts as sent with that; empty where there is nothing. It is good until the next call.
  const char* transmitQueue();

  // For whoever moves the bytes.

  void connected(uint32_t now);
  void receive(const char* bytes, uint16_t count, uint32_t now);
  void tick(uint32_t now);
  const char* output(uint16_t& count) const { return count = out_.length(), out_.bytes(); }
  void sent(uint16_t count);
  bool isOver() const { return over_; }
  void disconnected();
  // Only tells the time, for what is done until the next tick().
  void time(uint32_t now) { now_ = now; }
  // How to come back, after disconnected().
  Comeback comeback() const { return comeback_; }

 protected:
  EngineCore(Text client, char* in, uint16_t inSize, char* out, uint16_t outSize, const Space& space);
  EngineCore(const EngineCore&) = delete;
  EngineCore& operator=(const EngineCore&) = delete;

 private:
  friend class Request;
  enum : uint8_t { IsDevice = 1, IsUsed = 2, IsAsked = 4 };

  // The connection: Engine.cpp.
  void take(const Frame& frame);
  void reply(const Frame& frame);
  void event(const Frame& frame);
  void greet(const Frame& frame);
  void end(Link link, const Frame& frame);
  void settle(Pending& pending, Result result, const Frame& frame);
  void step(Step step, const Outcome& outcome);
  void step(Step step, const Frame& frame);
  void pump();
  void introduce();
  Pending* pending(Ticket ticket) const;

  // Commands: Commands.cpp.
  void begin(Word command) { begin(textOf(command)); }
  void begin(Text command);
  void duration(Text key, uint32_t duration);
  Ticket finish(Kind kind = Kind::Command);
  Ticket give(Word command, Kind kind, Word key, Text value, Word otherKey = Word::Unknown, Text otherValue = "");
  void beginWrite(Word command, Text device);
  bool subscribe(Text name, uint8_t flags);
  void unsubscribe(Text name, uint8_t flags);
  Subscription* subscription(Text name, uint8_t flags) const;
  bool sendSubscription(Word command, Text name, uint8_t flags);
  void pumpSubscriptions();
  void state(const Frame& frame);

  // Leases: Leases.cpp.
  static void leases(EngineCore& engine, Step step, const Outcome& outcome);
  static const char* tokenOf(const EngineCore& engine, Text device);
  Lease* leaseOf(Text devices) const;
  Lease* held(Text devices) const;
  void step(Lease& lease, Step step, const Outcome& outcome);
  Ticket sendToken(Lease& lease, Word command, Kind kind);
  void lose(Lease& lease, const char* cause);

  // Readings: Readings.cpp.
  static void readings(EngineCore& engine, Step step, const Outcome& outcome);
  void sendReading();
  void dropReading();
  void settleReading(const Outcome& outcome);
};

// Sizes that fit the board. The bytes of In hold the fields of one frame: of a longer one the last fields are cut off.
// The bytes of Out hold all frames that wait to be sent, less one.
#if defined(__AVR__) && RAMEND < 0x1000
struct Sizes {
  enum : uint16_t { In = 62, Out = 80, Pending = 2, Subscriptions = 2, Leases = 1, Readings = 0 };
};
#elif defined(__AVR__)
struct Sizes {
  enum : uint16_t { In = 128, Out = 128, Pending = 4, Subscriptions = 4, Leases = 2, Readings = 6 };
};
#elif defined(ESP8266)
struct Sizes {
  enum : uint16_t { In = 256, Out = 256, Pending = 4, Subscriptions = 4, Leases = 2, Readings = 8 };
};
#else
struct Sizes {
  enum : uint16_t { In = 768, Out = 768, Pending = 8, Subscriptions = 12, Leases = 4, Readings = 32 };
};
#endif

// An array that may have no place at all.
template <typename Item, uint8_t Count>
struct Places {
  Item items[Count];
  Item* first() { return items; }
};
template <typename Item>
struct Places<Item, 0> {
  Item* first() { return nullptr; }
};

// The engine with its buffers. `client` is the client id, which is kept: 1 to 128 bytes without / + #, unique among all
// clients and the same after every start of this board, since leases belong to it.
//
// Pending is how many commands may wait for their outcome; one of them is used by what the engine sends by itself.
template <uint16_t In = Sizes::In, uint16_t Out = Sizes::Out, uint8_t PendingCount = Sizes::Pending,
          uint8_t SubscriptionCount = Sizes::Subscriptions, uint8_t LeaseCount = Sizes::Leases,
          uint8_t ReadingCount = Sizes::Readings>
class Engine : public EngineCore {
 public:
  explicit Engine(Text client)
      : EngineCore(client, in_, In, out_, Out,
                   Space{places_.pending.first(), places_.subscriptions.first(), places_.leases.first(),
                         places_.readings.first(), PendingCount, SubscriptionCount, LeaseCount, ReadingCount}),
        places_() {}

 private:
  static_assert(In >= 48 && Out >= 64, "the shortest states and commands take so much");
  static_assert(PendingCount >= 1, "without it no command has an outcome");

  char in_[In];
  char out_[Out];
  struct {
    Places<EngineMemory::Pending, PendingCount> pending;
    Places<EngineMemory::Subscription, SubscriptionCount> subscriptions;
    Places<EngineMemory::Lease, LeaseCount> leases;
    Places<EngineMemory::Reading, ReadingCount> readings;
  } places_;
};

}  // namespace gatekeeper
