"""A small notebook with all that a page can hold, for the tests of apps and reports. No data folder is needed."""

import nbformat

SETUP = """import sys
sys.path.insert(0, {tests!r})
import samples
from opsnb.errors import MissingTable
from opsnb.views import charts, controls, page
from opsnb.views.findings.finding import Finding
page.setup(lang)"""

FOUND = """numbers = {{"change": .386, "step": "payment"}}
sentence = "Payment fell by {{change:percent}} for {{device}}"
found = Finding("funnel_break", "steps", sentence, numbers, {{"device": {device!r}}}, "2025-08-06", .9)
page.found([found])"""


def notebook(tests, *, lang="", broken=False, device="android"):
    """``broken``: the last cell raises."""
    code, text = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell
    made = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}})
    made.cells = [
        text("# Funnel diagnosis"),
        code(f"lang: str = {lang!r}", metadata={"tags": ["parameters"]}),
        code(SETUP.format(tests=str(tests))),
        code(FOUND.format(device=device), metadata={"tags": ["short-version"]}),
        code("def steps(top=7): return charts.funnel(samples.conversion().head(top), title=found)"),
        code("page.show(steps)", metadata={"tags": ["report"]}),
        code("controls.panel(steps, top=[3, 7, 99])", metadata={"tags": ["app"]}),
        code("def spend(): raise MissingTable('spend', ['date', 'channel', 'cost'])"),
        code("page.show(spend)"),
        code("page.show(lambda: charts.kpi_lines(samples.kpis(60), title='KPIs'))"),
    ]
    if broken:
        made.cells.append(code("samples.no_such_name"))
    return made
