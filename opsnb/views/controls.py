"""Controls for a section of an app. Every control has a headless twin: the section's function called with the same options.

What is chosen stands in the page's address as ``section.option=value``, so that a link opens the same view. The kernel writes it into a
``data-state`` of the page, from where ``page.js`` takes it; on opening, only what a control offers is taken from the address.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import ipywidgets
import traitlets

from opsnb.errors import ParameterError, nearest
from opsnb.views import columns, kept, page, visit
from opsnb.views.language import _, feature, name, number, percent

LISTS = ("several", "ordered", "pair")  # kinds whose value is a list
PANELS: list[tuple[Callable[..., Any], list[Choice]]] = []  # of this page: section and choices, for opsnb.views.ahead


class Ordered(dict):
    """What may be picked one after the other, by name: the order in which a reader picks and drags is the order that the function takes."""


class Pair(dict):
    """Two different values of one property, out of {property: its values}: the function takes ["device=ios", "device=android"]. Properties
    with a single value are not offered. ``when``: the values of other controls with which this one is asked for, e.g. {"against": "segments"}."""

    def __init__(self, offered: Mapping[str, Sequence[str]], when: Mapping[str, Any] | None = None):
        super().__init__({column: list(values) for column, values in offered.items() if len(values) > 1})
        self.when = dict(when or {})


class Choice:
    """What one control offers and which value it starts with.

    ``offered`` as a panel takes it: a list is one choice out of it, or several where the function's default is a list; a pair of
    whole numbers is everything from the first to the second; a bool is yes or no.
    """

    def __init__(self, option: str, offered: Any, default: Any):
        self.option, self.kind, self.when = option, "one", getattr(offered, "when", {})
        if isinstance(offered, bool):
            self.kind, self.values, default = "flag", (True, False), offered if default is None else default
        elif isinstance(offered, tuple) and len(offered) == 2 and all(type(end) is int for end in offered):
            self.kind, self.values = "range", range(offered[0], offered[1] + 1)
        elif isinstance(offered, Ordered) and offered:  # the control's values are names
            self.kind, self.named = "ordered", dict(offered)
            self.values = self.labels = tuple(offered)
            chosen = default if isinstance(default, (list, tuple)) else list(offered.values())
            self.default = [next(name for name, value in offered.items() if value == one) for one in chosen]
            return
        elif isinstance(offered, Pair) and offered:
            self.kind, self.offered = "pair", dict(offered)
            self.values = self.labels = tuple(f"{column}={value}" for column, values in offered.items() for value in values)
            first, values = next(iter(offered.items()))
            self.default = list(default) if self._is_pair(default) else [f"{first}={value}" for value in values[:2]]
            return
        elif isinstance(offered, (list, tuple, dict)) and len(offered):
            self.values = tuple(offered)
            self.kind = "several" if isinstance(default, (list, tuple)) else "one"
        else:
            raise ParameterError(
                f"control '{option}': {offered!r} offers no choice; allowed: a list, a pair of whole numbers, True or False"
            )
        self.labels = tuple(offered.values()) if isinstance(offered, Mapping) else tuple(_label(option, value) for value in self.values[:500])
        self.default = self.values[0] if default is inspect.Parameter.empty or (default is None and None not in self.values) else default
        self.check(self.default)

    def check(self, value: Any) -> Any:
        """``value`` as the function takes it; raises ParameterError if this control does not offer it, whatever a browser has sent."""
        if self.kind in ("several", "ordered"):
            chosen = list(value) if isinstance(value, (list, tuple)) else [value]
            if not chosen:
                raise ParameterError(_("choose at least one of {option}").format(option=columns.heading(self.option)))
            found = list(dict.fromkeys(self._one(item) for item in chosen))
            return [self.named[item] for item in found] if self.kind == "ordered" else found
        if self.kind == "pair":
            found = [self._one(item) for item in (value if isinstance(value, (list, tuple)) else [value])]
            if not self._is_pair(found):
                raise ParameterError(_("choose two different values of one property"))
            return found
        return self._one(value)

    def _is_pair(self, value: Any) -> bool:
        """Are these two of the offered texts, of one property."""
        known = {f"{column}={item}": column for column, items in self.offered.items() for item in items}
        found = [known.get(item) for item in value if isinstance(item, str)] if isinstance(value, (list, tuple)) else []
        return len(found) == 2 and found[0] is not None and found[0] == found[1] and value[0] != value[1]

    def _one(self, value: Any) -> Any:
        for allowed in self.values:
            if type(allowed) is type(value) and allowed == value:
                return allowed
        raise ParameterError(f"{self.option} '{value}' is not offered; {nearest(value, self.values)}")

    def asked(self, state: Mapping[str, str], section: str) -> Any:
        """The value that an address asks for, else the default: a text that is not one of the offered values counts as not asked.

        >>> choice = Choice("window_days", [1, 7, 30], 7)
        >>> choice.asked({"path.window_days": "30"}, "path"), choice.asked({"path.window_days": "31"}, "path")
        (30, 7)
        """
        offered = {written(value): value for value in self.values}
        texts = state.get(f"{section}.{self.option}", "").split("," if self.kind in LISTS else "\0")
        found = [offered[text] for text in dict.fromkeys(texts) if text in offered]
        if self.kind == "pair":
            return found if self._is_pair(found) else self.default
        return self.default if not found else found if self.kind in ("several", "ordered") else found[0]

    def address(self, value: Any, section: str) -> dict[str, str]:
        """``value`` as a part of an address, several with commas between them; nothing for the default."""
        chosen, usual = (list(part) if self.kind in LISTS else [part] for part in (value, self.default))
        return {} if chosen == usual else {f"{section}.{self.option}": ",".join(map(written, chosen))}

    def widget(self, value: Any) -> ipywidgets.Widget:
        """The control itself, labelled in the language in use, set to ``value``."""
        look = {"description": _heading(self.option), "style": {"description_width": "initial"}}
        if self.kind == "ordered":
            picked = ipywidgets.TagsInput(value=list(value), allowed_tags=list(self.values), allow_duplicates=False,
                                             tooltip=look["description"])
            picked.layout.width = "100%"
            return picked
        if self.kind == "pair":
            return Two(self.offered, value)
        if self.kind == "flag":
            return ipywidgets.Checkbox(value=value, indent=False, **look)
        if self.kind == "range":
            return ipywidgets.IntSlider(value=value, min=self.values[0], max=self.values[-1], continuous_update=False, **look)
        pairs = list(zip(self.labels, self.values, strict=True))
        if self.kind == "several":
            return Chips(look["description"], pairs, value)
        return One(pairs, value, layout=ipywidgets.Layout(width="auto"), **look)


class One(ipywidgets.Dropdown):
    """One choice out of a list, of which None may be one: the widget's own shows nothing for it."""

    def __init__(self, pairs: Sequence[tuple[str, Any]], value: Any, **look: Any):
        super().__init__(options=pairs, index=[item for _text, item in pairs].index(value), **look)

    @traitlets.observe("value")
    def _propagate_value(self, change: Any) -> None:
        place = next((place for place, (_text, item) in enumerate(self.options) if type(item) is type(change.new) and item == change.new), None)
        if self.index != place:
            self.index = place


class Chips(ipywidgets.HBox):
    """Several choices out of a list: one button each, pressed or not. ``value`` is the tuple of those pressed, in the order of the list."""

    value = traitlets.Tuple()

    def __init__(self, label: str, pairs: Sequence[tuple[str, Any]], value: Sequence[Any]):
        self.buttons = [ipywidgets.ToggleButton(value=item in value, description=text, tooltip=f"{label}: {text}",
                                                layout=ipywidgets.Layout(width="auto")) for text, item in pairs]
        self.offered = tuple(item for _text, item in pairs)
        super().__init__([ipywidgets.Label(label), *self.buttons], layout=ipywidgets.Layout(flex_flow="row wrap", overflow="visible"))
        self._setting = False
        self.value = self._pressed()
        for button in self.buttons:
            button.observe(self._press, names="value")
        self.observe(self._set, names="value")

    def _pressed(self) -> tuple[Any, ...]:
        return tuple(item for item, button in zip(self.offered, self.buttons, strict=True) if button.value)

    def _press(self, _change: Any) -> None:
        if not self._setting:
            self.value = self._pressed()

    def _set(self, _change: Any) -> None:
        self._setting = True
        for item, button in zip(self.offered, self.buttons, strict=True):
            button.value = item in self.value
        self._setting = False


class Two(ipywidgets.HBox):
    """A property, and two of its values. ``value`` is the pair as texts, ("device=ios", "device=android")."""

    value = traitlets.Tuple()

    def __init__(self, offered: Mapping[str, Sequence[str]], value: Sequence[str]):
        self.offered, self._setting = offered, False
        look = {"layout": ipywidgets.Layout(width="auto"), "style": {"description_width": "initial"}}
        self.column, self.first, self.second = (ipywidgets.Dropdown(description=text, **look) for text in (_("property"), "", _("against")))
        self.first.tooltip = _("compared")  # what stands there without a word beside it, for who hears the page
        self.column.options = [(columns.heading(column), column) for column in offered]
        super().__init__([self.column, self.first, self.second], layout=ipywidgets.Layout(flex_flow="row wrap", overflow="visible"))
        self.value = tuple(value)
        self._set()
        self.column.observe(self._turn, names="value")
        for box in (self.first, self.second):
            box.observe(self._pick, names="value")
        self.observe(self._set, names="value")

    def _set(self, _change: Any = None) -> None:
        """Shows the value; one that is not offered is left for the check."""
        column = next((name for name, values in self.offered.items() if self.value and self.value[0] in (f"{name}={value}" for value in values)), None)
        if column is None:
            return
        self._setting = True
        self.column.value = column
        for box, text in zip((self.first, self.second), self.value, strict=False):
            box.options = [(value, f"{column}={value}") for value in self.offered[column]]
            box.value = text if text in dict(box.options).values() else None
        self._setting = False

    def _turn(self, _change: Any) -> None:
        if not self._setting:
            self.value = tuple(f"{self.column.value}={value}" for value in self.offered[self.column.value][:2])

    def _pick(self, _change: Any) -> None:
        if not self._setting:
            self.value = (self.first.value, self.second.value)


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
    PANELS.append((section, choices))
    at = getattr(section, "__name__", "section").strip("_<>")
    widgets = [choice.widget(choice.asked(visit.controls(), at)) for choice in choices]
    output, state = ipywidgets.Output(), ipywidgets.HTML()
    ready = True

    def draw(_change: Any = None) -> None:
        if not ready:
            return
        output.add_class("opsnb-busy")
        values = [widget.value for widget in widgets]
        chosen = {choice.option: value for choice, value in zip(choices, values, strict=True)}
        for choice, widget in zip(choices, widgets, strict=True):
            if choice.when:
                widget.layout.display = None if all(chosen.get(option) == wanted for option, wanted in choice.when.items()) else "none"
        output.outputs = tuple({"output_type": "display_data", "data": bundle, "metadata": {}} for bundle in drawn(section, choices, values))
        output.remove_class("opsnb-busy")
        state.value = _state(choices, values, at)

    def reset(_button: Any) -> None:
        nonlocal ready
        ready = False
        for choice, widget in zip(choices, widgets, strict=True):
            widget.value = tuple(choice.default) if choice.kind in ("several", "pair") else choice.default
        ready = True
        draw()

    for widget in widgets:
        widget.observe(draw, names="value")
    draw()
    again = ipywidgets.Button(description=_("Reset"), tooltip=_("These controls change this section only."), layout=ipywidgets.Layout(width="auto"))
    again.on_click(reset)
    row = ipywidgets.HBox([*widgets, again], layout=ipywidgets.Layout(flex_flow="row wrap", overflow="visible"))
    row.add_class("opsnb-controls")
    return ipywidgets.VBox([ipywidgets.HTML(page.landing(section).html), row, state, output],
                           layout=ipywidgets.Layout(width="100%", overflow="visible"))


def _state(choices: Sequence[Choice], values: Sequence[Any], section: str) -> str:
    """What ``page.js`` puts into the address: the choices of one section that are not its defaults."""
    parts: dict[str, str] = {}
    for choice, value in zip(choices, values, strict=True):
        parts |= choice.address(value, section)
    return f'<span class="opsnb-state" hidden data-section="{page.escape(section)}" data-state="{page.escape(urlencode(parts))}"></span>'


def written(value: Any) -> str:
    """A value as an address holds it: ``all`` for None, a whole float without its point, no comma.

    >>> written(7.0), written(None), written("device"), written(True), written("a,b")
    ('7', 'all', 'device', 'true', 'a%2Cb')
    """
    if value is None or isinstance(value, bool):
        return {None: "all", True: "true", False: "false"}[value]
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).replace("%", "%25").replace(",", "%2C")


def drawn(section: Callable[..., Any], choices: Sequence[Choice], values: Sequence[Any]) -> list[dict[str, Any]]:
    """What a panel shows for some values, by mime type: the section's parts, or one box that says what is wrong."""
    try:
        options = {choice.option: choice.check(value) for choice, value in zip(choices, values, strict=True)}
        return kept.again(kept.section(section), options, lambda: [bundle for part in page.parts(section, **options) for bundle in page.for_browser(part)])
    except Exception as error:  # the edge of the app: a reader gets a sentence, the traceback goes to the serving window
        if not page.for_readers(error):
            page.to_window(error)
        return page.for_browser(page.failed(error))


def _heading(option: str) -> str:
    """What a control is called; the values of a stretch of time say that they are days."""
    called = {"days": _("period"), "window_days": _("window"), "by": _("broken down by"), "unit": _("counting"), "to": _("that come to"), "of": _("grouped by")}
    return called.get(option, columns.heading(option))


def _label(option: str, value: Any) -> str:
    """An option's own words: days as a stretch of time, a number as the language writes it, a name of ours translated."""
    if value is None:
        return _("all")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return feature(value) if option == "features" else name(value)
    if option == "days":
        return _("last {days} days").format(days=number(value))
    if columns.format_of(option) == "percent":
        return percent(value)
    if option.endswith("_days"):
        return _("{days} days").format(days=number(value)) if value else _("no limit")
    if option.endswith("_budget") and not value:
        return _("no limit")
    return _("automatic") if option == "k" and not value else number(value)
