"""The page of `textrnn serve` in a browser: that it answers, fits, asks only its server and logs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import PICTURES, watched_page
from tests.conftest import TINY, train_in, write_tsv
from tests.serving.served import Served, served
from textrnn import TextClassifier

pytestmark = pytest.mark.browser

HOSTILE = "</script><img src=x onerror=alert(1)>"
TEXT = f"a goal 😀 足球 soup {HOSTILE}"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose labels would break a careless page."""
    folder = tmp_path_factory.mktemp("serving")
    labels = {"体育": "goal", HOSTILE: "soup", "a long label " * 14: "hotel"}
    rows = [(label.strip(), f"a {word} {number}") for number in range(20) for label, word in labels.items()]
    write_tsv(folder / "train.tsv", rows)
    train_in(folder, "--data", "train.tsv", *TINY, "--run-dir", "run")
    return folder / "run"


@pytest.fixture(scope="module")
def server(run: Path) -> Iterator[Served]:
    with served(run) as found:
        yield found


class Opened:
    """The page, and what it did besides showing itself."""

    def __init__(self, browser: Any, server: Served, width: int, scheme: str) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        self.page, self.requests, self.messages = watched_page(self.context)
        self.address = f"http://{server.host}:{server.port}/"
        self.page.goto(self.address)


@pytest.fixture(params=[(375, "light"), (375, "dark"), (1280, "light")], ids=str)
def opened(browser: Any, server: Served, request: pytest.FixtureRequest) -> Iterator[Opened]:
    found = Opened(browser, server, *request.param)
    yield found
    assert all(url.startswith((found.address, "data:")) for url in found.requests), found.requests
    assert found.messages == []
    found.context.close()


def test_a_text_is_typed_and_answered_by_the_keyboard_alone(opened: Opened, run: Path) -> None:
    page = opened.page
    page.keyboard.type(TEXT)  # the field has the focus
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator("#labels").wait_for(state="visible")
    classifier = TextClassifier.load(run)
    assert page.locator("#labels li:first-child bdi").text_content() == classifier.predict([TEXT])[0]
    assert page.locator("#labels li").count() == 3
    assert page.locator("#coloured").text_content() == TEXT
    assert page.locator("#coloured span").count() > 3 and page.locator("img").count() == 0
    shares = page.locator("#labels .bar span").evaluate_all("bars => bars.map(bar => bar.style.width)")
    assert [float(share.rstrip("%")) for share in shares] == sorted(
        (float(s.rstrip("%")) for s in shares), reverse=True
    )
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    PICTURES.mkdir(parents=True, exist_ok=True)
    scheme = "dark" if page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") else "light"
    page.screenshot(path=str(PICTURES / f"serving-{scheme}-{page.viewport_size['width']}.png"), full_page=True)


def test_ctrl_enter_classifies_and_an_error_is_shown(opened: Opened) -> None:
    page = opened.page
    page.locator("#text").fill("x" * 5_000_000)
    page.locator("#text").press("Control+Enter")
    page.locator("#message").wait_for(state="visible")
    assert "are allowed in a request" in page.locator("#message").text_content()
    assert not page.locator("#labels").is_visible()
    opened.messages[:] = [message for message in opened.messages if "413" not in message]  # of Chromium itself
