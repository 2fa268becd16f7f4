"""What customers bring on average, whether they come back, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from opsnb.errors import NotMeasured, ParameterError
from opsnb.measures.blocks import DAY_US, starts
from opsnb.measures.intervals import wilson
from opsnb.measures.purchases import last_day, sales
from opsnb.measures.survival import kaplan_meier
from opsnb.tables.histories import histories

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.intervals import Day


def order_habits(orders: Any, *, as_of: Day | None = None, days: int = 365, level: float = 0.95) -> pd.DataFrame:
    """What did customers bring in the last ``days``, and how many come back, how soon?

    Input columns: user_id, ts, amount; order_id and refund where there are.

    One row. Output columns: ``start``, ``as_of``: the days looked at; ``customers`` who ordered in them; ``orders``; ``revenue``, currency,
    refunds of the time deducted; ``arpu`` = revenue / customers; ``aov`` = amounts / orders, refunds not deducted; ``repeat_customers``: with
    orders on two days or more of them; ``repeat_rate`` = repeat_customers / customers, with ``low``, ``high``; and of all customers ever
    won: ``return_rate``: share who have ordered again ``days`` after their first order, with ``return_low``, ``return_high``; null where
    nobody has been followed so long; ``median_days`` to the second order: half have come back by then, null where half never were seen to;
    ``won``: their number.

    Formula: repeat_rate is that of the plan's goal of 35%; it counts customers who came last week as not repeating. return_rate does not:
    Kaplan and Meier (:func:`opsnb.measures.survival.kaplan_meier`), those not back counted in as long as they were seen. Wilson's interval.
    arpu is of customers; the scorecard's (``kpis``) is of visitors.

    Raises NotMeasured where nobody ordered in the time, ParameterError for days below 1.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"user_id": list("aab"), "amount": [30.0, 10.0, 8.0],
    ...                        "ts": pd.to_datetime(["2025-01-01", "2025-02-01", "2025-01-09"])})
    >>> order_habits(orders, as_of="2025-03-31", days=60)[["customers", "orders", "arpu", "repeat_rate", "return_rate", "median_days"]]
       customers  orders  arpu  repeat_rate  return_rate  median_days
    0          1       1  10.0          0.0          0.5         31.0
    """
    import pandas as pd

    if days < 1:
        raise ParameterError(f"days = {days}; allowed: 1 or more")
    table = histories(orders, "orders")
    last = last_day(table, as_of)
    opening = last - days + 1
    count, buyers, again, amount, back, waits, ended = 0, 0, 0, 0.0, 0.0, [], []
    for found in sales(table, as_of=np.datetime64(last, "D")):
        day = found.ts // DAY_US
        bought = starts(found.user.astype(np.int64) << 20 | day)
        who, on = found.user[bought], day[bought]
        recent = who[on >= opening]
        each = np.diff(np.append(starts(recent), len(recent)))
        buyers, again = buyers + len(each), again + int((each > 1).sum())
        count, amount = count + int((day >= opening).sum()), amount + float(found.amount[day >= opening].sum())
        back += float(found.refund_amount[found.refund_ts // DAY_US >= opening].sum())
        first = starts(who)
        second = np.minimum(first + 1, max(len(who) - 1, 0))
        came = (who[second] == who[first]) & (second > first)
        waits.append(np.where(came, on[second] - on[first], last - on[first]))
        ended.append(came)
    if not buyers:
        raise NotMeasured("there are no orders in this period")
    curve = kaplan_meier(np.concatenate(waits), np.concatenate(ended), level=level)
    low, high = wilson(again, buyers, level)
    half = curve.loc[curve["survival"] <= 0.5, "day"]
    at = curve.iloc[days] if len(curve) > days else pd.Series(dtype=float)
    return pd.DataFrame([{
        "start": pd.Timestamp(np.datetime64(opening, "D")), "as_of": pd.Timestamp(np.datetime64(last, "D")), "customers": buyers, "orders": count,
        "revenue": amount - back, "arpu": (amount - back) / buyers, "aov": amount / count, "repeat_customers": again, "repeat_rate": again / buyers,
        "low": float(low), "high": float(high), "return_rate": 1 - at.get("survival", np.nan), "return_low": 1 - at.get("high", np.nan),
        "return_high": 1 - at.get("low", np.nan), "median_days": float(half.iloc[0]) if len(half) else np.nan,
        "won": int(sum(map(len, waits)))}])
