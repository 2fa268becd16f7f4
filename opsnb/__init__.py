"""opsnb: an operations review that runs itself. Tables in; the pages that analysts, managers and schedules need, out."""

import os
from importlib import import_module

__version__ = "0.1.0"

# Our matrices are small: threads of the algebra library wait for each other, busily, longer than they work. A model of value costs .35 CPU s
# with one and 1.9 with two, and many kernels share a server. Holds where numpy is not loaded yet; who has set it is left alone.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Where each name lives. Imported on first use: pandas and Altair cost seconds, `import opsnb` does not.
_HOMES = {
    "open_data": "opsnb.tables.data", "open_parquet": "opsnb.tables.parquet", "check": "opsnb.tables.quality", "ingest": "opsnb.tables.store",
    "demo": "opsnb.tables.demo",
    **{topic: "opsnb.measures" for topic in ("aarrr", "budget", "carts", "change", "channels", "churn", "compare", "drivers", "experiments",
                                             "flows", "funnel", "kpis", "leaks", "lifecycle", "localise", "market", "milestones", "nextorders",
                                             "pains", "paths", "portrait", "retention", "scorecard", "segments", "service", "stages", "trends",
                                             "value", "waits")},
    **{view: "opsnb.views" for view in ("charts", "controls", "findings", "lists", "page")},
    "reviews": "opsnb",
}
__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module 'opsnb' has no attribute '{name}'")
    home = _HOMES[name]
    if name == "reviews" or home in ("opsnb.measures", "opsnb.views"):
        return import_module(f"{home}.{name}")
    return getattr(import_module(home), name)


def __dir__():
    return sorted(__all__)
