"""The face for asyncio."""

from __future__ import annotations

import asyncio
import importlib.util
import unittest
from typing import AsyncIterator, Awaitable, TypeVar

from gpio_gatekeeper import Closed, Held, LeaseLost, State, UnknownDevice, aio

from .daemon import PATIENCE, Daemon, binary

Result = TypeVar("Result")


async def soon(what: Awaitable[Result]) -> Result:
    """Waits, but not for ever."""
    return await asyncio.wait_for(what, PATIENCE)


async def following(changes: AsyncIterator[State]) -> State:
    """The next state."""
    return await soon(changes.__anext__())


class Asyncio(unittest.IsolatedAsyncioTestCase):
    scheme = "line"
    daemon: Daemon

    @classmethod
    def setUpClass(cls) -> None:
        binary()
        if cls.scheme == "mqtt" and importlib.util.find_spec("paho") is None:
            raise unittest.SkipTest("paho-mqtt is not installed")
        cls.daemon = Daemon()
        cls.addClassCleanup(cls.daemon.clear)

    async def asyncSetUp(self) -> None:
        self.gate = await self.connect()

    async def connect(self) -> aio.Gate:
        gate = aio.connect(self.daemon.url(self.scheme), timeout=PATIENCE)
        await soon(gate.open())
        self.addAsyncCleanup(gate.close)
        return gate

    async def test_devices_are_switched(self) -> None:
        async with aio.connect(self.daemon.url(self.scheme)) as gate:
            lamp = gate.device("lamp")
            self.assertEqual((await lamp.on()).value, 1)
            self.assertEqual((await lamp.set(0.5)).value, 0.5)
            self.assertEqual((await lamp.read()).value, 0.5)
            self.assertIn("lamp", await gate.devices())
            self.assertEqual((await gate.describe("lamp")).kind, "pwm_led")
            self.assertEqual((await gate.status()).devices, 5)
        with self.assertRaises(Closed):
            await lamp.off()

    async def test_many_at_once_have_each_its_own_answer(self) -> None:
        names = await self.gate.devices()
        states = await soon(asyncio.gather(*(self.gate.read(name) for name in names * 20)))
        self.assertEqual([state.device for state in states], names * 20)

    async def test_a_refusal_is_raised(self) -> None:
        with self.assertRaises(UnknownDevice):
            await self.gate.device("fan").on()
        with self.assertRaises(UnknownDevice):
            await self.gate.changes("fan").__anext__()

    async def test_changes_begin_with_what_is(self) -> None:
        led = self.gate.device("led")
        await led.off()
        changes = led.changes()
        self.assertEqual((await following(changes)).value, 0)
        await led.on()
        self.assertEqual((await following(changes)).value, 1)
        again = led.changes()
        self.assertEqual((await following(again)).value, 1)
        await again.aclose()
        await led.off()
        self.assertEqual((await following(changes)).value, 0)
        await changes.aclose()

    async def test_all_devices_can_be_followed(self) -> None:
        # What was heard of it before is old.
        other = await self.connect()
        await self.gate.device("led").on()
        await other.device("led").off()
        changes = self.gate.changes()
        states = [await following(changes) for _ in range(5)]
        self.assertEqual({state.device for state in states}, set(await self.gate.devices()))
        self.assertEqual([state.value for state in states if state.device == "led"], [0])
        await changes.aclose()

    async def test_a_press_is_waited_for(self) -> None:
        button = self.gate.device("button")
        waiting = asyncio.create_task(button.wait_for_active())
        await button.do("press")
        self.assertEqual((await soon(waiting)).value, 1)
        await button.do("release")
        self.assertEqual((await soon(button.wait_for_inactive())).value, 0)

    async def test_who_waits_is_told_of_the_end(self) -> None:
        changes = self.gate.changes("led")
        await following(changes)
        waiting = asyncio.create_task(following(changes))
        await self.gate.close()
        with self.assertRaises(Closed):
            await soon(waiting)

    async def test_a_lease_keeps_others_out(self) -> None:
        other = await self.connect()
        async with self.gate.lease("motor", seconds=10) as lease:
            await self.gate.device("motor").stop()
            with self.assertRaises(Held):
                await other.device("motor").stop()
            await other.ask({"COMMAND": "BREAK", "DEVICE": "motor", "REASON": "test"})
            await soon(lease.wait_lost())
            self.assertTrue(lease.is_lost)
            with self.assertRaises(LeaseLost):
                await self.gate.device("motor").stop()
        await other.device("motor").stop()

    async def test_a_lease_that_nobody_waits_for_any_more_is_given_back(self) -> None:
        other = await self.connect()
        first = await self.gate.lease("relay", seconds=60)
        waiting = asyncio.create_task(soon(_taken(other.lease("relay", seconds=60, wait=PATIENCE))))
        # Replies behind a lease that is waited for wait as well.
        await asyncio.sleep(0)
        behind = asyncio.create_task(soon(other.read("led")))
        await soon(self.gate.read("led"))
        waiting.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await waiting
        await first.release()
        await behind
        lease = await soon(_taken(self.gate.lease("relay", seconds=60, wait=PATIENCE)))
        await lease.release()

    async def test_a_task_that_is_cancelled_harms_nobody(self) -> None:
        tasks = [asyncio.create_task(self.gate.read("led")) for _ in range(50)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.assertEqual((await soon(self.gate.read("relay"))).device, "relay")

    async def test_variables_are_told(self) -> None:
        values = self.gate.variable("setpoint")
        waiting = asyncio.create_task(soon(values.__anext__()))
        await self.gate.publish("setpoint", 20, retain=True)
        self.assertEqual((await waiting).value, "20")
        await self.gate.publish("setpoint", 21)
        self.assertEqual((await soon(values.__anext__())).value, "21")
        await values.aclose()
        await self.gate.publish("setpoint", "", retain=True)

    async def test_it_goes_on_after_a_restart(self) -> None:
        led = self.gate.device("led")
        await led.on()
        changes = led.changes()
        await following(changes)
        self.daemon.kill()
        waiting = asyncio.create_task(following(changes))
        self.daemon.start()
        self.assertEqual((await waiting).value, 0)
        await changes.aclose()

    async def test_nobody_there_is_told(self) -> None:
        with self.assertRaises(ConnectionError):
            await aio.connect(f"{self.scheme}://127.0.0.1:1").open()


class AsyncioOverMqtt(Asyncio):
    scheme = "mqtt"


async def _taken(lease: aio.Lease) -> aio.Lease:
    return await lease


if __name__ == "__main__":
    unittest.main()
