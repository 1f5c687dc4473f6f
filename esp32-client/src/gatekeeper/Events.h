// What the engine tells a program: outcomes of commands, states, messages, alerts, leases that are lost, the link.
#pragma once

#include "Frame.h"

namespace gatekeeper {

// The number of a command that waits for its outcome; 0 is a command that was not taken.
typedef uint16_t Ticket;

// How a command ended.
enum class Result : uint8_t {
  Done,      // the gatekeeper has done it
  Refused,   // the gatekeeper has refused it, and nothing has changed (but after DEVICE_FAULT)
  TimedOut,  // it was sent, and no reply came in time: whether it was done is not known
  Lost,      // it was sent, and the connection was lost before the reply: whether it was done is not known
  NotSent,   // the connection was lost before it was sent: it will not be done
};

// What a command was.
enum class Kind : uint8_t { Command, Subscription, Lease, Renewal, Release, Reading };

// How a command ended. Every ticket gets exactly one. Of what the library sends by itself (subscriptions, renewals,
// readings) only what goes wrong is told.
struct Outcome {
  Ticket ticket;
  Result result;
  Kind kind;
  // The reply; without any fields where none came.
  const Frame& frame;
  void* context;

  bool isDone() const { return result == Result::Done; }
  // Whether it may have been done or not: it must not be repeated blindly.
  bool isUnknown() const { return result == Result::TimedOut || result == Result::Lost; }
  // The refusal code of protocol.md; empty where it was not refused.
  const char* code() const;
  bool isRefused(Text code) const { return Text(this->code()).equals(code); }
};

// A device has changed, or is told because of a subscription.
struct State {
  const Frame& frame;
  // How many changes before this one were not told since the last one; 0 for the first state of a connection.
  uint16_t missed;
  void* context;

  const char* device() const;
  bool isOf(Text device) const;
  // False after a fault: then there is no value, and the gatekeeper's log says why.
  bool isKnown() const;
  // The value, with up to 3 decimals; 0 where it is not known.
  float value() const;
  // Whether the value is above 0.
  bool isOn() const;
  // The word of the device's kind: "on", "pressed", "fault".
  const char* word() const;
  // Whether it tells what holds since before, not a change. A frame that does not fit into the buffer does not say so.
  bool isRetained() const;
};

// Somebody published a variable that was subscribed to, or sent this client a message.
struct Message {
  const Frame& frame;
  void* context;

  // The variable; empty for a message to this client.
  const char* variable() const;
  bool isOf(Text variable) const;
  const char* text() const;
  const char* from() const;
};

// An alert of a device that was subscribed to was created or resolved.
struct Alert {
  const Frame& frame;
  void* context;

  const char* device() const;
  const char* threshold() const;
  bool isCreated() const;
};

// A lease is over against the will of its holder: its devices are in their safe states, or will be.
struct LeaseLoss {
  // As it was given to lease().
  Text devices;
  // EXPIRED, BROKEN or DISCONNECTED of the gatekeeper; NO_LEASE when it did not know the lease any more after a reconnect;
  // SILENCE when this side's own clock says that the time is over, while the gatekeeper could not be heard.
  const char* cause;
  void* context;
};

// How the connection is.
enum class Link : uint8_t {
  Ready,   // the gatekeeper knows who this is: commands are taken
  Lost,    // the connection is over
  Denied,  // signing in or the client id was refused; the connection ends
};

// The connection has changed.
struct LinkChange {
  Link link;
  // The code of a refusal, or of the gatekeeper's good-bye; empty where there is none.
  const char* code;
  void* context;
};

}  // namespace gatekeeper
