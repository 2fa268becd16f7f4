"""What goes wrong in a demo world: drawn from the seed before anything else, written to truth.json, read by nobody but the referee."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

QUIET = 0.25  # share of worlds in which nothing goes wrong
LIKELY = 0.75  # chance of each cause in the other worlds
ALWAYS = 7  # the default world has them all


@dataclass(frozen=True)
class Cause:
    """``kind``; ``slice`` it concerns; ``since``, ISO date or None; ``size``, the relative change; ``detail``, what else belongs to it."""

    kind: str
    slice: dict[str, str]
    since: str | None
    size: float
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def day(self) -> np.datetime64:
        return np.datetime64(self.since, "D")


class Causes:
    """The causes of one world, by kind."""

    def __init__(self, causes: list[Cause]):
        self._by_kind = {cause.kind: cause for cause in causes}

    def get(self, kind: str) -> Cause | None:
        return self._by_kind.get(kind)

    def to_list(self) -> list[dict[str, Any]]:
        return [asdict(cause) for cause in self._by_kind.values()]


def drawn(seed: int, last: np.datetime64) -> Causes:
    """The causes of world ``seed`` whose last day is ``last``."""
    random = np.random.default_rng([seed, 1])
    quiet = random.random() < QUIET and seed != ALWAYS

    def day(earliest: int, latest: int) -> str:
        return str(last - random.integers(latest, earliest + 1))

    def month(earliest: int, latest: int) -> str:
        return str((last.astype("datetime64[M]") - random.integers(latest, earliest + 1)).astype("datetime64[D]"))

    def size(low: float, high: float) -> float:
        return round(float(random.uniform(low, high)), 3)

    def one(*names: str) -> str:
        return str(random.choice(names))

    column = one("device", "channel")
    causes = [
        Cause(
            "funnel_break",
            {column: one("ios", "android") if column == "device" else one("organic", "search_ads", "short_video")},
            day(120, 40),
            -size(0.4, 0.6),
            {"step": one("product", "cart", "payment")},
        ),
        Cause("repeat_drop", {"channel": one("search_ads", "short_video", "social")}, day(240, 170), -size(0.65, 0.8)),
        Cause("competitor_surge", {"competitor": one("northwind", "bluebird", "maple", "lotus")}, month(9, 5), size(0.35, 0.6)),
        Cause("channel_cost", {"channel": one("search_ads", "short_video", "social", "affiliate")}, day(120, 45), size(0.4, 0.8)),
        Cause("target_miss", {"kpi": one("conversion_rate", "new_customers", "aov", "nps", "response_minutes")}, None, -size(0.2, 0.35)),
        Cause("budget_overrun", {"line": one("search_ads", "short_video", "content", "events")}, month(5, 3), size(0.15, 0.35)),
        Cause("split_broken", {"experiment": one("one_page_checkout", "free_shipping_bar")}, None, -size(0.12, 0.2)),
    ]
    planted = random.random(len(causes)) < LIKELY
    return Causes([] if quiet else [cause for cause, yes in zip(causes, planted | (seed == ALWAYS), strict=True) if yes])
