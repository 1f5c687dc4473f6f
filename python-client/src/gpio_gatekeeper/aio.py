"""The same for asyncio: nothing here waits but with `await`.

    async with connect() as gate:
        await gate.device("lamp").on()

A task that is cancelled stops waiting.  What had not been sent is not sent then; what had been is carried out all the
same, but for a lease, which is given back.
"""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import AsyncGenerator, Callable, Generator, Generic, List, Mapping, Optional, Tuple, Type, TypeVar

from . import commands
from .commands import Description, Status
from .core import Core
from .errors import Closed, GatekeeperError, NoLease
from .lease import Holding
from .settings import Settings, settings
from .state import Message, Number, State, written
from .transport import Fields

Item = TypeVar("Item")


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
    """A gate that is opened by `async with`, or by `await gate.open()`; see `gpio_gatekeeper.connect`."""
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
    """A client of the gatekeeper, for the event loop that has opened it."""

    def __init__(self, settings: Settings) -> None:
        self._core = Core(settings)

    async def open(self) -> Gate:
        """Connects; raises where that can't be done."""
        opening = asyncio.get_running_loop().run_in_executor(None, self._core.start)
        try:
            await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(self._close_unwanted)
            raise
        return self

    def _close_unwanted(self, opened: asyncio.Future[None]) -> None:
        """Nobody waits for the connection any more."""
        if not opened.cancelled() and opened.exception() is None:
            opened.get_loop().run_in_executor(None, self._core.close)

    async def close(self) -> None:
        """Ends the connection; may be called twice."""
        await asyncio.get_running_loop().run_in_executor(None, self._core.close)

    async def __aenter__(self) -> Gate:
        return await self.open()

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self.close()

    @property
    def client(self) -> str:
        """This client's id."""
        return self._core.settings.client

    @property
    def is_connected(self) -> bool:
        """Whether a connection is open at this moment."""
        return self._core.is_online

    async def ask(self, command: Fields, *, timeout: Optional[float] = None) -> Fields:
        """Sends any command of protocol.md."""
        return await asyncio.wrap_future(self._core.ask(command, timeout))

    async def status(self) -> Status:
        """How the gatekeeper is."""
        return Status.from_fields(await self.ask({"COMMAND": "STATUS"}))

    async def devices(self) -> List[str]:
        """The names of all devices."""
        names: List[str] = []
        command = {"COMMAND": "LIST"}
        while True:
            reply = await self.ask(command)
            names += commands.names(reply.get("DEVICES", ""))
            if "NEXT" not in reply:
                return names
            command["AFTER"] = reply["NEXT"]

    async def describe(self, device: str) -> Description:
        """What a device is and can do."""
        return Description.from_fields(await self.ask({"COMMAND": "DESCRIBE", "DEVICE": device}))

    def device(self, name: str) -> Device:
        """A device by its name; asks nobody yet."""
        return Device(self, name)

    async def read(self, device: str) -> State:
        """Reads a device from its hardware."""
        return State.from_fields(await self.ask(commands.get(device)))

    async def do(
        self,
        device: str,
        action: str,
        *,
        timeout: Optional[float] = None,
        ttl: Optional[Number] = None,
        **parameters: object,
    ) -> State:
        """Carries out any action of a device; under the lease that this gate holds on it."""
        return await self.carry_out(device, action, parameters, timeout=timeout, ttl=ttl)

    async def carry_out(
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
        return State.from_fields(await asyncio.wrap_future(self._core.write(command, timeout)))

    def lease(self, *devices: str, seconds: Number = 30, wait: Number = 0, with_connection: bool = False) -> Lease:
        """The sole right to write devices, within `async with`, renewed meanwhile."""
        return Lease(self._core, devices, seconds, wait, with_connection)

    async def publish(self, variable: str, value: object, *, retain: bool = False) -> None:
        """Tells a value to everybody who has subscribed to a variable."""
        command = {"COMMAND": "PUB", "VAR": variable, "VALUE": written(value)}
        await self.ask({**command, "RETAIN": "1"} if retain else command)

    async def send(self, client: str, value: object) -> None:
        """Tells something to one client alone."""
        await self.ask({"COMMAND": "SEND", "TO": client, "VALUE": written(value)})

    async def changes(self, device: str = commands.ALL) -> AsyncGenerator[State, None]:
        """The state of a device, or of all, as it is and then whenever it changes.

        Of a device that changes faster than the loop takes it, the states wait.
        """
        arrivals: _Arrivals[State] = _Arrivals()

        def told(_: Optional[State], now: State) -> None:
            arrivals.put(now)

        self._core.states.watch(device, told)
        stop = self._core.tell_of_end(arrivals.end)
        try:
            await asyncio.wrap_future(self._core.subscribe("DEVICE", device))
            try:
                known = self._core.states.snapshot(device)
                for state in known:
                    yield state
                async for state in arrivals:
                    if not any(state is other for other in known):
                        yield state
            finally:
                self._core.unsubscribe("DEVICE", device)
        finally:
            stop()
            self._core.states.unwatch(device, told)

    async def variable(self, name: str) -> AsyncGenerator[Message, None]:
        """The values of a variable: the one that is kept, if any, and each that comes."""
        arrivals: _Arrivals[Message] = _Arrivals()
        self._core.tell_of_variable(name, arrivals.put)
        stop = self._core.tell_of_end(arrivals.end)
        try:
            await asyncio.wrap_future(self._core.subscribe("VAR", name))
            try:
                async for message in arrivals:
                    yield message
            finally:
                self._core.unsubscribe("VAR", name)
        finally:
            stop()
            self._core.tell_no_more_of_variable(name, arrivals.put)


class Device:
    """A device by its name.  Its actions are those of protocol.md: `await device.do("blink", n=3)`."""

    def __init__(self, gate: Gate, name: str) -> None:
        self._gate = gate
        self.name = name

    def __repr__(self) -> str:
        return f"<Device {self.name}>"

    async def do(self, action: str, *, timeout: Optional[float] = None, **parameters: object) -> State:
        """Carries out an action."""
        return await self._gate.carry_out(self.name, action, parameters, timeout=timeout)

    async def on(self) -> State:
        """Switches it on."""
        return await self.do("on")

    async def off(self) -> State:
        """Switches it off."""
        return await self.do("off")

    async def toggle(self) -> State:
        """Inverts it."""
        return await self.do("toggle")

    async def stop(self) -> State:
        """Stops what moves."""
        return await self.do("stop")

    async def set(self, value: object) -> State:
        """Gives it a value."""
        return await self.do("set", value=value)

    async def read(self) -> State:
        """Reads it from its hardware."""
        return await self._gate.read(self.name)

    def changes(self) -> AsyncGenerator[State, None]:
        """Its state as it is, and then whenever it changes."""
        return self._gate.changes(self.name)

    async def wait_for(self, wanted: Callable[[State], bool]) -> State:
        """Waits for a state, which may be the one that it has."""
        changes = self._gate.changes(self.name)
        try:
            async for state in changes:
                if wanted(state):
                    return state
        finally:
            await changes.aclose()
        raise Closed("the gate was closed")

    async def wait_for_active(self) -> State:
        """Waits until its value is another one than 0."""
        return await self.wait_for(lambda state: bool(state.value))

    async def wait_for_inactive(self) -> State:
        """Waits until its value is 0."""
        return await self.wait_for(lambda state: state.value == 0)


class Lease:
    """A lease that is taken by `async with`, or by `await`, and renewed until it is given back."""

    def __init__(
        self, core: Core, devices: Tuple[str, ...], seconds: Number, wait: Number, with_connection: bool
    ) -> None:
        self._core = core
        self._wait = wait
        self._send = core.ask_lease(devices, seconds, wait, with_connection)
        self._held: Optional[Holding] = None

    async def acquire(self) -> Lease:
        """Takes it."""
        asked = time.monotonic()
        granted = await asyncio.wrap_future(self._send())
        if self._wait:
            # When it was granted is not known, so neither is how long it is good; from a renewal on it is.
            asked = time.monotonic()
            granted = await asyncio.wrap_future(self._core.confirm(granted))
        self._held = self._core.hold(granted, asked)
        return self

    def __await__(self) -> Generator[object, None, Lease]:
        return self.acquire().__await__()

    async def release(self) -> None:
        """Gives it back; may be called twice.  The devices stay as they are."""
        held = self._held
        answer = None if held is None else self._core.let_go(held)
        if answer is not None:
            try:
                await asyncio.wrap_future(answer)
            except (NoLease, ConnectionError, TimeoutError):
                # It is not renewed any more, so it ends by itself.
                pass

    async def __aenter__(self) -> Lease:
        return await self.acquire()

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self.release()

    @property
    def token(self) -> int:
        """The number of this lease; 0 before it is taken."""
        return 0 if self._held is None else self._held.token

    @property
    def is_lost(self) -> bool:
        """Whether it has ended against the program's will: further writes raise `LeaseLost`."""
        return self._held is not None and self._held.lost.is_set()

    async def wait_lost(self) -> None:
        """Waits until it has ended against the program's will."""
        held, loop, over = self._held, asyncio.get_running_loop(), asyncio.Event()
        if held is None:
            return
        held.on_lost.append(lambda: loop.call_soon_threadsafe(over.set))
        # It may have been lost before.
        if not held.lost.is_set():
            await over.wait()


class _Arrivals(Generic[Item]):
    """What comes from the connection's thread, for a task to iterate over."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Optional[Item]] = asyncio.Queue()

    def put(self, item: Item) -> None:
        """From any thread."""
        self._put(item)

    def end(self, _why: GatekeeperError) -> None:
        """Nothing more comes.  From any thread."""
        self._put(None)

    def _put(self, item: Optional[Item]) -> None:
        try:
            self._loop.call_soon_threadsafe(self._queue.put_nowait, item)
        except RuntimeError:
            # The loop is closed, and with it everybody who would take it.
            pass

    def __aiter__(self) -> _Arrivals[Item]:
        return self

    async def __anext__(self) -> Item:
        item = await self._queue.get()
        if item is None:
            raise Closed("the gate was closed")
        return item
