"""Charts of groups of customers: who moved between tiers, what sets each persona apart, and how the number of personas was chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsnb.views import columns, language, theme
from opsnb.views.charts import parts
from opsnb.views.language import _
from opsnb.views.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.views.findings.finding import Finding

END = 2.5  # standard deviations at which the colour is full


def tier_migration(moved: pd.DataFrame, *, title: Finding | str) -> Shown:
    """A matrix: of the customers of each tier, the share that is in each tier now; the field says how many and how much they paid since.

    Takes the frame of ``segments.tier_migration``. Raises InputError for a missing column, NotMeasured for no rows.
    """
    import altair as alt

    parts.require(moved, "tier_migration", "from_tier", "to_tier", "users", "share", "from_users", "revenue_before", "revenue", "move")
    drawn = moved[moved["from_users"] > 0]
    parts.require(drawn, "tier_migration")
    label = {tier: _("{tier} ({users})").format(tier=parts.named([tier])[0], users=language.count(users))
             for tier, users in drawn.groupby("from_tier", sort=False)["from_users"].max().items()}
    now = dict(zip(drawn["to_tier"], parts.named(drawn["to_tier"]), strict=True))
    drawn = drawn.assign(
        from_text=drawn["from_tier"].map(label), to_text=drawn["to_tier"].map(now), short=parts.texts(drawn["users"], "count"),
        share_text=[parts.ratio(*row) for row in zip(drawn["users"], drawn["from_users"], drawn["share"], strict=True)],
        before_text=parts.texts(drawn["revenue_before"], "money"), revenue_text=parts.texts(drawn["revenue"], "money"))
    base = alt.Chart(drawn).encode(
        x=alt.X("to_text:N", sort=list(now.values()), title=None, axis=alt.Axis(orient="top", labelAngle=0, domain=False, ticks=False)),
        y=alt.Y("from_text:N", sort=list(label.values()), title=None, axis=alt.Axis(labelLimit=220)),
        tooltip=parts.tooltips(("from_text", _("tier before")), ("to_text", _("tier now")), ("share_text", columns.heading("share")),
                               ("before_text", _("paid before")), ("revenue_text", _("paid since"))))
    cells = base.mark_rect(stroke=theme.PAPER, strokeWidth=1).encode(
        color=alt.Color("share:Q", scale=parts.shades(drawn["share"].max()), legend=None))
    words = base.mark_text(fontSize=13).encode(
        text="short:N", color=parts.on_shades("share", drawn["share"].max()))
    return parts.finished(cells + words, moved, "tier_migration", title, height=alt.Step(46),
                          subtitle=_("rows: the tier before; columns: the tier now; the stronger the colour, the more of the tier before"))


def persona_apart(apart: pd.DataFrame, *, title: Finding | str) -> Shown:
    """Per persona the features that set it apart: how far its mean lies from everybody's, in standard deviations.

    Takes ``segments.personas(...).apart``. Raises InputError for a missing column, NotMeasured for no rows.
    """
    import altair as alt

    parts.require(apart, "persona_apart", "persona", "parts", "rank", "feature", "effect", "typical", "everyone")
    place = {persona: number for number, persona in enumerate(dict.fromkeys(apart["persona"]))}
    drawn = apart.drop(columns="parts").assign(
        name=[language.persona(pieces) for pieces in apart["parts"]], feature_text=[_feature(feature) for feature in apart["feature"]],
        typical_text=[columns.shown(value, _form(feature)) for value, feature in zip(apart["typical"], apart["feature"], strict=True)],
        everyone_text=[columns.shown(value, _form(feature)) for value, feature in zip(apart["everyone"], apart["feature"], strict=True)],
        effect_text=[language.signed(effect) for effect in apart["effect"]])
    drawn["note"] = [_("{own}; everyone {all}").format(own=own, all=all_)
                     for own, all_ in zip(drawn["typical_text"], drawn["everyone_text"], strict=True)]
    drawn["label"] = [f"{name} | {feature}" if rank == 1 else feature + "\u200b" * (1 + place[persona])  # equal features of several personas
                      for name, feature, rank, persona in zip(drawn["name"], drawn["feature_text"], drawn["rank"], drawn["persona"], strict=True)]
    room = float(max(drawn["effect"].abs().max(), 1.0)) * 1.05
    split = alt.Axis(labelLimit=300, labelExpr="split(datum.label, ' | ')", labelLineHeight=15)
    base = alt.Chart(drawn).encode(
        y=alt.Y("label:N", sort=list(drawn["label"]), title=None, axis=split),
        x=alt.X("effect:Q", scale=parts.beside(-room, room, drawn["note"], narrow=8),
                axis=alt.Axis(title=_("standard deviations from everybody's mean"), tickCount=5)),
        tooltip=parts.tooltips(("name", columns.heading("persona")), ("feature_text", _("feature")), ("typical_text", _("typical")),
                               ("everyone_text", _("everyone")), ("effect_text", _("standard deviations"))))
    bars = base.mark_bar(height={"band": 0.62}).encode(color=alt.condition("datum.effect > 0", alt.value(theme.MAIN), alt.value(theme.QUIET)))
    notes = parts.at_the_right(base, color=alt.value(theme.MUTED))
    return parts.finished(alt.layer(bars, *notes), apart.drop(columns="parts"), "persona_apart", title, height=alt.Step(34), notes=True)


def _feature(feature: str) -> str:
    column, _equal, value = feature.partition("=")
    return _("{attribute}: {value}").format(attribute=columns.heading(column), value=language.label(value)) if value else columns.heading(column)


def _form(feature: str) -> str:
    return "percent" if "=" in feature else "money" if feature == "monetary_value" else columns.format_of(feature)


def persona_panel(panel: pd.DataFrame, *, title: Finding | str) -> Shown:
    """Per number of groups tried its stability and how much tighter than a cloud it is; hollow where it is not allowed, an upright line at the
    number chosen.

    Takes ``segments.personas(...).panel``, or that of a refusal. Raises InputError for a missing column, NotMeasured for no rows.
    """
    import altair as alt
    import pandas as pd

    parts.require(panel, "persona_panel", "k", "stability", "silhouette", "gap", "smallest", "allowed")
    kinds = {"stability": _("stability"), "gap": _("tighter than a cloud"), "silhouette": _("silhouette")}
    long = pd.DataFrame([
        {"k": int(row.k), "kind": kind, "value": float(getattr(row, column)), "value_text": language.number(getattr(row, column)),
         "smallest_text": language.percent(row.smallest), "allowed_text": _("yes") if row.allowed else _("no"), "allowed": bool(row.allowed)}
        for row in panel.itertuples() for column, kind in kinds.items()])
    base = alt.Chart(long).encode(
        x=alt.X("k:O", title=_("number of groups"), axis=alt.Axis(labelAngle=0)),
        y=alt.Y("value:Q", title=None, axis=alt.Axis(tickCount=5)),
        color=alt.Color("kind:N", sort=list(kinds.values()), title=None, scale=parts.colors(list(kinds.values()))),
        tooltip=parts.tooltips(("k", _("number of groups")), ("kind", _("measure")), ("value_text", columns.heading("value")),
                               ("smallest_text", _("smallest group")), ("allowed_text", _("allowed"))))
    lines = base.mark_line(strokeWidth=1.8)
    dots = [base.transform_filter("datum.allowed").mark_point(size=60, filled=True, opacity=1),
            base.transform_filter("!datum.allowed").mark_point(size=60, filled=False, strokeWidth=1.8, opacity=1)]
    chosen = panel[panel["chosen"]] if "chosen" in panel else panel.head(0)
    mark = [alt.Chart(pd.DataFrame({"k": [int(chosen["k"].iloc[0])]})).mark_rule(color=theme.INK, strokeDash=[4, 3]).encode(x="k:O")] if len(chosen) else []
    return parts.finished(alt.layer(*mark, lines, *dots), panel, "persona_panel", title, subtitle=_("hollow: not allowed"), height=240)
