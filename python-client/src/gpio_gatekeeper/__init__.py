"""Devices of a board that GPIO Gatekeeper owns, over its line protocol or MQTT.

    from gpio_gatekeeper import LED, Button

    lamp = LED("lamp")
    button = Button("button")
    button.when_pressed = lamp.toggle
"""

from .commands import Description, Status, Threshold
from .default import default_gate, set_default_gate
from .errors import *  # noqa: F403
from .errors import GatekeeperError, Outcome, Refusal
from .gate import Gate, Subscription, connect
from .lease import Lease
from .settings import Settings
from .state import Alert, Message, State

__version__ = "0.1.0"
