"""A visitor cannot run code, read files or see ids: each threat is tried on a running server, over HTTP and over websockets."""

import json
import re
import sys
import urllib.parse
from contextlib import ExitStack
from pathlib import Path

import nbformat
import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "views"), str(Path(__file__).parents[1] / "apps")]
from make_notebook import notebook  # noqa: E402
from reports import running  # noqa: E402
from served import ask as plain  # noqa: E402
from test_messages import packed, update  # noqa: E402

from opsnb import apps  # noqa: E402
from opsnb.apps import messages, visitors  # noqa: E402

VIEWS = Path(__file__).parents[1] / "views"
MARKER = "user-7f3a-marker"
HOSTILE = ["<script>window.hit=1</script>", "<img src=x onerror=window.hit=1>", "=cmd|'/c calc'!A1", "\u202egnp.exe", "a\x00b",
           "{0}{days:count}", "x" * 10_000_000]
ASKED = """import json
def asked(by="device", of=["app", "web"], steps=["home"], days=7, deep=False, as_of="2025-10-31"):
    with open("asked.txt", "a") as file: file.write(json.dumps([by, of, steps, days, deep, as_of]) + chr(10))
    print("user-7f3a-marker")
    return "asked"
"""
PANEL = """controls.panel(asked, by=["device", "channel"], of=["app", "web", "mini"], days=(1, 9), deep=False,
    steps=controls.Ordered({"Home": "home", "Cart": "cart"}), as_of=["2025-10-31", "2025-09-30"])"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("safety")
    book = notebook(VIEWS, device=HOSTILE[1])
    book.cells.insert(2, nbformat.v4.new_code_cell(f"planted = {MARKER!r}; print(planted); import sys; print(planted, file=sys.stderr)"))
    book.cells.insert(4, nbformat.v4.new_code_cell(
        "from pathlib import Path; here = Path(__import__('os').environ['OPSNB_VISIT']).parent", metadata={"tags": ["section"]}))
    book.cells += [nbformat.v4.new_code_cell(ASKED), nbformat.v4.new_code_cell(PANEL, metadata={"tags": ["app"]})]
    nbformat.write(book, made / "funnel_diagnosis.ipynb")
    nbformat.write(book, made / "draft.ipynb")
    (made / "secret.txt").write_text(MARKER)
    return made


@pytest.fixture(scope="module")
def server(folder):
    with running(folder / "log.txt", notebooks=folder, out=folder / "out") as made:
        made.cookie = {}
        yield made


def ask(server, path, method="GET", body=None, **headers):
    """(status, headers, text) of one request of the visitor whose page is open; the path goes out as it is written."""
    return plain(urllib.parse.urlsplit(server.address).port, path, method, body, **{**server.cookie, **headers})


@pytest.fixture(scope="module")
def visit(server):
    """An opened page: its text and its kernel's id."""
    status, headers, text = ask(server, "/app/funnel_diagnosis")
    assert status == 200
    server.cookie = {"Cookie": headers["Set-Cookie"].partition(";")[0]}
    return text, re.search(r'data-kernel="([^"]+)"', text)[1], headers


@pytest.fixture(autouse=True)
def _stays_open(server, request):
    """The page says now and then that it is open, as its script does."""
    if "visit" in request.fixturenames:
        assert ask(server, f"/app/alive/{request.getfixturevalue('visit')[1]}")[0] == 204


def socket(server, path, *, protocols=(messages.PROTOCOL,), origin=None):
    from websockets.sync.client import connect

    return connect(server.address.replace("http", "ws") + path, subprotocols=list(protocols) or None, origin=origin, max_size=None,
                   additional_headers=server.cookie, open_timeout=240, close_timeout=5)


def told(server, kernel):
    """Everything that the page hears of its cells."""
    heard = []
    with socket(server, f"voila/execution/{kernel}", protocols=()) as page:
        page.send(json.dumps({"action": "execute", "payload": {"kernel_id": kernel}}))
        heard.extend(page)
    return heard


def test_a_page_holds_no_source_no_id_and_nothing_a_cell_has_printed(server, visit):
    text, kernel, _headers = visit
    everything = text + "".join(told(server, kernel))
    assert "Payment fell by 39%" in everything
    for secret in (MARKER, "page.show", "controls.panel", "import samples", "samples.conversion", "traceback", str(VIEWS)):
        assert secret not in everything, secret
    assert HOSTILE[1] not in "".join(everything)
    assert "&lt;img src=x" in everything  # shown as text


def test_the_policy_allows_our_own_scripts_only(visit):
    policy = visit[2]["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "unsafe-eval" not in policy
    assert "default-src 'none'" in policy
    assert not re.search(r"<script(?![^>]*(src=|application/json))", visit[0])


@pytest.mark.parametrize("path", [
    "/app/draft", "/app/secret", "/app/..%2fdraft", "/app/funnel_diagnosis.ipynb", "/app/../secret.txt", "/app/%2e%2e/secret.txt",
    "/voila/render/funnel_diagnosis.ipynb", "/voila/files/secret.txt", "/voila/files/funnel_diagnosis.ipynb", "/files/secret.txt", "/static/secret.txt",
    "/voila/api/contents", "/voila/api/contents/funnel_diagnosis.ipynb", "/api/contents", "/api/kernels", "/api/sessions", "/api/terminals", "/terminals/1",
    "/api/status", "/api/kernelspecs", "/api/me", "/metrics", "/api", "/voila/tree", "/voila/api/themes/x", "/lab", "/tree", "/nbextensions/x.js",
    "/voila/templates/../../../etc/passwd", "/voila/templates/lab/static/../../../../../../../../etc/passwd", "/voila/templates/..", "/voila/templates/lab/..",
    "/voila/templates/lab/static/..%2f..%2findex.html.j2", "/voila/templates/lab/index.html.j2", "/voila/templates/opsnb/static/x", "/voila/templates/%00",
    "/voila/static/../../app.py", "/voila/static/%2e%2e/app.py", "/voila/static/.hidden.js", "/voila/labextensions/../../etc/passwd",
    "/voila/labextensions/opsnb-vega/package.json", "/voila/labextensions/opsnb-vega/static/../../../../../etc/passwd",
    "/voila/labextensions/jupyterlab_pygments/x.js", "/voila/static/voila.js", "/voila/templates/lab/static/voila-style.js",
    "/voila/labextensions/@jupyter-widgets/jupyterlab-manager/static/remoteEntry.js",
    "/pages/../door.py", "/pages/app.html", "/pages/layout.html", "/report/abcdef123456/report.html", "/report/abcdef123456/../../secret.txt",
    "/report/abcdef/run.json", "//etc/passwd", "/voila/query/00000000-0000-0000-0000-000000000000",
    "/app/alive/../../api/kernels", "/api/kernels/00000000-0000-0000-0000-000000000000"])
def test_what_is_not_on_the_list_is_not_there(server, path):
    status, _headers, text = ask(server, path)
    assert status == 404, text[:200]
    assert MARKER not in text
    assert "Traceback" not in text
    assert "root:" not in text


@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "POST"])
def test_a_kernel_cannot_be_changed_by_its_address(server, visit, method):
    assert ask(server, f"/api/kernels/{visit[1]}", method)[0] in (404, 405)
    for action in ("interrupt", "restart"):
        assert ask(server, f"/api/kernels/{visit[1]}/{action}", method)[0] == 404
    assert ask(server, f"/api/kernels/{visit[1]}")[0] == 404  # nor does it say anything of itself


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Host": "127.0.0.1.evil.example:8866"}, {"Host": ""}])
def test_a_wrong_host_reads_nothing(server, headers):
    for path in ("/", "/app/funnel_diagnosis", "/pages/app.js"):
        status, _headers, text = ask(server, path, **headers)
        assert status in (400, 404)
        assert "Funnel diagnosis" not in text


def test_a_foreign_page_gets_nothing_and_starts_nothing(server, visit):
    for path, method in (("/", "GET"), ("/app/funnel_diagnosis", "GET"), (f"/voila/api/shutdown/{visit[1]}", "POST"), ("/login", "POST")):
        assert ask(server, path, method, Origin="http://evil.example")[0] == 403
    assert ask(server, "/app/funnel_diagnosis", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors")[0] == 403
    assert ask(server, "/app/funnel_diagnosis", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="iframe")[0] == 403
    from websockets.exceptions import InvalidStatus

    for path in (f"api/kernels/{visit[1]}/channels", f"voila/execution/{visit[1]}"):
        for origin in ("http://evil.example", "null", "http://127.0.0.1:1"):
            with pytest.raises(InvalidStatus) as refused, socket(server, path, origin=origin):
                pass
            assert refused.value.response.status_code == 403


@pytest.mark.parametrize("cookie", [{}, {"Cookie": f"{visitors.COOKIE}={'x' * 22}"}], ids=["none", "another"])
def test_a_kernel_answers_the_visitor_only_whose_page_it_computes(server, visit, cookie, monkeypatch):
    from websockets.exceptions import InvalidStatus

    kernel = visit[1]
    with socket(server, f"api/kernels/{kernel}/channels?session_id=o") as page:
        assert kernel_says(page, 1)  # it hears its own
    monkeypatch.setattr(server, "cookie", cookie)
    for path, protocols in ((f"api/kernels/{kernel}/channels?session_id=o", (messages.PROTOCOL,)), (f"voila/execution/{kernel}", ())):
        with pytest.raises(InvalidStatus) as refused, socket(server, path, protocols=protocols):
            pass
        assert refused.value.response.status_code == 404
    assert ask(server, f"/app/alive/{kernel}")[0] == 410
    assert ask(server, f"/voila/api/shutdown/{kernel}", "POST")[0] == 404
    monkeypatch.undo()
    assert ask(server, f"/app/alive/{kernel}")[0] == 204


@pytest.mark.parametrize("protocols", [(), ("v2.kernel.websocket.jupyter.org",), ("",)])
def test_another_subprotocol_is_refused(server, visit, protocols):
    from websockets.exceptions import InvalidHandshake

    with pytest.raises((InvalidHandshake, ValueError)), socket(server, f"api/kernels/{visit[1]}/channels", protocols=protocols):
        pass


def kernel_says(connection, seconds=3.0):
    """What comes within some time, as (kind, text)."""
    heard = []
    while True:
        try:
            message = connection.recv(timeout=seconds)
        except TimeoutError:
            return heard
        heard.append((json.loads(messages.parts(message)[1])["msg_type"], message.decode("utf-8", "replace")))


def header(kind):
    return {"msg_type": kind, "msg_id": f"m-{kind}", "session": "s", "username": "", "version": "5.3", "date": "2025-01-01T00:00:00Z"}


def test_no_message_runs_code_or_reaches_what_is_no_control(server, visit, folder):
    kernel = visit[1]
    spoilt = folder / "spoilt.txt"
    code = {"code": f"open({str(spoilt)!r}, 'w').write('x')", "silent": False, "user_expressions": {"a": "1"}, "allow_stdin": True,
            "store_history": False, "stop_on_error": True}
    told(server, kernel)  # the page is computed
    with socket(server, f"api/kernels/{kernel}/channels?session_id=s") as page:
        kernel_says(page, 1)
        for channel in ("shell", "control", "stdin", "iopub", "nothing"):
            for kind in ("execute_request", "input_reply", "shutdown_request", "debug_request", "complete_request", "inspect_request", "history_request"):
                page.send(packed(channel, header(kind), {}, {}, code))
        page.send(json.dumps({"channel": "shell", "header": header("execute_request"), "parent_header": {}, "metadata": {}, "content": code}))
        page.send(b"\x40\x42\x0f" + b"\0" * 37)  # claims a million parts
        page.send(packed("shell", header("comm_open"), {}, {}, {"comm_id": "evil", "target_name": "jupyter.widget", "data": {"state": {
            "_model_name": "FileUploadModel", "_model_module": "@jupyter-widgets/controls", "_view_module": "@jupyter-widgets/controls"}}}))
        page.send(packed("shell", header("comm_info_request"), {}, {}, {"target_name": "jupyter.widget"}))
        heard = kernel_says(page)
    kinds = {kind for kind, _text in heard}
    assert "comm_info_reply" in kinds  # it answers what a page may ask
    assert kinds <= set(messages.FROM_KERNEL)
    assert not any("evil" in said for _kind, said in heard)
    assert not spoilt.exists()
    assert ask(server, f"/app/alive/{kernel}")[0] == 204  # nobody has ended it


class Page:
    """A page's websocket whose messages all differ: the kernel takes two that are the same for one that was recorded and sent again."""

    def __init__(self, connection):
        self.connection, self.sent, self.heard = connection, 0, set()

    def send(self, kind, content, **metadata):
        self.sent += 1
        self.connection.send(packed("shell", header(kind) | {"msg_id": f"m{self.sent}"}, {}, metadata, content))

    def set(self, comm, **state):
        self.send("comm_msg", {"comm_id": comm, "data": {"method": "update", "state": state, "buffer_paths": []}})

    def states(self):
        """comm id -> state of all widgets, after everything sent before has been answered: asked for as a page does."""
        self.send("comm_open", {"comm_id": f"ask{self.sent}", "target_name": messages.CONTROL_CHANNEL, "data": {}}, version="1.0.0")
        self.send("comm_msg", {"comm_id": f"ask{self.sent - 1}", "data": {"method": "request_states"}})
        while True:
            _channel, head, _parent, _metadata, content, *_buffers = messages.parts(self.connection.recv(timeout=60))
            self.heard.add(json.loads(head)["msg_type"])
            data = json.loads(content).get("data", {})
            if "states" in data:
                return {comm: one["state"] | {"kind": one["model_name"]} for comm, one in data["states"].items()}


def named(states, kind, **traits):
    """The comm id of the one widget of a kind with these traits."""
    found = [comm for comm, one in states.items() if one["kind"] == kind + "Model" and traits.items() <= one.items()]
    assert len(found) == 1, (kind, traits)
    return found[0]


def said_and_heard(connection, comm, value):
    """Sets a control, then listens until the connection ends."""
    Page(connection).set(comm, value=value)
    while True:
        connection.recv(timeout=60)


WRONG = (99, -1, 10**9, float("inf"), None, True, "", "/etc/passwd", "../../etc/passwd", HOSTILE[0], "y" * 900, [0, 1], [], ["/etc/passwd"], ["Cart"] * 200,
         [None], {"a": 1}, {"year": 2025, "month": 13, "date": 77}, {"year": 2025, "month": 8, "date": 30}, "2025-02-30", "9999-12-31", "2025-09-30", 20250930,
         ["2025-09-30"], "2025-09-30T00:00:00Z")
UNKNOWN = {"_options_labels": ["x"], "options": ["/etc/passwd"], "allowed_tags": ["/etc/passwd"], "max": 10**9, "children": [], "layout": "IPY_MODEL_x",
           "description": "x", "outputs": [], "_dom_classes": ["x"], "_model_module": "evil", "_view_module": "evil", "no_such": 1}


def test_a_control_takes_nothing_that_it_does_not_offer(server, visit, folder):
    """Each control is sent what it does not offer, traits that are not a page's, and 10 MB; then it still does what it offers."""
    from websockets.exceptions import ConnectionClosed

    kernel = visit[1]
    told(server, kernel)  # the page is computed
    with socket(server, f"api/kernels/{kernel}/channels?session_id=s") as connection:
        page = Page(connection)
        first = page.states()
        choice, slider, tags = named(first, "Dropdown", _options_labels=["device", "channel"]), named(first, "IntSlider"), named(first, "TagsInput")
        flag, chip = named(first, "Checkbox"), named(first, "ToggleButton", description="mini")
        day = named(first, "Dropdown", _options_labels=["2025-10-31", "2025-09-30"])
        for comm in (choice, slider, tags, flag, chip, day):
            for value in WRONG:
                page.set(comm, **{"index" if comm in (choice, day) else "value": value})
            for trait, value in {**UNKNOWN, "selected_index": 1, "value" if comm in (choice, day) else "index": "/etc/passwd"}.items():
                page.set(comm, **{trait: value})
        page.set(day, value="2025-09-30")  # a choice is its place; what stands there is not a page's to say
        page.set(choice, index=None)
        after = page.states()
        for comm in (choice, slider, tags, flag, chip, day):
            assert {trait: first[comm].get(trait) for trait in UNKNOWN} == {trait: after[comm].get(trait) for trait in UNKNOWN}
        assert any("by &#x27;None&#x27; is not offered" in json.dumps(one["outputs"]) for one in after.values() if one["kind"] == "OutputModel")
        assert not any(said in json.dumps(after) for said in ("root:", "Traceback", "evil"))
    with socket(server, f"api/kernels/{kernel}/channels?session_id=s") as connection, pytest.raises(ConnectionClosed):
        said_and_heard(connection, choice, HOSTILE[-1])  # too long to be read at all
    with socket(server, f"api/kernels/{kernel}/channels?session_id=t") as connection:
        page = Page(connection)
        page.sent = 10_000
        page.set(choice, index=1)
        page.set(day, index=1)
        for comm, value in ((slider, 3), (tags, ["Cart", "Home"]), (flag, True), (chip, True)):
            page.set(comm, value=value)
        page.states()
        assert page.heard == {"comm_msg", "status"}  # what the section prints is not for the page
    asked = [json.loads(line) for line in (folder / "asked.txt").read_text().splitlines()]
    assert asked[-1] == ["channel", ["app", "web", "mini"], ["cart", "home"], 3, True, "2025-09-30"]  # what a reader may ask for is done
    for by, of, steps, days, deep, as_of in asked:
        assert as_of in ("2025-10-31", "2025-09-30")
        assert by in ("device", "channel")
        assert of in (["app", "web"], ["app", "web", "mini"])
        assert steps in (["home"], ["cart"], ["cart", "home"])
        assert days in range(1, 10)
        assert deep in (True, False)
    assert ask(server, f"/app/alive/{kernel}")[0] == 204


def flood(connection, kind, content, times):
    """Sends as fast as it can, then listens until the connection ends."""
    page = Page(connection)
    for _ in range(times):
        page.send(kind, content)
    while True:
        connection.recv(timeout=60)


def test_who_sends_without_end_is_cut_off_and_the_page_goes_on(server, visit):
    from websockets.exceptions import ConnectionClosed, InvalidStatus

    path = f"api/kernels/{visit[1]}/channels?session_id=f"
    told(server, visit[1])
    for kind, content, most in (("execute_request", {"code": "1"}, messages.MOST_REFUSED), ("comm_msg", update(), messages.MOST_AT_ONCE)):
        with socket(server, path) as connection, pytest.raises(ConnectionClosed) as cut:
            flood(connection, kind, content, 2 * most)
        assert cut.value.rcvd.code == 1008
    with ExitStack() as held:
        for number in range(messages.MOST_SOCKETS):  # of one session, the older would be closed
            held.enter_context(socket(server, f"{path}{number}"))
        for other in (path, f"voila/execution/{visit[1]}"):
            with pytest.raises(InvalidStatus) as refused, socket(server, other):
                pass
            assert refused.value.response.status_code == 429
    with socket(server, path) as connection:
        page = Page(connection)
        page.sent = 20_000
        assert page.states()
    log = server.log.read_text(encoding="utf-8", errors="replace")
    assert 0 < log.count("'execute_request' messages are not for pages") < messages.MOST_REFUSED + 100


@pytest.mark.parametrize(("query", "status"), [("lang=zh", 200), ("lang=%3Cscript%3E", 200), ("lang=xx", 200), ("x=__import__('os')", 200),
                                               ("template=lab&theme=dark&data_folder=/etc", 200), ("a=" + "b" * 9_000, 400)])
def test_what_an_address_says_stays_out_of_the_page(server, query, status):
    found, _headers, text = ask(server, f"/app/funnel_diagnosis?{query}")
    assert found == status
    for said in ("__import__", "<script>w", "/etc", "bbbb"):
        assert said not in re.sub(r'href="[^"]*"', "", text)
    for kernel in re.findall(r'data-kernel="([^"]+)"', text):
        ask(server, f"/voila/api/shutdown/{kernel}", "POST")


def test_a_report_comes_from_the_ledgers_folder_only_and_can_do_nothing(server, folder, tmp_path):
    from opsnb.runs import ledger

    out = folder / "out"
    (out / "funnel_diagnosis").mkdir(parents=True, exist_ok=True)
    (out / "funnel_diagnosis" / "report.html").write_text("<p>good</p>")
    (tmp_path / "report.html").write_text(MARKER)
    ledger.append(out, ledger.Entry("aaaaaaaaaaaa", "funnel_diagnosis", "2025-01-01T00:00:00+00:00", "good",
                                    out=str(out / "funnel_diagnosis"), first=HOSTILE[0]))
    ledger.append(out, ledger.Entry("bbbbbbbbbbbb", "other", "2025-01-02T00:00:00+00:00", "good", out=str(tmp_path)))
    (out / "user_profiling").mkdir()
    (out / "user_profiling" / "report.html").write_text(MARKER)  # whoever ran it has asked for ids, which is not for visitors
    ledger.append(out, ledger.Entry("dddddddddddd", "user_profiling", "2025-01-03T00:00:00+00:00", "good", out=str(out / "user_profiling"),
                                    parameters={"hand_out_ids": True}))
    status, headers, text = ask(server, "/report/aaaaaaaaaaaa/report.html")
    assert (status, text) == (200, "<p>good</p>")
    assert headers["Content-Security-Policy"].startswith("sandbox allow-scripts")
    assert "allow-same-origin" not in headers["Content-Security-Policy"]
    for path in ("/report/bbbbbbbbbbbb/report.html", "/report/aaaaaaaaaaaa/run.json", "/report/aaaaaaaaaaaa/..%2f..%2fsecret.txt",
                 "/report/cccccccccccc/report.html", "/report/dddddddddddd/report.html", "/report/dddddddddddd/report.xlsx",
                 "/report/dddddddddddd/report.pdf", "/report/dddddddddddd/tables/recall_list.csv"):
        assert ask(server, path)[0] == 404
    listed = ask(server, "/")[2]
    assert HOSTILE[0] not in listed
    assert "It holds customers&#39; ids" in listed
    assert "/report/dddddddddddd" not in listed


def test_a_password_is_asked_of_everything(folder):
    with running(folder / "closed.txt", environment={apps.PASSWORD: "correct horse"}, notebooks=folder, out=folder / "out", base_url="/ops/") as closed:
        closed.cookie = {}
        for path in ("/ops/", "/ops/app/funnel_diagnosis", "/ops/report/aaaaaaaaaaaa/report.html"):
            status, headers, _text = ask(closed, path)
            assert (status, headers["Location"].partition("?")[0]) == (302, "/ops/login")
        assert ask(closed, "/ops/app/alive/00000000-0000-0000-0000-000000000000", Sec_Fetch_Mode="cors")[0] == 403
        assert ask(closed, "/")[0] == 404
        dress = re.findall(r'<link rel="stylesheet" href="([^"]+)"', ask(closed, "/ops/login")[2])
        assert len(dress) == 2
        assert [ask(closed, path)[:1] for path in dress] == [(200,)] * 2  # the page that asks is dressed; its scripts are not handed out
        assert [ask(closed, f"/ops/pages/{script}")[0] for script in ("app.js", "gallery.js")] == [302] * 2
        form = {"Content_Type": "application/x-www-form-urlencoded"}
        assert ask(closed, "/ops/login", "POST", b"password=wrong", **form)[0] == 403
        status, headers, _text = ask(closed, "/ops/login", "POST", b"password=correct+horse", **form)
        assert status == 303
        cookie = headers["Set-Cookie"].split(";")[0]
        assert "HttpOnly" in headers["Set-Cookie"]
        assert ask(closed, "/ops/", Cookie=cookie)[0] == 200
        assert ask(closed, "/ops/", Cookie=cookie[:-2] + "xx")[0] == 302


def test_the_channels_are_no_open_ports_and_a_kernel_is_bounded(server, visit):
    import psutil

    if sys.platform != "linux":
        pytest.skip("sockets in a folder and bounds are tried on Linux")
    ours = psutil.Process(server.process.pid)
    listening = [c for process in [ours, *ours.children(recursive=True)] for c in process.net_connections("tcp") if c.status == "LISTEN"]
    assert {c.laddr[1] for c in listening} == {urllib.parse.urlsplit(server.address).port}
    kernels = [process for process in ours.children(recursive=True) if process.ppid() != ours.pid]
    assert kernels
    for process in kernels:
        assert process.rlimit(psutil.RLIMIT_DATA)[0] < 10**10
        assert process.rlimit(psutil.RLIMIT_CPU)[0] < 10**5
