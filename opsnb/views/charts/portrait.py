"""The portrait: how much more or less common each attribute is in each group than among all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsnb.measures.segments import TIERS
from opsnb.views import columns, language, theme
from opsnb.views.charts import parts
from opsnb.views.language import _
from opsnb.views.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.views.findings.finding import Finding

STEPS = (65, 80, 100, 100.001, 125, 160)  # index at which the next colour begins; 100, as among all users, has one of its own


def portrait(frame: pd.DataFrame, *, title: Finding | str) -> Shown:
    """A heat map of indices, attributes by groups: 100 is everyone. Grey where it is noise, empty where it is not shown.

    Takes the frame of ``portrait.portrait``; with a column ``parts``, those of the groups' names as personas have them.

    Raises InputError for a missing column, NotMeasured for no rows.
    """
    import altair as alt

    parts.require(frame, "portrait", "attribute", "value", "users", "group_users", "share", "all_share", "index", "low", "high", "apart", "suppressed")
    group = str(frame.columns[0])
    drawn = frame[frame["index"].notna()]
    parts.require(drawn, "portrait")
    several = frame["attribute"].nunique() > 1
    label = {(attribute, value): _("{attribute}: {value}").format(attribute=columns.heading(attribute), value=_own(value)) if several else _own(value)
             for attribute, value in zip(frame["attribute"], frame["value"], strict=True)}
    size = frame.groupby(group, sort=False)["group_users"].max()
    if set(size.index) <= set(TIERS):  # the best first, as everywhere
        size = size.loc[[tier for tier in TIERS if tier in size.index]]
    called = {} if "parts" not in frame else {name: language.persona(pieces) for name, pieces in zip(frame[group], frame["parts"], strict=True)}
    head = {name: f"{called.get(name, parts.named([name])[0])} ({language.count(users)})" for name, users in size.items()}
    drawn = drawn.drop(columns="parts", errors="ignore").assign(
        label=[label[pair] for pair in zip(drawn["attribute"], drawn["value"], strict=True)], of=drawn[group].map(head),
        index_text=parts.texts(drawn["index"], "count"),
        interval=[_("{low} to {high}").format(low=language.count(low), high=language.count(high))
                  for low, high in zip(drawn["low"], drawn["high"], strict=True)],
        share_text=[parts.ratio(*row) for row in zip(drawn["users"], drawn["group_users"], drawn["share"], strict=True)],
        all_text=parts.texts(drawn["all_share"], "percent"),
        sure=[_("more than chance") if apart else _("within chance") for apart in drawn["apart"]],
        level=drawn["index"].where(drawn["apart"], 100),
    )
    base = alt.Chart(drawn).encode(
        x=alt.X("of:N", sort=list(head.values()), title=None, axis=alt.Axis(orient="top", labelAngle=0, labelLimit=150)),
        y=alt.Y("label:N", sort=list(dict.fromkeys(label.values())), title=None, axis=alt.Axis(labelLimit=260)),
        tooltip=parts.tooltips(("of", columns.heading(group)), ("label", columns.heading("attribute")), ("index_text", columns.heading("index")),
                               ("interval", _("95% interval")), ("share_text", columns.heading("share")), ("all_text", columns.heading("all_share")),
                               ("sure", _("certainty"))),
    )
    shades = alt.Scale(type="threshold", domain=list(STEPS), range=list(theme.SIDES))
    cells = base.mark_rect(stroke=theme.PAPER, strokeWidth=1).encode(color=alt.Color("level:Q", scale=shades, legend=None))
    words = base.mark_text(fontSize=12).encode(
        text="index_text:N",
        color=alt.condition(f"datum.level >= {STEPS[-1]}", alt.value(theme.ON_DARK), alt.value(theme.ON_LIGHT)))
    note = _("100: as common as among all users; grey: within chance; empty: fewer than 20 users, or needed to protect them")
    return parts.finished(cells + words, frame.drop(columns="parts", errors="ignore"), "portrait", title, subtitle=note, height=alt.Step(26))


def _own(value: object) -> str:
    return _("other") if value == "other" else str(value)
