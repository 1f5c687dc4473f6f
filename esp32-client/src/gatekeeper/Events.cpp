#include "Events.h"

namespace gatekeeper {

const char* Outcome::code() const { return frame.text(GATEKEEPER_TEXT("CODE")); }

const char* State::device() const { return frame.text(GATEKEEPER_TEXT("DEVICE")); }

bool State::isOf(Text device) const { return frame.is(GATEKEEPER_TEXT("DEVICE"), device); }

bool State::isKnown() const { return frame.has(GATEKEEPER_TEXT("VALUE")); }

float State::value() const { return frame.number(GATEKEEPER_TEXT("VALUE")); }

bool State::isOn() const { return frame.fixed(GATEKEEPER_TEXT("VALUE"), 3) > 0; }

const char* State::word() const { return frame.text(GATEKEEPER_TEXT("STATE")); }

bool State::isRetained() const { return frame.has(GATEKEEPER_TEXT("RETAINED")); }

const char* Message::variable() const { return frame.text(GATEKEEPER_TEXT("VAR")); }

bool Message::isOf(Text variable) const { return frame.is(GATEKEEPER_TEXT("VAR"), variable); }

const char* Message::text() const { return frame.text(GATEKEEPER_TEXT("VALUE")); }

const char* Message::from() const { return frame.text(GATEKEEPER_TEXT("FROM")); }

const char* Alert::device() const { return frame.text(GATEKEEPER_TEXT("DEVICE")); }

const char* Alert::threshold() const { return frame.text(GATEKEEPER_TEXT("THRESHOLD")); }

bool Alert::isCreated() const { return frame.is(GATEKEEPER_TEXT("CHANGE"), GATEKEEPER_TEXT("created")); }

}  // namespace gatekeeper
