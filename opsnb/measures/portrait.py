"""What sets each group of users apart: their attributes beside everyone's, with nobody singled out.

**Index**: 120 says that a value is a fifth more common in the group than among all. A cell of fewer than 20 users is not shown; nor are
further cells from which it could be worked out by subtraction.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import erfc
from typing import TYPE_CHECKING

import numpy as np

from opsnb.errors import InputError, NotMeasured, ParameterError, nearest
from opsnb.measures.intervals import benjamini_hochberg, binomial_llr, wilson, z_of

if TYPE_CHECKING:
    import pandas as pd

LEAST_USERS = 20  # in a cell that is shown
MOST_VALUES = 8  # of one attribute; the others are one
BANDS = 4  # of a number
CERTAIN = 0.05
OTHER = "other"
NOT_ATTRIBUTES = ("user_id", "signup_ts")


def portrait(users: pd.DataFrame, groups: pd.DataFrame, *, group: str | None = None, attributes: Sequence[str] | None = None,
             least_users: int = LEAST_USERS, level: float = 0.95) -> pd.DataFrame:
    """In which attributes does each tier or persona differ from all users?

    Input columns: ``users``: user_id and its attributes, labels or numbers; ``groups``: user_id and ``group`` (default: "tier" or "persona",
    else its only other column), one row per user. Who is in both frames is counted. ``attributes``: which ones (default: all but times).

    One row per group, attribute and value: groups by size, attributes as they stand in users, values by size in all, bands in order.

    Output columns: the group's own name; ``attribute``; ``value``; ``users`` of the group with that value; ``group_users`` of whom the
    attribute is known; ``share`` of them, 0 to 1; ``all_users``, ``all_share``: the same of all groups together; ``index`` = 100 x share /
    all_share; ``low``, ``high``: its interval of this ``level``; ``p_value``, corrected for the number of cells; ``apart``: p below .05, so
    more than noise; ``suppressed``: fewer than ``least_users`` users, or needed to protect such a cell: users, share, index, interval and p
    are null; of a value that is rare among all, all_users and all_share, too, and of a group with fewer users, group_users.

    Formula: interval of the logarithm of the index by the delta method, the group being a part of all; at 0 users from 0 to Wilson's upper
    end. p: likelihood ratio of the group against the others, Benjamini and Hochberg over all cells shown. Numbers become bands between
    quartiles; of a label's values the 8 largest of at least least_users, the others together as "other"; a missing value is no value.

    Raises InputError for a missing column or a user in two groups, ParameterError for least_users below 2, NotMeasured where the frames
    share no user or no attribute has a value.

    >>> import pandas as pd
    >>> users = pd.DataFrame({"user_id": range(200), "city": ["big"] * 100 + ["small"] * 100})
    >>> groups = pd.DataFrame({"user_id": range(200), "tier": (["high"] * 60 + ["low"] * 40) + (["high"] * 30 + ["low"] * 70)})
    >>> portrait(users, groups)[["tier", "value", "users", "group_users", "share", "index", "apart"]].round(2)
       tier  value  users  group_users  share   index  apart
    0   low    big   40.0        110.0   0.36   72.73   True
    1   low  small   70.0        110.0   0.64  127.27   True
    2  high    big   60.0         90.0   0.67  133.33   True
    3  high  small   30.0         90.0   0.33   66.67   True
    """
    import pandas as pd

    if least_users < 2:
        raise ParameterError(f"least_users = {least_users}; allowed: 2 or more, so that nobody is singled out")
    group = _group_column(groups, group)
    asked = _attributes(users, attributes, group)
    one = groups[["user_id", group]].dropna()
    one = one.assign(user_id=one["user_id"].astype(str))
    if one["user_id"].duplicated().any():
        raise InputError(f"groups: {one['user_id'].duplicated().sum()} rows are of users who have a row already; one row per user")  # an error may reach a page
    people = users.assign(user_id=users["user_id"].astype(str)).drop_duplicates("user_id")[["user_id", *asked]].merge(one, on="user_id")
    if people.empty:
        raise NotMeasured("no user has both attributes and a group")
    order = people[group].value_counts(sort=False).sort_values(ascending=False, kind="stable").index
    parts = []
    for attribute in asked:
        value = _values(people[attribute], least_users)
        known = value.notna()
        if not known.any():
            continue
        table = pd.crosstab(people.loc[known, group], value[known]).reindex(order, fill_value=0)
        if not isinstance(value.dtype, pd.CategoricalDtype):
            table = table[table.sum().sort_values(ascending=False, kind="stable").index]
        if OTHER in table.columns:
            table = table[[*table.columns.drop(OTHER), OTHER]]
        parts.append(_cells(table, group, attribute, least_users, level))
    if not parts:
        raise NotMeasured("no attribute of the users has a value")
    frame = pd.concat(parts, ignore_index=True)
    frame["p_value"] = benjamini_hochberg(frame["p_value"])
    frame["apart"] = frame["p_value"] < CERTAIN
    place = {name: number for number, name in enumerate(order)}
    return frame.sort_values(group, key=lambda column: column.map(place), kind="stable", ignore_index=True)


def _group_column(groups: pd.DataFrame, group: str | None) -> str:
    others = [column for column in groups.columns if column != "user_id"]
    chosen = group or next((column for column in ("tier", "persona") if column in others), others[0] if len(others) == 1 else None)
    for column in ("user_id", chosen):
        if column is None or column not in groups.columns:
            raise InputError(f"groups: no column '{column or 'tier'}'; {nearest(column or 'tier', groups.columns)}")
    return str(chosen)


def _attributes(users: pd.DataFrame, attributes: Sequence[str] | None, group: str) -> list[str]:
    import pandas as pd

    for column in ("user_id", *(attributes or ())):
        if column not in users.columns:
            raise InputError(f"users: no column '{column}'; {nearest(column, users.columns)}")
    if attributes is not None:
        return list(attributes)
    return [column for column in users.columns
            if column not in (*NOT_ATTRIBUTES, group) and not pd.api.types.is_datetime64_any_dtype(users[column])]


def _values(column: pd.Series, least_users: int) -> pd.Series:
    """Labels, of which rare ones are "other"; numbers as bands between quartiles."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column) and column.nunique() > MOST_VALUES:
        cuts = np.unique(np.nanquantile(column.astype(float), np.linspace(0, 1, BANDS + 1)))
        names = [f"{low:g}–{high:g}" for low, high in pairwise(cuts)]
        return pd.cut(column, cuts, labels=names, include_lowest=True)
    text = column.astype(object).where(column.notna())
    text = text.map(lambda value: str(int(value)) if isinstance(value, float) and value == int(value) else str(value), na_action="ignore")
    text = text.where(text != "")
    often = text.value_counts().sort_values(ascending=False, kind="stable")
    kept = often[often >= least_users].index[:MOST_VALUES]
    return text.where(text.isna() | text.isin(kept), OTHER)


def _cells(table: pd.DataFrame, group: str, attribute: str, least_users: int, level: float) -> pd.DataFrame:
    """The rows of one attribute out of its table of groups and values."""
    import pandas as pd

    count = table.to_numpy()
    hidden = _hidden(count, least_users)
    size, every, total = count.sum(axis=1, keepdims=True), count.sum(axis=0, keepdims=True), count.sum()
    rare = _protected(every[0] < least_users, every[0], least_users) | (hidden.all(axis=0) if len(count) == 1 else False)
    with np.errstate(divide="ignore", invalid="ignore"):
        share, all_share = count / size, every / total
        index = share / all_share
        rest, others = every - count, total - size
        rest_share = np.where(others > 0, rest / np.where(others > 0, others, 1), 0)
        part = size / total
        spread = np.sqrt((1 / share - part / all_share) ** 2 * share * (1 - share) / size
                         + np.where(others > 0, ((1 - part) / all_share) ** 2 * rest_share * (1 - rest_share) / np.where(others > 0, others, 1), 0))
        z = z_of(level)
        _, upper = wilson(count, np.broadcast_to(size, count.shape), level)
        low = np.where(count > 0, index * np.exp(-z * spread), 0.0)
        high = np.where(count > 0, index * np.exp(z * spread), upper / all_share)
    ratio = binomial_llr(count, np.broadcast_to(size, count.shape), rest, np.broadcast_to(others, count.shape))
    p = np.where(others > 0, np.vectorize(lambda value: erfc(np.sqrt(value / 2)), otypes=[float])(ratio), np.nan)

    def shown(values: np.ndarray, hidden: np.ndarray = hidden) -> np.ndarray:
        return np.where(hidden, np.nan, np.broadcast_to(values, count.shape).astype(float)).ravel()

    groups, values = np.meshgrid(table.index.to_numpy(object), table.columns.to_numpy(object), indexing="ij")
    return pd.DataFrame({group: groups.ravel(), "attribute": attribute, "value": values.ravel(), "users": shown(count),
                         "group_users": shown(size, size < least_users), "share": shown(share), "all_users": shown(every, rare),
                         "all_share": shown(all_share, rare), "index": shown(100 * index), "low": shown(100 * low), "high": shown(100 * high),
                         "p_value": shown(p), "suppressed": hidden.ravel()})


def _hidden(count: np.ndarray, least_users: int) -> np.ndarray:
    """Cells that are not shown: the small ones, and the smallest others without which a sum would tell them.

    A row (group) or column (value) with hidden cells needs two of them at least, which hold ``least_users`` together; else its total less
    the cells shown would tell the small one. A table of one row or column hides whole.
    """
    hidden = count < least_users
    while True:
        before = hidden.copy()
        for row in range(count.shape[0]):
            hidden[row] = _protected(hidden[row], count[row], least_users, hidden.any(axis=0))
        for column in range(count.shape[1]):
            hidden[:, column] = _protected(hidden[:, column], count[:, column], least_users, hidden.any(axis=1))
        if (hidden == before).all():
            return hidden


def _protected(hidden: np.ndarray, count: np.ndarray, least_users: int, rather: np.ndarray | None = None) -> np.ndarray:
    """The cells of one sum to hide, so that those hidden are several and hold enough users together; ``rather`` those, the smallest first."""
    hidden, last = hidden.copy(), np.zeros(len(count), bool) if rather is None else ~rather
    while hidden.any() and not hidden.all() and (hidden.sum() < 2 or count[hidden].sum() < least_users):
        left = np.flatnonzero(~hidden)
        hidden[left[np.lexsort((count[left], last[left]))[0]]] = True
    return hidden
