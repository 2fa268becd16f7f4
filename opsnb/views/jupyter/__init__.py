"""What Jupyter, nbconvert and Voila read: the chart extension, the templates of reports and apps, Voila's configuration.

``share`` and ``etc`` go where Jupyter looks for them when the package is installed.
"""

from pathlib import Path

SHARE = Path(__file__).parent / "share" / "jupyter"
ETC = Path(__file__).parent / "etc" / "jupyter"
TEMPLATES = SHARE / "nbconvert" / "templates"
STATIC = SHARE / "labextensions" / "opsnb-vega" / "static"
BUNDLE = STATIC / "vega-bundle.js"
STYLE = STATIC / "opsnb.css"


def notebooks_folder() -> Path:
    """The project's notebooks: beside the package in a checkout, inside it when installed."""
    package = Path(__file__).parents[2]
    beside = package.parent / "notebooks"
    return beside if beside.is_dir() else package / "notebooks"
