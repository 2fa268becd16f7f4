"""Localisation: the fewest slices, of one property or of a pair, that explain why a step converts otherwise than on the other side.

Each combination of all properties is a stratum with a level of its own, so that another mix of visitors moves nothing. A slice is a shift
of the log-odds of converting that all its strata share. The slice with the most evidence is put into the model, all shifts are fitted
again, and the search goes on in what they leave unexplained: so that one cause is named once, by the slice that explains it best.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from opsnb.errors import InputError, NotMeasured, ParameterError, nearest

if TYPE_CHECKING:
    import pandas as pd

MOST_VALUES = 12  # slices of one property
MOST_STRATA = 200  # values of one property with a level of their own; the rest shares one
MOST_SLICES = 6  # of one step
LEAST_ENTERED = 30  # on either side
WORLDS = 400
COLUMNS = ["step", "slice", "rate", "other_rate", "entered", "other_entered", "users_change", "share_explained", "statistic", "threshold",
           "p_value"]


def change_slices(conversion: pd.DataFrame, other: pd.DataFrame, *, by: Sequence[str], false_alarms: float = 0.01,
                  random_state: int = 0) -> pd.DataFrame:
    """Which slices explain that a step converts better or worse than on the other side? No row: nothing stands out.

    Input columns, both sides (two periods, say): step, entered, converted, and the properties named by ``by``, each row being a combination
    of them: what ``funnel.step_trend`` returns for several columns. Periods and further columns are added over.

    One row per slice, by step in the funnel's order and, in a step, the most evidence first.

    Output columns: ``step``; ``slice``: "device=ios", "channel=search, device=ios", or "" for everyone; ``rate``, ``other_rate``:
    converted / entered of the slice; ``entered``, ``other_entered``; ``users_change``: so many more (fewer: below 0) converted than would
    have without this slice's shift; ``share_explained`` of the step's change that is not another mix of visitors, null where that is 0;
    ``statistic``: standard deviations; ``threshold`` it had to pass; ``p_value``: chance of one as large anywhere, when nothing changed.

    Formula: for a slice, z = sum of (converted - expected) / sqrt(sum of variances) over its strata, given how many of each stratum
    converted on both sides together: Mantel and Haenszel, JNCI 22 (1959) 719; with shifts in the model the expectation is Cornfield's
    (1956). The slice with the largest z² - 2 log(number of slices of as many properties) is taken, so that a pair must say more than
    its properties do. The threshold is passed by chance in a share ``false_alarms`` of all calls: in 400 worlds each stratum's converted
    are dealt to the two sides at random, and the largest |z| of all slices of all steps is noted; its tail is taken to be Gumbel's. Slices
    that another one added later makes needless are dropped again; where it takes fewer slices, the search begins with everyone. Slices are
    the 12 largest values of each property, with at least 30 who entered on either side. Those who enter are taken as independent.

    Raises InputError for a missing column, ParameterError for a share that is not between 0 and 1 or no property, NotMeasured where the
    sides have no step in common.

    >>> import pandas as pd
    >>> rows = [(device, channel, "cart", 1000) for device in ("ios", "web") for channel in ("ads", "mail")]
    >>> may = pd.DataFrame(rows, columns=["device", "channel", "step", "entered"]).assign(converted=500)
    >>> june = may.assign(converted=[380, 500, 505, 495])
    >>> change_slices(june, may, by=["device", "channel"])[["step", "slice", "rate", "other_rate", "share_explained"]].round(2)
       step                    slice  rate  other_rate  share_explained
    0  cart  device=ios, channel=ads  0.38         0.5              1.0
    """
    import pandas as pd

    if not 0 < false_alarms < 1:
        raise ParameterError(f"false_alarms {false_alarms} is not a share; allowed: between 0 and 1, e.g. 0.01")
    columns = (by,) if isinstance(by, str) else tuple(by)
    if not columns:
        raise ParameterError("by names no property, so there are no slices")
    for name, frame in (("conversion", conversion), ("other", other)):
        for column in (*columns, "step", "entered", "converted"):
            if column not in frame.columns:
                raise InputError(f"{name}: no column '{column}'; {nearest(column, map(str, frame.columns))}")
    names = [step for step in dict.fromkeys(conversion["step"]) if (other["step"] == step).any()]
    if not names:
        raise NotMeasured("the two sides have no step in common")
    steps = [_Step(str(step), conversion[conversion["step"] == step], other[other["step"] == step], columns) for step in names]
    middle, scale = _largest_by_chance(steps, np.random.default_rng(random_state))
    threshold = middle - scale * float(np.log(-np.log1p(-false_alarms)))
    rows = [(step.name, *row, threshold, float(-np.expm1(-np.exp(-(row[-1] - middle) / scale))))
            for step in steps for row in step.found(threshold)]
    return pd.DataFrame(rows, columns=COLUMNS)


@dataclass
class _Grouping:
    """All slices of some properties: ``code`` of each stratum, the last one being no slice; their names; which are large enough."""

    code: np.ndarray
    names: list[str]
    large: np.ndarray

    def sums(self, values: np.ndarray) -> np.ndarray:
        return np.bincount(self.code, values, len(self.names) + 1)[:-1]


class _Step:
    """One step: entered and converted of each stratum on both sides, and the slices to choose from."""

    def __init__(self, name: str, now: pd.DataFrame, before: pd.DataFrame, columns: tuple[str, ...]):
        import pandas as pd

        self.name = name
        rows = pd.concat([now, before], ignore_index=True)
        entered, side = rows["entered"].to_numpy(np.int64), np.arange(len(rows)) >= len(now)
        stratum = np.zeros(len(rows), np.int64)
        codes, values = [], []
        for column in columns:
            code, labels = pd.factorize(rows[column], use_na_sentinel=False)
            largest = np.argsort(-np.bincount(code, entered, len(labels)), kind="stable")
            place = np.argsort(largest, kind="stable")[code]
            stratum = np.unique(stratum * (MOST_STRATA + 1) + np.minimum(place, MOST_STRATA), return_inverse=True)[1]
            kept = largest[:MOST_VALUES]
            codes.append(np.minimum(place, len(kept)))
            values.append([f"{column}={'(missing)' if pd.isna(labels[one]) else labels[one]}" for one in kept])
        size = int(stratum.max()) + 1
        (self.n, self.m), (self.hits, self.others) = (
            (np.bincount(stratum[~side], of[~side], size), np.bincount(stratum[side], of[side], size))
            for of in (entered, rows["converted"].to_numpy(np.int64)))
        first = np.unique(stratum, return_index=True)[1]
        self.groupings = [self._grouping(np.zeros(size, np.int64), [""])]
        single = [(code[first], names) for code, names in zip(codes, values, strict=True)]
        self.groupings += [self._grouping(code, names) for code, names in single]
        for (code, names), (second, others) in combinations(single, 2):
            both = np.where((code < len(names)) & (second < len(others)), code * len(others) + second, len(names) * len(others))
            self.groupings.append(self._grouping(both, [f"{one}, {two}" for one in names for two in others]))

    def _grouping(self, code: np.ndarray, names: list[str]) -> _Grouping:
        grouping = _Grouping(code, names, np.zeros(len(names), bool))
        grouping.large = np.minimum(grouping.sums(self.n), grouping.sums(self.m)) >= LEAST_ENTERED
        return grouping

    def expected(self, shift: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Converted on the first side and its variance, given those of both sides, when its log-odds are higher by ``shift``."""
        n, m, total = self.n, self.m, self.hits + self.others
        odds = np.exp(shift)
        a, b, c = odds - 1, -((n + total) * odds + m - total), odds * n * total
        with np.errstate(divide="ignore", invalid="ignore"):
            x = np.where(np.abs(a) < 1e-9, n * total / (n + m), 2 * c / (-b + np.sqrt(np.maximum(b * b - 4 * a * c, 0))))
            variance = 1 / (1 / x + 1 / (total - x) + 1 / (n - x) + 1 / (m - total + x))
            variance *= (n + m) / np.maximum(n + m - 1, 1)
        x = np.where(np.isfinite(x), x, self.hits)
        return x, np.where((n > 0) & (m > 0) & np.isfinite(variance), np.maximum(variance, 0), 0.0)

    def scores(self, residual: np.ndarray, variance: np.ndarray) -> Iterator[tuple[_Grouping, np.ndarray]]:
        for grouping in self.groupings:
            spread = grouping.sums(variance)
            known = grouping.large & (spread > 1)
            yield grouping, np.divide(grouping.sums(residual), np.sqrt(spread), where=known, out=np.zeros(len(spread)))

    def found(self, threshold: float) -> list[tuple]:
        """The slices of this step: name, rates, counts, users, share, statistic. Fewer if it helps to begin with everyone."""
        everyone = [("", np.ones(len(self.n), bool))]
        chosen = min(self._chosen(threshold, []), self._chosen(threshold, everyone), key=len)
        sizes = self._fitted(chosen)
        rows = [(self._evidence(chosen, at), at) for at in range(len(chosen))]
        return [self._row(chosen, sizes, at, statistic) for statistic, at in sorted(rows, key=lambda one: -one[0])]

    def _chosen(self, threshold: float, chosen: list[tuple[str, np.ndarray]]) -> list[tuple[str, np.ndarray]]:
        """The slices with most evidence one after the other, less those that the later ones made needless."""
        sizes = self._fitted(chosen)
        while len(chosen) < MOST_SLICES:
            mean, variance = self.expected(self._shift(chosen, sizes))
            best, name, strata, z = -np.inf, "", np.zeros(0, bool), 0.0
            for grouping, score in self.scores(self.hits - mean, variance):
                worth = score ** 2 - 2 * np.log(max(int(grouping.large.sum()), 1))
                at = int(np.argmax(worth))
                if worth[at] > best and abs(score[at]) > threshold:
                    best, name, strata, z = float(worth[at]), grouping.names[at], grouping.code == at, float(score[at])
            if not z or name in (one for one, _ in chosen):
                break
            chosen = [*chosen, (name, strata)]
            sizes = self._fitted(chosen)
        while chosen:
            evidence = [self._evidence(chosen, at) for at in range(len(chosen))]
            weakest = int(np.argmin(evidence))
            if evidence[weakest] > threshold:
                break
            chosen = chosen[:weakest] + chosen[weakest + 1:]
        return chosen

    def _shift(self, chosen: list[tuple[str, np.ndarray]], sizes: np.ndarray) -> np.ndarray:
        return sum((size * strata for size, (_, strata) in zip(sizes, chosen, strict=True)), np.zeros(len(self.n)))

    def _fitted(self, chosen: list[tuple[str, np.ndarray]]) -> np.ndarray:
        """The shifts of the slices together, by Newton's steps on one after the other."""
        sizes = np.zeros(len(chosen))
        for _ in range(50):
            moved = 0.0
            for at, (_, strata) in enumerate(chosen):
                mean, variance = self.expected(self._shift(chosen, sizes))
                step = float(np.clip((self.hits - mean)[strata].sum() / max(variance[strata].sum(), 1e-9), -1, 1))
                sizes[at] = np.clip(sizes[at] + step, -12, 12)
                moved = max(moved, abs(step))
            if moved < 1e-4:
                break
        return sizes

    def _evidence(self, chosen: list[tuple[str, np.ndarray]], at: int) -> float:
        """Standard deviations of what a slice explains that the others do not."""
        rest = chosen[:at] + chosen[at + 1:]
        mean, variance = self.expected(self._shift(rest, self._fitted(rest)))
        strata = chosen[at][1]
        return float(abs((self.hits - mean)[strata].sum()) / np.sqrt(max(variance[strata].sum(), 1e-9)))

    def _row(self, chosen: list[tuple[str, np.ndarray]], sizes: np.ndarray, at: int, statistic: float) -> tuple:
        name, strata = chosen[at]
        mean, _ = self.expected(self._shift(chosen, sizes))
        with np.errstate(divide="ignore", invalid="ignore"):
            odds = mean / (self.n - mean) * np.exp(-sizes[at])
            without = np.where(np.isfinite(odds), self.n * odds / (1 + odds), mean)
            change = self.hits - self.n * (self.others / self.m)
        users, total = float((mean - without)[strata].sum()), float(change[self.m > 0].sum())
        (n, m), (hits, others) = ((one[strata].sum() for one in both) for both in ((self.n, self.m), (self.hits, self.others)))
        return (name, hits / n, others / m, int(n), int(m), users, users / total if total else np.nan, statistic)


def _largest_by_chance(steps: list[_Step], random: np.random.Generator) -> tuple[float, float]:
    """Gumbel's place and scale of the largest |z| of all slices and steps when nothing changed."""
    largest = np.zeros(WORLDS)
    for step in steps:
        mean, variance = step.expected(np.zeros(len(step.n)))
        n, m, total = (values.astype(np.int64) for values in (step.n, step.m, step.hits + step.others))
        for world in range(WORLDS):
            dealt = random.hypergeometric(total, n + m - total, n)
            largest[world] = max(largest[world], *(float(np.abs(z).max(initial=0)) for _, z in step.scores(dealt - mean, variance)))
    scale = max(float(largest.std()) * np.sqrt(6) / np.pi, 1e-3)
    return float(largest.mean()) - 0.5772156649 * scale, scale
