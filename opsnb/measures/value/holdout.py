"""Can the future be told from these customers' past? Models and plain averages fitted to the first part, compared with the second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from opsnb.errors import NotMeasured, ParameterError
from opsnb.measures.blocks import DAY_US, starts
from opsnb.measures.intervals import z_of
from opsnb.measures.purchases import last_day, sales
from opsnb.measures.value.models import KERNELS, PurchaseModel, alive, fitted
from opsnb.measures.value.rhythms import Rhythms, TimeUnit, grouped, rhythms, unit_days
from opsnb.measures.value.spending import modelled

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.intervals import Day
    from opsnb.tables.histories import Histories

YEAR = 365
LEAST_DAYS = 56  # of either part
FAR = 0.25  # error of the total from which a model is refused if the average did better
MOST = 7  # purchases after the first: so many and more are one bin
SAMPLE = 20_000  # customers on whom the slope of a total in the parameters is taken
NAIVE = ("average", "own_average")


@dataclass(frozen=True)
class Holdout:
    """How models and averages, fitted up to ``calibrated_to``, foretold the ``days`` after it.

    ``scores``: one row per method, see :func:`holdout`; ``weeks``: repeat orders by week, added up; ``frequency``: by purchases so far.
    """

    calibrated_to: np.datetime64
    as_of: np.datetime64
    days: int
    customers: int
    scores: pd.DataFrame
    weeks: pd.DataFrame
    frequency: pd.DataFrame
    level: float


@dataclass(frozen=True)
class Chosen:
    """The model that the hold-out speaks for, refitted to all data up to as_of; ``model`` None, and ``refused`` says why, where it speaks for none."""

    model: PurchaseModel | None
    refused: NotMeasured | None
    holdout: Holdout

    @property
    def reason(self) -> str | None:
        """Why no model is chosen."""
        return None if self.refused is None else str(self.refused)

    @property
    def name(self) -> str | None:
        """What the papers call it."""
        return None if self.model is None else self.model.name

    @property
    def score(self) -> pd.Series:
        """The chosen model's row of the scores; where none is chosen, that of the model that came nearest."""
        models = self.holdout.scores[self.holdout.scores["method"].isin(list(KERNELS)) & self.holdout.scores["rmse"].notna()]
        kind = None if self.model is None else self.model.kind
        return models[models["method"] == kind].iloc[0] if kind else models.sort_values("rmse").iloc[0]

    @property
    def naive(self) -> pd.Series:
        """The row of the better plain average."""
        return _best_average(self.holdout.scores)


def holdout(orders: Any, *, as_of: Day | None = None, days: int | None = None, time_unit: TimeUnit = "week", level: float = 0.9) -> Holdout:
    """Had we forecast ``days`` ago, what would have come true?

    Input columns: user_id, ts, amount; order_id and refund where there are. ``days`` held out: the last ones up to ``as_of``; default: the
    last third of the data, at most a year. ``time_unit``: of the models' parameters.

    Returns a :class:`Holdout`. ``scores``, one row per method - bg_nbd, pareto_nbd, average (every customer goes on as all customers did
    on average in the year before) and own_average (each goes on as in their own last year): ``method``; ``expected``, repeat orders in the
    time held out, with ``low``, ``high`` (models: interval of the total at ``level``, chance and parameters' error; null for averages);
    ``actual``; ``total_error`` = expected / actual - 1; ``rmse``, root mean square error of a customer's orders; ``covered``: share of
    customers whose orders lie in their own interval; ``expected_value``, ``actual_value``: currency, refunds deducted, with
    ``value_error``; ``reason`` why a model could not be fitted.
    ``weeks``, one row per week: ``period_end``; ``part``: calibration or holdout; ``actual`` repeat orders since the beginning, added up,
    of customers won by the end of the calibration; and one column per method (in the calibration: what the model gives new customers;
    after it: the actual orders so far and what it foretells).
    ``frequency``, one row per number of purchases after the first in the calibration (7: and more): ``repeat_orders``, ``customers``,
    ``actual`` orders a customer in the time held out, and one column per method.

    Formula: orders are days with an order; customers with a first order in the calibration. Value: orders x Gamma-Gamma's expected value
    (where it cannot be fitted, the mean value of a repeat order).

    Raises NotMeasured where the data is too short or too few customers came; ParameterError for days below 56.
    """
    table = rhythms_table(orders)
    last = last_day(table, as_of)
    first = int(table.span()[0] // DAY_US)
    span = last - first + 1
    days = max(min(span // 3, YEAR), LEAST_DAYS) if days is None else days
    if days < LEAST_DAYS:
        raise ParameterError(f"days = {days}; allowed: {LEAST_DAYS} or more")
    if span < days + LEAST_DAYS:
        raise NotMeasured(f"the forecast cannot be checked: the orders cover {span} days; at least {days + LEAST_DAYS} are needed")
    z_of(level)
    cut = last - days
    past, whole = (rhythms(table, as_of=np.datetime64(day, "D"))[1] for day in (cut, last))
    where = np.searchsorted(whole.user, past.user)
    actual = whole.x[where] - past.x
    actual_value = (whole.first_value + whole.repeat_value)[where] - past.first_value - past.repeat_value
    methods, made, reasons = _foretold(table, past, cut, days, first, time_unit)
    scores, value_of = [], _values(past)
    for method in (*KERNELS, *NAIVE):
        row: dict[str, Any] = {"method": method, "actual": float(actual.sum()), "actual_value": float(actual_value.sum()), "reason": reasons.get(method)}
        if method in methods:
            told = methods[method]
            worth = float((told * value_of).sum()) if method in KERNELS else methods[f"{method}_value"].sum()
            row |= {"expected": told.sum(), "rmse": float(np.sqrt(np.mean((told - actual) ** 2))), "expected_value": worth}
        if method in made:
            row["low"], row["high"] = total_interval(made[method], days, level)
            each = made[method].expected_orders([days], level=level)
            row["covered"] = float(((each[f"orders_{days}d_low"] <= actual) & (actual <= each[f"orders_{days}d_high"])).mean())
        scores.append(row)
    return Holdout(np.datetime64(cut, "D"), np.datetime64(last, "D"), days, len(past.x), _scored(scores),
                   _weeks(table, past, made, methods, first, cut, last, time_unit), _by_frequency(past, actual, methods), level)


def chosen_model(orders: Any, *, as_of: Day | None = None, days: int | None = None, time_unit: TimeUnit = "week", level: float = 0.9) -> Chosen:
    """Which model may tell what customers will be worth - if any?

    Input and errors as :func:`holdout`. Returns a :class:`Chosen`.

    Formula: a model is refused if a customer's orders are told better (rmse) by the plain average of all customers or by each one's own
    average of the last year, or if its total is off by more than 25% and by more than the better average's. Of the models left, the one
    with the smaller rmse is refitted to all data.
    """
    checked = holdout(orders, as_of=as_of, days=days, time_unit=time_unit, level=level)
    scores, naive = checked.scores.set_index("method"), _best_average(checked.scores)
    models = scores.loc[list(KERNELS)]
    fit = models[models["rmse"].notna()]
    if fit.empty:
        raise NotMeasured(str(models["reason"].iloc[0]))
    best = fit["rmse"].idxmin()
    if not fit.loc[best, "rmse"] < naive["rmse"]:
        return Chosen(None, NotMeasured("the models tell a customer's orders worse than last year's average does"), checked)
    sound = fit[(fit["rmse"] < naive["rmse"]) & ((fit["total_error"].abs() <= FAR) | (fit["total_error"].abs() <= abs(naive["total_error"])))]
    if sound.empty:
        return Chosen(None, NotMeasured("the models miss the total by more than last year's average does"), checked)
    table, found = rhythms(orders, as_of=as_of)
    for kind in sound["rmse"].sort_values(kind="stable").index:
        try:
            return Chosen(fitted(kind, table.users[found.user], found, time_unit=time_unit), None, checked)
        except NotMeasured as error:
            refusal = error
    return Chosen(None, refusal, checked)


def _best_average(scores: pd.DataFrame) -> pd.Series:
    return scores[scores["method"].isin(NAIVE)].sort_values("rmse", kind="stable").iloc[0]


def rhythms_table(orders: Any) -> Histories:
    """Orders as histories, made once for several passes."""
    from opsnb.tables.histories import histories

    return histories(orders, "orders")


def _foretold(table: Histories, past: Rhythms, cut: int, days: int, first: int,
              time_unit: TimeUnit) -> tuple[dict[str, np.ndarray], dict[str, PurchaseModel], dict[str, str]]:
    """Orders of each customer in the time held out by method (and their value by the averages); the models; why one could not be fitted."""
    methods: dict[str, np.ndarray] = {}
    made: dict[str, PurchaseModel] = {}
    reasons: dict[str, str] = {}
    for kind in KERNELS:
        try:
            made[kind] = fitted(kind, table.users[past.user], past, time_unit=time_unit)
        except NotMeasured as error:
            reasons[kind] = str(error)
            continue
        methods[kind] = made[kind].expected_orders([days])[f"orders_{days}d"].to_numpy()
    recent, recent_value = past.x.astype(float), past.repeat_value.copy()
    if cut - YEAR >= first:
        try:
            before = rhythms(table, as_of=np.datetime64(cut - YEAR, "D"))[1]
        except NotMeasured:  # nobody had ordered by then
            before = None
        if before is not None:
            where = np.searchsorted(past.user, before.user)
            recent[where] -= before.x
            recent_value[where] -= before.repeat_value
    seen = np.minimum(past.T, YEAR)
    total = max(float(seen.sum()), 1.0)
    for name, source in (("", recent), ("_value", recent_value)):
        methods[f"average{name}"] = np.full(len(seen), source.sum() / total * days)
        methods[f"own_average{name}"] = np.divide(source, seen, out=np.zeros(len(seen)), where=seen > 0) * days
    return methods, made, reasons


def _values(past: Rhythms) -> np.ndarray:
    """Expected value of a later order of each customer."""
    try:
        return modelled(past).expected_value(past.x.astype(float), past.mean_repeat)
    except NotMeasured:
        return np.full(len(past.x), past.repeat_value.sum() / max(past.x.sum(), 1))


def _scored(rows: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    frame = pd.DataFrame(rows)
    for column in ("expected", "low", "high", "rmse", "covered", "expected_value"):
        if column not in frame.columns:
            frame[column] = np.nan
    frame["total_error"] = frame["expected"] / frame["actual"].where(frame["actual"] > 0) - 1
    frame["value_error"] = frame["expected_value"] / frame["actual_value"].where(frame["actual_value"] > 0) - 1
    return frame[["method", "expected", "low", "high", "actual", "total_error", "rmse", "covered", "expected_value", "actual_value", "value_error", "reason"]]


def total_interval(model: PurchaseModel, days: int, level: float) -> tuple[float, float]:
    """Interval of all customers' orders within ``days``: chance of each, and the error of the parameters by the delta method.

    The parameters' error bears on all customers alike and does not average out. Chance: variances of independent customers added.
    """
    groups, _ = grouped(model.rhythms.x, model.rhythms.t_x, model.rhythms.T)
    gone, moments = model._ahead(groups, [days])
    mean, pairs = (1 - gone) * moments.orders[:, 0], (1 - gone) * moments.order_pairs[:, 0]
    chance = groups.customers @ (pairs + mean - mean**2)
    spread = np.sqrt(chance + slope_variance(model, days))
    middle, half = float(groups.customers @ mean), z_of(level) * float(spread)
    return max(middle - half, 0.0), middle + half


def slope_variance(model: PurchaseModel, days: int) -> float:
    """Variance of all customers' expected orders from the error of the parameters; the slopes are those of a sample where there are many."""
    found, scale = model.rhythms, 1.0
    if len(found.x) > SAMPLE:
        drawn = np.random.default_rng(0).choice(len(found.x), SAMPLE, replace=False)
        found, scale = Rhythms(*(column[drawn] for column in found)), len(found.x) / SAMPLE
    groups, _ = grouped(found.x, found.t_x, found.T)
    slopes = []
    for step in 0.01 * np.eye(len(model.vector)):
        up, down = (model._ahead(groups, [days], vector=model.vector * np.exp(sign * step)) for sign in (1, -1))
        slopes.append(scale * groups.customers @ ((1 - up[0]) * up[1].orders[:, 0] - (1 - down[0]) * down[1].orders[:, 0]) / 0.02)
    return float(np.array(slopes) @ model.covariance @ np.array(slopes))


def _weeks(table: Histories, past: Rhythms, made: dict[str, PurchaseModel], methods: dict[str, np.ndarray], first: int, cut: int, last: int,
           time_unit: TimeUnit) -> pd.DataFrame:
    import pandas as pd

    won = np.zeros(len(table.users), bool)
    won[past.user] = True
    daily = np.zeros(last - first + 1)
    for found in sales(table, as_of=np.datetime64(last, "D")):
        day = found.ts // DAY_US
        bought = starts(found.user.astype(np.int64) << 20 | day)
        later = bought[won[found.user[bought]]]
        later = later[np.r_[False, found.user[later][1:] == found.user[later][:-1]]] if len(later) else later
        daily += np.bincount(day[later] - first, minlength=len(daily))
    so_far = np.cumsum(daily)
    ends = np.unique(np.r_[np.arange(cut, first + 5, -7)[::-1], np.arange(cut, last + 1, 7), last])
    frame = pd.DataFrame({"period_end": ends.view("datetime64[D]").astype("datetime64[us]"), "part": np.where(ends <= cut, "calibration", "holdout"),
                          "actual": so_far[ends - first]})
    unit, after = unit_days(time_unit), ends[ends > cut] - cut
    came = np.bincount(past.first - first, minlength=cut - first + 1)
    for method in (*KERNELS, *NAIVE):
        if method not in methods:
            continue
        curve = np.full(len(ends), np.nan)
        if method in made:
            new = np.r_[0.0, made[method].expected_new(np.arange(1, cut - first + 1) / unit)]
            curve[ends <= cut] = [came[:end - first + 1] @ new[end - first::-1] for end in ends[ends <= cut]]
            shape = _shape(made[method], past, after, unit)
        else:
            shape = after / after[-1]
        curve[ends > cut] = so_far[cut - first] + shape * methods[method].sum()
        frame[method] = curve
    return frame


def _shape(model: PurchaseModel, past: Rhythms, after: np.ndarray, unit: float) -> np.ndarray:
    """Share of the orders held out that the model expects by each day after the calibration: rates at the middle of every step."""
    key, of = np.unique(past.x.astype(np.int64) << 20 | past.T, return_inverse=True)
    weight = np.bincount(of, alive(model.kind, model.vector, past.x.astype(float), past.t_x / unit, past.T / unit))
    x, T = (key >> 20).astype(float), (key & (1 << 20) - 1) / unit
    steps = np.diff(after, prepend=0)
    rates = [weight @ KERNELS[model.kind].rate(model.vector, x, T, np.full(len(x), middle / unit)) for middle in after - steps / 2]
    grown = np.cumsum(np.array(rates) * steps)
    return grown / grown[-1]


def _by_frequency(past: Rhythms, actual: np.ndarray, methods: dict[str, np.ndarray]) -> pd.DataFrame:
    import pandas as pd

    frame = pd.DataFrame({"repeat_orders": np.minimum(past.x, MOST), "customers": 1, "actual": actual.astype(float),
                          **{method: methods[method] for method in (*KERNELS, *NAIVE) if method in methods}})
    summed = frame.groupby("repeat_orders", as_index=False).sum()
    rest = summed.columns[2:]
    summed[rest] = summed[rest].div(summed["customers"], axis=0)
    return summed
