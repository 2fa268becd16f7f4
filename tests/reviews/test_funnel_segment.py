"""The funnel's page about a segment, its ways and carts, and its odd cases asked through the notebook's own cells in both languages."""

import json
from pathlib import Path

import pandas as pd
import pytest

from opsnb import reviews
from opsnb.errors import InputError, NotMeasured, OpsnbError, ParameterError
from opsnb.views import language, page, shown
from tests.reviews.test_funnel_page import LAST, STEPS, events_of, shop, visit

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "funnel_diagnosis.ipynb"


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """Payment fails for half of the web visitors who would have paid, for the last 50 days."""
    return shop(tmp_path_factory.mktemp("shop") / "broken", web=lambda day: .5, pay=lambda day, web: .6 - .3 * (web & (day >= 150)))


# A segment -----------------------------------------------------------------------------------------------------------------


def test_a_segment_is_the_page_of_its_visits_alone(broken):
    part = reviews.only(broken, ["device=web"])
    frame = broken.events.to_pandas()
    web = frame[frame["device"] == "web"]
    assert len(part.events) == len(web)
    buyers = set(web["user_id"])
    assert set(part.orders.to_pandas()["user_id"]) == buyers & set(broken.orders.to_pandas()["user_id"])
    assert (part.as_of, part.sha256, part.tables) == (broken.as_of, broken.sha256, ("events", "orders"))
    assert reviews.only(broken, []) is broken
    both = reviews.only(broken, ["device=web", "device=ios"])  # values of one column: any of them
    assert len(both.events) == len(broken.events)
    # in its own segment the break is everyone's, and there is nothing to slice by
    assert reviews.slices_of(part, ["device"]) == []
    assert str(reviews.left_out(part, ["device"])[0]) == "device: it has one value only, so there is nothing to compare"
    said = {finding.kind: finding for finding in reviews.funnel_diagnosis(part, steps=STEPS, by=["device"])}
    assert "for everyone" in said["funnel_break"].sentence


@pytest.mark.parametrize(("segment", "said"), [
    (["device"], "'device' is no segment; allowed: column=value"), (["=ios"], "is no segment"),
    (["device=tv"], "segment: device is never 'tv'; allowed: ios, web"),
    (["devise=ios"], r"segment: 'devise' is no property .* \(did you mean 'device'\?\)"), (["user_id=1"], "'user_id' is no property"),
    (["event=pay"], "'event' is no"), (["device=" + "x" * 500], "never"), (["device=<script>"], "never '<script>'")])
def test_what_a_visitor_may_send_as_a_segment_is_checked(broken, segment, said):
    with pytest.raises(ParameterError, match=said) as raised:
        reviews.only(broken, segment)
    with language.using("zh"):
        assert page.reason(raised.value) != str(raised.value)  # the sentence has a translation


def test_a_column_of_ever_new_values_makes_no_segments(tmp_path):
    number = pd.Series(range(2001)).repeat(2)
    users = pd.DataFrame({"user_id": number, "ts": pd.Timestamp("2025-06-01"), "event": ["home", "pay"] * 2001, "token": "t" + number.astype(str),
                          "device": number.mod(2).map({0: "ios", 1: "web"})})
    data = events_of(tmp_path / "shop", users)
    assert reviews.offered(data) == {"device": ["ios", "web"]}  # 1,001 and 1,000 users: the most frequent first
    for ask in (lambda: reviews.only(data, ["token=t1"]), lambda: reviews.compared(data, steps=["home", "pay"], by=[], against="segments",
                                                                                    segments=["token=t1", "token=t2"])):
        with pytest.raises(ParameterError, match="'token' is no property by which visits can be chosen; allowed: device"):
            ask()


# Since when, which ways, what was in the carts -------------------------------------------------------------------------------


def test_the_slice_that_explains_a_change_is_dated(broken):
    dated = reviews.dated_slices(broken, steps=STEPS, by=["device"], recent_days=90)
    row = dated.iloc[0]
    assert (row["step"], row["slice"]) == ("pay", "device=web")
    assert row["since_low"] <= LAST - pd.Timedelta(days=49) <= row["since_high"]
    chart, table = reviews.where(broken, steps=STEPS, step="pay", by=["device"], recent_days=90)
    assert f"Since {row['since']:%Y-%m-%d}" in str(chart)
    assert table.bundle[shown.TABLE]["csv"].startswith("step,slice,rate,other_rate,users_change,share_explained,since,since_low,since_high\npay,device=web,")


def basket(user, *events, item=None, day="2025-06-01"):
    return visit(user, *events, day=day).assign(item=[item if event == "cart" else None for event in events])


def test_the_ways_of_visits_and_what_lies_on_them(tmp_path):
    # 6 visits of home alone, 3 of home > cart > pay (one reloads the cart), 1 of home > help > pay: 4 come to pay
    rows = [visit(f"h{n}", "home") for n in range(6)] + [visit("a", "home", "cart", "pay"), visit("b", "home", "cart", "pay"),
                                                          visit("c", "home", "cart", "cart", "pay"), visit("d", "home", "help", "pay")]
    data = events_of(tmp_path / "shop", pd.concat(rows))
    said = [str(part) for part in reviews.ways(data, steps=STEPS)]
    assert said[0] == "60% of 10 visits do home and nothing else; the most frequent longer way is home > cart > pay (30%)."
    # without help the one visit that took it is lost: 1 of 4
    assert said[1] == "Beside the steps of the path, help carries most: were it to lead nowhere, 25% of the visits that come to pay would be lost."
    to = [str(part) for part in reviews.ways(data, steps=STEPS, to="pay")]
    assert to[0] == "Of 4 visits that come to pay, 75% take the way home > cart > pay; the two most frequent ways make up 100%."
    assert reviews.ends(data, STEPS) == [None, "pay", "cart"]
    assert "any of several events" in str(reviews.ways(data, steps=["home", ["cart", "pay"]])[1])


def test_what_left_carts_hold(tmp_path):
    rows = [basket(f"a{n}", "home", "cart", *(["pay"] if n < 10 else []), item="tea") for n in range(40)]
    rows += [basket(f"b{n}", "home", "cart", *(["pay"] if n < 30 else []), item="cup") for n in range(40)]
    data = events_of(tmp_path / "shop", pd.concat([*rows, visit("late", "home", day="2025-06-09")]))
    found = reviews.left_items(data, steps=STEPS).set_index("item")
    assert found.loc["tea", ["carts", "abandoned"]].tolist() == [40, 30]
    assert found.loc["cup", ["carts", "abandoned"]].tolist() == [40, 10]
    assert reviews.item_of(data) == "item"


@pytest.mark.parametrize(("more", "item", "said"), [
    ({}, "", "no column of the events is called like a thing"), ({}, "thing", "the events have no column thing"), ({}, "event", "holds no names of things"),
    ({"product": 1.5}, "product", "holds no names of things")])
def test_carts_of_which_the_data_know_nothing_say_so(tmp_path, more, item, said):
    data = events_of(tmp_path / "shop", visit("u", *STEPS, device="ios").assign(**more))
    with pytest.raises(NotMeasured, match=said):
        reviews.left_items(data, steps=STEPS, item=item)


def test_carts_of_ever_new_things_and_of_none_say_so(tmp_path):
    many = pd.concat([*(basket(f"u{n}", "home", "cart", item=f"sku{n}") for n in range(60)), visit("late", "home", day="2025-06-09")])
    with pytest.raises(NotMeasured, match="hardly a value that is in 5 carts"):
        reviews.left_items(events_of(tmp_path / "many", many), steps=["home", "cart"])
    none = pd.concat([visit("u", "home", "cart").assign(item=["x", None]), visit("late", "home", day="2025-06-09")])
    with pytest.raises(NotMeasured, match="is empty at the events that fill a cart"):
        reviews.left_items(events_of(tmp_path / "none", none), steps=["home", "cart"])


# The page's own cells ----------------------------------------------------------------------------------------------------------


def cells():
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            yield "".join(cell["source"]), cell["metadata"].get("tags", [])


def asked(folder, **parameters):
    """What each section of the notebook says, by the name of its function; controls are built, too. An error of ours is its sentence."""
    names, said = {}, {}
    for source, tags in cells():
        try:
            if "report" in tags:
                section = source.removeprefix("page.show(").removesuffix(")")
                said[section] = " ".join(str(part) for part in page.parts(names[section]))
            elif "short-version" in tags:
                said["short"] = str(eval(source, names))
            elif "limits" not in tags:
                exec(source, names)
                names |= {"data_folder": str(folder), **parameters} if "parameters" in tags else {}
        except OpsnbError as error:
            said.setdefault("errors", set()).add(page.reason(error))
    language.use("en")
    return said


ONE = visit("u", *STEPS, device="ios")
CASES = {
    "nothing in the period": (ONE, {"as_of": "2020-01-01"}),
    "one user": (ONE, {}),
    "one event": (ONE.head(1), {}),
    "one slice": (pd.concat([visit(f"u{n}", *STEPS[: 1 + n % 3], device="ios") for n in range(60)]), {}),
    "nobody of the segment in the period": (pd.concat([ONE, visit("v", *STEPS, day="2024-01-01", device="web")]), {"segment": ["device=web"], "days": 30}),
    "any of several, at last": (pd.concat([visit(f"u{n}", *STEPS[: 1 + n % 3], device="ios") for n in range(60)]), {"steps": ["home", "cart|pay"]}),
    "a target": (pd.concat([visit(f"u{n}", *STEPS[: 1 + n % 3], device="ios") for n in range(60)]), {"benchmark": "target", "target_rates": ["pay=50%"]}),
}


@pytest.mark.parametrize("case", CASES)
def test_each_section_of_the_page_says_a_sentence(tmp_path, case):
    events, parameters = CASES[case]
    events_of(tmp_path / "shop", events)
    english, chinese = (asked(tmp_path / "shop", lang=lang, **parameters) for lang in ("en", "zh"))
    assert "errors" not in english
    assert "errors" not in chinese
    assert english.keys() == chinese.keys()
    assert len(english) == 16
    assert all(english.values())
    assert all(chinese.values())
    measured = [section for section, text in chinese.items() if "Not measured" in text or (text == english[section] and text)]
    assert not measured  # nothing is left in English


def test_a_step_that_does_not_occur_is_the_same_sentence_everywhere(tmp_path):
    events_of(tmp_path / "shop", ONE)
    assert asked(tmp_path / "shop", steps=["home", "chekout"])["errors"] == {"events: event 'chekout' does not occur; allowed: cart, home, pay"}
    assert asked(tmp_path / "shop", lang="zh", steps=["home", "chekout"])["errors"] == {"events 表中没有 event“chekout”；可选：cart, home, pay"}


def test_a_step_on_a_column_that_is_not_there_names_it(tmp_path):
    data = events_of(tmp_path / "shop", ONE)
    with pytest.raises(InputError, match="no column 'page'; allowed"):
        reviews.funnel_diagnosis(data, steps=reviews.steps_of(data, ["home", "cart[page=x]", "pay"]))
