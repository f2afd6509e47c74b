"""The report as a file in a browser: stored text does nothing, and nothing is asked of a network."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from analysis import codebook, runs
from analysis.store import Store
from labels.report import document
from tests.browser.conftest import HOSTILE, fill, trajectories
from views.report import html

pytestmark = pytest.mark.browser


def test_the_report_of_a_hostile_store_runs_nothing_and_fetches_nothing(
    browser: Browser, tmp_path: Path
) -> None:
    store = Store(
        fill(tmp_path / "store.duckdb", [each for each in trajectories() if each.trajectory_id != "long"])
    )
    with store.session() as db:
        found = document(db, str(store), runs.choose(db, None), codebook.load())
    quoted = [row for row in found["quotes"] if row["trajectory_id"] == "hostile"]
    found["quotes"] += [{**row, "quote": HOSTILE, "trajectory_id": HOSTILE} for row in quoted[:1]]
    path = tmp_path / "report.html"
    path.write_text(html(found), encoding="utf-8")
    page = browser.new_page(viewport={"width": 800, "height": 700}, color_scheme="dark")
    told: list[str] = []
    page.on("dialog", lambda dialog: (told.append(dialog.message), dialog.dismiss()))
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("request", lambda request: request.url.startswith(("file:", "data:")) or told.append(request.url))
    page.goto(path.as_uri())
    assert quoted and page.get_by_text("<script>alert(1)</script>").count() >= 1
    assert page.locator("script, img, iframe").count() == 0
    assert page.locator("svg").count() >= 4 and page.locator("table").count() >= 8
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(21, 25, 27)"
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert told == []
    page.close()
