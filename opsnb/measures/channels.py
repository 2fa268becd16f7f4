"""What each channel brings and costs, and the channel whose price jumped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from opsnb.errors import InputError, NotMeasured, nearest
from opsnb.measures.blocks import span_us, starts
from opsnb.measures.intervals import as_day
from opsnb.measures.levels import breaks_apart
from opsnb.measures.purchases import sales
from opsnb.tables.histories import Histories, histories

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.intervals import Day

CERTAIN = 0.01  # corrected p below which a break is named
JUMP = 0.15  # smallest relative rise of a price that is one
LEAST_DAYS = 14
UNKNOWN = "unknown"  # the channel of whoever came through none


def channel_mix(*, users: Any = None, orders: Any = None, spend: Any = None, events: Any = None, start: Day | None = None,
                as_of: Day | None = None) -> pd.DataFrame:
    """What does each channel bring, and at what price?

    Input columns, each table optional: users: user_id, signup_ts, channel; orders: user_id, ts, amount, channel; spend: date, channel,
    cost, clicks; events: user_id, ts, channel. The days from ``start`` to ``as_of``, both included; default: all.

    One row per channel that occurs in any of them, biggest revenue (else most users) first; users without a channel: ``unknown``.

    Output columns: ``channel``; ``visitors``; ``users``, signed up; ``share`` of the signed up, 0 to 1; ``new_customers``, first order in
    the period; ``orders``; ``revenue``, currency, refunds deducted; ``revenue_share``; ``spend``, currency; ``clicks``;
    ``cost_per_click``, ``cac``, currency; ``roas``. Null: not measured.

    Formula: new customers belong to the channel of the users table, else of their first order; orders and their revenue to the order's
    channel, else to the user's. cac = spend / new_customers; roas = revenue / spend: attributed, not incremental. Ratios are null where the
    denominator is 0 or the channel has no spend.

    Raises NotMeasured when there is no channel anywhere in the period.

    >>> import pandas as pd
    >>> day = pd.Timestamp("2025-06-18")
    >>> users = pd.DataFrame({"user_id": list("abc"), "signup_ts": day, "channel": ["search", "search", "video"]})
    >>> orders = pd.DataFrame({"user_id": list("ab"), "ts": day, "amount": [30.0, 20.0]})
    >>> spend = pd.DataFrame({"date": [day], "channel": ["search"], "cost": [10.0]})
    >>> channel_mix(users=users, orders=orders, spend=spend)[["channel", "users", "new_customers", "revenue", "spend", "cac", "roas"]]
      channel  users  new_customers  revenue  spend  cac  roas
    0  search    2.0            2.0     50.0   10.0  5.0   5.0
    1   video    1.0            0.0      0.0    NaN  NaN   NaN
    """
    import pandas as pd

    acquired = None if users is None or "channel" not in users.columns else _acquired(users)
    columns: dict[str, pd.Series] = {}
    if events is not None and "channel" in (events := histories(events)):
        columns["visitors"] = _visitors(events, start, as_of)
    if acquired is not None:
        within = _within(acquired["signup_ts"], start, as_of)
        columns["users"] = acquired[within].groupby("channel").size()
    if orders is not None and (acquired is not None or "channel" in (orders := histories(orders, "orders"))):
        columns |= _bought(histories(orders, "orders"), acquired, start, as_of)
    if spend is not None:
        for column in ("date", "channel", "cost"):
            if column not in spend.columns:
                raise InputError(f"spend: no column '{column}'; {nearest(column, spend.columns)}")
        paid = spend[_within(pd.to_datetime(spend["date"]), start, as_of)].groupby("channel")
        columns["spend"] = paid["cost"].sum()
        if "clicks" in spend.columns:
            columns["clicks"] = paid["clicks"].sum(min_count=1)
    names = ("visitors", "users", "new_customers", "orders", "revenue", "spend", "clicks")
    mix = pd.DataFrame({name: columns[name].astype(float) for name in names if name in columns})
    if mix.empty:
        raise NotMeasured("no channel is named in this period")
    for name in names[:5]:  # a channel that nobody came through has 0; one without a line in spend has no price
        mix[name] = mix[name].fillna(0.0) if name in columns else np.nan
    mix = mix.reindex(columns=[*names])
    mix["share"], mix["revenue_share"] = (mix[name] / mix[name].sum() if mix[name].sum() > 0 else np.nan for name in ("users", "revenue"))
    mix["cost_per_click"] = mix["spend"] / mix["clicks"].where(mix["clicks"] > 0)
    mix["cac"] = mix["spend"] / mix["new_customers"].where(mix["new_customers"] > 0)
    mix["roas"] = mix["revenue"] / mix["spend"].where(mix["spend"] > 0)
    mix = mix.rename_axis("channel").reset_index()
    mix = mix.sort_values(["revenue", "users", "channel"], ascending=[False, False, True], ignore_index=True)
    return mix[["channel", "visitors", "users", "share", "new_customers", "orders", "revenue", "revenue_share", "spend", "clicks",
                "cost_per_click", "cac", "roas"]]


def _within(day: pd.Series, start: Day | None, as_of: Day | None) -> pd.Series:
    inside = day.notna()
    if start is not None:
        inside &= day >= as_day(start)
    if as_of is not None:
        inside &= day < as_day(as_of) + np.timedelta64(1, "D")
    return inside


def _acquired(users: Any) -> pd.DataFrame:
    import pandas as pd

    channel = users["channel"].astype(object).where(users["channel"].notna(), UNKNOWN)
    known = pd.DataFrame({"user_id": users["user_id"].astype(str), "signup_ts": pd.to_datetime(users["signup_ts"]), "channel": channel})
    return known.drop_duplicates("user_id", keep="last")


def _visitors(events: Histories, start: Day | None, as_of: Day | None) -> pd.Series:
    """Different users per channel with an event in the period."""
    import pandas as pd

    low, high = span_us(start, as_of)
    names = np.append(events.labels("channel"), UNKNOWN)
    counts = np.zeros(len(names), np.int64)
    for block in events.blocks("channel"):
        keep = np.flatnonzero((block.ts >= low) & (block.ts < high))
        pairs = np.sort(block.user[keep].astype(np.int64) * len(names) + block["channel"][keep] % len(names))
        counts += np.bincount(pairs[starts(pairs)] % len(names), minlength=len(names))
    return pd.Series(counts, names)[lambda series: series > 0].groupby(level=0).sum()


def _bought(orders: Histories, acquired: pd.DataFrame | None, start: Day | None, as_of: Day | None) -> dict[str, pd.Series]:
    """New customers, orders and revenue by channel."""
    import pandas as pd

    low, high = span_us(start, as_of)
    of_order = "channel" in orders
    names = pd.Index([UNKNOWN])
    own_code, user_code = np.zeros(0, np.int64), np.zeros(len(orders.users), np.int64)  # into names; 0: unknown
    if of_order:
        labels = orders.labels("channel")
        names = names.append(pd.Index(labels, dtype=object)).unique()
        own_code = np.append(names.get_indexer(labels), 0)
    if acquired is not None:
        names = names.append(pd.Index(acquired["channel"].unique(), dtype=object)).unique()
        user_code = names.get_indexer(acquired.set_index("user_id")["channel"].reindex(orders.users).fillna(UNKNOWN))
    totals = {name: np.zeros(len(names)) for name in ("new_customers", "orders", "revenue")}

    def add(name: str, codes: np.ndarray, weights: np.ndarray | None = None) -> None:
        totals[name] += np.bincount(codes, weights, minlength=len(names))

    for found in sales(orders, *(("channel",) if of_order else ()), as_of=as_of):
        of_user = user_code[found.user]
        own = own_code[found.block["channel"][found.row]] if of_order else of_user
        channel = np.where(own > 0, own, of_user)
        first = starts(found.user)
        inside = (found.ts >= low) & (found.ts < high)
        new = first[inside[first]]
        add("new_customers", (channel if acquired is None else of_user)[new])
        add("orders", channel[inside])
        add("revenue", channel[inside], found.amount[inside])
        given = (found.refund_ts >= low) & (found.refund_ts < high)
        last = np.searchsorted(found.user, found.refund_user[given], side="right") - 1
        known = np.append(found.user, -1)[last] == found.refund_user[given]  # index -1, before all users, finds the -1
        add("revenue", channel[last[known]], -found.refund_amount[given][known])  # taken off the channel of the user's last order
    seen = (totals["orders"] > 0) | (totals["new_customers"] > 0) | (totals["revenue"] != 0)
    return {name: pd.Series(values[seen], names[seen]) for name, values in totals.items()}


def channel_prices(spend: Any, *, users: Any = None, start: Day | None = None, as_of: Day | None = None) -> pd.DataFrame:
    """What a click, or without clicks a new user, costs by channel and day.

    Input columns: spend: date, channel, cost, clicks; without clicks users: user_id, signup_ts, channel.

    One row per channel and day with spend. Output columns: ``channel``; ``date``; ``cost``, currency; ``bought``, clicks or users;
    ``price`` = cost / bought, currency, null where nothing was bought; ``unit``: ``click`` or ``user``.

    Raises NotMeasured where there are neither clicks nor users with a channel, InputError for a missing column.

    >>> import pandas as pd
    >>> channel_prices(pd.DataFrame({"date": ["2025-01-01"], "channel": ["search"], "cost": [10.0], "clicks": [4]}))
      channel       date  cost  bought  price   unit
    0  search 2025-01-01  10.0     4.0    2.5  click
    """
    import pandas as pd

    for column in ("date", "channel", "cost"):
        if column not in spend.columns:
            raise InputError(f"spend: no column '{column}'; {nearest(column, spend.columns)}")
    frame = spend.assign(date=pd.to_datetime(spend["date"]).astype("datetime64[us]"))
    frame = frame[_within(frame["date"], start, as_of) & (frame["cost"] > 0)]
    keys = ["channel", "date"]
    prices = frame.groupby(keys, as_index=False)["cost"].sum()
    if "clicks" in frame.columns and frame["clicks"].notna().any():
        bought, unit = frame.groupby(keys, as_index=False)["clicks"].sum().rename(columns={"clicks": "bought"}), "click"
    elif users is not None and "channel" in users.columns:
        signed = _acquired(users).assign(date=lambda rows: rows["signup_ts"].dt.normalize().astype("datetime64[us]"))
        bought, unit = signed.groupby(keys, as_index=False).size().rename(columns={"size": "bought"}), "user"
    else:
        raise NotMeasured("the price of a channel needs clicks in the spend table, or a users table with channels")
    if prices.empty:
        raise NotMeasured("nothing was spent in this period")
    prices = prices.merge(bought, on=keys, how="left", validate="one_to_one")
    prices["bought"] = prices["bought"].fillna(0).astype(float)
    prices["price"] = prices["cost"] / prices["bought"].where(prices["bought"] > 0)
    return prices.assign(unit=unit)


def cost_breaks(spend: Any, *, users: Any = None, start: Day | None = None, as_of: Day | None = None) -> pd.DataFrame:
    """In which channel did the price of a click (or new user) jump and stay up, and since when?

    Input columns: as :func:`channel_prices`.

    One row per channel that broke, biggest extra cost first; none where prices are steady.

    Output columns: ``channel``; ``unit``, click or user; ``since``, the first dear day; ``since_low``, ``since_high``, its 95% range;
    ``price_before``, ``price_after``, currency, cost / bought of the days before and since; ``relative_change``, against the other
    channels over the same days; ``extra_cost`` since then, currency; ``days`` since; ``statistic``; ``p_value``, corrected for the number
    of channels.

    Formula: :func:`opsnb.measures.levels.breaks_apart` of the log prices by day: the likeliest lasting step against the course of the
    other channels, so that a dear season is no break, compared with 999 series of shuffled weeks. Named where p < .01, the rise is at
    least 15%, and half of it is still there in the last two weeks.

    Raises as :func:`channel_prices`.
    """
    import pandas as pd

    prices = channel_prices(spend, users=users, start=start, as_of=as_of)
    logs = np.log(prices.pivot(index="date", columns="channel", values="price").asfreq("D"))
    count = len(logs.columns)
    broken = breaks_apart(logs.to_numpy(float), least=LEAST_DAYS, certain=CERTAIN / count, block=7)
    found = [{"channel": logs.columns[column], "since": logs.index[one.at], "since_low": logs.index[one.low], "since_high": logs.index[one.high],
              "relative_change": np.expm1(one.after - one.before), "statistic": one.statistic, "p_value": one.p_value * count}
             for column, one in broken.items() if one.lasts and one.after - one.before >= np.log1p(JUMP)]
    columns = ["channel", "unit", "since", "since_low", "since_high", "price_before", "price_after", "relative_change", "extra_cost",
               "days", "statistic", "p_value"]
    frame = pd.DataFrame(found)
    if frame.empty:
        return pd.DataFrame(columns=columns)
    sums = [_sums(prices[prices["channel"] == row.channel], row.since, row.relative_change) for row in frame.itertuples()]
    summed = pd.DataFrame(sums, columns=["price_before", "price_after", "extra_cost", "days"])
    frame = pd.concat([frame, summed], axis=1)
    return frame.assign(unit=prices["unit"].iloc[0]).sort_values("extra_cost", ascending=False, kind="stable", ignore_index=True)[columns]


def _sums(prices: pd.DataFrame, since: pd.Timestamp, rise: float) -> tuple[float, float, float, int]:
    before, after = (prices[prices["date"] < since], prices[prices["date"] >= since])
    return (before["cost"].sum() / before["bought"].sum(), after["cost"].sum() / after["bought"].sum(),
            after["cost"].sum() * (1 - 1 / (1 + rise)), int((prices["date"].max() - since).days) + 1)
