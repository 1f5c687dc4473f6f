"""Pins for gpiozero: unmodified programs run on lines of a board that GPIO Gatekeeper owns, from any machine.

    GPIOZERO_PIN_FACTORY=gatekeeper GATEKEEPER_URL=line://raspberrypi.local python3 program.py

The lines have to be among the `raw_lines` of the gatekeeper's configuration.  A pin is configured when a device needs it
and given back when that is closed; when the connection is lost the gatekeeper gives it back.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from concurrent.futures import Future, wait
from typing import Dict, List, Optional, Tuple, Union

from gpiozero.exc import (
    PinFixedPull,
    PinInvalidBounce,
    PinInvalidEdges,
    PinInvalidFunction,
    PinInvalidPin,
    PinInvalidPull,
    PinInvalidState,
    PinPWMFixedValue,
    PinSetInput,
    PinSPIUnsupported,
)
from gpiozero.pins import PinInfo
from gpiozero.pins.pi import PiFactory, PiPin

from . import commands
from .commands import Description
from .errors import DeviceFault, GatekeeperError, NotSupported, SettingsError, UnknownDevice
from .gate import Gate, connect
from .state import State, duration
from .transport import Fields

_log = logging.getLogger(__name__)

KIND = "raw_line"
DEFAULT_REVISION = 0xC03111
"""A Raspberry Pi 4 B, whose header all boards with 40 pins have."""
ASKS = 5
"""So often the clock is asked for; the answer that came soonest is the best."""
FRESH = 30.0
"""The clock is asked for again after so many seconds: two quartzes drift apart by some milliseconds in a minute."""
LONGEST_BOUNCE = 60.0

_EDGES = {"both": (False, True), "rising": (True,), "falling": (False,), "none": ()}
_PULLS = ("up", "down", "floating")


class GatekeeperFactory(PiFactory):
    """Makes pins of raw lines; `gate` is a connection that there is already, and stays open."""

    def __init__(self, url: Optional[str] = None, *, gate: Optional[Gate] = None) -> None:
        super().__init__()
        self.pin_class = GatekeeperPin
        self._is_ours = gate is None
        self._gate = connect(url) if gate is None else gate
        self._clock = Clock(self._gate)
        self._is_closed = False
        self._revision: Optional[int] = None
        self._gate.core.tell_of_connection(self._connection_changed)
        try:
            self._clock.ask_and_wait()
        except BaseException:
            self.close()
            raise

    @property
    def gate(self) -> Gate:
        """The connection, for what gpiozero has no words for, such as leases."""
        return self._gate

    def close(self) -> None:
        """Gives all lines back; may be called twice."""
        self._is_closed = True
        pins = list(self.pins.values())
        super().close()
        releases = [release for release in (pin._give_back() for pin in pins) if release is not None]
        wait(releases, self._gate.timeout)
        if self._is_ours:
            self._gate.close()

    def ticks(self) -> float:
        """Seconds on the clock of the gatekeeper's kernel, which also its edges are stamped with."""
        return self._clock.now()

    def _ticks_of(self, state: State) -> float:
        """When the edge was that made this state; now, where nobody knows."""
        return self.ticks() if state.edge_ns is None or not self._clock.is_known else state.edge_ns / 1e9

    @staticmethod
    def ticks_diff(later: float, earlier: float) -> float:
        """The seconds in between.  What both clocks say differs by as much as the network wavers, so 0 at least."""
        return max(later - earlier, 0.0)

    def spi(self, **spi_args: object) -> object:
        """The gatekeeper's own sensors use the buses of the board; programs can't."""
        raise PinSPIUnsupported("there is no SPI through the gatekeeper")

    def _get_revision(self) -> int:
        if self._revision is None:
            told = os.environ.get("GATEKEEPER_REVISION") or self._gate.status().revision
            try:
                self._revision = DEFAULT_REVISION if told is None else _plain(int(told, 16))
            except ValueError as error:
                raise SettingsError(f"GATEKEEPER_REVISION is a code such as c03111, not {told}") from error
        return self._revision

    def _find(self, number: int) -> str:
        """The name of the device that is this line."""
        gate = self._gate
        try:
            found = gate.describe(f"gpio{number}")
        except UnknownDevice:
            try:
                found = Description.from_fields(gate.ask({"COMMAND": "DESCRIBE", "LINE": str(number)}))
            except UnknownDevice:
                raise PinInvalidPin(f"GPIO{number} is none of the gatekeeper's raw_lines") from None
        if found.kind != KIND:
            raise PinInvalidPin(
                f"GPIO{number} is the gatekeeper's {found.kind} {found.device}, and none of its raw_lines"
            )
        return found.device

    def _connection_changed(self, why: Optional[GatekeeperError]) -> None:
        if why is not None or self._is_closed:
            return
        self._clock.ask()
        for pin in list(self.pins.values()):
            self._gate.core.dispatcher.put(pin._connected_again)


class GatekeeperPin(PiPin):
    """A raw line.

    Devices are closed by the garbage collector as well, on whichever thread it happens to run and in the middle of
    whatever that does.  So what ends something asks for no lock of others and waits for nobody.
    """

    def __init__(self, factory: GatekeeperFactory, info: PinInfo) -> None:
        super().__init__(factory, info)
        self._gate = factory.gate
        self._device = factory._find(self._number)
        self._lock = threading.RLock()
        # What the gatekeeper was asked for, and has not been told to end.
        self._is_taken = False
        self._is_modulated = False
        self._release: Optional[Future[Fields]] = None
        self._forget()

    def _forget(self) -> None:
        """Nobody wants anything of it any more."""
        self._function: Optional[str] = None
        self._pull: str = self.info.pull or "floating"
        self._bounce: Optional[float] = None
        self._edges = "both"
        self._frequency: Optional[float] = None
        self._duty = 0.0

    def close(self) -> None:
        """Gives the line back, soon."""
        self.when_changed = None
        self._forget()
        self._gate.core.dispatcher.put(self._give_back)

    def _give_back(self) -> Optional[Future[Fields]]:
        """Gives the line back, unless somebody wants it again; answers with what was sent last for that."""
        with self._lock:
            if self._function is not None or not self._is_taken:
                return self._release
            self._is_taken = self._is_modulated = False
            self._gate.core.states.unwatch(self._device, self._changed)
            self._gate.core.unsubscribe("DEVICE", self._device)
            self._release = self._gate.core.write(commands.do(self._device, "release", {}, None))
            self._release.add_done_callback(self._see_release)
            return self._release

    def _see_release(self, done: Future[Fields]) -> None:
        error = None if done.cancelled() else done.exception()
        if error is not None:
            _log.info("%r was not given back: %s", self, error)

    # What it is.

    def output_with_state(self, state: Union[bool, float]) -> None:
        """Drives the line, with this state from the first moment on."""
        with self._lock:
            self._begin_output(_level(state, self))

    def input_with_pull(self, pull: str) -> None:
        """Makes it an input with this pull from the first moment on."""
        with self._lock:
            self._pull = self._checked(pull)
            self._begin_input()

    def _get_function(self) -> str:
        return self._function or "input"

    def _set_function(self, value: str) -> None:
        with self._lock:
            if value == "input":
                self._pull = self.info.pull or "floating"
                self._begin_input()
            elif value == "output":
                self._begin_output(None)
            else:
                raise PinInvalidFunction(f'invalid function "{value}" for pin {self!r}')

    def _begin_input(self) -> None:
        bounce = {} if self._bounce is None else {"debounce": duration(self._bounce)}
        self._configure(function="input", pull=self._pull, **bounce)
        self._function, self._frequency = "input", None

    def _begin_output(self, level: Optional[int]) -> None:
        self._configure(function="output", **({} if level is None else {"value": level}))
        self._function, self._frequency, self._pull = "output", None, "floating"

    def _configure(self, **parameters: object) -> None:
        if not self._is_taken:
            self._is_taken = True
            self._gate.core.states.watch(self._device, self._changed)
            self._gate.core.subscribe("DEVICE", self._device).result()
        self._do("configure", **parameters)
        self._is_modulated = False

    def _get_pull(self) -> str:
        return self._pull

    def _set_pull(self, value: str) -> None:
        with self._lock:
            if self._get_function() != "input":
                raise PinFixedPull(f"cannot set pull on non-input pin {self!r}")
            self._pull = self._checked(value)
            self._begin_input()

    def _checked(self, pull: str) -> str:
        if pull not in _PULLS:
            raise PinInvalidPull(f'invalid pull "{pull}" for pin {self!r}')
        if self.info.pull and pull != self.info.pull:
            raise PinFixedPull(f"{self!r} has a physical pull-{self.info.pull} resistor")
        return pull

    def _get_bounce(self) -> Optional[float]:
        return self._bounce

    def _set_bounce(self, value: Optional[float]) -> None:
        with self._lock:
            if value is not None and not 0 <= value <= LONGEST_BOUNCE:
                raise PinInvalidBounce(f"bounce must be between 0 and {LONGEST_BOUNCE:g}")
            bounce = value or None
            if bounce != self._bounce:
                self._bounce = bounce
                if self._function == "input":
                    self._begin_input()

    # How it is.

    def _get_state(self) -> Union[bool, float]:
        with self._lock:
            if self._function is None:
                self._begin_input()
            state = self._told()
            if state.state == "unused" and self._function == "input":
                # It was given back while the connection was lost.
                self._begin_input()
                state = self._told()
        if state.state == "unused":
            # Nobody drives an output that was given back.
            return 0.0 if self._frequency else False
        if state.value is None:
            raise DeviceFault(f"{self!r}: {state.error}", "DEVICE_FAULT")
        return state.value if self._frequency else bool(state.value)

    def _told(self) -> State:
        """The newest state: a line is watched as long as it is in use."""
        told = self._gate.core.states.known(self._device) if self._gate.is_connected else None
        return self._gate.read(self._device) if told is None else told

    def _set_state(self, value: Union[bool, float]) -> None:
        with self._lock:
            if self._get_function() == "input":
                raise PinSetInput(f"cannot set state of pin {self!r}")
            if self._frequency is None:
                self._write(_level(value, self))
            elif 0 <= value <= 1:
                self._write(float(value))
            else:
                raise PinInvalidState(f'invalid state "{value}" for pin {self!r}')

    def _write(self, value: Union[int, float]) -> None:
        frequency = self._frequency
        if frequency is None and self._is_modulated:
            return self._begin_output(int(value))
        self._duty = float(value)
        try:
            self._do("set", value=value)
        except NotSupported:
            # It was given back while the connection was lost; what the program wants now is as good as its first wish.
            self._begin_output(int(value) if frequency is None else 0)
            if frequency is not None:
                self._modulate(frequency, float(value))

    def _get_frequency(self) -> Optional[float]:
        return self._frequency

    def _set_frequency(self, value: Optional[float]) -> None:
        if not value:
            self._frequency = None
            return self._gate.core.dispatcher.put(self._end_modulation)
        with self._lock:
            if self._function != "output":
                raise PinPWMFixedValue(f"cannot start PWM on pin {self!r}")
            # A PWM that is begun begins with being low.
            self._modulate(float(value), self._duty if self._frequency else 0.0)

    def _modulate(self, frequency: float, duty: float) -> None:
        self._do("pwm", frequency=frequency, value=duty)
        self._is_modulated = True
        self._frequency, self._duty = frequency, duty

    def _end_modulation(self) -> None:
        """Ends a PWM that nobody wants any more."""
        with self._lock:
            if self._function == "output" and self._is_modulated and self._frequency is None:
                self._begin_output(0)

    # When it changes.

    def _get_edges(self) -> str:
        return self._edges

    def _set_edges(self, value: str) -> None:
        if value not in _EDGES:
            raise PinInvalidEdges(f'invalid edge specification "{value}" for pin {self!r}')
        self._edges = value

    def _enable_event_detect(self) -> None:
        """Nothing more is needed: a line is watched as long as it is in use."""

    def _disable_event_detect(self) -> None:
        """Likewise."""

    def _changed(self, before: Optional[State], now: State) -> None:
        """On the connection's thread: programs are told on another one, which may wait for answers."""
        if before is None or before.value is None or now.value is None or before.value == now.value:
            return
        # What another configuration brings is no edge.
        is_edge = self._function == "input" and before.fields == now.fields
        if is_edge and bool(now.value) in _EDGES[self._edges]:
            ticks = self.factory._ticks_of(now)
            self._gate.core.dispatcher.put(lambda: self._call_when_changed(ticks, int(bool(now.value))))

    def _call_when_changed(self, ticks: float, state: int) -> None:
        told = self.when_changed
        if told is not None:
            told(ticks, state)

    def _connected_again(self) -> None:
        """An input goes on being one; an output waits for what the program wants next."""
        with self._lock:
            if self._function == "input":
                try:
                    self._begin_input()
                except GatekeeperError as error:
                    _log.warning("%r is no input any more: %s", self, error)

    def _do(self, action: str, **parameters: object) -> None:
        self._gate.carry_out(self._device, action, parameters)


class Clock:
    """What the clock of the gatekeeper's kernel says, from that of this machine."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._lock = threading.Lock()
        self._asked: Optional[float] = None
        self._offset = 0.0
        self._last = 0.0
        self.is_known = False
        """Whether it was told; over MQTT it is not.  Then it is that of this machine."""
        self._round: Dict[int, Tuple[float, float]] = {}

    def now(self) -> float:
        """Seconds, which never go back as long as that kernel runs."""
        here = time.monotonic()
        if self._asked is not None and here - self._asked > FRESH:
            self.ask()
        with self._lock:
            # Where it has begun anew, that is another clock.
            there = here + self._offset
            self._last = there if there < self._last - 1.0 else max(there, self._last)
            return self._last

    def ask_and_wait(self) -> None:
        """Asks for the first time."""
        for asked in self.ask():
            asked.result()

    def ask(self) -> List[Future[Fields]]:
        """Asks, without waiting for the answers."""
        with self._lock:
            self._asked = time.monotonic()
            self._round = {}
        return [self._ask_once(number) for number in range(ASKS)]

    def _ask_once(self, number: int) -> Future[Fields]:
        sent = time.monotonic()
        answer = self._gate.core.ask({"COMMAND": "STATUS"})
        answer.add_done_callback(lambda done: self._see(number, sent, done))
        return answer

    def _see(self, number: int, sent: float, done: Future[Fields]) -> None:
        here = time.monotonic()
        if done.cancelled() or done.exception() is not None:
            return
        told = done.result().get("CLOCK_NS")
        if told is None:
            return
        with self._lock:
            # It was told in between, and half-way is never wrong by more than half of it.
            self._round[number] = (here - sent, int(told) / 1e9 - (sent + here) / 2)
            if len(self._round) == ASKS:
                self._offset = min(self._round.values())[1]
                self.is_known = True


def _level(state: Union[bool, float], pin: GatekeeperPin) -> int:
    if state not in (0, 1):
        raise PinInvalidState(f'invalid state "{state}" for pin {pin!r}')
    return int(state)


def _plain(revision: int) -> int:
    """Old boards that were overclocked have a bit more."""
    return revision if revision & 0x800000 else revision & 0xFFFF
