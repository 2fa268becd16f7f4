"""Does a page ever wait for ever: python -m tests.bench.hangs [--openings 200]

Opens the apps so many times, three at once, uses controls on each, and counts the pages and controls that have not answered within two minutes.
A hang is a status of 1. Every other page asks for a period of its own, so that it is computed anew.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.apps import CHANGE, CHROMIUM, NAMES, rehearsed, served
from tests.bench.load import Guest

TOGETHER, CONTROLS, SECONDS = 3, 3, 120


async def one(chromium: Any, address: str, number: int) -> list[str]:
    """What hung, or failed, on one opening."""
    from playwright.async_api import Error

    guest = await Guest.come(chromium, address)
    try:
        await guest.open()
        await asyncio.wait_for(guest.whole(), SECONDS)
        controls = await guest.page.evaluate(CHANGE)
        took = [await guest.page.evaluate(CHANGE, (number * 7 + place * 5) % controls) for place in range(min(CONTROLS, controls))]
        return [f"{address}: a control has not answered"] * took.count(None) + [f"{address}: {text}" for text in guest.wrong]
    except (TimeoutError, Error) as error:
        return [f"{address}: {str(error).splitlines()[0] if str(error) else 'the page was not whole in time'}"]
    finally:
        await guest.leave()


async def openings(address: str, number: int, names: tuple[str, ...] = NAMES) -> list[str]:
    """What was wrong in so many openings."""
    from playwright.async_api import async_playwright

    places, wrong = asyncio.Semaphore(TOGETHER), []
    async with async_playwright() as engine:
        chromium = await engine.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])

        async def turn(place: int) -> None:
            async with places:
                query = f"&days={100 + place}" if place % 2 else ""
                wrong.extend(await one(chromium, f"{address}app/{names[place % len(names)]}?lang={('en', 'zh')[place // 4 % 2]}{query}", place))
                if place % 20 == 19:
                    print(f"  {place + 1} opened, {len(wrong)} wrong", flush=True)

        await asyncio.gather(*map(turn, range(number)))
        await chromium.close()
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("data/demo"), help="data folder; the demo must have been made")
    parser.add_argument("--openings", type=int, default=200)
    options = parser.parse_args()
    if CHROMIUM is None:
        sys.exit("no chromium on this machine")
    with tempfile.TemporaryDirectory(prefix="opsnb-hangs-", ignore_cleanup_errors=True) as scratch, \
            served(options.data, Path(scratch, "out"), Path(scratch, "log.txt")) as server:
        rehearsed(server, [*NAMES, *NAMES])
        wrong = asyncio.run(openings(server.address, options.openings))
    print("\n".join(wrong) if wrong else f"  {options.openings} openings, none hung")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
