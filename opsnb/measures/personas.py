"""Personas: groups of customers alike in recency, frequency and order value, found by k-means and named by what sets them apart.

How many groups there are is read off a panel (elbow, silhouette, gap, stability, smallest group), and where no number of groups would
survive another sample there are none. k-means is written out here: three columns need no library, and equal input gives equal bits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from opsnb.errors import InputError, NotMeasured, ParameterError, nearest

if TYPE_CHECKING:
    import pandas as pd

FEATURES = ("recency_days", "frequency", "monetary_value")
ALL_FITTED = 200_000  # above this many customers the groups are found on a sample of SAMPLE and everyone is assigned
SAMPLE = 100_000
PANEL = 10_000  # rows of the panel
MOST = 8
RESTARTS, FITS = 5, 3  # of the groups kept, of those of the panel
RESAMPLES = 20
CLOUDS, CLOUD = 10, 2000
STABLE = 0.6
SMALLEST = 0.02  # share of customers
FEWEST = 20  # customers in a group

# What each feature is called from its lowest to its highest level: parts of names, which views translate.
LEVELS = {
    "recency_days": ("active-now", "recent", "some-time-ago", "long-ago", "very-long-ago"),
    "frequency": ("once", "seldom", "regular", "frequent", "very-frequent"),
    "monetary_value": ("very-small-orders", "small-orders", "medium-orders", "big-orders", "very-big-orders"),
}
SPLITS = {"recency_days": ("more-recent", "less-recent"), "frequency": ("less-often", "more-often"),
          "monetary_value": ("less-money", "more-money")}
PARTS: tuple[str, ...] = tuple(part for parts in (*LEVELS.values(), *SPLITS.values()) for part in parts)


class NoPersonas(NotMeasured):
    """These customers form no groups; ``panel`` shows what was tried."""

    def __init__(self, reason: str, panel: pd.DataFrame | None = None):
        self.panel = panel
        super().__init__(reason)


@dataclass(frozen=True)
class Personas:
    """``frame``: user_id, persona. ``summary``: one row per persona, biggest revenue first. ``panel``: one row per number of groups tried.

    ``k``: number of groups; ``stability``: mean Jaccard likeness of the least stable one to its like in other samples, 0 to 1.
    """

    frame: pd.DataFrame
    summary: pd.DataFrame
    panel: pd.DataFrame
    k: int
    stability: float


def personas(rfm: pd.DataFrame, *, k: int | None = None, random_state: int = 0) -> Personas:
    """Which kinds of customers there are, who belongs to which, and how far that can be trusted.

    Input columns: those of :func:`opsnb.measures.segments.rfm` (user_id, recency_days, frequency, monetary_value, revenue).
    ``k``: number of groups; default: chosen from the panel.

    Output: :class:`Personas`. ``frame``, one row per customer: ``user_id``, ``persona``, a key such as
    ``active-now-frequent-big-orders``. ``summary``, one row per persona: ``persona``; ``parts``, the tuple of which the key is made;
    ``users``; ``share``; ``revenue``, currency; ``revenue_share``; ``recency_days``, median; ``frequency``, mean orders;
    ``monetary_value``, mean order value, currency; ``apart``, the feature that sets it apart most; ``recency_effect``,
    ``frequency_effect``, ``monetary_effect``: mean less everybody's mean, in standard deviations of log1p; ``stability``. ``panel``, one
    row per k: ``k``; ``inertia``; ``elbow``; ``silhouette``; ``gap``, ``gap_error``; ``stability``; ``smallest``, share of the smallest
    group; ``allowed``: stable and no group too small; ``chosen``.

    Formula: k-means on log1p of the three features, standardised; above 200,000 customers on a sample of 100,000, everyone assigned. The
    panel, on 10,000 customers: elbow, distance of log(inertia) below the line from the first k to the last; silhouette, Rousseeuw 1987;
    gap, log(inertia) of one normal cloud of the same covariance less that of the customers (Tibshirani 2001, with the reference of Liu
    2008), with its error; stability, mean Jaccard likeness of the least stable group over 20 bootstrap samples, Hennig 2007. Allowed:
    stability from .6, gap above two errors, at least 2% and 20 customers in each group. Chosen: the largest sum of elbow, silhouette and
    stability, each as a share of the best one allowed. Names: each feature's level against all customers (cuts at -1, -.35, .35 and 1
    standard deviations; once: a median of one order), the middle level left out.

    Raises NoPersonas, a NotMeasured that carries the panel, where no k (or not the one asked for) is allowed; ParameterError for a k
    below 2 or above 8; InputError for a missing column.

    >>> import pandas as pd
    >>> loyal, gone = np.arange(60), np.arange(60)
    >>> rfm = pd.DataFrame({"user_id": [f"u{i}" for i in range(120)], "recency_days": np.r_[loyal % 7 + 1, gone % 50 + 300],
    ...                     "frequency": np.r_[loyal % 4 + 12, gone % 2 + 1], "monetary_value": 50.0 + np.r_[loyal, gone] % 9})
    >>> rfm["revenue"] = rfm["frequency"] * rfm["monetary_value"]
    >>> personas(rfm, k=2).summary[["persona", "users"]]
               persona  users
    0  recent-frequent     60
    1  long-ago-seldom     60
    """
    import pandas as pd

    for column in ("user_id", *FEATURES, "revenue"):
        if column not in rfm.columns:
            raise InputError(f"rfm: no column '{column}'; {nearest(column, rfm.columns)}")
    if k is not None and not 2 <= k <= MOST:
        raise ParameterError(f"k = {k}; allowed: 2 to {MOST}")
    random = np.random.default_rng(random_state)
    points, shaping = _points(rfm)
    fitted = points[shaping]
    if not fitted.any():
        raise NoPersonas("all customers are alike in recency, frequency and order value")
    if len(fitted) < FEWEST * (k or 2):
        raise NoPersonas(f"{len(fitted)} customers are too few for {k or 2} groups of at least {FEWEST}")
    tried = _sampled(fitted, PANEL, random)
    panel = _panel(tried, [k] if k else list(range(2, min(MOST, len(fitted) // FEWEST) + 1)), random)
    best = _chosen(panel, k)
    panel["chosen"] = panel["k"] == best
    centres = kmeans(fitted if len(fitted) <= ALL_FITTED else _sampled(fitted, SAMPLE, random), best, random).centres
    group = assigned(points, centres)
    likeness = _stability(tried, centres, random)
    summary = _summary(rfm, points, group, likeness)
    names = summary.sort_values("group")["persona"].to_numpy()
    return Personas(pd.DataFrame({"user_id": rfm["user_id"].to_numpy(), "persona": names[group]}),
                    summary.drop(columns="group"), panel, best, float(panel["stability"][panel["chosen"]].iloc[0]))


def _points(rfm: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Standardised log1p features, one column each, and which customers shape the groups. A feature that does not vary is 0.

    Customers whose refunds ate up their orders stand apart from all others on the log scale, without being a kind of their own: they take
    the lowest value among the others and only join the group nearest to them.
    """
    values = rfm[list(FEATURES)].to_numpy(float)
    paid = values[:, 2] > 0
    shaping = paid if paid.any() else np.ones(len(values), bool)
    values = np.log1p(np.maximum(values, values[shaping].min(axis=0)).clip(min=0))
    middle, spread = values[shaping].mean(axis=0), values[shaping].std(axis=0)
    return (values - middle) / np.where(spread > 1e-9, spread, np.inf), shaping


def _sampled(points: np.ndarray, size: int, random: np.random.Generator) -> np.ndarray:
    return points if len(points) <= size else points[np.sort(random.choice(len(points), size, replace=False))]


class Groups(NamedTuple):
    """``inertia``: sum of squared distances to the own centre."""

    centres: np.ndarray
    group: np.ndarray
    inertia: float


def kmeans(points: np.ndarray, k: int, random: np.random.Generator, *, restarts: int = RESTARTS) -> Groups:
    """The best of some k-means fits: seeds far apart (k-means++, Arthur and Vassilvitskii 2007), then Lloyd's steps until nothing moves.

    >>> kmeans(np.array([[0.0], [0.2], [5.0], [5.2]]), 2, np.random.default_rng(0)).centres.round(1).ravel().tolist()
    [0.1, 5.1]
    """
    found = min((_lloyd(points, _seeds(points, k, random)) for _ in range(restarts)), key=lambda groups: groups.inertia)
    order = np.lexsort(found.centres.T[::-1])
    return Groups(found.centres[order], np.argsort(order)[found.group], found.inertia)


def _seeds(points: np.ndarray, k: int, random: np.random.Generator) -> np.ndarray:
    chosen = [points[random.integers(len(points))]]
    far = np.full(len(points), np.inf)
    for _ in range(k - 1):
        far = np.minimum(far, ((points - chosen[-1]) ** 2).sum(axis=1))
        total = np.cumsum(far)
        chosen.append(points[min(np.searchsorted(total, random.random() * total[-1], side="right"), len(points) - 1)])
    return np.array(chosen)


def _lloyd(points: np.ndarray, centres: np.ndarray, steps: int = 100) -> Groups:
    group = np.full(len(points), -1)
    for _ in range(steps):
        before, group = group, assigned(points, centres)
        if (group == before).all():
            break
        size = np.bincount(group, minlength=len(centres))
        sums = np.column_stack([np.bincount(group, points[:, column], minlength=len(centres)) for column in range(points.shape[1])])
        centres = np.where(size[:, None] > 0, sums / np.maximum(size, 1)[:, None], centres)
    return Groups(centres, group, float(((points - centres[group]) ** 2).sum()))


def assigned(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The nearest centre of every point; in slices, so that millions of points cost little memory."""
    constant = (centres**2).sum(axis=1)
    return np.concatenate([np.argmin(constant - 2 * points[low:low + 65536] @ centres.T, axis=1) for low in range(0, len(points), 65536)])


def _panel(points: np.ndarray, ks: Sequence[int], random: np.random.Generator) -> pd.DataFrame:
    import pandas as pd

    fits = [kmeans(points, k, random, restarts=FITS) for k in ks]
    inertia = [fit.inertia for fit in fits]
    logs = np.log(np.maximum(inertia, 1e-12))
    gap, error = _gaps(points, inertia, ks, random)
    smallest = [np.bincount(fit.group, minlength=len(fit.centres)).min() / len(points) for fit in fits]
    stability = [float(_stability(points, fit.centres, random).min()) for fit in fits]
    panel = pd.DataFrame({"k": ks, "inertia": inertia, "elbow": np.linspace(logs[0], logs[-1], len(fits)) - logs,
                          "silhouette": _silhouettes(points, [fit.group for fit in fits]), "gap": gap, "gap_error": error,
                          "stability": stability, "smallest": smallest})
    panel["allowed"] = ((panel["stability"] >= STABLE) & (panel["gap"] > 2 * panel["gap_error"])
                        & (panel["smallest"] >= max(SMALLEST, FEWEST / len(points))))
    return panel


def _silhouettes(points: np.ndarray, groupings: list[np.ndarray]) -> list[float]:
    """Mean silhouette of each grouping; the distances are computed once for all."""
    ones = [np.eye(group.max() + 1)[group] for group in groupings]
    totals = np.zeros(len(groupings))
    squares = (points**2).sum(axis=1)
    for low in range(0, len(points), 1000):
        part = slice(low, low + 1000)
        distance = np.sqrt(np.maximum(squares[part, None] + squares - 2 * points[part] @ points.T, 0))
        for index, (group, one) in enumerate(zip(groupings, ones, strict=True)):
            sums, size, own = distance @ one, one.sum(axis=0), group[part]
            rows = np.arange(len(own))
            inside = sums[rows, own] / np.maximum(size[own] - 1, 1)
            means = np.where(size > 0, sums / np.maximum(size, 1), np.inf)
            means[rows, own] = np.inf
            outside = means.min(axis=1)
            value = (outside - inside) / np.maximum(np.maximum(inside, outside), 1e-12)
            totals[index] += value[size[own] > 1].sum()  # a point alone in its group counts 0
    return list(totals / len(points))


def _gaps(points: np.ndarray, inertia: Sequence[float], ks: Sequence[int], random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Per k, how much tighter the groups are than those cut out of one normal cloud of the same shape, and what chance makes of that."""
    spread = np.linalg.cholesky(np.cov(points, rowvar=False) + 1e-9 * np.eye(points.shape[1]))
    size = min(len(points), CLOUD)
    logs = np.empty((CLOUDS, len(ks)))
    for world in range(CLOUDS):
        cloud = random.standard_normal((size, points.shape[1])) @ spread.T
        logs[world] = [math.log(kmeans(cloud, k, random, restarts=FITS).inertia / size) for k in ks]
    return logs.mean(axis=0) - np.log(np.maximum(inertia, 1e-12) / len(points)), logs.std(axis=0, ddof=1) * math.sqrt(1 + 1 / CLOUDS)


def _stability(points: np.ndarray, centres: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Per group, its mean Jaccard likeness to the most alike group of bootstrap samples."""
    group, k = assigned(points, centres), len(centres)
    likeness = np.zeros(k)
    for _ in range(RESAMPLES):
        drawn = points[random.integers(len(points), size=len(points))]
        other = assigned(points, kmeans(drawn, k, random, restarts=2).centres)
        both = np.bincount(group * k + other, minlength=k * k).reshape(k, k)
        either = both.sum(axis=1)[:, None] + both.sum(axis=0) - both
        likeness += (both / np.maximum(either, 1)).max(axis=1)
    return likeness / RESAMPLES


def _chosen(panel: pd.DataFrame, k: int | None) -> int:
    if not panel["allowed"].any():
        best = panel.iloc[int((panel["stability"] * (panel["gap"] > 2 * panel["gap_error"])).to_numpy().argmax())]
        if best["gap"] <= 2 * best["gap_error"]:
            raise NoPersonas("these customers form one cloud: groups cut out of it are no tighter than those of customers drawn at random",
                             panel)
        if best["stability"] < STABLE:
            raise NoPersonas(f"these customers form no groups that would survive another sample: stability {best['stability']:.2f} where "
                             f"{STABLE} is asked for", panel)
        raise NoPersonas(f"the smallest group would be {best['smallest']:.1%} of these customers: too few to be a kind of their own", panel)
    if k:
        return k
    tried = panel[panel["allowed"]]
    worth = sum(tried[column] / max(float(tried[column].max()), 1e-12) for column in ("elbow", "silhouette", "stability"))
    return int(tried["k"].iloc[int(worth.to_numpy().argmax())])


def _summary(rfm: pd.DataFrame, points: np.ndarray, group: np.ndarray, likeness: np.ndarray) -> pd.DataFrame:
    import pandas as pd

    k = len(likeness)
    effects = np.array([points[group == number].mean(axis=0) for number in range(k)])
    columns = rfm.assign(group=group).groupby("group")
    frame = columns.agg(users=("user_id", "size"), revenue=("revenue", "sum"), recency_days=("recency_days", "median"),
                        orders=("frequency", "sum"), usual=("frequency", "median")).reset_index()
    total = frame["revenue"].sum()
    parts = named(effects, once=(frame["usual"] <= 1).to_numpy())
    frame = pd.DataFrame({
        "persona": ["-".join(part) for part in parts], "parts": parts, "users": frame["users"], "share": frame["users"] / len(rfm),
        "revenue": frame["revenue"], "revenue_share": frame["revenue"] / total if total > 0 else np.nan,
        "recency_days": frame["recency_days"], "frequency": frame["orders"] / frame["users"],
        "monetary_value": frame["revenue"] / frame["orders"],
        "apart": [FEATURES[column] for column in np.abs(effects).argmax(axis=1)], "recency_effect": effects[:, 0],
        "frequency_effect": effects[:, 1], "monetary_effect": effects[:, 2], "stability": likeness, "group": frame["group"]})
    return frame.sort_values("revenue", ascending=False, kind="stable").reset_index(drop=True)


def named(effects: np.ndarray, *, once: np.ndarray) -> list[tuple[str, ...]]:
    """The parts of each group's name, unique among the groups; ``effects`` in standard deviations, one row per group.

    >>> named(np.array([[-1.2, 0.9, 0.1], [0.8, -0.5, 0.0]]), once=np.array([False, True]))
    [('active-now', 'frequent'), ('long-ago', 'once')]
    """
    level = np.searchsorted([-1, -0.35, 0.35, 1], effects, side="right")
    column = FEATURES.index("frequency")
    level[:, column] = np.where(once, 0, np.maximum(level[:, column], 1))
    names = [tuple(LEVELS[feature][level[row, at]] for at, feature in enumerate(FEATURES) if level[row, at] != 2)
             or (LEVELS["frequency"][2],) for row in range(len(effects))]
    for name in sorted(set(names)):
        _tell_apart(names, effects, [row for row, other in enumerate(names) if other == name])
    return names


def _tell_apart(names: list[tuple[str, ...]], effects: np.ndarray, rows: list[int]) -> None:
    """Halves groups of one name along the feature in which they differ most, until each has a name of its own."""
    if len(rows) < 2:
        return
    feature = int(np.ptp(effects[rows], axis=0).argmax())
    rows = sorted(rows, key=lambda row: effects[row, feature])
    halves = rows[:len(rows) // 2], rows[len(rows) // 2:]
    for half, part in zip(halves, SPLITS[FEATURES[feature]], strict=True):
        for row in half:
            names[row] = (*names[row], part)
        _tell_apart(names, effects, half)
