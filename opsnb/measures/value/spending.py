"""What a customer's orders are worth: Gamma-Gamma, which draws the mean of few orders in to that of all customers.

Fader and Hardie, The Gamma-Gamma Model of Monetary Value (2013); Colombo and Jiang (1999).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from opsnb.errors import NotMeasured
from opsnb.measures.intervals import z_of
from opsnb.measures.value.fitting import maximised, reach
from opsnb.measures.value.rhythms import Rhythms, rhythms

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.intervals import Day
    from opsnb.measures.value.fitting import Objective

NAMES = ("p", "q", "v")
LIMITS = ((1e-2, 1e3), (1e-2, 1e3), (1e-6, 1e6))  # v in parts of a typical order
LEAST_BUYERS = 30  # with a second purchase
ALIKE = 1e-3  # spread of the means, in parts of their mean, below which there is nothing to model
TIED = 0.3  # correlation of frequency and value from which the model's assumption is doubtful


@dataclass(frozen=True)
class Spending:
    """What orders are worth, fitted. ``correlation`` of frequency and mean value over the ``customers`` fitted: the model takes it for 0.

    ``left_out``: customers with a second purchase whose later orders are worth nothing, or less, once refunds are taken off.
    """

    params: dict[str, float]
    standard_errors: dict[str, float]
    log_likelihood: float
    correlation: float
    customers: int
    left_out: int
    covariance: np.ndarray  # of the logs of the parameters

    @property
    def independent(self) -> bool:
        """Is the correlation weak enough (below .3) for the model's assumption?"""
        return abs(self.correlation) < TIED

    @property
    def mean(self) -> float:
        """Mean value of an order over all customers, currency: v p / (q - 1)."""
        return mean_value(self.vector, np.zeros(1), np.zeros(1))[0]

    @property
    def vector(self) -> np.ndarray:
        return np.array([self.params[name] for name in NAMES])

    def expected_value(self, x: np.ndarray, mean_repeat: np.ndarray) -> np.ndarray:
        """Expected value of an order of customers who spent ``mean_repeat`` on each of ``x`` later purchases."""
        return mean_value(self.vector, x, mean_repeat)

    def intervals(self, level: float = 0.9) -> pd.DataFrame:
        """One row per parameter: ``parameter``, ``value``, ``standard_error``, ``low``, ``high``."""
        return parameter_table(NAMES, self.params, self.standard_errors, self.covariance, level)


def gamma_gamma(orders: Any, *, as_of: Day | None = None) -> Spending:
    """How much do customers spend an order, and how far does that differ between them?

    Input columns: user_id, ts, amount; order_id and refund where there are; up to ``as_of``, default the last day.

    Returns a :class:`Spending` with ``params`` p, q, v, ``standard_errors``, ``log_likelihood`` and the ``correlation`` to look at first.

    Formula: the value of an order varies around its customer's mean as gamma(p), and the customers' scales as gamma(q, v); a customer is
    known by the number of purchases after the first day and their mean value, refunds since the second purchase taken off. The first
    purchase is left out: it is often unlike the others. Fader and Hardie (2013), likelihood 1a. Maximum likelihood; standard errors from
    the observed information.

    Raises NotMeasured with fewer than 30 customers who came back, where all orders are worth the same, and where the likelihood has no
    maximum, e.g. where one customer's orders dwarf all others'.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"user_id": list("aabb"), "amount": 9.0, "ts": pd.to_datetime(["2025-01-01", "2025-02-01"] * 2)})
    >>> gamma_gamma(orders)
    Traceback (most recent call last):
    opsnb.errors.NotMeasured: the value of an order cannot be modelled: 2 customers came back and paid, at least 30 are needed
    """
    return modelled(rhythms(orders, as_of=as_of)[1])


def modelled(found: Rhythms) -> Spending:
    """:func:`gamma_gamma` of rhythms."""
    again = found.x > 0
    fit = again & (found.repeat_value > 0)
    customers, left_out = int(fit.sum()), int((again & ~fit).sum())
    if customers < LEAST_BUYERS:
        raise NotMeasured(f"the value of an order cannot be modelled: {customers} customers came back and paid, at least {LEAST_BUYERS} are needed")
    x, mean = found.x[fit].astype(float), found.mean_repeat[fit]
    typical = float(np.average(mean, weights=x))
    if all_alike(found):
        raise NotMeasured("the value of an order cannot be modelled: all orders are worth about the same, so their mean says it all")
    varied = x.std() > 0
    fitted = maximised(objective(x, mean / typical), ((4.0, 4.0, 1.0), (1.0, 3.0, 2.0), (10.0, 2.0, 0.2)), customers,
                       limits=LIMITS, what="Gamma-Gamma")
    logs = fitted.logs + np.array([0.0, 0.0, np.log(typical)])  # v is in currency; the fit was in parts of the typical order
    params = np.exp(logs)
    if params[1] <= 1:
        raise NotMeasured("the value of an order cannot be modelled: a few customers spend so much that the mean never settles")
    errors = params * np.sqrt(np.diag(fitted.covariance))
    return Spending(dict(zip(NAMES, map(float, params), strict=True)), dict(zip(NAMES, map(float, errors), strict=True)),
                    fitted.log_likelihood - customers * np.log(typical), float(np.corrcoef(x, mean)[0, 1]) if varied else 0.0,
                    customers, left_out, fitted.covariance)


def all_alike(found: Rhythms) -> bool:
    """Are all customers' mean repeat orders worth about the same, so that there is nothing to model?"""
    mean = found.mean_repeat[(found.x > 0) & (found.repeat_value > 0)]
    return bool(len(mean)) and float(mean.std()) < ALIKE * float(mean.mean())


def objective(x: np.ndarray, mean: np.ndarray) -> Objective:
    """Log likelihood a customer and its gradient, by the logs of p, q, v."""
    from scipy.special import gammaln, psi

    ux, at_x, many = np.unique(x, return_inverse=True, return_counts=True)
    log_mean, log_x, total = np.log(mean), float((np.log(ux) * ux) @ many), x * mean
    size = len(x)
    of_mean = float(x @ log_mean)

    def value(logs: np.ndarray) -> tuple[float, np.ndarray]:
        p, q, v = np.exp(logs)
        shape = p * ux + q
        log_scale = np.log(v + total)
        found = (many @ (gammaln(shape) - gammaln(p * ux)) - size * gammaln(q) + size * q * np.log(v) + p * of_mean - log_mean.sum()
                 + p * log_x - shape[at_x] @ log_scale)
        by_p = many @ (ux * (psi(shape) - psi(p * ux))) + of_mean + log_x - x @ log_scale
        by_q = many @ psi(shape) - size * psi(q) + size * np.log(v) - log_scale.sum()
        by_v = size * q / v - (shape[at_x] / (v + total)).sum()
        return float(found) / size, np.array([p * by_p, q * by_q, v * by_v]) / size

    return value


def mean_value(params: np.ndarray, x: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Expected value of an order: p (v + x mean) / (p x + q - 1), equation 5; a mean below 0, where refunds won, counts as 0."""
    p, q, v = params
    return p * (v + x * np.maximum(np.nan_to_num(mean), 0)) / (p * x + q - 1)


def second_moments(params: np.ndarray, x: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """E[Z²] of an order's value, and E[Z Z'] of two orders of the same customer; where they are infinite, those of a shape just above."""
    p, q, v = params
    shape = np.maximum(p * x + q, 2.2)
    scale = v + x * np.maximum(np.nan_to_num(mean), 0)
    spread = scale**2 / ((shape - 1) * (shape - 2))
    return p * (p + 1) * spread, p * p * spread


def parameter_table(names: tuple[str, ...], params: dict[str, float], errors: dict[str, float], covariance: np.ndarray,
                    level: float) -> pd.DataFrame:
    """Parameters with standard errors and intervals, one row each."""
    import pandas as pd

    z_of(level)
    values = np.array([params[name] for name in names])
    low, high = reach(np.log(values), covariance, level)
    return pd.DataFrame({"parameter": names, "value": values, "standard_error": [errors[name] for name in names], "low": low, "high": high})
