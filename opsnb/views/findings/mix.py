"""Findings about who comes: another mix of visitors told apart from a change of conversion, and what differs between two sides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsnb.views.findings.finding import Finding, day_of
from opsnb.views.language import N_

if TYPE_CHECKING:
    import pandas as pd

CHANCE = 0.001  # p of a mix effect that is worth a sentence
LEAST_MIX = 0.02  # of the overall conversion


def is_mix_shift(effects: pd.DataFrame, segments: pd.DataFrame) -> bool:
    """Whether another mix moves the overall conversion by at least 2% and by more than chance (p below .001).

    Needs :func:`opsnb.measures.compare.mix_and_rate` and :func:`opsnb.measures.compare.mix_by_segment`.
    """
    mix = effects.set_index("effect").loc["mix"]
    before = segments["other_converted"].sum() / segments["other_entered"].sum()
    return bool(before > 0 and abs(mix["value"]) >= LEAST_MIX * before and mix["p_value"] < CHANCE)


def mix_shift(effects: pd.DataFrame, segments: pd.DataFrame, *, column: str, value: object, dated: pd.DataFrame) -> Finding:
    """Another mix of visitors that moves the conversion of all, although the same visitors convert as before.

    Needs the frames of :func:`is_mix_shift`, the segment whose share moved most, and what :func:`opsnb.measures.change.rate_breaks` says of
    its share (no row: the day is not known).

    >>> import pandas as pd
    >>> from opsnb.measures import compare
    >>> june = pd.DataFrame({"device": ["ios", "ios", "web", "web"], "step": ["home", "order"] * 2, "users": [500, 200, 1500, 300]})
    >>> may = june.assign(users=[1000, 400, 1000, 200])
    >>> print(mix_shift(compare.mix_and_rate(june, may, by="device"), compare.mix_by_segment(june, may, by="device"), column="device", value="web",
    ...                 dated=pd.DataFrame()))
    Conversion moved because other visitors came, not because a step broke: device web is 75% of visits instead of 50%; that alone took the whole path from 30% to 25% (−17%).
    """  # noqa: E501
    mix = effects.set_index("effect").loc["mix"]
    segment = segments[segments[column].isna() if value is None else segments[column] == value].iloc[0]
    before = segments["other_converted"].sum() / segments["other_entered"].sum()
    since = day_of(dated["since"].iloc[0]) if len(dated) else None
    numbers = {
        "column": column,
        "value": "–" if value is None else value,
        "share": segment["share"],
        "share_before": segment["other_share"],
        "conversion": before + mix["value"],
        "conversion_before": before,
        "mix": mix["value"],
        "mix_low": mix["low"],
        "mix_high": mix["high"],
        "mix_change": mix["value"] / before,
        "rate": effects.set_index("effect").loc["rate", "value"],
        "p": mix["p_value"],
        "when": [day_of(dated[name].iloc[0]) for name in ("since", "since_low", "since_high")] if len(dated) else None,
    }
    return Finding(
        "mix_shift",
        "compared",
        N_(
            "Conversion moved because other visitors came, not because a step broke: since {when:dated} {column:name} {value} is {share:percent} of visits "
            "instead of {share_before:percent}; that alone took the whole path from {conversion_before:percent} to {conversion:percent} ({mix_change:signed})."
        )
        if since
        else N_(
            "Conversion moved because other visitors came, not because a step broke: {column:name} {value} is {share:percent} of visits "
            "instead of {share_before:percent}; that alone took the whole path from {conversion_before:percent} to {conversion:percent} ({mix_change:signed})."
        ),
        numbers,
        slice={column: str(value)},
        since=since,
        severity=0.8,
    )
