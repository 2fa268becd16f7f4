"""The arithmetic of Pareto/NBD: orders come at random at each customer's own rate until the customer leaves, at any time.

Schmittlein, Morrison and Colombo, Counting Your Customers, Management Science 33 (1987) 1. Rates are gamma(r, alpha) over customers,
rates of leaving gamma(s, beta). Times are in the model's unit.

The likelihood is usually written as a difference of two hypergeometric functions, which loses all digits for frequent buyers and where
alpha and beta are far apart. It is the integral over the time of leaving of a positive, falling function, and taken as such here:
Gauss and Legendre's rule in y, where the time is t_x + (e^y - 1) / k and k the speed at which the function falls at t_x.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from opsnb.measures.value.fitting import Objective
    from opsnb.measures.value.rhythms import Groups

NAMES = ("r", "alpha", "s", "beta")
# where customers hardly differ in their rate r runs up, where they hardly differ in leaving s does: they may go so far
LIMITS = ((1e-3, 100.0), (1e-4, 1e6), (1e-4, 100.0), (1e-4, 1e8))
STARTS = ((0.5, 10.0, 0.6, 12.0), (1.0, 10.0, 0.3, 10.0), (0.2, 2.0, 1.0, 20.0), (2.0, 20.0, 2.0, 40.0))
NODES = 24
AT_ONCE = 1 << 15  # rows whose nodes are in memory together
_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(NODES)


def _left(params: np.ndarray, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Log of the integral of (alpha + t)^-(r + x) (beta + t)^-(s + 1) from t_x to T; the nodes' times, their shares of it, log(beta + t)."""
    r, alpha, s, beta = params
    falls = (r + x) / (alpha + t_x) + (s + 1) / (beta + t_x)
    reach = np.log1p(falls * (T - t_x))
    grown = np.exp(reach[:, None] * ((_POINTS + 1) / 2))
    times = t_x[:, None] + (grown - 1) / falls[:, None]
    log_alpha, log_beta = np.log(alpha + times), np.log(beta + times)
    top = -(r + x) * np.log(alpha + t_x) - (s + 1) * np.log(beta + t_x)
    height = np.exp(-(r + x)[:, None] * log_alpha - (s + 1) * log_beta - top[:, None]) * grown * _WEIGHTS
    area = height.sum(1)
    with np.errstate(divide="ignore"):
        logged = top + np.log(area * reach / (2 * falls))
    return logged, times, height / area[:, None], np.stack([log_alpha, log_beta])


def _in_turn(rows: int) -> list[slice]:
    return [slice(low, low + AT_ONCE) for low in range(0, rows, AT_ONCE)]


def objective(groups: Groups, unit: float) -> Objective:
    """Log likelihood a customer and its gradient, by the logs of r, alpha, s, beta."""
    from scipy.special import expit, gammaln, psi

    x, t_x, T = groups.x.astype(float), groups.t_x / unit, groups.T / unit
    ux, at_x = np.unique(groups.x, return_inverse=True)
    weight = groups.customers / groups.customers.sum()

    def value(logs: np.ndarray) -> tuple[float, np.ndarray]:
        params = r, alpha, s, beta = np.exp(logs)
        total, gradient = 0.0, np.zeros(4)
        counted, by_count = gammaln(r + ux) - gammaln(r), psi(r + ux) - psi(r)
        for rows in _in_turn(len(x)):
            own, w = x[rows], weight[rows]
            logged, times, part, logs_of = _left(params, own, t_x[rows], T[rows])
            stayed = -(r + own) * np.log(alpha + T[rows]) - s * np.log(beta + T[rows])
            left = np.log(s) + logged
            share = expit(left - stayed)
            stays = 1 - share
            total += w @ (counted[at_x[rows]] + np.logaddexp(stayed, left))
            mean_log_alpha, mean_log_beta = (part * logs_of[0]).sum(1), (part * logs_of[1]).sum(1)
            gradient += np.array([
                w @ (by_count[at_x[rows]] - stays * np.log(alpha + T[rows]) - share * mean_log_alpha),
                -(w @ ((r + own) * (stays / (alpha + T[rows]) + share * (part / (alpha + times)).sum(1)))),
                w @ (share / s - stays * np.log(beta + T[rows]) - share * mean_log_beta),
                -(w @ (stays * s / (beta + T[rows]) + share * (s + 1) * (part / (beta + times)).sum(1)))])
        total += r * np.log(alpha) + s * np.log(beta)
        gradient += np.array([np.log(alpha), r / alpha, np.log(beta), s / beta])
        return float(total), gradient * params

    return value


def log_gone(params: np.ndarray, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
    """Log of the odds of having left, after the history."""
    r, alpha, s, beta = params
    x, t_x, T = (np.asarray(values, float) for values in (x, t_x, T))
    found = np.empty(len(x))
    for rows in _in_turn(len(x)):
        found[rows] = np.log(s) + _left(params, x[rows], t_x[rows], T[rows])[0]
    return found + (r + x) * np.log(alpha + T) + s * np.log(beta + T)


def rate(params: np.ndarray, x: np.ndarray, T: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Orders a unit of time, t after the end of the history, of a customer who had not left at that end.

    Its integral is the closed form of Fader and Hardie (2005), which has no value at s = 1.
    """
    r, alpha, s, beta = params
    return (r + x) / (alpha + T) * ((beta + T) / (beta + T + t)) ** s


def pairs(params: np.ndarray, x: np.ndarray, T: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Density of an order at t together with one at any given time before it; see :func:`rate`."""
    r, alpha, s, beta = params
    return (r + x) * (r + x + 1) / (alpha + T) ** 2 * ((beta + T) / (beta + T + t)) ** s


def none(params: np.ndarray, x: np.ndarray, T: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Chance that a customer who had not left orders nothing within t: no order, or leaving comes before it."""
    r, alpha, s, beta = params
    x, T, t = (values.astype(float).ravel() for values in np.broadcast_arrays(x, T, t))
    silent = ((alpha + T) / (alpha + T + t)) ** (r + x) * ((beta + T) / (beta + T + t)) ** s
    leaves = np.empty(len(x))
    for rows in _in_turn(len(x)):
        leaves[rows] = _left((r, alpha, s, beta), x[rows], T[rows], T[rows] + t[rows])[0]
    return np.clip(silent + s * np.exp(leaves + (r + x) * np.log(alpha + T) + s * np.log(beta + T)), 0, 1)
