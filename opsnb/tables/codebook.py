"""The codebook: every table and column that opsnb understands. The one place where they are named.

``data/README.md`` is generated from it (``python -m opsnb.tables.codebook``), and the readers, the checks, the store and the
proposals of ``opsnb check`` all read it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["id", "label", "text", "time", "date", "money", "number", "count", "probability"]

KINDS: dict[str, str] = {
    "id": "an identifier, kept as text",
    "label": "a name out of a limited set, kept as text",
    "text": "free text",
    "time": "date and time, in the business's time zone",
    "date": "calendar date, YYYY-MM-DD (a month is its first day)",
    "money": "amount in the data's one currency",
    "number": "decimal number",
    "count": "whole number, 0 or more",
    "probability": "number from 0 to 1",
}


@dataclass(frozen=True)
class Column:
    """One column: ``required`` means that the table cannot be read without it; ``aliases`` are headers seen in the wild."""

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    required: bool = False
    aliases: tuple[str, ...] = ()
    refers_to: str = ""  # "users.user_id": a key that should point at a row there


@dataclass(frozen=True)
class Table:
    """One table. ``key`` is its natural key: rows of a later file with the same key restate (replace) the earlier ones.

    ``histories`` tables are stored sorted by (user, ts, file order); the others are small and are handed over as pandas frames.
    ``properties`` tables keep any further column of the file under its own name.
    """

    name: str
    meaning: str
    row: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    histories: bool = False
    properties: bool = False

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns if c.required)

    def column(self, name: str) -> Column | None:
        return next((c for c in self.columns if c.name == name), None)


_USER = ("uid", "userid", "user", "customer_id", "customerid", "customer", "member_id", "visitor_id", "device_id", "distinct_id",
         "用户id", "用户编号", "用户", "会员id", "会员编号", "客户id", "客户编号", "买家id", "访客id")
_TIME = ("timestamp", "time", "datetime", "event_time", "event_timestamp", "created_at", "occurred_at", "时间", "时间戳", "事件时间",
         "发生时间", "访问时间", "操作时间")
_CHANNEL = ("source", "utm_source", "traffic_source", "acquisition_channel", "medium", "渠道", "来源", "渠道来源", "流量来源", "推广渠道")
_DATE = ("day", "dt", "日期", "统计日期", "时间")
_COST = ("spend", "spent", "cost_amount", "费用", "花费", "消耗", "成本", "投放费用", "推广费用")


def _c(name: str, kind: Kind, meaning: str, unit: str = "", *, req: bool = False, also: tuple[str, ...] = (), to: str = "") -> Column:
    return Column(name, kind, meaning, unit, req, also, to)


def _user(*, required: bool = True) -> Column:
    return _c("user_id", "id", "who; the same id in every table", req=required, also=_USER, to="users.user_id")


_TABLES = (
    Table("events", "what users did, one line each: the raw material of funnels, paths and retention", "one event of one user", (
        _user(),
        _c("ts", "time", "when it happened", req=True, also=_TIME),
        _c("event", "label", "what happened, e.g. home, search, product, reviews, promotion, cart, payment", req=True,
           also=("event_name", "action", "behavior", "behaviour", "behavior_type", "event_type",
                 "事件", "事件名", "事件名称", "行为", "行为类型", "动作")),
        _c("session_id", "id", "visit it belongs to; without it visits are cut at 30 idle minutes",
           also=("session", "visit_id", "会话id", "会话")),
        _c("channel", "label", "where the visit came from", also=_CHANNEL),
        _c("device", "label", "phone, desktop, …", also=("platform", "device_type", "os", "terminal", "设备", "终端", "平台", "设备类型")),
        _c("page", "label", "page or screen", also=("url", "screen", "page_name", "页面", "页面名称")),
    ), histories=True, properties=True),
    Table("orders", "what was bought: revenue, RFM, lifetime value", "one order; a refund is a row of negative amount with a refund mark", (
        _user(),
        _c("ts", "time", "when it was placed", req=True,
           also=(*_TIME, "order_time", "order_date", "paid_at", "purchase_date", "date",
                 "下单时间", "订单时间", "付款时间", "支付时间", "成交时间", "购买时间", "下单日期")),
        _c("amount", "money", "what the customer pays, after discount; negative only for refunds", "currency", req=True,
           also=("revenue", "total", "price", "value", "gmv", "order_amount", "amt", "sales",
                 "金额", "订单金额", "实付金额", "支付金额", "成交金额", "销售额", "总价")),
        _c("order_id", "id", "the order's number; without it each row is an order of its own",
           also=("order", "orderid", "order_no", "transaction_id", "invoice", "订单id", "订单号", "订单编号", "交易号")),
        _c("discount", "money", "discount already taken off amount", "currency",
           also=("coupon", "promotion_amount", "优惠", "优惠金额", "折扣")),
        _c("cost", "money", "cost of goods sold", "currency", also=("cogs", "成本", "商品成本")),
        _c("channel", "label", "where the order is attributed to", also=_CHANNEL),
        _c("refund", "label", "any text marks a refund; empty: a sale", also=("is_refund", "退款", "是否退款", "退款标记")),
    ), histories=True, properties=True),
    Table("users", "who the users are", "one user", (
        _c("user_id", "id", "the same id as in events and orders", req=True, also=_USER),
        _c("signup_ts", "time", "when the user registered or was first seen", req=True,
           also=("signup", "signup_date", "registered_at", "created_at", "register_time", "注册时间", "注册日期", "首次访问时间")),
        _c("channel", "label", "acquisition channel", also=_CHANNEL),
    ), key=("user_id",), properties=True),
    Table("spend", "marketing spend", "one channel on one day", (
        _c("date", "date", "day of the spend", req=True, also=_DATE),
        _c("channel", "label", "channel paid", req=True, also=(*_CHANNEL, "campaign", "计划", "广告系列")),
        _c("cost", "money", "money spent", "currency", req=True, also=_COST),
        _c("impressions", "count", "times shown", "times", also=("impression", "展现", "曝光", "展示量", "曝光量", "展现量")),
        _c("clicks", "count", "clicks", "times", also=("click", "点击", "点击量", "点击数")),
    ), key=("date", "channel")),
    Table("posts", "content published on the accounts", "one post", (
        _c("post_id", "id", "the post's number", req=True,
           also=("id", "note_id", "article_id", "video_id", "作品id", "笔记id", "文章id", "内容id")),
        _c("account", "label", "account that published it", also=("author", "账号", "账号名称", "作者")),
        _c("platform", "label", "e.g. wechat, douyin, xiaohongshu", also=("平台",)),
        _c("format", "label", "article, video, live, …", also=("type", "content_type", "形式", "内容形式", "体裁", "类型")),
        _c("topic", "label", "what it is about", also=("category", "tag", "主题", "选题", "话题")),
        _c("published_at", "time", "when it went out", req=True, also=("publish_time", "published", "发布时间", "发布日期")),
        _c("impressions", "count", "times shown", "times", also=("曝光", "曝光量", "展现量")),
        _c("reads", "count", "opened or played", "times", also=("views", "plays", "阅读", "阅读量", "播放量", "浏览量")),
        _c("completes", "count", "read or played to the end", "times", also=("finishes", "完读", "完播", "完播量")),
        _c("likes", "count", "likes", "times", also=("点赞", "点赞量", "点赞数")),
        _c("comments", "count", "comments", "times", also=("评论", "评论量", "评论数")),
        _c("shares", "count", "shares", "times", also=("转发", "分享", "分享量", "转发量")),
        _c("follows", "count", "new followers from it", "people", also=("新增关注", "涨粉", "涨粉量")),
        _c("cost", "money", "what it cost to make and push", "currency", also=_COST),
    ), key=("post_id",)),
    Table("market", "size of the market by segment", "one segment in one period", (
        _c("period", "date", "first day of the month, quarter or year", req=True,
           also=("month", "quarter", "year", "时期", "月份", "周期")),
        _c("segment", "label", "part of the market", req=True, also=("category", "细分市场", "品类", "类目")),
        _c("size", "money", "market size in the period", "currency", req=True, also=("market_size", "规模", "市场规模")),
        _c("source", "text", "who says so", also=("来源", "数据来源")),
    ), key=("period", "segment")),
    Table("competitors", "what is known of the competitors", "one metric of one competitor in one period", (
        _c("period", "date", "first day of the period", req=True, also=("month", "时期", "月份")),
        _c("competitor", "label", "who; our own row is named by the parameter own_name", req=True,
           also=("brand", "company", "竞品", "竞争对手", "品牌")),
        _c("metric", "label", "what, e.g. gmv, price, rating", req=True, also=("kpi", "指标")),
        _c("value", "number", "its value", "the metric's", req=True, also=("数值", "值")),
        _c("source", "text", "who says so", also=("来源", "数据来源")),
    ), key=("period", "competitor", "metric")),
    Table("trends", "what moves in the market's environment (politics, economy, society, technology)", "one trend as observed once", (
        _c("trend", "label", "the trend in a few words", req=True, also=("趋势", "趋势名称")),
        _c("category", "label", "politics, economy, society or technology", also=("类别", "分类")),
        _c("strength", "probability", "how strong it is now", "0 to 1", also=("强度",)),
        _c("impact", "number", "what it would do to us: -1 harms, 1 helps", "-1 to 1", also=("影响",)),
        _c("probability", "probability", "how likely it goes on", "0 to 1", also=("概率", "可能性")),
        _c("evidence", "text", "why we think so", also=("依据", "证据")),
        _c("observed_at", "date", "when it was noted", req=True, also=("date", "观察日期", "日期")),
    ), key=("trend", "observed_at")),
    Table("targets", "SMART targets of the plan", "one target of one KPI", (
        _c("kpi", "label", "name of a KPI of the scorecard", req=True, also=("metric", "指标", "kpi名称")),
        _c("dimension", "label", "traffic, conversion, user, brand or finance", also=("维度",)),
        _c("horizon", "label", "short, mid or long term", also=("期限", "阶段")),
        _c("baseline", "number", "value at the start", "the KPI's", req=True, also=("基线", "基准值", "现状")),
        _c("target", "number", "value to reach", "the KPI's", req=True, also=("goal", "目标", "目标值")),
        _c("start", "date", "day from which it counts", req=True, also=("开始", "开始日期")),
        _c("due", "date", "day by which it must be reached", req=True, also=("deadline", "end", "截止", "截止日期")),
        _c("weight", "number", "weight in the overall score", also=("权重",)),
        _c("owner", "label", "who answers for it", also=("负责人", "责任人")),
    ), key=("kpi", "horizon", "due")),
    Table("budget", "the plan's budget", "one line in one month", (
        _c("month", "date", "first day of the month", req=True, also=("period", "月份", "月")),
        _c("line", "label", "what the money is for; the line named reserve is the reserve", req=True,
           also=("item", "category", "科目", "预算项", "项目")),
        _c("planned", "money", "money planned", "currency", req=True, also=("plan", "budget", "预算", "计划", "预算金额")),
        _c("actual", "money", "money spent; empty while the month is open", "currency", also=("spent", "实际", "实际支出", "实际金额")),
    ), key=("month", "line")),
    Table("milestones", "the plan's milestones", "one milestone", (
        _c("milestone", "label", "its name", req=True, also=("name", "里程碑", "里程碑名称")),
        _c("phase", "label", "phase of the plan", also=("阶段",)),
        _c("planned_start", "date", "planned first day", req=True, also=("start", "计划开始")),
        _c("planned_end", "date", "planned last day, buffer excluded", req=True, also=("end", "due", "计划结束", "计划完成")),
        _c("actual_end", "date", "day it was done; empty while open", also=("done", "实际完成", "实际结束")),
        _c("owner", "label", "who answers for it", also=("负责人",)),
        _c("depends_on", "label", "milestone that must be done first", also=("前置", "依赖"), to="milestones.milestone"),
    ), key=("milestone",)),
    Table("risks", "the risk register", "one risk", (
        _c("risk", "label", "what may happen", req=True, also=("风险", "风险名称")),
        _c("category", "label", "market, operations, technology, finance, …", also=("类别", "分类")),
        _c("probability", "probability", "how likely", "0 to 1", req=True, also=("likelihood", "概率", "可能性")),
        _c("impact_brand", "number", "harm to the brand", "1 to 5", also=("品牌影响",)),
        _c("impact_user", "number", "harm to users", "1 to 5", also=("用户影响",)),
        _c("impact_business", "number", "harm to the business", "1 to 5", also=("业务影响",)),
        _c("response", "text", "what we do about it", also=("应对", "应对措施")),
        _c("owner", "label", "who watches it", also=("负责人",)),
        _c("trigger_kpi", "label", "KPI that gives the alarm", also=("触发指标",)),
        _c("trigger", "number", "value of that KPI at which the response starts", "the KPI's", also=("触发值", "阈值")),
        _c("status", "label", "open, watched, closed", also=("状态",)),
    ), key=("risk",)),
    Table("actions", "what was decided (plan, do, check, act)", "one action", (
        _c("action", "label", "what is done", req=True, also=("行动", "措施")),
        _c("kpi", "label", "KPI that it should move", req=True, also=("指标",)),
        _c("expected_effect", "number", "change of the KPI expected from it", "the KPI's", also=("预期效果",)),
        _c("owner", "label", "who does it", also=("负责人",)),
        _c("opened", "date", "day it was decided", req=True, also=("start", "开始日期", "提出日期")),
        _c("due", "date", "day it must be done", also=("deadline", "截止日期")),
        _c("status", "label", "open, done, dropped", also=("状态",)),
    ), key=("action",)),
    Table("exposures", "who saw which variant of an experiment", "first exposure of one user to one experiment", (
        _user(),
        _c("experiment", "label", "the experiment", req=True, also=("test", "实验", "实验名称")),
        _c("variant", "label", "the variant seen; the one named control is the base", req=True,
           also=("version", "group", "variation", "分组", "版本", "实验组")),
        _c("ts", "time", "when first seen", req=True, also=_TIME),
    )),
    Table("surveys", "answers to 'would you recommend us'", "one answer", (
        _user(required=False),
        _c("date", "date", "day of the answer", req=True, also=_DATE),
        _c("score", "count", "0 (never) to 10 (surely)", "0 to 10", req=True, also=("nps", "rating", "评分", "得分", "分数")),
        _c("pain_point", "label", "what bothers the user most", also=("reason", "痛点", "原因")),
    )),
    Table("mentions", "what is said about the brand elsewhere", "mentions of one kind on one platform and day", (
        _c("date", "date", "day", req=True, also=_DATE),
        _c("platform", "label", "where", also=("平台",)),
        _c("sentiment", "label", "positive, neutral or negative", req=True, also=("情感", "情绪", "情感倾向")),
        _c("reach", "count", "people who may have seen it", "people", also=("views", "影响人数", "触达")),
    )),
    Table("service", "customer service tickets", "one ticket", (
        _c("ticket_id", "id", "the ticket's number", req=True, also=("id", "case_id", "工单id", "工单号")),
        _user(required=False),
        _c("opened_at", "time", "when the user asked", req=True, also=("created_at", "创建时间", "提交时间")),
        _c("first_response_at", "time", "when we first answered", also=("first_reply_at", "首次响应时间", "首次回复时间")),
        _c("closed_at", "time", "when it was settled", also=("resolved_at", "关闭时间", "解决时间")),
        _c("category", "label", "what it was about", also=("type", "类别", "问题类型")),
    ), key=("ticket_id",)),
    Table("keywords", "search ranks", "one keyword on one day", (
        _c("date", "date", "day", req=True, also=_DATE),
        _c("keyword", "label", "the keyword", req=True, also=("query", "term", "关键词", "关键字")),
        _c("rank", "number", "our position; 1 is best", "position", req=True, also=("position", "排名")),
        _c("impressions", "count", "times shown", "times", also=("曝光", "展现量")),
        _c("clicks", "count", "clicks", "times", also=("点击", "点击量")),
    ), key=("date", "keyword")),
    Table("calendar", "days that are not like others: 618, Double 11, Spring Festival, own campaigns", "one event of the calendar", (
        _c("event", "label", "its name", req=True, also=("name", "holiday", "活动", "节日", "名称")),
        _c("start", "date", "first day", req=True, also=("begin", "开始", "开始日期")),
        _c("end", "date", "last day", req=True, also=("finish", "结束", "结束日期")),
    ), key=("event", "start")),
)

TABLES: dict[str, Table] = {table.name: table for table in _TABLES}

# Where a table usually comes from, for the page that is generated from this module.
SOURCES: dict[str, str] = {
    "events": "the tracking log of the shop, app or mini program", "orders": "the order system", "users": "the account system or CRM",
    "spend": "the advertising platforms' daily reports", "posts": "the content platforms' back ends",
    "market": "market research, industry statistics", "competitors": "public reports, price and rating trackers",
    "trends": "the team's reading of the environment", "targets": "the plan", "budget": "the plan and the books",
    "milestones": "the plan", "risks": "the plan's risk register", "actions": "the minutes of reviews",
    "exposures": "the experiment system", "surveys": "the survey tool", "mentions": "social listening", "service": "the ticket system",
    "keywords": "the search consoles", "calendar": "the shop's campaign plan, public holidays",
}

_INTRODUCTION = """\
# The codebook

<!-- Generated: python -m opsnb.tables.codebook. Change opsnb/tables/codebook.py instead. -->

What opsnb reads. Put the tables that you have into one folder as CSV, Parquet, JSON lines or Excel; all are optional but one of
`events` and `orders`. A file called like its table (`orders.csv`, `events-2025-01.csv.gz`) with these column names, or with one of
the names that are read as them, needs no more; else a `columns.yml` beside the files says what is what, and `opsnb check FOLDER`
proposes one. A section of a report whose table is absent says so. `demo/` is the demo business, made by `opsnb demo`.

Names are compared without regard to case. Money is in one currency, times are the business's wall clock.
A **bold** column is required. A later row with the same key replaces the earlier one.
"""


def markdown() -> str:
    """The codebook as a page: per table what a row is, its key and usual source, then column, kind, meaning, unit and the other names
    that are read as the column. ``data/README.md`` is this text.

    >>> print(markdown().splitlines()[0])
    # The codebook
    """
    lines = [_INTRODUCTION, "| kind | is |", "| --- | --- |", *(f"| {kind} | {meaning} |" for kind, meaning in KINDS.items()), ""]
    lines += ["| table | what it is | source |", "| --- | --- | --- |",
              *(f"| [{table.name}](#{table.name}) | {table.meaning} | {SOURCES[table.name]} |" for table in TABLES.values()), ""]
    for table in TABLES.values():
        meaning = table.meaning[:1].upper() + table.meaning[1:]
        lines += [f"## {table.name}", "", f"{meaning}. One row: {table.row}. Source: {SOURCES[table.name]}."]
        if table.key:
            lines[-1] += f" Key: {', '.join(f'`{column}`' for column in table.key)}."
        if table.properties:
            lines[-1] += " Any further column of the file is kept under its own name."
        lines += ["", "| column | kind | meaning | unit | also read as |", "| --- | --- | --- | --- | --- |"]
        for column in table:
            name = f"**{column.name}**" if column.required else column.name
            meaning = column.meaning + (f"; points at `{column.refers_to}`" if column.refers_to else "")
            lines.append(f"| {name} | {column.kind} | {meaning} | {column.unit} | {', '.join(column.aliases)} |")
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    """Writes ``data/README.md`` of the checkout that this module stands in."""
    from pathlib import Path

    page = Path(__file__).resolve().parents[2] / "data" / "README.md"
    page.parent.mkdir(exist_ok=True)
    page.write_text(markdown(), encoding="utf-8", newline="\n")
    print(page)


if __name__ == "__main__":
    main()
