"""What the scripts for libraries on asyncio share beside `story`."""

import asyncio

from story import PATIENCE, Missing, tell


async def within(coming, what):
    """Waits for something, and not for long."""
    try:
        return await asyncio.wait_for(coming, PATIENCE)
    except asyncio.TimeoutError:
        raise Missing(f"{what} did not come") from None


def play(*parts):
    """Does the steps of each part, which is a version and its steps, and says when each of them is done."""

    async def all_of_them():
        for version, steps in parts:
            for step in steps:
                await step(version)
                tell(step, version)

    asyncio.run(all_of_them())
