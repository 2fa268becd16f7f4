"""What a cell hands to the page: one displayable that carries a chart or a text, and the table it was made from."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opsnb.views import theme

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

# The registered name of Vega-Lite 6 charts. Altair's own renderer writes "v6.json", which the notebook format refuses.
CHART = "application/vnd.vegalite.v6+json"
TABLE = "application/vnd.opsnb.table+json"
FINDINGS = "application/vnd.opsnb.findings+json"
NOT_MEASURED = "application/vnd.opsnb.notmeasured+json"
CHECKED = False  # whether each chart is held against the schema of Vega-Lite: an eighth of what it costs; the tests do it
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # a spreadsheet in Chinese reads the wide ones so, too


class Shown:
    """A displayable: ``bundle`` maps mime types to content, the last lines of a cell show the richest one that the host knows."""

    def __init__(self, bundle: Mapping[str, Any]):
        self.bundle = dict(bundle)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return self.bundle

    def __repr__(self) -> str:
        return str(self.bundle.get("text/plain", "<shown>"))

    @property
    def spec(self) -> dict[str, Any]:
        """The chart's Vega-Lite specification; empty when this is no chart."""
        return self.bundle.get(CHART, {})

    @property
    def html(self) -> str:
        """The HTML shown; empty for a chart."""
        return self.bundle.get("text/html", "")


def chart(made: alt.TopLevelMixin, frame: pd.DataFrame, name: str, title: str, subtitle: str = "") -> Shown:
    """An Altair chart with the page's theme, titled, together with the frame it draws (a run writes it to ``tables/<name>.csv``).

    The title is in the specification for hosts that draw it, and in ``usermeta`` for ours, which sets it as text that wraps.
    """
    spec = _plain(made.to_dict(validate=CHECKED))
    written = json.dumps({key: value for key, value in spec.items() if key != "datasets"})
    spec["datasets"] = {
        key: [{field: value for field, value in row.items() if field in written} for row in rows]
        for key, rows in spec.get("datasets", {}).items()
    }
    spec["config"] = theme.vega_config()
    spec.pop("$schema", None)
    spec["$schema"] = "https://vega.github.io/schema/vega-lite/v6.json"
    spec["title"] = {"text": wrapped(title), **({"subtitle": wrapped(subtitle, 110)} if subtitle else {})}
    spec["description"] = title
    spec["usermeta"] = {"opsnb": {"title": title, "subtitle": subtitle}}
    return Shown({CHART: spec, TABLE: as_table(frame, name), "text/plain": title})


def _plain(value: Any) -> Any:
    """A specification that JSON can hold: what is not a number becomes null."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def as_table(frame: pd.DataFrame, name: str) -> dict[str, str]:
    """A frame as the CSV that a run writes: full precision, ISO dates, empty where there is nothing."""
    return {"name": name, "csv": frame.to_csv(index=False, lineterminator="\n", date_format="%Y-%m-%d")}


def excel_csv(text: str) -> str:
    """A CSV that a spreadsheet opens without running anything: texts that look like formulas get a quote before them.

    >>> excel_csv('name,change\\n=1+1,-0.5\\n')
    "name,change\\n'=1+1,-0.5\\n"
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    for row in csv.reader(io.StringIO(text, newline="")):
        writer.writerow([f"'{cell}" if cell.startswith(_FORMULA) and not _is_number(cell) else cell for cell in row])
    return out.getvalue()


def names_people(text: str) -> bool:
    """Does a table (CSV) have users' ids: such a table leaves through a run that was asked for it, never through an app.

    >>> names_people('days,user_id\\n3,u1\\n'), names_people('users\\n3\\n')
    (True, False)
    """
    return "user_id" in next(csv.reader(io.StringIO(text)), [])


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text))


def wrapped(text: str, width: int = 90) -> list[str]:
    """``text`` in lines of at most ``width`` columns; a Chinese character takes two and may end a line.

    >>> wrapped("Conversion fell by half", 16)
    ['Conversion fell', 'by half']
    >>> wrapped("支付转化率下降了一半", 12)
    ['支付转化率下', '降了一半']
    """
    lines, line = [], ""
    for piece in _pieces(text):
        if line.strip() and text_width(line + piece.rstrip()) > width:
            lines.append(line.strip())
            line = ""
        line += piece
    return [*lines, line.strip()] if line.strip() or not lines else lines


def _pieces(text: str) -> list[str]:
    """Where a line may break: after a space, and around each wide character but before closing punctuation."""
    pieces: list[str] = []
    for char in text:
        joins = pieces and (
            char in "，。；：、！？）」』》%" or not (pieces[-1].endswith(" ") or text_width(char) == 2 or text_width(pieces[-1][-1:]) == 2)
        )
        if joins:
            pieces[-1] += char
        else:
            pieces.append(char)
    return pieces


def text_width(text: str) -> int:
    """How many columns a text takes: a Chinese character takes two."""
    from unicodedata import east_asian_width

    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


def enable_charts() -> None:
    """Lets plain Altair charts of an analyst show like ours: same mime type, same theme. Charts of ours need no renderer.

    Altair takes a second to import, longer than the first finding may wait: where nothing has asked for it yet, a kernel does all this when
    the first such chart is shown.
    """
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is None or "altair" in sys.modules:
        _take_over()
    else:
        shell.display_formatter.mimebundle_formatter.for_type_by_name("altair.vegalite.v6.api", "TopLevelMixin", _first_shown)


def _first_shown(made: alt.TopLevelMixin) -> Any:
    _take_over()
    return made._repr_mimebundle_()


def _take_over() -> None:
    import altair as alt

    def render(spec: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {CHART: json.loads(json.dumps(spec)), "text/plain": "<chart>"}

    @alt.theme.register("opsnb", enable=True)
    def _theme() -> alt.theme.ThemeConfig:
        return {"config": theme.vega_config()}  # type: ignore[typeddict-item]

    alt.renderers.register("opsnb", render)
    alt.renderers.enable("opsnb")
