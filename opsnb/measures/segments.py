"""Who the customers are: RFM scores, the plan's four tiers, and personas."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from opsnb.errors import InputError, ParameterError, nearest
from opsnb.measures.blocks import DAY_US
from opsnb.measures.intervals import as_day
from opsnb.measures.persona_changes import named_like, persona_changes
from opsnb.measures.personas import PARTS, NoPersonas, Personas, examples, personas
from opsnb.measures.purchases import customers, last_day
from opsnb.tables.histories import histories

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from opsnb.measures.intervals import Day

__all__ = ["PARTS", "TIERS", "NoPersonas", "Personas", "Tier", "concentration", "examples", "named_like", "persona_changes", "personas", "rfm", "scores",
           "tier_migration", "tier_summary"]

SCORES = 5
RFM = ("recency_days", "frequency", "monetary_value")
NEWCOMERS = "new"


class Tier(NamedTuple):
    """What the plan expects of a tier and does for it; null where it expects nothing. Shares are 0 to 1."""

    expected_low: float
    expected_high: float
    expected_revenue_share: float
    action: str


TIERS: dict[str, Tier] = {
    "high-value": Tier(0.10, 0.20, 0.50, "exclusive-service"),
    "potential": Tier(0.30, 0.40, np.nan, "targeted-push"),
    "low-activity": Tier(np.nan, np.nan, np.nan, "coupon"),
    "lost": Tier(np.nan, np.nan, np.nan, "recall"),
}


def rfm(orders: Any, *, as_of: Day | None = None, thresholds: Mapping[str, Sequence[float]] | None = None) -> pd.DataFrame:
    """How recently, how often and for how much each customer ordered, and which tier of the plan that makes.

    Input columns: user_id, ts, amount; order_id and refund where there are. ``thresholds``: for recency_days, frequency or
    monetary_value four rising cuts in place of the quantiles, e.g. ``{"recency_days": [30, 60, 120, 240]}``.

    One row per customer, a user with at least one order up to ``as_of`` (default: the last day of the table), by user_id.

    Output columns: ``user_id``; ``recency_days`` from the last order to as_of; ``frequency``, orders; ``monetary_value``, mean order value,
    currency; ``revenue``, currency; ``recency_score``, ``frequency_score``, ``monetary_score``, 1 worst to 5 best; ``tier``.

    Formula: rows that share an order_id are one order, else each row is one. Refunds lower revenue and with it monetary_value = revenue /
    frequency, never frequency. A score is :func:`scores`. Tiers, by the first line that fits: **high-value**, recent (recency score 4 or
    5), frequent (4 or 5) and of at least middling order value (3 to 5); **lost**, recency score 1, or 2 with few and small orders (the
    other two scores add up to 5 or less); **potential**, recency score 3 to 5 and the other two add up to 5 or more; **low-activity**,
    everyone else. RFM: Hughes, Strategic Database Marketing (1994).

    Raises NotMeasured where nobody has ordered, InputError for a missing column, ParameterError for thresholds that do not rise.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"user_id": ["a", "a", "b"], "amount": [30.0, 10.0, 5.0],
    ...                        "ts": pd.to_datetime(["2025-03-01", "2025-03-21", "2025-01-10"])})
    >>> rfm(orders, as_of="2025-03-31")[["user_id", "recency_days", "frequency", "monetary_value"]]
      user_id  recency_days  frequency  monetary_value
    0       a            10          2            20.0
    1       b            80          1             5.0
    """
    import pandas as pd

    table = histories(orders, "orders")
    day = last_day(table, as_of)
    who = customers(table, as_of=as_of)
    values = {"recency_days": day - who.last // DAY_US, "frequency": who.orders, "monetary_value": who.revenue / who.orders}
    cuts = _cuts(thresholds or {})
    score = {name: scores(values[name], cuts=cuts.get(name), high_is_good=name != "recency_days") for name in RFM}
    return pd.DataFrame({
        "user_id": table.users[who.user], **values, "revenue": who.revenue, "recency_score": score["recency_days"],
        "frequency_score": score["frequency"], "monetary_score": score["monetary_value"],
        "tier": _tier(score["recency_days"], score["frequency"], score["monetary_value"])})


def scores(values: np.ndarray, *, cuts: Sequence[float] | None = None, high_is_good: bool = True) -> np.ndarray:
    """Scores from 1 (worst) to 5 (best); equal values always get the same score.

    Formula: 1 + floor(5 x (share of customers that are worse + half the share that are equal)); with ``cuts``, 1 + the number of cuts that
    the value reaches. So ten equal values all score 3.

    >>> scores(np.array([1, 1, 1, 1, 1, 1, 2, 2, 3, 9]))
    array([2, 2, 2, 2, 2, 2, 4, 4, 5, 5])
    >>> scores(np.array([10, 45, 400]), cuts=[30, 60, 120, 240], high_is_good=False)
    array([5, 4, 1])
    """
    values = np.asarray(values)
    if cuts is not None:
        reached = np.searchsorted(np.asarray(cuts, float), values, side="right" if high_is_good else "left")
        return 1 + reached if high_is_good else SCORES - reached
    _, where, count = np.unique(values, return_inverse=True, return_counts=True)
    below = np.cumsum(count) - count
    worse = below if high_is_good else len(values) - below - count
    place = 2 * worse + count  # twice the number of customers in front, ties half: whole numbers, so no rounding
    return (1 + np.minimum(SCORES * place // max(2 * len(values), 1), SCORES - 1))[where]


def _cuts(thresholds: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    for name, cuts in thresholds.items():
        if name not in RFM:
            raise ParameterError(f"thresholds for '{name}': not a part of RFM; {nearest(name, RFM)}")
        if len(cuts) != SCORES - 1 or any(low >= high for low, high in pairwise(cuts)):
            raise ParameterError(f"thresholds of {name}: {list(cuts)}; allowed: {SCORES - 1} rising numbers")
    return {name: [float(cut) for cut in cuts] for name, cuts in thresholds.items()}


def _tier(recency: np.ndarray, frequency: np.ndarray, monetary: np.ndarray) -> np.ndarray:
    worth = frequency + monetary
    high = (recency >= 4) & (frequency >= 4) & (monetary >= 3)
    lost = (recency == 1) | (recency == 2) & (worth <= 5)
    return np.select([high, lost, (recency >= 3) & (worth >= 5)], ["high-value", "lost", "potential"], "low-activity").astype(object)


def tier_summary(rfm: pd.DataFrame) -> pd.DataFrame:
    """What each tier is worth, beside what the plan expects of it and does for it.

    Input columns: those of :func:`rfm`. One row per tier, best first; a tier without customers has zeros and nulls.

    Output columns: ``tier``; ``users``; ``share`` of customers, 0 to 1; ``revenue``, currency; ``revenue_share``, 0 to 1 (null where
    refunds eat up all revenue); ``recency_days``, median; ``frequency``, orders a customer, mean; ``monetary_value``, mean order value,
    currency; ``expected_low``, ``expected_high``: share of customers that the plan expects; ``expected_revenue_share``: at least;
    ``action``: key of what the plan does.

    Formula: monetary_value = revenue / orders of the tier. Raises InputError for a missing column.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"user_id": ["a", "a", "b"], "amount": [30.0, 10.0, 5.0],
    ...                        "ts": pd.to_datetime(["2025-03-01", "2025-03-21", "2025-01-10"])})
    >>> tier_summary(rfm(orders, as_of="2025-03-31"))[["tier", "users", "revenue", "action"]]
               tier  users  revenue             action
    0    high-value      1     40.0  exclusive-service
    1     potential      0      0.0      targeted-push
    2  low-activity      0      0.0             coupon
    3          lost      1      5.0             recall
    """
    import pandas as pd

    for column in (*RFM, "revenue", "tier"):
        if column not in rfm.columns:
            raise InputError(f"rfm: no column '{column}'; {nearest(column, rfm.columns)}")
    groups = rfm.groupby("tier")
    total, revenue = len(rfm), float(rfm["revenue"].sum())
    frame = groups.agg(users=("user_id", "size"), revenue=("revenue", "sum"), recency_days=("recency_days", "median"),
                       orders=("frequency", "sum")).reindex(list(TIERS))
    users, orders = frame["users"].fillna(0).astype(int), frame["orders"]
    worth = frame["revenue"].fillna(0.0)
    expected = pd.DataFrame(TIERS, index=list(Tier._fields)).T.infer_objects()
    return pd.DataFrame({
        "users": users, "share": users / total if total else np.nan, "revenue": worth,
        "revenue_share": worth / revenue if revenue > 0 else np.nan, "recency_days": frame["recency_days"],
        "frequency": orders / users.where(users > 0), "monetary_value": frame["revenue"] / orders,
        **{column: expected[column] for column in Tier._fields}}).rename_axis("tier").reset_index()


def concentration(rfm: pd.DataFrame) -> pd.DataFrame:
    """How few customers bring half of all revenue, and how much the biggest one?

    Input columns: user_id, revenue: those of :func:`rfm`. One row.

    Output columns: ``customers``; ``users``: the fewest who together bring half of the revenue or more; ``share`` of customers, 0 to 1;
    ``revenue_share`` that they bring; ``largest_share``, ``largest_revenue``, currency: of the biggest customer. Null where refunds eat up
    every customer's revenue.

    Formula: customers by revenue, biggest first, added up. Whose refunds are more than their orders counts as 0, so that no share is above 1.

    Raises InputError for a missing column.

    >>> import pandas as pd
    >>> concentration(pd.DataFrame({"user_id": list("abcd"), "revenue": [30.0, 40.0, 20.0, 10.0]}))[["customers", "users", "revenue_share", "largest_share"]]
       customers  users  revenue_share  largest_share
    0          4      2            0.7            0.4
    """
    import pandas as pd

    for column in ("user_id", "revenue"):
        if column not in rfm.columns:
            raise InputError(f"rfm: no column '{column}'; {nearest(column, rfm.columns)}")
    sums = np.sort(rfm["revenue"].to_numpy(float).clip(min=0))[::-1].cumsum()
    if not len(sums) or not sums[-1] > 0:
        return pd.DataFrame({"customers": [len(sums)], "users": [np.nan], "share": [np.nan], "revenue_share": [np.nan], "largest_share": [np.nan],
                             "largest_revenue": [np.nan]})
    half = int(np.searchsorted(sums, sums[-1] / 2)) + 1
    return pd.DataFrame({"customers": [len(sums)], "users": [half], "share": [half / len(sums)], "revenue_share": [sums[half - 1] / sums[-1]],
                         "largest_share": [sums[0] / sums[-1]], "largest_revenue": [sums[0]]})


def tier_migration(orders: Any, *, as_of: Day | None = None, before: Day | None = None,
                   thresholds: Mapping[str, Sequence[float]] | None = None) -> pd.DataFrame:
    """Which customers went from which tier to which between two days, and what they paid in between.

    Input columns: those of :func:`rfm`. ``before``: the earlier day, default 90 days before ``as_of``. ``thresholds``: as for rfm. Without
    them each day has its own quantiles, so that a tier is a place among the customers of that day; with them a tier means the same on both.

    One row per pair of tiers that could be, the best first: from each tier, and from none ("new": first order in between), to each.

    Output columns: ``from_tier``; ``to_tier``; ``users``; ``share`` of the users of from_tier, 0 to 1, null where it was empty;
    ``from_users``; ``revenue_before``, currency: paid up to ``before``; ``revenue``: paid in between, refunds deducted, which may be more
    than was paid; ``move``: "up", "down", "same" or "new".

    Raises NotMeasured where nobody had ordered up to ``before``, ParameterError where it does not lie before as_of.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"user_id": ["a", "b", "b"], "amount": [30.0, 10.0, 5.0],
    ...                        "ts": pd.to_datetime(["2025-01-03", "2025-01-10", "2025-04-21"])})
    >>> moved = tier_migration(orders, as_of="2025-04-30")
    >>> moved.loc[moved["users"] > 0, ["from_tier", "to_tier", "users", "revenue"]]
           from_tier       to_tier  users  revenue
    5      potential     potential      1      5.0
    10  low-activity  low-activity      1      0.0
    """
    import pandas as pd

    table = histories(orders, "orders")
    today = np.datetime64(last_day(table, as_of), "D")
    then = today - np.timedelta64(90, "D") if before is None else as_day(before)
    if then >= today:
        raise ParameterError(f"before {then} does not lie before as_of {today}")
    now, old = rfm(table, as_of=today, thresholds=thresholds), rfm(table, as_of=then, thresholds=thresholds)
    both = now[["user_id", "tier", "revenue"]].merge(old[["user_id", "tier", "revenue"]], on="user_id", how="left", suffixes=("", "_before"))
    both["tier_before"] = both["tier_before"].fillna(NEWCOMERS)
    both["revenue_before"] = both["revenue_before"].fillna(0.0)
    both["revenue"] -= both["revenue_before"]
    pairs = pd.MultiIndex.from_product([[*TIERS, NEWCOMERS], list(TIERS)], names=["from_tier", "to_tier"])
    sums = both.groupby(["tier_before", "tier"]).agg(users=("user_id", "size"), revenue_before=("revenue_before", "sum"), revenue=("revenue", "sum"))
    frame = sums.reindex(pairs).fillna(0.0).reset_index()
    users = frame["users"].astype(int)
    from_users = users.groupby(frame["from_tier"]).transform("sum")
    rank = {tier: place for place, tier in enumerate(TIERS)}
    step = frame["to_tier"].map(rank) - frame["from_tier"].map(rank)
    move = np.select([frame["from_tier"] == NEWCOMERS, step < 0, step > 0], ["new", "up", "down"], "same").astype(object)
    return pd.DataFrame({
        "from_tier": frame["from_tier"], "to_tier": frame["to_tier"], "users": users, "share": users / from_users.where(from_users > 0),
        "from_users": from_users, "revenue_before": frame["revenue_before"], "revenue": frame["revenue"], "move": move})
