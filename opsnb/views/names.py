"""Names of our own that a page shows and a measure or a check writes: marked here for translation, as those rooms know no language."""

from __future__ import annotations

from collections.abc import Iterator

from opsnb.views.language import N_

HEADINGS = (
    N_("step"), N_("users"), N_("sessions"), N_("step conversion"), N_("conversion"), N_("low"), N_("high"), N_("entered"),
    N_("converted"), N_("period start"), N_("device"), N_("channel"), N_("since"), N_("since low"), N_("since high"), N_("rate before"),
    N_("rate after"), N_("relative change"), N_("relative low"), N_("relative high"), N_("users lost"), N_("statistic"),
    N_("slice column"), N_("slice value"), N_("user id"), N_("recency days"), N_("frequency"), N_("monetary value"), N_("recency score"),
    N_("frequency score"), N_("monetary score"), N_("tier"), N_("share"), N_("revenue"), N_("revenue share"), N_("expected low"),
    N_("expected high"), N_("expected revenue share"), N_("action"), N_("persona"), N_("stability"), N_("tolerance"), N_("cohort"), N_("period index"),
    N_("cohort users"), N_("retained"), N_("retention rate"), N_("customers"), N_("repeated"), N_("repeat rate"), N_("waiting"),
    N_("customers before"), N_("customers after"), N_("expected rate"), N_("lost"), N_("segment"), N_("period"), N_("size"),
    N_("growth rate"), N_("competitor"), N_("metric"), N_("value"), N_("change"), N_("own"), N_("share before"), N_("share after"),
    N_("share now"), N_("shape"), N_("spend"), N_("cost"), N_("cac"), N_("roas"), N_("cost per click"), N_("price"), N_("price before"),
    N_("price after"), N_("extra cost"), N_("clicks"), N_("impressions"), N_("orders"), N_("gmv"), N_("aov"), N_("visitors"),
    N_("buyers"), N_("refunds"), N_("conversion rate"), N_("new customers"), N_("new users"), N_("date"), N_("kpi"), N_("dimension"),
    N_("horizon"), N_("baseline"), N_("target"), N_("actual"), N_("expected by now"), N_("progress"), N_("elapsed"), N_("status"),
    N_("gap"), N_("shortfall"), N_("weight"), N_("owner"), N_("due"), N_("start"), N_("judged on"), N_("reason"), N_("line"), N_("month"),
    N_("months"), N_("planned"), N_("variance"), N_("variance rate"), N_("experiment"), N_("variant"), N_("expected"),
    N_("expected share"), N_("p value"), N_("p"), N_("broken"), N_("several"), N_("table"), N_("rows read"), N_("rows kept"),
    N_("rows set aside"), N_("quality score"), N_("event"), N_("events"), N_("day"), N_("days"), N_("amount"), N_("page"),
    N_("threshold"), N_("unit"), N_("formula"), N_("better"), N_("trend"), N_("category"), N_("strength"), N_("impact"),
    N_("probability"), N_("evidence"), N_("observed at"), N_("side"), N_("milestone"), N_("phase"), N_("planned end"), N_("actual end"),
    N_("buffer end"), N_("days late"), N_("holds up"), N_("k"), N_("window days"), N_("by"), N_("steps"), N_("gap minutes"),
    N_("within days"), N_("as of"), N_("kind"), N_("name"), N_("within chance"), N_("bought"), N_("buffer"),
    N_("method"), N_("total error"), N_("rmse"), N_("covered"), N_("expected value"), N_("actual value"), N_("value error"), N_("period end"),
    N_("part"), N_("repeat orders"), N_("bg nbd"), N_("pareto nbd"), N_("average"), N_("own average"), N_("value so far"), N_("expected share"),
    N_("ltv"), N_("ltv 90d"), N_("ltv 180d"), N_("ltv 365d"), N_("ltv to cac"), N_("payback months"), N_("months seen"), N_("decile"), N_("least"),
    N_("mean"), N_("total"), N_("value share"), N_("order value"), N_("repeat customers"), N_("return rate"), N_("median days"), N_("won"),
    N_("recall list"), N_("happened"), N_("rate"), N_("lift"), N_("lift low"), N_("lift high"), N_("lift most"), N_("auc"), N_("auc low"), N_("auc high"),
    N_("gain"), N_("gain low"), N_("gain high"), N_("used"), N_("listed"), N_("revenue 365d"), N_("caught"), N_("expected rate"), N_("score"),
    N_("cumulative cost"), N_("cumulative value"), N_("horizon days"), N_("contact cost"), N_("recall budget"), N_("repeat days"),
    N_("at risk"), N_("left"), N_("returned"), N_("censored"), N_("return rate"), N_("period from"), N_("new"), N_("current"), N_("resurrected"),
    N_("active"), N_("quiet"), N_("dormant"), N_("living"), N_("fell asleep"), N_("reactivated"), N_("state"), N_("active days"),
    N_("silent days"), N_("patience days"), N_("dau"), N_("wau"), N_("mau"), N_("dau average"), N_("stickiness rate"), N_("stage"),
    N_("stage before"), N_("users before"), N_("came in"), N_("newcomers"), N_("went out"), N_("net"), N_("advanced"), N_("advance rate"),
    N_("answers"), N_("promoters"), N_("passives"), N_("detractors"), N_("nps"), N_("few"), N_("pain point"), N_("nps loss"), N_("all answers"),
    N_("all nps"), N_("calm answers"), N_("calm nps"), N_("tickets"), N_("answered"), N_("median minutes"), N_("p90 minutes"), N_("answered in time"),
    N_("in time rate"), N_("in time low"), N_("in time high"), N_("benchmark minutes"), N_("hour"), N_("wait"), N_("gap low"), N_("gap high"),
    N_("attribute"), N_("group users"), N_("all users"), N_("all share"), N_("index"), N_("apart"), N_("suppressed"),
    N_("night share"), N_("morning share"), N_("afternoon share"), N_("evening share"), N_("weekend share"), N_("discount share"),
    N_("events per visit"), N_("days between visits"), N_("visits per order"), N_("visits"), N_("feature"), N_("effect"), N_("typical"), N_("everyone"),
    N_("silhouette"), N_("inertia"), N_("elbow"), N_("smallest"), N_("allowed"), N_("chosen"), N_("from tier"), N_("to tier"), N_("from users"),
    N_("revenue before"), N_("move"), N_("rank"), N_("gap error"), N_("distance"),
    N_("other share"), N_("rate"), N_("other rate"), N_("mix effect"), N_("rate effect"), N_("users lost"), N_("lost revenue"), N_("revenue low"),
    N_("revenue high"), N_("later conversion"), N_("lost orders"), N_("stage"), N_("strategy"), N_("verdict"), N_("previous value"), N_("denominator"),
    N_("activation rate"), N_("referral rate"), N_("which"), N_("order"), N_("within session"), N_("every"), N_("against"), N_("recent days"),
    N_("benchmark"), N_("after"), N_("what"), N_("hours"), N_("column"), N_("hour"), N_("slice"),
    N_("ltv days"), N_("order days"), N_("compare days"),
    N_("stayed"), N_("moved"), N_("mostly to"), N_("joined"), N_("unplaced"), N_("row"), N_("path"), N_("group visits"), N_("bounce rate"),
    N_("users change"), N_("share explained"), N_("item"),
    N_("features"), N_("city tier"), N_("city"), N_("province"), N_("age"), N_("gender"),
)

VALUES = (
    N_("calibration"), N_("holdout"), N_("rule"), N_("logistic"), N_("boosted"),
    N_("high-value"), N_("potential"), N_("low-activity"), N_("lost"), N_("exclusive service"), N_("targeted push"), N_("coupon"),
    N_("recall"), N_("silent too long"), N_("comes less"), N_("came once"), N_("like those who left"), N_("staying"), N_("not worth it"),
    N_("beyond budget"), N_("on-track"), N_("at-risk"), N_("missed"), N_("not started"), N_("not measured"), N_("over"), N_("under"),
    N_("within"), N_("unplanned"), N_("open"), N_("done"), N_("done late"), N_("late"), N_("in buffer"), N_("blocked"), N_("opportunity"),
    N_("threat"), N_("step"), N_("slope"), N_("click"), N_("user"), N_("session"), N_("up"), N_("down"), N_("traffic"), N_("brand"),
    N_("finance"), N_("short"), N_("mid"), N_("long"), N_("week"), N_("quarter"), N_("year"), N_("politics"), N_("economy"),
    N_("society"), N_("technology"), N_("market"), N_("operations"), N_("total"), N_("everyone"),
    N_("awareness"), N_("interest"), N_("purchase"), N_("loyalty"), N_("asleep"), N_("newcomer"), N_("never"),
    N_("acquisition"), N_("activation"), N_("retention"), N_("referral"), N_("worse"), N_("reached"), N_("attempt"), N_("sequence"), N_("any"),
    N_("direct"), N_("auto"), N_("previous period"), N_("same period last year"), N_("segments"), N_("best month"), N_("best slice"), N_("day"),
    N_("month"),
    N_("delivery"), N_("search"), N_("returns"), N_("packaging"), N_("app speed"), N_("product"), N_("account"), N_("quality"),  # what hurts users
    N_("skincare"), N_("makeup"), N_("haircare"), N_("fragrance"), N_("men grooming"), N_("baby care"),  # what shops like the demo's call their pages
    N_("{0}: {1} rows"), N_("{0}: {1} rows, neighbours {2}"),
    N_("{column}: {groups} names are written in several ways, which differ by case or space"),
)

# The tables of the codebook, whose names are those of files: see language.table.
TABLES = (
    N_("table events"), N_("table orders"), N_("table users"), N_("table spend"), N_("table posts"), N_("table market"), N_("table competitors"),
    N_("table trends"), N_("table targets"), N_("table budget"), N_("table milestones"), N_("table risks"), N_("table actions"), N_("table exposures"),
    N_("table surveys"), N_("table mentions"), N_("table service"), N_("table keywords"), N_("table calendar"),
)

# What is wrong with a parameter or a control, as measures and reviews say it.
ERRORS = (
    N_("{0}: {1} '{2}' does not occur; allowed: {3}"), N_("{0}: no column '{1}'; allowed: {2}"),
    N_("segment: '{0}' is no property by which visits can be chosen; allowed: {1}"), N_("segment: {0} is never '{1}'; allowed: {2}"),
    N_("segments: '{0}' is no property by which visits can be chosen; allowed: {1}"), N_("segments: {0} is never '{1}'; allowed: {2}"),
    N_("segments: name two different values of one column, so that nobody counts on both sides"),
    N_("'{0}' is no segment; allowed: column=value, e.g. device=ios"),
    N_("{0} '{1}' does not occur in competitors; allowed: {2}"), N_("features: behaviour has no '{0}'; allowed: {1}"),
    N_("{0} '{1}' is not offered; allowed: {2}"), N_("target_rates: '{0}' is not one; allowed: step=rate, e.g. payment=0.7"),
)


def own_names() -> frozenset[str]:
    """All of them, as words with spaces."""
    return frozenset((*HEADINGS, *VALUES, *(text for text, _place in written_elsewhere())))


def written_elsewhere() -> Iterator[tuple[str, str]]:
    """Further names, read where they are kept: (text, place). Reasons for setting rows aside, KPIs, parts of personas' names."""
    from opsnb.measures.kpis import KPIS
    from opsnb.measures.segments import PARTS, TIERS
    from opsnb.tables.rules import REASONS

    yield from ((reason, "opsnb/tables/rules.py") for reason in REASONS)
    yield from ((kpi.replace("_", " "), "opsnb/measures/kpis.py") for kpi in KPIS)
    yield from ((part.replace("-", " "), "opsnb/measures/personas.py") for part in PARTS)
    yield from ((name, "opsnb/measures/segments.py") for tier, plan in TIERS.items() for name in (tier, plan.action.replace("-", " ")))
