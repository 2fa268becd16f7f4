"""How fast the apps open and answer: python -m tests.bench.apps [--data FOLDER] [--apps funnel_diagnosis,...] [--times 3]

Each app of a running `opsnb apps` is opened in Chromium: seconds from the click to the last run's findings (earlier, marked "as of"), to
findings that are known to hold for the data as they are (current: a rehearsal's; fresh: the page's own kernel's), to the first chart and to the
whole page (every section there, every chart drawn); then each control is changed and the seconds until its section has been drawn again are
taken. *cold* is the first click on a server that has only just begun to listen and has kept nothing (*kept*: one before it has); *warm* a
click after the rehearsal; *anew* one that asks for another period, so that all of it is computed by a warm kernel. Beside the wall times
stand the kernel's own parts out of the server's log (kernel: until it answers; data; findings; sections, measures and charts together) and
its CPU seconds; imports are what cold takes more than anew. The peer is a bare Voila with four Altair charts of five rows, cold and
preheated, in the same run; the ratio is of the first finding to its first chart.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))
from reports import CHROMIUM, Visit, browser, own_port, running, up

from opsnb import apps
from opsnb.apps import rehearsal

NAMES = ("funnel_diagnosis", "market_analysis", "evaluation_report", "user_profiling")
MOST = 180_000  # milliseconds to wait for a page
CONTROLS = 24  # changed on each page

# Notes in the page when things were first there, in milliseconds since the click.
WATCH = """
window.seen = {};
const looks = {
  earlier: () => document.querySelector('.opsnb-earlier .as-of'),
  current: () => document.querySelector('.opsnb-earlier .card') && !document.querySelector('.opsnb-earlier .as-of'),
  fresh: () => document.querySelector('.jp-OutputArea-output .card, .jp-OutputArea-output .cards, .opsnb-cell .jp-OutputArea-output [role=list]'),
  chart: () => document.querySelector('[data-drawn]'),
};
const awaited = new Set(), read = '.opsnb-figure[data-drawn], .opsnb p, .opsnb table, .opsnb .cards';
const waiting = () => {  // cells that began with a skeleton and have nothing to read yet
  document.querySelectorAll('.opsnb-cell').forEach(one => { if (one.querySelector('.skeleton')) awaited.add(one.getAttribute('cell-index')); });
  return [...awaited].filter(one => !document.querySelector(`.opsnb-cell[cell-index="${one}"] :is(${read})`));
};
window.whole = () => !waiting().length && looks.fresh() && document.readyState === 'complete'
  && document.querySelector('.opsnb-cell:last-of-type .jp-OutputArea-output')
  && [...document.querySelectorAll('.opsnb-figure')].every(one => one.dataset.drawn)
  && [...document.querySelectorAll('[data-mime-type*="vegalite"]')].every(one => one.matches('[data-drawn]') || one.querySelector('[data-drawn]'));
let since = 0, number = -1;  // whole is what stays so for half a second, charts and all
const look = () => {
  for (const name in looks) if (!(name in window.seen) && document.body && looks[name]()) window.seen[name] = performance.now();
  const drawn = document.querySelectorAll('[data-drawn]').length;
  if (!document.body || !window.whole() || drawn !== number) { since = performance.now(); number = drawn; }
  else if (performance.now() - since > 500) window.seen.whole = since;
  if (!('whole' in window.seen)) setTimeout(look, 50);  // each frame would be a good part of what a page costs
};
look();
"""
BARE = """
import altair as alt, pandas as pd
from opsnb.views import shown
shown.enable_charts()
""", *(f"alt.Chart(pd.DataFrame({{'x': [1, 2, 3, 4, 5], 'y': [2, 4, 1, 5, {n}]}}), title='{n}').mark_bar().encode(x='x:O', y='y:Q')" for n in range(4))


def served(data: Path, out: Path, log: Path, **options: Any) -> AbstractContextManager[Any]:
    """A running server of the apps."""
    return running(log, environment={"OPSNB_DATA": str(data.resolve())}, out=out, **options)


@contextmanager
def opened(chromium: Any, address: str, *, width: int = 1280) -> Iterator[Visit]:
    """A page that is being watched; it gives its place back."""
    one = Visit(chromium, width=width)
    one.page.add_init_script(WATCH)
    try:
        one.open(address)
        yield one
    finally:
        one.leave()


def rehearsed(server: Any, names: Iterable[str]) -> None:
    """Waits until every page and every change of a control has been run once without a visitor."""
    until = time.monotonic() + MOST / 1000 * len(list(names))
    while "the controls are rehearsed" not in server.log.read_text(encoding="utf-8", errors="replace"):
        if time.monotonic() > until or server.process.poll() is not None:
            raise SystemExit(server.log.read_text(encoding="utf-8", errors="replace"))
        time.sleep(0.5)


def click(chromium: Any, server: Any, name: str, query: str = "") -> dict[str, float]:
    """Seconds until the parts of a page were there, and the kernel's own account of it."""
    lines = len(told(server.log))
    with opened(chromium, f"{server.address}app/{name}?lang=en{query}") as visit:
        visit.page.wait_for_function("() => 'whole' in window.seen", timeout=MOST)
        seen = {part: at / 1000 for part, at in visit.page.evaluate("() => window.seen").items()}
        seen["charts"] = visit.page.locator("[data-drawn]").count()
        if visit.errors:
            raise SystemExit(f"{name}: {visit.errors}")
    own = [line for line in told(server.log)[lines:] if line["page"] == name and line["lang"] == "en" and not line["rehearsal"]]
    seen["first"] = min(seen[part] for part in ("current", "fresh") if part in seen)
    return seen | {part: value for part, value in (own[-1] if own else {}).items() if isinstance(value, (int, float))}


def told(log: Path) -> list[dict[str, Any]]:
    """What the server has said of the pages."""
    return [json.loads(line[5:]) for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.startswith("took {")]


# Controls ----------------------------------------------------------------------------------------------------------------

CHANGE = """
number => new Promise(resolve => {
  const panels = [...document.querySelectorAll('.opsnb-controls')];
  const found = [];
  panels.forEach(panel => {
    panel.querySelectorAll('select').forEach(one => found.push([panel, one, 'select']));
    panel.querySelectorAll('.jupyter-widget-toggle-button, .widget-toggle-button').forEach(one => found.push([panel, one, 'click']));
    panel.querySelectorAll('input[type=checkbox]').forEach(one => found.push([panel, one, 'click']));
  });
  if (number === null || number === undefined) { resolve(found.length); return; }
  const [panel, control, how] = found[number];
  const section = panel.parentElement, state = () => (section.querySelector('.opsnb-state') || {dataset: {}}).dataset.state;
  const before = state(), begun = performance.now();
  if (how === 'select') {
    control.selectedIndex = (control.selectedIndex + 1) % control.options.length;
    control.dispatchEvent(new Event('change', {bubbles: true}));
  } else control.click();
  const look = () => {
    const figures = [...section.querySelectorAll('.opsnb-figure')];
    if (state() !== before && !section.querySelector('.opsnb-busy') && figures.every(one => one.dataset.drawn)) resolve((performance.now() - begun) / 1000);
    else if (performance.now() - begun > 60000) resolve(null);
    else requestAnimationFrame(look);
  };
  look();
})
"""


def controls(chromium: Any, server: Any, name: str) -> list[float]:
    """Seconds that each control took; an unanswered one ends the bench."""
    with opened(chromium, f"{server.address}app/{name}?lang=en") as visit:
        visit.page.wait_for_function("() => 'whole' in window.seen", timeout=MOST)
        number = visit.page.evaluate(CHANGE)
        every = max(1, -(-number // CONTROLS))
        took = [visit.page.evaluate(CHANGE, place) for place in range(0, number, every)]
    if None in took:
        raise SystemExit(f"{name}: control {took.index(None) * every} is not answered within a minute")
    return took


# The peer ----------------------------------------------------------------------------------------------------------------

def bare(chromium: Any, folder: Path, *, preheated: bool) -> float:
    """Seconds from the click to the first chart of a bare Voila page, the best of two."""
    import nbformat

    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in BARE],
                                    metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}})
    nbformat.write(book, folder / "bare.ipynb")
    port = own_port()
    command = [sys.executable, "-m", "voila", str(folder / "bare.ipynb"), "--no-browser", f"--port={port}", f"--progressive_rendering={not preheated}",
               f"--preheat_kernel={preheated}", "--pool_size=1", "--template=lab"]
    with (folder / "bare.txt").open("wb") as written:
        process = subprocess.Popen(command, stdout=written, stderr=written)
        server = apps.Server(process, f"http://127.0.0.1:{port}/")
        server.log = folder / "bare.txt"
        try:
            up(server)
            found = []
            for _ in range(2):
                one = Visit(chromium)
                if preheated:
                    one.page.wait_for_timeout(12_000)  # nothing tells when the pool is full
                one.page.add_init_script(WATCH)
                one.page.goto(server.address, timeout=MOST)
                one.page.wait_for_function("() => 'chart' in window.seen", timeout=MOST)
                found.append(one.page.evaluate("() => window.seen.chart") / 1000)
                one.page.close()
            return min(found)
        finally:
            server.stop()


# The tables --------------------------------------------------------------------------------------------------------------

HEADS = ("earlier", "current", "fresh", "chart", "whole", "kernel", "data", "findings", "sections", "cpu")


def row(label: str, seen: dict[str, float], peer: float) -> str:
    numbers = "".join(f"{seen[head]:9.2f}" if head in seen else f"{'-':>9}" for head in HEADS)
    return f"  {label:30}{numbers}{seen.get('charts', 0):8.0f}{seen.get('first', seen.get('chart', 0)) / peer:9.2f}"


def middle(found: list[dict[str, float]]) -> dict[str, float]:
    """The median of each part."""
    return {part: statistics.median(one[part] for one in found if part in one) for part in found[0]}


def bench(data: Path, names: tuple[str, ...], times: int) -> None:
    """Prints the tables."""
    if CHROMIUM is None:
        print("  apps: no chromium on this machine, not measured")
        return
    with tempfile.TemporaryDirectory(prefix="opsnb-bench-", ignore_cleanup_errors=True) as scratch, browser() as chromium:
        folder = Path(scratch)
        for name in names:  # the scheduled run, whose findings are shown at once
            subprocess.run([str(Path(sys.executable).parent / "opsnb"), "run", name, "--data", str(data), "--out", str(folder / "out")], check=False,
                           capture_output=True)
        peers = {"warm": bare(chromium, folder, preheated=True), "cold": bare(chromium, folder, preheated=False)}
        print(f"\n  apps on {data}: seconds from the click\n  {'':30}" + "".join(f"{head:>9}" for head in HEADS) + f"{'charts':>8}{'of peer':>9}")
        for kind, seconds in peers.items():
            print(row(f"bare Voila, {kind}", {"chart": seconds, "charts": 4}, seconds))
        out = folder / "out"
        for name in names:
            shutil.rmtree(out / rehearsal.FOLDER, ignore_errors=True)
            with served(data, out, folder / "log.txt", lang="en") as server:
                print(row(f"{name}, cold", click(chromium, server, name), peers["cold"]), flush=True)
        asked: list[tuple[str, list[float]]] = []
        with served(data, out, folder / "log.txt", lang="en") as server:
            rehearsed(server, NAMES)
            for name in names:
                print(row(f"{name}, warm", middle([click(chromium, server, name) for _ in range(times)]), peers["warm"]), flush=True)
                print(row(f"{name}, anew", middle([click(chromium, server, name, f"&days={300 + n}") for n in range(times)]), peers["warm"]), flush=True)
                asked.append((name, sorted(controls(chromium, server, name))))
        for name in names:
            with served(data, out, folder / "log.txt", lang="en") as server:
                print(row(f"{name}, cold, kept", click(chromium, server, name), peers["cold"]), flush=True)
        print(f"\n  controls: seconds from a change to the section drawn again\n  {'':30}{'changes':>9}{'p50':>9}{'p90':>9}{'longest':>9}")
        for name, took in asked:
            if took:
                print(f"  {name:30}{len(took):9}{statistics.median(took):9.2f}{took[min(len(took) - 1, int(.9 * len(took)))]:9.2f}{took[-1]:9.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("data/demo"), help="data folder; the demo must have been made")
    parser.add_argument("--apps", default=",".join(NAMES), help="only these, with commas")
    parser.add_argument("--times", type=int, default=3, help="warm clicks, of which the median counts")
    options = parser.parse_args()
    bench(options.data, tuple(options.apps.split(",")), options.times)


if __name__ == "__main__":
    main()
