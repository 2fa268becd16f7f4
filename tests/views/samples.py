"""Small frames shaped as the measures hand them over, one for each chart; numbers chosen by hand or by a fixed seed."""

import numpy as np
import pandas as pd

STEPS = ["home", "search", "product", "reviews", "promotion", "cart", "payment"]


def conversion():
    users = [48210, 31877, 22904, 11310, 9870, 4120, 2311]
    before = [users[0], *users[:-1]]
    rate = np.array(users) / np.array(before)
    return pd.DataFrame(
        {
            "step": STEPS,
            "users": users,
            "step_conversion": rate,
            "conversion": np.array(users) / users[0],
            "low": rate - 0.004,
            "high": rate + 0.004,
        }
    )


def conversion_by_device():
    parts = []
    for place, device in enumerate(["ios", "android", "desktop", None]):
        frame = conversion()
        frame["users"] = (frame["users"] * (0.5 - 0.1 * place) * np.linspace(1, 0.7 - 0.1 * place, 7)).astype(int)
        frame["step_conversion"] = (frame["users"] / frame["users"].shift()).fillna(1)
        frame["conversion"] = frame["users"] / frame["users"].iloc[0]
        parts.append(frame.assign(device=device))
    return pd.concat(parts, ignore_index=True)[["device", "step", "users", "step_conversion", "conversion", "low", "high"]]


def trend(days=730):
    rng = np.random.default_rng(1)
    dates = pd.date_range("2024-01-01", periods=days)
    rows = []
    for device, base in (("ios", 0.46), ("android", 0.44), ("desktop", 0.5), ("miniprogram", 0.41)):
        for place, day in enumerate(dates):
            entered = int(rng.integers(60, 140))
            rate = base * (0.62 if device == "android" and place >= days * 0.8 else 1)
            rows.append((day, device, "payment", entered, rng.binomial(entered, rate)))
    return pd.DataFrame(rows, columns=["period_start", "device", "step", "entered", "converted"])


def breaks():
    return pd.DataFrame(
        {
            "step": ["payment", "cart", "product"],
            "slice_column": ["device", "channel", ""],
            "slice_value": ["android", "douyin", ""],
            "since": pd.to_datetime(["2025-08-06", "2025-03-02", "2024-11-20"]),
            "rate_before": [0.44, 0.31, 0.62],
            "rate_after": [0.27, 0.29, 0.66],
            "relative_change": [-0.386, -0.064, 0.065],
        }
    )


def tiers():
    return pd.DataFrame(
        {
            "tier": ["high-value", "potential", "low-activity", "lost"],
            "users": [412, 903, 711, 1204],
            "share": [0.128, 0.28, 0.22, 0.373],
            "revenue": [1.9e6, 8.1e5, 2.2e5, 2.9e5],
            "revenue_share": [0.59, 0.25, 0.068, 0.09],
            "recency_days": [12.0, 30, 90, 260],
            "frequency": [8.1, 2.9, 1.4, 1.3],
            "monetary_value": [569.0, 309, 220, 185],
            "expected_low": [0.1, 0.3, np.nan, np.nan],
            "expected_high": [0.2, 0.4, np.nan, np.nan],
            "expected_revenue_share": [0.5, np.nan, np.nan, np.nan],
            "action": ["exclusive-service", "targeted-push", "coupon", "recall"],
        }
    )


def personas():
    return pd.DataFrame(
        {
            "persona": ["active-now-frequent-big-orders", "recent-regular", "long-ago-once-small-orders"],
            "parts": [("active-now", "frequent", "big-orders"), ("recent", "regular"), ("long-ago", "once", "small-orders")],
            "users": [402, 1310, 1518],
            "share": [0.124, 0.406, 0.47],
            "revenue": [1.8e6, 9e5, 5.2e5],
            "revenue_share": [0.56, 0.28, 0.16],
            "recency_days": [9.0, 41, 280],
            "frequency": [9.4, 3.1, 1.0],
            "monetary_value": [470.0, 231, 98],
        }
    )


def tier_migration():
    tiers = ["high-value", "potential", "low-activity", "lost"]
    users = [[201, 44, 31, 12], [55, 390, 102, 41], [12, 77, 301, 122], [2, 9, 14, 512], [40, 122, 160, 0]]
    rows = []
    for source, counts in zip([*tiers, "new"], users, strict=True):
        for target, count in zip(tiers, counts, strict=True):
            rank = tiers.index(target) - (tiers.index(source) if source != "new" else 0)
            move = "new" if source == "new" else "up" if rank < 0 else "down" if rank > 0 else "same"
            rows.append((source, target, count, count / sum(counts), sum(counts), 0.0 if source == "new" else 900.0 * count, 310.0 * count, move))
    return pd.DataFrame(rows, columns=["from_tier", "to_tier", "users", "share", "from_users", "revenue_before", "revenue", "move"])


def persona_apart():
    rows = [
        (("frequent", "page=skincare"), 1, "page=skincare", 1.1, 0.58, 0.33), (("frequent", "page=skincare"), 2, "evening_share", 0.8, 0.5, 0.39),
        (("frequent", "page=skincare"), 3, "frequency", 0.5, 5.1, 3.2), (("small-orders", "at-night"), 1, "page=makeup", 2.1, 0.56, 0.18),
        (("small-orders", "at-night"), 2, "monetary_value", -1.2, 98.0, 310.0), (("small-orders", "at-night"), 3, "evening_share", -0.7, 0.3, 0.39),
    ]
    frame = pd.DataFrame(rows, columns=["parts", "rank", "feature", "effect", "typical", "everyone"])
    return frame.assign(persona=["-".join(parts) for parts in frame["parts"]])


def persona_panel():
    return pd.DataFrame(
        {
            "k": range(2, 9), "inertia": [84.0, 76, 69, 64, 61, 59, 57], "elbow": [0, 0.03, 0.06, 0.07, 0.05, 0.03, 0],
            "silhouette": [0.16, 0.17, 0.19, 0.2, 0.15, 0.15, 0.14], "gap": [0.03, 0.07, 0.12, 0.16, 0.16, 0.17, 0.18], "gap_error": 0.004,
            "stability": [0.99, 0.7, 0.78, 0.88, 0.71, 0.43, 0.3], "smallest": [0.45, 0.16, 0.1, 0.09, 0.09, 0.02, 0.01],
            "allowed": [False, True, True, True, True, False, False], "chosen": [False, False, False, True, False, False, False],
        }
    )


def retention():
    rows = []
    for cohort in range(14):
        for index in range(14 - cohort):
            users, rate = 400 + 17 * cohort, 1.0 if index == 0 else 0.42 * 0.88**index
            open_ = index == 13 - cohort
            rows.append(
                (
                    pd.Timestamp("2024-11-01") + pd.DateOffset(months=cohort),
                    index,
                    users,
                    np.nan if open_ else round(users * rate),
                    np.nan if open_ else rate,
                    np.nan if open_ else rate - 0.04,
                    np.nan if open_ else rate + 0.04,
                )
            )
    return pd.DataFrame(rows, columns=["cohort", "period_index", "cohort_users", "retained", "retention_rate", "low", "high"])


def repeat():
    rows = []
    for channel, base in (("douyin", 0.31), ("wechat", 0.36), ("search", 0.28), ("direct", 0.4)):
        for place, cohort in enumerate(pd.date_range("2024-01-01", periods=20, freq="MS")):
            rate = base * (0.45 if channel == "douyin" and place >= 13 else 1) + 0.02 * ((place * 7) % 5 - 2) / 2
            rows.append((channel, cohort, 180, round(180 * rate), round(180 * rate) / 180, rate - 0.05, rate + 0.05))
    return pd.DataFrame(rows, columns=["channel", "cohort", "customers", "repeated", "repeat_rate", "low", "high"])


def staying(days=400):
    day = np.arange(days)
    rate = 0.3 * np.exp(-day / 150)
    at_risk = np.maximum(4000 - 11 * day, 3)
    return pd.DataFrame({"day": day, "at_risk": at_risk, "left": 3, "censored": 8, "retention_rate": rate, "low": rate - 0.01, "high": rate + 0.01})


def curve_by_channel():
    parts = []
    for place, channel in enumerate(["douyin", "wechat", None]):
        frame = staying(120).rename(columns={"left": "returned", "retention_rate": "return_rate"})
        frame[["return_rate", "low", "high"]] = (0.7 - 0.1 * place) * (1 - frame[["return_rate", "low", "high"]])
        frame.insert(0, "channel", channel)
        parts.append(frame)
    return pd.concat(parts, ignore_index=True)


def states(days=500):
    day = np.arange(days)
    wave = 1 + 0.2 * np.sin(day / 40)
    frame = pd.DataFrame({"date": pd.date_range("2024-06-01", periods=days), "new": (18 * wave).astype(int), "current": (140 * wave).astype(int),
                          "resurrected": 3 + day % 4, "active": 0, "quiet": (900 * wave + day).astype(int), "dormant": 20 * day, "living": 0,
                          "users": 0, "fell_asleep": 15 + day % 9})
    return frame.assign(active=frame["new"] + frame["current"] + frame["resurrected"])


def sticky(days=400):
    rate = 0.12 + 0.02 * np.sin(np.arange(days) / 30)
    rate[:29] = np.nan
    return pd.DataFrame({"date": pd.date_range("2024-06-01", periods=days), "dau": 180, "wau": 800.0, "mau": np.where(np.isnan(rate), np.nan, 1500.0),
                         "dau_average": 1500 * rate, "stickiness_rate": rate, "low": rate - 0.015, "high": rate + 0.015})


def stage_moves():
    return pd.DataFrame({"stage": ["awareness", "interest", "purchase", "loyalty", "asleep"], "users_before": [409, 1624, 255, 387, 14358],
                         "came_in": [493, 1466, 277, 190, 1748], "newcomers": [472, 1271, 187, 37, 0], "went_out": [409, 1337, 255, 205, 1],
                         "fell_asleep": [399, 1139, 133, 77, 0], "net": [84, 129, 22, -15, 1747], "users": [493, 1753, 277, 372, 16105],
                         "advanced": [10.0, 187, 53, np.nan, 1], "advance_rate": [0.024, 0.115, 0.208, np.nan, 7e-5],
                         "low": [0.013, 0.1, 0.163, np.nan, 1e-5], "high": [0.044, 0.132, 0.262, np.nan, 4e-4]})


def pains():
    return pd.DataFrame({"pain_point": ["delivery", "price", "搜索"], "answers": [52, 31, 18], "share": [0.157, 0.093, 0.054], "detractors": [30, 18, 10],
                         "nps": [-57.1, -64.7, -66.7], "nps_loss": [19.4, 12.2, 7.2], "low": [14.4, 8.1, 3.8], "high": [24.5, 16.4, 10.7],
                         "few": [False, False, True], "all_answers": 332, "all_nps": 26.5, "calm_answers": 225, "calm_nps": 66.7})


def waits_by_hour():
    hour = np.arange(24)
    median = np.where((hour < 8) | (hour > 21), 21.0, 8.0) + hour % 3
    frame = pd.DataFrame({"hour": hour, "tickets": 40 + hour, "answered": 39 + hour, "median_minutes": median, "low": median * 0.7, "high": median * 1.4,
                          "p90_minutes": median * 3, "answered_in_time": 4, "in_time_rate": 0.08, "in_time_low": 0.03, "in_time_high": 0.2,
                          "benchmark_minutes": 3.0, "few": False}).astype({"in_time_rate": float})
    gone = ["median_minutes", "low", "high", "p90_minutes", "in_time_rate", "in_time_low", "in_time_high"]
    frame.loc[frame["hour"] == 4, gone] = np.nan
    frame.loc[frame["hour"] == 4, ["tickets", "answered", "answered_in_time"]] = 0
    return frame


def waits_and_repeat():
    return pd.DataFrame({"wait": ["0-3", "3-12", "12+", "never"], "customers": [145, 312, 369, 12], "repeated": [71, 121, 121, 4],
                         "repeat_rate": [0.49, 0.388, 0.328, 0.333], "low": [0.41, 0.335, 0.28, 0.14], "high": [0.57, 0.443, 0.377, 0.61],
                         "gap": [np.nan, -0.1, -0.16, -0.16], "gap_low": [np.nan, -0.2, -0.25, -0.36], "gap_high": [np.nan, -0.01, -0.07, 0.13],
                         "few": [False, False, False, True]})


def indices():
    rows = []
    for tier, users, pull in (("potential", 903, 1.15), ("high-value", 412, 1.5), ("lost", 1204, 0.8)):
        for attribute, values in (("city_tier", {"tier1": 0.3, "tier2": 0.5, "other": 0.2}), ("age", {"18-24": 0.4, "25-30": 0.6})):
            for place, (value, share) in enumerate(values.items()):
                index, hidden = 100 * (pull if place == 0 else 2 - pull), tier == "high-value" and value == "other"
                rows.append((tier, attribute, value, *((np.nan,) * 2 if hidden else (users * share * index / 100, share * index / 100)), users,
                             2500 * share, share, *((np.nan,) * 4 if hidden else (index, index * 0.9, index * 1.1, 0.001 if place == 0 else 0.4)),
                             hidden, place == 0))
    return pd.DataFrame(rows, columns=["tier", "attribute", "value", "users", "share", "group_users", "all_users", "all_share", "index", "low", "high",
                                       "p_value", "suppressed", "apart"])


def market():
    rows = [
        (segment, period, size * 1.01**place, np.nan if place < 12 else 1.01**12 - 1, size / 2.1e9)
        for segment, size in (("skin care", 1.2e9), ("make-up", 6e8), ("fragrance", 3e8))
        for place, period in enumerate(pd.date_range("2024-01-01", periods=24, freq="MS"))
    ]
    return pd.DataFrame(rows, columns=["segment", "period", "size", "growth_rate", "share"])


def competitors():
    rows = []
    for place, period in enumerate(pd.date_range("2024-01-01", periods=24, freq="MS")):
        values = {"our shop": 100.0, "Lumen": 140.0, "Nori": 80.0 * (1.6 if place >= 16 else 1), "Opal": 60.0}
        rows += [(period, name, value, value / sum(values.values()), 0.01) for name, value in values.items()]
    return pd.DataFrame(rows, columns=["period", "competitor", "value", "share", "change"])


def channels():
    return pd.DataFrame(
        {
            "channel": ["douyin", "wechat", "search", "direct", "小红书"],
            "new_customers": [820, 640, 410, 390, 120],
            "share": [0.345, 0.269, 0.172, 0.164, 0.05],
            "spend": [91000.0, 42000, 61000, 0, 22000],
            "cac": [111.0, 65.6, 148.8, np.nan, 183.3],
            "revenue": [2.1e5, 2.6e5, 1.1e5, 1.9e5, 3e4],
            "roas": [2.3, 6.2, 1.8, np.nan, 1.4],
        }
    )


def kpis(days=730):
    rng = np.random.default_rng(3)
    dates = pd.date_range("2024-01-01", periods=days)
    wave = 1 + 0.3 * np.sin(np.arange(days) / 58)
    return pd.DataFrame(
        {
            "date": dates,
            "visitors": rng.poisson(900 * wave),
            "orders": rng.poisson(60 * wave),
            "gmv": 18000 * wave,
            "conversion_rate": 0.06 + 0.01 * rng.random(days),
            "cac": 92 + 8 * rng.random(days),
            "roas": np.nan,
        }
    )


def scorecard():
    return pd.DataFrame(
        {
            "kpi": ["visitors", "conversion_rate", "repeat_rate", "cac", "nps"],
            "dimension": ["traffic", "conversion", "user", "finance", "brand"],
            "baseline": [20000.0, 0.05, 0.28, 110, 31],
            "target": [30000.0, 0.07, 0.35, 90, 45],
            "actual": [27800.0, 0.058, 0.262, 97, np.nan],
            "expected_by_now": [27000.0, 0.065, 0.33, 95, 40],
            "progress": [0.78, 0.4, -0.26, 0.65, np.nan],
            "status": ["on-track", "at-risk", "missed", "at-risk", "not measured"],
            "gap": [800.0, -0.007, -0.07, -2, np.nan],
        }
    )


def budget():
    return pd.DataFrame(
        {
            "line": ["content", "ads", "staff", "reserve"],
            "planned": [120000.0, 340000, 410000, 50000],
            "actual": [118200.0, 421000, 402000, 12000],
            "variance": [-1800.0, 81000, -8000, -38000],
            "variance_rate": [-0.015, 0.238, -0.0195, -0.76],
            "status": ["on plan", "over", "on plan", "under"],
        }
    )


def sample_ratio():
    return pd.DataFrame(
        {
            "experiment": ["new checkout"] * 2 + ["free delivery"] * 2,
            "variant": ["control", "one page", "control", "banner"],
            "users": [5012, 4988, 6210, 5514],
            "expected": [5000.0, 5000, 5862, 5862],
            "p_value": [0.81, 0.81, 1e-10, 1e-10],
            "broken": [False, False, True, True],
        }
    )


def prices(days=400):
    rows = []
    for channel, price in (("douyin", 2.1), ("search", 1.4)):
        for place, day in enumerate(pd.date_range("2024-01-01", periods=days)):
            bought = 300 + (place * 13) % 70
            dear = 1.8 if channel == "douyin" and place >= 300 else 1
            rows.append((channel, day, price * dear * bought, bought, price * dear, "click"))
    return pd.DataFrame(rows, columns=["channel", "date", "cost", "bought", "price", "unit"])


def trends():
    return pd.DataFrame(
        {
            "trend": ["live shopping", "privacy law", "older buyers"],
            "category": ["society", "politics", "society"],
            "strength": [0.8, 0.9, 0.5],
            "impact": [0.5, -0.7, 0.3],
            "probability": [0.9, 0.8, 0.6],
            "weight": [0.36, -0.504, 0.09],
            "side": ["opportunity", "threat", "opportunity"],
        }
    )


def deciles():
    users, happened = np.full(10, 82), np.array([80, 59, 36, 10, 6, 2, 1, 2, 2, 3])
    rate = happened / users
    return pd.DataFrame(
        {
            "decile": np.arange(1, 11),
            "users": users,
            "happened": happened,
            "rate": rate,
            "low": np.maximum(rate - 0.06, 0),
            "high": np.minimum(rate + 0.07, 1),
            "lift": rate / 0.245,
            "lift_low": rate / 0.3,
            "lift_high": rate / 0.2,
            "caught": happened.cumsum() / happened.sum(),
        }
    )


def calibration():
    rate = np.array([0.04, 0.02, 0.03, 0.01, 0.03, 0.07, 0.12, 0.44, 0.73, 0.98])
    return pd.DataFrame(
        {
            "part": np.arange(1, 11),
            "users": 82,
            "expected_rate": [0.01, 0.017, 0.024, 0.032, 0.046, 0.071, 0.13, 0.35, 0.82, 0.977],
            "happened": (rate * 82).round().astype(int),
            "rate": rate,
            "low": np.maximum(rate - 0.05, 0),
            "high": np.minimum(rate + 0.09, 1),
        }
    )


def recall(users=160):
    value = 5400 / np.arange(1, users + 1) ** 0.7
    score = 0.5 + 0.49 * ((np.arange(users) * 37) % 100) / 100
    return pd.DataFrame(
        {
            "user_id": [f"u{place:05}" for place in range(users)],
            "reason": ["silent-too-long", "came-once"] * (users // 2),
            "score": score,
            "revenue_365d": value,
            "expected_value": score * value * 0.1,
            "cumulative_cost": 5.0 * np.arange(1, users + 1),
            "cumulative_value": (score * value * 0.1).cumsum(),
        }
    )


def weeks():
    ends = pd.date_range("2024-01-07", periods=78, freq="7D")
    actual = np.round(300 * np.sqrt(np.arange(1, 79)) * 1.2)
    known = np.arange(78) < 39
    return pd.DataFrame(
        {
            "period_end": ends,
            "part": np.where(known, "calibration", "holdout"),
            "actual": actual,
            "bg_nbd": actual * np.where(known, 0.99, 0.94),
            "pareto_nbd": actual * np.where(known, 1.01, 0.97),
            "average": np.where(known, np.nan, actual[38] + 38 * np.arange(-38, 40)),
            "own_average": np.where(known, np.nan, actual[38] + 40 * np.arange(-38, 40)),
        }
    )


def frequency():
    return pd.DataFrame(
        {
            "repeat_orders": range(8),
            "customers": [1411, 439, 214, 100, 62, 38, 29, 64],
            "actual": [0.237, 0.697, 1.393, 1.56, 2.532, 2.947, 3.862, 6.359],
            "bg_nbd": [0.225, 0.523, 1.044, 1.52, 2.164, 2.654, 3.504, 6.157],
            "pareto_nbd": [0.138, 0.6, 1.196, 1.714, 2.399, 2.907, 3.819, 6.403],
            "average": [1.243] * 8,
            "own_average": [0, 1.206, 2.419, 3.625, 4.742, 5.965, 7.187, 12.37],
        }
    )


def ltv_by_channel():
    return pd.DataFrame(
        {
            "channel": ["direct", "baidu", "douyin", "小红书"],
            "customers": [678, 427, 361, 120],
            "value_so_far": [464.0, 398, 214, 434],
            "ltv_365d": [502.0, 447, 236, 495],
            "low": [464.0, 402, 210, 380],
            "high": [540.0, 493, 262, 610],
            "expected_share": [0.07, 0.11, 0.16, 0.12],
            "spend": [np.nan, 143000, 109000, 33000],
            "cac": [np.nan, 335.0, 302, 277],
            "ltv_to_cac": [np.nan, 1.33, 0.78, 1.79],
            "payback_months": [np.nan, 6.0, np.nan, 3],
            "months_seen": [12, 12, 12, 9],
        }
    )


def value_deciles():
    share = np.array([0.49, 0.23, 0.14, 0.07, 0.04, 0.02, 0.008, 0.0015, 0.0004, 0.0001])
    return pd.DataFrame(
        {
            "decile": range(1, 11),
            "customers": 275,
            "least": share * 700,
            "mean": share * 930,
            "total": share * 255_000,
            "value_share": share,
            "orders": share * 4,
        }
    )


def leaks():
    return pd.DataFrame(
        {
            "step": ["payment", "cart", "product"],
            "entered": [1348, 2270, 5200],
            "converted": [782, 1348, 4800],
            "rate": [0.58, 0.594, 0.923],
            "benchmark": ["2025-07-01", "device=ios", "target"],
            "benchmark_rate": [0.649, 0.602, 0.92],
            "users_lost": [92.9, 18.5, -16.0],
            "later_conversion": [1.0, 0.58, 0.16],
            "lost_orders": [92.9, 10.7, -2.6],
            "orders_low": [40.0, -9, -8],
            "orders_high": [140.0, 30, 3],
            "aov": [360.8] * 3,
            "lost_revenue": [33518.0, 3861, -938],
            "revenue_low": [14000.0, -3200, -2900],
            "revenue_high": [50000.0, 10800, 1080],
        }
    )


def left_carts():
    rate = np.array([0.45, 0.42, 0.37])
    return pd.DataFrame(
        {"device": ["ios", "android", None], "carts": [2467, 2565, 652], "open": [4, 1, 0], "abandoned": [1116, 1077, 239], "abandonment_rate": rate,
         "low": rate - 0.02, "high": rate + 0.02, "value_left": [12000.0, np.nan, 310], "valued": [40, 0, 3]}
    )


def levers():
    return pd.DataFrame(
        {
            "touchpoint": ["promotion", "cart", "home"],
            "next_step": ["cart", "payment", "search"],
            "entered": [3837, 2336, 7325],
            "converted": [2336, 1604, 5737],
            "rate": [0.609, 0.687, 0.783],
            "slice_column": ["channel", "device", None],
            "slice_value": ["direct", "ios", None],
            "slice_users": [1104.0, 771, np.nan],
            "slice_rate": [0.698, 0.73, np.nan],
            "rest_rate": [0.573, 0.665, np.nan],
            "later_rate": [0.665, 1, np.nan],
            "more_orders": [228.6, 101.8, 0],
            "low": [141.4, 12.3, np.nan],
            "high": [311.9, 187, np.nan],
            "q_value": [0.0, 0.009, np.nan],
        }
    )


def drivers():
    return pd.DataFrame(
        {
            "event": ["coupon", "help", "home"],
            "converters": [1600] * 3,
            "others": [595] * 3,
            "converters_did": [640, 80, 34],
            "others_did": [100, 90, 12],
            "converters_rate": [0.4, 0.05, 0.021],
            "others_rate": [0.17, 0.15, 0.02],
            "log_odds": [1.2, -1.1, np.nan],
            "low": [0.9, -1.6, np.nan],
            "high": [1.5, -0.6, np.nan],
            "p_value": [0.0, 0.0, 0.7],
            "q_value": [0.0, 0.0, 0.7],
            "reading": ["goes with, not causes"] * 3,
        }
    )


def next_events():
    share = np.array([0.25, 0.1, 0.65])
    return pd.DataFrame({"next_event": ["home", "help", None], "users": [100, 40, 260], "dropped": 400, "share": share, "low": share - 0.03,
                         "high": share + 0.03, "minutes": [3018.0, 12.5, np.nan]})


def positions():
    rows = [(place, event, 1000 * share, share, share - 0.01, share + 0.01) for place, parts in enumerate(
        ({"home": 0.9, "product": 0.1}, {"search": 0.5, "(end)": 0.4, "help": 0.1}, {"(end)": 0.7, "product": 0.3}), 1) for event, share in parts.items()]
    return pd.DataFrame(rows, columns=["position", "event", "users", "share", "low", "high"])


def loops():
    return pd.DataFrame({"event": ["product", "search"], "came_from": ["product", "help"], "times": [900, 400], "visits": [500, 380],
                         "minutes": [9450.9, 2117.6], "share": [0.154, 0.034]})


def waits():
    minutes = np.geomspace(1, 10000, 40)
    share = 0.2 * (1 - np.exp(-minutes / 500))
    return pd.DataFrame({"minutes": [0.0, *minutes], "waiting": range(1000, 959, -1), "converted": range(41), "censored": 0,
                         "conversion": [0.0, *share], "low": [np.nan, *share * 0.9], "high": [np.nan, *share * 1.1]})


def differences():
    return pd.DataFrame({"step": ["cart", "payment"], "entered": [1494, 934], "converted": [934, 592], "rate": [0.625, 0.634],
                         "other_entered": [1420, 873], "other_converted": [873, 592], "other_rate": [0.615, 0.678], "difference": [0.01, -0.044],
                         "low": [-0.025, -0.088], "high": [0.046, -0.0004], "p_value": [0.5, 0.02], "p_adjusted": [0.5, 0.04]})


def effects():
    return pd.DataFrame({"effect": ["mix", "rate", "change"], "value": [-0.0043, -0.0103, -0.0145], "low": [-0.0074, -0.033, -0.038],
                         "high": [-0.0011, 0.0128, 0.0087], "p_value": [0.0085, 0.38, 0.22]})


def ways():
    return pd.DataFrame({"path": ["home", "home > search > product > reviews > promotion > cart > payment", "home > search > …"], "events": [1, 7, 8],
                         "users": [29_918, 3_429, 812], "paths": 68_595, "share": [.436, .05, .012], "low": [.43, .048, .011], "high": [.44, .052, .013]})


def carried():
    return pd.DataFrame({"event": ["cart", "home", "help"], "times": [6_691, 64_716, 1_204], "conversion": .056, "conversion_without": [0.0, .007, .05],
                         "removal_effect": [1.0, .874, .11]})


# A frame for every chart, by the chart's name.
FRAMES = {
    "funnel": conversion,
    "funnel_trend": trend,
    "breaks": breaks,
    "tiers": tiers,
    "personas": personas,
    "persona_apart": persona_apart,
    "persona_panel": persona_panel,
    "tier_migration": tier_migration,
    "retention": retention,
    "repeat_by_channel": repeat,
    "market_growth": market,
    "competitor_share": competitors,
    "channel_mix": channels,
    "kpi_lines": kpis,
    "scorecard": scorecard,
    "budget_variance": budget,
    "sample_ratio": sample_ratio,
    "channel_prices": prices,
    "weighed_trends": trends,
    "retention_curve": staying,
    "return_curve": curve_by_channel,
    "daily_states": states,
    "state_flows": states,
    "stickiness": sticky,
    "stage_flows": stage_moves,
    "pain_points": pains,
    "response_times": waits_by_hour,
    "response_and_repeat": waits_and_repeat,
    "portrait": indices,
    "deciles": deciles,
    "calibration": calibration,
    "recall": recall,
    "value_calibration": weeks,
    "value_by_frequency": frequency,
    "ltv_by_channel": ltv_by_channel,
    "value_deciles": value_deciles,
    "leaks": leaks,
    "cart_abandonment": left_carts,
    "levers": levers,
    "drivers": drivers,
    "next_after_drop": next_events,
    "frequent_paths": ways,
    "removal_effects": carried,
    "step_matrix": positions,
    "loop_time": loops,
    "conversion_curve": waits,
    "step_differences": differences,
    "mix_and_rate": effects,
}
