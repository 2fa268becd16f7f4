"""Who is leaving, how well that can be told, and whom to call first.

**A customer** is a user with an order. **With us** on a day: seen (an event or an order) in the ``horizon_days`` that end with it; **lost**: not.
**Churned**: with us on a day and not seen in the ``horizon_days`` after it. So churn is staying away, visits included where there are events:
who still looks round has not left. The chance that a model of purchases gives to "still alive" is no churn score: it is 1 for everyone
who bought once, whatever happened since.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from opsnb.errors import NotMeasured, ParameterError
from opsnb.measures.backtest import Model, Window, checked, no_better_than_a_coin
from opsnb.measures.habits import Ledger, as_points, habits, ledger, seen_within, snapshots

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.intervals import Day

HORIZON_DAYS = 60
FACTOR = 3.0  # silent for so many usual gaps: if gaps come at random, 5% of them are longer
MOST_WINDOWS = 7  # one to check in and up to six to learn from
FEWEST_SEEN = 2
SHOWN = ["silent_days", "usual_gap_days", "silence", "overdue", "orders", "revenue", "revenue_365d"]


def silence(orders: Any, events: Any = None, *, as_of: Day | None = None, factor: float = FACTOR) -> pd.DataFrame:
    """Which customers have been silent for longer than they usually are?

    Input columns: orders: user_id, ts, amount; order_id and refund where there are; ``events``: user_id, ts, whose days count as being there.

    One row per customer with an order up to ``as_of`` (default: the last day of the tables), by user_id.

    Output columns: ``user_id``; ``silent_days`` since they were last seen; ``usual_gap_days`` between two days on which they are; ``silence`` =
    silent_days / usual_gap_days; ``overdue``: is that more than ``factor``; ``orders``; ``revenue``, currency, refunds deducted;
    ``revenue_365d``: that of the last 365 days.

    Formula: :func:`opsnb.measures.habits.habits`: usual_gap_days is the mean of the customer's own gaps and one that is the mean of all users',
    at least a day; so who came once is measured by everybody's gap.

    Raises NotMeasured without an order, ParameterError for a factor that is not above 0, InputError for a missing column.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"user_id": list("aaab"), "amount": 9.0,
    ...                        "ts": pd.to_datetime(["2025-01-01", "2025-01-11", "2025-01-21", "2025-02-05"])})
    >>> silence(orders, as_of="2025-03-02")[["user_id", "silent_days", "usual_gap_days", "silence", "overdue"]]
      user_id  silent_days  usual_gap_days  silence  overdue
    0       a           40            10.0      4.0     True
    1       b           25            10.0      2.5    False
    """
    _positive(factor=factor)
    book = ledger(orders, events, as_of=as_of)
    return _shown(book, _customers(book, book.last), factor)


class Churn(NamedTuple):
    """What :func:`churn` returns.

    ``frame``: the customers who are with us today. ``quality``, ``deciles``, ``calibration``: of the check window, see
    :func:`opsnb.measures.backtest.checked`. ``used``: the score that is used, "rule", "logistic" or "boosted". ``trial``: the customers of the check
    window with what was said and what came. ``checked_from``: the last day known to it, ``as_of``: today; ``horizon_days``; ``factor`` of the
    rule; ``lost``: customers who are no longer with us, ``lost_value`` their revenue of the last 365 days.
    """

    frame: pd.DataFrame
    quality: pd.DataFrame
    deciles: pd.DataFrame
    calibration: pd.DataFrame
    used: str
    trial: pd.DataFrame
    checked_from: np.datetime64
    as_of: np.datetime64
    horizon_days: int
    factor: float
    lost: int
    lost_value: float


def churn(orders: Any, events: Any = None, *, as_of: Day | None = None, horizon_days: int = HORIZON_DAYS, factor: float = FACTOR,
          model: Model = "logistic", level: float = 0.95, random_state: int = 0) -> Churn:
    """How likely is each customer to stay away for the next ``horizon_days``, and how good is that foresight?

    Input columns: those of :func:`silence`. Rows after ``as_of`` (default: the last day of the tables) are not looked at. ``model``: "logistic", or
    "boosted" for scikit-learn's gradient-boosted trees.

    Output: :class:`Churn`. ``frame``, one row per customer with us at as_of, the likeliest to leave first, of equal scores the longer silence:
    ``user_id``; ``silent_days``, ``usual_gap_days``, ``silence``, ``overdue``, ``orders``, ``revenue``, ``revenue_365d`` as in :func:`silence`; ``score``:
    chance to stay away for the next ``horizon_days``, 0 to 1; ``reason``: what speaks for it: "silent-too-long" (overdue), "comes-less" (in the last
    30 days on less than half as many days as usual), "came-once" (one active day), else "like-those-who-left". ``trial``, one row per customer with
    us when the check window began: ``user_id``; ``score``; ``revenue_365d``, of the days before it; ``churned``.

    Formula: the rule is silence; the model sees the columns :data:`opsnb.measures.habits.FEATURES`, on the log scale.
    Both learn in up to six windows of ``horizon_days`` that were over when the check window began, and are checked in the last one that
    is over at as_of: :func:`opsnb.measures.backtest.checked`, which says when the model is used. Scores of today have learnt from that one, too.

    Raises NotMeasured without an order; where the history is too short for two windows and a look back; where fewer than 10 customers stayed
    away, or came back, in either; and where nobody is with us. ParameterError for an option that makes no sense.
    """
    import pandas as pd

    _positive(factor=factor, horizon_days=horizon_days)
    book = ledger(orders, events, as_of=as_of)
    days = snapshots(book, horizon_days, most=MOST_WINDOWS)
    known = [_with_us(book, day, horizon_days) for day in days]
    everyone = _customers(book, book.last)
    today = everyone[everyone["silent_days"] < horizon_days].reset_index(drop=True)
    _enough(known, today, book, days, horizon_days)
    windows = [Window(as_points(rows), rows["silence"].to_numpy(), ~seen_within(book, rows["user"].to_numpy(), day, day + horizon_days))
               for rows, day in zip(known, days, strict=True)]
    of_today = Window(as_points(today), today["silence"].to_numpy(), np.zeros(len(today), bool))
    found = checked(windows, of_today, model=model, level=level, random_state=random_state)
    frame = _shown(book, today, factor).assign(score=found.now, reason=_reasons(today, factor))
    gone = everyone["silent_days"] >= horizon_days
    trial = pd.DataFrame({"user_id": book.users[known[0]["user"]], "score": found.chances, "revenue_365d": known[0]["revenue_365d"],
                          "churned": windows[0].happened})
    return Churn(frame.sort_values(["score", "silence"], ascending=False, kind="stable", ignore_index=True), found.quality, found.deciles, found.calibration,
                 found.used, trial, np.datetime64(days[0], "D"), np.datetime64(book.last, "D"), horizon_days, factor, int(gone.sum()),
                 float(everyone.loc[gone, "revenue_365d"].sum()))


def _customers(book: Ledger, day: int) -> pd.DataFrame:
    """The habits of those who have ordered by then."""
    known = habits(book, as_of=day)
    return known[known["orders"] > 0].reset_index(drop=True)


def _with_us(book: Ledger, day: int, horizon: int) -> pd.DataFrame:
    rows = _customers(book, day)
    return rows[rows["silent_days"] < horizon].reset_index(drop=True)


def _enough(known: list[pd.DataFrame], today: pd.DataFrame, book: Ledger, days: list[int], horizon: int) -> None:
    """Raises NotMeasured, in the question's own words, where there is nobody to tell apart."""
    if len(today) == 0:
        raise NotMeasured(f"no customer was seen in the last {horizon} days: there is nobody left to keep")
    if not len(known[0]):
        raise NotMeasured(f"no customer was seen in the {horizon} days before {np.datetime64(days[0], 'D')}, so nobody could leave after them")
    back = seen_within(book, known[0]["user"].to_numpy(), days[0], days[0] + horizon)
    if not back.any():
        raise NotMeasured(f"everybody seen in the {horizon} days before {np.datetime64(days[0], 'D')} ({len(back)} in all) stayed away in the {horizon} days "
                          f"after: there is nobody to tell them from")
    if back.all():
        raise NotMeasured(f"everybody seen in the {horizon} days before {np.datetime64(days[0], 'D')} ({len(back)} in all) came back in the {horizon} days "
                          f"after: nobody is leaving")


def _shown(book: Ledger, rows: pd.DataFrame, factor: float) -> pd.DataFrame:
    made = rows.assign(overdue=rows["silence"] > factor)[SHOWN]
    made.insert(0, "user_id", book.users[rows["user"]])
    return made.astype({"orders": np.int64})


def _reasons(rows: pd.DataFrame, factor: float) -> np.ndarray:
    usual = np.minimum(30, rows["age_days"] + 1) / rows["usual_gap_days"]
    return np.select([rows["silence"] > factor, rows["active_days"] < FEWEST_SEEN, rows["recent_days"] < usual / 2],
                     ["silent-too-long", "came-once", "comes-less"], "like-those-who-left").astype(object)


def _positive(**options: float) -> None:
    for name, value in options.items():
        if not value > 0:
            raise ParameterError(f"{name} = {value}; allowed: more than 0")


# Whom to call ------------------------------------------------------------------------------------------------------------

class Recall(NamedTuple):
    """What :func:`recall_list` returns: ``frame``, the list; ``left_out``, who is not on it and why; ``check``: the same list, made when the check
    window began, and what became of those on it; ``win_back_rate``: the assumption behind it."""

    frame: pd.DataFrame
    left_out: pd.DataFrame
    check: pd.DataFrame
    win_back_rate: float


def recall_list(found: Churn, *, budget: float | None = None, cost_per_contact: float = 1.0, win_back_rate: float = 0.1,
                least_score: float = 0.5) -> Recall:
    """Whom to call first, for a budget?

    Input: a :class:`Churn`. ``cost_per_contact`` and ``budget`` in the data's currency; ``win_back_rate``: share of those about to leave that a call
    keeps. That is an assumption of yours, the data cannot know it before some were called and others, drawn at random, were not.

    Output: :class:`Recall`. ``frame``, one row per customer to call, the most valuable call first: ``user_id``; ``reason``; ``score``: chance to stay
    away, 0 to 1; ``revenue_365d``: what is at stake; ``expected_value`` of the call = score x win_back_rate x revenue_365d, currency;
    ``cumulative_cost``, ``cumulative_value``. ``left_out``, one row per reason: ``reason``: "lost" (not seen for ``horizon_days``), "staying" (score
    below ``least_score``), "not-worth-it" (the call costs more than it is expected to bring), "beyond-budget"; ``users``; ``revenue_365d``. ``check``, one row
    per tenth of the list made in the same way when the check window began: ``part``, so many tenths of the list; ``users``; ``churned``;
    ``rate`` = churned / users with ``low``, ``high`` (Wilson); ``lift`` = rate / rate of all who were with us; ``value_caught``: share of all
    the value of those who left.

    Raises ParameterError for a negative budget or a cost or rate that makes no sense, NotMeasured where there is nobody to call, and where the
    score told leavers from stayers no better than a coin in the check window (the interval of its AUC reaches one half).
    """
    import pandas as pd

    _positive(cost_per_contact=cost_per_contact)
    if budget is not None and budget < 0:
        raise ParameterError(f"budget = {budget}; allowed: 0 or more")
    for name, share in (("win_back_rate", win_back_rate), ("least_score", least_score)):
        if not 0 < share <= 1:
            raise ParameterError(f"{name} = {share}; allowed: more than 0, up to 1")
    if no_better_than_a_coin(found.quality):
        quality = found.quality[found.quality["used"]].iloc[0]
        raise NotMeasured(f"in the last {found.horizon_days} days that could be checked, the score told who left from who stayed no better than a coin "
                          f"(AUC {quality['auc']:.2f}, {quality['auc_low']:.2f} to {quality['auc_high']:.2f}): no list is better than one drawn by lot")
    rows = _worth(found.frame, win_back_rate)
    leaving = rows["score"] >= least_score
    worth = leaving & (rows["expected_value"] >= cost_per_contact)
    listed = rows[worth].sort_values(["expected_value", "score"], ascending=False, kind="stable", ignore_index=True)
    affordable = len(listed) if budget is None else min(int(budget / cost_per_contact + 1e-9), len(listed))
    left_out = pd.DataFrame([("lost", found.lost, found.lost_value), *(
        (why, len(part), float(part["revenue_365d"].sum())) for why, part in
        (("staying", rows[~leaving]), ("not-worth-it", rows[leaving & ~worth]), ("beyond-budget", listed[affordable:])))],
        columns=["reason", "users", "revenue_365d"])
    if not len(listed):
        raise NotMeasured(f"of {len(rows)} customers seen in the last {found.horizon_days} days none is both likely to leave and worth the cost of a call")
    listed = listed.head(affordable).assign(cumulative_cost=lambda made: cost_per_contact * np.arange(1, len(made) + 1),
                                            cumulative_value=lambda made: made["expected_value"].cumsum())
    check = _check(found.trial, win_back_rate, cost_per_contact, least_score)
    return Recall(listed[["user_id", "reason", "score", "revenue_365d", "expected_value", "cumulative_cost", "cumulative_value"]], left_out, check,
                  win_back_rate)


def recall_summary(listed: Recall) -> pd.DataFrame:
    """Who is on the list and who is not, and why: one row per reason, those on the list first.

    Output columns: ``reason``; ``listed``: is it a reason to be on it; ``users``; ``revenue_365d``: what they spent in the last 365 days, currency;
    ``expected_value`` of calling them, null for those who are not called.
    """
    import pandas as pd

    reasons = listed.frame.groupby("reason", as_index=False).agg(users=("user_id", "size"), revenue_365d=("revenue_365d", "sum"),
                                                                 expected_value=("expected_value", "sum"))
    reasons = reasons.sort_values("expected_value", ascending=False, kind="stable").assign(listed=True)
    both = pd.concat([reasons, listed.left_out[listed.left_out["users"] > 0].assign(listed=False, expected_value=np.nan)], ignore_index=True)
    return both[["reason", "listed", "users", "revenue_365d", "expected_value"]]


def _worth(rows: pd.DataFrame, win_back_rate: float) -> pd.DataFrame:
    return rows.assign(expected_value=rows["score"] * win_back_rate * rows["revenue_365d"].clip(lower=0))


def _check(trial: pd.DataFrame, win_back_rate: float, cost: float, least_score: float) -> pd.DataFrame:
    """What became of those whom the list of then named."""
    import pandas as pd

    from opsnb.measures.intervals import wilson

    rows = _worth(trial, win_back_rate)
    listed = rows[(rows["score"] >= least_score) & (rows["expected_value"] >= cost)].sort_values(
        ["expected_value", "score"], ascending=False, kind="stable")
    total = rows["revenue_365d"].clip(lower=0)[rows["churned"]].sum()
    edges = np.unique(np.ceil(np.arange(1, 11) * len(listed) / 10).astype(int)) if len(listed) else np.empty(0, int)
    churned = listed["churned"].to_numpy(float).cumsum()[edges - 1]
    caught = (listed["revenue_365d"].clip(lower=0) * listed["churned"]).to_numpy(float).cumsum()[edges - 1]
    low, high = wilson(churned, edges)
    return pd.DataFrame({"part": np.arange(1, len(edges) + 1), "users": edges, "churned": churned.astype(int), "rate": churned / np.maximum(edges, 1),
                         "low": low, "high": high, "lift": churned / np.maximum(edges, 1) / rows["churned"].mean(),
                         "value_caught": caught / total if total > 0 else np.full(len(edges), np.nan)})
