"""A client of the chaos on the Python package; README.md has what it says and when."""

import os
import random
import sys
import threading
import time

from gpio_gatekeeper import GatekeeperError, connect
from gpio_gatekeeper.errors import Outcome

WORDS = {Outcome.REFUSED: "refused", Outcome.NOT_SENT: "notsent", Outcome.UNKNOWN: "unknown"}


def say(*words, at=None):
    """A line in one write, which a kill leaves whole or out."""
    line = " ".join(map(str, words)) + f" {time.monotonic_ns() if at is None else at}\n"
    os.write(1, line.encode())


class Client:
    """The program's connection and its chance."""

    def __init__(self, url, name, seed, first, count):
        self.chance = random.Random(int(seed))
        self.numbers = iter(range(int(first), int(first) + int(count)))
        self.gate = self.connected(url, name)

    def connected(self, url, name):
        """A gate, when the daemon is there; after the first time the library connects again by itself."""
        while True:
            try:
                return connect(url, client=name)
            except GatekeeperError:
                self.pause(0.2)

    def pause(self, most):
        """Waits up to so many seconds."""
        threading.Event().wait(self.chance.uniform(0, most))

    def set(self, devices, token):
        """Sets one of the devices to the next number; false when there is none left."""
        number = next(self.numbers, None)
        if number is None:
            return False
        device = self.chance.choice(devices)
        say("sent", number, device, token)
        try:
            state = self.gate.set(device, number)
            assert state.value == number, state
            say("ack", number)
        except GatekeeperError as error:
            word = WORDS[error.outcome]
            say(word, number, *([error.code] if word == "refused" else []))
            # Nobody hammers at a door that is closed.
            self.gate.wait_connected(0.5)
        return True

    def lease(self, held, ttl):
        """A lease on some of the devices, if others let it."""
        devices = self.chance.sample(held, self.chance.randint(1, len(held)))
        say("asking", ",".join(devices))
        try:
            lease = self.gate.lease(*devices, seconds=ttl, wait=self.chance.choice([0, 0.3]))
        except GatekeeperError as error:
            say("denied", WORDS[error.outcome])
            return None
        say("granted", lease.token)
        return lease


def holds(lease):
    """Says whether it is held, and answers that."""
    now = time.monotonic_ns()
    if lease.lost.is_set():
        say("lost", lease.token)
        return False
    say("holds", lease.token, at=now)
    return True


def end_with_the_test():
    """Whoever started this holds the other end of the standard input for as long as it lives."""
    sys.stdin.buffer.read()
    os._exit(4)


def main():
    threading.Thread(target=end_with_the_test, daemon=True).start()
    url, name, seed, first, count, ttl, free, held = sys.argv[1:]
    client = Client(url, name, seed, first, count)
    free, held, ttl = free.split(","), held.split(","), int(ttl) / 1000
    if not ttl:
        while client.set(free, "-"):
            client.pause(0.02)
        return
    while True:
        lease = client.lease(held, ttl)
        if lease is None:
            client.pause(0.1)
            continue
        for _ in range(client.chance.randrange(30)):
            if not holds(lease) or not client.set(lease.devices, lease.token):
                break
            client.pause(0.05)
        if next(client.numbers, None) is None:
            return
        say("releasing", lease.token)
        lease.release()


main()
