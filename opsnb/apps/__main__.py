"""``python -m opsnb.apps OPTIONS``: the server's process; :func:`opsnb.apps.start` writes the options (JSON)."""

import json
import os
import sys

from opsnb.apps import PASSWORD
from opsnb.apps.server import Apps


def main() -> None:
    options = json.loads(sys.argv[1])
    password = os.environ.pop(PASSWORD, "")  # no kernel needs it
    Apps.instance().open(**options, password=password).start()


if __name__ == "__main__":
    main()
