"""Findings about money: what leaks most against a benchmark that has a name, how that was computed, and what to do first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsnb.errors import NotMeasured
from opsnb.views.findings.finding import Confidence, Finding, day_of
from opsnb.views.findings.funnel import MONEY
from opsnb.views.language import N_

if TYPE_CHECKING:
    import pandas as pd

MOST_SEVERE = 0.9


def _sure(low: float, value: float, high: float) -> Confidence:
    """How far an interval of an amount can be trusted: within a third of it high, above 0 medium, else low."""
    return "low" if not low > 0 else "high" if (high - low) / 2 <= abs(value) / 3 else "medium"


def _amount(row: Any) -> tuple[str, tuple[float, float, float]]:
    """What is lost, "money" or where no order has a value "orders", with its interval."""
    if row["lost_revenue"] == row["lost_revenue"]:
        return "money", (row["revenue_low"], row["lost_revenue"], row["revenue_high"])
    return "orders", (row["orders_low"], row["lost_orders"], row["orders_high"])


def break_leak(costs: pd.DataFrame) -> Finding:
    """What the dearest lasting break has cost so far, with the sum by which it was computed.

    Needs :func:`opsnb.measures.leaks.break_leaks`. Numbers: ``step``, ``users_lost``, ``money`` with ``money_low``, ``money_high``, its 90%
    interval (null without orders), ``lost_orders``. Raises NotMeasured without a break.

    >>> import pandas as pd
    >>> row = {"step": "pay", "slice_column": "device", "slice_value": "ios", "since": pd.Timestamp("2025-10-28"), "entered": 450, "converted": 133,
    ...        "expected": 291., "users_lost": 158., "later_conversion": 1., "lost_orders": 158., "orders_low": 130., "orders_high": 180., "aov": 360.,
    ...        "lost_revenue": 56880., "revenue_low": 46000., "revenue_high": 65000.}
    >>> print(break_leak(pd.DataFrame([row])))
    Step pay for device ios leaks 56.9K since 2025-10-28 (90% sure of 46K to 65K): 133 of 450 visits went on where at the rate before 291 would have, so 158 lost × 100% of them to order × 360 an order.
    """  # noqa: E501
    if costs.empty:
        raise NotMeasured("no step has dropped for good, so there is nothing to price")
    row = costs.iloc[0]
    kind, interval = _amount(row)
    slices = {str(row["slice_column"]): str(row["slice_value"])} if row["slice_column"] else {}
    templates = {
        ("money", True): N_(
            "Step {step} for {column:name} {value} leaks {money:money} since {when:date} (90% sure of {money_low:money} to {money_high:money}): "
            "{converted:count} of {entered:count} visits went on where at the rate before {expected:count} would have, so {users_lost:count} lost × "
            "{later:percent} of them to order × {aov:money} an order."
        ),
        ("money", False): N_(
            "Step {step} leaks {money:money} since {when:date} (90% sure of {money_low:money} to {money_high:money}): "
            "{converted:count} of {entered:count} visits went on where at the rate before {expected:count} would have, so {users_lost:count} lost × "
            "{later:percent} of them to order × {aov:money} an order."
        ),
        ("orders", True): N_(
            "Step {step} for {column:name} {value} leaks {lost_orders:count} orders since {when:date} (90% sure of {orders_low:count} to "
            "{orders_high:count}): {converted:count} of {entered:count} visits went on where at the rate before {expected:count} would have, so "
            "{users_lost:count} lost × {later:percent} of them to order."
        ),
        ("orders", False): N_(
            "Step {step} leaks {lost_orders:count} orders since {when:date} (90% sure of {orders_low:count} to {orders_high:count}): "
            "{converted:count} of {entered:count} visits went on where at the rate before {expected:count} would have, so {users_lost:count} lost × "
            "{later:percent} of them to order."
        ),
    }
    numbers = {
        **{name: row[name] for name in ("step", "entered", "converted", "expected", "users_lost", "lost_orders", "orders_low", "orders_high", "aov")},
        **{name: row[column] for name, column in MONEY.items()},
        "column": row["slice_column"],
        "value": row["slice_value"],
        "later": row["later_conversion"],
        "when": day_of(row["since"]),
    }
    return Finding(
        "leak",
        "costs",
        templates[kind, bool(slices)],
        numbers,
        slice=slices,
        since=day_of(row["since"]),
        severity=MOST_SEVERE,
        confidence=_sure(*interval),
    )


def dearest_leak(leaks: pd.DataFrame) -> Finding:
    """The step that loses most against its benchmark in the last complete months, with the sum by which it was computed.

    Needs :func:`opsnb.measures.leaks.leaks` with ``since`` and ``until``. Of kind ``no_leak`` where no step is below its benchmark by more
    than chance.

    >>> import pandas as pd
    >>> row = {"step": "cart", "entered": 1000, "converted": 500, "rate": .5, "benchmark": "2025-05-01", "benchmark_rate": .55, "users_lost": 50.,
    ...        "later_conversion": .6, "lost_orders": 30., "orders_low": 20., "orders_high": 40., "aov": 360., "lost_revenue": 10800.,
    ...        "revenue_low": 7000., "revenue_high": 14000., "since": pd.Timestamp("2025-10-01"), "until": pd.Timestamp("2025-12-31")}
    >>> print(dearest_leak(pd.DataFrame([row])))
    Step cart leaks 10.8K from 2025-10-01 to 2025-12-31 (90% sure of 7,000 to 14K) against its best month, 2025-05: 50% of 1,000 go on instead of 55%, so 50 lost × 60% of them to order × 360 an order.
    """  # noqa: E501
    row = leaks.iloc[0] if len(leaks) else None
    kind, interval = ("orders", (0.0, 0.0, 0.0)) if row is None else _amount(row)
    if not interval[0] > 0:
        return Finding("no_leak", "costs", N_("No step is below its benchmark by more than chance."), {}, severity=0.05)
    templates = {
        "money": N_(
            "Step {step} leaks {money:money} from {first:date} to {last:date} (90% sure of {money_low:money} to {money_high:money}) against "
            "{against:sentence}: {rate:percent} of {entered:count} go on instead of {benchmark_rate:percent}, so {users_lost:count} lost × "
            "{later:percent} of them to order × {aov:money} an order."
        ),
        "orders": N_(
            "Step {step} leaks {lost_orders:count} orders from {first:date} to {last:date} (90% sure of {orders_low:count} to {orders_high:count}) against "
            "{against:sentence}: {rate:percent} of {entered:count} go on instead of {benchmark_rate:percent}, so {users_lost:count} lost × "
            "{later:percent} of them to order."
        ),
    }
    kept = ("step", "entered", "converted", "rate", "benchmark", "benchmark_rate", "users_lost", "lost_orders", "orders_low", "orders_high", "aov")
    numbers = {
        **{name: row[name] for name in kept},
        **{name: row[column] for name, column in MONEY.items()},
        "against": benchmark_text(row["benchmark"]),
        "later": row["later_conversion"],
        "first": day_of(row["since"]),
        "last": day_of(row["until"]),
    }
    return Finding("leak", "costs", templates[kind], numbers, severity=0.72, confidence=_sure(*interval))


def benchmark_text(benchmark: object) -> str:
    """What a benchmark is, in English words that the catalogue knows.

    >>> benchmark_text("2025-05-01"), benchmark_text("device=ios"), benchmark_text("target")
    ('its best month, 2025-05', 'its best slice, device=ios', 'its target')
    """
    if benchmark == "target":
        return N_("its target")
    return N_("its best slice, {0}").format(benchmark) if "=" in str(benchmark) else N_("its best month, {0}").format(str(benchmark)[:7])


_AFTER_THAT = (
    N_("Do first: mend step {step} for {column:name} {value}. After that look at {touchpoint}, the one of {touchpoints:count} touchpoints that decides: "
       "if others went on to {next_step} as often as {lever_column:name} {lever_value} ({best:percent} instead of {rest:percent}), {more:count} more "
       "would order in {days:count} days ({more_low:count} to {more_high:count})."),
    N_("Do first: mend step {step}. After that look at {touchpoint}, the one of {touchpoints:count} touchpoints that decides: "
       "if others went on to {next_step} as often as {lever_column:name} {lever_value} ({best:percent} instead of {rest:percent}), {more:count} more "
       "would order in {days:count} days ({more_low:count} to {more_high:count})."),
)
_AFTER_THAT_TWO = (
    N_("Do first: mend step {step} for {column:name} {value}. After that look at {touchpoint}, which decides most of {touchpoints:count} touchpoints: "
       "if others went on to {next_step} as often as {lever_column:name} {lever_value} ({best:percent} instead of {rest:percent}), {more:count} more "
       "would order in {days:count} days ({more_low:count} to {more_high:count}); next comes {second}."),
    N_("Do first: mend step {step}. After that look at {touchpoint}, which decides most of {touchpoints:count} touchpoints: "
       "if others went on to {next_step} as often as {lever_column:name} {lever_value} ({best:percent} instead of {rest:percent}), {more:count} more "
       "would order in {days:count} days ({more_low:count} to {more_high:count}); next comes {second}."),
)


def first_action(breaks: pd.DataFrame, levers: pd.DataFrame | None, *, order_value: float | None = None, days: int = 365) -> Finding | None:
    """What to do first: mend what broke; then the touchpoints that decide, where most is to be had. None where nothing is known of either.

    Needs :func:`opsnb.measures.change.rate_breaks` and :func:`opsnb.measures.drivers.levers` of ``days`` days (None: not measured).

    >>> import pandas as pd
    >>> rows = [("cart", "pay", 2000, "channel", "direct", .73, .66, 229., 141., 312.), ("home", "cart", 9000, "device", "ios", .3, .2, 102., 12., 187.)]
    >>> levers = pd.DataFrame(rows, columns=["touchpoint", "next_step", "entered", "slice_column", "slice_value", "slice_rate", "rest_rate",
    ...                                      "more_orders", "low", "high"])
    >>> print(first_action(pd.DataFrame({"step": []}), levers, order_value=100))
    Two of 2 touchpoints decide. Start at cart: if others went on to pay as often as channel direct (73% instead of 66%), 229 more would order in 365 days (141 to 312), about 22.9K; then home (102 more).
    """  # noqa: E501
    known = None if levers is None else levers[levers["more_orders"] > 0]
    if known is None or known.empty:
        if breaks.empty:
            return None
        return _mend(breaks.iloc[0], N_("Do first: mend step {step} for {column:name} {value}, as it was before {when:date}."), N_(
            "Do first: mend step {step}, as it was before {when:date}."))
    top, second = known.iloc[0], known.iloc[1] if len(known) > 1 else None
    numbers = {
        "touchpoints": len(levers),
        "touchpoint": top["touchpoint"],
        "next_step": top["next_step"],
        "lever_column": top["slice_column"],
        "lever_value": top["slice_value"],
        "best": top["slice_rate"],
        "rest": top["rest_rate"],
        "more": top["more_orders"],
        "more_low": top["low"],
        "more_high": top["high"],
        "money": None if order_value is None else top["more_orders"] * order_value,
        "second": "none" if second is None else second["touchpoint"],
        "second_more": None if second is None else second["more_orders"],
        "days": days,
    }
    if len(breaks):
        return _mend(breaks.iloc[0], *(_AFTER_THAT if second is None else _AFTER_THAT_TWO), numbers)
    one = N_(
        "One of {touchpoints:count} touchpoints decides: {touchpoint}. If others went on to {next_step} as often as {lever_column:name} {lever_value} "
        "({best:percent} instead of {rest:percent}), {more:count} more would order in {days:count} days ({more_low:count} to {more_high:count})."
    )
    two = N_(
        "Two of {touchpoints:count} touchpoints decide. Start at {touchpoint}: if others went on to {next_step} as often as {lever_column:name} {lever_value} "
        "({best:percent} instead of {rest:percent}), {more:count} more would order in {days:count} days ({more_low:count} to {more_high:count}); "
        "then {second} ({second_more:count} more)."
    )
    priced = N_(
        "Two of {touchpoints:count} touchpoints decide. Start at {touchpoint}: if others went on to {next_step} as often as {lever_column:name} {lever_value} "
        "({best:percent} instead of {rest:percent}), {more:count} more would order in {days:count} days ({more_low:count} to {more_high:count}), about "
        "{money:money}; then {second} ({second_more:count} more)."
    )
    template = one if second is None else two if order_value is None else priced
    return Finding("first_action", "levers", template, numbers, severity=0.7, confidence=_sure(top["low"], top["more_orders"], top["high"]))


def _mend(broken: Any, whom: str, everyone: str, numbers: dict[str, Any] | None = None) -> Finding:
    slices = {str(broken["slice_column"]): str(broken["slice_value"])} if broken["slice_column"] else {}
    told = {"step": broken["step"], "column": broken["slice_column"], "value": broken["slice_value"], "when": day_of(broken["since"]), **(numbers or {})}
    return Finding("first_action", "levers", whom if slices else everyone, told, slice=slices, since=day_of(broken["since"]), severity=0.7,
                   confidence="high" if broken["p"] < 0.001 else "medium")
