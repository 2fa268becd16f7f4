"""Maximum likelihood for a handful of positive parameters, with standard errors and a refusal instead of a bad answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from opsnb.errors import NotMeasured
from opsnb.measures.intervals import z_of

# the logs of the parameters -> log likelihood a customer, and its gradient in those logs
Objective = Callable[[np.ndarray], tuple[float, np.ndarray]]

FARTHEST = 11.5  # a parameter below e^-11.5 = .00001 or above e^11.5 = 100,000 has run away
FLAT = 1e-7  # curvature a customer below which the data does not tell a parameter
STEP = 1e-4


class Fitted(NamedTuple):
    """``logs``: of the parameters, at the maximum; ``covariance`` of them; ``log_likelihood`` of all customers."""

    logs: np.ndarray
    covariance: np.ndarray
    log_likelihood: float


def maximised(objective: Objective, starts: Sequence[Sequence[float]], customers: int, *, what: str,
              rough: Objective | None = None) -> Fitted:
    """The parameters under which the data is likeliest, from the best of several ``starts``.

    ``rough``: the same objective on a sample, to walk most of the way where the whole is dear; the last steps are of the whole.
    Formula: L-BFGS-B on the logs, then Newton's steps; covariance = inverse of the observed information (Hessian by central differences of
    the gradient).

    Raises NotMeasured, saying ``what`` could not be fitted, where a parameter runs away, the curvature tells nothing, or no step helps.
    """
    from scipy.optimize import minimize

    near = rough or objective
    best = None
    for start in starts:
        found = minimize(lambda logs: _turned(near(logs)), np.log(start), jac=True, method="L-BFGS-B",
                         bounds=[(-FARTHEST - 1, FARTHEST + 1)] * len(start), options={"maxiter": 500, "ftol": 1e-12, "gtol": 1e-6})
        if np.isfinite(found.fun) and (best is None or found.fun < best.fun - 1e-9):
            best = found
        if best is not None and np.abs(best.x).max() < FARTHEST and best.success:
            break
    if best is None or np.abs(best.x).max() >= FARTHEST:
        raise NotMeasured(f"{what} cannot be fitted: its parameters run away, so these customers do not vary in the way that it describes")
    logs = best.x
    for _ in range(12):
        value, gradient = objective(logs)
        curved = _curvature(objective, logs)
        if not np.isfinite(curved).all() or np.linalg.eigvalsh(curved).min() < FLAT:
            raise NotMeasured(f"{what} cannot be fitted: these customers do not tell its parameters apart")
        step = np.linalg.solve(curved, gradient)
        if gradient @ step * customers < 1e-9:  # twice what is still to be gained in log likelihood
            return Fitted(logs, np.linalg.inv(curved) / customers, value * customers)
        step *= min(1.0, 0.5 / np.abs(step).max())
        while objective(logs + step)[0] < value and np.abs(step).max() > 1e-8:
            step = step / 2
        logs = logs + step
        if np.abs(logs).max() >= FARTHEST:
            break
    raise NotMeasured(f"{what} cannot be fitted: the search for its parameters does not settle")


def _turned(found: tuple[float, np.ndarray]) -> tuple[float, np.ndarray]:
    value, gradient = found
    return (-value, -gradient) if np.isfinite(value) and np.isfinite(gradient).all() else (1e10, np.zeros_like(gradient))


def _curvature(objective: Objective, logs: np.ndarray) -> np.ndarray:
    """Minus the second derivatives."""
    columns = []
    for place in range(len(logs)):
        step = np.zeros(len(logs))
        step[place] = STEP
        columns.append((objective(logs - step)[1] - objective(logs + step)[1]) / (2 * STEP))
    found = np.array(columns)
    return (found + found.T) / 2


def reach(logs: np.ndarray, covariance: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Interval of each parameter: Wald's, on the scale of the log, so that it stays above 0."""
    half = z_of(level) * np.sqrt(np.diag(covariance))
    return np.exp(logs - half), np.exp(logs + half)
