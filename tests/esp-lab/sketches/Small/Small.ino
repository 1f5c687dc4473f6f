// What a small board needs: it switches a device, hears that it has changed, and tells so. Its size, less that of Bare, is what
// the library takes at least.
#include <GpioGatekeeper.h>

#include "target.h"

static GatekeeperClient gate(net, "small");
static bool isAsked, isSeen;
static gatekeeper::Ticket report;

static void settled(const gatekeeper::Outcome &outcome) {
  if (!outcome.isDone()) labEnd(1);
  if (outcome.ticket == report) labEnd(0);
}

static void changed(const gatekeeper::State &state) {
  if (state.isOf(F("led")) && state.isOn()) isSeen = true;
}

void setup() {
  labSetup();
  gate.onOutcome(settled).onState(changed);
  gate.subscribe(F("led"));
  gate.begin(labHost(), labPort());
}

void loop() {
  gate.poll();
  if (!isAsked && gate.isReady()) isAsked = gate.set(F("led"), F("ON")) != 0;
  if (isSeen && report == 0) report = gate.publishText(F("result"), F("PASS"));
  labIdle();
}
