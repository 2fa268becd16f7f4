"""Maximum likelihood for a handful of positive parameters, with standard errors and a refusal instead of a bad answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from opsnb.errors import NotMeasured
from opsnb.measures.intervals import z_of

# the logs of the parameters -> log likelihood a customer, and its gradient in those logs
Objective = Callable[[np.ndarray], tuple[float, np.ndarray]]

FLAT = 1e-7  # curvature a customer below which the data does not tell a parameter
STEP = 1e-4
AT_LIMIT = 1e-3  # distance from a limit, in the log, that is none


class Fitted(NamedTuple):
    """``logs``: of the parameters, at the maximum; ``covariance`` of them; ``log_likelihood`` of all customers; ``at_limit``: places of
    parameters that stopped at the end of what is allowed, whose variance is 0."""

    logs: np.ndarray
    covariance: np.ndarray
    log_likelihood: float
    at_limit: tuple[int, ...]


def maximised(objective: Objective, starts: Sequence[Sequence[float]], customers: int, *, limits: Sequence[tuple[float, float]], what: str,
              rough: Objective | None = None) -> Fitted:
    """The parameters under which the data is likeliest, between their ``limits``, from the best of several ``starts``.

    ``rough``: the same objective on a sample, to walk most of the way where the whole is dear; the last steps are of the whole,
    in the directions that the sample gives.
    Formula: L-BFGS-B on the logs, then Newton's steps; covariance = inverse of the observed information (Hessian by central differences of
    the gradient). One parameter may stop at its limit, as it does where customers hardly differ in one respect; it is then taken as given.

    Raises NotMeasured, saying ``what`` could not be fitted, where several run to their limits, the curvature tells nothing, or no step helps.
    """
    from scipy.optimize import minimize

    near, ends = rough or objective, np.log(np.array(limits, float))
    best = None
    for start in starts:
        found = minimize(lambda logs: _turned(near(logs)), np.clip(np.log(start), ends[:, 0] + 1, ends[:, 1] - 1), jac=True, method="L-BFGS-B",
                         bounds=ends, options={"maxiter": 500, "ftol": 1e-12, "gtol": 1e-6})
        if np.isfinite(found.fun) and (best is None or found.fun < best.fun - 1e-9):
            best = found
        if best is not None and best.success and not _stopped(best.x, ends).any():
            break
    stopped = np.ones(len(ends), bool) if best is None else _stopped(best.x, ends)
    if stopped.sum() > 1:
        raise NotMeasured(f"{what} cannot be fitted: its parameters run away, so these customers do not vary in the way that it describes")
    free, logs = np.flatnonzero(~stopped), best.x
    for _ in range(40):
        value, gradient = objective(logs)
        curved = _told_apart(_curvature(near, logs, free), what)
        step = np.zeros(len(logs))
        step[free] = np.linalg.solve(curved, gradient[free])
        if gradient @ step * customers < 1e-9:  # twice what is still to be gained in log likelihood
            curved = curved if rough is None else _told_apart(_curvature(objective, logs, free), what)
            covariance = np.zeros((len(logs), len(logs)))
            covariance[np.ix_(free, free)] = np.linalg.inv(curved) / customers
            return Fitted(logs, covariance, value * customers, tuple(np.flatnonzero(stopped).tolist()))
        step *= min(1.0, 0.5 / np.abs(step).max())
        while objective(logs + step)[0] < value and np.abs(step).max() > 1e-8:
            step = step / 2
        logs = logs + step
        if _stopped(logs[free], ends[free]).any():
            break
    raise NotMeasured(f"{what} cannot be fitted: the search for its parameters does not settle")


def _stopped(logs: np.ndarray, ends: np.ndarray) -> np.ndarray:
    return (logs <= ends[:, 0] + AT_LIMIT) | (logs >= ends[:, 1] - AT_LIMIT)


def _turned(found: tuple[float, np.ndarray]) -> tuple[float, np.ndarray]:
    value, gradient = found
    return (-value, -gradient) if np.isfinite(value) and np.isfinite(gradient).all() else (1e10, np.zeros_like(gradient))


def _told_apart(curved: np.ndarray, what: str) -> np.ndarray:
    if not np.isfinite(curved).all() or np.linalg.eigvalsh(curved).min() < FLAT:
        raise NotMeasured(f"{what} cannot be fitted: these customers do not tell its parameters apart")
    return curved


def _curvature(objective: Objective, logs: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Minus the second derivatives in the parameters that are free."""
    columns = []
    for step in STEP * np.eye(len(logs))[free]:
        columns.append((objective(logs - step)[1] - objective(logs + step)[1])[free] / (2 * STEP))
    found = np.array(columns)
    return (found + found.T) / 2


def reach(logs: np.ndarray, covariance: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Interval of each parameter: Wald's, on the scale of the log, so that it stays above 0; null for one at its limit."""
    spread = np.sqrt(np.diag(covariance))
    half = z_of(level) * np.where(spread > 0, spread, np.nan)
    return np.exp(logs - half), np.exp(logs + half)
