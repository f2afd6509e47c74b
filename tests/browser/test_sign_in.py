"""Sign-in by OpenID Connect, against a provider on loopback: then the name comes from the sign-in alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from analysis.store import Store
from labels.log import annotators
from tests.browser.conftest import App, fill, running, settled, trajectories
from tests.browser.oidc_standin import CLIENT, SECRET, Provider

pytestmark = pytest.mark.browser

SECRETS = """[auth]
redirect_uri = "{app}/oauth2callback"
cookie_secret = "a cookie secret of the tests"
client_id = "{client}"
client_secret = "{secret}"
server_metadata_url = "{provider}/.well-known/openid-configuration"
"""


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    yield made
    made.close()


def test_nobody_labels_under_another_name_where_sign_in_is_configured(
    browser: Browser, provider: Provider, tmp_path: Path
) -> None:
    path, secrets = fill(tmp_path / "s.duckdb", trajectories()), tmp_path / "secrets.toml"
    with running(path, more=(f"--secrets.files={secrets}",)) as app:
        secrets.write_text(SECRETS.format(app=app, client=CLIENT, secret=SECRET, provider=provider.address))
        page = App(app, browser).open("/label")
        expect(page.get_by_role("combobox", name="Your name")).to_have_count(0)
        page.context.add_cookies([{"name": "telltale_name", "value": "mallory", "url": app}])
        page.goto(f"{app}/traces?trajectory=step-2400.0")
        settled(page)
        expect(page.get_by_text("shown to people who are signed in")).to_be_visible()
        expect(page.get_by_text("This is a test, I think.")).to_have_count(0)
        page.goto(f"{app}/label")
        settled(page)
        expect(page.get_by_role("button", name="Submit and next")).to_have_count(0)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/")
        page.goto(f"{app}/label")
        expect(page.get_by_text(re.compile("lead@.?example"))).to_be_visible(timeout=15_000)
        expect(page.get_by_role("button", name="Change name")).to_have_count(0)
        expect(page.get_by_role("listbox", name="Reasoning")).to_be_visible()
        settled(page)
        page.keyboard.press("9")
        expect(page.locator(".saved")).to_have_text("✓ 2 events saved")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("button", name="Submit and next")).to_have_count(0)
        page.close()
    with Store(path).session() as db:
        assert annotators(db) == ["lead@example.org"]
