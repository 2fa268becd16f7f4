"""The apps in Chromium: they open and draw offline, answer a control, speak both languages, and show a sentence instead of a blank page."""

import os
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path

import nbformat
import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "views")]
from make_notebook import notebook  # noqa: E402
from reports import CHROMIUM, Visit, answering, browser, own_port  # noqa: E402

from opsnb.errors import InputError  # noqa: E402
from opsnb.views import apps  # noqa: E402

SAMPLES = Path(__file__).parents[1] / "views"
HOSTILE = "<img src=x onerror='window.hit=1'>"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebooks")
    nbformat.write(notebook(SAMPLES), folder / "funnel_diagnosis.ipynb")
    nbformat.write(notebook(SAMPLES, broken=True, device=HOSTILE), folder / "broken.ipynb")
    first = notebook(SAMPLES)
    first.cells[1].source = "import no_such_module"
    nbformat.write(first, folder / "never_starts.ipynb")
    log = (folder / "log.txt").open("wb")
    running = apps.start(os.environ, port=own_port(), notebooks=folder, log=log)
    running.log = folder / "log.txt"
    try:
        yield running
    finally:
        running.stop()
        log.close()


@pytest.fixture(scope="module")
def chromium(server):
    with browser() as running:
        answering(running.new_page(), server.address, server.process, server.log)
        yield running


def app(server, name, query=""):
    return f"{server.address}voila/render/{name}.ipynb{query}"


def test_the_list_of_apps_in_both_languages(server, chromium):
    visit = Visit(chromium)
    page = visit.open(server.address)
    assert "Funnel diagnosis" in page.inner_text(".apps")
    page.click("text=中文")
    page.wait_for_load_state()
    assert "漏斗诊断" in page.inner_text(".apps")
    assert page.get_attribute(".apps a >> nth=1", "href").endswith("funnel_diagnosis.ipynb?lang=zh")
    assert (visit.outside, visit.errors) == ([], [])


def test_an_app_opens_draws_and_answers_a_control(server, chromium):
    visit = Visit(chromium)
    page = visit.open(app(server, "funnel_diagnosis"), charts=2)
    assert "Payment fell by 39% for android" in page.inner_text(".card")
    assert "Not measured: no spend table" in page.inner_text("body")
    assert page.locator("select").count() == 1  # the app's cell, and no report cell beside it
    assert page.locator(".opsnb-figure").count() == 2
    assert "page.show" not in page.inner_text("body")  # no code
    funnel = page.locator(".opsnb-figure").first
    assert "payment" in funnel.inner_text()
    page.select_option("select", index=0)
    page.wait_for_function(
        "document.querySelector('.opsnb-figure svg') && !document.querySelector('.opsnb-figure').textContent.includes('payment')"
    )
    assert "product" in funnel.inner_text()
    assert (visit.outside, visit.errors) == ([], [])


def test_an_app_in_chinese(server, chromium):
    visit = Visit(chromium)
    page = visit.open(app(server, "funnel_diagnosis", "?lang=zh"), charts=2)
    assert page.get_attribute("html", "lang") == "zh"
    text = page.inner_text("#rendered_cells")
    assert "漏斗诊断" in text
    assert "未测量：没有 spend 表" in text
    assert "立即处理 · 把握大" in text
    assert "All apps" not in text


def test_an_address_cannot_put_code_into_a_page(server, chromium):
    visit = Visit(chromium)
    page = visit.open(
        app(server, "funnel_diagnosis", "?lang=zh';import os;os.abort()%0A<script>window.hit=1</script>&theme=dark&template=lab"), charts=2
    )
    assert page.get_attribute("html", "lang") == "en"
    assert page.evaluate("window.hit") is None
    assert (visit.outside, visit.errors) == ([], [])


def test_a_cell_that_raises_shows_a_sentence_and_what_came_before_stays(server, chromium):
    visit = Visit(chromium)
    page = visit.open(app(server, "broken"), charts=2)
    page.wait_for_selector("[role=alert]")
    assert "This part failed (AttributeError)" in page.inner_text("[role=alert]")
    assert HOSTILE in page.inner_text(".card")
    assert page.evaluate("window.hit") is None
    assert "Traceback" not in page.inner_text("body")
    assert "module 'samples' has no attribute 'no_such_name'" in server.log.read_text(encoding="utf-8")  # the window says where


def test_a_page_that_cannot_start_says_so(server, chromium):
    page = Visit(chromium).open(app(server, "never_starts", "?lang=zh"))
    page.wait_for_selector(".opsnb-failed")
    assert "本页无法继续计算" in page.inner_text(".opsnb-failed")


def test_an_address_that_does_not_exist(server, chromium):
    visit = Visit(chromium)
    page = visit.open(app(server, "nothing"))
    assert "There is no such page." in page.inner_text("body")
    assert "没有这个页面" in page.inner_text("body")
    assert visit.outside == []


def test_no_file_of_the_folder_is_handed_out(server, chromium):
    for path in ("voila/files/funnel_diagnosis.ipynb", "voila/files/log.txt", "files/log.txt"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(server.address + path)
        assert refused.value.code in (403, 404)


def test_the_server_listens_on_this_machine_only(server, chromium):
    port = int(server.address.rstrip("/").rsplit(":", 1)[1])
    outward = next(
        (info[4][0] for info in socket.getaddrinfo(socket.gethostname(), port, socket.AF_INET) if info[4][0] != "127.0.0.1"), None
    )
    if outward is None:
        pytest.skip("this machine has one address only")
    with socket.socket() as probe:
        probe.settimeout(2)
        assert probe.connect_ex((outward, port)) != 0


def test_a_port_in_use_is_refused_before_anything_starts():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError, match=r"port \d+ is in use"):
            apps.start(os.environ, port=taken.getsockname()[1], notebooks=".")


def test_a_folder_that_is_not_there():
    with pytest.raises(InputError, match="there is no such folder of notebooks"):
        apps.start(os.environ, notebooks="nowhere")
