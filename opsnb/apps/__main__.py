"""``python -m opsnb.apps OPTIONS``: the server's process; :func:`opsnb.apps.start` writes the options (JSON)."""

import json
import os
import sys

from opsnb.apps import PASSWORD
from opsnb.runs import nursery


def main() -> None:
    options = json.loads(sys.argv[1])
    password = os.environ.pop(PASSWORD, "")  # no kernel needs it
    process = nursery.begin(os.environ) if nursery.possible() else None
    from opsnb.apps.server import Apps  # it takes seconds, in which the nursery imports what kernels need

    Apps.instance().open(**options, password=password).start(process)


if __name__ == "__main__":
    main()
