"""What both faces of the package, the blocking one and that of asyncio, stand on.

Commands go out as futures; states, messages and leases are kept here.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future
from typing import Callable, Dict, List, Optional, Sequence, TypeVar

from . import commands
from .connection import Connection
from .dispatcher import Dispatcher
from .errors import Closed, GatekeeperError, LeaseLost, SettingsError, StaleToken
from .lease import Holding
from .line import LineTransport
from .settings import Settings
from .state import Alert, Message, Number, State
from .states import States
from .transport import Fields, Transport

_log = logging.getLogger(__name__)

Listed = TypeVar("Listed")
OnMessage = Callable[[Message], None]
OnAlert = Callable[[Alert], None]


def transport_for(settings: Settings) -> Callable[[], Transport]:
    """What speaks the protocol of the URL."""
    if settings.scheme in ("line", "lines"):
        return lambda: LineTransport(settings)
    try:
        from .mqtt import MqttTransport
    except ImportError as error:
        raise SettingsError(f"{settings.scheme}:// needs paho-mqtt: pip install 'gpio-gatekeeper[mqtt]'") from error
    return lambda: MqttTransport(settings)


class Core:
    """One client of the gatekeeper."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.states = States()
        self.dispatcher = Dispatcher(settings.client)
        self.greeting: Fields = {}
        self._connection = Connection(transport_for(settings), self, settings.client)
        self._lock = threading.Lock()
        # Guarded by the lock; the newest lease is the last.
        self._leases: List[Holding] = []
        self._on_variable: Dict[str, List[OnMessage]] = {}
        self._on_message: List[OnMessage] = []
        self._on_alert: List[OnAlert] = []
        self._on_connection: List[Callable[[Optional[GatekeeperError]], None]] = []
        self._on_end: List[Callable[[GatekeeperError], None]] = []
        self._online = threading.Event()

    def start(self) -> None:
        """Connects; raises where that can't be done."""
        try:
            self._connection.start()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends everything; may be called twice."""
        with self._lock:
            leases, self._leases = self._leases, []
        for held in leases:
            self._connection.post(held.stop)
        self._connection.close()
        self.dispatcher.close()
        closed = Closed("the gate was closed")
        self.states.close(closed)
        for listener in self._listeners(self._on_end):
            listener(closed)

    @property
    def is_online(self) -> bool:
        """Whether a connection is open at this moment."""
        return self._online.is_set()

    def wait_online(self, timeout: Optional[float]) -> bool:
        """Waits until a connection is open."""
        return self._online.wait(timeout)

    def ask(self, command: Fields, timeout: Optional[Number] = None) -> Future[Fields]:
        """Sends a command."""
        return self._connection.call(command, self.settings.timeout if timeout is None else float(timeout))

    def write(self, command: Fields, timeout: Optional[Number] = None) -> Future[Fields]:
        """Sends a command that writes a device: under the lease that this client holds on it."""
        device = command["DEVICE"]
        with self._lock:
            held = next((held for held in reversed(self._leases) if held.covers(device)), None)
        if held is None:
            return self.ask(command, timeout)
        if held.lost.is_set():
            raise LeaseLost(f"the lease {held.token} on {device} is over: {held.cause}")
        answer = self.ask({**command, "TOKEN": str(held.token)}, timeout)
        answer.add_done_callback(lambda done: self._see_stale(done, held))
        return answer

    def _see_stale(self, done: Future[Fields], held: Holding) -> None:
        if not done.cancelled() and isinstance(done.exception(), StaleToken):
            # It may be over, or only not on this device any more: that is for the gatekeeper to say.
            self._connection.post(held.renew)

    def subscribe(self, key: str, name: str) -> Future[Fields]:
        """Has the gatekeeper tell of a `DEVICE` or `VAR`."""
        return self._connection.subscribe(key, name, self.settings.timeout)

    def unsubscribe(self, key: str, name: str) -> None:
        """Ends one such subscription."""
        self._connection.unsubscribe(key, name)

    # Leases.

    def ask_lease(
        self, devices: Sequence[str], ttl: Number, wait: Number, with_connection: bool
    ) -> Callable[[], Future[Fields]]:
        """Checks a request for a lease, and answers with what sends it."""
        command = commands.lease(devices or [commands.ALL], ttl, wait, with_connection)

        return lambda: self._connection.call(
            command, self.settings.timeout, waiting=float(wait), abandoned=self._give_back
        )

    def confirm(self, granted: Fields) -> Future[Fields]:
        """Renews a lease that was just granted."""
        command = commands.of_token("RENEW", int(granted["TOKEN"]))
        answer = self._connection.call(command, self.settings.timeout, abandoned=self._give_back)

        def stopped(done: Future[Fields]) -> None:
            if done.cancelled():
                self._give_back(granted)

        answer.add_done_callback(stopped)
        return answer

    def _give_back(self, granted: Fields) -> None:
        """Nobody waits for this lease any more, so nobody would ever do."""
        self.ask(commands.of_token("RELEASE", int(granted["TOKEN"])))

    def hold(self, granted: Fields, good_from: float) -> Holding:
        """Renews a lease from now on, which lasts at least from `good_from` on, by the monotonic clock."""
        held = Holding(self._connection, granted, good_from)
        with self._lock:
            self._leases.append(held)
        self._connection.post(held.begin)
        return held

    def let_go(self, held: Holding) -> Optional[Future[Fields]]:
        """Gives a lease back; nothing is to be done where it is over already."""
        with self._lock:
            if held not in self._leases:
                return None
            self._leases.remove(held)
        self._connection.post(held.stop)
        return None if held.lost.is_set() else self.ask(commands.of_token("RELEASE", held.token))

    # Who is told.

    def tell_of_variable(self, name: str, listener: OnMessage) -> None:
        """Has a variable's values told on the connection's thread."""
        with self._lock:
            self._on_variable.setdefault(name, []).append(listener)

    def tell_no_more_of_variable(self, name: str, listener: OnMessage) -> None:
        """Ends that."""
        with self._lock:
            if listener in self._on_variable.get(name, []):
                self._on_variable[name].remove(listener)

    def tell_of_messages(self, listener: OnMessage) -> None:
        """Has what is sent to this client told on the connection's thread."""
        with self._lock:
            self._on_message.append(listener)

    def tell_of_alerts(self, listener: OnAlert) -> None:
        """Has alerts of devices that are subscribed to told on the connection's thread."""
        with self._lock:
            self._on_alert.append(listener)

    def tell_of_connection(self, listener: Callable[[Optional[GatekeeperError]], None]) -> None:
        """Has told when a connection is open (with None), and why it has ended."""
        with self._lock:
            self._on_connection.append(listener)

    def tell_of_end(self, listener: Callable[[GatekeeperError], None]) -> Callable[[], None]:
        """Has told when the gate is closed; answers with what ends that."""

        def stop() -> None:
            with self._lock:
                self._on_end.remove(listener)

        with self._lock:
            self._on_end.append(listener)
        return stop

    # On the connection's thread.

    def on_reply(self, reply: Fields) -> None:
        if "SEQ" in reply:
            self.states.take(State.from_fields(reply))

    def on_subscribing(self, key: str, name: str) -> None:
        if key == "DEVICE" and name == commands.ALL:
            self.states.forget_unless(lambda device: self._connection.is_subscribed("DEVICE", device))
        elif key == "DEVICE" and not self._connection.is_subscribed("DEVICE", commands.ALL):
            self.states.forget_unless(lambda device: device != name)

    def on_event(self, fields: Fields) -> None:
        event = fields.get("EVENT")
        if event == "STATE":
            self.states.take(State.from_fields(fields))
        elif event == "MESSAGE":
            self._message(fields)
        elif event == "ALERT":
            alert = Alert.from_fields(fields)
            for listener in self._listeners(self._on_alert):
                listener(alert)
        elif event in ("LEASE_ENDING", "LEASE_LOST"):
            self._lease_event(event, fields)

    def on_online(self, greeting: Fields) -> None:
        self.greeting = greeting
        self.states.begin_connection()
        for held in self._listeners(self._leases):
            held.renew()
        self._online.set()
        for listener in self._listeners(self._on_connection):
            listener(None)

    def on_offline(self, why: GatekeeperError) -> None:
        self._online.clear()
        for listener in self._listeners(self._on_connection):
            listener(why)

    def _listeners(self, of: List[Listed]) -> List[Listed]:
        with self._lock:
            return list(of)

    def _message(self, fields: Fields) -> None:
        variable = fields.get("VAR")
        message = Message(fields.get("VALUE", ""), variable, fields.get("FROM"), fields.get("RETAINED") == "1")
        with self._lock:
            listeners = list(self._on_message if variable is None else self._on_variable.get(variable, []))
        for listener in listeners:
            listener(message)

    def _lease_event(self, event: str, fields: Fields) -> None:
        for held in self._listeners(self._leases):
            if str(held.token) != fields.get("TOKEN"):
                continue
            if event == "LEASE_ENDING":
                held.renew()
            else:
                cause = fields.get("CAUSE", "EXPIRED")
                by = f" by {fields['BY']}: {fields.get('REASON', '')}" if "BY" in fields else ""
                held.lose(cause + by)
