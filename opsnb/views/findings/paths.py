"""Findings that title the funnel page's further sections: how long it takes, what differs, what goes with going on, where users go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsnb.errors import NotMeasured
from opsnb.views import language
from opsnb.views.findings.finding import Finding, day_of
from opsnb.views.language import N_

if TYPE_CHECKING:
    import pandas as pd

CHANCE = 0.05
LEAST_GAP = 0.05  # between the two rates of a driver that is worth a sentence


def waiting(curve: pd.DataFrame) -> Finding:
    """How many convert in the end, and by when half and nine in ten of these have. Needs :func:`opsnb.measures.waits.conversion_curve` without ``by``.

    >>> import pandas as pd
    >>> curve = pd.DataFrame({"minutes": [0., 5, 60, 3000], "conversion": [0, .1, .18, .2], "converted": [0, 10, 18, 20], "waiting": [100, 100, 90, 82]})
    >>> print(waiting(curve))
    20% convert in time after their first visit to the first step: half of these within 5 min, nine in ten within 1 h.
    """
    if curve.empty or not curve["conversion"].iloc[-1] > 0:
        return Finding("waiting", "time_taken", N_("Nobody converted in this period."), {}, severity=0.1)
    last = float(curve["conversion"].iloc[-1])
    half, most = (float(curve.loc[curve["conversion"] >= share * last - 1e-12, "minutes"].iloc[0]) for share in (0.5, 0.9))
    return Finding(
        "waiting",
        "time_taken",
        N_(
            "{conversion:percent} convert in time after their first visit to the first step: half of these within {half:duration}, nine in ten within "
            "{most:duration}."
        ),
        {"conversion": last, "half": half, "most": most},
        severity=0.2,
    )


def differences(found: pd.DataFrame, *, now: str = "", before: str = "") -> Finding:
    """Which step differs most and by more than chance between two sides. Needs :func:`opsnb.measures.compare.step_differences`.

    >>> import pandas as pd
    >>> print(differences(pd.DataFrame({"step": ["cart", "pay"], "rate": [.5, .37], "other_rate": [.5, .64], "difference": [0, -.27], "p_adjusted": [1, 0]})))
    Step pay differs most: 37% go on, against 64% (−27.0 points); 1 of 2 steps differ by more than chance.
    """
    sure = found[found["p_adjusted"] < CHANCE]
    if sure.empty:
        return Finding("no_difference", "compared", N_("None of {steps:count} steps differs by more than chance."), {"steps": len(found)}, severity=0.1)
    row = sure.loc[sure["difference"].abs().idxmax()]
    return Finding(
        "difference",
        "compared",
        N_(
            "Step {step} differs most: {rate:percent} go on, against {other_rate:percent} ({points:shift} points); {sure:count} of {steps:count} steps differ "
            "by more than chance."
        ),
        {"step": row["step"], "rate": row["rate"], "other_rate": row["other_rate"], "points": row["difference"], "sure": len(sure),
         "steps": len(found)},
        severity=0.3,
    )


def mix_or_rate(effects: pd.DataFrame) -> Finding:
    """Whether a change of the whole path comes from other visitors or from other conversion. Needs :func:`opsnb.measures.compare.mix_and_rate`.

    >>> import pandas as pd
    >>> print(mix_or_rate(pd.DataFrame({"effect": ["mix", "rate", "change"], "value": [-.05, 0.001, -.049], "p_value": [0, .9, .001]})))
    The whole path changed by −4.9 points: −5.0 by another mix of visitors, +0.1 by other conversion of the same visitors.
    """
    value, p = (effects.set_index("effect")[name] for name in ("value", "p_value"))
    numbers = {name: value[name] for name in ("mix", "rate", "change")}
    if not min(p["mix"], p["rate"], p["change"]) < CHANCE:
        return Finding("no_change", "compared", N_("The whole path did not change by more than chance ({change:shift} points)."), numbers, severity=0.1)
    return Finding(
        "mix_or_rate",
        "compared",
        N_("The whole path changed by {change:shift} points: {mix:shift} by another mix of visitors, {rate:shift} by other conversion of the same visitors."),
        numbers,
        severity=0.2,
    )


def explaining_slices(slices: pd.DataFrame) -> Finding:
    """Which slice explains the change of a step, and since when; "nothing stands out" is an answer. Needs
    :func:`opsnb.measures.localise.change_slices`, with the days of ``slices_since`` where they are known.

    >>> import pandas as pd
    >>> row = {"step": "pay", "slice": "device=ios", "rate": .37, "other_rate": .64, "users_change": -160., "share_explained": .97, "statistic": -9.}
    >>> print(explaining_slices(pd.DataFrame([row])))
    What changed at step pay is explained by device: ios: 37% go on instead of 64%, 160 fewer.
    >>> days = {"since": "2025-06-03", "since_low": "2025-06-01", "since_high": "2025-06-05"}
    >>> print(explaining_slices(pd.DataFrame([row | days])))
    What changed at step pay is explained by device: ios: 37% go on instead of 64%, 160 fewer. Since 2025-06-03 (2025-06-01 to 2025-06-05).
    >>> print(explaining_slices(pd.DataFrame([row])[:0]))
    Nothing stands out: no slice changed by more than chance.
    """
    if slices.empty:
        return Finding("no_slice", "where", N_("Nothing stands out: no slice changed by more than chance."), {}, severity=0.1)
    row = slices.loc[slices["statistic"].abs().idxmax()]
    days = [day_of(row.get(name)) for name in ("since", "since_low", "since_high")]
    numbers = {"step": row["step"], "whom": row["slice"], "rate": row["rate"], "other_rate": row["other_rate"], "users": abs(row["users_change"]),
               "share": row["share_explained"], "days": days}
    told = (bool(row["slice"]), bool(row["users_change"] < 0), all(days))
    templates = {
        (True, True, False): N_("What changed at step {step} is explained by {whom:slice}: {rate:percent} go on instead of {other_rate:percent}, "
                                "{users:count} fewer."),
        (True, False, False): N_("What changed at step {step} is explained by {whom:slice}: {rate:percent} go on instead of {other_rate:percent}, "
                                 "{users:count} more."),
        (False, True, False): N_("Step {step} changed for everyone: {rate:percent} go on instead of {other_rate:percent}, {users:count} fewer."),
        (False, False, False): N_("Step {step} changed for everyone: {rate:percent} go on instead of {other_rate:percent}, {users:count} more."),
        (True, True, True): N_("What changed at step {step} is explained by {whom:slice}: {rate:percent} go on instead of {other_rate:percent}, "
                               "{users:count} fewer. Since {days:dated}."),
        (True, False, True): N_("What changed at step {step} is explained by {whom:slice}: {rate:percent} go on instead of {other_rate:percent}, "
                                "{users:count} more. Since {days:dated}."),
        (False, True, True): N_("Step {step} changed for everyone: {rate:percent} go on instead of {other_rate:percent}, {users:count} fewer. "
                                "Since {days:dated}."),
        (False, False, True): N_("Step {step} changed for everyone: {rate:percent} go on instead of {other_rate:percent}, {users:count} more. "
                                 "Since {days:dated}."),
    }
    return Finding("explaining_slice", "where", templates[told], numbers, since=days[0], severity=0.3)


def deciding(levers: pd.DataFrame) -> Finding:
    """Which touchpoints decide. Needs :func:`opsnb.measures.drivers.levers`.

    >>> import pandas as pd
    >>> print(deciding(pd.DataFrame({"touchpoint": ["cart", "home"], "next_step": ["pay", "cart"], "more_orders": [229., 0.]})))
    Of 2 touchpoints, cart decides most: 229 more would reach the last step if it led on like its best slice.
    """
    known = levers[levers["more_orders"] > 0]
    if known.empty:
        return Finding("no_lever", "levers", N_("No touchpoint has a slice that leads on better than the rest by more than chance."), {}, severity=0.1)
    two = len(known) > 1
    return Finding(
        "deciding",
        "levers",
        N_(
            "Of {touchpoints:count} touchpoints, {first} and {second} decide most: {more:count} and {second_more:count} more would reach the last step if "
            "each led on like its best slice."
        )
        if two
        else N_("Of {touchpoints:count} touchpoints, {first} decides most: {more:count} more would reach the last step if it led on like its best slice."),
        {"touchpoints": len(levers), "first": known["touchpoint"].iloc[0], "more": known["more_orders"].iloc[0],
         "second": known["touchpoint"].iloc[1] if two else None, "second_more": known["more_orders"].iloc[1] if two else None},
        severity=0.3,
    )


def going_on(drivers: pd.DataFrame, *, after: str) -> Finding:
    """What goes most with going on from a step. Needs :func:`opsnb.measures.drivers.drivers`.

    >>> import pandas as pd
    >>> print(going_on(pd.DataFrame({"event": ["coupon"], "converters_rate": [.6], "others_rate": [.2], "q_value": [0.]}), after="cart"))
    After cart, coupon goes most with going on: 60% of those who went on did it, 20% of the others in the same time. It goes with it; whether it causes it, only an experiment says.
    """  # noqa: E501
    sure = drivers[(drivers["q_value"] < CHANCE) & ((drivers["converters_rate"] - drivers["others_rate"]).abs() >= LEAST_GAP)]
    if sure.empty:
        return Finding("no_driver", "why", N_("After {after}, nothing tells those who went on from the others by more than chance and five points."),
                       {"after": after}, severity=0.1)
    row = sure.loc[(sure["converters_rate"] - sure["others_rate"]).abs().idxmax()]
    return Finding(
        "going_on",
        "why",
        N_(
            "After {after}, {what} goes most with going on: {rate:percent} of those who went on did it, {others:percent} of the others in the same time. It "
            "goes with it; whether it causes it, only an experiment says."
        )
        if row["converters_rate"] >= row["others_rate"]
        else N_(
            "After {after}, {what} goes most with staying: {rate:percent} of those who went on did it, {others:percent} of the others in the same time. It "
            "goes with it; whether it causes it, only an experiment says."
        ),
        {"after": after, "what": row.iloc[0], "rate": row["converters_rate"], "others": row["others_rate"]},
        severity=0.3,
    )


def dropped(following: pd.DataFrame, *, after: str) -> Finding:
    """Where those go who get as far as a step and no further. Needs :func:`opsnb.measures.paths.next_after_drop`.

    >>> import pandas as pd
    >>> print(dropped(pd.DataFrame({"next_event": ["help", None], "users": [10, 30], "dropped": 40, "share": [.25, .75]}), after="cart"))
    Of 40 who got to cart and no further, 75% did nothing more in time; most of the others went to help (10).
    """
    if following.empty:
        return Finding("no_drop", "drops", N_("Nobody got as far as {after} and no further."), {"after": after}, severity=0.1)
    nothing = following[following["next_event"].isna()]
    others = following[following["next_event"].notna()].sort_values("users", ascending=False, kind="stable")
    if others.empty:
        return Finding("dropped", "drops", N_("All {dropped:count} who got to {after} and no further did nothing more in time."),
                       {"dropped": following["dropped"].iloc[0], "after": after}, severity=0.2)
    return Finding(
        "dropped",
        "drops",
        N_(
            "Of {dropped:count} who got to {after} and no further, {nothing:percent} did nothing more in time; most of the others went to {next} "
            "({users:count})."
        ),
        {"dropped": following["dropped"].iloc[0], "after": after, "nothing": nothing["share"].sum(), "next": others["next_event"].iloc[0],
         "users": others["users"].iloc[0]},
        severity=0.2,
    )


def positions(matrix: pd.DataFrame) -> Finding:
    """How visits begin, and how many go on after the first event. Needs :func:`opsnb.measures.flows.step_matrix` without ``around``.

    >>> import pandas as pd
    >>> print(positions(pd.DataFrame({"position": [1, 1, 2, 2], "event": ["home", "product", "(end)", "search"], "users": [9, 1, 4, 6],
    ...                               "share": [.9, .1, .4, .6]})))
    90% of 10 visits begin with home; 40% end after the first event.
    """
    first = matrix[matrix["position"] == 1]
    if first.empty:
        raise NotMeasured("there are no visits in this period")
    gone = matrix[(matrix["position"] == 2) & (matrix["event"] == "(end)")]["share"].sum()
    top = first.loc[first["users"].idxmax()]
    return Finding("positions", "drops", N_("{share:percent} of {visits:count} visits begin with {event}; {gone:percent} end after the first event."),
                   {"share": top["share"], "visits": first["users"].sum(), "event": top["event"], "gone": gone}, severity=0.2)


def circles(loops: pd.DataFrame) -> Finding:
    """How much time goes by in circles. Needs :func:`opsnb.measures.flows.loop_time`.

    >>> import pandas as pd
    >>> print(circles(pd.DataFrame({"event": ["product"], "came_from": ["help"], "share": [.15], "minutes": [9000.], "visits": [80]})))
    15% of the time of all visits goes by in coming back to what was done already; most of it to product (15%).
    """
    if loops.empty:
        return Finding("no_circle", "drops", N_("No visit comes back to what was done already."), {}, severity=0.1)
    most = loops.groupby("event", sort=False)["share"].sum().sort_values(ascending=False, kind="stable")
    return Finding(
        "circles",
        "drops",
        N_("{share:percent} of the time of all visits goes by in coming back to what was done already; most of it to {event} ({top:percent})."),
        {"share": loops["share"].sum(), "event": most.index[0], "top": most.iloc[0]},
        severity=0.2,
    )


def abandoned(carts: pd.DataFrame) -> Finding:
    """How many carts are left without an order, and what is in them. Needs :func:`opsnb.measures.carts.cart_abandonment`, of all or by slice.

    >>> import pandas as pd
    >>> row = {"carts": 200, "open": 3, "abandoned": 84, "abandonment_rate": .42, "low": .35, "high": .49, "value_left": float("nan"), "valued": 0}
    >>> print(abandoned(pd.DataFrame([row])))
    42% of 200 carts were left without an order (84); 3 more are still open.
    """
    number, left = int(carts["carts"].sum()), int(carts["abandoned"].sum())
    if not number:
        raise NotMeasured("no cart was filled in this period whose time is over")
    numbers = {"rate": left / number, "carts": number, "abandoned": left, "open": carts["open"].sum(), "value": carts["value_left"].sum(min_count=1)}
    column = next((name for name in carts.columns[: carts.columns.get_loc("carts")]), None)
    if column is not None and len(large := carts[(carts["carts"] >= 30) & carts[column].notna()]) > 1:
        worst, best = (large.loc[getattr(large["abandonment_rate"], of)()] for of in ("idxmax", "idxmin"))
        if worst["low"] > best["high"]:
            return Finding("abandoned", "carts",
                           N_("Carts are left most for {column:name} {worst}: {rate:percent} of {carts:count}, against {best_rate:percent} for {best}."),
                           {"column": column, "worst": worst[column], "rate": worst["abandonment_rate"], "carts": worst["carts"], "best": best[column],
                            "best_rate": best["abandonment_rate"]}, severity=0.3)
        return Finding("abandoned", "carts", N_("No {column:name} leaves more carts than the others by more than chance."), {"column": column}, severity=0.1)
    return Finding(
        "abandoned",
        "carts",
        N_(
            "{rate:percent} of {carts:count} carts were left without an order ({abandoned:count}), worth {value:money} as far as known; {open:count} more are "
            "still open."
        )
        if numbers["value"] == numbers["value"]
        else N_("{rate:percent} of {carts:count} carts were left without an order ({abandoned:count}); {open:count} more are still open."),
        numbers,
        severity=0.3,
    )


def stages(found: pd.DataFrame) -> Finding:
    """Which stage of AARRR moved most for the worse. Needs :func:`opsnb.measures.aarrr.stages`.

    >>> import pandas as pd
    >>> row = {"stage": "revenue", "kpi": "arpu", "better": "up", "value": 58., "previous_value": 89., "change": -31., "low": -47., "high": -15.}
    >>> print(stages(pd.DataFrame([row])))
    Stage revenue got worse by more than chance: ARPU is 58 after 89.
    """
    worse = [row for row in found.itertuples() if (row.high < 0 if row.better == "up" else row.low > 0)]
    if not worse:
        return Finding("stages", "stages", N_("None of {stages:count} stages got worse by more than chance."), {"stages": len(found)}, severity=0.1)
    row = max(worse, key=lambda one: abs(one.change) / abs(one.previous_value) if one.previous_value else 0)
    said = language.percent if str(row.kpi).endswith("_rate") else language.number
    return Finding(
        "stages",
        "stages",
        N_("Stage {stage:name} got worse by more than chance: {kpi:name} is {value} after {previous}."),
        {"stage": row.stage, "kpi": row.kpi, "value": said(row.value), "previous": said(row.previous_value)},
        severity=0.3,
    )
