"""Comparison: two periods or two segments of one funnel, step by step, and whether other visitors came or the same ones convert otherwise.

Both sides are frames as ``funnel.step_conversion`` or ``funnel.step_trend`` return them, cut to what is compared: two periods, or the
rows of two values of a breakdown. The first side is compared *with* the other: a difference above 0 says that the first is higher.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import erfc, sqrt
from typing import TYPE_CHECKING, Literal

import numpy as np

from opsnb.errors import InputError, NotMeasured, ParameterError, nearest
from opsnb.measures.intervals import benjamini_hochberg, binomial_llr, difference, z_of

if TYPE_CHECKING:
    import pandas as pd

Base = Literal["previous", "first"]

OF_STEP = ("step", "entered", "converted", "rate", "other_entered", "other_converted", "other_rate", "difference", "low", "high", "p_value",
           "p_adjusted")
OF_SEGMENT = ("entered", "converted", "share", "rate", "other_entered", "other_converted", "other_share", "other_rate", "mix_effect",
              "rate_effect")


def step_differences(conversion: pd.DataFrame, other: pd.DataFrame, *, by: str | Sequence[str] | None = None, base: Base = "previous",
                     level: float = 0.95) -> pd.DataFrame:
    """By how much does each step convert better or worse than on the other side, and is it more than chance?

    Input columns, both sides: step, with users in the funnel's order (see ``funnel.step_conversion``) or entered and converted (see
    ``funnel.step_trend``, whose periods are added up); the columns named by ``by``. Further columns are added over.

    One row per [value of ``by`` on either side and] step from the second on, in the funnel's order.

    Output columns: ``[by]`` (missing: None); ``step``; ``entered``, ``converted``, ``rate``, 0 to 1, of the first side; the same with
    ``other_`` of the other; ``difference`` = rate - other_rate, with ``low``, ``high``, its interval at ``level``; ``p_value`` of no
    difference; ``p_adjusted``, corrected for the number of rows. Null where one side has no denominator.

    Formula: rate = converted / entered: of the step before, or for ``base="first"`` of step 1, so that the last row is the overall
    conversion. Newcombe's interval (Statistics in Medicine 17 (1998) 873, method 10) is of one row alone; p_value: likelihood ratio,
    chi-squared with 1 degree of freedom; p_adjusted: Benjamini and Hochberg, JRSS B 57 (1995) 289. Both take the sides as independent:
    a user who is counted on both makes the interval a little too wide or too narrow.

    Raises InputError for a missing column or for sides with different steps, ParameterError for another base, NotMeasured for a frame
    without a step to convert to.

    >>> import pandas as pd
    >>> may = pd.DataFrame({"step": ["home", "cart", "payment"], "users": [200, 80, 48]})
    >>> june = pd.DataFrame({"step": ["home", "cart", "payment"], "users": [180, 70, 56]})
    >>> step_differences(june, may)[["step", "entered", "converted", "difference", "low", "high", "p_adjusted"]].round(3)
          step  entered  converted  difference    low   high  p_adjusted
    0     cart      180         70      -0.011 -0.108  0.087       0.825
    1  payment       70         56       0.200  0.052  0.334       0.015
    """
    import pandas as pd

    if base not in ("previous", "first"):
        raise ParameterError(f"base '{base}' is not one; {nearest(base, ('previous', 'first'))}")
    z_of(level)
    columns = _names(by)
    steps, sides, segments = _sides(conversion, other, columns)
    entered, converted = ([side[:, :-1] if base == "previous" else np.repeat(side[:, :1], len(steps) - 1, axis=1) for side in sides],
                          [side[:, 1:] for side in sides])
    (n, m), (hits, others) = ([side.ravel() for side in both] for both in (entered, converted))
    low, high = difference(hits, n, others, m, level)
    tried = (n > 0) & (m > 0)
    p = np.array([erfc(sqrt(ratio / 2)) for ratio in binomial_llr(hits, n, others, m)])
    p[~tried] = np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        rate, other_rate = hits / n, others / m
    frame = pd.DataFrame({"step": steps[1:] * len(segments), "entered": n, "converted": hits, "rate": rate, "other_entered": m,
                          "other_converted": others, "other_rate": other_rate, "difference": rate - other_rate, "low": low, "high": high,
                          "p_value": p, "p_adjusted": benjamini_hochberg(p)})[list(OF_STEP)]
    return _labelled(frame, columns, [segment for segment in segments for _ in steps[1:]])


def mix_by_segment(conversion: pd.DataFrame, other: pd.DataFrame, *, by: str | Sequence[str]) -> pd.DataFrame:
    """Which segments moved the overall conversion, by coming more or less often (mix) and by converting otherwise (rate)?

    Input columns: as :func:`step_differences`; ``by`` names the segments, each combination of values being one.

    One row per segment on either side, the largest effect of both together first.

    Output columns: the columns of ``by`` (missing: None); ``entered``, ``converted``: at step 1 and at the last step; ``share`` of all that
    entered; ``rate`` = converted / entered; the same with ``other_``; ``mix_effect``, ``rate_effect``: points (0 to 1) by which the segment
    moved the overall conversion.

    Formula: mix_effect = (share - other_share) x (mean of the segment's two rates - mean of the two overall rates); rate_effect =
    (rate - other_rate) x mean of its two shares. All mix and rate effects together are the change of the overall conversion, exactly:
    Shapley's value of the two factors, each changed first in half of the orders. A segment that one side does not have came or went: its
    rate there is taken to be the one it has, and all of its effect is mix.

    Raises as :func:`step_differences`; NotMeasured where one side has no visitors.

    >>> import pandas as pd
    >>> may = pd.DataFrame({"device": ["ios", "ios", "web", "web"], "step": ["home", "order"] * 2, "users": [100, 40, 100, 20]})
    >>> june = pd.DataFrame({"device": ["ios", "ios", "web", "web"], "step": ["home", "order"] * 2, "users": [50, 20, 150, 30]})
    >>> mix_by_segment(june, may, by="device")[["device", "share", "other_share", "rate", "other_rate", "mix_effect", "rate_effect"]]
      device  share  other_share  rate  other_rate  mix_effect  rate_effect
    0    ios   0.25          0.5   0.4         0.4    -0.03125          0.0
    1    web   0.75          0.5   0.2         0.2    -0.01875          0.0
    """
    import pandas as pd

    columns, segments, now, before = _segments(conversion, other, by)
    middle = (now.overall + before.overall) / 2
    frame = pd.DataFrame({"entered": now.entered, "converted": now.converted, "share": now.share, "rate": now.shown,
                          "other_entered": before.entered, "other_converted": before.converted, "other_share": before.share,
                          "other_rate": before.shown, "mix_effect": (now.share - before.share) * ((now.rate + before.rate) / 2 - middle),
                          "rate_effect": (now.rate - before.rate) * (now.share + before.share) / 2})[list(OF_SEGMENT)]
    frame = _labelled(frame, columns, segments)
    largest = np.argsort(-(frame["mix_effect"] + frame["rate_effect"]).abs().to_numpy().round(15), kind="stable")
    return frame.iloc[largest].reset_index(drop=True)


def mix_and_rate(conversion: pd.DataFrame, other: pd.DataFrame, *, by: str | Sequence[str], level: float = 0.95) -> pd.DataFrame:
    """How much of the change of the overall conversion is another mix of visitors, and how much is a real change of conversion?

    Input columns: as :func:`mix_by_segment`.

    Three rows: ``mix``, ``rate``, and ``change``, which is exactly the sum of the two.

    Output columns: ``effect``; ``value``, points (0 to 1); ``low``, ``high``, its interval at ``level``; ``p_value`` of no such effect,
    null where the effect can have no error.

    Formula: sums of :func:`mix_by_segment`'s effects. Interval by the delta method, users drawn independently. Of one side with n visitors,
    shares s and rates r, and an effect in which a visitor of a segment weighs w and its rate weighs v, the variance is
    sum of s [(w - sum of s w)² + (v / s)² r (1 - r)] / n; for mix w = (r + r') / 2 and v = (s - s') / 2, for rate w = (r - r') / 2 and
    v = (s + s') / 2, the dashed ones being the other side's; for the change R (1 - R) / n of the overall rate R. The two sides' add up.
    p_value: normal. A mix of something that ``by`` does not name is in the rate effect.

    Raises as :func:`mix_by_segment`.

    >>> import pandas as pd
    >>> may = pd.DataFrame({"device": ["ios", "ios", "web", "web"], "step": ["home", "order"] * 2, "users": [1000, 400, 1000, 200]})
    >>> june = pd.DataFrame({"device": ["ios", "ios", "web", "web"], "step": ["home", "order"] * 2, "users": [500, 200, 1500, 300]})
    >>> mix_and_rate(june, may, by="device").round(3)
       effect  value    low   high  p_value
    0     mix  -0.05 -0.060 -0.040      0.0
    1    rate   0.00 -0.028  0.028      1.0
    2  change  -0.05 -0.078 -0.022      0.0
    """
    import pandas as pd

    z = z_of(level)
    effects = mix_by_segment(conversion, other, by=by)
    _, _, now, before = _segments(conversion, other, by)
    mix, rate = float(effects["mix_effect"].sum()), float(effects["rate_effect"].sum())
    value = np.array([mix, rate, mix + rate])
    error = np.sqrt(now.variances(before) + before.variances(now))
    p = [erfc(abs(one) / spread / sqrt(2)) if spread > 0 else np.nan for one, spread in zip(value, error, strict=True)]
    return pd.DataFrame({"effect": ["mix", "rate", "change"], "value": value, "low": value - z * error, "high": value + z * error,
                         "p_value": p})


class _Side:
    """The segments of one side: how many entered and converted, their share of all and their rate (the other's where nobody entered)."""

    def __init__(self, entered: np.ndarray, converted: np.ndarray, other_entered: np.ndarray, other_converted: np.ndarray):
        self.entered, self.converted, self.n = entered, converted, int(entered.sum())
        self.share, self.overall = entered / self.n, float(converted.sum() / self.n)
        with np.errstate(divide="ignore", invalid="ignore"):
            self.shown = converted / entered
            self.rate = np.where(entered > 0, self.shown, other_converted / other_entered)

    def variances(self, other: _Side) -> np.ndarray:
        """This side's part of the variance of the mix, the rate effect and the change."""
        s, chance = self.share, self.rate * (1 - self.rate)
        inside = s > 0
        found = []
        for w, v in (((self.rate + other.rate) / 2, (s - other.share) / 2), ((self.rate - other.rate) / 2, (s + other.share) / 2)):
            of_rate = np.divide(v, s, where=inside, out=np.zeros(len(s)))
            found.append((s * ((w - (s * w).sum()) ** 2 + of_rate ** 2 * chance)).sum() / self.n)
        return np.array([*found, self.overall * (1 - self.overall) / self.n])


def _segments(conversion: pd.DataFrame, other: pd.DataFrame,
              by: str | Sequence[str]) -> tuple[tuple[str, ...], list[tuple], _Side, _Side]:
    columns = _names(by)
    if not columns:
        raise ParameterError("by names no column: mix and rate need the segments of visitors, e.g. by='channel'")
    _, sides, segments = _sides(conversion, other, columns)
    seen = (sides[0][:, 0] > 0) | (sides[1][:, 0] > 0)
    (n, hits), (m, others) = ((side[seen, 0], side[seen, -1]) for side in sides)
    for name, total in (("first", n.sum()), ("other", m.sum())):
        if not total > 0:
            raise NotMeasured(f"nobody entered the funnel on the {name} side, so there is no change to explain")
    kept = [segment for segment, one in zip(segments, seen, strict=True) if one]
    return columns, kept, _Side(n, hits, m, others), _Side(m, others, n, hits)


# The two sides ---------------------------------------------------------------------------------------------------------------

def _names(by: str | Sequence[str] | None) -> tuple[str, ...]:
    return () if by is None else (by,) if isinstance(by, str) else tuple(by)


def _sides(conversion: pd.DataFrame, other: pd.DataFrame,
           columns: tuple[str, ...]) -> tuple[list[str], tuple[np.ndarray, np.ndarray], list[tuple]]:
    """(steps, matrix of each side: who reached each step (columns) by segment (rows), the segments of either side)."""
    for column in columns:
        if column in OF_STEP + OF_SEGMENT:
            raise ParameterError(f"by '{column}' is also the name of a column of the result; rename the property")
    first, second = _Reached("conversion", conversion, columns), _Reached("other", other, columns)
    if first.steps != second.steps:
        raise InputError(f"other: its steps are {', '.join(second.steps)}, those of conversion {', '.join(first.steps)}; "
                         "compare the same funnel")
    segments = list(dict.fromkeys([*first.counts, *second.counts]))
    nobody = np.zeros(len(first.steps), np.int64)
    matrices = tuple(np.array([side.counts.get(segment, nobody) for segment in segments]).reshape(-1, len(nobody))
                     for side in (first, second))
    return first.steps, matrices, segments


class _Reached:
    """How many of each segment reached each step, out of users, or out of entered and converted."""

    def __init__(self, name: str, frame: pd.DataFrame, columns: tuple[str, ...]):
        trend = "entered" in frame.columns and "users" not in frame.columns
        for column in (*columns, "step", *(("entered", "converted") if trend else ("users",))):
            if column not in frame.columns:
                raise InputError(f"{name}: no column '{column}'; {nearest(column, map(str, frame.columns))}")
        order = [str(step) for step in dict.fromkeys(frame["step"])]
        self.steps = ["(entered)", *order] if trend else order
        if len(self.steps) < 2:
            raise NotMeasured(f"{name}: no rows, so there is no conversion to compare" if frame.empty
                              else f"{name}: one step only, so there is no conversion to compare")
        place = frame["step"].astype(str).map({step: at for at, step in enumerate(order)}).to_numpy()
        import pandas as pd

        keys = [frame[column].astype(object).where(frame[column].notna(), None) for column in columns]
        code, found = pd.factorize(pd.Series(list(zip(*keys, strict=True)) if keys else [()] * len(frame), dtype=object))
        shape = len(found), len(self.steps)
        counts = np.zeros(shape, np.int64)
        if trend:
            np.add.at(counts, (code, place + 1), frame["converted"].to_numpy(np.int64))
            begins = place == 0
            np.add.at(counts, (code[begins], 0), frame["entered"].to_numpy(np.int64)[begins])
        else:
            np.add.at(counts, (code, place), frame["users"].to_numpy(np.int64))
        self.counts = dict(zip(found, counts, strict=True))


def _labelled(frame: pd.DataFrame, columns: tuple[str, ...], segments: list[tuple]) -> pd.DataFrame:
    import pandas as pd

    for place, column in enumerate(columns):
        frame.insert(place, column, pd.Series([segment[place] for segment in segments], dtype=object))
    return frame
