"""What hurts users: the net promoter score, and the pain points by what they cost of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from opsnb.errors import InputError, NotMeasured, nearest
from opsnb.measures.intervals import as_day, z_of

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.intervals import Day

FEW = 30  # answers, below which a score is a mood
PROMOTER, DETRACTOR = 9, 6  # scores from and up to which


def nps(surveys: pd.DataFrame, *, by: str | None = None, start: Day | None = None, as_of: Day | None = None, level: float = 0.95) -> pd.DataFrame:
    """Would users recommend us, and how sure is that?

    Input columns: date, score (0 to 10); the column named by ``by``, a label, or "month". Answers before ``start``, after ``as_of`` and
    without a score do not count.

    One row for all answers, or one per value of by, most answers first (months in order); the missing value is None.

    Output columns: ``[by]``; ``answers``; ``promoters`` (score 9, 10); ``passives``; ``detractors`` (0 to 6); ``nps``, -100 to 100; ``low``,
    ``high``: its interval of this ``level``; ``few``: fewer than 30 answers, say so wherever the number is shown.

    Formula: nps = 100 x (promoters - detractors) / answers. Interval: adjusted Wald, with 3/4 of a promoter, 3/4 of a detractor and 3/2
    passives added; Rocks, American Statistician 70 (2016) 365.

    Raises InputError for a missing column or a score outside 0 to 10, NotMeasured without an answer.

    >>> import pandas as pd
    >>> surveys = pd.DataFrame({"date": pd.to_datetime(["2025-06-01"] * 4), "score": [10, 9, 7, 3]})
    >>> nps(surveys).round(1)
       answers  promoters  passives  detractors   nps   low  high   few
    0        4          2         1           1  25.0 -44.2  72.7  True
    """
    import pandas as pd

    answers = _answers(surveys, start, as_of)
    if by == "month":
        answers["month"] = answers["date"].dt.to_period("M").dt.start_time
    elif by is not None and by not in answers.columns:
        raise InputError(f"surveys: no column '{by}'; {nearest(by, ['month', *answers.columns])}")
    groups = [(None, answers)] if by is None else list(answers.groupby(by, dropna=False, observed=True))
    rows = [{**({} if by is None else {by: None if value != value else value}), **_nps(group["score"].to_numpy(), level)} for value, group in groups]
    frame = pd.DataFrame(rows)
    if by is not None and by != "month":
        frame = frame.sort_values("answers", ascending=False, kind="stable", ignore_index=True)
    return frame


def pain_points(surveys: pd.DataFrame, *, start: Day | None = None, as_of: Day | None = None, level: float = 0.95) -> pd.DataFrame:
    """Which pain point costs most of the net promoter score?

    Input columns: date, score (0 to 10), pain_point (what bothers the user most; empty: nothing named). One row per pain point, the one
    that costs most first.

    Output columns: ``pain_point``; ``answers`` that name it; ``share`` of all answers, 0 to 1; ``detractors`` among them; ``nps`` of those
    answers, -100 to 100; ``nps_loss``, points of the whole score that it costs; ``low``, ``high``: interval of nps_loss of this ``level``;
    ``few``: fewer than 30 answers name it, say so wherever the number is shown; ``all_answers``, ``all_nps``; ``calm_answers``,
    ``calm_nps``: those that name no pain point.

    Formula: nps_loss = share x (calm_nps - nps), so the losses add up to calm_nps - all_nps. It is what would be won if those who name the
    point answered as those who name none: an upper bound, as other things may make them unhappy, too. Where fewer than 30 name none, the
    reference is everyone who does not name this point, and the losses do not add up. Interval: delta method, treating the shares as
    multinomial.

    Raises InputError for a missing column or a score outside 0 to 10, NotMeasured without an answer or where no pain point is named.

    >>> import pandas as pd
    >>> surveys = pd.DataFrame({"date": pd.to_datetime(["2025-06-01"] * 100), "score": [10] * 60 + [3] * 30 + [7] * 10,
    ...                         "pain_point": [None] * 60 + ["delivery"] * 30 + ["price"] * 10})
    >>> pain_points(surveys)[["pain_point", "answers", "nps", "nps_loss", "few"]]
      pain_point  answers    nps  nps_loss    few
    0   delivery       30 -100.0      60.0  False
    1      price       10    0.0      10.0   True
    """
    import pandas as pd

    if "pain_point" not in surveys.columns:
        raise InputError(f"surveys: no column 'pain_point'; {nearest('pain_point', surveys.columns)}")
    answers = _answers(surveys, start, as_of)
    vote = _votes(answers["score"].to_numpy())
    named = np.array([str(text).strip() if text is not None and text == text else "" for text in answers["pain_point"]], object)
    calm = named == ""
    if calm.all():
        raise NotMeasured("no answer of the survey names a pain point")
    z, rows = z_of(level), []
    for point in sorted({*named[~calm]}):
        own = named == point
        reference = calm if calm.sum() >= FEW else ~own
        usual = vote[reference].mean() if reference.any() else np.nan
        worth = np.where(own, usual - vote, 0.0)  # its mean over all answers is the loss
        spread = worth.var() / len(vote) + own.mean() ** 2 * (vote[reference].var() / reference.sum() if reference.any() else np.nan)
        loss, half = worth.mean(), z * np.sqrt(spread)
        rows.append({"pain_point": point, "answers": int(own.sum()), "share": own.mean(), "detractors": int((vote[own] < 0).sum()),
                     "nps": vote[own].mean(), "nps_loss": loss, "low": loss - half, "high": loss + half, "few": bool(own.sum() < FEW)})
    frame = pd.DataFrame(rows).assign(all_answers=len(vote), all_nps=vote.mean(), calm_answers=int(calm.sum()),
                                      calm_nps=vote[calm].mean() if calm.any() else np.nan)
    return frame.sort_values(["nps_loss", "answers"], ascending=False, kind="stable", ignore_index=True)


def _answers(surveys: pd.DataFrame, start: Day | None, as_of: Day | None) -> pd.DataFrame:
    """The answers with a score in the period."""
    import pandas as pd

    for column in ("date", "score"):
        if column not in surveys.columns:
            raise InputError(f"surveys: no column '{column}'; {nearest(column, surveys.columns)}")
    if not len(surveys):
        raise NotMeasured("the surveys table has no rows")
    answers = surveys.assign(date=pd.to_datetime(surveys["date"]), score=surveys["score"].astype(float))
    answers = answers[answers["score"].notna()]
    if answers.empty:
        raise NotMeasured("the surveys have no scores")
    wrong = answers[~answers["score"].between(0, 10)]
    if len(wrong):
        raise InputError(f"surveys: score {wrong['score'].iloc[0]:g} is outside 0 to 10")
    day = answers["date"].to_numpy().astype("datetime64[D]")
    inside = np.ones(len(answers), bool)
    if start is not None:
        inside &= day >= as_day(start)
    if as_of is not None:
        inside &= day <= as_day(as_of)
    if not inside.any():
        raise NotMeasured("nobody answered the survey in this period")
    return answers[inside].copy()


def _votes(score: np.ndarray) -> np.ndarray:
    return 100.0 * ((score >= PROMOTER).astype(float) - (score <= DETRACTOR))


def _nps(score: np.ndarray, level: float) -> dict[str, float]:
    n, promoters, detractors = len(score), int((score >= PROMOTER).sum()), int((score <= DETRACTOR).sum())
    more, p, d = n + 3, (promoters + 0.75) / (n + 3), (detractors + 0.75) / (n + 3)
    half = z_of(level) * np.sqrt((p + d - (p - d) ** 2) / more)
    middle = p - d
    return {"answers": n, "promoters": promoters, "passives": n - promoters - detractors, "detractors": detractors,
            "nps": 100 * (promoters - detractors) / n, "low": 100 * max(middle - half, -1), "high": 100 * min(middle + half, 1), "few": n < FEW}
