"""Devices by their names in the gatekeeper's configuration, used as those of gpiozero are."""

from __future__ import annotations

from typing import Dict, Tuple, Type

from ..gate import Gate
from .base import Device
from .inputs import Button, Counter, InputDevice, LineSensor, MotionSensor, RotaryEncoder, Sensor
from .moving import Cover, Motor, Servo
from .outputs import LED, PWMLED, RGBLED, Buzzer, DigitalGroup, Fan, Heater, OutputDevice, PWMOutputDevice, Relay

__all__ = [
    "LED",
    "PWMLED",
    "RGBLED",
    "Button",
    "Buzzer",
    "Counter",
    "Cover",
    "Device",
    "DigitalGroup",
    "Fan",
    "Heater",
    "InputDevice",
    "LineSensor",
    "MotionSensor",
    "Motor",
    "OutputDevice",
    "PWMOutputDevice",
    "Relay",
    "RotaryEncoder",
    "Sensor",
    "Servo",
    "device_for",
]

# The more special ones come last.
_CLASSES: Tuple[Type[Device], ...] = (
    InputDevice,
    OutputDevice,
    PWMOutputDevice,
    LED,
    PWMLED,
    RGBLED,
    Relay,
    Button,
    Buzzer,
    Counter,
    Cover,
    DigitalGroup,
    Fan,
    Heater,
    LineSensor,
    MotionSensor,
    Motor,
    RotaryEncoder,
    Sensor,
    Servo,
)
_BY_KIND: Dict[str, Type[Device]] = {kind: known for known in _CLASSES for kind in known.kinds}


def device_for(name: str, gate: Gate) -> Device:
    """The device of this name in the class for its kind; of a kind that this package does not know, a `Device`."""
    return _BY_KIND.get(gate.describe(name).kind, Device)(name, gate=gate)
