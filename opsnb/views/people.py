"""Personas as a manager reads them: a card for each, customers that are typical of it, and how it has changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from opsnb.views import columns, language, page, shown
from opsnb.views.language import _
from opsnb.views.shown import Shown

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.measures.personas import Personas
    from opsnb.views.findings.finding import Finding


def cards(made: Personas, paths: pd.DataFrame | None = None) -> Shown:
    """Each persona's size, share of revenue, what sets it apart, its typical path and what to do next.

    Takes ``segments.personas`` and the frame of ``paths.typical_paths``; None: no visits are known. A run writes a row per card as CSV.
    """
    ways = {} if paths is None else {row.persona: row for row in paths.itertuples()}
    body = "".join(_card(row, made.apart[made.apart["persona"] == row.persona], ways.get(row.persona)) for row in made.summary.itertuples())
    return Shown({"text/html": page.boxed(f'<div class="personas" role="list">{body}</div>'), "text/plain": _("A card for each persona"),
                  shown.TABLE: shown.as_table(_rows(made, paths), "persona_cards")})


def _rows(made: Personas, paths: pd.DataFrame | None) -> pd.DataFrame:
    """A row per persona: its name, size, action, path, and ``feature_1``, ``effect_1``, ``typical_1``, ``everyone_1`` to ``_3``."""
    wide = made.apart.pivot(index="persona", columns="rank", values=["feature", "effect", "typical", "everyone"])
    wide.columns = [f"{column}_{rank}" for column, rank in wide.columns]
    summary = made.summary[["persona", "users", "share", "revenue", "revenue_share", "action"]]
    names = [language.persona(parts) for parts in made.summary["parts"]]
    frame = summary.assign(name=names).merge(wide[sorted(wide.columns, key=lambda column: column[-1])], left_on="persona", right_index=True)
    return frame if paths is None else frame.merge(paths.rename(columns={"share": "path_share"}), on="persona", how="left")


def _card(row: Any, apart: pd.DataFrame, way: Any) -> str:
    size = _("{users} customers ({share} of all) · {revenue} of revenue").format(
        users=language.count(row.users), share=language.percent(row.share), revenue=language.percent(row.revenue_share))
    bought = _("{recency} days ago · {frequency} orders · {money} each").format(
        recency=language.count(row.recency_days), frequency=language.number(row.frequency), money=language.money(row.monetary_value))
    lines = [(_("last order"), [bought]), (_("set apart by"), [_trait(one) for one in apart.itertuples()])]
    if way is not None:
        lines.append((_("typical path"), [_path(way)]))
        own = getattr(way, "own_path", None)
        if isinstance(own, str) and own != way.path:
            lines.append((_("more than others"), [_("{path} ({share} of {visits} visits; {all} of everyone's)").format(
                path=own, share=language.percent(way.own_share), visits=language.count(way.group_visits), all=language.percent(way.own_all_share))]))
    lines.append((_("next"), [language.name(row.action)]))
    listed = "".join(f"<dt>{page.escape(head)}</dt><dd>{'<br>'.join(map(page.flowing, texts))}</dd>" for head, texts in lines)
    name = page.escape(language.persona(row.parts))
    return f'<div class="persona" role="listitem"><h3>{name}</h3><p class="note">{page.flowing(size)}</p><dl>{listed}</dl></div>'


def _trait(one: Any) -> str:
    own, everyone = (columns.shown(value, _form(one.feature)) for value in (one.typical, one.everyone))
    return _("{feature}: {own}, everyone {all} ({effect} sd)").format(
        feature=language.feature(one.feature), own=own, all=everyone, effect=language.signed(one.effect))


def _form(feature: str) -> str:
    return "percent" if "=" in feature else "money" if feature == "monetary_value" else columns.format_of(feature)


def _path(way: Any) -> str:
    if not isinstance(way.path, str):
        return _("none: each of {visits} visits ends with its first event").format(visits=language.count(way.group_visits))
    return _("{path} ({share} of {visits} visits; {all} of everyone's)").format(
        path=way.path, share=language.percent(way.share), visits=language.count(way.group_visits), all=language.percent(way.all_share))


def examples(frame: pd.DataFrame, made: Personas) -> Shown:
    """Customers that are typical of each persona, folded. Takes the frame of ``segments.examples`` and the personas."""
    names = _names(made.summary)
    table = frame.assign(persona=frame["persona"].map(names))
    words = _("Customers nearest to the middle of each persona, {rows} each").format(rows=language.count(frame["row"].max()))
    folded = f"<details><summary>{page.escape(words)}</summary>{page.rows_html(table)}</details>"
    return Shown({"text/html": page.boxed(folded), "text/plain": words, shown.TABLE: shown.as_table(table, "persona_examples")})


def _names(frame: pd.DataFrame) -> dict[str, str]:
    """The personas' names by their keys."""
    return {persona: language.persona(parts) for persona, parts in zip(frame["persona"], frame["parts"], strict=True)}


MOVES: Sequence[str] = ("persona", "users_before", "users", "change", "stayed", "moved", "mostly_to", "joined", "new", "unplaced")


def changes(frame: pd.DataFrame, since: Any, *, title: Finding | str) -> list[Shown]:
    """How each persona has changed ``since`` a day: the finding and a table. Takes the frame of ``segments.persona_changes``."""
    names = _names(frame)
    grown = (frame["users"] / frame["users_before"].where(frame["users_before"] > 0) - 1).astype(float)
    to = [_("{persona} ({users})").format(persona=names[key], users=language.count(users)) if users else language.NONE
          for key, users in zip(frame["to"], frame["to_users"], strict=True)]
    told = frame.assign(persona=frame["persona"].map(names), mostly_to=to, change=grown)[list(MOVES)]
    note = _("Compared with {day}: the same data as far as it was known then, in as many groups; a group keeps the name that it had.").format(
        day=language.date(since))
    said = getattr(title, "sentence", None) or str(title)
    kept = frame.drop(columns="parts").assign(since=since)
    return [Shown({"text/html": page.boxed(f'{page.rows_html(told, said)}<p class="note">{page.flowing(note)}</p>'), "text/plain": said or note,
                   shown.TABLE: shown.as_table(kept, "persona_changes")})]
