"""Controls for a section of an app. Every control has a headless twin: the section's function called with the same options."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets

from opsnb.errors import OpsnbError, ParameterError, nearest
from opsnb.views import columns, page
from opsnb.views.language import _, name, number
from opsnb.views.shown import TABLE


class Choice:
    """What one control offers and which value it starts with.

    ``offered`` as a panel takes it: a list is one choice out of it, or several where the function's default is a list; a pair of
    whole numbers is everything from the first to the second; a bool is yes or no.
    """

    def __init__(self, option: str, offered: Any, default: Any):
        self.option, self.kind = option, "one"
        if isinstance(offered, bool):
            self.kind, self.values, default = "flag", (True, False), offered if default is None else default
        elif isinstance(offered, tuple) and len(offered) == 2 and all(type(end) is int for end in offered):
            self.kind, self.values = "range", range(offered[0], offered[1] + 1)
        elif isinstance(offered, (list, tuple, dict)) and len(offered):
            self.values = tuple(offered)
            self.kind = "several" if isinstance(default, (list, tuple)) else "one"
        else:
            raise ParameterError(
                f"control '{option}': {offered!r} offers no choice; allowed: a list, a pair of whole numbers, True or False"
            )
        self.labels = tuple(offered.values()) if isinstance(offered, Mapping) else tuple(_label(value) for value in self.values[:500])
        self.default = self.values[0] if default is inspect.Parameter.empty or (default is None and None not in self.values) else default
        self.check(self.default)

    def check(self, value: Any) -> Any:
        """``value`` as the function takes it; raises ParameterError if this control does not offer it, whatever a browser has sent."""
        if self.kind == "several":
            chosen = list(value) if isinstance(value, (list, tuple)) else [value]
            if not chosen:
                raise ParameterError(_("choose at least one of {option}").format(option=columns.heading(self.option)))
            return [self._one(item) for item in chosen]
        return self._one(value)

    def _one(self, value: Any) -> Any:
        for allowed in self.values:
            if type(allowed) is type(value) and allowed == value:
                return allowed
        raise ParameterError(f"{self.option} '{value}' is not offered; {nearest(value, self.values)}")

    def widget(self) -> ipywidgets.Widget:
        """The control itself, labelled in the language in use."""
        look = {"description": columns.heading(self.option), "style": {"description_width": "initial"}}
        if self.kind == "flag":
            return ipywidgets.Checkbox(value=self.default, indent=False, **look)
        if self.kind == "range":
            return ipywidgets.IntSlider(value=self.default, min=self.values[0], max=self.values[-1], continuous_update=False, **look)
        pairs = list(zip(self.labels, self.values, strict=True))
        if self.kind == "several":
            return ipywidgets.SelectMultiple(options=pairs, value=tuple(self.default), rows=min(len(pairs), 7), **look)
        return ipywidgets.Dropdown(options=pairs, value=self.default, **look)


def panel(section: Callable[..., Any], **options: Any) -> ipywidgets.Widget:
    """Controls above the result of ``section``, drawn again whenever one changes.

    Each keyword is an argument of ``section`` with what it may be: ``by=["device", "channel"]``, ``window_days=(1, 30)``,
    ``steps=[...]`` (several, since the function's default is a list). Starts with the function's own defaults. What a browser sends is
    checked against what was offered; an error is shown as a sentence in place of the result. Raises ParameterError for an option
    that ``section`` does not take.

    >>> def doubled(n=2): return [n * 2]
    >>> panel(doubled, n=(1, 5)).children[1].children[0].value
    2
    """
    arguments = inspect.signature(section).parameters
    for option in options:
        if option not in arguments:
            raise ParameterError(f"{getattr(section, '__name__', 'the section')} takes no '{option}'; {nearest(option, arguments)}")
    choices = [Choice(option, offered, arguments[option].default) for option, offered in options.items()
               if not isinstance(offered, (list, dict)) or offered]  # what the data leaves without a choice needs no control
    widgets = [choice.widget() for choice in choices]
    output = ipywidgets.Output()

    def draw(_change: Any = None) -> None:
        bundles = [_bundle(part) for part in drawn(section, choices, [widget.value for widget in widgets])]
        output.outputs = tuple({"output_type": "display_data", "data": bundle, "metadata": {}} for bundle in bundles)

    for widget in widgets:
        widget.observe(draw, names="value")
    draw()
    several = any(choice.kind == "several" for choice in choices)
    hint = _("These controls change this section only; hold Ctrl to choose several.") if several else _("These controls change this section only.")
    row = ipywidgets.HBox(widgets, layout=ipywidgets.Layout(flex_flow="row wrap", grid_gap="4px 20px"))
    place = ipywidgets.HTML(page.landing(section).html + page.boxed(f'<p class="note">{page.escape(hint)}</p>'))
    return ipywidgets.VBox([place, row, output], layout=ipywidgets.Layout(width="100%", overflow="visible"))


def drawn(section: Callable[..., Any], choices: Sequence[Choice], values: Sequence[Any]) -> list[Any]:
    """What a panel shows for some values: the section's parts, or one box that says what is wrong."""
    try:
        return page.parts(section, **{choice.option: choice.check(value) for choice, value in zip(choices, values, strict=True)})
    except OpsnbError as error:
        return [page.failed(error)]
    except Exception as error:  # the edge of the app: a reader gets a sentence, the traceback goes to the serving window
        page.to_window(error)
        return [page.failed(error)]


def _bundle(part: Any) -> dict[str, Any]:
    """What a browser needs of a part; tables are for the runner."""
    if hasattr(part, "bundle"):
        return {mime: content for mime, content in part.bundle.items() if mime != TABLE}
    from IPython.core.interactiveshell import InteractiveShell

    data, _metadata = InteractiveShell.instance().display_formatter.format(part)
    return data


def _label(value: Any) -> str:
    """An option's own words: a number as the language writes it, a name of ours translated."""
    if value is None:
        return _("all")
    return number(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else name(value)
