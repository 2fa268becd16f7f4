"""Drivers: what users who go on did that others did not, and which step would give most if it converted like its best slice.

Both compare users who chose for themselves. What is found here goes with converting; only an experiment says whether it causes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from opsnb.errors import NotMeasured, ParameterError
from opsnb.measures import blocks
from opsnb.measures.intervals import benjamini_hochberg, binomial_llr, difference, wilson, z_of
from opsnb.measures.walks import required_steps, step_before, walks
from opsnb.tables.histories import Histories, histories

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.blocks import Unit
    from opsnb.measures.intervals import Day
    from opsnb.measures.steps import Event

READING = "goes with, not causes"
LEAST_USERS = 30  # who did an event, and who did not; and in a slice
LEAST_SHARE = 0.05  # of those who enter a step: a slice smaller than that is no benchmark for all
COLUMNS = ("converters", "others", "converters_did", "others_did", "converters_rate", "others_rate", "log_odds", "low", "high", "p_value",
           "q_value", "reading")
CHANCE = 0.05  # Benjamini-Hochberg: a slice above that is not better than the rest
BANDS_A_DOUBLING = 4  # of exposure time
BANDS = 2 + 41 * BANDS_A_DOUBLING  # none, less than a second, then up to 2^41 seconds


def drivers(events: Any, steps: Sequence[Event], *, after: str, window_days: float | None = None, unit: Unit = "user", what: str = "event",
            least_users: int = LEAST_USERS, level: float = 0.95, start: Day | None = None, as_of: Day | None = None) -> pd.DataFrame:
    """What did users who went on from a step do in between that others, in the same time, did not? It goes with going on; whether it
    causes it, only an experiment says.

    Input columns: user_id, ts, event, the column named by ``what`` (e.g. page, instead of event); for ``unit="session"`` session_id where
    there is one. ``after``: the step (of ``steps``, as shown: "cart (2)"), from which the next one is reached or not.

    One row per event done after the step by at least ``least_users`` of those compared and left undone by as many; the surest first.

    Output columns: ``event`` (the column named by ``what``); ``converters``, ``others``: users compared (sessions, for
    ``unit="session"``); ``converters_did``, ``others_did``: of them, did it; ``converters_rate``: of the converters, did it;
    ``others_rate``: share of the others who would have done it with as much time as the converters had; ``log_odds``, with ``low``,
    ``high``: its interval at ``level``, above 0 if converters do it more; null where one side always or never did it; ``p_value``;
    ``q_value``: corrected for the number of events; ``reading``: "goes with, not causes".

    Formula: the best attempt of each user (see ``funnel``) that reached the step; counted is what lies between it and the next step,
    or, for those who did not get there, the end of the window or of their visit or history. Exposure is the time spent from the step
    to the last thing counted, pauses of more than 30 minutes left out, on both sides alike: who drops out early has had less time.
    Users are compared within bands of exposure (a fourth of a doubling); bands with one side only are left out. log_odds:
    Mantel-Haenszel over the bands (JNCI 22 (1959) 719), interval of Robins, Breslow and Greenland (Biometrics 42 (1986) 311); p_value:
    Cochran-Mantel-Haenszel; q_value: Benjamini and Hochberg. Attempts whose window is still open at ``as_of`` are left out.

    Raises NotMeasured when nobody went on, or nobody stayed, with the same exposure; InputError for a step or column that does
    not occur, ParameterError for an option that makes no sense.

    >>> import pandas as pd
    >>> rows = [(f"{who}{number}", event) for who, path in (("a", ["cart", "coupon", "pay"]), ("b", ["cart", "help"]))
    ...         for number in range(40) for event in path + ["coupon"] * (who == "b" and number < 8)]
    >>> events = pd.DataFrame(rows, columns=["user_id", "event"])
    >>> events["ts"] = pd.Timestamp("2025-06-18") + pd.to_timedelta(events.groupby("user_id").cumcount().clip(upper=1), unit="min")
    >>> drivers(events, ["cart", "pay"], after="cart", least_users=5)[["event", "converters_rate", "others_rate", "reading"]]
        event  converters_rate  others_rate                reading
    0    help              0.0          1.0  goes with, not causes
    1  coupon              1.0          0.2  goes with, not causes
    """
    import pandas as pd
    from scipy.special import chdtrc

    z = z_of(level)
    if least_users < 1:
        raise ParameterError(f"least_users must be at least 1, got {least_users}")
    if what in COLUMNS:
        raise ParameterError(f"what '{what}' is also the name of a column of the result; rename the property")
    table = histories(events)
    labels = table.labels(what)
    users = np.zeros((2, BANDS), np.int64)
    exposed = _exposed(table, steps, after, window_days, unit, what, start, as_of, users)
    keys, found = blocks.counts(exposed, max(len(labels), 1) * users.size)
    both = (users > 0).all(0)
    if not both.any():
        raise NotMeasured(f"after {after} {users[1].sum():,} went on and {users[0].sum():,} did not, none of them with the same exposure")
    others, converters = users[:, both]
    done, did = _by_label(keys, found, users, both, least_users)
    odds, error, statistic = _mantel_haenszel(did[:, 1], converters, did[:, 0], others)
    p_value = chdtrc(1, statistic)
    texts = np.asarray(labels, dtype=object)[done]
    frame = pd.DataFrame({
        what: texts, "converters": converters.sum(), "others": others.sum(), "converters_did": did[:, 1].sum(1),
        "others_did": did[:, 0].sum(1), "converters_rate": did[:, 1].sum(1) / converters.sum(),
        "others_rate": (did[:, 0] / others * converters).sum(1) / converters.sum(), "log_odds": odds, "low": odds - z * error,
        "high": odds + z * error, "p_value": p_value, "q_value": benjamini_hochberg(p_value), "reading": READING})
    return frame.iloc[np.lexsort((texts.astype(str), -statistic.round(9)))].reset_index(drop=True)


def levers(events: Any, steps: Sequence[Event], *, by: str | Sequence[str], window_days: float | None = None, unit: Unit = "user",
           least_users: int = LEAST_USERS, least_share: float = LEAST_SHARE, level: float = 0.95, start: Day | None = None,
           as_of: Day | None = None) -> pd.DataFrame:
    """At which touchpoint is most to be had: how many more would reach the last step if the step to the next one converted like its
    best comparable slice? The first two rows are the two touchpoints that decide.

    Input columns: user_id, ts, event, the columns named by ``by``; for ``unit="session"`` session_id where there is one.

    One row per touchpoint (every step but the last), the largest lever first.

    Output columns: ``touchpoint``; ``next_step``; ``entered``: users (sessions, for ``unit="session"``) who reached the touchpoint;
    ``converted``: of them, the next step; ``rate`` of the two; ``slice_column``, ``slice_value``: the best slice; ``slice_users``
    and ``slice_rate`` in it; ``rest_rate`` outside it; ``later_rate``: share of the rest's next step that reaches the last one;
    ``more_orders``: more who reach the last step, with ``low``, ``high``: its interval; ``q_value`` of the slice being better. Where
    no slice is better by more than chance, the slice is null and ``more_orders`` 0.

    Formula: more_orders = rest who entered x (slice_rate - rest_rate) x later_rate. A slice is a value of one column on the row where
    the best attempt starts; comparable are slices with ``least_users`` and ``least_share`` of those who entered; better are those with
    a likelihood-ratio test below .05 after Benjamini and Hochberg over all slices and steps; the best is the one of these whose Wilson
    interval begins highest. Interval: Newcombe's of the difference, at ``level`` for all slices of the touchpoint together
    (Bonferroni), so that having picked the best is allowed for; later_rate is taken as known. Slices differ in more than the column: an
    upper mark, not a forecast. Attempts whose window is still open at ``as_of`` are left out.

    Raises NotMeasured when nobody did the first step, InputError for a step or column that does not occur, ParameterError for an
    option that makes no sense.

    >>> import pandas as pd
    >>> rows = [(f"{device}{number}", device, event) for device, pays in (("ios", 80), ("web", 40)) for number in range(100)
    ...         for event in ["cart", "pay"][:1 + (number < pays)]]
    >>> events = pd.DataFrame(rows, columns=["user_id", "device", "event"]).assign(ts=pd.Timestamp("2025-06-18"))
    >>> levers(events, ["cart", "pay"], by="device")[["touchpoint", "slice_value", "slice_rate", "rest_rate", "more_orders"]]
      touchpoint slice_value  slice_rate  rest_rate  more_orders
    0       cart         ios         0.8        0.4         40.0
    """
    import pandas as pd
    from scipy.special import chdtrc

    z_of(level)
    if least_users < 1 or not 0 <= least_share <= 1:
        raise ParameterError(f"least_users must be at least 1 and least_share a share, got {least_users} and {least_share}")
    table = histories(events)
    columns = (by,) if isinstance(by, str) else tuple(by)
    if not columns:
        raise ParameterError("levers need at least one column to slice by")
    names, reached = _sliced(table, steps, columns, window_days, unit, start, as_of)
    if len(names) < 2:
        raise ParameterError("levers need at least two steps")
    everyone = reached[columns[0]][1].sum(0)
    if not everyone[0]:
        raise NotMeasured(f"nobody did the first step, {names[0]}, in this period")
    rows = []
    for place, entered in enumerate(everyone[:-1]):
        for column in columns:
            values, users = reached[column]
            comparable = (values >= 0) & (users[:, place] >= max(least_users, least_share * entered)) & (users[:, place] < entered)
            rows += [(place, column, values[one], *users[one, [place, place + 1, -1]]) for one in np.flatnonzero(comparable)]
    at, n, hits, last = (np.array([row[field] for row in rows], np.int64) for field in (0, 3, 4, 5))
    rest_n, rest_hits, rest_last = everyone[at] - n, everyone[at + 1] - hits, everyone[-1] - last
    q_value = benjamini_hochberg(chdtrc(1, binomial_llr(hits, n, rest_hits, rest_n)))
    better = np.flatnonzero((q_value <= CHANCE) & (hits * rest_n > rest_hits * n))
    firm = wilson(hits, n)[0]
    found = []
    for place in range(len(names) - 1):
        mine = better[at[better] == place]
        entered, converted = int(everyone[place]), int(everyone[place + 1])
        line = [names[place], names[place + 1], entered, converted, converted / entered if entered else np.nan]
        if not len(mine):
            found.append([*line, None, None, np.nan, np.nan, np.nan, np.nan, 0.0, np.nan, np.nan, np.nan])
            continue
        one = mine[np.argmax(firm[mine])]
        later = rest_last[one] / rest_hits[one] if rest_hits[one] else everyone[-1] / converted
        low, high = difference(hits[one], n[one], rest_hits[one], rest_n[one], 1 - (1 - level) / int((at == place).sum()))
        gain = hits[one] / n[one] - rest_hits[one] / rest_n[one]
        found.append([*line, rows[one][1], str(table.labels(rows[one][1])[rows[one][2]]), float(n[one]), hits[one] / n[one],
                      rest_hits[one] / rest_n[one], later, *(rest_n[one] * later * np.array([gain, low, high])), q_value[one]])
    frame = pd.DataFrame(found, columns=["touchpoint", "next_step", "entered", "converted", "rate", "slice_column", "slice_value",
                                         "slice_users", "slice_rate", "rest_rate", "later_rate", "more_orders", "low", "high", "q_value"])
    for column in ("slice_column", "slice_value"):
        frame[column] = frame[column].astype(object).where(frame[column].notna(), None)
    return frame.sort_values("more_orders", ascending=False, kind="stable", ignore_index=True)


# The kernels -----------------------------------------------------------------------------------------------------------------

def _exposed(table: Histories, steps: Sequence[Event], after: str, window_days: float | None, unit: Unit, what: str, start: Day | None,
             as_of: Day | None, users: np.ndarray) -> Iterator[np.ndarray]:
    """Per block a key (label, went on, band) for each label that a user did; adds who was looked at to ``users`` (went on, band)."""
    read = required_steps(table, steps)
    place = step_before(after, [step.name for step in read])
    window = blocks.window_us(window_days)
    closed, labels = blocks.closed_before(table, window, as_of), len(table.labels(what))
    for block, number, rows, depth, _ in walks(table, read[:place + 2], unit, window, what, start=start, as_of=as_of):
        there = np.flatnonzero((depth > place) & (block.ts[rows[0]] < closed))
        here, following, went_on = rows[place, there], rows[place + 1, there], depth[there] > place + 1
        end = np.where(went_on, following, blocks.ends(number)[here])
        row, whose = blocks.ranges(here + 1, end)
        if window is not None:
            inside = block.ts[row] <= (block.ts[rows[0, there]] + window)[whose]
            row, whose = row[inside], whose[inside]
        count = np.bincount(whose, minlength=len(there))
        spent = np.diff(block.ts, prepend=block.ts[:1])
        spent[spent > blocks.SESSION_GAP_MINUTES * blocks.MINUTE_US] = 0
        spent = np.cumsum(spent)
        band = _bands(spent[here + count] - spent[here], count)
        users += np.bincount(went_on * BANDS + band, minlength=users.size).reshape(users.shape)
        value = block[what][row]
        if what != "event" and value.min(initial=0) < 0:
            known = value >= 0
            whose, value = whose[known], value[known]
        key = whose * labels + value
        once = blocks.first_seen(key, max(len(there) * labels, 1))
        whose, value = whose[once], value[once]
        yield (value.astype(np.int64) * 2 + went_on[whose]) * BANDS + band[whose]


def _bands(exposure: np.ndarray, count: np.ndarray) -> np.ndarray:
    """The band of exposure of each user: 0 who did nothing more, 1 within a second, then a fourth of a doubling each."""
    seconds = np.maximum(exposure / 1e6, 1)
    band = np.where(exposure < 1_000_000, 1, 2 + np.floor(BANDS_A_DOUBLING * np.log2(seconds)).astype(np.int64))
    return np.where(count > 0, np.minimum(band, BANDS - 1), 0)


def _by_label(keys: np.ndarray, found: np.ndarray, users: np.ndarray, both: np.ndarray, least: int) -> tuple[np.ndarray, np.ndarray]:
    """Counted keys as (labels, users by label, side and band), of the labels that ``least`` users did and as many did not; bands
    without both sides are left out."""
    inside = both[keys % BANDS]
    keys, found = keys[inside], found[inside]
    done, where = np.unique(keys // (2 * BANDS), return_inverse=True)
    support = np.bincount(where, found, len(done))
    enough = (support >= least) & (users[:, both].sum() - support >= least)
    kept = enough[where]
    keys, where = keys[kept], (np.cumsum(enough) - 1)[where[kept]]
    counted = np.zeros((int(enough.sum()), 2, int(both.sum())), np.int64)
    counted[where, keys // BANDS % 2, (np.cumsum(both) - 1)[keys % BANDS]] = found[kept]
    return done[enough], counted


def _mantel_haenszel(a: np.ndarray, n: np.ndarray, c: np.ndarray, m: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Common log odds ratio of ``a`` of ``n`` against ``c`` of ``m`` over the bands (last axis), its standard error, and chi-squared."""
    b, d, total = n - a, m - c, (n + m).astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        agree, differ, first, second = (a + d) / total, (b + c) / total, a * d / total, b * c / total
        r, s = first.sum(-1), second.sum(-1)
        known = (r > 0) & (s > 0)
        variance = ((agree * first).sum(-1) / (2 * r * r) + (agree * second + differ * first).sum(-1) / (2 * r * s)
                    + (differ * second).sum(-1) / (2 * s * s))
        odds, error = np.where(known, np.log(r / s), np.nan), np.where(known, np.sqrt(variance), np.nan)
        spread = (n * m * (a + c) / total * (b + d) / total / np.maximum(total - 1, 1)).sum(-1)
        statistic = (a - n * (a + c) / total).sum(-1) ** 2 / spread
    return odds, error, np.where(spread > 0, statistic, 0.0)


def _sliced(table: Histories, steps: Sequence[Event], columns: Sequence[str], window_days: float | None, unit: Unit, start: Day | None,
            as_of: Day | None) -> tuple[list[str], dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Names of the steps, and per column (codes of its values, -1 for missing; users who reached each step, by value)."""
    read = required_steps(table, steps)
    window = blocks.window_us(window_days)
    closed, count = blocks.closed_before(table, window, as_of), len(read)
    sizes = {column: len(table.labels(column)) + 1 for column in columns}
    parts: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {column: [] for column in columns}
    for block, _, rows, depth, _ in walks(table, read, unit, window, *columns, start=start, as_of=as_of):
        in_time = block.ts[rows[0]] < closed
        first, reached = rows[0, in_time], depth[in_time].astype(np.int64)
        for column in columns:
            parts[column].append(blocks.counts([(block[column][first].astype(np.int64) + 1) * count + reached - 1], sizes[column] * count))
    out = {}
    for column in columns:
        keys = np.concatenate([part[0] for part in parts[column]] or [np.empty(0, np.int64)])
        found = np.concatenate([part[1] for part in parts[column]] or [np.empty(0, np.int64)])
        values, where = np.unique(keys // count, return_inverse=True)
        exactly = np.bincount(where * count + keys % count, found, len(values) * count).astype(np.int64).reshape(len(values), count)
        out[column] = values - 1, exactly[:, ::-1].cumsum(1)[:, ::-1]
    return [step.name for step in read], out
