"""One visitor cannot take the machine from the rest: a page that never ends, or that eats all memory, ends with a sentence, and others go on."""

import json
import re
import sys
import urllib.request
from pathlib import Path

import nbformat
import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "views"), str(Path(__file__).parents[2])]
from make_notebook import notebook  # noqa: E402
from reports import CHROMIUM, running  # noqa: E402

from opsnb.apps import visitors  # noqa: E402
from opsnb.runs import kernels, nursery  # noqa: E402

pytestmark = pytest.mark.skipif(not nursery.possible(), reason="kernels are bounded on Linux")
GREEDY, ENDLESS = "held = bytearray(3 * 10**9)", "while True: pass"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("limits")
    for name, source in {"funnel_diagnosis": "", "endless": ENDLESS, "greedy": GREEDY}.items():
        book = notebook(Path(__file__).parents[1] / "views")
        book.metadata["opsnb"] = {"app": name}
        if source:
            book.cells.insert(4, nbformat.v4.new_code_cell(source, metadata={"tags": ["app"]}))
        nbformat.write(book, folder / f"{name}.ipynb")
    with running(folder / "log.txt", environment={kernels.MEMORY: str(2 * 10**9), kernels.CPU: "6"}, notebooks=folder, out=folder / "out") as made:
        yield made


def opened(server, name):
    """The kernel of a page that has been asked for by a new visitor, and says that it is open; and that visitor's cookie."""
    with urllib.request.urlopen(f"{server.address}app/{name}?lang=en", timeout=240) as answer:
        page = re.search(r'data-kernel="([^"]+)"', answer.read().decode())[1], re.search(rf"{visitors.COOKIE}=[^;]+", str(answer.headers))[0]
    assert lives(server, page)
    return page


def told(server, page):
    """All that a page hears of its cells."""
    from websockets.sync.client import connect

    kernel, cookie = page
    address = f"{server.address.replace('http', 'ws')}voila/execution/{kernel}"
    with connect(address, max_size=None, open_timeout=240, additional_headers={"Cookie": cookie}) as connection:
        connection.send(json.dumps({"action": "execute"}))
        return "".join(connection)


def lives(server, page):
    request = urllib.request.Request(f"{server.address}app/alive/{page[0]}", headers={"Cookie": page[1]})
    opener = urllib.request.build_opener(type("Any", (urllib.request.HTTPErrorProcessor,), {"http_response": lambda self, asked, answer: answer}))
    with opener.open(request, timeout=60) as answer:
        return answer.status == 204


def test_a_page_that_never_ends_is_ended_and_others_go_on(server):
    endless, good = opened(server, "endless"), opened(server, "funnel_diagnosis")
    heard = told(server, good)  # meanwhile
    assert "Payment fell by 39%" in heard, server.log.read_text(encoding="utf-8", errors="replace")[-5000:]
    said = told(server, endless)
    assert "This was stopped" in said
    assert not lives(server, endless)
    assert lives(server, good)
    assert "Payment fell by 39%" in told(server, opened(server, "funnel_diagnosis"))  # the process that forks kernels waits for the next


def test_a_page_that_eats_memory_gets_a_sentence_and_lives_on(server):
    page = opened(server, "greedy")
    said = told(server, page)
    assert "This was stopped" in said
    assert "data-drawn" in said or "vegalite" in said  # the sections after it are there
    assert lives(server, page)
    assert "MemoryError" in server.log.read_text(encoding="utf-8", errors="replace")
    assert "MemoryError" not in said


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
def test_pages_opened_again_and_again_with_their_controls_used_do_not_hang(server):
    import asyncio

    from tests.bench.hangs import openings

    assert asyncio.run(openings(server.address, 4, ("funnel_diagnosis",))) == []
