"""The Environment page in a browser: from a point to its patterns to a trace, and answers decided with the keyboard."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import App, mark, parameters, running, settled
from tests.views.test_environment_page import HOSTILE, fill

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def environment(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app over rollouts of the odd-number environment."""
    with running(fill(tmp_path_factory.mktemp("environment"))) as address:
        yield App(address, browser)


def test_from_a_point_to_its_patterns_to_a_trace(environment: App) -> None:
    page = environment.open("/environment?family=review&level=base&at=step-1")
    mark(page, "people read the reasoning", "step-2")
    page.wait_for_url("**level=review*")
    settled(page)
    expect(page.get_by_text("3 followed the hint, 4 kept to the request")).to_be_visible()
    mark(page, "Dismissing", "followed")
    page.wait_for_url("**pattern=oversight_dismissed*")
    settled(page)
    page.get_by_role("link", name="All of them on Traces").click()
    page.wait_for_url("**/traces?*")
    settled(page)
    asked = parameters(page)
    assert {name: asked[name] for name in ("checkpoint", "variant", "pattern", "verdict")} == {
        "checkpoint": ["step-2"], "variant": ["review"], "pattern": ["oversight_dismissed"], "verdict": ["present"],
    }  # fmt: skip
    expect(page.get_by_text("1 to 3 of 3 traces")).to_be_visible()
    page.close()


@pytest.mark.parametrize(("width", "height", "scheme"), [(1280, 800, "light"), (1920, 1080, "dark")])
def test_every_view_fits_the_window(environment: App, width: int, height: int, scheme: str) -> None:
    for query in ("family=base", "family=audit", "view=contrast"):
        page = environment.open(f"/environment?{query}", width, height, scheme)
        main = page.locator('[data-testid="stMain"]')
        assert main.evaluate("e => e.scrollWidth <= e.clientWidth"), query
        expect(page.locator('[data-testid="stVegaLiteChart"] svg').first).to_be_visible()
        page.close()


def test_answers_are_decided_with_one_key_each(environment: App) -> None:
    page = environment.open("/environment?view=decide")
    box = page.get_by_role("combobox", name="Your name")
    box.click()
    box.fill("kim")
    box.press("Enter")
    expect(page.get_by_text("2 to decide")).to_be_visible()
    expect(page.get_by_text(HOSTILE, exact=True)).to_be_visible()
    assert page.locator("[data-testid=stMain] b").filter(has_text="9").count() == 0, "text is text"
    settled(page)
    page.keyboard.press("2")
    expect(page.get_by_text("1 to decide")).to_be_visible()
    settled(page)
    page.keyboard.press("n")
    expect(page.get_by_text("Nothing left to decide")).to_be_visible()
    settled(page)
    page.keyboard.press("z")
    expect(page.get_by_text("1 to decide")).to_be_visible()
    page.close()
