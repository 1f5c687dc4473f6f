#include "Events.h"

namespace gatekeeper {

const char* Outcome::code() const { return frame.text(Word::Code); }

const char* State::device() const { return frame.text(Word::Device); }

bool State::isOf(Text device) const { return Text(frame.text(Word::Device)).equals(device); }

bool State::isKnown() const { return *frame.text(Word::Value) != '\0'; }

float State::value() const { return frame.number(textOf(Word::Value)); }

bool State::isOn() const { return frame.fixed(Word::Value, 3) > 0; }

const char* State::word() const { return frame.text(Word::State); }

bool State::isRetained() const { return *frame.text(Word::Retained) != '\0'; }

const char* Message::variable() const { return frame.text(Word::Variable); }

bool Message::isOf(Text variable) const { return Text(frame.text(Word::Variable)).equals(variable); }

const char* Message::text() const { return frame.text(Word::Value); }

const char* Message::from() const { return frame.text(Word::From); }

const char* Alert::device() const { return frame.text(Word::Device); }

const char* Alert::threshold() const { return frame.text(Word::Threshold); }

bool Alert::isCreated() const { return frame.word(Word::Change) == Word::Created; }

}  // namespace gatekeeper
