"""Devices as objects, over the line protocol."""

from __future__ import annotations

import unittest
from typing import Dict

from gpio_gatekeeper import (
    LED,
    PWMLED,
    RGBLED,
    Button,
    Buzzer,
    Counter,
    Cover,
    Device,
    DeviceFault,
    DigitalGroup,
    Fan,
    Heater,
    InputDevice,
    LineSensor,
    MotionSensor,
    Motor,
    OutputDevice,
    Relay,
    RotaryEncoder,
    Sensor,
    Servo,
    UnknownDevice,
    WrongKind,
    set_default_gate,
)

from .daemon import DEVICES, PATIENCE, DaemonCase, Events

PWM = {"chip": "pwmchip0", "channel": 0}


class Outputs(DaemonCase):
    def test_a_light_is_switched_and_knows_it(self) -> None:
        led = LED("led", gate=self.gate)
        led.on()
        self.assertEqual((led.value, led.is_lit), (1, True))
        led.toggle()
        self.assertEqual((led.value, led.is_lit, led.is_active), (0, False, False))
        led.value = True
        self.assertEqual(led.read().value, 1)

    def test_what_others_do_is_seen(self) -> None:
        led, other, told = LED("led", gate=self.gate), self.connect(), Events()
        led.off()
        led.when_changed = told
        other.do("led", "on")
        told.next()
        self.assertTrue(led.is_lit)

    def test_blinking_is_done_by_the_gatekeeper(self) -> None:
        led = LED("led", gate=self.gate)
        self.assertIn("blinking", led.blink(60, 60).fields)
        self.assertNotIn("blinking", led.off().fields)
        led.blink(0.01, 0.01, n=2, background=False)
        self.assertEqual((led.value, "blinking" in led.state.fields), (0, False))
        with self.assertRaises(ValueError):
            led.blink(background=False)

    def test_a_light_can_be_dimmed_and_pulse(self) -> None:
        lamp = PWMLED("lamp", gate=self.gate)
        lamp.value = 0.3
        self.assertEqual((lamp.value, lamp.is_lit), (0.3, True))
        self.assertIn("pulsing", lamp.pulse(1, 1).fields)
        lamp.sequence([(1, 0.01), (0.5, 0.01)])
        self.assertTrue(lamp._wait(lambda state: state.value == 0.5 and "sequence" not in state.fields, PATIENCE))

    def test_another_kind_is_refused(self) -> None:
        for kind, name in ((LED, "button"), (Button, "led"), (Motor, "lamp")):
            with self.subTest(kind), self.assertRaises(WrongKind) as caught:
                kind(name, gate=self.gate)
            self.assertIsInstance(caught.exception, TypeError)
        with self.assertRaises(UnknownDevice):
            LED("fan", gate=self.gate)

    def test_a_motor_goes_both_ways(self) -> None:
        motor = Motor("motor", gate=self.gate)
        self.assertEqual(motor.forward().state, "forward")
        motor.reverse()
        self.assertTrue(motor._wait(lambda state: state.state == "backward", PATIENCE))
        motor.stop()
        self.assertEqual((motor.value, motor.is_active), (0, False))

    def test_the_default_gate_is_used_where_none_is_given(self) -> None:
        set_default_gate(self.gate)
        self.addCleanup(set_default_gate, None)
        self.assertIs(LED("led").gate, self.gate)

    def test_what_happened_while_nobody_looked_is_seen(self) -> None:
        with LED("led", gate=self.gate) as led:
            led.on()
        self.connect().do("led", "off")
        self.assertEqual(LED("led", gate=self.gate).value, 0)

    def test_a_closed_device_tells_nothing_more(self) -> None:
        told = Events()
        with LED("led", gate=self.gate) as led:
            led.when_changed = told
        led.close()
        with LED("led", gate=self.gate) as other:
            changed = Events()
            other.when_changed = changed
            other.toggle()
            changed.next()
        self.assertEqual(told.rest(), [])


class Inputs(DaemonCase):
    def setUp(self) -> None:
        super().setUp()
        self.button = Button("button", gate=self.gate)
        self.addCleanup(self.button.release)

    def test_presses_are_told(self) -> None:
        told = Events()
        self.button.when_pressed = lambda: told("pressed")
        self.button.when_held = lambda button: told(button)
        self.button.when_released = lambda: told("released")
        self.button.press()
        self.assertEqual(told.next(), "pressed")
        self.assertTrue(self.button.is_pressed)
        self.assertIs(told.next(), self.button)
        self.assertTrue(self.button.is_held)
        self.button.release()
        self.assertEqual(told.next(), "released")

    def test_a_press_is_waited_for(self) -> None:
        self.assertFalse(self.button.wait_for_press(0.01))
        other = self.connect()
        for action in ("press", "release"):
            other.do("button", action)
        self.button.press()
        self.assertTrue(self.button.wait_for_press(PATIENCE))
        self.button.release()
        self.assertTrue(self.button.wait_for_release(PATIENCE))

    def test_a_callback_may_switch(self) -> None:
        led, told = LED("led", gate=self.gate), Events()
        led.off()
        led.when_changed = told
        self.button.when_pressed = led.on
        self.button.press()
        told.next()
        self.assertTrue(led.is_lit)

    def test_a_fault_is_no_press(self) -> None:
        told = Events()
        self.button.when_pressed = lambda: told("pressed")
        self.button.when_released = lambda: told("released")
        self.button.press()
        self.assertEqual(told.next(), "pressed")
        self.gate.ask({"COMMAND": "FAULT", "DEVICE": "button", "FAULT": "read-fails"})
        self.addCleanup(self.gate.ask, {"COMMAND": "FAULT", "MEND": "1"})
        with self.assertRaises(DeviceFault):
            self.button.read()
        self.assertTrue(self.button._wait(lambda state: state.value is None, PATIENCE))
        self.gate.ask({"COMMAND": "FAULT", "MEND": "1"})
        # While an edge is looked at for bounces it is not read.
        self.button.read()
        self.assertTrue(self.button._wait(lambda state: state.value == 1, PATIENCE))
        self.button.release()
        self.assertEqual(told.next(), "released")

    def test_a_fault_has_no_value(self) -> None:
        self.gate.ask({"COMMAND": "FAULT", "DEVICE": "button", "FAULT": "read-fails"})
        self.addCleanup(self.gate.ask, {"COMMAND": "FAULT", "MEND": "1"})
        with self.assertRaises(DeviceFault):
            self.button.read()
        self.assertTrue(self.button._wait(lambda state: state.value is None, PATIENCE))
        with self.assertRaises(DeviceFault):
            self.button.value


class Sources(DaemonCase):
    def test_an_output_follows_a_device(self) -> None:
        led, button, told = LED("led", gate=self.gate), Button("button", gate=self.gate), Events()
        led.on()
        led.when_changed = lambda state: told(state.value)
        led.source = button
        self.assertEqual(told.next(), 0)
        button.press()
        self.assertEqual(told.next(), 1)
        led.source = None
        button.release()
        self.assertIsNone(led.source)
        self.assertEqual(self.gate.read("led").value, 1)

    def test_an_output_takes_values_one_after_the_other(self) -> None:
        lamp, told = PWMLED("lamp", gate=self.gate), Events()
        lamp.value = 1
        lamp.when_changed = lambda state: told(state.value)
        lamp.source_delay = 0
        lamp.source = (step / 4 for step in (0, 1, 1, 2))
        self.assertEqual([told.next(), told.next(), told.next()], [0, 0.25, 0.5])
        lamp.close()

    def test_values_go_on_for_ever(self) -> None:
        led = LED("led", gate=self.gate)
        led.on()
        values = led.values
        self.assertEqual([next(values), next(values)], [1, 1])
        led.close()
        self.assertEqual(list(values), [])


class EveryKind(DaemonCase):
    devices = {
        **DEVICES,
        "output": {"output": {"line": 1}},
        "rgb": {"rgb_led": {"red": 2, "green": 3, "blue": 4}},
        "fan": {"fan": {"line": 7, "on_link_lost": "off"}},
        "heater": {"heater": {"line": 8, "period": "10s"}},
        "servo": {"servo": {"line": 9}},
        "buzzer": {"buzzer": {"line": 10}},
        "input": {"input": {"line": 11}},
        "motion": {"motion": {"line": 12}},
        "line": {"line": {"line": 13}},
        "counter": {"counter": {"line": 14, "interval": "100ms"}},
        "knob": {"rotary_encoder": {"a": 15, "b": 16, "max_steps": 10}},
        "cover": {"cover": {"up": 19, "down": 20, "open_time": "100ms", "close_time": "100ms"}},
        "group": {"digital_group": {"lines": [21, 23, 24]}},
        "sensor": {"simulated": {"heater": "heater"}},
    }
    classes: Dict[str, type] = {
        "led": LED,
        "relay": Relay,
        "lamp": PWMLED,
        "button": Button,
        "motor": Motor,
        "output": OutputDevice,
        "rgb": RGBLED,
        "fan": Fan,
        "heater": Heater,
        "servo": Servo,
        "buzzer": Buzzer,
        "input": InputDevice,
        "motion": MotionSensor,
        "line": LineSensor,
        "counter": Counter,
        "knob": RotaryEncoder,
        "cover": Cover,
        "group": DigitalGroup,
        "sensor": Sensor,
    }

    def device(self, name: str) -> Device:
        return self.gate.device(name)

    def test_each_has_its_class(self) -> None:
        self.assertEqual({name: type(self.device(name)) for name in self.gate.devices()}, self.classes)

    def test_a_coloured_light(self) -> None:
        light = RGBLED("rgb", gate=self.gate)
        light.color = (1, 0.5, 0)
        self.assertEqual(light.value, (1, 0.5, 0))
        light.set("#0000ff")
        self.assertEqual((light.color, light.is_lit), ((0, 0, 1), True))
        light.brightness(0.5)
        self.assertEqual(light.value, (0, 0, 0.5))
        light.off()
        self.assertFalse(light.is_lit)

    def test_a_servo(self) -> None:
        servo = Servo("servo", gate=self.gate)
        self.assertIsNone(servo.angle)
        servo.max()
        self.assertEqual((servo.value, servo.is_active), (1, True))
        servo.angle = 0
        self.assertEqual((servo.angle, servo.value), (0, 0))
        servo.detach()
        self.assertFalse(servo.is_active)

    def test_a_cover(self) -> None:
        cover = Cover("cover", gate=self.gate)
        self.assertIsNone(cover.position)
        cover.open()
        self.assertTrue(cover._wait(lambda state: state.state == "open", PATIENCE))
        self.assertEqual(cover.position, 100)
        cover.shut()
        self.assertTrue(cover._wait(lambda state: state.state == "closed", PATIENCE))

    def test_a_knob(self) -> None:
        knob, told = RotaryEncoder("knob", gate=self.gate), Events()
        knob.when_rotated_clockwise = lambda: told("clockwise")
        knob.when_rotated_counter_clockwise = lambda: told("back")
        knob.rotate(2)
        self.assertEqual(told.next(), "clockwise")
        self.assertTrue(knob._wait(lambda state: state.number("steps") == 2, PATIENCE))
        knob.when_rotated_clockwise = None
        knob.rotate(-1)
        self.assertEqual(told.next(), "back")
        self.assertEqual(knob.steps, 1)

    def test_a_counter(self) -> None:
        counter = Counter("counter", gate=self.gate)
        counter.pulse(3)
        self.assertTrue(counter._wait(lambda state: state.number("total") == 3, PATIENCE))
        counter.reset()
        self.assertEqual((counter.total, counter.lost), (0, 0))

    def test_a_sensor(self) -> None:
        sensor = Sensor("sensor", gate=self.gate)
        sensor.simulate(21.5)
        self.assertTrue(sensor._wait(lambda state: state.value is not None and state.value > 21, PATIENCE))
        self.assertEqual((sensor.unit, list(sensor.readings)), ("°C", ["temperature"]))

    def test_the_others(self) -> None:
        with Fan("fan", gate=self.gate) as fan:
            self.assertEqual(fan.on().value, 1)
        with Heater("heater", gate=self.gate) as heater:
            heater.value = 0.5
            self.assertTrue(heater.is_heating)
        with Buzzer("buzzer", gate=self.gate) as buzzer:
            self.assertIn("blinking", buzzer.beep(1, 1).fields)
        with DigitalGroup("group", gate=self.gate) as group:
            group.value = 5
            self.assertEqual(group.toggle().value, 2)
        told = Events()
        motion = MotionSensor("motion", gate=self.gate)
        motion.when_motion = lambda: told("motion")
        motion.activate()
        self.assertEqual(told.next(), "motion")
        self.assertTrue(motion.motion_detected)


if __name__ == "__main__":
    unittest.main()
