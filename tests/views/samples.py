"""Small frames shaped as the measures hand them over, one for each chart; numbers chosen by hand or by a fixed seed."""

import numpy as np
import pandas as pd

STEPS = ["home", "search", "product", "reviews", "promotion", "cart", "payment"]


def conversion():
    users = [48210, 31877, 22904, 11310, 9870, 4120, 2311]
    before = [users[0], *users[:-1]]
    rate = np.array(users) / np.array(before)
    return pd.DataFrame({"step": STEPS, "users": users, "step_conversion": rate, "conversion": np.array(users) / users[0],
                         "low": rate - .004, "high": rate + .004})


def conversion_by_device():
    parts = []
    for place, device in enumerate(["ios", "android", "desktop", None]):
        frame = conversion()
        frame["users"] = (frame["users"] * (.5 - .1 * place) * np.linspace(1, .7 - .1 * place, 7)).astype(int)
        frame["step_conversion"] = (frame["users"] / frame["users"].shift()).fillna(1)
        frame["conversion"] = frame["users"] / frame["users"].iloc[0]
        parts.append(frame.assign(device=device))
    return pd.concat(parts, ignore_index=True)[["device", "step", "users", "step_conversion", "conversion", "low", "high"]]


def trend(days=730):
    rng = np.random.default_rng(1)
    dates = pd.date_range("2024-01-01", periods=days)
    rows = []
    for device, base in (("ios", .46), ("android", .44), ("desktop", .5), ("miniprogram", .41)):
        for place, day in enumerate(dates):
            entered = int(rng.integers(60, 140))
            rate = base * (.62 if device == "android" and place >= days * .8 else 1)
            rows.append((day, device, "payment", entered, rng.binomial(entered, rate)))
    return pd.DataFrame(rows, columns=["period_start", "device", "step", "entered", "converted"])


def breaks():
    return pd.DataFrame({"step": ["payment", "cart", "product"], "slice_column": ["device", "channel", ""], "slice_value": ["android", "douyin", ""],
                         "since": pd.to_datetime(["2025-08-06", "2025-03-02", "2024-11-20"]), "rate_before": [.44, .31, .62],
                         "rate_after": [.27, .29, .66], "relative_change": [-.386, -.064, .065]})
