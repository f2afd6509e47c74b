"""Axe finds nothing serious on any page, in light and in dark."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import App, settled
from tests.browser.test_label import signed_in

pytestmark = pytest.mark.browser

PAGES = (
    "/",
    "/traces",
    "/traces?trajectory=hostile",
    "/clusters",
    "/label",
    "/environment",
    "/judge",
    "/import",
    "/export",
    "/planning",
)


def serious(page: Page) -> list[str]:
    """What axe calls serious or critical in two looks: an element that fades while it is drawn anew is seen once."""
    first = broken_rules(page)
    if not first:
        return []
    page.wait_for_timeout(1_000)
    settled(page)
    again = broken_rules(page)
    return [rule for rule in first if rule in again]


def broken_rules(page: Page) -> list[str]:
    """Each serious or critical rule with the elements that break it.

    A layer of a chart that draws nothing is left out: there is nothing in it to name.
    """
    found = []
    for broken in Axe().run(page).response["violations"]:
        if broken["impact"] in ("serious", "critical"):
            where = [node["html"][:160] for node in broken["nodes"] if not node["html"].endswith("></g>")]
            found += [f"{broken['id']} ({broken['help']}): {element}" for element in where]
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_breaks_a_serious_rule(app: App, scheme: str) -> None:
    found = {}
    page = app.open(PAGES[0], scheme=scheme)
    for path in PAGES:
        app.go(page, path)
        found[path] = serious(page)
    page.close()
    page = signed_in(app, f"axe-{scheme}", "long")
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.reload()
    settled(page)
    expect(page.get_by_role("listbox", name="Reasoning")).to_be_visible()
    page.keyboard.press("9")
    found["the desk"] = serious(page)
    page.close()
    assert [f"{path} {element}" for path, broken in found.items() for element in broken] == []
