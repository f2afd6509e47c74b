"""What docs/labeling.md says is tried."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from analysis.codebook import load
from labels.adjudication import REASONS
from labels.export_filter import KINDS
from labels.queue_design import LEAST_UNIFORM, Settings
from tests.docs import commands, understood
from views.desk_keys import KEYS
from views.person import CLAIMS

ROOT = Path(__file__).parents[1]
LABELING = (ROOT / "docs/labeling.md").read_text(encoding="utf-8")
MOST_BYTES = 250_000
COMMANDS = commands(LABELING)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_understood(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "events.jsonl").write_text("")
    understood(command)


def test_the_patterns_that_it_changes_are_in_the_codebook() -> None:
    named = [shlex.split(command, comments=True) for command in COMMANDS if "telltale codebook" in command]
    patterns = {
        word for words in named for word in words[3 : words.index("--into") if "--into" in words else 4]
    }
    assert patterns and patterns <= set(load().ids())


def test_every_key_is_in_the_table_of_keys() -> None:
    [table] = re.findall(r"\| key \| does \|\n(.*?)\n\n", LABELING, re.DOTALL)
    rows = [row.split("|")[1] for row in table.splitlines()]
    told = " ".join(rows)
    for key in KEYS:
        if not key.action.startswith("pattern:"):
            names = [name for name in key.keys if "Arrow" not in name]
            plain = [name.removeprefix("Shift+") if name.startswith("Shift+J") or name.startswith("Shift+K") else name for name in names]  # fmt: skip
            assert all(re.search(rf"(?<![\w+]){re.escape(name)}(?!\w)", told) for name in plain), key


def test_every_kind_of_export_and_reason_of_a_decision_is_there() -> None:
    assert set(re.findall(r"^\| `([\w-]+)` \|", LABELING, re.MULTILINE)) == {*KINDS, "decisions"}
    assert all(reason in LABELING for reason in REASONS)


def test_figures_are_those_of_the_code() -> None:
    settings = Settings()
    assert f"At least {LEAST_UNIFORM:.0%}".replace("%", " %") in LABELING
    assert settings.overlap == 0.2 and settings.lease_hours == 4


def test_the_secrets_are_toml_with_what_a_sign_in_needs() -> None:
    [block] = re.findall(r"```toml\n(.*?)```", LABELING, re.DOTALL)
    told = tomllib.loads(block)["auth"]
    assert set(told) == {"redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url"}
    assert told["redirect_uri"].endswith("/oauth2callback")
    assert all(f"`{claim}`" in LABELING for claim in CLAIMS)
    assert ".streamlit/secrets.toml" in (ROOT / ".gitignore").read_text(encoding="utf-8")


def test_pictures_are_there_and_small() -> None:
    pictures = re.findall(r"\]\(([\w-]+\.png)\)", LABELING)
    assert len(pictures) == 4
    for name in pictures:
        assert (ROOT / "docs" / name).stat().st_size < MOST_BYTES, name
