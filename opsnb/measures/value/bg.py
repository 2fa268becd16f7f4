"""The arithmetic of BG/NBD: orders come at random at each customer's own rate; after each one the customer may leave for good.

Fader, Hardie and Lee, "Counting Your Customers" the Easy Way, Marketing Science 24 (2005) 275. Rates are gamma(r, alpha) over customers,
the chance to leave after an order is beta(a, b). Times are in the model's unit; arrays of equal shape, or such as broadcast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from opsnb.measures.value.fitting import Objective
    from opsnb.measures.value.rhythms import Groups

NAMES = ("r", "alpha", "a", "b")
# where customers hardly differ in their rate r runs up, where they hardly differ in leaving a and b do: they may go so far
LIMITS = ((1e-3, 100.0), (1e-4, 1e6), (1e-4, 30.0), (1e-3, 1e4))
STARTS = ((0.5, 5.0, 0.8, 2.5), (1.0, 10.0, 0.3, 3.0), (0.2, 1.0, 1.0, 1.0), (2.0, 20.0, 2.0, 8.0))


def objective(groups: Groups, unit: float) -> Objective:
    """Log likelihood a customer and its gradient, by the logs of r, alpha, a, b. Equation 6 of the paper."""
    from scipy.special import betaln, expit, gammaln, psi

    ux, at_x = np.unique(groups.x, return_inverse=True)
    days = np.arange(int(groups.T.max()) + 1) / unit
    x, again = groups.x.astype(float), groups.x > 0
    weight = groups.customers / groups.customers.sum()

    def value(logs: np.ndarray) -> tuple[float, np.ndarray]:
        r, alpha, a, b = np.exp(logs)
        log_days, over_days = np.log(alpha + days), 1 / (alpha + days)
        by_end, by_last = log_days[groups.T], log_days[groups.t_x]
        stayed = -(r + x) * by_end
        with np.errstate(divide="ignore", invalid="ignore"):
            left = np.where(again, np.log(a) - np.log(b + x - 1) - (r + x) * by_last, -np.inf)
        share = expit(left - stayed)  # of the likelihood that belongs to "has left"
        counted = gammaln(r + ux) - gammaln(r) + r * np.log(alpha) + betaln(a, b + ux) - betaln(a, b)
        total = weight @ (counted[at_x] + np.logaddexp(stayed, left))
        by_r = (psi(r + ux) - psi(r) + np.log(alpha))[at_x] - (1 - share) * by_end - share * by_last
        by_alpha = r / alpha - (r + x) * ((1 - share) * over_days[groups.T] + share * over_days[groups.t_x])
        by_a = (psi(a + b) - psi(a + b + ux))[at_x] + share / a
        after = np.where(again, b + x - 1, 1.0)
        by_b = (psi(b + ux) - psi(a + b + ux) - psi(b) + psi(a + b))[at_x] - np.where(again, share / after, 0.0)
        return float(total), np.array([r * (weight @ by_r), alpha * (weight @ by_alpha), a * (weight @ by_a), b * (weight @ by_b)])

    return value


def log_gone(params: np.ndarray, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
    """Log of the odds of having left, after the history; -inf for whoever ordered once: the model lets nobody leave before."""
    r, alpha, a, b = params
    x = np.asarray(x, float)
    with np.errstate(divide="ignore"):
        after = np.log(a) - np.log(np.where(x > 0, b + x - 1, 1.0))
    return np.where(x > 0, after + (r + x) * (np.log(alpha + T) - np.log(alpha + t_x)), -np.inf)


def rate(params: np.ndarray, x: np.ndarray, T: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Orders a unit of time, t after the end of the history, of a customer who had not left at that end.

    E[rate e^(-rate p t)] over gamma(r + x, alpha + T) and beta(a, b + x); its integral over t is the paper's equation 10 without the
    division by a - 1, which has no value at a = 1. The hypergeometric function is taken at t / (alpha + T + t) (Pfaff), where it is tame.
    """
    from scipy.special import hyp2f1

    r, alpha, a, b = params
    ahead = t / (alpha + T)
    return (r + x) / (alpha + T) * (1 + ahead) ** -a * hyp2f1(a, a + b - r - 1, a + b + x, ahead / (1 + ahead))


def pairs(params: np.ndarray, x: np.ndarray, T: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Density of an order at t together with one at any given time before it; see :func:`rate`.

    E[rate² (1 - p) e^(-rate p t)]: the first of the two must not have made the customer leave.
    """
    from scipy.special import hyp2f1

    r, alpha, a, b = params
    ahead = t / (alpha + T)
    stays = (b + x) / (a + b + x)
    return (r + x) * (r + x + 1) / (alpha + T) ** 2 * stays * (1 + ahead) ** -a * hyp2f1(a, a + b - r - 1, a + b + x + 1, ahead / (1 + ahead))


def none(params: np.ndarray, x: np.ndarray, T: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Chance that a customer who had not left orders nothing within t: nobody leaves before the next order."""
    r, alpha, _, _ = params
    return ((alpha + T) / (alpha + T + t)) ** (r + x)
