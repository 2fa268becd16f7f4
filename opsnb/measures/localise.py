"""Localisation: the fewest slices, of one property, a pair, three or four, that explain why a step converts otherwise than on the other side.

Each combination of all properties is a stratum with a level of its own, so that another mix of visitors moves nothing. A slice is a shift
of the log-odds of converting that all its strata share. The slice with the most evidence is put into the model, all shifts are fitted
again, and the search goes on in what they leave unexplained: so that one cause is named once, by the slice that explains it best.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from opsnb.errors import InputError, NotMeasured, ParameterError, nearest
from opsnb.measures import blocks
from opsnb.measures.levels import lasting_break

if TYPE_CHECKING:
    import pandas as pd

MOST_VALUES = 12  # slices of one property
MOST_STRATA = 200  # values of one property with a level of their own; the rest shares one
MOST_SLICES = 6  # of one step
LEAST_SHARE = 0.2  # of the users that the largest slice moves
LEAST_ENTERED = 30  # on either side
LEAST_VARIANCE = 1.0  # of the converted that chance alone would give a slice
WORLDS = 400  # dealt by chance; of many strata fewer, so that there are
LEAST_WORLDS, MOST_DEALT = 100, 1 << 22  # strata dealt in all
AT_ONCE = 1 << 21  # numbers of dealt worlds held at a time
MOST_GROUPINGS = 60  # sets of properties; beyond that only the smaller sets are looked at
COLUMNS = ["step", "slice", "rate", "other_rate", "entered", "other_entered", "users_change", "share_explained", "statistic", "threshold",
           "p_value", "where"]


def change_slices(conversion: pd.DataFrame, other: pd.DataFrame, *, by: Sequence[str], depth: int = 3, least_share: float = LEAST_SHARE,
                  false_alarms: float = 0.01, random_state: int = 0) -> pd.DataFrame:
    """Which slices explain that a step converts better or worse than on the other side? No row: nothing stands out.

    Input columns, both sides (two periods, say): step, entered, converted, and the properties named by ``by``, each row being a combination
    of them: what ``funnel.step_trend`` returns for several columns. Periods and further columns are added over. ``depth``: of how many
    properties a slice may be made, 1 to 4 (of more than eight properties, pairs at most; fours of no more than seven). ``least_share``: a
    slice that moves fewer users than this share of what the step's largest one moves is not named, however certain: it explains next to
    nothing.

    One row per slice, by step in the funnel's order and, in a step, the most evidence first.

    Output columns: ``step``; ``slice``: "device=ios", "channel=search, device=ios", or "" for everyone; ``rate``, ``other_rate``:
    converted / entered of the slice; ``entered``, ``other_entered``; ``users_change``: so many more (fewer: below 0) converted than would
    have without this slice's shift; ``share_explained`` of the step's change that is not another mix of visitors, null where that is 0;
    ``statistic``: standard deviations; ``threshold`` it had to pass; ``p_value``: chance of one as large anywhere, when nothing changed;
    ``where``: the slice as {property: value}, None for a missing one, to select its rows with.

    Formula: for a slice, z = sum of (converted - expected) / sqrt(sum of variances) over its strata, given how many of each stratum
    converted on both sides together: Mantel and Haenszel, JNCI 22 (1959) 719; with shifts in the model the expectation is Cornfield's
    (1956). The slice with the largest z² - 2 log(number of slices of these properties) is taken, so that a pair must say more than
    its properties do. The threshold is passed by chance in a share ``false_alarms`` of all calls: in 100 to 400 worlds each stratum's converted
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
    if not 0 <= least_share <= 1:
        raise ParameterError(f"least_share {least_share} is not a share; allowed: 0 to 1")
    if depth not in (1, 2, 3, 4):
        raise ParameterError(f"depth {depth!r} is not a number of properties; allowed: 1, 2, 3, 4")
    if not columns:
        raise ParameterError("by names no property, so there are no slices")
    for name, frame in (("conversion", conversion), ("other", other)):
        for column in (*columns, "step", "entered", "converted"):
            if column not in frame.columns:
                raise InputError(f"{name}: no column '{column}'; {nearest(column, map(str, frame.columns))}")
    names = [step for step in dict.fromkeys(conversion["step"]) if (other["step"] == step).any()]
    if not names:
        raise NotMeasured("the two sides have no step in common")
    steps = [_Step(str(step), conversion[conversion["step"] == step], other[other["step"] == step], columns, depth) for step in names]
    middle, scale = _largest_by_chance(steps, np.random.default_rng(random_state))
    threshold = middle - scale * float(np.log(-np.log1p(-false_alarms)))
    rows = [(step.name, *row, threshold, float(-np.expm1(-np.exp(-(row[-1] - middle) / scale))), where)
            for step in steps for row, where in _largest(step.found(threshold), least_share)]
    return pd.DataFrame(rows, columns=COLUMNS)


def slices_since(trend: pd.DataFrame, slices: pd.DataFrame, *, least_days: int = 7) -> pd.DataFrame:
    """Since when does each slice that :func:`change_slices` found convert otherwise than the rest?

    Input columns: ``trend``: period_start (days), step, entered, converted and the properties, as ``funnel.step_trend`` returns them;
    ``slices``: what :func:`change_slices` returned. ``least_days``: fewest days on either side of a change.

    One row per row of ``slices``, in its order.

    Output columns: those of ``slices``; ``since``: first day of the new level; ``since_low``, ``since_high``: 95% range of it;
    ``before``, ``after``: the slice's rate before that day and from it on; ``since_p_value``: chance of a break as clear in the same days
    shuffled by weeks. Null where the days are too few, or one of them has nobody of the slice or of the rest.

    Formula: by day, the log-odds of converting in the slice less those outside it, (converted + ½) / (not converted + ½); everyone's are
    taken as they are. The break is the likeliest lasting step, :func:`opsnb.measures.levels.lasting_break`. What moves the whole step is
    no break of a slice.

    Raises InputError for a missing column, ParameterError for fewer than 2 days.

    >>> import pandas as pd
    >>> rows = [(pd.Timestamp("2025-06-01") + pd.Timedelta(days=day), "cart", device, 1000, 500 - 100 * (device == "ios" and day >= 20) + day % 3)
    ...         for day in range(40) for device in ("ios", "web")]
    >>> trend = pd.DataFrame(rows, columns=["period_start", "step", "device", "entered", "converted"])
    >>> late = trend["period_start"] >= "2025-06-21"
    >>> found = slices_since(trend, change_slices(trend[late], trend[~late], by="device"))
    >>> found[["slice", "since", "since_low", "since_high"]]
            slice      since  since_low since_high
    0  device=ios 2025-06-21 2025-06-21 2025-06-21
    """
    import pandas as pd

    if least_days < 2:
        raise ParameterError(f"least_days {least_days} is not a number of days; allowed: 2 or more")
    for column in ("period_start", "step", "entered", "converted", *dict.fromkeys(name for where in slices["where"] for name in where)):
        if column not in trend.columns:
            raise InputError(f"trend: no column '{column}'; {nearest(column, map(str, trend.columns))}")
    found = [_since(trend[trend["step"] == step], where, least_days) for step, where in zip(slices["step"], slices["where"], strict=True)]
    dates = pd.DataFrame(found, columns=["since", "since_low", "since_high", "before", "after", "since_p_value"], index=slices.index)
    return slices.assign(**dates.astype({name: "datetime64[us]" for name in ("since", "since_low", "since_high")}))


def _since(rows: pd.DataFrame, where: Mapping[str, Any], least_days: int) -> tuple:
    import pandas as pd

    inside = np.ones(len(rows), bool)
    for column, value in where.items():
        inside &= (rows[column].isna() if value is None else rows[column] == value).to_numpy()
    days = pd.date_range(rows["period_start"].min(), rows["period_start"].max()) if len(rows) else pd.DatetimeIndex([])
    sides = [rows[which].groupby("period_start")[["entered", "converted"]].sum().reindex(days) for which in (inside, ~inside)]
    odds = [np.log((side["converted"] + 0.5) / (side["entered"] - side["converted"] + 0.5)).to_numpy() for side in sides]
    if not len(days):
        return (pd.NaT,) * 3 + (np.nan,) * 3
    broken = lasting_break(odds[0] - odds[1] if where else odds[0], least=least_days, block=7)
    if broken is None:
        return (pd.NaT,) * 3 + (np.nan,) * 3
    counts = sides[0].fillna(0).to_numpy()
    with np.errstate(invalid="ignore"):
        before, after = (part[:, 1].sum() / part[:, 0].sum() for part in (counts[:broken.at], counts[broken.at:]))
    return days[broken.at], days[broken.low], days[broken.high], before, after, broken.p_value


def _largest(found: list[_Row], least_share: float) -> list[_Row]:
    moved = [abs(row[USERS]) for row, _ in found]
    return [one for one, users in zip(found, moved, strict=True) if users >= least_share * max(moved)]


def slice_name(where: Mapping[str, Any]) -> str:
    """A slice as text.

    >>> slice_name({"channel": "search", "device": None}), slice_name({})
    ('channel=search, device=(missing)', '')
    """
    return ", ".join(f"{column}={'(missing)' if value is None else value}" for column, value in where.items())


_Slice = tuple[dict[str, Any], np.ndarray]  # {property: value}, and which strata are in it
_Row = tuple[tuple, dict[str, Any]]
USERS = COLUMNS.index("users_change") - 1  # place of it in a row, which has no step


@dataclass
class _Grouping:
    """All slices of some properties: ``code`` of each stratum, the last one being no slice; which are large enough."""

    columns: tuple[str, ...]
    code: np.ndarray
    values: tuple[list[Any], ...]
    large: np.ndarray

    @property
    def size(self) -> int:
        return int(np.prod([len(values) for values in self.values], dtype=np.int64))

    def sums(self, values: np.ndarray) -> np.ndarray:
        return np.bincount(self.code, values, self.size + 1)[:-1]

    def where(self, slice_: int) -> dict[str, Any]:
        """The slice with this code, as {property: value}."""
        places = np.unravel_index(slice_, [len(values) for values in self.values]) if self.values else ()
        return {column: values[place] for column, values, place in zip(self.columns, self.values, places, strict=True)}


class _Step:
    """One step: entered and converted of each stratum on both sides, and the slices to choose from."""

    def __init__(self, name: str, now: pd.DataFrame, before: pd.DataFrame, columns: tuple[str, ...], depth: int = 2):
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
            values.append([None if pd.isna(labels[one]) else labels[one] for one in kept])
        size = int(stratum.max()) + 1
        (self.n, self.m), (self.hits, self.others) = (
            (np.bincount(stratum[~side], of[~side], size), np.bincount(stratum[side], of[side], size))
            for of in (entered, rows["converted"].to_numpy(np.int64)))
        first = np.unique(stratum, return_index=True)[1]
        codes = [code[first] for code in codes]
        self.groupings = [self._grouping((), (), ())]
        for number in range(1, depth + 1):
            sets = list(combinations(range(len(columns)), number))
            if number > 2 and len(sets) > MOST_GROUPINGS:
                break
            self.groupings += [self._grouping(*(tuple(one[at] for at in chosen) for one in (columns, codes, values))) for chosen in sets]

    def _grouping(self, columns: tuple[str, ...], codes: tuple[np.ndarray, ...], values: tuple[list[Any], ...]) -> _Grouping:
        code, inside = np.zeros(len(self.n), np.int64), np.ones(len(self.n), bool)
        for own, several in zip(codes, values, strict=True):
            code, inside = code * len(several) + own, inside & (own < len(several))
        grouping = _Grouping(columns, code, values, np.zeros(0, bool))
        grouping.code = np.where(inside, code, grouping.size)
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
        free = (n > 0) & (m > 0) & (total > 0) & (total < n + m) & np.isfinite(variance)  # else who converted is certain
        return x, np.where(free, np.maximum(variance, 0), 0.0)

    def scores(self, residual: np.ndarray, variance: np.ndarray) -> Iterator[tuple[_Grouping, np.ndarray]]:
        for grouping in self.groupings:
            spread = grouping.sums(variance)
            known = grouping.large & (spread > LEAST_VARIANCE)
            yield grouping, np.divide(grouping.sums(residual), np.sqrt(spread), where=known, out=np.zeros(len(spread)))

    def found(self, threshold: float) -> list[tuple[tuple, dict[str, Any]]]:
        """The slices of this step: (name, rates, counts, users, share, statistic), where. Fewer if it helps to begin with everyone."""
        everyone: list[_Slice] = [({}, np.ones(len(self.n), bool))]
        chosen = min(self._chosen(threshold, []), self._chosen(threshold, everyone), key=len)
        sizes = self._fitted(chosen)
        rows = [(self._evidence(chosen, at), at) for at in range(len(chosen))]
        return [(self._row(chosen, sizes, at, statistic), chosen[at][0]) for statistic, at in sorted(rows, key=lambda one: -one[0])]

    def _chosen(self, threshold: float, chosen: list[_Slice]) -> list[_Slice]:
        """The slices with most evidence one after the other, less those that the later ones made needless."""
        sizes = self._fitted(chosen)
        while len(chosen) < MOST_SLICES:
            mean, variance = self.expected(self._shift(chosen, sizes))
            best, where, strata, z = -np.inf, dict[str, Any](), np.zeros(0, bool), 0.0
            for grouping, score in self.scores(self.hits - mean, variance):
                worth = score ** 2 - 2 * np.log(max(int(grouping.large.sum()), 1))
                at = int(np.argmax(worth))
                if worth[at] > best and abs(score[at]) > threshold:
                    best, where, strata, z = float(worth[at]), grouping.where(at), grouping.code == at, float(score[at])
            if not z or where in [one for one, _ in chosen]:
                break
            chosen = [*chosen, (where, strata)]
            sizes = self._fitted(chosen)
        while chosen:
            evidence = [self._evidence(chosen, at) for at in range(len(chosen))]
            weakest = int(np.argmin(evidence))
            if evidence[weakest] > threshold:
                break
            chosen = chosen[:weakest] + chosen[weakest + 1:]
        return chosen

    def _shift(self, chosen: list[_Slice], sizes: np.ndarray) -> np.ndarray:
        return sum((size * strata for size, (_, strata) in zip(sizes, chosen, strict=True)), np.zeros(len(self.n)))

    def _fitted(self, chosen: list[_Slice]) -> np.ndarray:
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

    def _evidence(self, chosen: list[_Slice], at: int) -> float:
        """Standard deviations of what a slice explains that the others do not."""
        rest = chosen[:at] + chosen[at + 1:]
        mean, variance = self.expected(self._shift(rest, self._fitted(rest)))
        strata = chosen[at][1]
        return float(abs((self.hits - mean)[strata].sum()) / np.sqrt(max(variance[strata].sum(), 1e-9)))

    def _row(self, chosen: list[_Slice], sizes: np.ndarray, at: int, statistic: float) -> tuple:
        where, strata = chosen[at]
        mean, _ = self.expected(self._shift(chosen, sizes))
        with np.errstate(divide="ignore", invalid="ignore"):
            odds = mean / (self.n - mean) * np.exp(-sizes[at])
            without = np.where(np.isfinite(odds), self.n * odds / (1 + odds), mean)
            change = self.hits - self.n * (self.others / self.m)
        users, total = float((mean - without)[strata].sum()), float(change[self.m > 0].sum())
        (n, m), (hits, others) = ((one[strata].sum() for one in both) for both in ((self.n, self.m), (self.hits, self.others)))
        return (slice_name(where), hits / n, others / m, int(n), int(m), users, users / total if total else np.nan, statistic)


def _largest_by_chance(steps: list[_Step], random: np.random.Generator) -> tuple[float, float]:
    """Gumbel's place and scale of the largest |z| of all slices and steps when nothing changed."""
    worlds = int(np.clip(MOST_DEALT // max(sum(len(step.n) for step in steps), 1), LEAST_WORLDS, WORLDS))
    largest = np.zeros(worlds)
    for step in steps:
        mean, variance = step.expected(np.zeros(len(step.n)))
        n, m, total = (values.astype(np.int64) for values in (step.n, step.m, step.hits + step.others))
        free = np.flatnonzero(variance > 0)  # the others' outcome is certain
        n, m, total, mean = n[free, None], m[free, None], total[free, None], mean[free, None]
        slices = []
        for grouping in step.groupings:
            spread, code = grouping.sums(variance), grouping.code[free]
            known = np.append(grouping.large & (spread > LEAST_VARIANCE), False)
            inside = np.flatnonzero(known[code])
            order = inside[np.argsort(code[inside], kind="stable")]
            if len(order):
                first = blocks.starts(code[order])
                slices.append((order, first, np.sqrt(spread[code[order[first]], None])))
        room = max(AT_ONCE // max(len(free), 1), 1)
        for low in range(0, worlds, room):
            size = min(room, worlds - low)
            residual = (random.hypergeometric(total, n + m - total, n, (len(free), size)) - mean).astype(np.float32)
            for order, first, deviation in slices:
                z = np.abs(np.add.reduceat(residual[order], first, axis=0)) / deviation
                largest[low:low + size] = np.maximum(largest[low:low + size], z.max(axis=0))
    scale = max(float(largest.std()) * np.sqrt(6) / np.pi, 1e-3)
    return float(largest.mean()) - 0.5772156649 * scale, scale
