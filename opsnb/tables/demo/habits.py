"""By what personas can be told apart besides how often and for how much they buy: hours, categories, vouchers, comparing.

One row per persona, in the order of ``people.PERSONAS``: loyal regulars, big spenders, bargain hunters, new parents, occasional buyers,
window shoppers.
"""

from __future__ import annotations

import numpy as np

from opsnb.tables.demo.season import HOURS, PEAK_HOURS

PAGES = ("skincare", "makeup", "haircare", "fragrance", "men_grooming", "baby_care")
TASTES = np.array([[.58, .12, .16, .06, .03, .05], [.22, .1, .06, .54, .06, .02], [.12, .58, .18, .05, .03, .04],
                   [.14, .04, .14, .03, .05, .6], [.14, .12, .26, .1, .34, .04], [.26, .28, .18, .14, .07, .07]])
OWN = 16.0  # the larger, the closer each user's taste is to the persona's
VOUCHERS = np.array([.12, .04, .5, .24, .08, .2])  # share of the orders on days without a coupon
COMPARES = np.array([.12, .3, .6, .25, .1, .35])  # chance to look at one more product after each


def _hours() -> np.ndarray:
    """Weight of each hour against the shop's."""
    times = np.ones((len(TASTES), 24))
    for row, hours, weight in ((0, range(19, 23), 1.6), (0, range(0, 6), .5), (1, range(9, 18), 1.4), (1, [*range(21, 24), *range(0, 7)], .35),
                               (2, [22, 23, 0, 1, 2], 3.2), (2, range(7, 18), .6), (3, range(3, 8), 5.0), (3, range(12, 15), 1.5),
                               (3, range(19, 23), .55), (4, range(11, 15), 1.8), (4, [22, 23, *range(0, 7)], .5)):
        times[row, list(hours)] = weight
    return times


TIMES = _hours()


def drawn(weights: np.ndarray, row: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """One column each, by the weights of the given row."""
    limits = (weights / weights.sum(axis=1, keepdims=True)).cumsum(axis=1)[:, :-1]
    spot, column = random.random(len(row)), np.zeros(len(row), np.int8)
    for place in range(limits.shape[1]):
        column += spot > limits[row, place]
    return column


def tastes_of(mix: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Each user's own share of every category, around their persona's ``mix``."""
    own = random.standard_gamma(OWN * mix).astype(np.float32)
    return own / own.sum(axis=1, keepdims=True)


def hours_of(persona: np.ndarray, peak: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The hour of each visit; on peak days people stay up, whoever they are."""
    hour = drawn(HOURS * TIMES, persona, random)
    return np.where(peak, random.choice(24, len(hour), p=PEAK_HOURS / PEAK_HOURS.sum()), hour)
