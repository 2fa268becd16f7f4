"""Findings about what hurts users: the NPS, pain points, and waiting for an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from opsnb.views.findings.finding import Finding
from opsnb.views.language import N_

if TYPE_CHECKING:
    import pandas as pd


def nps(score: pd.DataFrame) -> Finding:
    """Would users recommend us? Needs :func:`opsnb.measures.pains.nps` without ``by``."""
    row = score.iloc[0]
    numbers = {name: row[name] for name in ("nps", "low", "high", "answers")}
    template = (N_("The NPS is {nps:number} ({low:number} to {high:number}), but only {answers:count} answers stand behind it: a mood, "
                   "not a measurement.") if row["few"] else
                N_("The NPS is {nps:number} (95% interval {low:number} to {high:number}; {answers:count} answers)."))
    return Finding("nps", "hurts", template, numbers, severity=0.35 if row["high"] < 0 else 0.15, confidence="low" if row["few"] else "high")


def pain_points(points: pd.DataFrame) -> Finding:
    """Which pain point costs most of the NPS. Needs :func:`opsnb.measures.pains.pain_points`."""
    first = points.iloc[0]
    numbers = {"answers": first["answers"], "all": first["all_answers"], "loss": first["nps_loss"], "low": first["low"], "high": first["high"],
               "nps": first["all_nps"]}
    slice_ = {"pain_point": str(first["pain_point"])}
    rival = points.iloc[1] if len(points) > 1 and points["nps_loss"].iloc[1] >= first["low"] else None
    if first["few"]:
        template = N_("“{pain_point:name}” hurts most: it costs up to {loss:number} points of the NPS of {nps:number} ({low:number} to {high:number}), "
                      "but only {answers:count} of {all:count} answers name it: a lead to ask more users about.")
    elif rival is not None:
        slice_["second"] = str(rival["pain_point"])
        template = N_("“{pain_point:name}” hurts most: named in {answers:count} of {all:count} answers, it costs up to {loss:number} points of the NPS "
                      "of {nps:number} ({low:number} to {high:number}); “{second:name}” may cost as much.")
    else:
        template = N_("“{pain_point:name}” hurts most: named in {answers:count} of {all:count} answers, it costs up to {loss:number} points of the NPS "
                      "of {nps:number} ({low:number} to {high:number}).")
    numbers |= {name: value for name, value in slice_.items() if name != "pain_point"}
    return Finding("pain_point", "hurts", template, numbers, slice={"pain_point": slice_["pain_point"]}, severity=0.5 if not first["few"] else 0.35,
                   confidence="low" if first["few"] else "medium")


def response_times(times: pd.DataFrame, hours: pd.DataFrame | None = None) -> Finding | None:
    """How long users wait for an answer, against the benchmark, and when longest. Needs :func:`opsnb.measures.service.response_times`
    without ``by``, and with ``by="hour"`` to say when. None where most tickets have no answer."""
    row = times.iloc[0]
    if row["median_minutes"] != row["median_minutes"]:
        return None
    numbers = {"median": row["median_minutes"], "low": row["low"], "high": row["high"], "tickets": row["tickets"], "p90": row["p90_minutes"],
               "benchmark": row["benchmark_minutes"], "rate": row["in_time_rate"]}
    slow = None if hours is None else _slow_hours(hours, row["median_minutes"])
    template = N_("Users wait {median:number} minutes for a first answer (median of {tickets:count} tickets; {low:number} to {high:number}); the "
                  "benchmark is {benchmark:number}, and {rate:percent} are answered within it.")
    if slow is not None:
        numbers |= {"first": slow[0], "last": slow[1], "slowest": slow[2]}
        template = N_("Users wait {median:number} minutes for a first answer (median of {tickets:count} tickets; {low:number} to {high:number}); the "
                      "benchmark is {benchmark:number}, and {rate:percent} are answered within it. Slowest from {first:count}:00 to {last:count}:00: "
                      "up to {slowest:number} minutes.")
    return Finding("response_times", "answered", template, numbers,
                   severity=0.55 if row["low"] > row["benchmark_minutes"] else 0.2, confidence="low" if row["few"] else "high")


def _slow_hours(hours: pd.DataFrame, usual: float) -> tuple[int, int, float] | None:
    """The longest run of hours, over midnight too, that are surely slower than usual: first hour, hour after the last, worst median."""
    by_hour = hours.set_index("hour").reindex(range(24))
    slow = (by_hour["low"] > usual).to_numpy()
    slow = slow | np.roll(slow, 1) & np.roll(slow, -1) & (by_hour["median_minutes"] > usual).to_numpy()  # an hour between two slow ones
    if not slow.any() or slow.all():
        return None
    runs = []
    for first in np.flatnonzero(slow & ~np.roll(slow, 1)):
        length = next(length for length in range(1, 25) if not slow[(first + length) % 24])
        runs.append((length, int(first)))
    length, first = max(runs, key=lambda run: run[0])
    inside = [(first + hour) % 24 for hour in range(length)]
    return first, (first + length) % 24, float(by_hour.loc[inside, "median_minutes"].max())


def response_and_repeat(frame: pd.DataFrame, *, within_days: int = 60) -> Finding | None:
    """Do those who waited longest order again less often? An association. Needs :func:`opsnb.measures.service.response_and_repeat`."""
    waited = frame[frame["gap"].notna() & ~frame["few"]]
    if waited.empty or frame["few"].iloc[0]:
        return None
    fast, slow = frame.iloc[0], waited.iloc[-1]
    numbers = {"fast": fast["repeat_rate"], "fast_wait": fast["wait"], "fast_customers": fast["customers"], "slow": slow["repeat_rate"],
               "slow_wait": slow["wait"], "slow_customers": slow["customers"], "gap": slow["gap"], "low": slow["gap_low"], "high": slow["gap_high"],
               "within_days": within_days}
    sure = slow["gap_high"] < 0 or slow["gap_low"] > 0
    template = (
        N_("{fast:percent} of {fast_customers:count} customers answered in {fast_wait} minutes ordered again within {within_days:count} days, "
           "{slow:percent} of {slow_customers:count} who waited {slow_wait} minutes (difference {low:signed} to {high:signed} of all). An "
           "association: who waits is not drawn by lot.") if sure else
        N_("Waiting goes with no difference in repeat purchase beyond chance: {fast:percent} of {fast_customers:count} customers answered in "
           "{fast_wait} minutes ordered again within {within_days:count} days, {slow:percent} of {slow_customers:count} who waited {slow_wait} "
           "minutes (difference {low:signed} to {high:signed} of all)."))
    return Finding("response_and_repeat", "answered", template, numbers, severity=0.4 if sure else 0.1, confidence="low")
