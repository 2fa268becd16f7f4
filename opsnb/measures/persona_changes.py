"""Personas known again: a name stays with its group from one run to the next, and who moved is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from opsnb.measures.persona_names import NEW
from opsnb.measures.personas import Personas

if TYPE_CHECKING:
    import pandas as pd

SAME = 0.25  # likeness from which a group is an earlier one


def named_like(made: Personas, before: Personas) -> Personas:
    """The same personas, those that were there before under the name that they had then.

    Formula: the assignment of new to earlier groups with the largest sum of likeness (Hungarian method); a pair counts from a likeness of
    .25. Likeness: mean of the Jaccard likeness over the customers placed both times and of 1 / (1 + distance of the centres), the distance in
    standard deviations of the new centres' features, root of the mean square; without shared customers or features the other one alone.
    """
    from scipy.optimize import linear_sum_assignment

    likeness = _likeness(made, before)
    rows, columns = linear_sum_assignment(-likeness)
    earlier = dict(zip(before.summary["persona"], before.summary["parts"], strict=True))
    old, new = list(before.centres.index), list(made.centres.index)
    names = {new[row]: earlier[old[column]] for row, column in zip(rows, columns, strict=True) if likeness[row, column] >= SAME}
    taken = {"-".join(parts) for parts in names.values()}
    parts = dict(zip(made.summary["persona"], made.summary["parts"], strict=True))
    for persona in new:  # a new group may not bear the name that an earlier one keeps
        if persona not in names and persona in taken:
            names[persona] = (*parts[persona], NEW)
    return made.renamed(names)


def _likeness(made: Personas, before: Personas) -> np.ndarray:
    """A row per new persona, a column per earlier one."""
    import pandas as pd

    both = made.frame.merge(before.frame, on="user_id", suffixes=("", "_before")).dropna(subset=["persona", "persona_before"])
    new, old = made.centres.index, before.centres.index
    shared = pd.crosstab(both["persona"], both["persona_before"]).reindex(index=new, columns=old, fill_value=0).to_numpy()
    either = shared.sum(axis=1)[:, None] + shared.sum(axis=0) - shared
    features = [feature for feature in made.centres.columns if feature in before.centres.columns]
    if not features:
        return shared / np.maximum(either, 1)
    here, there = made.centres[features].to_numpy(), before.centres[features].to_numpy()
    spread = np.where(here.std(axis=0) > 1e-9, here.std(axis=0), np.inf)
    near = 1 / (1 + np.sqrt((((here[:, None] - there[None]) / spread) ** 2).mean(axis=2)))
    return (shared / np.maximum(either, 1) + near) / 2 if shared.sum() else near


def persona_changes(made: Personas, before: Personas) -> pd.DataFrame:
    """How each persona grew or shrank, and where its customers went.

    Input: :func:`opsnb.measures.segments.personas` of now and of an earlier day. Groups of now get the names of the earlier ones they are
    like (:func:`named_like`). One row per persona of either day, the largest before first, those that are new last.

    Output columns: ``persona``; ``parts``; ``users_before``, ``users``; ``stayed``; ``moved`` to another persona; ``unplaced``: no longer
    in any; ``joined`` from another persona; ``new``: in none before; ``to``: the persona most moved to, null where nobody moved;
    ``to_users``; ``revenue_before``, ``revenue``: currency, all that the customers of the persona have paid up to each day.

    Formula: users_before = stayed + moved + unplaced; users = stayed + joined + new.
    """
    import pandas as pd

    made = named_like(made, before)
    both = made.frame[["user_id", "persona"]].merge(before.frame[["user_id", "persona"]], on="user_id", how="outer", suffixes=("", "_before"))
    now, then = both["persona"], both["persona_before"]
    parts = {**dict(zip(made.summary["persona"], made.summary["parts"], strict=True)),
             **dict(zip(before.summary["persona"], before.summary["parts"], strict=True))}
    sizes = before.frame["persona"].value_counts()
    rows = []
    for persona in sorted(parts, key=lambda name: (-int(sizes.get(name, 0)), name)):
        was, is_ = then == persona, now == persona
        left = now[was & now.notna() & ~is_].value_counts(sort=False).sort_index().sort_values(ascending=False, kind="stable")
        rows.append({
            "persona": persona, "parts": parts[persona], "users_before": int(was.sum()), "users": int(is_.sum()), "stayed": int((was & is_).sum()),
            "moved": int(left.sum()), "unplaced": int((was & now.isna()).sum()), "joined": int((is_ & then.notna() & ~was).sum()),
            "new": int((is_ & then.isna()).sum()), "to": left.index[0] if len(left) else None, "to_users": int(left.iloc[0]) if len(left) else 0,
            "revenue_before": _revenue(before, persona), "revenue": _revenue(made, persona)})
    return pd.DataFrame(rows)


def _revenue(made: Personas, persona: str) -> float:
    return float(made.summary.loc[made.summary["persona"] == persona, "revenue"].sum())
