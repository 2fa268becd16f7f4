"""How a finding is read: the number that stands out, what it is compared with, by which formula it was computed, and from which tables.

One entry per kind of finding. Templates are filled from the finding's own numbers, as its sentence is.
"""

from __future__ import annotations

from string import Formatter
from typing import NamedTuple

from opsnb.views import columns, language
from opsnb.views.findings.finding import Finding
from opsnb.views.language import N_


class Explained(NamedTuple):
    """``formula`` and ``of``, what is counted in it (template, may be empty); ``tables`` whose rows went into it; ``figure``, the number that
    stands out (template), and its ``caption``; ``pair``, two numbers to be drawn side by side as ``(name, label)``, both in format ``form``
    (kpi: that of the KPI that the finding is about)."""

    formula: str
    of: str = ""
    tables: tuple[str, ...] = ()
    figure: str = ""
    caption: str = ""
    pair: tuple[tuple[str, str], ...] = ()
    form: str = "percent"


BEFORE, SINCE = N_("before"), N_("since then")
_BREAK = N_("visits that did the step / visits that did the step before it, day by day, against all other visits; the day is the one that "
            "explains the change best; visits lost = visits since then × (rate before − rate since)")

OF_KIND: dict[str, Explained] = {
    # the path
    "whole_path": Explained(
        N_("users at the last step / users at the first step, in order and within the window"), N_("{entered:count} at the first step"), ("events",),
        "{conversion:percent}", N_("of those who enter")),
    "biggest_drop": Explained(
        N_("users at the step / users at the step before it; the interval is Wilson's at 95%"), N_("{entered:count} at the step before"), ("events",),
        "{lost:count}", N_("lost at this step"), (("entered", N_("step before")), ("users", N_("step"))), "count"),
    "slice_gap": Explained(
        N_("users at the last step / users at the first step, slice by slice; slices with 50 users or more"), N_("{entered:count} of the slice at the "
        "first step"), ("events",), "{rate:percent}", N_("against the best slice"), (("best_rate", N_("best")), ("rate", N_("worst")))),
    "no_gap": Explained(N_("users at the last step / users at the first step, slice by slice; the slices' 95% intervals overlap"), "", ("events",)),
    "funnel_break": Explained(_BREAK, N_("{entered:count} visits at the step before, since then"), ("events", "orders"), "{change:signed}",
                              N_("of the step's conversion"), (("before", BEFORE), ("after", SINCE))),
    "no_break": Explained(_BREAK, "", ("events",)),
    "leak": Explained(
        N_("(visits that would have gone on at the rate compared with − visits that did) × share of those past the step who order × mean order value; the "
           "90% interval is drawn from resampled visits and orders"), N_("{entered:count} visits at the step before"), ("events", "orders"),
        "{money:money}", N_("{money_low:money} to {money_high:money}")),
    "no_leak": Explained(
        N_("rate of the last complete months against the step's best month, target or slice; the 90% interval of what is lost reaches zero"), "",
        ("events", "orders")),
    "mix_shift": Explained(
        N_("change of the whole = change of the segments' shares × mean of their rates (mix) + change of their rates × mean of their shares (rate); both add "
           "up exactly"), "", ("events",), "{mix_change:signed}", N_("of the whole path's conversion"), (("share_before", BEFORE), ("share", SINCE))),
    "first_action": Explained(
        N_("orders that would be added if the rest went on as often as the best comparable slice: visits × (its rate − theirs) × share of those past it "
           "who order"), "", ("events", "orders"), "{more:count}", N_("more orders"), (("rest", N_("the rest")), ("best", N_("best slice")))),
    # titles of the path's sections
    **dict.fromkeys(("waiting",), Explained(
        N_("Kaplan and Meier's curve of the time from a user's first visit to the first step to the last one; who has not had the time yet is cut off, not "
           "lost"), "", ("events",), "{conversion:percent}", N_("of those who enter"))),
    **dict.fromkeys(("difference", "no_difference"), Explained(
        N_("users at the step / users at the step before, one side less the other; Newcombe's interval; more than chance: p below .05 after Benjamini and "
           "Hochberg"), "", ("events",))),
    **dict.fromkeys(("mix_or_rate", "no_change"), Explained(
        N_("mix effect = sum over slices of (share − share before) × (mean of its two rates − mean of the two overall rates); what is left of the change "
           "is other conversion"), "", ("events",))),
    **dict.fromkeys(("explaining_slice", "no_slice"), Explained(
        N_("the fewest slices, or pairs of them, whose shift explains the change of a step; each passes a threshold that chance passes in one of a hundred "
           "pages; since: the likeliest day of a lasting step of the slice's odds against the rest, p below .05"), "", ("events",))),
    **dict.fromkeys(("deciding", "no_lever"), Explained(
        N_("more who would order = those outside the best slice × (its rate − theirs) × share of them that orders later; an upper mark: slices differ in more "
           "than the step"), "", ("events",))),
    **dict.fromkeys(("going_on", "no_driver"), Explained(
        N_("share that did it of those who went on, against the others with as much time; more than chance: Cochran, Mantel and Haenszel's test, q below .05"),
        "", ("events",))),
    **dict.fromkeys(("dropped", "no_drop"), Explained(N_("first other event within the window / users whose best attempt ends at the step"), "", ("events",))),
    "positions": Explained(N_("visits with the event at the position / all visits"), "", ("events",)),
    **dict.fromkeys(("circles", "no_circle"), Explained(N_("minutes that lead back to what the visit did already / minutes of all visits"), "", ("events",))),
    "frequent_path": Explained(
        N_("visits with exactly this path / all visits; a stretch of one to three events that repeats the one directly before it is left out"),
        N_("{visits:count} visits"), ("events",)),
    **dict.fromkeys(("carrying", "no_way_round"), Explained(
        N_("1 − chance to come to the goal without the event / with it, in the chain of which event follows which in a visit (first order, solved exactly)"),
        "", ("events",))),
    "left_items": Explained(N_("carts with the thing in them that are left without an order in time / carts with it whose time is over"), "",
                            ("events", "orders")),
    "abandoned": Explained(N_("carts without an order in time / carts whose time is over"), "", ("events", "orders")),
    "stages": Explained(
        N_("one KPI a stage, of the last days against as many before; more than chance: the 95% interval of the change does not reach zero"), "",
        ("events", "orders", "users", "spend")),
    # users
    "tiers": Explained(
        N_("recency, frequency and mean order value in fifths of the customers; the tiers are fixed combinations of the three scores"),
        N_("{customers:count} customers"), ("orders",), "{revenue_share:percent}", N_("of revenue"),
        (("share", N_("customers")), ("revenue_share", N_("revenue")))),
    "concentration": Explained(
        N_("customers by revenue, refunds deducted, biggest first, added up until half of the revenue is reached"), N_("{customers:count} customers"),
        ("orders",), "{largest_share:percent}", N_("of revenue by the biggest customer")),
    "not_foretold": Explained(
        N_("chance that one to whom it happened scores higher than one to whom it did not (AUC), in the last window that is over; DeLong's interval at 95%"),
        N_("{users:count} users in the window of the check"), ("orders", "events"), "{auc:percent}", N_("of pairs told right; a coin: 50%")),
    "lost_customers": Explained(
        N_("customers in the lowest fifth by recency, or in the next one with few and small orders; revenue is all that they have paid"),
                                N_("{users:count} lost customers"), ("orders",), "{share:percent}", N_("of customers")),
    "repeat_rate": Explained(
        N_("customers with a second order within the time / customers whose time is over"), N_("{customers:count} customers"), ("orders",),
        "{rate:percent}", N_("against the goal"), (("goal", N_("goal")), ("rate", N_("now")))),
    "repeat_drop": Explained(
        N_("customers with a second order within the time / customers whose time is over, by day of the first order, against the other channels; the "
           "day is the one that explains the change best"), N_("{customers:count} customers since then"), ("orders", "users"), "{change:signed}",
        N_("of what was expected"), (("expected", N_("would have been")), ("after", SINCE))),
    "cohort_retention": Explained(
        N_("users of a cohort who came in the period after it / users of the cohort; cohorts whose period is over"), N_("{users:count} new users"),
        ("events",), "{rate:percent}", N_("against the anchor"), (("goal", N_("anchor")), ("rate", N_("now")))),
    "personas": Explained(
        N_("k-means on standardised features; stability is the mean overlap (Jaccard) of the groups with those of other samples"), N_("{users:count} in "
        "this group"), ("orders", "events"), "{revenue_share:percent}", N_("of revenue"), (("share", N_("customers")), ("revenue_share", N_("revenue")))),
    "no_personas": Explained(N_("k-means on standardised features; the groups of other samples overlap them (Jaccard) by less than 0.6"), "",
                             ("orders", "events")),
    "tier_migration": Explained(
        N_("customers of the tier on the earlier day who are in another on the later one / customers of the tier then; each day has its own quantiles"),
        N_("{high:count} customers of the tier"), ("orders",), "{net:count}", N_("net change of the tier"),
        (("left", N_("left")), ("came", N_("came in"))), "count"),
    "persona_choice": Explained(N_("the largest sum of elbow, silhouette and stability among the numbers of groups that are allowed"),
                                N_("{told:count} customers"), ("orders", "events"), "{k:count}", N_("groups")),
    "persona_next": Explained(N_("the three features whose mean lies furthest from everybody's, in standard deviations"), N_("{users:count} in this group"),
                              ("orders", "events"), "{revenue_share:percent}", N_("of revenue")),
    "persona_changes": Explained(N_("groups of the two days matched by the customers whom they share and by their middles (Hungarian method)"), "",
                                 ("orders", "events"), "{change:signed}", N_("customers"), (("before", BEFORE), ("users", N_("now"))), "count"),
    "recall": Explained(
        N_("customers whose chance to stay away is at least one half and whose call is worth its cost; ordered by chance × share won back × revenue of the "
           "last year"), N_("{listed:count} on the same list one window ago"), ("orders", "events"), "{users:count}", N_("customers to call"),
        (("base", N_("of all stayed away")), ("rate", N_("of those listed")))),
    "churn": Explained(
        N_("customers seen in the days before and not in as many days after / customers seen in the days before; seen: an event or an order"),
        N_("{users:count} customers"), ("orders", "events"), "{rate:percent}", N_("stayed away")),
    "churn_foresight": Explained(
        N_("learnt in earlier windows, checked in the last one that is over; the model is used where its AUC (DeLong) beats the rule's by more than the "
           "interval of the difference"), N_("{top:count} customers in the top tenth"), ("orders", "events"), "{lift:number}×", N_("the average"),
        (("base", N_("all")), ("rate", N_("top tenth")))),
    "foretold": Explained(
        N_("sum of the chances against how often it came true, in the last window that is over; chance: two standard deviations of a count"),
        N_("{users:count} users"), ("orders", "events"), "{happened:count}", N_("came true"), (("expected", N_("foretold")), ("happened", N_("came true"))),
        "count"),
    "next_orders": Explained(
        N_("learnt in earlier windows, checked in the last one that is over; expected orderers are the sum of the users' chances"),
        N_("{users:count} users seen lately"), ("orders", "events"), "{expected:count}", N_("expected to order"),
        (("base", N_("all")), ("rate", N_("top tenth")))),
    "value_holdout": Explained(
        N_("models fitted to the orders before the days held out, against the days with an order of the same customers in them; the interval adds every "
           "customer's chance and the error of the parameters (90%)"), N_("{customers:count} customers known by then"), ("orders",), "{error:signed}",
        N_("off in total"), (("expected", N_("forecast")), ("actual", N_("actual"))), "count"),
    "value_refused": Explained(
        N_("models fitted to the orders before the days held out, against the days with an order of the same customers in them; a model must err less a "
           "customer (root mean square) than last year's average"), N_("{customers:count} customers known by then"), ("orders",), "{error:signed}",
        N_("off in total"), (("expected", N_("forecast")), ("actual", N_("actual"))), "count"),
    "lifetime_value": Explained(
        N_("expected orders (the model that the hold-out chose) × expected value of an order (Gamma-Gamma) × margin, discounted; refunds deducted; the "
           "90% interval does not allow for a wrong model"), N_("{customers:count} customers, {orders:count} orders expected"), ("orders",),
        "{ltv:money}", N_("{low:money} to {high:money}")),
    "value_assumption": Explained(N_("correlation of the number of repeat orders with their mean value"), N_("{customers:count} customers who came back"),
                                  ("orders",), "{correlation:number}", N_("correlation; 0 is taken for granted")),
    "payback": Explained(
        N_("value of new customers in their first days of life, so far and expected, a customer / spend, a new customer; payback counts what customers "
           "have brought, month of life by month of life"), N_("{customers:count} new customers"), ("orders", "users", "spend"), "{ratio:number}×",
        N_("of its cost"), (("cac", N_("cost")), ("ltv", N_("value"))), "money"),
    "order_habits": Explained(
        N_("customers with orders on two days or more of the time / customers with an order in it; Wilson's interval at 95%; days to the second order by "
           "Kaplan and Meier, customers not back yet counted in"), N_("{customers:count} customers"), ("orders",), "{rate:percent}",
        N_("against the goal"), (("goal", N_("goal")), ("rate", N_("now")))),
    "day_retention": Explained(
        N_("users seen again that many days after their first day or later / users whose day has come; Wilson's interval at 95%"),
        N_("{users:count} users whose day has come"), ("events",), "{rate:percent}", N_("against the anchor"), (("goal", N_("anchor")), ("rate", N_("now")))),
    "retention_curve": Explained(
        N_("Kaplan and Meier's curve of the last day before a silence; everyone is followed up to one silence before the end of the data"),
        N_("{users:count} new users"), ("events",), "{rate:percent}", N_("still there {day:count} days later")),
    "return_curve": Explained(N_("1 − Kaplan and Meier's curve of the days from the first order to the next day with one"),
                              N_("{users:count} first-time customers"), ("orders",), "{rate:percent}", N_("ordered again after {day:count} days")),
    "daily_states": Explained(
        N_("users there yesterday + new + back from a long silence − gone silent; too long is three times the user's own mean return gap, between 7 and "
           "180 days"), N_("{living:count} users"), ("events",), "{living:count}", N_("users"), (("before", BEFORE), ("living", N_("now"))), "count"),
    "stickiness": Explained(N_("mean users of a day, over 7 days / users of the last 30 days; Wilson's interval at 95%"), N_("{mau:count} users of 30 days"),
                            ("events",), "{rate:percent}", N_("on a usual day")),
    "stage_flows": Explained(
        N_("users in a later stage at the end / users in the stage at the start; a stage is the furthest thing that a user did in the last 90 days"),
        N_("{users:count} interested users"), ("events", "orders", "users"), "{rate:percent}", N_("have bought since"),
        (("before", BEFORE), ("now", N_("now"))), "count"),
    "nps": Explained(N_("100 × (answers of 9 and 10 − answers of 0 to 6) / answers; adjusted Wald interval at 95%"), N_("{answers:count} answers"),
                     ("surveys",), "{nps:number}", N_("{low:number} to {high:number}")),
    "pain_point": Explained(N_("share of the answers that name it × (NPS of those that name none − NPS of those that name it)"),
                            N_("{all:count} answers"), ("surveys",), "{loss:number}", N_("points of the NPS, at most")),
    "response_times": Explained(
        N_("median of the minutes from question to first answer; tickets without one have waited longest; interval from order statistics"),
        N_("{tickets:count} tickets"), ("service",), "{median:number}", N_("minutes, median"),
        (("benchmark", N_("benchmark")), ("median", N_("now"))), "number"),
    "response_and_repeat": Explained(
        N_("customers with an order within the time after their first ticket / customers whose time is over, by waiting time; an association"),
        N_("{slow_customers:count} who waited longest"), ("service", "orders"), "", "", (("fast", N_("fastest")), ("slow", N_("slowest")))),
    "portrait": Explained(
        N_("index = 100 × share in the group / share in all; apart: likelihood ratio test, p below .05 after Benjamini and Hochberg"),
        N_("{users:count} users"), ("users", "orders"), "{index:count}", N_("index, 100 is everyone"), (("all_share", N_("all")), ("share", N_("the group")))),
    # the plan
    "scorecard": Explained(N_("actual value against the value due by now on the straight way from baseline to target"), N_("{measured:count} targets"),
                           ("targets",), "{on:count} / {measured:count}", N_("on track")),
    "target_miss": Explained(N_("actual value against the value due by now on the straight way from baseline to target"), "", ("targets",),
                             "{actual:kpi}", N_("against what is due"), (("expected", N_("due by now")), ("actual", N_("actual"))), "kpi"),
    "budget_total": Explained(N_("actual / planned − 1, over closed months"), N_("{planned:money} planned"), ("budget",), "{rate:signed}",
                              N_("against the plan"), (("planned", N_("planned")), ("actual", N_("actual"))), "money"),
    "budget_overrun": Explained(N_("actual / planned − 1, over the months since then"), N_("{planned:money} planned"), ("budget",), "{rate:signed}",
                                N_("against the plan"), (("planned", N_("planned")), ("actual", N_("actual"))), "money"),
    "split_broken": Explained(N_("chi-square test of the users per variant against the planned shares; broken below p = 0.001"),
                              N_("{expected:count} users due"), ("exposures",), "{users:count}", N_("users in {variant}"),
                              (("expected", N_("as planned")), ("users", N_("actual"))), "count"),
    "sound_splits": Explained(N_("chi-square test of the users per variant against the planned shares; broken below p = 0.001"), "", ("exposures",)),
    "late_milestone": Explained(N_("days between the planned end and today, for milestones that are not done; those that depend on it are held up"), "",
                                ("milestones",), "{days:count}", N_("days late")),
    "dates_kept": Explained(N_("days between the planned end and today, for milestones that are not done"), "", ("milestones",)),
    "kpi_change": Explained(N_("sum of the last days / sum of the days compared with − 1"), N_("{days:count} days"), ("orders", "events"),
                            "{change:signed}", N_("against the days compared with"), (("before", BEFORE), ("now", N_("now"))), "kpi"),
    # the market
    "market_growth": Explained(N_("size of the last twelve periods / size of the same periods a year before − 1"), "", ("market",), "{growth:signed}",
                               N_("in a year")),
    "competitor_share": Explained(N_("value of one competitor / sum over those compared, in the period"), "", ("competitors",), "{share:percent}",
                                  N_("of those compared")),
    "competitor_surge": Explained(N_("value of one competitor / sum over those compared; the month is the one that explains the change best"), "",
                                  ("competitors",), "{after:percent}", N_("of those compared"), (("before", BEFORE), ("after", SINCE))),
    "channel_mix": Explained(N_("users whose first channel it is; cost each = spend / new customers"), N_("{customers:count} new customers"),
                             ("users", "orders", "spend"), "{share:percent}", N_("of new customers")),
    "channel_cost": Explained(N_("spend / what it brought, day by day, against the other channels; the day is the one that explains the change best"), "",
                              ("spend", "users"), "{change:signed}", N_("against the other channels"), (("before", BEFORE), ("after", SINCE)), "money"),
    "steady_costs": Explained(N_("spend / what it brought, day by day, against the other channels"), "", ("spend", "users")),
    "trend_opportunity": Explained(N_("strength × impact × probability, as the table says"), "", ("trends",)),
    "trend_threat": Explained(N_("strength × impact × probability, as the table says"), "", ("trends",)),
}


def explained(finding: Finding) -> Explained | None:
    """What is known about this kind of finding, its templates filled in the language in use; None for a kind without an entry.

    A template whose numbers the finding does not carry is left out.

    >>> made = explained(Finding("budget_total", "money", "", {"planned": 1200.0, "actual": 1500.0, "rate": .25}))
    >>> made.figure, made.of, made.caption
    ('+25%', '1,200 planned', 'against the plan')
    """
    known = OF_KIND.get(finding.kind)
    if known is None:
        return None
    values = {**finding.numbers, **finding.slice}

    def filled(text: str) -> str:
        places = [place for _text, place, _form, _conversion in Formatter().parse(text) if place]
        with language.paying_in(finding.currency):
            return language.fill(language._(text), values) if all(values.get(place) is not None for place in places) else ""

    pair = tuple((name, language._(label)) for name, label in known.pair if values.get(name) is not None)
    form = columns.kpi_format(values.get("kpi")) if known.form == "kpi" else known.form
    return known._replace(formula=language._(known.formula), figure=filled(known.figure), of=filled(known.of), caption=filled(known.caption), pair=pair,
                          form=form)
