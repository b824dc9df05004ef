"""report.html in a browser: that it works, asks the network for nothing and logs nothing. Pictures of it are kept in
build/browser, to look at."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import PICTURES, watched_page
from tests.conftest import TINY, draw_pictures, train_in, write_tsv

pytestmark = pytest.mark.browser

HOSTILE = "</script><img src=x onerror=alert(1)>"
LABELS = ["体育", HOSTILE, "דואר", "a long label " * 14]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a model that is often wrong, with labels and texts that would break a careless one."""
    folder = tmp_path_factory.mktemp("report")
    rng = random.Random(0)
    words = ["goal", "soup", "<b>bold</b>", "&amp;", "足球", "שלום", HOSTILE, "x" * 90]
    rows = [(rng.choice(LABELS).strip(), " ".join(rng.choices(words, k=rng.randint(1, 9)))) for _ in range(160)]
    write_tsv(folder / "train.tsv", rows)
    write_tsv(folder / "test.tsv", [*rows[:120], (LABELS[0], "")])
    train_in(folder, "--data", "train.tsv", "--set", "data.test=test.tsv", *TINY, "--run-dir", "run")
    with pytest.MonkeyPatch.context() as patch:
        draw_pictures(patch)
        train_in(folder, "run", command="eval")
    return folder / "run/eval/test/report.html"


class Opened:
    """A page, what it asked for beyond its own file, and what it logged."""

    def __init__(self, browser: Any, report: Path, width: int, scheme: str = "light", *, script: bool = True) -> None:
        context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, java_script_enabled=script
        )
        self.page, self.requests, self.messages = watched_page(context)
        self.page.goto(report.as_uri())

    def column(self, number: int) -> list[str]:
        """The values of a column of the table of classes."""
        cells = self.page.locator(f".sortable tbody tr > :nth-child({number})")
        return [cell.get_attribute("data-value") for cell in cells.all()]

    def shown(self) -> list[str]:
        return self.page.locator("#browse li .text").all_text_contents()

    def picture(self, name: str) -> None:
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=str(PICTURES / f"{name}.png"), full_page=True)


@pytest.fixture(params=[375, 1280])
def opened(browser: Any, report: Path, request: pytest.FixtureRequest) -> Iterator[Opened]:
    found = Opened(browser, report, request.param)
    yield found
    assert found.requests == [report.as_uri()]
    assert found.messages == []
    found.page.context.close()


def test_the_page_fits_and_shows_markup_as_itself(opened: Opened) -> None:
    page = opened.page
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.locator("img").count() == 0
    assert HOSTILE in page.locator(".sortable tbody th").all_text_contents()
    assert page.locator("main > section:visible").count() == 8
    charts = page.locator("svg.chart")
    assert charts.count() == 4
    assert all(300 < chart.bounding_box()["width"] < 520 for chart in charts.all())
    assert page.get_by_role("img", name="Scores on dev, by epoch").is_visible()
    opened.picture(f"light-{page.viewport_size['width']}")


def test_headings_sort(opened: Opened) -> None:
    headings = opened.page.locator(".sortable .sort")
    headings.nth(4).click()
    f1 = [float(value) for value in opened.column(5)]
    assert f1 == sorted(f1, reverse=True) and len(f1) == 4
    headings.nth(4).press("Enter")
    assert [float(value) for value in opened.column(5)] == sorted(f1)
    headings.nth(0).click()
    assert opened.page.locator("th[aria-sort]").get_attribute("aria-sort") == "ascending"


def test_a_click_on_a_cell_shows_its_texts_and_words_filter_them(opened: Opened) -> None:
    page = opened.page
    assert opened.shown() == []
    cell = page.locator(".matrix td.wrong button").first
    cell.click()
    count = int(cell.text_content())
    assert 0 < len(opened.shown()) == min(count, 20)
    assert page.locator("#browse .count").text_content() == f"{min(count, 20)} of the {count} texts of this cell"
    assert page.locator("#browse .true").first.text_content() in [label.strip() for label in LABELS]
    page.get_by_role("button", name="reset").click()
    page.get_by_label("errors only").uncheck()
    page.get_by_label("containing").fill("ONERROR=")
    assert opened.shown() and all("onerror=" in text for text in opened.shown())
    assert page.locator("img").count() == 0
    page.get_by_label("containing").fill("no text has this")
    assert opened.shown() == []
    opened.picture(f"filtered-{page.viewport_size['width']}")


def test_it_is_readable_in_the_dark_in_print_and_without_javascript(browser: Any, report: Path) -> None:
    dark = Opened(browser, report, 1280, "dark")
    dark.picture("dark-1280")
    background = "getComputedStyle(document.body).backgroundColor"
    assert dark.page.evaluate(background) == "rgb(22, 22, 23)"
    dark.page.emulate_media(media="print")
    assert dark.page.evaluate(background) == "rgb(255, 255, 255)"
    assert not dark.page.locator("#browse").is_visible()
    dark.picture("print")
    dark.page.context.close()
    plain = Opened(browser, report, 375, script=False)
    assert plain.page.locator(".matrix table").is_visible()
    assert not plain.page.locator("#browse").is_visible()
    assert "predictions.tsv" in plain.page.locator("noscript").text_content()
    plain.picture("without-javascript")
    assert (plain.messages, plain.requests) == ([], [report.as_uri()])
