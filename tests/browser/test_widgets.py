"""An app's controls in Chromium: a section is drawn in whatever order its widgets become known, a lost connection is made good, and each kind of
control, by mouse and keyboard, sets what it offers."""

import json
import sys
from pathlib import Path

import nbformat
import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "views"), str(Path(__file__).parents[1] / "apps")]
from make_notebook import notebook  # noqa: E402
from reports import CHROMIUM, Visit, browser, running  # noqa: E402
from test_messages import packed  # noqa: E402

from opsnb.apps import messages  # noqa: E402

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
SAID = """def said(by="device", of=["app", "web"], steps=["home", "cart"], days=7, deep=False, pair=None):
    return page.bullets("said", [f"{by} | {'+'.join(of)} | {'>'.join(steps)} | {days} | {deep} | {'~'.join(pair)}"])"""
PANEL = """controls.panel(said, by=["device", "channel", None], of=["app", "web", "mini"], days=(1, 9), deep=False,
    pair=controls.Pair({"device": ["ios", "android", "web"], "channel": ["ads", "mail"]}),
    steps=controls.Ordered({"Home": "home", "Cart": "cart", "Pay": "pay"}))"""
OTHER = "import ipywidgets; ipywidgets.FloatText(1.5)"  # a widget of one's own


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("widgets")
    book = notebook(Path(__file__).parents[1] / "views")
    book.cells += [nbformat.v4.new_code_cell(source, metadata={"tags": ["app"]}) for source in (SAID, PANEL, OTHER)]
    nbformat.write(book, folder / "funnel_diagnosis.ipynb")
    with running(folder / "log.txt", notebooks=folder, out=folder / "out") as made:
        yield made


@pytest.fixture(scope="module")
def chromium():
    with browser() as made:
        yield made


@pytest.fixture
def visit(chromium):
    one = Visit(chromium)
    yield one
    one.leave()


def opened(server, visit):
    return visit.open(f"{server.address}app/funnel_diagnosis?lang=en")


def says(page, text):
    """Waits until the section says it."""
    page.wait_for_function("text => [...document.querySelectorAll('.opsnb li')].some(one => one.textContent === text)", arg=text)


def touch(page, *way):
    """A finger comes down on the first element, goes to the next ones, and leaves."""
    finger = page.context.new_cdp_session(page)
    for kind, element in zip(("touchStart", *["touchMove"] * (len(way) - 1)), way, strict=True):
        box = element.bounding_box()
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": box["x"] + 12, "y": box["y"] + box["height"] / 2}]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def states_of(message):
    """The widgets that a message tells the page of, by id; None if it is no answer to the question for all."""
    content = json.loads(messages.parts(message)[4]) if isinstance(message, bytes) else {}
    return (content.get("data") or {}).get("states")


AT_FIRST = "device | app+web | home>cart | 7 | False | device=ios~device=android"


def test_a_section_is_drawn_in_whatever_order_its_widgets_become_known(server, visit):
    """As in a page that is opened while cells still put out controls: each box is told before its parts. Voila's own page draws it once, without them."""
    told, held = [], []  # how many widgets; what the page asks before all cells are told

    def cells(page):
        def heard(message):
            page.send(message)
            payload = json.loads(message)["payload"]
            if payload["cell_index"] + 2 == payload["total_cell"]:
                while held:
                    held.pop(0)()

        page.connect_to_server().on_message(heard)

    def widgets(page):
        kernel = page.connect_to_server()
        page.on_message(lambda message: held.append(lambda: kernel.send(message)) if not told else kernel.send(message))

        def heard(message):
            states = states_of(message)
            if states is None:
                if told or json.loads(messages.parts(message)[1])["msg_type"] == "status":  # else it would hear of each as it is made
                    page.send(message)
                return
            told.append(len(states))
            for comm, one in reversed(states.items()):
                content = {"comm_id": comm, "target_name": "jupyter.widget", "data": {"state": one["state"], "buffer_paths": []}}
                page.send(packed("iopub", {"msg_type": "comm_open", "msg_id": comm, "version": "5.3"}, {}, {"version": "2.1.0"}, content))

        kernel.on_message(heard)

    visit.page.route_web_socket("**/execution/*", cells)
    visit.page.route_web_socket("**/channels?**", widgets)
    page = opened(server, visit)
    says(page, AT_FIRST)
    page.wait_for_function("() => document.querySelectorAll('[data-drawn]').length === 2")
    page.wait_for_function("() => [...document.querySelectorAll('.skeleton')].every(one => !one.offsetParent)")
    assert told[0] > 40  # the panels' widgets were among them
    assert (visit.outside, visit.errors) == ([], [])


def test_a_connection_lost_while_the_page_asks_is_made_anew_and_what_was_set_meanwhile_is_told(server, visit):
    connections, silent = [], []

    def between(page):
        connections.append(page)
        kernel = page.connect_to_server()
        page.on_message(lambda message: None if page in silent else kernel.send(message))
        if len(connections) == 1:  # the answer does not come through, the connection ends
            kernel.on_message(lambda message: page.close() if states_of(message) is not None else page.send(message))

    visit.page.route_web_socket("**/channels?**", between)
    page = opened(server, visit)
    says(page, AT_FIRST)
    for _ in range(300):  # what it says may have come before the answer
        if len(connections) < 2:
            page.wait_for_timeout(100)
    assert len(connections) == 2
    silent.append(connections[1])  # what is set now is told to a connection that leads nowhere
    page.get_by_role("button", name="mini").click()
    connections[1].close()
    says(page, "device | app+web+mini | home>cart | 7 | False | device=ios~device=android")
    assert len(connections) == 3
    assert page.get_by_role("button", name="mini").get_attribute("aria-pressed") == "true"


def test_each_kind_of_control_sets_what_it_offers(server, visit):
    page = opened(server, visit)
    says(page, AT_FIRST)
    panel = page.locator(".opsnb-controls", has=page.locator(".jupyter-widget-tagsinput"))
    panel.locator("select").filter(has_text="channel").first.select_option(index=2)
    says(page, "None | app+web | home>cart | 7 | False | device=ios~device=android")
    panel.get_by_role("button", name="web").click()
    panel.get_by_role("checkbox").check()
    says(page, "None | app | home>cart | 7 | True | device=ios~device=android")
    assert panel.get_by_role("button", name="web").get_attribute("aria-pressed") == "false"
    panel.get_by_role("slider").focus()
    page.keyboard.press("ArrowRight")
    says(page, "None | app | home>cart | 8 | True | device=ios~device=android")
    panel.get_by_label("against").select_option("web")
    says(page, "None | app | home>cart | 8 | True | device=ios~device=web")
    panel.get_by_label("property").first.select_option(index=1)  # its two values are the other property's
    says(page, "None | app | home>cart | 8 | True | channel=ads~channel=mail")
    panel.get_by_label("add").select_option("Pay")
    says(page, "None | app | home>cart>pay | 8 | True | channel=ads~channel=mail")
    panel.locator(".jupyter-widget-tag", has_text="Pay").focus()
    page.keyboard.press("ArrowLeft")
    says(page, "None | app | home>pay>cart | 8 | True | channel=ads~channel=mail")
    panel.locator(".jupyter-widget-tag", has_text="Home").drag_to(panel.locator(".jupyter-widget-tag", has_text="Cart"))
    says(page, "None | app | pay>cart>home | 8 | True | channel=ads~channel=mail")
    touch(page, *(panel.locator(".jupyter-widget-tag", has_text=name) for name in ("Home", "Pay")))
    says(page, "None | app | home>pay>cart | 8 | True | channel=ads~channel=mail")
    panel.get_by_role("button", name="take away Cart").click()
    says(page, "None | app | home>pay | 8 | True | channel=ads~channel=mail")
    panel.get_by_role("button", name="Reset").click()
    says(page, AT_FIRST)
    assert panel.get_by_role("slider").input_value() == "7"
    assert page.locator("main .note", has_text="This part is used in JupyterLab.").count() == 1
    assert (visit.outside, visit.errors, visit.warnings) == ([], [], [])


def test_controls_turned_while_the_kernel_works_are_drawn_once(server, visit):
    """A slider that passes many values on its way: the kernel is told the last when it has drawn the first."""
    page = opened(server, visit)
    says(page, AT_FIRST)
    before = len(visit.heard)
    page.evaluate("""() => { const one = document.querySelector('.opsnb-controls input[type=range]');
        for (let days = 1; days <= 9; days++) { one.value = days; one.dispatchEvent(new Event('input')); one.dispatchEvent(new Event('change')); } }""")
    says(page, "device | app+web | home>cart | 9 | False | device=ios~device=android")
    drawn = [text for text in visit.heard[before:] if '"method": "update"' in text and '"outputs"' in text]
    assert len(drawn) == 2
    assert page.locator(".widget-readout").inner_text() == "9"
