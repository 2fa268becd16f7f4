"""Experiments: was the traffic split as it should be? Only then is the rest worth reading."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from opsnb.errors import InputError, NotMeasured, ParameterError, nearest
from opsnb.measures.intervals import as_day

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.intervals import Day

BROKEN = 0.001


def sample_ratio(exposures: Any, *, expected: Mapping[str, Mapping[str, float]] | None = None, as_of: Day | None = None,
                 start: Day | None = None) -> pd.DataFrame:
    """Did each variant of each experiment get its share of the users? If not, no effect may be read off it.

    Input columns: user_id, experiment, variant; ts for ``start`` and ``as_of``. ``expected``: per experiment the share of each variant,
    in any unit, e.g. ``{"checkout": {"control": 9, "one_page": 1}}``; default: equal shares of the variants seen.

    One row per experiment and variant, experiments by p_value, lowest first.

    Output columns: ``experiment``; ``variant``; ``users``; ``expected``, users; ``share``, ``expected_share``, 0 to 1; ``p_value`` of the
    experiment; ``broken``: p below .001; ``several``, users who saw more than one variant (counted in none).

    Formula: Pearson's chi-squared of users against expected, variants - 1 degrees of freedom; threshold: Fabijan et al., KDD 2019. It is
    null where fewer than 5 users are expected somewhere. A variant expected but never seen counts 0.

    Raises NotMeasured without an exposure, InputError for a missing column, ParameterError for expected shares that fit no variant.

    >>> import pandas as pd
    >>> seen = pd.DataFrame({"user_id": range(1000), "experiment": "checkout", "variant": ["control"] * 560 + ["one_page"] * 440})
    >>> sample_ratio(seen)[["variant", "users", "expected", "p_value", "broken"]].round(5)
        variant  users  expected  p_value  broken
    0   control    560     500.0  0.00015    True
    1  one_page    440     500.0  0.00015    True
    """
    import pandas as pd

    for column in ("user_id", "experiment", "variant", *(("ts",) if start is not None or as_of is not None else ())):
        if column not in exposures.columns:
            raise InputError(f"exposures: no column '{column}'; {nearest(column, exposures.columns)}")
    frame = exposures
    if as_of is not None:
        frame = frame[pd.to_datetime(frame["ts"]) < as_day(as_of) + np.timedelta64(1, "D")]
    if start is not None:
        frame = frame[pd.to_datetime(frame["ts"]) >= as_day(start)]
    if frame.empty:
        raise NotMeasured("no user was shown an experiment in this period")
    for name in expected or {}:
        if name not in set(frame["experiment"]):
            raise ParameterError(f"expected shares of '{name}', which is no experiment; {nearest(name, sorted(set(frame['experiment'])))}")
    seen = frame[["user_id", "experiment", "variant"]].drop_duplicates(ignore_index=True)
    many = seen.duplicated(["user_id", "experiment"], keep=False)
    found = [_split(str(name), rows["variant"][~many[rows.index]].value_counts(), sorted(set(rows["variant"])),
                    rows.loc[many[rows.index], "user_id"].nunique(), (expected or {}).get(str(name)))
             for name, rows in seen.groupby("experiment")]
    return pd.concat(sorted(found, key=lambda split: (np.nan_to_num(split["p_value"].iloc[0], nan=2.0), split["experiment"].iloc[0])),
                     ignore_index=True)


def _split(experiment: str, users: pd.Series, seen: list[str], several: int, shares: Mapping[str, float] | None) -> pd.DataFrame:
    import pandas as pd
    from scipy.special import chdtrc

    shares = dict(shares or dict.fromkeys(seen, 1.0))
    for variant in seen:
        if variant not in shares:
            raise ParameterError(f"{experiment}: variant '{variant}' has no expected share; {nearest(variant, shares)}")
    weight = np.array([shares[variant] for variant in sorted(shares)], float)
    if (weight <= 0).any():
        raise ParameterError(f"{experiment}: expected shares {shares}; allowed: above 0")
    counts = users.reindex(sorted(shares), fill_value=0).to_numpy()
    expected = counts.sum() * weight / weight.sum()
    measurable = len(counts) > 1 and expected.min() >= 5
    p_value = float(chdtrc(len(counts) - 1, ((counts - expected) ** 2 / expected).sum())) if measurable else np.nan
    return pd.DataFrame({"experiment": experiment, "variant": sorted(shares), "users": counts, "expected": expected,
                         "share": counts / max(counts.sum(), 1), "expected_share": weight / weight.sum(), "p_value": p_value,
                         "broken": p_value < BROKEN, "several": several})
