"""Kaplan and Meier's curve: a published example, and against multiplication by hand."""

import numpy as np
import pytest

from opsnb.errors import InputError
from opsnb.measures.survival import kaplan_meier


def test_freireich_6mp_is_the_published_one():
    """Freireich et al., Blood 21 (1963) 699: weeks of remission under 6-MP, as in Kalbfleisch and Prentice (2002), data set of table 1.1."""
    ended = [6, 6, 6, 7, 10, 13, 16, 22, 23]
    cut = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    found = kaplan_meier([*ended, *cut], [True] * 9 + [False] * 12).set_index("day")
    published = {6: .857, 7: .807, 10: .753, 13: .690, 16: .627, 22: .538, 23: .448}
    assert found.loc[list(published), "survival"].round(3).tolist() == list(published.values())
    assert found.loc[[6, 7, 10, 13, 16, 22, 23], "at_risk"].tolist() == [21, 17, 15, 12, 11, 7, 6]
    assert found.loc[6, "ended"] == 3
    assert found.loc[6, "censored"] == 1
    # Greenwood: var(S)/S^2 at week 10 = 3/(21*18) + 1/(17*16) + 1/(15*14); log(-log) interval by hand
    spread = np.sqrt(3 / (21 * 18) + 1 / (17 * 16) + 1 / (15 * 14)) / -np.log(found.loc[10, "survival"])
    assert found.loc[10, "low"] == pytest.approx(found.loc[10, "survival"] ** np.exp(1.959964 * spread))
    assert found.loc[10, "high"] == pytest.approx(found.loc[10, "survival"] ** np.exp(-1.959964 * spread))


def test_nothing_ended_and_all_ended():
    quiet = kaplan_meier([2, 1], [False, False])
    assert quiet[["survival", "high"]].to_numpy().tolist() == [[1, 1]] * 3
    z = 1.959964  # none of n: Wilson's low bound is n / (n + z^2); two are followed on days 0 and 1, one on day 2
    assert quiet["low"].tolist() == pytest.approx([2 / (2 + z * z), 2 / (2 + z * z), 1 / (1 + z * z)])
    gone = kaplan_meier([1, 1], [True, True])
    assert gone["survival"].tolist() == [1, 0]
    assert np.isnan(gone["low"].iloc[1])
    assert kaplan_meier([], []).empty
    with pytest.raises(InputError, match="whole days"):
        kaplan_meier([1.5], [True])
    with pytest.raises(InputError, match="one length"):
        kaplan_meier([1, 2], [True])
