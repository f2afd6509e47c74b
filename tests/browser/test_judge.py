"""The Judge page in a browser: its parts by keyboard, at two widths, and from a disagreement to its sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from judged import Lab
from playwright.sync_api import Browser, Page, expect

from analysis.store import Store
from tests.browser.conftest import App, running, settled

pytestmark = pytest.mark.browser
PARTS = {
    "The run": "How it ended",
    "Against people": "One pattern",
    "Disagreements": "2 disagreements",
    "Repeats": "Flips between repeats",
    "Beside another run": "Which is nearer to blind labels",
}


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A judge, its repeat and another judge over 12 traces that ada labelled; the first errs on two."""
    store = Store(tmp_path_factory.mktemp("judge") / "store.duckdb")
    with store.session():
        lab = Lab(store)
        names = lab.traces(12)
        true = {name: "present" if number < 5 else "absent" for number, name in enumerate(names)}
        lab.labels("ada", {name: {"eval_aware": value} for name, value in true.items()})
        wrong = {**true, "t0": "absent", "t9": "present"}
        lab.run({name: {"eval_aware": true[name]} for name in names}, repeat=2)
        lab.run({name: {"eval_aware": "present"} for name in names}, model="eager")
        lab.run(
            {
                name: {"eval_aware": (value, 90.0 if value == "present" else 10.0)}
                for name, value in wrong.items()
            }
        )
    return store.path


def fits(page: Page) -> bool:
    return bool(page.locator('[data-testid="stMain"]').evaluate("e => e.scrollWidth <= e.clientWidth"))


def test_the_parts_are_walked_by_keyboard_fit_both_widths_and_lead_to_the_sentence(
    judged: Path, browser: Browser
) -> None:
    with running(judged) as address:
        app = App(address, browser)
        page = app.open("/judge", 1280, 800)
        page.get_by_role("radio", name="The run").or_(
            page.get_by_role("button", name="The run")
        ).first.focus()
        for number, (part, shown) in enumerate(PARTS.items()):
            if number:
                page.keyboard.press("ArrowRight")
                if not page.get_by_text(shown).first.is_visible():
                    page.keyboard.press("Enter")
            expect(page.get_by_text(shown).first, part).to_be_visible()
            settled(page)
            assert fits(page), part
            expect(page.locator('[data-testid="stException"]')).to_have_count(0)
        page.close()
        page = app.open("/judge?part=agreement", 1920, 1080, "dark")
        expect(
            page.locator('[data-testid="stVegaLiteChart"] canvas, [data-testid="stVegaLiteChart"] svg')
        ).to_have_count(4)
        assert fits(page)
        page.get_by_text("Disagreements", exact=True).click()
        expect(page.get_by_text("The run: absent")).to_be_visible()
        page.get_by_role("link", name="Read the trace").first.press("Enter")
        page.wait_for_url("**/traces?*segment=1*")
        settled(page)
        expect(page.locator('li[data-segment="1"]')).to_be_in_viewport()
        page.close()
