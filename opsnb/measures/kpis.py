"""The KPIs of the scorecard: what each is, by the day and over a period.

Every KPI of ``KPIS`` is measured over the last ``days`` days (30 unless told otherwise), ``as_of`` included; the few that need people to have
had time to come back look further back, as their formula says.
"""

from __future__ import annotations

from typing import Literal, NamedTuple


class Kpi(NamedTuple):
    """What a KPI measures. ``better``: the direction that is good. ``formula`` in words; "the period" is the last 30 days."""

    dimension: Literal["traffic", "conversion", "user", "brand", "finance"]
    unit: str
    better: Literal["up", "down"]
    formula: str


KPIS: dict[str, Kpi] = {
    "visitors": Kpi("traffic", "people", "up", "different users with an event in the period"),
    "daily_visitors": Kpi("traffic", "people a day", "up", "users with an event on a day, mean over the days of the period"),
    "new_users": Kpi("traffic", "people", "up", "users who signed up in the period"),
    "conversion_rate": Kpi("conversion", "share", "up", "visitors of the period who ordered in it / visitors of the period"),
    "cart_rate": Kpi("conversion", "share", "up", "visitors of the period with a cart event in it / visitors of the period"),
    "orders": Kpi("conversion", "orders", "up", "orders placed in the period"),
    "new_customers": Kpi("user", "people", "up", "customers whose first order lies in the period"),
    "repeat_rate": Kpi("user", "share", "up", "customers with another order within 60 days of their first / customers whose first order lies 60 to "
                       "149 days before as_of"),
    "retention_rate": Kpi("user", "share", "up", "users seen again 1 to 30 days after their first event / users whose first event lies 30 to 59 "
                          "days before as_of"),
    "nps": Kpi("brand", "points, -100 to 100", "up", "100 x (answers of 9 and 10 - answers of 0 to 6) / answers, in the period"),
    "positive_mention_rate": Kpi("brand", "share", "up", "reach of positive mentions / reach of all mentions, in the period"),
    "response_minutes": Kpi("brand", "minutes", "down", "median minutes from a ticket to our first answer, tickets opened in the period"),
    "engagement_rate": Kpi("brand", "share", "up", "likes, comments and shares / reads, of posts published in the period"),
    "gmv": Kpi("finance", "currency", "up", "sum of the amounts of orders placed in the period, refunds not deducted"),
    "aov": Kpi("finance", "currency an order", "up", "gmv / orders"),
    "arpu": Kpi("finance", "currency a visitor", "up", "gmv / visitors"),
    "refund_rate": Kpi("finance", "share", "down", "amount refunded in the period / gmv"),
    "spend": Kpi("finance", "currency", "down", "marketing spend of the period"),
    "cac": Kpi("finance", "currency a customer", "down", "spend / new customers"),
    "roas": Kpi("finance", "ratio", "up", "gmv / spend: all revenue, not only that of paid channels"),
}
