"""Stores each notebook's short version on the demo business as its only output: `make test` re-runs the notebooks and compares.

    python -m tests.store_short_versions [NOTEBOOK ...]        after a change that is meant to change what the reports say
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from opsnb.runs import replies

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


def main() -> None:
    replies.apply()
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        if sys.argv[1:] and path.stem not in sys.argv[1:]:
            continue
        notebook = nbformat.read(path, as_version=4)
        NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(NOTEBOOKS)}}).execute()
        for cell in notebook.cells:
            cell.metadata.pop("execution", None)
            if cell.cell_type == "code":
                kept = "short-version" in cell.metadata.get("tags", [])
                cell.outputs, cell.execution_count = (cell.outputs, 1) if kept else ([], None)
                for output in cell.outputs:
                    if output.output_type == "execute_result":
                        output.execution_count = 1
        notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}, "language_info": {"name": "python"}}
        path.write_text(nbformat.writes(notebook, indent=1) + "\n", encoding="utf-8", newline="\n")
        print(path.name)


if __name__ == "__main__":
    main()
