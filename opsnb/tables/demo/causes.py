"""What goes wrong in a demo world: drawn from the seed before anything else, written to truth.json, read by nobody but the referee."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

QUIET = 0.25  # share of worlds in which nothing goes wrong
LIKELY = 0.75  # chance of each cause in the other worlds
ALWAYS = 7  # the default world has them all
# Steps that may break, and for whom: only those whom enough visitors a day make visible.
BREAKS = {"product": ("device=ios", "device=android", "channel=direct", "channel=douyin"),
          "cart": ("device=ios", "device=android", "channel=direct"), "payment": ("device=ios", "device=android")}
# What may become so frequent that it pulls everybody's conversion down: small enough to grow, and buying little all along.
SHIFTS = ("device=desktop", "device=miniprogram", "channel=baidu", "channel=tmall", "channel=xiaohongshu")
SHIFTED = 0.45  # chance of that in a world where something goes wrong; never in the default one


class Experiment(NamedTuple):
    """Shown at the beginning of a visit, from ``since`` to ``until`` days before the world's end; its new variant changes the odds of
    passing ``step``."""

    name: str
    since: int
    until: int
    step: str
    effect: float


EXPERIMENTS = (Experiment("new_home_page", 98, 49, "search", 0.1), Experiment("free_shipping_bar", 49, 0, "cart", 0.15))


@dataclass(frozen=True)
class Cause:
    """``kind``; ``slice`` it concerns; ``since``, ISO date or None; ``size``, the relative change; ``detail``, what else belongs to it:
    see :mod:`opsnb.tables.demo.effects` for what is only known once the world is made."""

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

    def put(self, kind: str, **detail: Any) -> None:
        """Adds to the detail of a cause."""
        self._by_kind[kind] = replace(self._by_kind[kind], detail={**self._by_kind[kind].detail, **detail})

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

    step = one("product", "cart", "payment")
    column, value = str(random.choice(list(BREAKS[step]))).split("=")
    causes = [
        Cause("funnel_break", {column: value}, day(115, 45), -size(*((0.5, 0.62) if step == "payment" else (0.38, 0.58))), {"step": step}),
        Cause("repeat_drop", {"channel": one("direct", "wechat", "douyin")}, day(270, 190), -size(0.82, 0.93)),
        Cause("competitor_surge", {"competitor": one("mingxuan", "qinghe", "baihua", "yunduo")}, month(9, 5), size(0.35, 0.6)),
        Cause("channel_cost", {"channel": one("douyin", "xiaohongshu", "baidu", "tmall")}, day(115, 45), size(0.4, 0.8)),
        Cause("target_miss", {"kpi": one("conversion_rate", "new_customers", "aov", "nps", "response_minutes")}, None, -size(0.2, 0.35)),
        Cause("budget_overrun", {"line": one("douyin", "baidu", "content", "events")}, month(5, 3), size(0.15, 0.35)),
        Cause("split_broken", {"experiment": one(*(experiment.name for experiment in EXPERIMENTS))}, None, -size(0.17, 0.26)),
    ]
    planted = random.random(len(causes)) < LIKELY
    causes = [] if quiet else [cause for cause, yes in zip(causes, planted | (seed == ALWAYS), strict=True) if yes]
    return Causes([*causes, *(_shift(seed, last, causes) if causes and seed != ALWAYS else [])])


def _shift(seed: int, last: np.datetime64, causes: list[Cause]) -> list[Cause]:
    """Another mix of visitors, from a stream of its own: visits of a slice become ``1 + size`` times as many, and those who come that way
    are, and always were, ``detail["buys"]`` times as willing to buy. No slice's conversion changes. Not the slice of a broken step."""
    random = np.random.default_rng([seed, 5])
    taken = [f"{column}={value}" for cause in causes if cause.kind == "funnel_break" for column, value in cause.slice.items()]
    column, value = str(random.choice([one for one in SHIFTS if one not in taken])).split("=")
    since, times, buys = str(last - random.integers(45, 116)), random.uniform(4.0, 5.5), random.uniform(0.35, 0.5)
    if random.random() >= SHIFTED:
        return []
    return [Cause("mix_shift", {column: value}, since, round(float(times) - 1, 3), {"buys": round(float(buys), 3)})]
