"""`python -m scripts.docs.notebook`: run docs/course.ipynb, and store its outputs in it.

If a cell fails or prints to stderr, the file stays as it is.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from PIL import Image

COURSE = Path(__file__).parents[2] / "docs" / "course.ipynb"
SECONDS = 300  # for a single cell, on a busy machine
COLOURS = 256  # of a picture, which make its file half as large


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def source_digest(notebook: NotebookNode) -> str:
    """Of all code. It is stored with the outputs, so that code changed after them is noticed."""
    return hashlib.sha256("\0".join(cell.source for cell in code_cells(notebook)).encode()).hexdigest()


def run(notebook: NotebookNode, folder: Path) -> None:
    """Run all cells in a folder, and put their outputs into the notebook. The same outputs give the same notebook.

    Raises: nbclient.exceptions.CellExecutionError if a cell fails; ValueError if one prints to stderr.
    """
    with tempfile.TemporaryDirectory() as settings:  # in place of the user's startup files and history
        client = NotebookClient(
            notebook, timeout=SECONDS, kernel_name="python3", record_timing=False, coalesce_streams=True,
            extra_arguments=["--log-level=ERROR"], resources={"metadata": {"path": str(folder)}},
        )  # fmt: skip
        client.execute(env={**os.environ, "IPYTHONDIR": settings})
    for cell in code_cells(notebook):
        for output in cell.outputs:
            if output.get("name") == "stderr":
                raise ValueError(f"cell {cell.id!r}: nothing on stderr was expected, found: {output.text}")
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = smaller(output.data["image/png"])
    notebook.metadata = NotebookNode(
        kernelspec={"display_name": "Python 3", "language": "python", "name": "python3"},
        language_info={"name": "python"},
        source_digest=source_digest(notebook),
    )


def smaller(png: str) -> str:
    """The picture, a PNG in base64, with a palette."""
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB").quantize(COLOURS)
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def main() -> None:
    notebook = nbformat.read(COURSE, as_version=4)
    run(notebook, COURSE.parent)
    nbformat.write(notebook, COURSE)
    print(f"{COURSE.name}: {len(code_cells(notebook))} cells, {COURSE.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
