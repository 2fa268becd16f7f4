"""Sections of the funnel page that ask more than one measure: the stages with their strategies, carts, and who is behind a number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from opsnb.errors import NotMeasured
from opsnb.measures import aarrr, carts, funnel
from opsnb.reviews.asked import optional
from opsnb.reviews.funnel_path import names_of, plain_steps
from opsnb.reviews.once import once
from opsnb.views import shown
from opsnb.views.language import N_

if TYPE_CHECKING:
    import pandas as pd

    from opsnb.tables.data import Data

Users = Literal["none", "hash", "id"]

CARTS = ("cart", "add_to_cart", "addtocart", "basket", "加购", "加入购物车", "购物车")
STRATEGIES = {
    "lower_cac": N_("spend where a new customer costs least"),
    "first_key_action": N_("lead newcomers to the first key action"),
    "retention_30d": N_("bring them back within 30 days"),
    "arpu": N_("let each visitor buy more"),
    "referral": N_("let customers bring others"),
}


@once
def stages(data: Data, *, days: int = 30) -> pd.DataFrame:
    """One KPI for each stage of AARRR that the data can measure: the frame of :func:`opsnb.measures.aarrr.stages`."""
    tables = {name: optional(data, name) for name in ("events", "orders", "users", "spend")}
    return aarrr.stages(**tables, as_of=data.as_of, days=days)


def stage_table(data: Data, *, days: int = 30) -> pd.DataFrame:
    """:func:`stages` as a reader sees it: stage, KPI, value of so many, before, relative change, whether that is more than chance, strategy."""
    import numpy as np

    found = stages(data, days=days)
    worse = np.where(found["better"] == "up", found["high"] < 0, found["low"] > 0)
    better = np.where(found["better"] == "up", found["low"] > 0, found["high"] < 0)
    return found[["stage", "kpi", "value", "denominator", "previous_value"]].assign(
        change=found["change"] / found["previous_value"],
        verdict=np.where(found["change"].isna(), "not measured", np.where(worse, "worse", np.where(better, "better", "within chance"))),
        strategy=[STRATEGIES[one] for one in found["strategy"]],
    )


def cart_event(data: Data, cart: str = "") -> str:
    """The event that fills a cart: the one named, else the first of the data's that is called so. Raises NotMeasured where there is none."""
    if cart:
        return cart
    labels = {str(label).casefold(): str(label) for label in data.events.labels("event")}
    found = next((labels[name] for name in CARTS if name in labels), None)
    if found is None:
        raise NotMeasured("no event is called like filling a cart; name it with the parameter cart")
    return found


@once
def left_carts(data: Data, *, steps: Sequence[Any], cart: str = "", hours: float = 24, by: str | None = None, days: int = 365) -> pd.DataFrame:
    """Carts left without an order: :func:`opsnb.measures.carts.cart_abandonment`, an order being one of the table of orders where there is
    one, else the path's last step. A column ``price`` of the events gives the value left."""
    return carts.cart_abandonment(data.events, by=by, hours=hours, **cart_asked(data, steps=steps, cart=cart), **data.period(days))


def cart_asked(data: Data, *, steps: Sequence[Any], cart: str = "") -> dict[str, Any]:
    """What fills a cart, what an order is, and what a cart is worth, as measures of carts take them."""
    bought: dict[str, Any] = {"orders": data.orders} if data.has("orders") else {"order": plain_steps(data, steps)[-1]}
    value = "price" if "price" in data.events.columns and data.events.is_number("price") else None
    return {"cart": cart_event(data, cart), "value": value, **bought}


def users_behind(data: Data, *, steps: Sequence[Any], users: Users = "none", days: int = 365, **how: Any) -> list[shown.Shown]:
    """Who is behind the path's numbers: for each step who reached it and who was lost at it, to be written by a run into
    ``tables/users_<which>_<step>.csv``; nothing unless asked for, and never in an app. ``how``: as :func:`asked_for` gives it."""
    from opsnb.views import page, visit
    from opsnb.views.language import _, count

    if users == "none" or visit.in_app():
        return []
    made, told = [], []
    for place, name in enumerate(names_of(data, steps), 1):
        for which in ("reached", "lost")[: 1 + (place > 1)]:
            found = funnel.users_at(data.events, steps, place, which=which, show=users, **how, **data.period(days))
            made.append((f"users_{which}_{place}_{name}", found))
            told.append({"step": name, "which": which, "users": len(found)})
    summary = page.table(_frame(told), "users_behind", title=_("Who is behind the numbers: one CSV file each, in the tables folder of this run"))
    hidden = _("{users} rows are written to the table {name}")
    files = [(hidden.format(users=count(len(one)), name=name), shown.as_table(one, name)) for name, one in made]
    return [summary, *(shown.Shown({"text/html": "<span></span>", "text/plain": said, shown.TABLE: table}) for said, table in files)]


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows, columns=["step", "which", "users"])
