"""Shared arithmetic of durations that some people have not lived to the end: Kaplan and Meier's curve, day by day. No topic of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from opsnb.errors import InputError
from opsnb.measures.intervals import wilson, z_of

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike


def kaplan_meier(days: ArrayLike, ended: ArrayLike, *, level: float = 0.95) -> pd.DataFrame:
    """What share has not ended by each day, with those counted in who were only seen for a part of the time?

    ``days``: whole days, 0 or more, that each one was seen for; ``ended``: whether it ended then, or was just not seen any longer.

    One row per day, from 0 to the longest that was seen.

    Output columns: ``day``; ``at_risk``, those not ended and still seen at the start of that day; ``ended`` on it; ``censored`` on it, seen
    no longer; ``survival``, share not ended by the end of the day, 0 to 1; ``low``, ``high``, its interval of this ``level``; null where
    nobody is left (survival 0). Before the first end Greenwood's variance is 0, though little may be known: Wilson's bound for none of at_risk.

    Formula: survival = product of (1 - ended / at_risk); Kaplan and Meier, JASA 53 (1958) 457. Variance after Greenwood, interval on the
    log(-log) scale, so that it stays within 0 and 1; Kalbfleisch and Prentice, The Statistical Analysis of Failure Time Data (2002), 1.4.

    Raises InputError for lists of different length, or a duration that is no whole day of 0 or more.

    >>> kaplan_meier([1, 2, 2], [True, True, False])[["day", "at_risk", "ended", "censored", "survival"]].round(3)
       day  at_risk  ended  censored  survival
    0    0        3      0         0     1.000
    1    1        3      1         0     0.667
    2    2        2      1         1     0.333
    """
    import pandas as pd

    z = z_of(level)
    days, ended = np.asarray(days), np.asarray(ended, bool)
    if days.shape != ended.shape or days.ndim != 1:
        raise InputError(f"days and ended must be lists of one length, got {days.shape} and {ended.shape}")
    if len(days) and not ((days >= 0) & (days == np.floor(days))).all():
        raise InputError(f"days hold {days[~((days >= 0) & (days == np.floor(days)))][0]}; allowed: whole days, 0 or more")
    days = days.astype(np.int64)
    size = int(days.max()) + 1 if len(days) else 0
    gone, cut = np.bincount(days[ended], minlength=size), np.bincount(days[~ended], minlength=size)
    at_risk = len(days) - np.cumsum(gone + cut) + gone + cut
    with np.errstate(divide="ignore", invalid="ignore"):
        survival = np.cumprod(1 - gone / at_risk)
        spread = np.sqrt(np.cumsum(np.where(gone > 0, gone / (at_risk * (at_risk - gone)), 0))) / np.abs(np.log(survival))
        low, high = survival ** np.exp(z * spread), survival ** np.exp(-z * spread)
    begun, left, none_yet = np.cumsum(gone) > 0, survival > 0, wilson(at_risk, at_risk, level)[0]
    return pd.DataFrame({"day": np.arange(size), "at_risk": at_risk, "ended": gone, "censored": cut, "survival": survival,
                         "low": np.where(left, np.where(begun, low, none_yet), np.nan), "high": np.where(left, np.where(begun, high, 1.0), np.nan)})
