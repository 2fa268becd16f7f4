"""Cohorts, repeat purchase and its breaks: by hand, and against plain Python."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsnb.errors import InputError, NotMeasured, ParameterError
from opsnb.measures import repeats, retention
from opsnb.measures.intervals import wilson
from opsnb.tables.parquet import open_parquet
from tests.measures.logs import in_blocks

START = pd.Timestamp("2025-01-01")


def visits(*rows):
    frame = pd.DataFrame(rows, columns=["user_id", "date", "channel"][:len(rows[0])])
    return frame.assign(ts=pd.to_datetime(frame.pop("date")), event="home")


EVENTS = visits(("a", "2025-01-05", "x"), ("a", "2025-02-10", "y"), ("a", "2025-03-01", "x"), ("b", "2025-01-31", "y"),
                ("b", "2025-03-02", "y"), ("c", "2025-02-01", "x"), ("c", "2025-02-02", "y"))


def cell(found, cohort, index):
    return found[(found["cohort"] == cohort) & (found["period_index"] == index)].iloc[0]


def test_months_by_hand():
    found = retention.cohort_retention(EVENTS, as_of="2025-03-31")
    # January: a and b; February: a of them; March: both. February: c; nobody in March.
    assert found["cohort_users"].tolist() == [2, 2, 2, 1, 1, 1]
    assert found["retained"].tolist()[:5] == [2, 1, 2, 1, 0]
    assert np.isnan(found["retained"].iloc[5])  # February + 2 = April: nobody knows yet
    assert cell(found, "2025-01-01", 1)["retention_rate"] == 0.5
    low, high = wilson(1, 2)
    assert cell(found, "2025-01-01", 1)[["low", "high"]].tolist() == [float(low), float(high)]


def test_a_period_that_has_not_ended_is_null_and_not_zero():
    found = retention.cohort_retention(EVENTS, as_of="2025-03-30")
    assert np.isnan(cell(found, "2025-01-01", 2)["users"])
    assert cell(found, "2025-01-01", 2)["cohort_users"] == 2
    assert cell(found, "2025-02-01", 0)["retained"] == 1


def test_on_or_after_counts_who_is_seen_then_or_later():
    found = retention.cohort_retention(EVENTS, as_of="2025-03-31", kind="on_or_after")
    assert found["retained"].tolist()[:3] == [2, 2, 2]  # a in February and March, b in March: both still there after February
    assert found["users"].tolist()[:3] == [2, 1, 2]


def test_breakdown_is_the_first_visits():
    found = retention.cohort_retention(EVENTS, as_of="2025-03-31", by="channel")
    assert found.groupby("channel")["cohort_users"].first().to_dict() == {"x": 1, "y": 1}
    assert found[found["period_index"] == 0]["cohort_users"].sum() == 3


def test_weeks_start_on_monday():
    events = visits(("a", "2025-06-15"), ("a", "2025-06-16"), ("b", "2025-06-17"))
    found = retention.cohort_retention(events, period="week", as_of="2025-06-22")
    assert found["cohort"].astype(str).tolist() == ["2025-06-09", "2025-06-09", "2025-06-16", "2025-06-16"]
    assert found["retained"].tolist()[:3] == [1, 1, 1]  # the 15th is a Sunday, the 16th a Monday


def test_options_are_checked():
    with pytest.raises(ParameterError, match="did you mean 'on'"):
        retention.cohort_retention(EVENTS, kind="onn")
    with pytest.raises(ParameterError, match="allowed: day, week, month"):
        retention.cohort_retention(EVENTS, period="year")
    with pytest.raises(InputError, match="no column 'chanel'"):
        retention.cohort_retention(EVENTS, by="chanel")
    with pytest.raises(NotMeasured, match="no rows"):
        retention.cohort_retention(EVENTS.iloc[:0])
    with pytest.raises(ParameterError, match="brackets are for kind 'bracket'"):
        retention.cohort_retention(EVENTS, brackets=[1, 3])
    with pytest.raises(ParameterError, match="rising whole numbers from 1 on"):
        retention.cohort_retention(EVENTS, kind="bracket", brackets=[3, 1])
    with pytest.raises(ParameterError, match="whole numbers from 1 on"):
        retention.day_retention(EVENTS, days=[0])
    with pytest.raises(InputError, match="event 'hom' does not occur"):
        retention.cohort_retention(EVENTS, first="hom")
    with pytest.raises(NotMeasured, match="nobody did 'late' in this period"):
        retention.cohort_retention(pd.concat([EVENTS, EVENTS.tail(1).assign(event="late", ts=pd.Timestamp("2025-06-01"))]), first="late",
                                   as_of="2025-04-30")


def test_brackets_by_hand():
    # a comes on days 0, 2, 3, 9; b on days 0 and 8; both first on 2025-01-01, as_of day 10, which has ended
    events = visits(*(("a", START + pd.Timedelta(days=day)) for day in (0, 2, 3, 9)), *(("b", START + pd.Timedelta(days=day)) for day in (0, 8)))
    found = retention.cohort_retention(events, period="day", kind="bracket", brackets=[1, 7, 10, 30], as_of="2025-01-11")
    assert found["period_index"].tolist() == [0, 1, 7, 10]  # the bracket up to day 30 is longer than the data
    assert found["period_from"].tolist() == [0, 1, 2, 8]
    assert found["retained"].tolist() == [2, 0, 1, 2]  # days 2 to 7: a; days 8 to 10: a and b
    assert found["users"].tolist() == [2, 0, 0, 0]  # on day 7 and on day 10 itself: nobody
    earlier = retention.cohort_retention(events, period="day", kind="bracket", brackets=[1, 7, 10], as_of="2025-01-10")
    assert earlier["period_index"].tolist() == [0, 1, 7]
    two = pd.concat([events, visits(("c", START + pd.Timedelta(days=5)))])
    younger = retention.cohort_retention(two, period="day", kind="bracket", brackets=[1, 7], as_of="2025-01-11")
    assert np.isnan(cell(younger, START + pd.Timedelta(days=5), 7)["retained"])  # c is 5 days old: its days 2 to 7 are not over


def test_who_buys_again_after_the_first_purchase():
    events = visits(("a", "2025-01-05"), ("a", "2025-01-20"), ("a", "2025-02-03"), ("b", "2025-01-09"), ("c", "2025-01-10"))
    events["event"] = ["home", "pay", "pay", "pay", "home"]
    found = retention.cohort_retention(events, first="pay", then="pay", as_of="2025-02-28")
    assert found["cohort_users"].tolist() == [2, 2]  # a and b paid in January, c never
    assert found["retained"].tolist() == [0, 1]  # the first payment itself is no return
    seen = retention.cohort_retention(events, first="pay", as_of="2025-02-28")
    assert seen["retained"].tolist() == [2, 1]


def test_a_refund_is_no_return():
    orders = pd.DataFrame({"user_id": list("aab"), "amount": [9.0, -9, 9], "ts": pd.to_datetime(["2025-01-05", "2025-02-01", "2025-01-06"])})
    assert retention.cohort_retention(orders, as_of="2025-02-28")["retained"].tolist() == [2, 0]
    assert retention.return_curve(orders, as_of="2025-02-28")["returned"].sum() == 0


def test_days_by_hand():
    events = visits(("a", "2025-01-01"), ("a", "2025-01-08"), ("b", "2025-01-01"), ("b", "2025-01-03"), ("b", "2025-01-12"), ("c", "2025-01-10"))
    ask = {"days": [1, 7, 30], "as_of": "2025-01-14"}
    on = retention.day_retention(events, **ask)
    assert on["users"].tolist() == [3, 2, 0]  # c has had 4 days
    assert on["waiting"].tolist() == [0, 1, 3]
    assert on["retained"].tolist()[:2] == [0, 1]
    assert on[["retained", "retention_rate", "low", "high"]].iloc[2].isna().all()
    assert retention.day_retention(events, kind="on_or_after", **ask)["retained"].tolist()[:2] == [2, 2]
    assert retention.day_retention(events, kind="bracket", **ask)["retained"].tolist()[:2] == [0, 2]  # b on day 2, a on day 7
    one = retention.day_retention(events[events["user_id"] == "c"], **ask)
    assert one["users"].tolist() == [1, 0, 0]
    assert one["retention_rate"].tolist()[0] == 0


def test_the_curve_by_hand():
    # gap 7 days, as_of 2025-01-31: followed up to 2025-01-24. a leaves on day 3; b comes every five days to the end: followed for 24 days;
    # c came on the 25th, too late; d leaves on its first day, and its return after 9 days is another story
    events = visits(("a", "2025-01-01"), ("a", "2025-01-04"), *(("b", START + pd.Timedelta(days=day)) for day in range(0, 31, 5)),
                    ("c", "2025-01-25"), ("d", "2025-01-02"), ("d", "2025-01-11"))
    found = retention.retention_curve(events, gap_days=7, as_of="2025-01-31")
    assert found["day"].tolist() == list(range(24))
    assert found["at_risk"].tolist() == [3] + [2] * 3 + [1] * 20
    assert found["left"].tolist() == [1, 0, 0, 1] + [0] * 20
    np.testing.assert_allclose(found["retention_rate"], [2 / 3] * 3 + [1 / 3] * 21)
    with pytest.raises(NotMeasured, match="40 days or more"):
        retention.retention_curve(events, gap_days=40)


def test_the_second_order_by_hand():
    orders = bought(("a", "2025-01-01", 9, "x"), ("a", "2025-01-01", 9, "x"), ("a", "2025-01-05", 9, "y"), ("b", "2025-01-03", 9, "y"))
    found = retention.return_curve(orders, as_of="2025-01-10", by="channel")
    x, y = (found[found["channel"] == channel] for channel in "xy")
    assert x["return_rate"].tolist() == [0, 0, 0, 0, 1]  # the second order of the same day is no return
    assert y["censored"].tolist() == [0] * 7 + [1]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 60), st.sampled_from(["home", "pay"]), st.sampled_from(["x", "y", None])),
                min_size=1, max_size=30),
       st.sampled_from([None, "home", "pay"]), st.sampled_from([None, "home", "pay"]), st.integers(0, 70), st.integers(1, 7), st.integers(1, 9))
def test_days_brackets_and_curves_are_what_the_slow_way_counts(rows, first, then, until, block_rows, gap):
    rows = sorted(rows, key=lambda row: (row[0], row[1]))
    frame = pd.DataFrame(rows, columns=["user_id", "day", "event", "channel"])
    frame["ts"] = START + pd.to_timedelta(frame["day"] * 24 * 60 + frame.index, unit="min")
    until = max(until, int(frame["day"].min()))
    as_of = START + pd.Timedelta(days=until)
    if {first, then} - {None, *frame["event"]}:
        return  # an event that does not occur is refused: test_options_are_checked
    stored = in_blocks(frame, block_rows)
    joined = {}  # user -> (first day, channel, days of activity since)
    for user in "abcd":
        own = [row for row in rows if row[0] == user and row[1] <= until]
        begin = next((place for place, row in enumerate(own) if first in (None, row[2])), None)
        if begin is not None:
            later = own[begin + (then is not None):]
            joined[user] = own[begin][1], own[begin][3], sorted({row[1] - own[begin][1] for row in later if then in (None, row[2])})
    if not joined:
        with pytest.raises(NotMeasured):
            retention.day_retention(stored, first=first, then=then, as_of=as_of)
        return
    asked = {"on": lambda ages, n: n in ages, "on_or_after": lambda ages, n: any(age >= n for age in ages),
             "bracket": lambda ages, n: any(1 <= age <= n for age in ages)}
    for kind, is_back in asked.items():
        found = retention.day_retention(stored, days=[1, 3, 10], kind=kind, by="channel", first=first, then=then, as_of=as_of)
        for row in found.itertuples():
            own = [(came, ages) for came, channel, ages in joined.values() if channel == row.channel]
            ripe = [ages for came, ages in own if came + row.day <= until]
            assert (row.users, row.waiting) == (len(ripe), len(own) - len(ripe))
            assert np.isnan(row.retained) if not ripe else row.retained == sum(is_back(ages, row.day) for ages in ripe)
    found = retention.cohort_retention(stored, period="day", kind="bracket", brackets=[2, 5, 20], first=first, then=then, as_of=as_of)
    for row in found.itertuples():
        came = (row.cohort - START).days
        own = [ages for start, _, ages in joined.values() if start == came]
        assert row.cohort_users == len(own)
        known = came + row.period_index <= until
        assert np.isnan(row.retained) if not known else row.retained == sum(any(row.period_from <= age <= row.period_index for age in ages)
                                                                           for ages in own)
    curve = retention.return_curve(stored, first=first, then=then, as_of=as_of).set_index("day")
    waits = [(next((age for age in ages if age > 0), None), until - came) for came, _, ages in joined.values()]
    for day in curve.index:
        assert curve.loc[day, "returned"] == sum(back == day for back, _ in waits)
        assert curve.loc[day, "at_risk"] == sum((seen if back is None else back) >= day for back, seen in waits)
    if then is None:
        lives = []  # (days stayed, whether left): the first day after which gap days pass without activity, as far as they have passed
        for came, _, ages in joined.values():
            gone = next((age for age in ages if not any(age < other <= age + gap for other in ages)), None)
            if came + gap <= until:
                lives.append((gone, True) if came + gone + gap <= until else (until - gap - came, False))
        if lives:
            stay = retention.retention_curve(stored, gap_days=gap, first=first, as_of=as_of).set_index("day")
            for day in stay.index:
                assert stay.loc[day, "left"] == sum(left and lasted == day for lasted, left in lives)
                assert stay.loc[day, "at_risk"] == sum(lasted >= day for lasted, _ in lives)


def test_orders_have_cohorts_of_buyers():
    found = retention.cohort_retention(EVENTS.drop(columns="event").assign(amount=1.0), as_of="2025-03-31")
    assert found["cohort_users"].tolist() == [2, 2, 2, 1, 1, 1]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 120)), min_size=1, max_size=40),
       st.sampled_from(["day", "week", "month"]), st.sampled_from(["on", "on_or_after"]), st.integers(0, 130), st.integers(1, 7))
def test_cohorts_are_what_the_slow_way_counts(rows, period, kind, until, block_rows):
    frame = visits(*((user, START + pd.Timedelta(days=day)) for user, day in rows))
    as_of = max(START + pd.Timedelta(days=until), frame["ts"].min())
    stored = in_blocks(frame, block_rows)
    found = retention.cohort_retention(stored, period=period, kind=kind, as_of=as_of)
    pd.testing.assert_frame_equal(found, retention.cohort_retention(frame, period=period, kind=kind, as_of=as_of))
    code = {"day": "D", "week": "W-SUN", "month": "M"}[period]
    alive = frame[frame["ts"] <= as_of].assign(period=lambda rows: rows["ts"].dt.to_period(code))
    seen = {user: set(rows["period"]) for user, rows in alive.groupby("user_id")}
    last = as_of.to_period(code)
    for row in found.itertuples():
        cohort = row.cohort.to_period(code)
        members = [periods for periods in seen.values() if min(periods) == cohort]
        then = cohort + row.period_index
        assert row.cohort_users == len(members) > 0
        if then > last or (then == last and last.end_time.normalize() > as_of):
            assert np.isnan(row.users)
            assert np.isnan(row.retained)
        else:
            assert row.users == sum(then in periods for periods in members)
            assert row.retained == (row.users if kind == "on" else sum(max(periods) >= then for periods in members))


@pytest.mark.parametrize("period", ["day", "month"])
def test_rows_in_any_order_give_the_same_cohorts(tmp_path, period):
    random = np.random.default_rng(5)
    frame = pd.DataFrame({"user_id": random.integers(0, 40, 300).astype(str), "event": "home",
                          "ts": START + pd.to_timedelta(random.integers(0, 60 * 24 * 90, 300), unit="min")})
    frame.to_parquet(tmp_path / "events.parquet")
    unsorted = open_parquet(tmp_path / "events.parquet")
    assert unsorted.any_order
    pd.testing.assert_frame_equal(retention.cohort_retention(unsorted, period=period, as_of="2025-02-20", kind="on_or_after"),
                                  retention.cohort_retention(frame, period=period, as_of="2025-02-20", kind="on_or_after"))


def bought(*rows):
    frame = pd.DataFrame(rows, columns=["user_id", "date", "amount", "channel"][:len(rows[0])])
    return frame.assign(ts=pd.to_datetime(frame.pop("date")))


def test_repeat_rate_counts_only_whose_time_is_up():
    orders = bought(("a", "2025-01-05", 9, "x"), ("a", "2025-03-06", 9, "y"),  # 60 days later: in time
                    ("b", "2025-01-05", 9, "x"), ("b", "2025-03-07", 9, "x"),  # 61 days later: too late
                    # twice on one day and a refund later: not back
                    ("c", "2025-01-31", 9, "y"), ("c", "2025-01-31", 9, "y"), ("c", "2025-02-05", -9, "y"),
                    ("d", "2025-02-20", 9, "y"))  # its 60 days end on 2025-04-21
    found = retention.repeat_rate(orders, as_of="2025-04-20")
    assert found["customers"].tolist() == [3, 0]
    assert found["waiting"].tolist() == [0, 1]
    assert found["repeated"].tolist()[0] == 1
    assert found["repeat_rate"].iloc[0] == pytest.approx(1 / 3)
    assert found[["repeated", "repeat_rate", "low", "high"]].iloc[1].isna().all()
    assert retention.repeat_rate(orders, as_of="2025-04-21")["repeat_rate"].tolist() == pytest.approx([1 / 3, 0])
    by_channel = retention.repeat_rate(orders, by="channel", as_of="2025-04-21")
    assert by_channel[["channel", "customers", "repeated"]].values.tolist() == [["x", 2, 1], ["y", 1, 0], ["y", 1, 0]]


def test_the_users_table_says_who_was_acquired_where():
    orders = bought(("a", "2025-01-05", 9, "x"), ("b", "2025-01-05", 9, "x"))
    users = pd.DataFrame({"user_id": ["a", "c"], "signup_ts": pd.to_datetime(["2025-01-01"] * 2), "channel": ["ads", "ads"]})
    found = retention.repeat_rate(orders, by="channel", users=users, as_of="2025-12-31")
    assert found["channel"].tolist() == ["ads", None]  # b is in no table of users
    with pytest.raises(ParameterError, match="1 or more"):
        retention.repeat_rate(orders, within_days=0)
    with pytest.raises(InputError, match="no column 'device'"):
        retention.repeat_rate(orders, by="device", users=users)


def shop(seed, since=None, drop=0.7, days=500, channels=("ads", "organic", "social"), daily=4):
    """Customers who order at their own rate for a year; those won by ads from day ``since`` on come back ``drop`` less."""
    random = np.random.default_rng(seed)
    users, orders, events = [], [], []
    for number, day in enumerate(np.sort(random.integers(0, days, daily * days))):
        channel = channels[random.integers(len(channels))]
        level = random.gamma(1.5, 1 / 1.5) * (1 - drop if since is not None and channel == "ads" and day >= since else 1)
        came = day + np.cumsum(random.exponential(15 / level, 40))
        came = came[came < min(days, day + 365)]
        users.append((f"u{number:05d}", day, channel))
        events += [(f"u{number:05d}", when) for when in (day, *came)]
        orders += [(f"u{number:05d}", when) for when in (day, *came[random.random(len(came)) < 0.3])]


    def frame(rows, *columns, **more):
        table = pd.DataFrame(rows, columns=columns)
        return table.assign(**{columns[1]: pd.to_datetime(table[columns[1]], origin=START, unit="D")}, **more)

    return (frame(orders, "user_id", "ts", amount=1.0), frame(users, "user_id", "signup_ts", "channel"),
            frame(events, "user_id", "ts", event="home"))


@pytest.mark.parametrize("seed", range(3))
def test_a_planted_drop_is_named_with_its_channel_and_day(seed):
    orders, users, events = shop(seed, since=320)
    found = retention.repeat_breaks(orders, users, events=events)
    assert found["channel"].tolist() == ["ads"]
    row = found.iloc[0]
    planted = START + pd.Timedelta(days=320)
    assert abs((row["since"] - planted).days) <= 7
    assert row["since_low"] <= row["since"] <= row["since_high"]
    assert row["rate_after"] < row["expected_rate"] * 0.75
    assert row["low"] <= row["rate_after"] <= row["high"]
    assert row["lost"] == pytest.approx(row["customers_after"] * (row["expected_rate"] - row["rate_after"]))
    without = retention.repeat_breaks(orders, users)  # orders alone: the same channel, a vaguer day
    assert without["channel"].tolist() == ["ads"]
    assert abs((without["since"].iloc[0] - planted).days) <= 40


def test_no_drop_no_row():
    for seed in range(10, 16):
        orders, users, events = shop(seed)
        assert retention.repeat_breaks(orders, users, events=events).empty


def test_breaks_need_customers_whose_time_is_up():
    orders, users, _ = shop(0, daily=1)
    with pytest.raises(NotMeasured, match="at least 60 are needed"):
        retention.repeat_breaks(orders.head(40), users)


def test_chance_of_the_largest_ratio_is_the_published_one():
    # Altman et al., JNCI 86 (1994) 829, for edges of .1: p = -1.63 p0 (1 + 2.35 ln p0) two-sided, p0 the p-value of one chosen day
    for statistic, p0 in ((8.6, 0.003362), (12.0, 0.000532)):
        assert 2 * repeats._chance(statistic, 0.1) == pytest.approx(-1.63 * p0 * (1 + 2.35 * np.log(p0)), rel=0.05)
    assert repeats._chance(0.0, 0.1) <= 1
