#include "Engine.h"

namespace gatekeeper {

namespace {

// A reading that goes out within this time is of the present, in milliseconds.
const uint32_t Present = 1000;
// Ages are right up to this one, and do not grow beyond, in milliseconds (24 days).
const uint32_t Oldest = 0x7FFFFFFF;

}  // namespace

bool EngineCore::publish(Text variable, Number value) {
  const uint8_t size = space_.readingsSize;
  if (value.isNone() || size == 0) return false;
  if (readingsCount_ == size) {
    readingsFirst_ = static_cast<uint8_t>((readingsFirst_ + 1) % size);
    readingsCount_--;
    readingsDropped_++;
    // If it is on its way, what becomes of it does not matter any more.
    readingTicket_ = 0;
  }
  space_.readings[(readingsFirst_ + readingsCount_++) % size] = Reading{variable, value, now_};
  return true;
}

void EngineCore::tickReadings() {
  for (uint8_t i = 0; i < readingsCount_; i++) {
    Reading& reading = space_.readings[(readingsFirst_ + i) % space_.readingsSize];
    if (now_ - reading.taken > Oldest) reading.taken = now_ - Oldest;
  }
}

// One at a time: so it is known which one a reply is about, and a long queue does not keep commands waiting.
void EngineCore::pumpReadings() {
  if (readingsCount_ == 0 || readingTicket_ != 0) return;
  const Reading& reading = space_.readings[readingsFirst_];
  const uint32_t age = now_ - reading.taken;
  Request request(*this, GATEKEEPER_TEXT("PUB"), Kind::Reading);
  Writer& frame = request.writer_;
  frame.key(GATEKEEPER_TEXT("VAR")).value(reading.variable);
  if (age >= Present) frame.value(GATEKEEPER_TEXT(".late"));
  frame.close().key(GATEKEEPER_TEXT("VALUE")).number(reading.value);
  if (age >= Present) {
    const Number seconds(static_cast<int32_t>(age / 100), 1);
    frame.value(GATEKEEPER_TEXT(" ")).number(seconds).value(GATEKEEPER_TEXT("s"));
  }
  frame.close();
  readingTicket_ = request.send();
}

void EngineCore::settleReading(Ticket ticket, Result result) {
  if (readingTicket_ != ticket) return;
  readingTicket_ = 0;
  // What certainly was not sent stays, and is sent with the next connection.
  if (result == Result::NotSent) return;
  if (result != Result::Done && result != Result::Refused) readingsUnknown_++;
  readingsFirst_ = static_cast<uint8_t>((readingsFirst_ + 1) % space_.readingsSize);
  readingsCount_--;
}

}  // namespace gatekeeper
