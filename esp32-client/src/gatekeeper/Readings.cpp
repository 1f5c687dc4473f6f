#include "Engine.h"

#include <string.h>

namespace gatekeeper {

namespace {

// A reading that goes out within this time is of the present, in milliseconds.
const uint16_t Present = 1000;
// Ages are right up to this one, and do not grow beyond, in milliseconds (24 days).
const uint32_t Oldest = 0x7FFFFFFF;

}  // namespace

bool EngineCore::publish(Text variable, Number value) {
  if (value.isNone() || space_.readingsSize == 0) return false;
  readings_ = readings;
  if (readingsCount_ == space_.readingsSize) {
    dropReading();
    readingsDropped_++;
    // If it is on its way, what becomes of it does not matter any more.
    readingTicket_ = 0;
  }
  Reading& place = space_.readings[readingsCount_++];
  place.variable = variable;
  place.value = value;
  place.taken = now_;
  return true;
}

void EngineCore::dropReading() {
  readingsCount_--;
  memmove(space_.readings, space_.readings + 1, readingsCount_ * sizeof(Reading));
}

void EngineCore::readings(EngineCore& engine, Step step, const Outcome& outcome) {
  if (step == Step::Tick) {
    // The places behind those that wait may be touched as well.
    Reading* one = engine.space_.readings;
    for (uint8_t i = engine.space_.readingsSize; i != 0; i--, one++) {
      if (engine.now_ - one->taken > Oldest) one->taken = engine.now_ - Oldest;
    }
  }
  // One at a time: so it is known which one a reply is about, and a long queue does not keep commands waiting.
  if (step == Step::Pump && engine.readingsCount_ != 0 && engine.readingTicket_ == 0) engine.sendReading();
  if (step == Step::Settle && engine.readingTicket_ == outcome.ticket) engine.settleReading(outcome);
}

void EngineCore::sendReading() {
  const Reading& reading = *space_.readings;
  const uint32_t age = now_ - reading.taken;
  begin(Word::Publish);
  out_.key(Word::Variable).value(reading.variable);
  if (age >= Present) out_.value(Word::Late);
  out_.close().key(Word::Value).number(reading.value);
  if (age >= Present) out_.value(" ").digits(age, 0).value(Word::Milliseconds);
  out_.close();
  readingTicket_ = finish(Kind::Reading);
}

void EngineCore::settleReading(const Outcome& outcome) {
  readingTicket_ = 0;
  // What certainly was not sent stays, and is sent with the next connection.
  if (outcome.result == Result::NotSent) return;
  if (outcome.isUnknown()) readingsUnknown_++;
  dropReading();
}

}  // namespace gatekeeper
