"""What the scripts of this folder share: where to connect, how long to wait, and how to tell what was done."""

import faulthandler
import sys
from urllib.parse import urlsplit

# Seconds for anything that should take no time; only a broken script waits for it.
PATIENCE = 8
# Seconds for a whole script; then it ends with the places that it waits at.
WHOLE = 30

# What the gatekeeper refuses: topic, payload, whether it is retained, and the reason code (protocol.md).
REFUSED = [
    ("pi/status", "offline", False, 0x87),
    ("pi/devices/fan/set", "ON", False, 0x90),
    ("pi/devices/led/set", "maybe", False, 0x99),
    ("pi/devices/led/set", "ON", True, 0x83),
]
# `limits.subscriptions` and `mqtt.maximum_packet` of the configuration, at their defaults.
SUBSCRIPTIONS = 100
MAXIMUM_PACKET = 65536


class Missing(Exception):
    """Something did not come in time."""


def address():
    """The parts of the URL that the script was given: `mqtt://HOST:PORT` or `ws://HOST:PORT/PATH`."""
    faulthandler.dump_traceback_later(WHOLE, exit=True)
    [url] = sys.argv[1:]
    return urlsplit(url)


def name(step, version):
    """A name of a step's own for its clients and topics, in which two versions do not meet."""
    return f"{step.__name__}-{version}"


def tell(step, version):
    """Says that a step is done."""
    print(f"MQTT {'3.1.1' if version == 4 else version}: {step.__name__.replace('_', ' ')}", flush=True)


def same(came, expected, what):
    """Both are the same."""
    assert came == expected, f"{what}: {came!r} came, {expected!r} was expected"
