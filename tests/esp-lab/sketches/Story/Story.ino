// A day in the life of a board: each step gives one command and looks at its outcome. tests/microcontrollers looks at the
// same from the other side, and says by the variable "bench" when the board may go on.
#include <GpioGatekeeper.h>

#include "target.h"

using namespace gatekeeper;

enum Step : uint8_t {
  Switch,
  Ask,
  Act,
  BeRefused,
  Lease,
  Drive,
  Hold,
  Renew,
  Release,
  Announce,
  BeQuiet,
  Measure,
  Deliver,
  Report,
  End,
};

// A lease lasts so long when it is not renewed, in ms.
const uint16_t LeaseTime = 3000;
// For how long nothing at all is said before it is asked whether the other side is there, in ms.
const uint16_t Keepalive = 1000;
// All of it takes 10 s at most, but the machine that emulates may be busy.
const uint16_t Patience = 45000;

static GatekeeperClient gate(net, "story");
static uint8_t step = Switch;
static Ticket ticket;
static uint32_t startedAt, heldSince;
static bool sawOn, sawOff, wasTold;

static void fail(const char *why) {
  char number[4];
  labLog(F("FAIL"));
  labLog(itoa(step, number, 10));
  labLog(why);
  labEnd(1);
}

static void settled(const Outcome &outcome) {
  if (outcome.ticket != ticket || ticket == 0) return;
  ticket = 0;
  const bool isFine = step == BeRefused ? outcome.isRefused(F("UNKNOWN_DEVICE")) : outcome.isDone();
  const bool isOn = outcome.frame.fixed(F("VALUE"), 0) == 1;
  if (!isFine || (step <= Act && !isOn)) fail(outcome.code());
  if (step == Drive) heldSince = millis();
  step++;
}

static void changed(const State &state) {
  if (!state.isOf(F("led"))) return;
  if (state.isOn()) sawOn = true;
  if (sawOn && !state.isOn() && step == BeQuiet) sawOff = true;
}

static void told(const Message &message) {
  if (message.isOf(F("bench"))) wasTold = true;
}

static void lost(const LeaseLoss &loss) { fail(loss.cause); }

static void measure() {
  // A reading waits in a ring, which the smallest boards do not have.
  if (Sizes::Readings == 0 || gate.publish(F("reading"), Number(2150, 2))) step++;
}

static Ticket command() {
  switch (step) {
    case Switch: return gate.set(F("led"), F("ON"));
    case Ask: return gate.get(F("led"));
    case Act: return gate.perform(F("relay"), F("on"));
    case BeRefused: return gate.set(F("nobody"), F("ON"));
    case Lease: return gate.lease(F("motor"), LeaseTime);
    case Drive: return gate.perform(F("motor"), F("forward"));
    case Renew: return gate.renew(F("motor"));
    case Release: return gate.release(F("motor"));
    case Announce: return gate.publishText(F("step"), F("quiet"));
    case Report: return gate.publishText(F("result"), F("PASS"));
    default: return 0;
  }
}

void setup() {
  labSetup();
  startedAt = millis();
  gate.keepalive(Keepalive).onOutcome(settled).onState(changed).onMessage(told).onLeaseLost(lost);
  gate.subscribe(F("led"));
  gate.subscribeVariable(F("bench"));
  gate.begin(labHost(), labPort());
}

void loop() {
  gate.poll();
  // Longer than the lease lasts by itself; meanwhile it is renewed.
  if (step == Hold && millis() - heldSince > LeaseTime + LeaseTime / 2) gate.holds(F("motor")) ? (void)step++ : fail("lost");
  // A message and a state may come in either order.
  if (step == BeQuiet && sawOff && wasTold) step++;
  if (step == Measure) measure();
  if (step == Deliver && gate.readingsWaiting() == 0) step++;
  // What is not taken now, because too much waits already, is tried again.
  if (ticket == 0) ticket = command();
  if (step == End) {
    labLog(F("PASS"));
    labEnd(0);
  }
  if (millis() - startedAt > Patience) fail("late");
  labIdle();
}
