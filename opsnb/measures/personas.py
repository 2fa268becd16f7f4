"""Personas: groups of customers alike in what they buy and how they behave, found by k-means and named by what sets them apart.

How many groups there are is read off a panel (elbow, silhouette, gap, stability, smallest group), and where no number of groups would
survive another sample there are none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from opsnb.errors import InputError, NotMeasured, ParameterError, nearest
from opsnb.measures.kmeans import assigned, followed
from opsnb.measures.kmeans_panel import panel_of
from opsnb.measures.persona_names import CUTS, HABITS, PARTS, RFM, named

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PARTS", "NoPersonas", "Personas", "examples", "personas"]

ALL_FITTED = 200_000  # above this many customers the groups are found on a sample of SAMPLE and everyone is assigned
SAMPLE = 100_000
PANEL = 10_000  # rows of the panel
MOST = 8
STABLE = 0.6
TIGHTER = 0.02  # than a cloud, for each group: the least gap, in logs of inertia
SMALLEST = 0.02  # share of customers
FEWEST = 20  # customers in a group
VISITS = 5  # of a customer, from which habits can be told
ONCE = 0.8  # share of a group's customers with a single order, from which its name says so
OF_ALL = 5  # visits or orders like everybody's that are added to each customer's own before shares are compared
COLUMNS = ("recency_effect", "frequency_effect", "monetary_effect")


class NoPersonas(NotMeasured):
    """These customers form no groups; ``panel`` shows what was tried."""

    def __init__(self, reason: str, panel: pd.DataFrame | None = None):
        self.panel = panel
        super().__init__(reason)


@dataclass(frozen=True)
class Personas:
    """``frame``: user_id, persona, distance. ``summary``: one row per persona, biggest revenue first. ``apart``: what sets each apart, three
    rows a persona. ``panel``: one row per number of groups tried. ``centres``: one row per persona, its mean features before they are
    standardised, by which it is known again.

    ``k``: number of groups; ``stability``: mean Jaccard likeness of the least stable one to its like in other samples, 0 to 1;
    ``customers``: all that there are; ``told``: those of them who were seen often enough to be put into a group.
    """

    frame: pd.DataFrame
    summary: pd.DataFrame
    apart: pd.DataFrame
    panel: pd.DataFrame
    centres: pd.DataFrame
    k: int
    stability: float
    customers: int
    told: int

    def renamed(self, names: dict[str, tuple[str, ...]]) -> Personas:
        """The same groups under other names: the parts of the new name by the old one."""
        keys = {old: "-".join(parts) for old, parts in names.items()}
        summary, apart = (frame.assign(parts=[names.get(old, parts) for old, parts in zip(frame["persona"], frame["parts"], strict=True)],
                                       persona=frame["persona"].replace(keys)) for frame in (self.summary, self.apart))
        return replace(self, frame=self.frame.assign(persona=self.frame["persona"].replace(keys)), summary=summary, apart=apart,
                       centres=self.centres.rename(index=keys))


def personas(rfm: pd.DataFrame, behaviour: pd.DataFrame | None = None, *, k: int | None = None, features: Sequence[str] | None = None,
             random_state: int = 0) -> Personas:
    """Which kinds of customers there are, who belongs to which, and how far that can be trusted.

    Input columns: those of :func:`opsnb.measures.segments.rfm` (user_id, recency_days, frequency, monetary_value, revenue) and, of
    ``behaviour``, of :func:`opsnb.measures.behaviour.behaviour` (user_id, visits and features). ``k``: number of groups; default: chosen from
    the panel. ``features``: columns of behaviour that count beside RFM; default: hours, depth of visits, discounts and pages. What says how
    long a customer has been around, or which device they own, is no kind of customer and cuts through the kinds.

    Output: :class:`Personas`. ``frame``, one row per customer: ``user_id``, ``persona``, a key such as
    ``active-now-frequent-big-orders``, null for customers with fewer than five visits where behaviour is given: too little is known of them;
    ``distance`` to the middle of the persona, in standard deviations of a feature. ``summary``, one row per persona: ``persona``; ``parts``,
    the tuple of which the key is made; ``users``; ``share`` of all customers; ``revenue``, currency; ``revenue_share`` of all;
    ``recency_days``, median; ``frequency``, mean orders; ``monetary_value``, mean order value, currency; ``apart``, the feature that sets it
    apart most; ``recency_effect``, ``frequency_effect``, ``monetary_effect``: mean less everybody's mean, in standard deviations;
    ``stability``; ``action``: key of what to do next. ``apart``: ``persona``; ``parts``; ``rank``, 1 to 3; ``feature``; ``effect``, standard deviations;
    ``typical``, ``everyone``: its mean in the group and among all, in the feature's own unit. ``panel``: the columns of
    :func:`opsnb.measures.kmeans_panel.panel_of`, and ``allowed``: stable, tighter than a cloud and no group too small; ``chosen``.

    Formula: k-means on log1p of amounts and counts and the angle (arcsine of the root) of shares, standardised; a share of n visits or orders
    first has five of everybody's added. The panel is of 10,000 customers; above that the groups it chose are followed on all or, above
    200,000, on 100,000 of them, and everyone is assigned. Allowed: stability from .6, gap above two errors and .02 a group, at least 2% and
    20 customers in each group. Chosen: the largest sum of elbow, silhouette and stability, each as a share of the best one allowed. Names: the
    three features furthest from everybody's mean; "once" where four in five have a single order. Action, by
    the first line that fits: where the last order is so much longer ago than others' that the name says so (.35 standard deviations), recall,
    or a coupon where orders are as much smaller and a call would not pay; coupon where discounts are .5 more; exclusive service where the
    share of revenue is 1.3 times that of customers; else targeted push.

    Raises NoPersonas, a NotMeasured that carries the panel, where no k (or not the one asked for) is allowed; ParameterError for a k
    below 2 or above 8 and for an unknown feature; InputError for a missing column.

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
    for column in ("user_id", *RFM, "revenue"):
        if column not in rfm.columns:
            raise InputError(f"rfm: no column '{column}'; {nearest(column, rfm.columns)}")
    if k is not None and not 2 <= k <= MOST:
        raise ParameterError(f"k = {k}; allowed: 2 to {MOST}")
    random = np.random.default_rng(random_state)
    traits = _traits(rfm, behaviour, features)
    fitted = traits.points[traits.shaping]
    if not fitted.any():
        raise NoPersonas("all customers are alike in recency, frequency and order value" if len(fitted) else
                         f"none of {len(rfm)} customers came {VISITS} times: too little is known of them")
    if len(fitted) < FEWEST * (k or 2):
        raise NoPersonas(f"{len(fitted)} customers are too few for {k or 2} groups of at least {FEWEST}")
    tried = _sampled(fitted, PANEL, random)
    found = panel_of(tried, [k] if k else list(range(2, min(MOST, len(fitted) // FEWEST) + 1)), random)
    panel = found.frame
    panel["allowed"] = ((panel["stability"] >= STABLE) & (panel["gap"] > np.maximum(2 * panel["gap_error"], TIGHTER * panel["k"]))
                        & (panel["smallest"] >= max(SMALLEST, FEWEST / len(tried))))
    best = _chosen(panel, k)
    panel["chosen"] = panel["k"] == best
    centres = found.groups[best].centres
    if len(fitted) > len(tried):
        centres = followed(fitted if len(fitted) <= ALL_FITTED else _sampled(fitted, SAMPLE, random), centres)
    return _described(rfm, traits, centres, found.stability[best], panel)


class _Traits(NamedTuple):
    """``told``: rows of rfm with enough known of them. One row each: ``values``, in the features' own units; ``shaped``, on the scale on
    which they are compared; ``points``, standardised; ``shaping``, who shapes the groups."""

    features: list[str]
    told: np.ndarray
    values: np.ndarray
    shaped: np.ndarray
    points: np.ndarray
    shaping: np.ndarray


def _traits(rfm: pd.DataFrame, behaviour: pd.DataFrame | None, features: Sequence[str] | None) -> _Traits:
    """A feature that does not vary is 0. Customers whose refunds ate up their orders stand apart from all others on the log scale, without
    being a kind of their own: they take the lowest value among the others and only join the group nearest to them."""
    names, values = list(RFM), rfm[list(RFM)].to_numpy(float)
    told = np.arange(len(rfm))
    extra: list[np.ndarray] = []
    if behaviour is not None:
        chosen = _features(behaviour, features)
        told, at = _told(rfm, behaviour)
        own = behaviour[chosen].to_numpy(float)[at]
        visits, orders = behaviour["visits"].to_numpy(float)[at], rfm["frequency"].to_numpy(float)[told]
        extra = [_angle(own[:, place], orders if name == "discount_share" else visits) if _is_share(name) else np.log1p(_filled(own[:, place]))
                 for place, name in enumerate(chosen)]
        names, values = [*names, *chosen], np.column_stack([values[told], own])
    paid = values[:, 2] > 0
    shaping = paid if paid.any() else np.ones(len(values), bool)
    if not len(values):
        return _Traits(names, told, values, values, values, shaping)
    bought = values[:, :len(RFM)]
    shaped = np.column_stack([np.log1p(np.maximum(bought, bought[shaping].min(axis=0)).clip(min=0)), *extra])
    spread = shaped[shaping].std(axis=0)
    return _Traits(names, told, values, shaped, (shaped - shaped[shaping].mean(axis=0)) / np.where(spread > 1e-9, spread, np.inf), shaping)


def _features(behaviour: pd.DataFrame, features: Sequence[str] | None) -> list[str]:
    for column in ("user_id", "visits"):
        if column not in behaviour.columns:
            raise InputError(f"behaviour: no column '{column}'; {nearest(column, behaviour.columns)}")
    for name in features or ():
        if name not in behaviour.columns or name == "user_id":
            raise ParameterError(f"features: behaviour has no '{name}'; {nearest(name, [column for column in behaviour.columns if column != 'user_id'])}")
    return usual_features(behaviour) if features is None else list(features)


def usual_features(behaviour: pd.DataFrame) -> list[str]:
    """The columns of behaviour that count beside RFM unless others are asked for: hours, depth of visits, discounts and pages."""
    return [str(column) for column in behaviour.columns if (column in HABITS and column != "weekend_share") or str(column).startswith("page=")]


def _told(rfm: pd.DataFrame, behaviour: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Rows of rfm, and of behaviour, of the customers seen often enough."""
    import pandas as pd

    enough = np.flatnonzero(behaviour["visits"].to_numpy() >= VISITS)
    place = pd.Index(behaviour["user_id"].to_numpy()[enough], dtype=object).get_indexer(pd.Index(rfm["user_id"].to_numpy(), dtype=object))
    told = np.flatnonzero(place >= 0)
    return told, enough[place[told]]


def _is_share(name: str) -> bool:
    return name.endswith("_share") or "=" in name


def _filled(values: np.ndarray) -> np.ndarray:
    """Unknown ones as everybody's mean."""
    known = ~np.isnan(values)
    return np.where(known, values, values[known].mean() if known.any() else 0.0)


def _angle(share: np.ndarray, of: np.ndarray) -> np.ndarray:
    """The angle of shares, on which chance spreads them alike; each of them with some of everybody's added, since two of two is not all."""
    known = ~np.isnan(share)
    usual = np.average(share[known], weights=of[known]) if of[known].sum() else 0.0
    mixed = (np.where(known, share, usual) * of + usual * OF_ALL) / (of + OF_ALL)
    return np.arcsin(np.sqrt(mixed.clip(0, 1)))


def _sampled(points: np.ndarray, size: int, random: np.random.Generator) -> np.ndarray:
    return points if len(points) <= size else points[np.sort(random.choice(len(points), size, replace=False))]


def _chosen(panel: pd.DataFrame, k: int | None) -> int:
    if not panel["allowed"].any():
        tighter = panel["gap"] > np.maximum(2 * panel["gap_error"], TIGHTER * panel["k"])
        best = panel.iloc[int((panel["stability"] * tighter).to_numpy().argmax())]
        if not tighter.any():
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


def _described(rfm: pd.DataFrame, traits: _Traits, centres: np.ndarray, likeness: np.ndarray, panel: pd.DataFrame) -> Personas:
    import pandas as pd

    group = assigned(traits.points, centres)
    effects = _means(traits.points, group, len(centres))
    summary = _summary(rfm, traits, group, effects, likeness)
    names = summary.sort_values("group")["persona"].to_numpy()
    persona = np.full(len(rfm), None, object)
    persona[traits.told] = names[group]
    distance = np.full(len(rfm), np.nan)
    distance[traits.told] = np.sqrt(((traits.points - centres[group]) ** 2).mean(axis=1))
    chosen = panel[panel["chosen"]].iloc[0]
    middles = pd.DataFrame(_means(traits.shaped, group, len(centres)), index=pd.Index(names, name="persona"), columns=traits.features)
    return Personas(pd.DataFrame({"user_id": rfm["user_id"].to_numpy(), "persona": persona, "distance": distance}),
                    summary.drop(columns="group"), _apart(summary, traits, group, effects), panel, middles, int(chosen["k"]),
                    float(chosen["stability"]), len(rfm), len(traits.told))


def _means(values: np.ndarray, group: np.ndarray, k: int) -> np.ndarray:
    """Mean of each group by column; the mean of what is known."""
    known = ~np.isnan(values)
    sums = np.column_stack([np.bincount(group, np.where(known[:, at], values[:, at], 0), minlength=k) for at in range(values.shape[1])])
    count = np.column_stack([np.bincount(group, known[:, at], minlength=k) for at in range(values.shape[1])])
    return sums / np.where(count > 0, count, np.nan)


def _summary(rfm: pd.DataFrame, traits: _Traits, group: np.ndarray, effects: np.ndarray, likeness: np.ndarray) -> pd.DataFrame:
    import pandas as pd

    columns = rfm.iloc[traits.told].assign(group=group).groupby("group")
    frame = columns.agg(users=("user_id", "size"), revenue=("revenue", "sum"), recency_days=("recency_days", "median"),
                        orders=("frequency", "sum"), single=("frequency", lambda orders: (orders <= 1).mean())).reset_index()
    total = rfm["revenue"].sum()
    effects = effects[frame["group"].to_numpy()]  # a group that got nobody has no row
    parts = named(effects, once=(frame["single"] >= ONCE).to_numpy(), features=traits.features)
    share, worth = frame["users"] / len(rfm), frame["revenue"] / total if total > 0 else np.full(len(frame), np.nan)
    frame = pd.DataFrame({
        "persona": ["-".join(part) for part in parts], "parts": parts, "users": frame["users"], "share": share, "revenue": frame["revenue"],
        "revenue_share": worth, "recency_days": frame["recency_days"], "frequency": frame["orders"] / frame["users"],
        "monetary_value": frame["revenue"] / frame["orders"], "apart": [traits.features[column] for column in np.abs(effects).argmax(axis=1)],
        **{column: effects[:, at] for at, column in enumerate(COLUMNS)}, "stability": likeness[frame["group"].to_numpy()],
        "action": _actions(effects, traits.features, np.asarray(worth / share)), "group": frame["group"]})
    return frame.sort_values("revenue", ascending=False, kind="stable").reset_index(drop=True)


def _actions(effects: np.ndarray, features: Sequence[str], worth: np.ndarray) -> np.ndarray:
    cheaper = effects[:, features.index("discount_share")] if "discount_share" in features else np.zeros(len(effects))
    long_ago, small = effects[:, 0] >= CUTS[2], effects[:, 2] < CUTS[1]
    return np.select([long_ago & ~small, long_ago | (cheaper >= 0.5), worth >= 1.3], ["recall", "coupon", "exclusive-service"], "targeted-push").astype(object)


def _apart(summary: pd.DataFrame, traits: _Traits, group: np.ndarray, effects: np.ndarray) -> pd.DataFrame:
    """The three features in which each persona differs most from everybody."""
    import pandas as pd

    typical, everyone = _means(traits.values, group, len(effects)), _means(traits.values, np.zeros(len(group), int), 1)[0]
    rows = []
    for persona, parts, number in zip(summary["persona"], summary["parts"], summary["group"], strict=True):
        for rank, at in enumerate(np.argsort(-np.abs(effects[number]), kind="stable")[:3], start=1):
            rows.append({"persona": persona, "parts": parts, "rank": rank, "feature": traits.features[at], "effect": effects[number, at],
                         "typical": typical[number, at], "everyone": everyone[at]})
    return pd.DataFrame(rows)


def examples(made: Personas, rfm: pd.DataFrame, *, rows: int = 10, ids: bool = False) -> pd.DataFrame:
    """The customers nearest to the middle of each persona: what a typical one looks like.

    Input: :func:`personas` of ``rfm``, and that frame. One row per persona and customer, nearest first. Output columns: ``persona``; ``row``,
    1 to ``rows``; ``user_id`` only with ``ids``; ``recency_days``; ``frequency``; ``monetary_value``, currency; ``distance``.

    Raises ParameterError for fewer than one row.
    """
    if rows < 1:
        raise ParameterError(f"rows = {rows}; allowed: 1 or more")
    frame = made.frame.merge(rfm[["user_id", *RFM]], on="user_id").dropna(subset=["persona"]).sort_values(["distance", "user_id"])
    frame["row"] = frame.groupby("persona").cumcount() + 1
    order: Any = {persona: place for place, persona in enumerate(made.summary["persona"])}
    frame = frame[frame["row"] <= rows].sort_values(["persona", "row"], key=lambda column: column.map(order) if column.name == "persona" else column)
    return frame[["persona", "row", *(["user_id"] if ids else []), *RFM, "distance"]].reset_index(drop=True)
