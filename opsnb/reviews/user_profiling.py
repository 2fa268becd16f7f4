"""Who brings the money, who comes back, and who stopped coming back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsnb.measures import retention, segments
from opsnb.reviews.asked import answered, optional
from opsnb.views import findings

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.tables.data import Data
    from opsnb.views.findings import Finding


def user_profiling(data: Data, *, k: int = 0, repeat_days: int = 60, random_state: int = 0) -> list[Finding]:
    """The short version of user_profiling.ipynb: at most five findings, the most urgent first.

    Needs orders; events and users sharpen what is said about coming back. ``k``: number of personas, 0: chosen from the data.
    """
    rfm = segments.rfm(data.orders, as_of=data.as_of)
    tiers = segments.tier_summary(rfm)
    found = [findings.tiers(tiers), findings.lost_customers(tiers), persona_finding(rfm, k=k, random_state=random_state)]
    rates = answered(lambda: retention.repeat_rate(data.orders, within_days=repeat_days, as_of=data.as_of))
    found.append(None if rates is None else findings.repeat_rate(rates, within_days=repeat_days))
    breaks = repeat_breaks(data, repeat_days=repeat_days)
    found += [findings.repeat_drop(row, within_days=repeat_days) for _, row in breaks.head(2).iterrows()]
    cohorts = answered(lambda: retention.cohort_retention(data.events, as_of=data.as_of))
    found.append(None if cohorts is None else findings.cohort_retention(cohorts))
    return findings.ranked(found)


def repeat_breaks(data: Data, *, repeat_days: int = 60) -> pd.DataFrame:
    """Channels whose customers stopped coming back: the frame of :func:`opsnb.measures.retention.repeat_breaks`; no row where it cannot be told."""
    import pandas as pd

    users = optional(data, "users")
    if "channel" not in data.orders.columns and (users is None or "channel" not in users.columns):
        return pd.DataFrame()
    found = answered(lambda: retention.repeat_breaks(data.orders, users, events=optional(data, "events"), within_days=repeat_days, as_of=data.as_of))
    return pd.DataFrame() if found is None else found


def repeat_rates(data: Data, *, repeat_days: int = 60) -> pd.DataFrame:
    """Who orders again in time, by channel where one is known: the frame of :func:`opsnb.measures.retention.repeat_rate`."""
    users = optional(data, "users")
    by = "channel" if "channel" in data.orders.columns or (users is not None and "channel" in users.columns) else None
    return retention.repeat_rate(data.orders, within_days=repeat_days, by=by, users=users, as_of=data.as_of)


def persona_finding(rfm: pd.DataFrame, *, k: int = 0, random_state: int = 0) -> Finding:
    """The personas in a sentence, or why there are none."""
    try:
        return findings.personas(segments.personas(rfm, k=k or None, random_state=random_state))
    except segments.NoPersonas as error:
        return findings.no_personas(str(error))


def repeat_title(data: Data, *, repeat_days: int = 60) -> Finding | None:
    """The finding that heads the section on who comes back: the channel that broke, else the rate of all."""
    breaks = repeat_breaks(data, repeat_days=repeat_days)
    if len(breaks):
        return findings.repeat_drop(breaks.iloc[0], within_days=repeat_days)
    return findings.repeat_rate(retention.repeat_rate(data.orders, within_days=repeat_days, as_of=data.as_of), within_days=repeat_days)
