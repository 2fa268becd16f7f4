"""How often the reports name the fault that was planted, and how often they cry wolf.

Worlds are demo businesses made from consecutive seeds; each is read the way a user's own folder is read, the reviews are run with their
notebooks' defaults, and the short versions are compared with what the simulator wrote down (see :mod:`opsnb.reviews.referee`). With
user_profiling its measures are asked too, who the customers are, what they will bring, who is leaving and who orders next: one world in four has no groups of
customers, and the simulator goes on for 180 days after the last one.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from opsnb import reviews
from opsnb.errors import NotMeasured, ParameterError, nearest
from opsnb.measures import churn, nextorders, segments, value
from opsnb.measures.behaviour import behaviour
from opsnb.reviews import referee
from opsnb.reviews.asked import answered

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.tables.data import Data
    from opsnb.views.findings import Finding

REPORT_OF = {
    "funnel_break": "funnel_diagnosis",
    "mix_shift": "funnel_diagnosis",
    "repeat_drop": "user_profiling",
    "competitor_surge": "market_analysis",
    "channel_cost": "market_analysis",
    "target_miss": "evaluation_report",
    "budget_overrun": "evaluation_report",
    "split_broken": "evaluation_report",
}
WITHOUT_GROUPS = 4  # one world in so many
# What is asked beside named, slice, date and silent: (kind, question), lowest and highest share of worlds that is wanted.
GOALS = {
    ("funnel_break", "first"): (0.9, 1.0),
    ("funnel_break", "first_date"): (0.85, 1.0),
    ("funnel_break", "silent"): (0.95, 1.0),
    ("funnel_break", "money"): (0.85, 0.95),
    ("mix_shift", "slice"): (0.9, 1.0),
    ("mix_shift", "not_a_break"): (0.9, 1.0),
    ("mix_shift", "silent"): (0.95, 1.0),
    ("personas", "alike"): (0.8, 1.0),
    ("personas", "number"): (0.8, 1.0),
    ("personas", "refused"): (0.9, 1.0),
    ("value", "interval"): (0.9, 1.0),
    ("churn", "lift"): (0.9, 1.0),
    ("churn", "listed"): (0.9, 1.0),
    ("churn", "share"): (0.9, 1.0),
    ("next_orders", "order"): (0.9, 1.0),
    ("next_orders", "as_said"): (0.9, 1.0),
    ("next_orders", "total"): (0.8, 1.0),
}
ASKED = {
    ("funnel_break", "first"): "the first finding names the broken step and slice",
    ("funnel_break", "first_date"): "and dates it within 3 days",
    ("funnel_break", "silent"): "no step is called broken where none is",
    ("funnel_break", "money"): "the 90% interval of the money covers the planted loss",
    ("mix_shift", "slice"): "another mix is named as such, with its slice",
    ("mix_shift", "not_a_break"): "and not called a broken step",
    ("mix_shift", "silent"): "no other mix is named where there is none",
    ("personas", "alike"): "personas agree with the planted ones (adjusted Rand from .7)",
    ("personas", "number"): "as many personas as planted, one more or one less",
    ("personas", "refused"): "no personas are given where there are none",
    ("value", "interval"): "what customers bring later lies in their 90% interval, for 90% or more of them",
    ("churn", "lift"): "where a perfect list could: of the tenth likeliest to leave, 2.5 times as many leave as of all",
    ("churn", "listed"): "and of as many from the head of the recall list, which goes by money at stake",
    ("churn", "share"): "everywhere: the tenth likeliest to leave reaches nine tenths of a perfect list's lift",
    ("next_orders", "order"): "who orders in the next 90 days was said to be likelier than who does not (AUC from .8)",
    ("next_orders", "as_said"): "and not less surely than the report's own check had it (95% intervals of the AUC)",
    ("next_orders", "total"): "as many were said to order as do, a quarter more or less",
}
# The tables that a report looks at, where those are few: the others need not be read for it.
READS = {"funnel_diagnosis": {"events", "orders"}}


def world_verdicts(worlds: int = 20, first_seed: int = 1000, *, reports: Sequence[str] = (), processes: int = 1,
                   progress: Callable[[str], None] | None = None) -> pd.DataFrame:
    """One row per world and question asked of it.

    ``reports``: names of the reports that are run, empty: all; ``processes``: so many worlds at once.

    Output columns: ``seed``; ``report``; ``kind``, ``question``, ``right``, ``value``: see :mod:`opsnb.reviews.referee`; ``quiet``: nothing
    was planted in this world; ``cpu_seconds`` that the world took, whatever was asked.

    Raises ParameterError for a report that there is not or fewer than one process.
    """
    import pandas as pd

    for report in reports:
        if report not in reviews.ALL:
            raise ParameterError(f"there is no report '{report}'; {nearest(report, reviews.ALL)}")
    if processes < 1:
        raise ParameterError(f"processes = {processes}; allowed: 1 or more")
    judge, seeds = partial(_judged, reports=tuple(reports) or tuple(reviews.ALL)), range(first_seed, first_seed + worlds)
    rows = []
    for number, judged in enumerate(_each(judge, seeds, processes)):
        rows += judged
        if progress:
            progress(f"world {number + 1} of {worlds} (seed {first_seed + number})")
    return pd.DataFrame(rows, columns=["seed", "report", "kind", "question", "right", "value", "quiet", "cpu_seconds"])


def _each(judge: Callable[[int], list[tuple]], seeds: Iterable[int], processes: int) -> Iterator[list[tuple]]:
    if processes == 1:
        yield from map(judge, seeds)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:  # a fork would copy threads of Arrow and DuckDB
        yield from pool.map(judge, seeds)


def _judged(seed: int, reports: Sequence[str]) -> list[tuple]:
    began = time.process_time()
    with world(seed, reports=reports) as (truth, data, after):
        rows = [(seed, report, *verdict, truth["quiet"]) for report in reports for verdict in _verdicts(report, data, truth, after)]
    spent = time.process_time() - began
    return [(*row, spent) for row in rows]


@contextmanager
def world(seed: int, *, reports: Sequence[str] = tuple(reviews.ALL)) -> Iterator[tuple[Mapping[str, Any], Data, pd.DataFrame | None]]:
    """Makes the world of ``seed`` in a temporary folder: what was planted; the data that these reports look at; and, for user_profiling, what
    each user was and did later, one row per user (``persona``, and the columns of truth_future.csv.gz)."""
    import pandas as pd

    from opsnb.tables.data import open_data
    from opsnb.tables.demo import demo
    from opsnb.tables.store import ingest

    customers = "user_profiling" in reports
    with tempfile.TemporaryDirectory(prefix="opsnb-world-", ignore_cleanup_errors=True) as name:  # Windows keeps mapped files
        folder = demo(name, seed=seed, groups=seed % WITHOUT_GROUPS != 0, future=customers)  # `opsnb demo --no-groups`
        truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
        after = None
        if customers:
            told = pd.read_csv(folder / "truth_future.csv.gz", parse_dates=["last_active", "next_seen"])
            after = told.merge(pd.read_csv(folder / "truth_personas.csv.gz"), on="user_id")
        if all(report in READS for report in reports):
            kept = {"columns", "truth"}.union(*(READS[report] for report in reports))
            for file in folder.iterdir():
                if file.name.split(".")[0] not in kept:
                    file.unlink()
        ingest(folder)
        yield truth, open_data(folder), after


def _verdicts(report: str, data: Data, truth: Mapping[str, Any], after: pd.DataFrame | None) -> Iterator[referee.Verdict]:
    found = findings_of(report, data)
    yield from referee.of_causes(found, truth["causes"], [kind for kind, of in REPORT_OF.items() if of == report])
    if report == "funnel_diagnosis":
        yield from referee.of_the_funnel(found, truth["causes"])
    if report == "user_profiling" and after is not None:
        yield from _of_customers(data, after, groups=truth["groups"])


def _of_customers(data: Data, after: pd.DataFrame, *, groups: bool) -> Iterator[referee.Verdict]:
    """Who they are, what they will bring, who leaves and who orders next, by the measures that the report draws."""
    import pandas as pd

    try:
        found = segments.personas(segments.rfm(data.orders, as_of=data.as_of), behaviour(data.events, data.orders, as_of=data.as_of))
        members = found.frame.dropna(subset=["persona"])
    except segments.NoPersonas:
        members = None
    yield from referee.of_personas(members, after[["user_id", "persona"]], groups=groups)
    worth = answered(lambda: value.ltv(data.orders, as_of=data.as_of, horizons=[180], discount_rate=0.0))
    if worth is not None:
        said = worth.frame.rename(columns={"ltv_180d_low": "low", "ltv_180d_high": "high"})
        yield from referee.of_value(said, after.assign(amount_180d=after["amount_180d"] * worth.margin_rate))
    leaving = answered(lambda: churn.churn(data.orders, data.events, as_of=data.as_of))
    if leaving is not None:
        seen = after.set_index("user_id")["next_seen"]
        listed = answered(lambda: churn.recall_list(leaving))
        yield from referee.of_recall(leaving.frame, ~(seen <= data.as_of + pd.Timedelta(days=leaving.horizon_days)),
                                     None if listed is None else listed.frame["user_id"].tolist(), score="score")
    yield from _of_next_orders(data, after)


def _of_next_orders(data: Data, after: pd.DataFrame) -> Iterator[referee.Verdict]:
    chances = answered(lambda: nextorders.order_chances(data.orders, data.events, as_of=data.as_of, horizon_days=90))
    if chances is not None:
        said = chances.quality[chances.quality["used"]].iloc[0]
        yield from referee.of_next_orders(chances.frame, after.set_index("user_id")["orders_90d"] > 0, said["auc_low"], said["auc_high"])


def findings_of(report: str, data: Data) -> list[Finding]:
    """The short version of a report; empty where it could find nothing at all."""
    try:
        return list(reviews.ALL[report](data))
    except NotMeasured:
        return []


def truth_table(verdicts: pd.DataFrame) -> pd.DataFrame:
    """One row per kind of planted cause: how often its report named it, and how often it was named where nothing was planted.

    Input: :func:`world_verdicts`. Output columns: ``kind``; ``report``; ``planted`` worlds with the cause; ``named`` of them in which the
    short version has a finding of the kind; ``right_slice`` named with the planted slice; ``right_date`` right slice and dated within 3
    days (null where the cause has no date); ``without`` worlds without this cause, ``false_alarms`` of them in which it was named;
    ``quiet`` worlds with nothing planted at all, ``quiet_alarms`` of them in which it was named.
    """
    import pandas as pd

    rows = []
    for kind, report in REPORT_OF.items():
        of = {question: part for question, part in verdicts[verdicts["kind"] == kind].groupby("question")}
        if "named" not in of and "silent" not in of:
            continue
        named, silent = (of.get(question, verdicts.iloc[:0]) for question in ("named", "silent"))
        rows.append({"kind": kind, "report": report, "planted": len(named), "named": int(named["right"].sum()),
                     "right_slice": int(of["slice"]["right"].sum()) if "slice" in of else 0,
                     "right_date": int(of["date"]["right"].sum()) if "date" in of else None, "without": len(silent),
                     "false_alarms": int((~silent["right"].astype(bool)).sum()), "quiet": int(silent["quiet"].sum()),
                     "quiet_alarms": int((silent["quiet"].astype(bool) & ~silent["right"].astype(bool)).sum())})
    return pd.DataFrame(rows).astype({"right_date": "Int64"})


def goals_table(verdicts: pd.DataFrame) -> pd.DataFrame:
    """One row per goal that was asked: in how many worlds it was reached.

    Input: :func:`world_verdicts`. Output columns: ``kind``, ``question``; ``asked``: in words; ``worlds`` asked; ``right`` of them;
    ``share`` with its 95% Wilson interval ``low``, ``high``; ``least``, ``most``: the share that is wanted; ``middle``: the median of the number
    behind the answers (adjusted Rand, lift, days off ...; null where there is none); ``missed``: the seeds of up to six worlds that were
    not right.
    """
    import pandas as pd

    from opsnb.measures.intervals import wilson

    rows = []
    for (kind, question), (least, most) in GOALS.items():
        part = verdicts[(verdicts["kind"] == kind) & (verdicts["question"] == question)]
        if len(part):
            right = part["right"].astype(bool)
            low, high = wilson(int(right.sum()), len(part))
            missed = ", ".join(map(str, part.loc[~right, "seed"].head(6)))
            rows.append((kind, question, ASKED[kind, question], len(part), int(right.sum()), float(right.mean()), float(low), float(high), least, most,
                         float(part["value"].median()), missed))
    return pd.DataFrame(rows, columns=["kind", "question", "asked", "worlds", "right", "share", "low", "high", "least", "most", "middle", "missed"])


def goals_in_words(goals: pd.DataFrame) -> pd.DataFrame:
    """The goals as a person reads them: ``asked``, ``worlds``, ``right``, ``share`` with its interval, ``wanted``, ``median`` of the number behind
    the answers, ``missed in seeds``."""
    import pandas as pd

    wanted = [f"from {least:.0%}" if most == 1 else f"{least:.0%} to {most:.0%}" for least, most in zip(goals["least"], goals["most"], strict=True)]
    share = [f"{share:.0%} ({low:.0%} to {high:.0%})" for share, low, high in goals[["share", "low", "high"]].to_numpy()]
    return pd.DataFrame({"asked": goals["asked"], "worlds": goals["worlds"], "right": goals["right"], "share": share, "wanted": wanted,
                         "median": [f"{middle:.2f}" if middle == middle else None for middle in goals["middle"]], "missed in seeds": goals["missed"]})


def as_json(verdicts: pd.DataFrame) -> str:
    """Both tables: ``causes``, ``goals``."""
    tables = {"causes": truth_table(verdicts), "goals": goals_table(verdicts)}
    return json.dumps({name: json.loads(table.to_json(orient="records")) for name, table in tables.items()}, indent=1)


def cpu_seconds(verdicts: pd.DataFrame) -> float:
    """Of a world, on average."""
    return float(verdicts.groupby("seed")["cpu_seconds"].first().mean())
