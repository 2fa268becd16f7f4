"""What sets a group of users apart, in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from opsnb.views.findings.finding import Finding
from opsnb.views.language import N_

if TYPE_CHECKING:
    import pandas as pd


def portrait(frame: pd.DataFrame) -> Finding:
    """The attribute that surely sets a group most apart. Needs :func:`opsnb.measures.portrait.portrait`."""
    group = str(frame.columns[0])
    users = float(frame.drop_duplicates([group, "attribute"]).groupby("attribute")["group_users"].sum().max())
    apart = frame[frame["apart"]]
    if apart.empty:
        return Finding("portrait", "portrait", N_("No attribute sets a group apart by more than chance ({users:count} users, {cells:count} comparisons): "
                       "do not aim at one."), {"users": users, "cells": (~frame["suppressed"]).sum()}, severity=0.1)
    sure = np.where(apart["index"] >= 100, np.maximum(apart["low"], 1), 1e4 / np.maximum(apart["high"], 1))  # the end nearer to 100
    first = apart.iloc[int(np.argmax(sure))]
    more = first["index"] >= 100
    template = (N_("“{group:group}” are more often “{attribute:name}: {value}” than all users: {share:percent} of {users:count} against "
                   "{all_share:percent} (index {index:count}, {low:count} to {high:count}).") if more else
                N_("“{group:group}” are less often “{attribute:name}: {value}” than all users: {share:percent} of {users:count} against "
                   "{all_share:percent} (index {index:count}, {low:count} to {high:count})."))
    return Finding("portrait", "portrait", template,
                   {"group": list(first["parts"]) if "parts" in frame else str(first[group]), "attribute": first["attribute"],
                    "value": str(first["value"]), "users": first["group_users"],
                    **{name: first[name] for name in ("share", "all_share", "index", "low", "high")}},
                   slice={f"{group}_key" if "parts" in frame else group: str(first[group])}, severity=0.3)
