"""NPS and pain points: by hand, the losses add up, and few answers are said to be few."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsnb.errors import InputError, NotMeasured
from opsnb.measures import pains


def answered(*rows):
    frame = pd.DataFrame(rows, columns=["score", "pain_point", "date"][:len(rows[0])])
    return frame if "date" in frame else frame.assign(date=pd.Timestamp("2025-06-01"))


def test_nps_by_hand():
    # 6 promoters, 2 passives, 2 detractors: 100 x 4 / 10 = 40
    found = pains.nps(answered(*[(10, "")] * 6, *[(8, "")] * 2, (6, ""), (0, ""))).iloc[0]
    assert found[["answers", "promoters", "passives", "detractors", "nps"]].tolist() == [10, 6, 2, 2, 40]
    assert found["few"]
    # with 3/4, 3/2, 3/4 added: p = 6.75/13, d = 2.75/13; half = 1.96 x sqrt((p + d - (p - d)^2) / 13)
    p, d = 6.75 / 13, 2.75 / 13
    assert found["high"] == pytest.approx(100 * (p - d + 1.959964 * np.sqrt((p + d - (p - d) ** 2) / 13)), abs=1e-4)
    assert not pains.nps(answered(*[(9, "")] * 30)).iloc[0]["few"]


def test_nps_by_month_and_by_column():
    frame = answered((10, "x", "2025-05-31"), (0, "x", "2025-06-01"), (7, None, "2025-06-30"), (3, None, "2025-07-01"))
    found = pains.nps(frame, by="month", as_of="2025-06-30")
    assert found["month"].astype(str).tolist() == ["2025-05-01", "2025-06-01"]
    assert found["nps"].tolist() == [100, -50]
    assert pains.nps(frame, by="pain_point")["answers"].tolist() == [2, 2]
    assert pains.nps(frame, start="2025-07-01")["nps"].tolist() == [-100]


def test_pain_points_by_hand():
    # 100 answers: 50 without a point, NPS 100 x (40 - 0) / 50 = 80; delivery 30, NPS (0 - 30) / 30 = -100; price 20, NPS (5 - 5) / 20 = 0
    frame = answered(*[(10, None)] * 40, *[(8, " ")] * 10, *[(2, "delivery")] * 30, *[(9, "price")] * 5, *[(7, "price")] * 10, *[(6, "price")] * 5)
    found = pains.pain_points(frame)
    assert found["pain_point"].tolist() == ["delivery", "price"]
    assert found["nps_loss"].tolist() == pytest.approx([0.3 * 180, 0.2 * 80])
    assert found["few"].tolist() == [False, True]
    assert found["calm_nps"].iloc[0] == 80
    assert found["nps_loss"].sum() == pytest.approx(80 - found["all_nps"].iloc[0])  # all: 100 x (45 - 35) / 100 = 10
    assert ((found["low"] < found["nps_loss"]) & (found["nps_loss"] < found["high"])).all()


def test_without_answers_that_name_no_point_the_others_are_the_reference():
    found = pains.pain_points(answered(*[(0, "delivery")] * 2, *[(10, "price")] * 2)).set_index("pain_point")
    assert found.loc["delivery", "nps_loss"] == 0.5 * 200
    assert found.loc["price", "nps_loss"] == -0.5 * 200  # without price it would be lower still
    assert np.isnan(found.loc["price", "calm_nps"])


def test_surveys_that_cannot_answer_say_why():
    with pytest.raises(NotMeasured, match="the surveys have no scores"):
        pains.nps(answered((None, "x"), (None, "y")))
    with pytest.raises(NotMeasured, match="the surveys table has no rows"):
        pains.nps(answered((1, "x")).head(0))
    with pytest.raises(NotMeasured, match="nobody answered the survey in this period"):
        pains.nps(answered((1, "x")), start="2026-01-01")
    with pytest.raises(NotMeasured, match="names a pain point"):
        pains.pain_points(answered((1, None)))
    with pytest.raises(InputError, match="score 11 is outside 0 to 10"):
        pains.nps(answered((11, "x")))
    with pytest.raises(InputError, match="no column 'pain_point'"):
        pains.pain_points(answered((1,)))
    with pytest.raises(InputError, match="no column 'pain'"):
        pains.nps(answered((1, "x")), by="pain")


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10), st.sampled_from([None, "a", "b", "c"])), min_size=1, max_size=60))
def test_losses_add_up_to_what_pain_costs(rows):
    frame = answered(*[(10, None)] * 30, *rows)
    if not any(point for _, point in rows):
        return
    found = pains.pain_points(frame)
    score = frame["score"].to_numpy()
    overall = 100 * ((score >= 9).mean() - (score <= 6).mean())
    assert found["nps_loss"].sum() == pytest.approx(found["calm_nps"].iloc[0] - overall)
    assert found["answers"].sum() == sum(point is not None for _, point in rows)


def test_the_interval_covers_what_a_larger_survey_would_say():
    random, inside = np.random.default_rng(1), 0
    share, mean = np.array([0.5, 0.3, 0.2]), np.array([60.0, -50.0, 10.0])  # none, a, b: chance to be named, NPS
    truth = share[1] * (mean[0] - mean[1])
    for _ in range(150):
        point = random.choice(3, 150, p=share)
        score = np.where(random.random(150) < (1 + mean[point] / 100) / 2, 10, 0)
        found = pains.pain_points(answered(*zip(score, np.array([None, "a", "b"], object)[point], strict=True))).set_index("pain_point").loc["a"]
        inside += found["low"] <= truth <= found["high"]
    assert 0.9 <= inside / 150 <= 0.99
