// The words of the protocol, which stand once in the flash of the board.
#pragma once

#include "Text.h"

// In the order of how often they are looked for, since that is how they are found. The codes after which a client stays away
// for long stand together.
#define GATEKEEPER_WORDS(WORD)                                                                                        \
  WORD(End, "END") WORD(Id, "ID") WORD(Reply, "REPLY") WORD(Ok, "OK") WORD(Event, "EVENT") WORD(State, "STATE")       \
  WORD(Device, "DEVICE") WORD(Value, "VALUE") WORD(Sequence, "SEQ") WORD(Code, "CODE") WORD(Start, "START")           \
  WORD(Command, "COMMAND") WORD(Hello, "HELLO") WORD(HelloAnswer, "HELLO!") WORD(Set, "SET") WORD(Get, "GET")         \
  WORD(Do, "DO") WORD(Action, "ACTION") WORD(Token, "TOKEN") WORD(Publish, "PUB") WORD(Variable, "VAR")               \
  WORD(Retain, "RETAIN") WORD(Retained, "RETAINED") WORD(Message, "MESSAGE") WORD(From, "FROM") WORD(To, "TO")        \
  WORD(Send, "SEND") WORD(Subscribe, "SUB") WORD(Unsubscribe, "UNSUB") WORD(Lease, "LEASE") WORD(Renew, "RENEW")      \
  WORD(Release, "RELEASE") WORD(Ttl, "TTL") WORD(LeaseEnding, "LEASE_ENDING") WORD(LeaseLost, "LEASE_LOST")           \
  WORD(Cause, "CAUSE") WORD(NoLease, "NO_LEASE") WORD(Alert, "ALERT") WORD(Threshold, "THRESHOLD")                    \
  WORD(Change, "CHANGE") WORD(Created, "created") WORD(Closing, "CLOSING") WORD(TakenOver, "TAKEN_OVER")              \
  WORD(AccessDenied, "ACCESS_DENIED") WORD(Malformed, "MALFORMED") WORD(Authenticate, "AUTH")                         \
  WORD(Client, "CLIENT") WORD(Keepalive, "KEEPALIVE") WORD(Milliseconds, "ms") WORD(NotSupported, "NOT_SUPPORTED")    \
  WORD(Late, ".late")

namespace gatekeeper {

enum class Word : uint8_t {
#define GATEKEEPER_WORD(name, text) name,
  GATEKEEPER_WORDS(GATEKEEPER_WORD)
#undef GATEKEEPER_WORD
  Unknown
};

// The word as a text; of Unknown an empty one.
Text textOf(Word word);
// Which word the text is, which is not in flash.
Word wordOf(const char* text);

}  // namespace gatekeeper
