"""The thread that owns the connection: it sends, receives, keeps time, and connects again.

Everything here belongs to that thread.  Others hand it what to do with `post`, and get futures.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import socket
import threading
import time
from collections import deque
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass
from typing import Callable, Deque, Dict, List, Optional, Protocol, Tuple

from .backoff import Backoff
from .errors import (
    AccessDenied,
    BadValue,
    CallTimeout,
    Closed,
    ConnectionLost,
    GatekeeperError,
    NotSent,
    SettingsError,
    TakenOver,
)
from .transport import Answer, Ended, Fields, Transport
from .waiting import wait

_log = logging.getLogger(__name__)


class Listener(Protocol):
    """Who hears what happens, on the connection's thread: nothing here may wait."""

    def on_event(self, fields: Fields) -> None:
        """Something came unasked."""

    def on_reply(self, reply: Fields) -> None:
        """A command was carried out; who asked hears of it after this."""

    def on_subscribing(self, key: str, name: str) -> None:
        """A subscription begins, where there was none to this."""

    def on_online(self, greeting: Fields) -> None:
        """A connection was greeted, and subscriptions are on their way."""

    def on_offline(self, why: GatekeeperError) -> None:
        """The connection has ended; another one is tried unless the gate was closed."""


@dataclass
class _Call:
    future: Future[Fields]
    abandoned: Optional[Callable[[Fields], None]]


class Timer:
    """Something to be done later; `cancel` may be called twice."""

    def __init__(self, action: Callable[[], None]) -> None:
        self.action: Optional[Callable[[], None]] = action

    def cancel(self) -> None:
        """It is not done any more."""
        self.action = None


class Connection:
    """Keeps one transport open after the other until it is closed."""

    def __init__(self, transport: Callable[[], Transport], listener: Listener, name: str) -> None:
        self._new_transport = transport
        self._listener = listener
        self._transport: Optional[Transport] = None
        self._posted: Deque[Callable[[], object]] = deque()
        self._calls: Dict[int, _Call] = {}
        self._numbers = itertools.count(1)
        self._subscriptions: Dict[Tuple[str, str], int] = {}
        self._timers: List[Tuple[float, int, Timer]] = []
        self._timer_numbers = itertools.count()
        self._backoff = Backoff()
        # When a lease that is waited for is granted or refused at the latest: replies behind it wait as well.
        self._waiting_until = 0.0
        self._is_closed = threading.Event()
        self._waker, self._woken = socket.socketpair()
        self._waker.setblocking(False)
        self._woken.setblocking(False)
        # Guards the waker against its end.  What is posted after that may post again.
        self._waking = threading.RLock()
        self._has_ended = False
        self._first: Future[Fields] = Future()
        self._thread = threading.Thread(target=self._run, name=f"gatekeeper-{name}", daemon=True)

    # From any thread.

    def start(self) -> Fields:
        """Connects for the first time, and answers with the greeting."""
        self._thread.start()
        return self._first.result()

    def post(self, action: Callable[[], object]) -> None:
        """Has something done on the connection's thread.  After the end it is done at once."""
        self._posted.append(action)
        with self._waking:
            if self._has_ended:
                self._take_posted()
                return
            try:
                self._waker.send(b"x")
            except BlockingIOError:
                # It will wake anyway.
                pass

    def call(
        self,
        command: Fields,
        timeout: float,
        *,
        waiting: float = 0.0,
        abandoned: Optional[Callable[[Fields], None]] = None,
    ) -> Future[Fields]:
        """Sends a command, whose reply may wait for others for so many seconds besides the timeout.

        `abandoned` gets a good reply that nobody waits for any more.
        """
        future: Future[Fields] = Future()
        self.post(lambda: self._begin(command, timeout, waiting, _Call(future, abandoned)))
        return future

    def subscribe(self, key: str, name: str, timeout: float) -> Future[Fields]:
        """Subscribes to a `DEVICE` or `VAR`, once more where it is subscribed already."""
        future: Future[Fields] = Future()

        def begin() -> None:
            if (key, name) not in self._subscriptions:
                self._listener.on_subscribing(key, name)
            self._subscriptions[key, name] = self._subscriptions.get((key, name), 0) + 1
            future.add_done_callback(refused)
            self._begin({"COMMAND": "SUB", key: name}, timeout, 0.0, _Call(future, None))

        def refused(done: Future[Fields]) -> None:
            # Whoever asked hears that there is no subscription, so it is not begun anew after a reconnect.
            if done.cancelled():
                self.unsubscribe(key, name)
            elif done.exception() is not None:
                self.post(lambda: self._forget(key, name))

        self.post(begin)
        return future

    def unsubscribe(self, key: str, name: str) -> None:
        """Ends one of the subscriptions, without waiting for that."""

        def begin() -> None:
            if self._forget(key, name) and self._transport is not None:
                self._begin({"COMMAND": "UNSUB", key: name}, 60.0, 0.0, _Call(Future(), None))

        self.post(begin)

    def close(self) -> None:
        """Ends the connection and its thread; may be called twice, and on any thread."""
        self._is_closed.set()
        self.post(lambda: None)
        if self._thread.ident is None:
            self._end()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join()

    # On the connection's thread.

    def later(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Has something done on the connection's thread in so many seconds."""
        timer = Timer(action)
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._timer_numbers), timer))
        return timer

    def is_subscribed(self, key: str, name: str) -> bool:
        """Whether changes of this are told."""
        return (key, name) in self._subscriptions

    @property
    def is_online(self) -> bool:
        """Whether a connection is open at this moment."""
        return self._transport is not None

    def _run(self) -> None:
        try:
            while not self._is_closed.is_set():
                why = self._one_connection()
                if not self._first.done():
                    self._first.set_exception(why)
                    return
                if isinstance(why, (TakenOver, AccessDenied, SettingsError)):
                    self._backoff.lengthen()
                if self._is_closed.is_set():
                    return
                pause = self._backoff.wait()
                _log.info("%s; connecting again in %.1f s", why, pause)
                self._wait_offline(time.monotonic() + pause)
        except Exception as error:
            _log.exception("the connection's thread has failed")
            if not self._first.done():
                self._first.set_exception(error)
        finally:
            self._end()

    def _one_connection(self) -> GatekeeperError:
        """Opens a connection and serves it until its end, which it tells."""
        transport = self._new_transport()
        try:
            greeting = transport.open()
        except GatekeeperError as error:
            return error
        self._backoff.reset()
        self._transport = transport
        for key, name in self._subscriptions:
            self._renew_subscription(key, name)
        self._listener.on_online(greeting)
        if not self._first.done():
            self._first.set_result(greeting)
        try:
            self._serve(transport)
            why: GatekeeperError = Closed("the gate was closed")
        except Ended as ended:
            why = ended.why
        except Exception as error:
            # What came made no sense; the next connection begins afresh.
            _log.exception("the connection can't go on")
            why = ConnectionLost(f"the connection can't go on: {error}")
        self._transport = None
        self._lose(transport, why)
        transport.close()
        self._listener.on_offline(why)
        return why

    def _serve(self, transport: Transport) -> None:
        while not self._is_closed.is_set():
            for incoming in transport.exchange():
                if isinstance(incoming, Answer):
                    self._answer(incoming)
                else:
                    self._listener.on_event(incoming.fields)
            self._take_posted()
            limits = [limit for limit in (self._run_timers(), transport.deadline()) if limit is not None]
            self._wait(min(limits, default=None), transport)

    def _wait(self, until: Optional[float], transport: Optional[Transport]) -> None:
        """Waits for bytes, for what is posted, or for the time."""
        left = None if until is None else until - time.monotonic()
        # A transport that has ended has nothing to wait for any more, and says so with its deadline.
        if self._posted or (left is not None and left <= 0):
            return
        descriptor = None if transport is None else transport.fileno()
        wants_write = transport is not None and transport.wants_write()
        if wait(self._woken.fileno(), descriptor, wants_write, left):
            try:
                self._woken.recv(4096)
            except BlockingIOError:
                pass

    def _wait_offline(self, until: float) -> None:
        while not self._is_closed.is_set() and time.monotonic() < until:
            self._take_posted()
            timer = self._run_timers()
            self._wait(until if timer is None else min(until, timer), None)

    def _take_posted(self) -> None:
        while self._posted:
            self._posted.popleft()()

    def _run_timers(self) -> Optional[float]:
        """Does what is due; answers when the next is."""
        while self._timers:
            due, _, timer = self._timers[0]
            if timer.action is not None and due > time.monotonic():
                return due
            heapq.heappop(self._timers)
            if timer.action is not None:
                timer.action()
        return None

    def _begin(self, command: Fields, timeout: float, waiting: float, call: _Call) -> None:
        if call.future.cancelled():
            return
        transport = self._transport
        if self._is_closed.is_set():
            return _fail(call.future, Closed("the gate was closed"))
        if transport is None:
            return _fail(call.future, NotSent("there is no connection to the gatekeeper at this moment"))
        number = next(self._numbers)
        try:
            transport.send(number, command)
        except ValueError as error:
            return _fail(call.future, BadValue(str(error)))
        self._calls[number] = call
        now = time.monotonic()
        limit = max(now, self._waiting_until) + timeout + waiting
        if waiting:
            self._waiting_until = limit
        timer = self.later(limit - now, lambda: self._time_out(number, timeout))
        call.future.add_done_callback(lambda done: self._settled(done, number, timer))

    def _settled(self, done: Future[Fields], number: int, timer: Timer) -> None:
        """A call is over.  Where the caller has cancelled it, what has not left yet does not leave."""
        timer.cancel()
        if done.cancelled():
            self.post(lambda: self._withdraw(number))

    def _withdraw(self, number: int) -> None:
        if self._transport is not None and self._transport.withdraw(number):
            self._calls.pop(number, None)

    def _answer(self, answer: Answer) -> None:
        call = self._calls.pop(answer.number, None)
        if call is None:
            return
        if isinstance(answer.reply, Exception):
            _fail(call.future, answer.reply)
            return
        self._listener.on_reply(answer.reply)
        if not _succeed(call.future, answer.reply) and call.abandoned is not None:
            call.abandoned(answer.reply)

    def _time_out(self, number: int, timeout: float) -> None:
        call = self._calls.get(number)
        if call is None or self._transport is None:
            return
        if self._transport.withdraw(number):
            del self._calls[number]
            _fail(call.future, NotSent(f"it could not be sent within {timeout:g} s"))
        else:
            # The call stays known: what it brings may have to be given back.
            _fail(call.future, CallTimeout(f"no answer came within {timeout:g} s"))

    def _lose(self, transport: Transport, why: GatekeeperError) -> None:
        calls, self._calls = self._calls, {}
        self._waiting_until = 0.0
        for number, call in calls.items():
            if transport.withdraw(number):
                _fail(call.future, NotSent(f"it was not sent any more: {why}"))
            else:
                _fail(call.future, ConnectionLost(f"whether it was carried out is not known: {why}"))

    def _renew_subscription(self, key: str, name: str) -> None:
        future: Future[Fields] = Future()

        def told(done: Future[Fields]) -> None:
            if done.exception() is not None:
                _log.warning("the subscription to %s is not renewed: %s", name, done.exception())

        future.add_done_callback(told)
        self._begin({"COMMAND": "SUB", key: name}, 60.0, 0.0, _Call(future, None))

    def _forget(self, key: str, name: str) -> bool:
        """One subscriber less; answers whether it was the last."""
        count = self._subscriptions.get((key, name), 0) - 1
        if count > 0:
            self._subscriptions[key, name] = count
            return False
        return self._subscriptions.pop((key, name), None) is not None

    def _end(self) -> None:
        self._is_closed.set()
        with self._waking:
            self._has_ended = True
            self._take_posted()
        self._timers.clear()
        self._waker.close()
        self._woken.close()


def _succeed(future: Future[Fields], reply: Fields) -> bool:
    try:
        future.set_result(reply)
        return True
    except InvalidStateError:
        return False


def _fail(future: Future[Fields], error: Exception) -> None:
    try:
        future.set_exception(error)
    except InvalidStateError:
        pass
