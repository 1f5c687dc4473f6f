// Every part of the library, and as little else as can be: its size, less that of Bare, is what the library takes at most.
// Each outcome brings the next command, so that the stack is as deep as it gets.
#include <GpioGatekeeper.h>

#include "target.h"

static GatekeeperClient gate(net, "everything");
static uint8_t step;
static bool isGreeted, isSeen;

static void settled(const gatekeeper::Outcome &outcome) {
  if (!outcome.isDone()) labEnd(1);
  switch (step++) {
    case 0: gate.perform(F("motor"), F("forward")); break;
    case 1: gate.renew(F("motor")); break;
    case 2: gate.release(F("motor")); break;
    case 3: gate.get(F("led")); break;
    case 4: gate.send(F("everything"), F("hello")); break;
    case 7: labEnd(0);
  }
}

static void told(const gatekeeper::Message &message) {
  if (!message.isOf(F("greeting"))) isGreeted = true;
}

static void changed(const gatekeeper::State &state) {
  if (!state.isOf(F("led")) || !state.isOn()) return;
  if (gatekeeper::Sizes::Readings > 0) gate.publish(F("reading"), gatekeeper::Number(2150, 2));
  isSeen = true;
}

static void lost(const gatekeeper::LeaseLoss &) { labEnd(2); }

static void linked(const gatekeeper::LinkChange &change) {
  if (change.link == gatekeeper::Link::Ready) gate.lease(F("motor"), 5000);
}

void setup() {
  labSetup();
  gate.token(F("token")).onOutcome(settled).onState(changed).onMessage(told).onLeaseLost(lost).onLink(linked);
  gate.subscribe(F("led"));
  gate.subscribeVariable(F("greeting"));
  gate.begin(labHost(), labPort());
}

void loop() {
  gate.poll();
  // What is not taken, since the outcome of another command is still to come, is tried again.
  if (isGreeted && gate.set(F("led"), F("ON"))) isGreeted = false;
  if (isSeen && gate.publishText(F("result"), F("PASS"))) isSeen = false;
  labIdle();
}
