"""What the scripts that use paho's properties share beside `story`."""

from paho.mqtt.properties import Properties


def properties(packet, **values):
    """Properties of a packet, by the names that the library gives them."""
    made = Properties(packet)
    for key, value in values.items():
        setattr(made, key, value)
    return made
