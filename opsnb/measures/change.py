"""Change: what broke, where, and since when.

A lasting break of a rate is searched as a step in time. What moves everybody (sale days, weekdays, seasons) is taken out first, and
a shift of traffic between slices moves nothing, because every combination of slices keeps a level of its own:

    log-odds of converting (day, cell) = level of the cell + weekday + four-week level + day + the breaks found so far

A slice's break is then a sum of its residuals that no shuffle of days would give. The strongest break is put into the model and
the search starts again, so that one cause is named once, by the slice that explains it best.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from opsnb.errors import InputError, ParameterError, nearest

if TYPE_CHECKING:
    import pandas as pd

MOST_VALUES = 12  # of one slice column; the rest is pooled
MOST_BREAKS = 6  # of one step
LEAST_CHANGE = 0.02  # relative: less is not worth a sentence
LEAST_PERIODS = 7  # on either side of a break
LEAST_WEIGHT = 4.0  # information (sum of n p (1 - p)) on either side
ECHO = 0.5  # a break this much smaller than another at that time or of that slice is its trace: rates do not multiply in log-odds
LONG = 28  # days of a block in which days are not independent of each other
DAY_SPREAD = 0.3  # log-odds: how far one day may go from its four weeks for free
DATE_LEVEL = 5.94  # twice the log-likelihood ratio for 90%: (1 - exp(-x/2))² = .9, Yao (1987)
EVERYONE = ("", "")
COLUMNS = ["step", "slice_column", "slice_value", "since", "since_low", "since_high", "rate_before", "rate_after", "entered",
           "relative_change", "relative_low", "relative_high", "users_lost", "lost_low", "lost_high", "statistic", "threshold", "p"]
RELATIVE = COLUMNS.index("relative_change")


def rate_breaks(trend: pd.DataFrame, *, by: str | Sequence[str] | None = None, counted: Callable[[str], pd.DataFrame] | None = None,
                false_alarms: float = 0.01, random_state: int = 0) -> pd.DataFrame:
    """Which step's conversion dropped for good, in which slice or for everyone, and since which day. No row: nothing stands out.

    Input columns: period_start, step, entered, converted (see ``funnel.step_trend``), and the slice columns named by ``by``. With several
    of them, each row being a combination, a break is named by the slice of whichever column explains it best. ``counted``: for a step that
    broke, the trend in which those whom the break met are counted, else ``trend``: a path from its first step on misses who came in on the
    way, as on a product's page; that of the path from the step before the broken one on holds them. Columns and days as in ``trend``.

    One row per break, the surest first.

    Output columns: ``step``; ``slice_column``, ``slice_value``: both "" for everyone; ``since``: first day of the new level, with
    ``since_low``, ``since_high``: its 90% interval; ``rate_before``, ``rate_after``: converted / entered of the slice on either side;
    ``entered``: how many have entered since; ``relative_change`` of converted against what the model expects without the break (so
    seasons are out), with ``relative_low``, ``relative_high``: its 95% interval; ``users_lost``: converted that are missing since,
    sessions if the trend counts sessions, with ``lost_low``, ``lost_high``: its 95% interval, the date's doubt included; ``statistic``:
    standard deviations; ``threshold`` it had to pass; ``p``: chance of one as large anywhere, when nothing broke.

    Formula: for a slice with residuals R and information V per period, Z(t) = sum of R from t on / sqrt(f Va Vb / V), Va and Vb the
    information after and before t, f at least 1: the residuals' over-dispersion in blocks of 7 and 28 periods, the break itself
    taken out. The threshold is passed by chance in a share ``false_alarms`` of all calls: simulated over all slices and steps, with
    their own V. The date is the likelihood's maximum. Not reported: a drop that was made good later, one of
    less than 2%, and one less than half as large as another of the step at the same time or of the same slice.
    Change point of a binomial rate: Worsley, Biometrika 70 (1983) 455.

    Raises InputError for a missing column, ParameterError for a share that is not between 0 and 1.

    >>> import pandas as pd
    >>> days = pd.date_range("2025-01-01", periods=100)
    >>> rows = [(day, device, "cart", 200, 100 - 30 * (device == "ios" and day >= days[60])) for day in days for device in ("ios", "web")]
    >>> trend = pd.DataFrame(rows, columns=["period_start", "device", "step", "entered", "converted"])
    >>> found = rate_breaks(trend, by="device")
    >>> found[["step", "slice_value", "since", "rate_before", "rate_after"]]
       step slice_value      since  rate_before  rate_after
    0  cart         ios 2025-03-02          0.5        0.35
    """
    import pandas as pd

    if not 0 < false_alarms < 1:
        raise ParameterError(f"false_alarms {false_alarms} is not a share; allowed: between 0 and 1, e.g. 0.01")
    columns = () if by is None else (by,) if isinstance(by, str) else tuple(by)
    _check(trend, "trend", columns)
    steps = [_Step(str(step), rows, columns) for step, rows in trend.groupby("step", sort=False)]
    steps = [step for step in steps if len(step.days) > 2 * LEAST_PERIODS and step.entered.sum() > 0]
    limit = _threshold([weight for step in steps for weight in step.weights()], false_alarms, random_state)
    found = [row for step in steps for row in step.breaks(limit, _counting(step.name, counted, columns)) if row[RELATIVE] <= -LEAST_CHANGE]
    frame = pd.DataFrame(found, columns=COLUMNS).sort_values("statistic", ascending=False, kind="stable", ignore_index=True)
    return frame.astype({name: "datetime64[us]" for name in COLUMNS[3:6]} | {name: float for name in COLUMNS[RELATIVE:]})


def _check(trend: pd.DataFrame, name: str, columns: Sequence[str]) -> None:
    for column in ("period_start", *columns, "step", "entered", "converted"):
        if column not in trend.columns:
            raise InputError(f"{name}: no column '{column}'; {nearest(column, map(str, trend.columns))}")


def _counting(name: str, counted: Callable[[str], pd.DataFrame] | None, columns: Sequence[str]) -> Callable[[], _Step | None]:
    """Asks for the step in which a break of this one is counted, once there is a break; None: the same."""

    @cache
    def step() -> _Step | None:
        if counted is None:
            return None
        trend = counted(name)
        _check(trend, "counted", columns)
        return _Step(name, trend[trend["step"] == name], columns)

    return step


@dataclass
class _Break:
    """A step in time of one slice: ``cells`` it covers, index ``at`` of its first period, ``size`` in log-odds."""

    name: tuple[str, str]
    cells: np.ndarray
    at: int
    size: float = 0.0
    spread: float = 1.0
    statistic: float = 0.0

    def on(self, periods: int) -> np.ndarray:
        return self.cells[:, None] & (np.arange(periods) >= self.at)


@dataclass(frozen=True)
class _Limit:
    """The distribution of the largest statistic when nothing broke: Gumbel's, by simulation."""

    middle: float
    scale: float
    threshold: float

    def p(self, statistic: float) -> float:
        return float(-np.expm1(-np.exp(-(statistic - self.middle) / self.scale)))


class _Step:
    """One step of the funnel: entered and converted by cell (combination of slices) and period."""

    def __init__(self, name: str, rows: pd.DataFrame, columns: Sequence[str]):
        self.name = name
        self.days, day = np.unique(rows["period_start"].to_numpy().astype("datetime64[D]"), return_inverse=True)
        cell, self.slices = np.zeros(len(rows), np.int64), {}
        codes = [_largest(rows[column], rows["entered"].to_numpy()) for column in columns]
        for code, values in codes:
            cell = cell * (len(values) + 1) + code
        cells, cell = np.unique(cell, return_inverse=True)
        shape = len(cells), len(self.days)
        self.entered, self.converted = (
            np.bincount(cell * shape[1] + day, rows[column].to_numpy(np.float64), shape[0] * shape[1]).reshape(shape)
            for column in ("entered", "converted"))
        left = cells
        for column, (_, values) in zip(reversed(columns), reversed(codes), strict=True):
            code, left = left % (len(values) + 1), left // (len(values) + 1)
            if len(np.unique(code)) > 1:
                self.slices |= {(column, value): code == number for number, value in enumerate(values)}

    def weights(self) -> Iterable[np.ndarray]:
        """Information per period of every slice and of everyone: what the threshold depends on."""
        rate = _fit(self.entered, self.converted, self.days, [])
        weight = self.entered * rate * (1 - rate)
        yield from (_against_the_rest(weight, cells) for cells in self.slices.values())
        yield weight.sum(0)

    def breaks(self, limit: _Limit, counting: Callable[[], _Step | None]) -> Iterable[tuple]:
        slices, known = self._known(limit)
        if any(one.size > 0 for one in known):
            other = self._known(limit, drop=True)
            slices, known = other if 0 < len(other[1]) < len(known) else (slices, known)
        for found in known:
            later = sum(other.size for other in known if other.name == found.name and other.at > found.at)
            echo = any(abs(other.size) * ECHO > abs(found.size) and (abs(other.at - found.at) <= LONG or other.name == found.name)
                       for other in known)
            if found.size < 0 and found.size + later <= found.size / 2 and not echo:
                others = slices if found in slices else known
                yield self._row([*(one for one in others if one is not found), found], limit, counting(), alone=found not in slices)

    def _known(self, limit: _Limit, *, drop: bool = False) -> tuple[list[_Break], list[_Break]]:
        """The breaks of slices, and these with everyone's, the strongest first. With ``drop`` the first one must be a drop: "one fell" may be
        all there is to say where "all fell, but another rose" is as likely."""
        known: list[_Break] = []
        while len(known) < MOST_BREAKS:
            best = self._strongest(known, drop=drop and not known)
            if best is None or abs(best.statistic) <= limit.threshold:
                break
            known.append(best)
            self._date(known)
        everyone, slices = self._everyone(known), list(known)
        if everyone is not None and everyone.statistic < -limit.threshold:
            known.append(everyone)
            self._date(known, alone=True)
        return slices, known

    def _strongest(self, known: list[_Break], *, drop: bool = False) -> _Break | None:
        """The slice and period with the largest statistic, up or down (or down only), given the breaks already known."""
        rate = _fit(self.entered, self.converted, self.days, known)
        residual, weight = self.converted - self.entered * rate, self.entered * rate * (1 - rate)
        found = [_scan(name, cells, residual[cells].sum(0), _against_the_rest(weight, cells)) for name, cells in self.slices.items()]
        found = [one for one in found if one is not None and (one.statistic < 0 or not drop)]
        # two slices only: each is the other's mirror image, and the drop is the one to name
        return max(found, key=lambda one: (round(abs(one.statistic), 6), one.statistic < 0), default=None)

    def _everyone(self, known: list[_Break]) -> _Break | None:
        """As a slice, but with nobody to compare with: sale days are cut off, seasons count as over-dispersion."""
        rate = _fit(self.entered, self.converted, self.days, known, common=False)
        residual, weight = (self.converted - self.entered * rate).sum(0), (self.entered * rate * (1 - rate)).sum(0)
        typical = 1.4826 * np.median(np.abs(residual) / np.sqrt(np.maximum(weight, 1e-9)))
        cut = 3 * typical * np.sqrt(weight)
        return _scan(EVERYONE, np.ones(len(self.entered), bool), np.clip(residual, -cut, cut), weight)

    def _date(self, known: list[_Break], alone: bool = False, *, moves: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Moves the last known break to the likelihood's best date; returns twice the log-likelihood lost by date, and rates without it."""
        last = known[-1]
        for _ in range(4):
            rate = _fit(self.entered, self.converted, self.days, known, common=not alone)
            score = np.log(rate / (1 - rate))
            without = score - last.size * last.on(len(self.days))
            gain = self.converted * last.size - self.entered * (np.logaddexp(0, without + last.size) - np.logaddexp(0, without))
            since = np.cumsum(gain[last.cells].sum(0)[::-1])[::-1]
            since[:LEAST_PERIODS] = since[len(since) - LEAST_PERIODS + 1:] = -np.inf
            at = int(np.argmax(since))
            if at == last.at or not moves:
                break
            last.at = at
        return 2 * (since.max() - since) / last.spread, 1 / (1 + np.exp(-without))

    def _row(self, known: list[_Break], limit: _Limit, counting: _Step | None, alone: bool) -> tuple:
        """The last of the known breaks."""
        lost, _ = self._date(known, alone)
        near, found = np.flatnonzero(lost <= DATE_LEVEL), known[-1]
        there = None if counting is None else counting.taken_over(known, self.days)
        counts = self._counts(known, alone) if counting is None or there is None else counting._counts(there, alone)
        return (self.name, *found.name, self.days[found.at], self.days[near[0]], self.days[near[-1]], *counts, -found.statistic, limit.threshold,
                limit.p(-found.statistic))

    def taken_over(self, known: list[_Break], days: np.ndarray) -> list[_Break] | None:
        """Breaks of a trend with these days, on the same dates of this one; None where the last of them is of a slice that has no name here."""
        cells = {EVERYONE: np.ones(len(self.entered), bool), **self.slices}
        there = [replace(one, cells=cells[one.name], at=int(np.searchsorted(self.days, days[one.at]))) for one in known if one.name in cells]
        return there if there and there[-1].name == known[-1].name and 0 < there[-1].at < len(self.days) else None

    def _counts(self, known: list[_Break], alone: bool) -> tuple:
        """What the last of the known breaks did, its date given: from ``rate_before`` to ``lost_high``."""
        lost, without = self._date(known, alone, moves=False)
        found = known[-1]
        entered, converted = self.entered[found.cells], self.converted[found.cells]
        before, after = (slice(None), slice(found.at)), (slice(None), slice(found.at, None))
        expected = (entered * without[found.cells])[after]
        score, error = np.log(without / (1 - without))[found.cells][after], 1.96 * self._error(found, without)
        relative = [float((entered[after] / (1 + np.exp(-score - found.size - z))).sum() / expected.sum() - 1) for z in (-error, error)]
        actual = converted[after].sum()
        missing = np.cumsum((entered * without[found.cells] - converted).sum(0)[::-1])[::-1]  # since each date
        chance = np.exp(-lost / 2) / np.exp(-lost / 2).sum()
        doubt = chance @ (missing - chance @ missing) ** 2
        missing, unsure = missing[found.at], 1.96 * np.sqrt(self._loss_error(found, without) ** 2 + doubt)
        return (converted[before].sum() / max(entered[before].sum(), 1), actual / max(entered[after].sum(), 1), int(entered[after].sum()),
                actual / expected.sum() - 1, *relative, missing, missing - unsure, missing + unsure)

    def _error(self, found: _Break, rate: np.ndarray) -> float:
        """Standard error of a break's size in log-odds."""
        weight = self.entered * rate * (1 - rate)
        weight = weight.sum(0) if found.name == EVERYONE else _against_the_rest(weight, found.cells)
        after, before = weight[found.at:].sum(), weight[:found.at].sum()
        return float(np.sqrt(found.spread * (after + before) / (after * before)))

    def _loss_error(self, found: _Break, rate: np.ndarray) -> float:
        """Standard error of how many are missing: the luck of those who came since, and the error of what they would have done, which is
        known from before, and since the break from the others. A loss is a sum of many weeks, which the jumps of single ones hardly move."""
        cells, late = found.cells, np.arange(len(self.days)) >= found.at
        weight = self.entered * rate * (1 - rate)
        own, rest = weight[cells][:, late].sum(), weight[~cells][:, late].sum()
        against = weight.sum(0) if found.name == EVERYONE else _against_the_rest(weight, cells)
        before = against[~late].sum()
        odds = np.exp(found.size) * rate / (1 - rate)
        fitted = np.where(late, odds / (1 + odds), rate)
        spread = found.spread if found.name == EVERYONE else _lasting_dispersion((self.converted - self.entered * fitted)[cells].sum(0), against)
        luck = (self.entered * odds / (1 + odds) ** 2)[cells][:, late].sum()
        return float(np.sqrt(spread * (luck + own ** 2 * (1 / max(before, 1e-9) + (1 / rest if rest else 0)))))


def _largest(values: pd.Series, entered: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Codes of the most frequented values, and their names; the others, and the missing, get the code after the last."""
    import pandas as pd

    code, names = pd.factorize(values.astype(object))
    size = np.bincount(code[code >= 0], entered[code >= 0], len(names))
    kept = np.argsort(-size, kind="stable")[:MOST_VALUES]
    place = np.full(len(names) + 1, len(kept))  # the last one is the missing's -1
    place[kept] = np.arange(len(kept))
    return place[code], [str(names[one]) for one in kept]


def _fit(entered: np.ndarray, converted: np.ndarray, days: np.ndarray, breaks: Sequence[_Break], *, common: bool = True) -> np.ndarray:
    """Rates of the model in the module's head, by Newton's steps on one of its parts after the other; sets the breaks' sizes.

    Without ``common`` there are no four-week levels and no days: what everybody does together then stays in the residuals.
    """
    cells, periods = entered.shape
    number = days.astype(np.int64)
    parts = [(np.broadcast_to(np.arange(cells)[:, None], entered.shape), 1e-6), (np.broadcast_to((number + 3) % 7, entered.shape), 1e-3)]
    if common:
        parts += [(np.broadcast_to((number - number[0]) // LONG, entered.shape), 1e-3),
                  (np.broadcast_to(np.arange(periods), entered.shape), DAY_SPREAD ** -2)]
    codes = [code.ravel() for code, _ in parts]
    sizes = [np.zeros(int(code.max()) + 1) for code in codes]
    n, hits = entered.ravel(), converted.ravel()
    on = [one.on(periods).ravel() for one in breaks]
    score = np.zeros(len(n))
    for one, where in zip(breaks, on, strict=True):
        score[where] += one.size
    for _ in range(25):
        moved = 0.0
        for code, size, (_, ridge) in zip(codes, sizes, parts, strict=True):
            rate = 1 / (1 + np.exp(-score))
            step = np.bincount(code, hits - n * rate, len(size)) - ridge * size
            step /= np.bincount(code, n * rate * (1 - rate), len(size)) + ridge
            step = np.clip(step, -1, 1)
            step[np.abs(size + step) > 12] = 0
            size += step
            score += step[code]
            moved = max(moved, float(np.abs(step).max(initial=0)))
        for one, where in zip(breaks, on, strict=True):
            rate = 1 / (1 + np.exp(-score[where]))
            step = float(np.clip((hits[where] - n[where] * rate).sum() / ((n[where] * rate * (1 - rate)).sum() + 1e-6), -1, 1))
            one.size += step
            score[where] += step
            moved = max(moved, abs(step))
        if moved < 1e-4:
            break
    return (1 / (1 + np.exp(-np.clip(score, -20, 20)))).reshape(entered.shape)


def _against_the_rest(weight: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Information per period about the difference between a slice and all others."""
    own, rest = weight[cells].sum(0), weight[~cells].sum(0)
    return own * rest / np.maximum(own + rest, 1e-12)


def _scan(name: tuple[str, str], cells: np.ndarray, residual: np.ndarray, weight: np.ndarray) -> _Break | None:
    """The period since which the residuals lean most to one side; None where there is too little to tell."""
    places, bridge = _bridge(weight)
    if not len(places):
        return None
    total = weight.sum()
    lean = np.cumsum((residual - residual.sum() * weight / total)[::-1])[::-1][places]
    statistic = lean / np.sqrt(bridge)
    best = int(np.argmax(np.abs(statistic)))
    at, size = int(places[best]), lean[best] / bridge[best]
    rest = residual - size * weight * ((np.arange(len(weight)) >= at) - weight[at:].sum() / total)  # the break itself taken out
    spread = max(1.0, *(_dispersion(rest, weight, length) for length in (LONG // 4, LONG)))
    return _Break(name, cells, at, float(size), spread, float(statistic[best] / np.sqrt(spread)))


def _bridge(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The periods that may begin a break, and the variance of the residuals' sum from there on."""
    after = np.cumsum(weight[::-1])[::-1]
    before = after[0] - after if len(after) else after
    places = np.arange(len(weight))
    allowed = (places >= LEAST_PERIODS) & (places <= len(weight) - LEAST_PERIODS) & (np.minimum(after, before) >= LEAST_WEIGHT)
    return places[allowed], (after * before / max(float(weight.sum()), 1e-12))[allowed]


def _dispersion(residual: np.ndarray, weight: np.ndarray, length: int) -> float:
    """Variance of the residuals' sums over blocks of so many periods, against what chance alone gives (1)."""
    block = np.arange(len(weight)) // length
    weights = np.bincount(block, weight)
    sums = np.bincount(block, residual)[weights > 1]
    return float((sums ** 2 / weights[weights > 1]).sum() / max(len(sums) - 2, 1)) if len(sums) > 4 else 1.0


def _lasting_dispersion(residual: np.ndarray, weight: np.ndarray) -> float:
    """That of the long blocks, at least 1, drawn in to 1 by the share of its excess that its own chance explains: it rests on few of them."""
    excess = _dispersion(residual, weight, LONG) - 1
    chance = 2 / max(len(weight) / LONG - 2, 1)
    return 1 + max(0.0, excess - chance / excess) if excess > 0 else 1.0


def _threshold(weights: Sequence[np.ndarray], false_alarms: float, random_state: int, worlds: int = 400) -> _Limit:
    """What the largest statistic over all slices and steps stays under, in all but a share ``false_alarms`` of worlds without a break."""
    random = np.random.default_rng(random_state)
    largest = np.zeros(worlds)
    for weight in weights:
        places, bridge = _bridge(weight)
        if len(places):
            noise = random.standard_normal((worlds, len(weight))) * np.sqrt(weight)
            noise -= noise.sum(1, keepdims=True) * (weight / weight.sum())
            lean = np.cumsum(noise[:, ::-1], axis=1)[:, ::-1][:, places]
            largest = np.maximum(largest, np.abs(lean / np.sqrt(bridge)).max(1))
    scale = max(float(largest.std()) * np.sqrt(6) / np.pi, 1e-3)
    middle = float(largest.mean()) - 0.5772156649 * scale
    return _Limit(middle, scale, middle - scale * float(np.log(-np.log1p(-false_alarms))))
