"""A button that switches a light; holding it ends the program."""

from threading import Event

from gpio_gatekeeper import LED, Button

led, button, done = LED("led"), Button("button"), Event()
button.when_pressed = led.toggle
button.when_held = done.set
print("press the button, or hold it", flush=True)
done.wait()
