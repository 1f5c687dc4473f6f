"""The way to a gatekeeper: devices, leases, variables, messages and alerts, each call with its outcome."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from types import TracebackType
from typing import TYPE_CHECKING, Callable, List, Mapping, Optional, Tuple, Type

from . import commands
from .commands import Description, Status, Threshold
from .core import Core
from .errors import GatekeeperError, NoLease
from .lease import Holding, Lease
from .settings import Settings, settings
from .state import Alert, Message, Number, State, written
from .transport import Fields

if TYPE_CHECKING:
    from .devices import Device


def connect(
    url: Optional[str] = None,
    *,
    user: Optional[str] = None,
    password: Optional[str] = None,
    token: Optional[str] = None,
    ca: Optional[str] = None,
    certificate: Optional[str] = None,
    key: Optional[str] = None,
    client: Optional[str] = None,
    timeout: Optional[float] = None,
) -> Gate:
    """Connects to a gatekeeper: `line://host` (the default is this machine), `lines://`, `mqtt://` or `mqtts://`.

    What is not given comes from the environment (`GATEKEEPER_URL`, ...) or `~/.config/gpio-gatekeeper/client.json`.
    `ca`, `certificate` and `key` are files in PEM; `timeout` is in seconds, for the connection and for each call.
    """
    return Gate(
        settings(
            url,
            user=user,
            password=password,
            token=token,
            ca=ca,
            certificate=certificate,
            key=key,
            client=client,
            timeout=timeout,
        )
    )


class Gate:
    """A client of the gatekeeper.  It may be used by many threads, and inside callbacks."""

    def __init__(self, settings: Settings) -> None:
        self._core = Core(settings)
        self._when_message: Optional[Callable[[Message], object]] = None
        self._when_alert: Optional[Callable[[Alert], object]] = None
        self._when_connected: Optional[Callable[[], object]] = None
        self._when_disconnected: Optional[Callable[[GatekeeperError], object]] = None
        self._core.tell_of_messages(lambda message: self._dispatch(self._when_message, message))
        self._core.tell_of_alerts(lambda alert: self._dispatch(self._when_alert, alert))
        self._core.tell_of_connection(self._connection_changed)
        self._core.start()

    def close(self) -> None:
        """Ends the connection; may be called twice.  Devices that it wrote last do what their `on_link_lost` says."""
        self._core.close()

    def __enter__(self) -> Gate:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Gate {self.client} at {self.url}>"

    # The connection.

    @property
    def url(self) -> str:
        """Where the gatekeeper is."""
        return self._core.settings.url

    @property
    def client(self) -> str:
        """This client's id."""
        return self._core.settings.client

    @property
    def timeout(self) -> float:
        """Seconds after which a call without an answer raises `CallTimeout`."""
        return self._core.settings.timeout

    @property
    def is_connected(self) -> bool:
        """Whether a connection is open at this moment."""
        return self._core.is_online

    def wait_connected(self, timeout: Optional[float] = None) -> bool:
        """Waits until a connection is open; False where none is in time."""
        return self._core.wait_online(timeout)

    @property
    def when_connected(self) -> Optional[Callable[[], object]]:
        """Is called when the connection is open again."""
        return self._when_connected

    @when_connected.setter
    def when_connected(self, callback: Optional[Callable[[], object]]) -> None:
        self._when_connected = callback

    @property
    def when_disconnected(self) -> Optional[Callable[[GatekeeperError], object]]:
        """Is called with the reason when the connection is lost; another one is tried by itself."""
        return self._when_disconnected

    @when_disconnected.setter
    def when_disconnected(self, callback: Optional[Callable[[GatekeeperError], object]]) -> None:
        self._when_disconnected = callback

    def _connection_changed(self, why: Optional[GatekeeperError]) -> None:
        if why is not None:
            self._dispatch(self._when_disconnected, why)
        elif self._when_connected is not None:
            self._core.dispatcher.put(self._when_connected)

    # Looking around.

    def status(self) -> Status:
        """How the gatekeeper is; over MQTT as it was told last, which is done at an interval."""
        return Status.from_fields(self.ask({"COMMAND": "STATUS"}))

    def devices(self) -> List[str]:
        """The names of all devices, in the order of the configuration, or over MQTT in that of the alphabet."""
        names: List[str] = []
        command = {"COMMAND": "LIST"}
        while True:
            reply = self.ask(command)
            names += commands.names(reply.get("DEVICES", ""))
            if "NEXT" not in reply:
                return names
            command["AFTER"] = reply["NEXT"]

    def describe(self, device: str) -> Description:
        """What a device is and can do."""
        return Description.from_fields(self.ask({"COMMAND": "DESCRIBE", "DEVICE": device}))

    def device(self, name: str) -> Device:
        """The device of this name, as an object of the class for its kind: an `LED` for a `led`."""
        from .devices import device_for

        return device_for(name, self)

    # Using devices.

    def read(self, device: str) -> State:
        """Reads a device from its hardware."""
        return State.from_fields(self.ask(commands.get(device)))

    def set(self, device: str, value: Number, *, timeout: Optional[float] = None) -> State:
        """Gives a device a value."""
        return self.do(device, "set", value=value, timeout=timeout)

    def do(
        self,
        device: str,
        action: str,
        *,
        timeout: Optional[float] = None,
        ttl: Optional[Number] = None,
        **parameters: object,
    ) -> State:
        """Carries out any action of a device, such as `do("led", "blink", on_time="250ms", n=3)`.

        With `ttl`, in seconds, it does nothing where it waits in the gatekeeper for longer.
        """
        return self.carry_out(device, action, parameters, timeout=timeout, ttl=ttl)

    def carry_out(
        self,
        device: str,
        action: str,
        parameters: Mapping[str, object],
        *,
        timeout: Optional[float] = None,
        ttl: Optional[Number] = None,
    ) -> State:
        """The same as `do`, for parameters of any name."""
        command = commands.do(device, action, parameters, ttl)
        return State.from_fields(self._result(self._core.write(command, timeout)))

    # Holding devices.

    def lease(
        self,
        *devices: str,
        seconds: Number = 30,
        wait: Number = 0,
        with_connection: bool = False,
        when_lost: Optional[Callable[[Lease], object]] = None,
    ) -> Lease:
        """Takes the sole right to write devices (all of them without a name), and renews it until it is given back.

        `seconds` is for how long it outlives this program, or its network; `wait` how long to wait for others, while
        other calls of this gate are carried out at once, and answered after it.  With `with_connection` it ends with
        the connection at the latest.  `Held` is raised where another client has it.
        """
        asked = time.monotonic()
        granted = self._result(self._core.ask_lease(devices, seconds, wait, with_connection)())
        if wait:
            # When it was granted is not known, so neither is how long it is good; from a renewal on it is.
            asked = time.monotonic()
            granted = self._result(self._core.confirm(granted))
        held = self._core.hold(granted, asked)
        lease = Lease(held, lambda: self._let_go(held))
        if when_lost is not None:
            held.on_lost.append(lambda: self._dispatch(when_lost, lease))
        return lease

    def _let_go(self, held: Holding) -> None:
        answer = self._core.let_go(held)
        if answer is not None:
            try:
                self._result(answer)
            except NoLease:
                pass

    def break_lease(self, *devices: str, reason: str) -> None:
        """Ends the leases of others on these devices (on all of them without a name), in an emergency."""
        names = ",".join(devices or [commands.ALL])
        self.ask({"COMMAND": "BREAK", "DEVICE": names, "REASON": reason})

    # Variables and messages.

    def publish(self, variable: str, value: object, *, retain: bool = False) -> None:
        """Tells a value to everybody who has subscribed to a variable; retained also to those who do so later."""
        command = {"COMMAND": "PUB", "VAR": variable, "VALUE": written(value)}
        self.ask({**command, "RETAIN": "1"} if retain else command)

    def subscribe(self, variable: str, callback: Callable[[Message], object]) -> Subscription:
        """Has a callback called with each value of a variable, and at once with the one that is kept, if any."""
        subscription = Subscription(self._core, variable, callback)
        try:
            self._result(self._core.subscribe("VAR", variable))
        except BaseException:
            subscription.stop()
            raise
        return subscription

    def send(self, client: str, value: object) -> None:
        """Tells something to one client alone; `UnknownClient` where it is not connected."""
        self.ask({"COMMAND": "SEND", "TO": client, "VALUE": written(value)})

    @property
    def when_message(self) -> Optional[Callable[[Message], object]]:
        """Is called with each message that another client sends to this one."""
        return self._when_message

    @when_message.setter
    def when_message(self, callback: Optional[Callable[[Message], object]]) -> None:
        self._when_message = callback

    # Thresholds and alerts.

    @property
    def when_alert(self) -> Optional[Callable[[Alert], object]]:
        """Is called with each alert, created or resolved, of a device that this program uses."""
        return self._when_alert

    @when_alert.setter
    def when_alert(self, callback: Optional[Callable[[Alert], object]]) -> None:
        self._when_alert = callback

    def alerts(self, device: Optional[str] = None) -> List[Alert]:
        """The alerts that are open."""
        command = {"COMMAND": "ALERTS"} if device is None else {"COMMAND": "ALERTS", "DEVICE": device}
        numbers = self._all_names(command, "ALERTS")
        return [Alert.from_fields(self.ask({"COMMAND": "ALERTS", "ALERT": number})) for number in numbers]

    def thresholds(self, device: Optional[str] = None) -> List[Threshold]:
        """The thresholds that there are."""
        command = {"COMMAND": "THRESHOLD"} if device is None else {"COMMAND": "THRESHOLD", "DEVICE": device}
        names = self._all_names(command, "THRESHOLDS")
        return [Threshold.from_fields(self.ask({"COMMAND": "THRESHOLD", "NAME": name})) for name in names]

    def set_threshold(
        self,
        name: str,
        device: str,
        *,
        field: str = "value",
        minimum: Optional[Number] = None,
        maximum: Optional[Number] = None,
        hysteresis: Number = 0,
        duration: Number = 0,
        severity: str = "warning",
        action: Optional[Tuple[str, Number]] = None,
        resolved_action: Optional[Tuple[str, Number]] = None,
    ) -> Threshold:
        """Watches a number of a device; `action` is a device, and what it is set to when the alert is created."""
        command = commands.threshold(
            name, device, field, minimum, maximum, hysteresis, duration, severity, action, resolved_action
        )
        return Threshold.from_fields(self.ask(command))

    def delete_threshold(self, name: str) -> None:
        """Ends a threshold."""
        self.ask({"COMMAND": "THRESHOLD", "NAME": name, "DELETE": "1"})

    def _all_names(self, command: Fields, key: str) -> List[str]:
        names: List[str] = []
        command = dict(command)
        while True:
            reply = self.ask(command)
            names += commands.names(reply.get(key, ""))
            if "NEXT" not in reply:
                return names
            command["AFTER"] = reply["NEXT"]

    # For everything else in protocol.md, and for the devices of this package.

    def ask(self, command: Fields, *, timeout: Optional[float] = None) -> Fields:
        """Sends any command, such as `{"COMMAND": "GET", "DEVICE": "led"}`; answers with the fields of its reply."""
        return self._result(self._core.ask(command, timeout))

    @property
    def core(self) -> Core:
        """What this is made of, for other packages: futures, states and events."""
        return self._core

    def _result(self, answer: Future[Fields]) -> Fields:
        # The connection's thread sees to it that this comes in time.
        return answer.result()

    def _dispatch(self, callback: Optional[Callable[..., object]], *about: object) -> None:
        if callback is not None:
            self._core.dispatcher.put(lambda: callback(*about))


class Subscription:
    """Tells of a variable until it is closed."""

    def __init__(self, core: Core, variable: str, callback: Callable[[Message], object]) -> None:
        self.variable = variable
        self._core = core
        self._callback = callback
        self._lock = threading.Lock()
        self._is_closed = False
        core.tell_of_variable(variable, self._tell)

    def _tell(self, message: Message) -> None:
        self._core.dispatcher.put(lambda: self._callback(message))

    def stop(self) -> None:
        """Tells no more."""
        self._core.tell_no_more_of_variable(self.variable, self._tell)

    def close(self) -> None:
        """Ends the subscription; may be called twice."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        self.stop()
        self._core.unsubscribe("VAR", self.variable)

    def __enter__(self) -> Subscription:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()
