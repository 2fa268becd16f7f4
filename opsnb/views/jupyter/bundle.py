"""Writes ``vega-bundle.js``, the one file that draws charts in JupyterLab, in the apps and in exported reports, and ``opsnb.css``, the one
style sheet of all three; all offline.

    python -m opsnb.views.jupyter.bundle

Needs vl-convert-python (a test dependency) of the Vega-Lite version that Altair writes; run it after an upgrade of either and
commit the result. It is Vega, Vega-Lite and vega-embed as vl-convert packs them, plus ``draw.js``.
"""

from __future__ import annotations

from pathlib import Path

from opsnb.views import theme
from opsnb.views.jupyter import BUNDLE, STYLE


def bundle() -> str:
    """The text of the bundle: a script that sets ``window.opsnbVega`` once, safe to be put between script tags."""
    import vl_convert

    packed = vl_convert.javascript_bundle("window.opsnbVega = {vegaEmbed};")
    drawing = (Path(__file__).parent / "draw.js").read_text(encoding="utf-8")
    versions = f"vega {vl_convert.get_vega_version()}, vega-lite {vl_convert.get_vegalite_versions()[-1]}, " \
               f"vega-embed {vl_convert.get_vega_embed_version()}"
    script = f"// {versions} (BSD-3-Clause)\n(function () {{\nif (window.opsnbVega) return;\n{packed}\n{drawing}\n}})();\n"
    return script.replace("</script", "<\\/script").replace("<!--", "<\\!--")


if __name__ == "__main__":
    BUNDLE.parent.mkdir(parents=True, exist_ok=True)
    BUNDLE.write_text(bundle(), encoding="utf-8", newline="\n")
    STYLE.write_text(theme.stylesheet(), encoding="utf-8", newline="\n")
    print(f"{BUNDLE.name}: {BUNDLE.stat().st_size / 1e6:.2f} MB")
