"""The headless twins of an app's controls: the notebook's own section functions, called in this process with what a control is set to."""

from pathlib import Path
from unittest import mock

from opsnb.apps import shelf
from opsnb.errors import OpsnbError
from opsnb.views import ahead, controls, language, page, shown
from opsnb.views.jupyter import notebooks_folder
from opsnb.views.shown import TABLE

TRIED = 4  # values of a control


class Panel:
    """A section with its controls. ``usual`` is what the controls start with, ``wanted`` another value of each, by option."""

    def __init__(self, section, choices):
        self.name, self.section, self.choices = section.__name__, section, {choice.option: choice for choice in choices}
        self._counted = {}
        self.usual = {choice.option: choice.default for choice in choices}
        self.wanted = dict(self.usual)
        for choice in choices:
            self.wanted[choice.option] = self._other(choice)

    def _other(self, choice):
        """What one act of a reader sets a control to: if there is one, something by which the section's numbers change."""
        asked = [other.when[choice.option] for other in self.choices.values() if choice.option in other.when]
        if asked:  # with which another control comes to be seen
            return asked[0]
        if choice.kind == "pair":
            column, values = next(iter(choice.offered.items()))
            return [choice.default[0], f"{column}={values[2]}"]
        others = ahead.others(choice)
        if choice.kind == "ordered":  # the last is taken away: added again it stands where it stood
            return others[-1]
        before = self.tables(self.wanted)
        return next((value for value in others[:TRIED] if self.tables({**self.wanted, choice.option: value}) != before), others[0])

    def tables(self, values, lang="en"):
        """The files that the section offers, as (name, text): what its parts hold, as a spreadsheet gets it; none if it cannot be measured."""
        options = {option: self.choices[option].check(value) for option, value in values.items()}
        if (key := repr((lang, options))) not in self._counted:
            try:
                with language.using(lang), mock.patch("altair.TopLevelMixin.to_dict", return_value={}):  # its frames are enough
                    made = [part.bundle[TABLE] for part in page.parts(self.section, **options) if TABLE in getattr(part, "bundle", {})]
            except OpsnbError:  # the app says so in its place
                made = []
            self._counted[key] = [(one["name"], shown.excel_csv(one["csv"])) for one in made if not shown.names_people(one["csv"])]
        return self._counted[key]

    def state(self, values):
        """The part of an address that asks for these values, by name."""
        return {name: text for option, choice in self.choices.items() for name, text in choice.address(values[option], self.name).items()}


def cells(name, lang="en"):
    """Runs the cells of a notebook as an app has them, but for its short version and its limits; their panels come into ``controls.PANELS``."""
    names = {}
    with language.using(lang), mock.patch.object(page, "short_version"):
        for cell in shelf.app(shelf.read(Path(notebooks_folder(), f"{name}.ipynb"))[0], lang).cells:
            if cell.cell_type == "code" and "limits" not in cell.metadata.get("tags", []):
                exec(cell.source, names)
            if "parameters" in cell.metadata.get("tags", []):
                names["lang"] = lang


def panels(name):
    """The panels of a notebook as an app shows it, on the data that OPSNB_DATA names; nothing is drawn before it is asked for. As in an app's
    kernel OPSNB_VISIT must be set, then and when they are asked: what says something of single customers is for reports."""
    with mock.patch.object(controls, "PANELS", []), mock.patch.object(controls, "drawn", return_value=[]), mock.patch("IPython.display.display"):
        cells(name)
        return [Panel(*one) for one in controls.PANELS]
