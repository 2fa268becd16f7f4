"""Thirty visitors at once: python -m tests.bench.load [--data FOLDER] [--anew]

Ten visitors open the apps at the same moment, each in a browser of its own; twenty more come while all places are taken and must be told
how many are before them; then one leaves and the next must be let in. Prints the seconds to each visitor's first finding and whole page
and the memory of each kernel that nobody shares, and ends with status 1 if a page fails, a finding takes longer than 15 s, a kernel holds more than 250 MB,
or the queue does not hold. ``--anew``: every visitor asks for another period, so that nothing that was kept helps. At most three minutes,
on this machine only; the browsers take their share of the same cores.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import math
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench.apps import CHROMIUM, NAMES, WATCH, rehearsed, served

PLACES, WAITING, SECONDS, WHOLE = 10, 20, 180, 100
LATEST, MOST_MB = 15.0, 250.0  # the first finding; a kernel's own memory
MISSING = """() => ({drawn: document.querySelectorAll('[data-drawn]').length, figures: document.querySelectorAll('.opsnb-figure').length,
  skeletons: [...document.querySelectorAll('.skeleton')].filter(one => one.offsetParent).length, seen: window.seen})"""
BUSY = re.compile(r"(\d+) before you")


class Guest:
    """One visitor with a browser context, and so cookies, of their own."""

    def __init__(self, context: Any, page: Any, address: str):
        self.context, self.page, self.address = context, page, address
        self.wrong: list[str] = []
        page.on("pageerror", lambda error: self.wrong.append(str(error)))

    @classmethod
    async def come(cls, chromium: Any, address: str) -> Guest:
        context = await chromium.new_context(viewport={"width": 1280, "height": 900})
        page = await context.new_page()
        await page.add_init_script(WATCH)
        return cls(context, page, address)

    async def open(self) -> None:
        """Asks for the page."""
        await self.page.goto(self.address, wait_until="commit", timeout=SECONDS * 1000)

    async def whole(self) -> dict[str, float]:
        """Waits for the whole page; seconds from the click until its parts were there."""
        from playwright.async_api import TimeoutError as Late

        try:
            await self.page.wait_for_function("() => window.seen && 'whole' in window.seen", timeout=WHOLE * 1000, polling=200)
        except Late:
            self.wrong.append(f"not whole within {WHOLE} s: {await self.page.evaluate(MISSING)}")
        alarms = await self.page.locator("main .opsnb [role=alert]").all_inner_texts()
        self.wrong += [text for text in alarms if text]
        return {name: at / 1000 for name, at in (await self.page.evaluate("() => window.seen")).items()}

    async def before(self) -> int | None:
        """How many the page says are before this visitor; None in an app."""
        said = BUSY.search(await self.page.inner_text("body", timeout=60_000))
        return int(said[1]) if said else None

    async def leave(self) -> None:
        await self.page.goto("about:blank")
        await self.context.close()


def kernels(server: Any) -> list[tuple[int, float, float]]:
    """(process, MB that nobody shares, MB with its part of what is shared) of each visitor's kernel."""
    import psutil

    found = []
    for process in psutil.Process(server.process.pid).children(recursive=True):
        if process.ppid() != server.process.pid:
            rollup = dict(line.split()[:2] for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()[1:])
            found.append((process.pid, (int(rollup["Private_Clean:"]) + int(rollup["Private_Dirty:"])) / 1000, int(rollup["Pss:"]) / 1000))
    return found


async def load(server: Any, *, anew: bool) -> list[str]:
    """Lets them come; returns what was wrong."""
    from playwright.async_api import async_playwright

    wrong: list[str] = []
    names = itertools.cycle(NAMES)
    async with async_playwright() as engine:
        chromium = await engine.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        asked = [f"{server.address}app/{next(names)}?lang=en" + (f"&days={200 + number}" if anew else "") for number in range(PLACES + WAITING)]
        guests = [await Guest.come(chromium, address) for address in asked]
        first, later = guests[:PLACES], guests[PLACES:]
        await asyncio.gather(*(one.open() for one in first))
        seen = await asyncio.gather(*(one.whole() for one in first))
        print(f"  {'':20}{'finding':>9}{'computed':>10}{'whole':>9}")
        for one, found in zip(first, seen, strict=True):
            found["first"] = min([found[part] for part in ("current", "fresh") if part in found], default=math.inf)
            name = one.address.partition("app/")[2].partition("?")[0]
            print(f"  {name:20}{found['first']:9.2f}{found.get('fresh', math.nan):10.2f}{found.get('whole', math.nan):9.2f}")
            wrong += [f"{one.address}: {text}" for text in one.wrong]
        slowest = max(found["first"] for found in seen)
        print(f"  ten at once: first finding {statistics.median(found['first'] for found in seen):.2f} s, the last of them {slowest:.2f} s; "
              f"whole page {max(found.get('whole', math.inf) for found in seen):.2f} s")
        held = kernels(server)
        print(f"  {len(held)} kernels: their own {max(own for _, own, _ in held):.0f} MB at most, {statistics.mean(own for _, own, _ in held):.0f} on average; "
              f"with their part of what is shared {max(part for _, _, part in held):.0f} MB at most")
        wrong += [f"the first finding took {slowest:.1f} s"] * (slowest > LATEST)
        wrong += [f"kernel {pid} holds {own:.0f} MB" for pid, own, _ in held if own > MOST_MB]
        wrong += [f"{len(held)} kernels for {PLACES} visitors"] * (len(held) != PLACES)
        for one in later:  # one after the other, so that their order is known
            await one.open()
        told = [await one.before() for one in later]
        print(f"  {WAITING} more are told: {told} before you")
        wrong += ["the queue is not counted from 1"] * (told != list(range(1, WAITING + 1)))
        begun = time.monotonic()
        await first[0].leave()
        await later[0].whole()
        print(f"  one leaves: the next has a whole page {time.monotonic() - begun:.1f} s later")
        await later[1].page.wait_for_function("() => /\\b1 before you/.test(document.body.innerText)", timeout=60_000)
        after = [await one.before() for one in later[1:]]
        print(f"  the others now: {after}")
        wrong += ["somebody was let in out of turn, or did not move up"] * (None in after or sorted(after) != after)  # type: ignore[type-var]
        wrong += [f"{one.address}: {text}" for one in later for text in one.wrong]
        await chromium.close()
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("data/demo"), help="data folder; the demo must have been made")
    parser.add_argument("--anew", action="store_true", help="every visitor asks for another period")
    options = parser.parse_args()
    if CHROMIUM is None:
        sys.exit("no chromium on this machine")
    with tempfile.TemporaryDirectory(prefix="opsnb-load-", ignore_cleanup_errors=True) as scratch, \
            served(options.data, Path(scratch, "out"), Path(scratch, "log.txt"), places=PLACES, lang="en") as server:
        rehearsed(server, NAMES)
        wrong = asyncio.run(asyncio.wait_for(load(server, anew=options.anew), SECONDS))
    print("\n".join(["  wrong:", *wrong]) if wrong else "  all as it should be")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
