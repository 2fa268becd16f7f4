"""The funnel page's ways: which paths visits take, what lies on the way to the goal, what goes round in circles, and what left carts hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from opsnb.errors import NotMeasured
from opsnb.measures import carts, flows, funnel, paths
from opsnb.reviews.funnel_path import names_of, plain_steps
from opsnb.reviews.funnel_sections import cart_asked
from opsnb.reviews.once import once

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.tables.data import Data
    from opsnb.views.shown import Shown

ITEMS = ("item", "product", "sku", "goods", "item_name", "product_name", "sku_name", "item_id", "product_id", "sku_id", "category", "product_category",
         "商品", "商品名称", "商品id", "货品", "品类", "类目")
MOST_ITEMS = 200  # things of which the page keeps a row
MOST_WAYS = 100
LEAST_CARTS = 5  # with a thing that the page speaks of


def ways(data: Data, *, steps: Sequence[Any], to: str | None = None, days: int = 365) -> list[Shown]:
    """The section about ways: the most frequent paths of visits (``to``: of those that reach this step, up to it), what lies on the way to the
    path's last step, what visits do first, second, third, and the time that goes by in circles."""
    from opsnb.views import charts, findings, page

    def on_the_way() -> Shown:
        goal = goal_of(data, steps)
        found = removal_effects(data, goal=goal, days=days)
        return charts.removal_effects(found, title=findings.carrying(found, goal=goal, steps=names_of(data, steps)), steps=names_of(data, steps))

    found = frequent_paths(data, to=to, days=days)
    matrix, circles = step_matrix(data, days=days), loop_time(data, days=days)
    return [charts.frequent_paths(found, title=findings.frequent_path(found, to=to)), *page.parts(on_the_way),
            charts.step_matrix(matrix, title=findings.positions(matrix)), charts.loop_time(circles, title=findings.circles(circles))]


@once
def frequent_paths(data: Data, *, to: str | None = None, days: int = 365) -> pd.DataFrame:
    """The most frequent paths of visits, loops folded: :func:`opsnb.measures.paths.frequent_paths`."""
    found = paths.frequent_paths(data.events, last=to, most=MOST_WAYS, **data.period(days))
    if found.empty:
        raise NotMeasured(f"no visit of this period comes to {to}" if to else "there are no visits in this period")
    return found


@once
def removal_effects(data: Data, *, goal: str, days: int = 365) -> pd.DataFrame:
    """What each event carries on the way to the goal, by visits: :func:`opsnb.measures.flows.removal_effects`."""
    return flows.removal_effects(data.events, goal=goal, **data.period(days))


@once
def step_matrix(data: Data, *, days: int = 365) -> pd.DataFrame:
    """What visits do first, second, third: :func:`opsnb.measures.flows.step_matrix`."""
    return flows.step_matrix(data.events, **data.period(days))


@once
def loop_time(data: Data, *, days: int = 365) -> pd.DataFrame:
    """The time of visits that goes by in circles: :func:`opsnb.measures.flows.loop_time`."""
    return flows.loop_time(data.events, **data.period(days))


@once
def after_drop(data: Data, *, steps: Sequence[Any], after: str, window_days: float = 7, unit: funnel.Unit = "user", days: int = 365) -> pd.DataFrame:
    """Where those go who got as far as a step and no further: :func:`opsnb.measures.paths.next_after_drop`."""
    return paths.next_after_drop(data.events, plain_steps(data, steps), after=after, window_days=window_days or None,
                                 unit="session" if unit == "session" else "user", **data.period(days))


def goal_of(data: Data, steps: Sequence[Any]) -> str:
    """The event of the path's last step. Raises NotMeasured where that is any of several events."""
    goal = plain_steps(data, steps)[-1]
    if not isinstance(goal, str):
        if len(goal) != 1:
            raise NotMeasured("the path's last step is any of several events, and what lies on the way is asked of one")
        goal = goal[0]
    return goal


def ends(data: Data, steps: Sequence[Any]) -> list[str | None]:
    """Where a way may end, for a control: anywhere, or at one of the path's steps that is a single event, the last one first."""
    known = set(map(str, data.events.labels("event"))) if data.has("events") else set()
    return [None, *(name for name in reversed(names_of(data, steps)[1:]) if name in known)] if known else [None]


def item_of(data: Data, item: str = "") -> str:
    """The column of events that says what is in a cart: the one named, else the first that is called so. Raises NotMeasured without one."""
    if not item:
        columns = {column.casefold(): column for column in data.events.columns}
        item = next((columns[name] for name in ITEMS if name in columns), "")
        if not item:
            raise NotMeasured("no column of the events is called like a thing that is bought; name it with the parameter item")
    if item not in data.events.columns:
        raise NotMeasured(f"the events have no column {item}, so what is in a cart is not known")
    if item in ("user_id", "ts", "event", "session_id") or data.events.is_number(item):
        raise NotMeasured(f"the column {item} holds no names of things")
    return item


@once
def left_items(data: Data, *, steps: Sequence[Any], cart: str = "", item: str = "", hours: float = 24, days: int = 365) -> pd.DataFrame:
    """What was in the carts that were left: :func:`opsnb.measures.carts.cart_contents`, the 200 things in most of them; as
    :func:`left_carts` says what an order is."""
    column = item_of(data, item)
    found = carts.cart_contents(data.events, item=column, hours=hours, **cart_asked(data, steps=steps, cart=cart), **data.period(days))
    if not found[column].notna().any():
        raise NotMeasured(f"the column {column} is empty at the events that fill a cart, so what is in a cart is not known")
    if found.loc[found[column].notna(), "carts"].max() < LEAST_CARTS:
        raise NotMeasured(f"the column {column} has hardly a value that is in {LEAST_CARTS} carts, so none can be held against another")
    return found.head(MOST_ITEMS)
