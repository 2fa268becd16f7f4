"""Shared arithmetic: intervals of proportions, corrections for many comparisons, days. No topic of its own."""

from __future__ import annotations

from datetime import date
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from opsnb.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

    Day = str | date | np.datetime64 | pd.Timestamp


def as_day(value: Day | None) -> np.datetime64 | None:
    """A calendar day out of a text, a date, a datetime or a pandas time stamp; None stays None.

    >>> as_day("2025-06-18"), as_day(date(2025, 6, 18)), as_day(None)
    (np.datetime64('2025-06-18'), np.datetime64('2025-06-18'), None)
    >>> as_day("18.6.2025")
    Traceback (most recent call last):
    opsnb.errors.ParameterError: '18.6.2025' is not a day; allowed: YYYY-MM-DD
    """
    if value is None:
        return None
    if hasattr(value, "to_datetime64"):  # pandas
        value = value.to_datetime64()
    try:
        day = np.datetime64(value[:10] if isinstance(value, str) else value, "D")
    except ValueError:
        day = np.datetime64("NaT", "D")
    known = isinstance(value, (date, np.datetime64)) or (isinstance(value, str) and str(day) == value[:10])
    if np.isnat(day) or not known:
        raise ParameterError(f"{str(value)!r} is not a day; allowed: YYYY-MM-DD")
    return day


def z_of(level: float) -> float:
    """How many standard deviations a two-sided interval of this level reaches: 1.96 for .95."""
    if not 0 < level < 1:
        raise ParameterError(f"level {level} is not a level; allowed: between 0 and 1, e.g. 0.95")
    return NormalDist().inv_cdf(0.5 + level / 2)


def wilson(successes: ArrayLike, n: ArrayLike, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Interval of a proportion, low and high, between 0 and 1; null where nothing was tried.

    Formula: (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n); Wilson, JASA 22 (1927) 209.

    >>> low, high = wilson([15, 0, 0], [148, 20, 0])
    >>> low.round(4), high.round(4)
    (array([0.0624, 0.    ,    nan]), array([0.1605, 0.1611,    nan]))
    """
    successes, n = np.asarray(successes, float), np.asarray(n, float)
    z = z_of(level)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = successes / n
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # at 0 and at n the interval ends exactly there; the formula would miss it by 1e-17
    return np.where(p == 0, 0.0, np.maximum(middle - half, 0)), np.where(p == 1, 1.0, np.minimum(middle + half, 1))


def difference(successes: ArrayLike, n: ArrayLike, other_successes: ArrayLike, other_n: ArrayLike,
               level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Interval of the difference of two proportions, first less second; null where one of them was never tried.

    Formula: hybrid of the two Wilson intervals, Newcombe, Statistics in Medicine 17 (1998) 873, method 10.

    >>> low, high = difference(56, 70, 48, 80)
    >>> float(low.round(4)), float(high.round(4))
    (0.0524, 0.3339)
    """
    n, other_n = np.asarray(n, float), np.asarray(other_n, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        p, q = np.asarray(successes, float) / n, np.asarray(other_successes, float) / other_n
    p_low, p_high = wilson(successes, n, level)
    q_low, q_high = wilson(other_successes, other_n, level)
    return (p - q) - np.hypot(p - p_low, q_high - q), (p - q) + np.hypot(p_high - p, q - q_low)


def benjamini_hochberg(p: ArrayLike) -> np.ndarray:
    """p-values corrected for their number: keep those below .05 and at most 5% of what is kept is expected to be chance.

    Nulls stay null and count for nothing. Benjamini and Hochberg, JRSS B 57 (1995) 289.

    >>> benjamini_hochberg([.01, .04, .03, float("nan"), .5]).round(4)
    array([0.04  , 0.0533, 0.0533,    nan, 0.5   ])
    """
    p = np.asarray(p, float)
    adjusted = np.full(p.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    scaled = p[order] * len(order) / np.arange(1, len(order) + 1)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1)
    return adjusted


def binomial_llr(successes: ArrayLike, n: ArrayLike, other_successes: ArrayLike, other_n: ArrayLike) -> np.ndarray:
    """Twice the log-likelihood ratio of "two proportions" against "one": chi-squared with 1 degree of freedom when they are one.

    0 where one of them was never tried. Wilks (1938); known as the G-test.

    >>> float(binomial_llr(56, 70, 48, 80).round(3))
    7.184
    """
    s, n = np.asarray(successes, float), np.asarray(n, float)
    t, m = np.asarray(other_successes, float), np.asarray(other_n, float)

    def loglik(hits: np.ndarray, tried: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = hits / tried
            return np.where(hits > 0, hits * np.log(rate), 0) + np.where(tried > hits, (tried - hits) * np.log1p(-rate), 0)

    return np.maximum(2 * (loglik(s, n) + loglik(t, m) - loglik(s + t, n + m)), 0)
