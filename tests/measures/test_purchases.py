"""Rows made into orders, by hand and against plain Python."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsnb.errors import NotMeasured
from opsnb.measures.purchases import customers, last_day, sales
from opsnb.tables.histories import histories
from tests.measures.logs import in_blocks

DAY = pd.Timestamp("2025-06-18")


def orders(*rows, columns=("user_id", "day", "amount", "order_id", "refund")):
    frame = pd.DataFrame(rows, columns=columns[:len(rows[0])])
    frame["ts"] = DAY + pd.to_timedelta(frame.pop("day"), unit="D")
    return frame


def test_rows_of_one_order_id_are_one_order_and_others_stand_alone():
    found, = sales(orders(("a", 0, 5.0, "1"), ("a", 0, 7.0, "1"), ("a", 0, 2.0, None), ("a", 0, 2.0, None), ("b", 1, 9.0, "1")))
    assert found.user.tolist() == [0, 0, 0, 1]  # order 1 of a is one, the two without a number are two, b's number 1 is b's own
    assert found.amount.tolist() == [12.0, 2.0, 2.0, 9.0]
    assert found.row.tolist() == [0, 2, 3, 4]


@pytest.mark.parametrize("mark", ["refund", "1", "退款", "yes"])
def test_a_mark_makes_a_refund_whatever_the_sign(mark):
    found, = sales(orders(("a", 0, 50.0, "1", None), ("a", 1, -20.0, "1", mark), ("a", 2, 10.0, "1", mark), ("a", 3, -5.0, None, None)))
    assert found.amount.tolist() == [50.0]
    assert found.refund_amount.tolist() == [20.0, 10.0, 5.0]  # the last: negative without a mark gives money back, too


@pytest.mark.parametrize("mark", ["", "0", "no", "False", "否"])
def test_a_mark_that_says_no_is_none(mark):
    found, = sales(orders(("a", 0, 50.0, "1", mark)))
    assert found.amount.tolist() == [50.0]


def test_customers_net_refunds_and_leave_out_who_only_got_money_back():
    who = customers(histories(orders(("a", 0, 50.0), ("a", 4, 30.0), ("a", 5, -20.0), ("b", 1, -9.0)), "orders"))
    assert who.user.tolist() == [0]
    assert who.orders.tolist() == [2]
    assert who.revenue.tolist() == [60.0]  # 50 + 30 - 20


def test_rows_after_as_of_have_not_happened():
    table = histories(orders(("a", 0, 50.0), ("a", 4, 30.0), ("a", 9, -20.0)), "orders")
    assert customers(table, as_of="2025-06-22").revenue.tolist() == [80.0]
    with pytest.raises(NotMeasured, match="no orders"):
        customers(table, as_of="2025-06-17")
    with pytest.raises(NotMeasured, match="no rows up to 2025-06-17"):
        last_day(table, "2025-06-17")


lines = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.integers(-3, 9), st.sampled_from(["1", "2", None])), max_size=25)


@settings(max_examples=200, deadline=None)
@given(lines, st.integers(1, 6))
def test_orders_are_what_the_slow_way_counts(rows, block_rows):
    frame = orders(*rows) if rows else orders(("a", 0, 1.0, None)).iloc[:0]
    expected: dict = {}
    for place, row in enumerate(sorted(rows, key=lambda row: (row[0], row[1]))):
        if row[2] >= 0:
            expected.setdefault((row[0], row[3] or place), []).append(row)
    table = in_blocks(frame, block_rows, "orders")
    found = [(table.users[user], float(amount)) for part in sales(table) for user, amount in zip(part.user, part.amount, strict=True)]
    assert found == [(user, float(sum(row[2] for row in group))) for (user, _), group in expected.items()]
    refunds = np.concatenate([part.refund_amount for part in sales(table)]) if rows else np.zeros(0)
    assert refunds.sum() == -sum(row[2] for row in rows if row[2] < 0)
