"""A knob that tells how far it was turned."""

from signal import pause

from gpiozero import RotaryEncoder

encoder = RotaryEncoder(20, 21, max_steps=16)


def tell():
    print(encoder.steps, flush=True)


tell()
encoder.when_rotated = tell

pause()
