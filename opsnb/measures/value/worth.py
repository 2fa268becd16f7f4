"""What each customer, and a customer of each channel or cohort, will be worth, with intervals, beside what winning them cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from opsnb.errors import InputError, NotMeasured, ParameterError, nearest
from opsnb.measures.blocks import DAY_US, starts
from opsnb.measures.intervals import z_of
from opsnb.measures.purchases import sales
from opsnb.measures.value.holdout import SAMPLE, YEAR, Chosen, chosen_model
from opsnb.measures.value.models import Ahead, PurchaseModel, ahead_of, alive, horizons_of
from opsnb.measures.value.rhythms import Rhythms, grouped, rhythms, unit_days
from opsnb.measures.value.spending import Spending, all_alike, mean_value, modelled, second_moments

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.intervals import Day
    from opsnb.tables.histories import Histories

HORIZONS = (90, 180, 365)
DISCOUNT = 0.1  # a year
MONTH = 365 / 12
LEAST_SEEN = 30  # customers of a group who must have been seen for a month of their life to say what it brought
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Worth:
    """What customers will be worth from ``as_of`` on. ``frame``: one row per customer, see :func:`ltv`.

    ``basis``: "gross margin" where orders have a cost, else "revenue"; ``margin_rate``: gross margin / revenue, 1 for revenue;
    ``spending``: None where all orders are worth about the same; ``discount_rate`` a year.
    """

    frame: pd.DataFrame
    model: PurchaseModel
    spending: Spending | None
    horizons: list[int]
    discount_rate: float
    basis: Literal["gross margin", "revenue"]
    margin_rate: float
    level: float
    orders: Histories

    @property
    def as_of(self) -> np.datetime64:
        return self.model.as_of


def ltv(orders: Any, chosen: Chosen | PurchaseModel | None = None, *, as_of: Day | None = None, horizons: Sequence[int] = HORIZONS,
        discount_rate: float = DISCOUNT, level: float = 0.9) -> Worth:
    """What will each customer bring in the next 90, 180 and 365 days?

    Input columns: user_id, ts, amount; order_id, refund and cost where there are. ``chosen``: what :func:`chosen_model` returned, or a
    model fitted to the same orders up to the same day; default: :func:`chosen_model` is asked. ``discount_rate`` a year.

    Returns a :class:`Worth`, whose ``frame`` has one row per customer, by user_id: ``user_id``; ``x`` purchases after the first;
    ``p_alive`` (no churn score, see :class:`PurchaseModel`); ``order_value``, expected value of an order, currency, refunds deducted; and
    for each horizon ``orders_90d``, expected, ``ltv_90d``, currency, with ``ltv_90d_low``, ``ltv_90d_high``. ltv is gross margin where the
    orders have a cost, else revenue: ``basis`` says which.

    Formula: ltv = margin_rate x order_value x discounted expected orders; margin_rate = 1 - cost / revenue of all orders with a cost,
    refunds taken off both; discounting is continuous, e^(-t ln(1 + discount_rate) / 365). Interval: of this customer's own future with
    probability ``level`` if the models hold, chance included, parameters taken as known: nothing with its exact probability, else
    log-normal with the exact mean and variance under both models.

    Raises NotMeasured with the reason where no model is chosen or order values cannot be modelled, ParameterError for an option that makes
    no sense.
    """
    if not 0 <= discount_rate < 10:
        raise ParameterError(f"discount_rate = {discount_rate}; allowed: 0 or more, e.g. 0.1 for 10% a year")
    z_of(level)
    ahead = horizons_of(list(horizons))
    table, found = rhythms(orders, as_of=as_of)
    model = chosen_model(table, as_of=as_of) if chosen is None else chosen
    if isinstance(model, Chosen):
        if model.model is None:
            raise NotMeasured(*model.refused.args)
        model = model.model
    if not all(np.array_equal(getattr(model.rhythms, name), getattr(found, name)) for name in ("x", "t_x", "T")):
        raise ParameterError(f"the model was fitted to {model.customers} customers up to {model.as_of}; these are {len(found.x)}; "
                             "use the same orders and as_of")
    model = replace(model, rhythms=found, users=table.users[found.user])
    spent = None if all_alike(found) else modelled(found)
    margin, basis = _margin(table, model.as_of)
    frame = _per_customer(model, spent, ahead, np.log1p(discount_rate) / YEAR, margin, level)
    return Worth(frame, model, spent, ahead, discount_rate, basis, margin, level, table)


def _per_customer(model: PurchaseModel, spent: Spending | None, ahead: list[int], discount: float, margin: float, level: float) -> pd.DataFrame:
    import pandas as pd

    found = model.rhythms
    groups, of = grouped(found.x, found.t_x, found.T)
    gone, moments = model._ahead(groups, ahead, discount)
    mean, square, product = _order_moments(spent, found)
    staying = (1 - gone)[of]
    frame = pd.DataFrame({"user_id": model.users, "x": found.x, "p_alive": staying, "order_value": mean})
    for place, horizon in enumerate(ahead):
        part = Ahead(*(column[:, place][of] for column in moments))
        frame[f"orders_{horizon}d"] = staying * part.orders
        frame[f"ltv_{horizon}d"] = margin * staying * part.present * mean
        some = np.maximum(1 - part.none, 1e-300)
        middle, second = part.present * mean / some, (part.squares * square + part.pairs * product) / some
        low, high = _value_quantiles(staying * some, middle, second, level)
        frame[f"ltv_{horizon}d_low"], frame[f"ltv_{horizon}d_high"] = margin * low, margin * high
    return frame


def _order_moments(spent: Spending | None, found: Rhythms, vector: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of an order's value: its mean, mean square, and mean product of two of the same customer."""
    if spent is None:
        value = np.full(len(found.x), found.repeat_value.sum() / max(found.x.sum(), 1))
        return value, value**2, value**2
    params, x = spent.vector if vector is None else vector, found.x.astype(float)
    return mean_value(params, x, found.mean_repeat), *second_moments(params, x, found.mean_repeat)


def _value_quantiles(some: np.ndarray, mean: np.ndarray, square: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Low and high value: 0 with probability 1 - some, else log-normal of this mean and mean square."""
    from scipy.special import ndtri

    spread = np.sqrt(np.log(np.maximum(square / np.maximum(mean, 1e-300) ** 2, 1 + 1e-9)))
    found = []
    for tail in ((1 - level) / 2, (1 + level) / 2):
        within = (tail - 1 + some) / np.maximum(some, 1e-300)
        drawn = mean * np.exp(spread * ndtri(np.clip(within, 1e-12, 1 - 1e-12)) - spread**2 / 2)
        found.append(np.where(within > 0, drawn, 0.0))
    return found[0], found[1]


def _margin(table: Histories, as_of: np.datetime64) -> tuple[float, Literal["gross margin", "revenue"]]:
    """Gross margin / revenue over the rows with a cost; 1 and "revenue" where there are none."""
    if "cost" not in table:
        return 1.0, "revenue"
    revenue = cost = 0.0
    for found in sales(table, "cost", as_of=as_of):
        for rows, sign in ((found.sold_row, 1), (found.refund_row, -1)):
            paid, due = np.abs(found.block["amount"][rows]), np.abs(found.block["cost"][rows])
            known = ~np.isnan(paid) & ~np.isnan(due)
            revenue, cost = revenue + sign * paid[known].sum(), cost + sign * due[known].sum()
    return (float(1 - cost / revenue), "gross margin") if revenue > 0 else (1.0, "revenue")


def ltv_by(worth: Worth, *, by: Literal["channel", "cohort"] = "channel", users: Any = None, spend: Any = None, start: Day | None = None,
           days: int = YEAR) -> pd.DataFrame:
    """What is a new customer of each channel (or each month) worth in the first ``days`` of their life, what did winning them cost, and
    after how many months has that come back?

    Input: what :func:`ltv` returned; ``users``: user_id, channel, else the channel of the first order; ``spend``: date, cost, and channel
    for ``by="channel"``. Customers whose first order lies between ``start`` (default: the first day of spend, else of the orders) and
    as_of; customers of before the data began count as new at their first order in it.

    One row per channel (most customers first; ``unknown``: none known) or month of the first order (earliest first).

    Output columns: ``channel`` or ``cohort``; ``customers``; ``value_so_far``, currency a customer, earned by as_of; ``ltv_365d`` =
    value_so_far + what is to be expected until each customer's day 365, with ``low``, ``high``: its interval; ``expected_share`` of
    ltv that is still expected, 0 to 1; ``spend``; ``cac`` = spend / customers; ``ltv_to_cac``; ``payback_months``: months of a customer's life
    after which value reaches cac (0: with the first order's day), null where it has not yet; ``months_seen``: so many months of life at least 30
    customers have lived to the end. Spend columns are null without spend. Value is gross margin or revenue as ``worth.basis`` says, net of
    refunds and discounted to the day of the first order.

    Formula: payback from what customers did, not from the model: the mean value of each month of life over the customers who have lived
    it to its end, added up. Interval at ``worth.level``: scatter between customers, chance of what is to come, and the error of the models'
    parameters by the delta method (which bears on all customers alike).

    Raises NotMeasured where no customer or channel is known, InputError for a missing column, ParameterError for another ``by``.
    """
    import pandas as pd

    if by not in ("channel", "cohort"):
        raise ParameterError(f"by '{by}' is not one; {nearest(by, ('channel', 'cohort'))}")
    if days < 1:
        raise ParameterError(f"days = {days}; allowed: 1 or more")
    paid = None if spend is None else _spend(spend, by)
    found, last = worth.model.rhythms, int(worth.as_of.astype(np.int64))
    opening = _opening(start, paid, worth.orders)
    new = found.first >= opening
    if not new.any():
        raise NotMeasured("no customer was won in this period")
    labels, code = _cohorts(found.first) if by == "cohort" else _channels(worth.orders, found, users)
    code = np.where(new, code, -1)
    discount = np.log1p(worth.discount_rate) / YEAR
    months = int(min(days, last - opening) // MONTH)
    so_far, by_month, lived = _earned(worth.orders, found, code, len(labels), discount, days, months, worth.as_of)
    ahead, chance = _still_to_come(worth, discount, days)
    margin, rows = worth.margin_rate, []
    of_parameters = _parameter_variance(worth, code, len(labels), discount, days)
    for place, label in enumerate(labels):
        own = code == place
        if not own.any():
            continue
        many, total = int(own.sum()), so_far[own] + ahead[own]
        spread = np.sqrt((total.var() + chance[own].mean()) / many + of_parameters[place])
        value, half = float(total.mean()), z_of(worth.level) * float(spread)
        cost = np.nan if paid is None else float(_within(paid, opening, last).get(label, np.nan))
        cac = cost / many
        earned = margin * np.divide(by_month[place], lived[place], out=np.zeros(months + 1), where=lived[place] > 0).cumsum()
        seen = int((lived[place][1:] >= LEAST_SEEN).sum())
        reached = np.flatnonzero(earned[:seen + 1] >= cac)
        rows.append({by: label, "customers": many, "value_so_far": margin * float(so_far[own].mean()), f"ltv_{days}d": margin * value,
                     "low": margin * (value - half), "high": margin * (value + half),
                     "expected_share": float(ahead[own].sum() / total.sum()) if total.sum() > 0 else np.nan,
                     "spend": cost, "cac": cac, "ltv_to_cac": margin * value / cac if cac > 0 else np.nan,
                     "payback_months": float(reached[0]) if len(reached) and cac > 0 else np.nan, "months_seen": seen})
    frame = pd.DataFrame(rows)
    order = {"by": "cohort"} if by == "cohort" else {"by": ["customers", "channel"], "ascending": [False, True]}
    return frame.sort_values(ignore_index=True, **order)


def _spend(spend: Any, by: str) -> pd.DataFrame:
    import pandas as pd

    for column in ("date", "cost", *(("channel",) if by == "channel" else ())):
        if column not in spend.columns:
            raise InputError(f"spend: no column '{column}'; {nearest(column, spend.columns)}")
    day = pd.to_datetime(spend["date"])
    if by == "cohort":
        label = day.dt.to_period("M").dt.start_time.astype("datetime64[us]")
    else:
        label = spend["channel"].astype(object).where(spend["channel"].notna(), UNKNOWN)
    return pd.DataFrame({"day": day.to_numpy().astype("datetime64[D]").astype(np.int64), "label": label, "cost": spend["cost"].astype(float)})


def _within(paid: pd.DataFrame, opening: int, last: int) -> pd.Series:
    return paid[(paid["day"] >= opening) & (paid["day"] <= last)].groupby("label")["cost"].sum()


def _opening(start: Day | None, paid: pd.DataFrame | None, table: Histories) -> int:
    from opsnb.measures.intervals import as_day

    if start is not None:
        return int(as_day(start).astype(np.int64))
    first = int(table.span()[0] // DAY_US)
    return first if paid is None or paid.empty else max(first, int(paid["day"].min()))


def _cohorts(first: np.ndarray) -> tuple[list[Any], np.ndarray]:
    import pandas as pd

    months, code = np.unique(first.view("datetime64[D]").astype("datetime64[M]"), return_inverse=True)
    return [pd.Timestamp(month) for month in months], code


def _channels(table: Histories, found: Rhythms, users: Any) -> tuple[list[Any], np.ndarray]:
    """The channels, and that of each customer: of the users table where it has one, else of the first order."""
    import pandas as pd

    if users is not None and "channel" in users.columns:
        known = users.drop_duplicates("user_id", keep="last")
        name = pd.Series(known["channel"].to_numpy(object), index=known["user_id"].astype(str)).reindex(table.users[found.user])
        code, labels = pd.factorize(name.where(name.notna(), UNKNOWN), sort=True)
        return list(labels), code
    if "channel" not in table:
        raise NotMeasured("no channel is known of the customers")
    names, code = np.append(np.asarray(table.labels("channel"), object), UNKNOWN), np.zeros(len(table.users), np.int64)
    for part in sales(table, "channel"):
        first = starts(part.user)
        code[part.user[first]] = part.block["channel"][part.row[first]]
    return list(names), code[found.user] % len(names)


def _earned(table: Histories, found: Rhythms, code: np.ndarray, groups: int, discount: float, days: int, months: int,
            as_of: np.datetime64) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Revenue of each customer in the first ``days`` of life; of each group by month of life, and how many lived that month to its end.

    Month 0 is the first day alone, month 1 what follows it up to day 30, and so on. Refunds are taken off when they are given back.
    """
    where = np.full(len(table.users), -1, np.int64)
    where[found.user] = np.arange(len(found.user))
    so_far, by_month = np.zeros(len(found.user)), np.zeros((groups, months + 1))
    full = np.floor(found.T / MONTH).astype(np.int64)  # months of life that are over
    for part in sales(table, as_of=as_of):
        for user, ts, amount in ((part.user, part.ts, part.amount), (part.refund_user, part.refund_ts, -part.refund_amount)):
            who = where[user]
            age = ts // DAY_US - found.first[who]
            inside = (who >= 0) & (age >= 0) & (age < days)
            who, age = who[inside], age[inside]
            worth = amount[inside] * np.exp(-discount * age)
            so_far += np.bincount(who, worth, minlength=len(so_far))
            month = np.where(age == 0, 0, np.floor(age / MONTH).astype(np.int64) + 1)
            counted = (code[who] >= 0) & (month <= months) & (month <= full[who])
            np.add.at(by_month, (code[who[counted]], month[counted]), worth[counted])
    lived = np.zeros((groups, months + 1))
    for place in range(groups):
        age = np.minimum(full[code == place], months)
        lived[place] = np.bincount(age, minlength=months + 1)[::-1].cumsum()[::-1]
    return so_far, by_month, lived


def _still_to_come(worth: Worth, discount: float, days: int, *, vector: np.ndarray | None = None, spent: np.ndarray | None = None,
                   only: np.ndarray | None = None, from_now: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of each customer's revenue from as_of to the ``days``-th day of life, discounted to its first day.

    ``from_now``: to the ``days``-th day from as_of, discounted to as_of.
    """
    model, unit = worth.model, unit_days(worth.model.time_unit)
    found = model.rhythms if only is None else Rhythms(*(column[only] for column in model.rhythms))
    params = model.vector if vector is None else vector
    key, of = np.unique(found.x.astype(np.int64) << 20 | found.T, return_inverse=True)
    x, T = (key >> 20).astype(float), (key & (1 << 20) - 1) / unit
    left = np.full((len(key), 1), days / unit) if from_now else np.maximum(days / unit - T, 0)[:, None]
    moments = Ahead(*(part[of, 0] for part in ahead_of(model.kind, params, x, T, left, discount=discount * unit)))
    staying = alive(model.kind, params, found.x.astype(float), found.t_x / unit, found.T / unit)
    mean, square, product = _order_moments(worth.spending, found, spent)
    worn = 1.0 if from_now else np.exp(-discount * found.T)
    expected = staying * moments.present * mean * worn
    return expected, staying * (moments.squares * square + moments.pairs * product) * worn**2 - expected**2


def _parameter_variance(worth: Worth, code: np.ndarray, groups: int, discount: float, days: int, *, from_now: bool = False) -> np.ndarray:
    """Variance of each group's mean revenue to come from the error of the models' parameters."""
    only = np.flatnonzero(code >= 0)
    if len(only) > SAMPLE:
        only = np.sort(np.random.default_rng(0).choice(only, SAMPLE, replace=False))
    many = np.maximum(np.bincount(code[only], minlength=groups), 1)

    def mean(**given: np.ndarray) -> np.ndarray:
        return np.bincount(code[only], _still_to_come(worth, discount, days, only=only, from_now=from_now, **given)[0], minlength=groups) / many

    total = np.zeros(groups)
    for name, vector, covariance in (("vector", worth.model.vector, worth.model.covariance),
                                     *((("spent", worth.spending.vector, worth.spending.covariance),) if worth.spending else ())):
        slopes = np.array([(mean(**{name: vector * np.exp(step)}) - mean(**{name: vector * np.exp(-step)})) / 0.02 for step in 0.01 * np.eye(len(vector))])
        total += np.einsum("ig,ij,jg->g", slopes, covariance, slopes)
    return total


def ltv_total(worth: Worth) -> pd.DataFrame:
    """What will all of today's customers together bring, with the interval that single customers' chances leave?

    Input: what :func:`ltv` returned. One row per horizon. Output columns: ``days``; ``customers``; ``orders``, expected; ``ltv``, currency,
    with ``low``, ``high`` at ``worth.level``; ``mean`` = ltv / customers.

    Formula: variances of independent customers added, and the error of the models' parameters by the delta method. That the models hold is
    taken for granted: how far they do not, the hold-out shows (:func:`holdout`).
    """
    import pandas as pd

    discount, everyone, rows = np.log1p(worth.discount_rate) / YEAR, np.zeros(worth.model.customers, np.int64), []
    for days in worth.horizons:
        mean, chance = _still_to_come(worth, discount, days, from_now=True)
        of_mean = _parameter_variance(worth, everyone, 1, discount, days, from_now=True)[0]
        total, many = float(mean.sum()), len(mean)
        half = z_of(worth.level) * float(np.sqrt(chance.sum() + many**2 * of_mean))
        rows.append({"days": days, "customers": many, "orders": float(worth.frame[f"orders_{days}d"].sum()), "ltv": worth.margin_rate * total,
                     "low": worth.margin_rate * max(total - half, 0.0), "high": worth.margin_rate * (total + half),
                     "mean": worth.margin_rate * total / many})
    return pd.DataFrame(rows)


def deciles(worth: Worth, *, days: int | None = None) -> pd.DataFrame:
    """How is the value to come spread over customers: what does each tenth of them bring?

    Input: what :func:`ltv` returned; ``days``: one of its horizons, default the longest. One row per decile, 1: the most valuable.

    Output columns: ``decile``; ``customers``; ``least``, ``mean``: ltv a customer, currency; ``total``; ``value_share`` of all customers'
    ltv, 0 to 1; ``orders``, expected a customer. Ties keep the order of user_id.

    Raises ParameterError for a horizon that was not asked for, NotMeasured with fewer than 10 customers.
    """
    import pandas as pd

    horizon = worth.horizons[-1] if days is None else days
    if horizon not in worth.horizons:
        raise ParameterError(f"days = {horizon} is no horizon; {nearest(horizon, worth.horizons)}")
    if len(worth.frame) < 10:
        raise NotMeasured(f"{len(worth.frame)} customers make no ten groups")
    column = f"ltv_{horizon}d"
    ranked = worth.frame.sort_values(column, ascending=False, kind="stable")
    groups = ranked.assign(decile=1 + np.arange(len(ranked)) * 10 // len(ranked)).groupby("decile")
    frame = groups.agg(customers=("user_id", "size"), least=(column, "min"), mean=(column, "mean"), total=(column, "sum"),
                       orders=(f"orders_{horizon}d", "mean"))
    frame.insert(4, "value_share", frame["total"] / frame["total"].sum() if frame["total"].sum() > 0 else np.nan)
    return pd.DataFrame(frame.reset_index())
