"""`python -m scripts.docs.pictures`: the pictures of report.html in docs/pictures, light and dark, by Chromium.

Trains the defaults on the bundled sample first (about half a minute). CHROMIUM names the browser to use, and
CHROMIUM_FLAGS what it is started with beside --no-sandbox.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "pictures"
SIZE = {"width": 1280, "height": 960}


def evaluated_run(folder: Path) -> Path:
    """The report page of the defaults, trained and evaluated on the sample."""
    for arguments in (
        ["train", "--data", ROOT / "data/sample/train.tsv", "--run-dir", folder / "messages"],
        ["eval", folder / "messages", ROOT / "data/sample/test.tsv"],
    ):
        subprocess.run([sys.executable, "-m", "textrnn", *map(str, arguments)], check=True, cwd=ROOT)
    return folder / "messages/eval/test/report.html"


def take_pictures(page_file: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
            args=["--no-sandbox", *shlex.split(os.environ.get("CHROMIUM_FLAGS", ""))],
        )
        page = browser.new_page(viewport=SIZE)
        page.goto(page_file.as_uri())
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            picture = PICTURES / f"report-{scheme}.png"
            page.screenshot(path=picture)
            Image.open(picture).convert("P", palette=Image.Palette.ADAPTIVE, colors=64).save(picture, optimize=True)
        browser.close()


if __name__ == "__main__":
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        take_pictures(evaluated_run(Path(folder)))
