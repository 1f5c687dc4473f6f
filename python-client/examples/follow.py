"""The same with asyncio: a light that follows a button until it has been pressed once."""

import asyncio

from gpio_gatekeeper.aio import connect


async def main():
    async with connect() as gate:
        print("press the button", flush=True)
        async for state in gate.changes("button"):
            await gate.device("led").set(state.value)
            if state.value:
                break
        print("it was pressed")


asyncio.run(main())
