"""How good a prediction is: learnt in earlier windows, checked in a later one, never shuffled across time. No topic of its own.

A **window** begins at the end of a day, lasts ``horizon`` days, and asks of every user known then whether something happened to them in it.
What is known of them ends with that day. The last window that is over is the check; what is used today has learnt from it, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from opsnb.errors import NotMeasured, ParameterError, nearest
from opsnb.measures.intervals import wilson, z_of

if TYPE_CHECKING:
    import pandas as pd

Model = Literal["logistic", "boosted"]

LEAST = 10  # users to whom it happened, and to whom it did not, in either window
RIDGE, STEPS = 1.0, 50  # of the logistic regression: penalty, and most Newton steps
LEARNT_FROM, LEAST_OF_EACH = 200_000, 1000  # rows of earlier windows from which is learnt; of the rarer outcome, so many are wanted among them


class Window(NamedTuple):
    """The users known at a window's beginning: what a model may know of them, a row each; the rule's raw score, higher: likelier; did it happen."""

    points: np.ndarray
    raw: np.ndarray
    happened: np.ndarray


class Check(NamedTuple):
    """What :func:`checked` returns. ``quality``, ``deciles``, ``calibration``: frames; ``used``: "rule" or the model's name; ``chances``: of each
    user of the check window, by the score that is used; ``now``: of each user of today."""

    quality: pd.DataFrame
    deciles: pd.DataFrame
    calibration: pd.DataFrame
    used: str
    chances: np.ndarray
    now: np.ndarray


def checked(windows: Sequence[Window], today: Window, *, model: Model = "logistic", level: float = 0.95, random_state: int = 0) -> Check:
    """A simple rule and a model beside each other: both learn in all windows but the first and are checked in the first, the newest one.

    ``windows``: at least two, newest first. ``today``: the users to be scored; ``happened`` of it is not looked at.

    Frames of the check window. ``quality``, one row per score, the rule first: ``score``; ``users``; ``happened``; ``rate`` of all; ``expected``,
    so many were to be expected by the score; ``auc`` with ``auc_low``, ``auc_high``; ``lift`` of the top decile with ``lift_low``, ``lift_high``,
    and ``lift_most``, which it would have if none but those to whom it happened were in it; ``brier``, mean squared error of the chances;
    ``gain``: AUC less the rule's, with ``gain_low``, ``gain_high``; ``used``. ``deciles``: :func:`deciles` of the score that is used;
    ``calibration``: its :func:`calibration`.

    Formula: AUC, the chance that one to whom it happened scores higher than one to whom it did not, ties half; its interval and that of the
    difference of two on the same users by DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988) 837. The rule's raw score is made a
    chance by isotonic regression (pool adjacent violators). The model is used where gain_low > 0, else the rule. Chances of today come
    from the same score, learnt anew in all windows. Of more than 200,000 rows a seeded sample is learnt from, large enough to hold some
    1,000 of the rarer outcome; all are scored.

    Raises NotMeasured where fewer than 10 users of the earlier or of the later window had it happen, or had it not; ParameterError for an
    unknown model.
    """
    import pandas as pd

    if model not in MODELS:
        raise ParameterError(f"model '{model}' is not one; {nearest(model, MODELS)}")
    z_of(level)
    newest, earlier = windows[0], _stacked(windows[1:], random_state)
    for window in (newest, earlier):
        hits, users = int(window.happened.sum()), len(window.happened)
        if min(hits, users - hits) < LEAST:
            raise NotMeasured(f"too few to learn from: what is foretold came true for {hits} of {users} users in one of the windows; {LEAST} of either "
                              f"kind are needed")
    fit = MODELS[model]
    chances = {"rule": isotonic(earlier.raw, earlier.happened, newest.raw),
               model: fit(earlier.points, earlier.happened, newest.points, random_state)}
    raw = {"rule": newest.raw, model: chances[model]}
    gain, gain_low, gain_high = auc_gain(newest.happened, raw[model], raw["rule"], level=level)
    used = model if gain_low > 0 else "rule"
    rows, rate = [], newest.happened.mean()
    for name, chance in chances.items():
        top = deciles(newest.happened, raw[name], level=level).iloc[0]
        rows.append((name, len(chance), int(newest.happened.sum()), rate, chance.sum(),
                     *auc(newest.happened, raw[name], level=level), top["lift"], top["lift_low"], top["lift_high"],
                     min(newest.happened.sum() / top["users"], 1.0) / rate, ((chance - newest.happened) ** 2).mean(),
                     *((0.0, np.nan, np.nan) if name == "rule" else (gain, gain_low, gain_high)), name == used))
    whole = _stacked(windows, random_state)
    now = isotonic(whole.raw, whole.happened, today.raw) if used == "rule" else fit(whole.points, whole.happened, today.points, random_state)
    return Check(pd.DataFrame(rows, columns=["score", "users", "happened", "rate", "expected", "auc", "auc_low", "auc_high", "lift", "lift_low", "lift_high",
                                             "lift_most", "brier", "gain", "gain_low", "gain_high", "used"]),
                 deciles(newest.happened, raw[used], level=level), calibration(newest.happened, chances[used], level=level), used, chances[used], now)


def no_better_than_a_coin(quality: pd.DataFrame) -> bool:
    """Whether the score that is used has shown nothing: the interval of its AUC in the check window reaches one half. Takes ``quality`` of
    :func:`checked`."""
    return not quality.loc[quality["used"], "auc_low"].iloc[0] > 0.5


def _stacked(windows: Sequence[Window], random_state: int) -> Window:
    """The windows as one; of very many rows a sample, which tells users apart as well as all would."""
    whole = Window(*(np.concatenate(column) for column in zip(*windows, strict=True)))
    rows, hits = len(whole.happened), int(whole.happened.sum())
    size = max(LEARNT_FROM, -(-LEAST_OF_EACH * rows // max(min(hits, rows - hits), 1)))
    if size >= rows:
        return whole
    drawn = np.sort(np.random.default_rng(random_state).choice(rows, size, replace=False))
    return Window(*(column[drawn] for column in whole))


# How good a score is -----------------------------------------------------------------------------------------------------

def auc(happened: np.ndarray, score: np.ndarray, *, level: float = 0.95) -> tuple[float, float, float]:
    """Chance that one to whom it happened scores higher than one to whom it did not (ties half), with its interval.

    Null where it happened to all or to nobody. DeLong et al., Biometrics 44 (1988) 837, by ranks: Sun and Xu, IEEE SPL 21 (2014) 1389.

    >>> auc(np.array([True, False, True, False]), np.array([.9, .4, .4, .1]))[0]
    0.875
    """
    (value,), (variance,), _ = _areas(happened, [score])
    half = z_of(level) * np.sqrt(variance)
    return float(value), float(max(value - half, 0.0)), float(min(value + half, 1.0))


def auc_gain(happened: np.ndarray, score: np.ndarray, other: np.ndarray, *, level: float = 0.95) -> tuple[float, float, float]:
    """By how much the AUC of ``score`` is above that of ``other`` on the same users, with its interval (DeLong, paired)."""
    (one, two), variance, both = _areas(happened, [score, other])
    half = z_of(level) * np.sqrt(max(variance[0] + variance[1] - 2 * both, 0.0))
    return float(one - two), float(one - two - half), float(one - two + half)


def _areas(happened: np.ndarray, scores: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, float]:
    """AUC and variance of each score, and the covariance of the first with the last."""
    hit = np.asarray(happened, bool)
    m, n = int(hit.sum()), int((~hit).sum())
    if not m or not n:
        return np.full(len(scores), np.nan), np.full(len(scores), np.nan), np.nan
    ahead = [(_midranks(score)[hit] - _midranks(score[hit])) / n for score in scores]  # per hit, the share of others below it
    below = [1 - (_midranks(score)[~hit] - _midranks(score[~hit])) / m for score in scores]
    of_hits, of_others = (np.cov(parts, ddof=1).reshape(len(scores), -1) if size > 1 else np.full((len(scores),) * 2, np.nan)
                          for parts, size in ((ahead, m), (below, n)))
    spread = of_hits / m + of_others / n
    return np.array([part.mean() for part in ahead]), np.diag(spread), float(spread[0, -1])


def _midranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1 on, equal values sharing their middle one."""
    _, where, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[where]


def deciles(happened: np.ndarray, score: np.ndarray, *, level: float = 0.95) -> pd.DataFrame:
    """Users by score, highest first, in ten parts of (almost) one size: how often did it happen in each?

    One row per part that has a user. Output columns: ``decile``, 1 the highest scores; ``users``; ``happened``; ``rate``; ``low``, ``high``:
    Wilson's interval; ``lift`` = rate / rate of all, with ``lift_low``, ``lift_high``: the rate's interval over the rate of all, which is taken
    as known; ``caught``, share of all to whom it happened in this part and those above it. Of equal scores the earlier row comes first.

    >>> deciles(np.array([1, 1, 0, 0, 0] * 4), np.array([9, 8, 3, 2, 1] * 4))[["decile", "users", "happened", "lift", "caught"]].head(2)
       decile  users  happened  lift  caught
    0       1      2         2   2.5    0.25
    1       2      2         2   2.5    0.50
    """
    import pandas as pd

    hit = np.asarray(happened, float)[np.argsort(-np.asarray(score, float), kind="stable")]
    edges = np.unique(np.ceil(np.arange(11) * len(hit) / 10).astype(int))
    users, hits = np.diff(edges), np.diff(np.append(0.0, hit.cumsum())[edges])
    total, (low, high) = hit.sum(), wilson(hits, users, level)
    base = total / len(hit) if total else np.nan
    return pd.DataFrame({"decile": np.arange(len(users)) + 1, "users": users, "happened": hits.astype(int), "rate": hits / users, "low": low,
                         "high": high, "lift": hits / users / base, "lift_low": low / base, "lift_high": high / base,
                         "caught": hits.cumsum() / total if total else np.full(len(users), np.nan)})


def calibration(happened: np.ndarray, chance: np.ndarray, *, bins: int = 10, level: float = 0.95) -> pd.DataFrame:
    """Does what was given a chance of 30% happen in 30 of 100 cases?

    One row per part of the users, lowest chance first, ten parts of about one size; equal chances stay together, so there may be fewer.
    Output columns: ``part``; ``users``; ``expected_rate``, mean chance, 0 to 1; ``happened``; ``rate``; ``low``, ``high``: Wilson's interval.

    >>> calibration(np.array([0, 0, 0, 1]), np.array([.25] * 4))[["users", "expected_rate", "happened", "rate"]]
       users  expected_rate  happened  rate
    0      4           0.25         1  0.25
    """
    import pandas as pd

    chance, hit = np.asarray(chance, float), np.asarray(happened, float)
    order = np.argsort(chance, kind="stable")
    chance, hit = chance[order], hit[order]
    edges = np.unique(np.searchsorted(chance, chance[np.arange(bins) * len(chance) // bins]))
    users = np.diff(np.append(edges, len(chance)))
    hits = np.add.reduceat(hit, edges)
    low, high = wilson(hits, users, level)
    return pd.DataFrame({"part": np.arange(len(users)) + 1, "users": users, "expected_rate": np.add.reduceat(chance, edges) / users,
                         "happened": hits.astype(int), "rate": hits / users, "low": low, "high": high})


# Learning ----------------------------------------------------------------------------------------------------------------

def isotonic(raw: np.ndarray, happened: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """The chance that goes with a raw score, never falling as the score rises: pool adjacent violators, linear between the pools' means.

    Ayer et al., Annals of Mathematical Statistics 26 (1955) 641. A pool's rate is (hits + rate of all) / (users + 1), so that none is
    exactly 0 or 1.

    >>> isotonic(np.array([1., 2, 3, 4]), np.array([0, 1, 0, 1]), np.array([0., 2.5, 9])).round(3)
    array([0.25, 0.5 , 0.75])
    """
    values, where, count = np.unique(raw, return_inverse=True, return_counts=True)
    hits = np.bincount(where, np.asarray(happened, float), minlength=len(values))
    pools: list[list[float]] = []  # hits, users, sum of raw scores
    for one, size, value in zip(hits, count, values, strict=True):
        pools.append([one, size, value * size])
        while len(pools) > 1 and pools[-2][0] * pools[-1][1] >= pools[-1][0] * pools[-2][1]:
            last = pools.pop()
            pools[-1] = [before + own for before, own in zip(pools[-1], last, strict=True)]
    hits, users, total = np.array(pools).T
    rate = hits.sum() / users.sum()
    return np.interp(asked, total / users, np.maximum.accumulate((hits + rate) / (users + 1)))


def logistic(points: np.ndarray, happened: np.ndarray, asked: np.ndarray, random_state: int = 0) -> np.ndarray:
    """Chances by logistic regression on standardised columns with a ridge penalty of 1 on all but the constant.

    The same fit as scikit-learn's LogisticRegression(C=1), by Newton's steps: importing that costs a page four seconds.
    """
    middle, spread = points.mean(axis=0), points.std(axis=0)
    spread = np.where(spread > 1e-9, spread, np.inf)
    x = np.column_stack([np.ones(len(points)), (points - middle) / spread])
    penalty = np.append(0.0, np.full(x.shape[1] - 1, RIDGE))
    weights, y = np.zeros(x.shape[1]), np.asarray(happened, float)
    loss = np.inf
    for _ in range(STEPS):
        chance = _sigmoid(x @ weights)
        step = np.linalg.solve((x * (chance * (1 - chance))[:, None]).T @ x + np.diag(penalty + 1e-9), x.T @ (y - chance) - penalty * weights)
        size, tried = 1.0, np.inf
        while size > 1e-4 and (tried := _loss(x, y, weights + size * step, penalty)) > loss:
            size /= 2
        weights = weights + size * step
        if abs(loss - tried) < 1e-9 * (1 + abs(tried)):
            break
        loss = tried
    return _sigmoid(np.column_stack([np.ones(len(asked)), (asked - middle) / spread]) @ weights)


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(values, -35, 35)))


def _loss(x: np.ndarray, y: np.ndarray, weights: np.ndarray, penalty: np.ndarray) -> float:
    value = x @ weights
    return float((np.logaddexp(0, value) - y * value).sum() + 0.5 * (penalty * weights**2).sum())


def boosted(points: np.ndarray, happened: np.ndarray, asked: np.ndarray, random_state: int = 0) -> np.ndarray:
    """Chances by gradient-boosted trees, scikit-learn's HistGradientBoostingClassifier: small trees, slowly."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    made: Any = HistGradientBoostingClassifier(max_iter=80, learning_rate=0.07, max_leaf_nodes=8, min_samples_leaf=20, l2_regularization=1.0,
                                               early_stopping=False, random_state=random_state)
    return made.fit(points, np.asarray(happened, bool)).predict_proba(asked)[:, 1]


MODELS = {"logistic": logistic, "boosted": boosted}
