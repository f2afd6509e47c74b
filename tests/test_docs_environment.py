"""What docs/environment.md says is tried."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest

from analysis.environment.choice import choose
from analysis.environment.prompts import FAMILIES, VARIANTS
from analysis.environment.variants_file import load_variants
from tests.docs import commands, understood

DOCS = Path(__file__).parents[1] / "docs"
ENVIRONMENT = (DOCS / "environment.md").read_text(encoding="utf-8")


def test_the_commands_that_docs_environment_shows_are_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = commands(ENVIRONMENT)
    words = [shlex.split(command, comments=True) for command in found]
    assert {each[1] for each in words} == {"collect", "report", "simulate", "tag"}
    for command in found:
        understood(command)
    for option, value in (pair for each in words for pair in pairwise(each)):
        if option in ("--variants", "--family"):
            assert choose(**{"names" if option == "--variants" else "families": value.split(",")})


def test_every_family_is_in_docs_environment_with_the_base_prompt_to_the_byte() -> None:
    assert all(f"| `{family}` |" in ENVIRONMENT for family in FAMILIES if family != "base")
    assert f"```text\n{VARIANTS['base'].text}\n```" in ENVIRONMENT


def test_the_variants_that_docs_environment_adds_are_read(tmp_path: Path) -> None:
    [block] = re.findall(r"```yaml\n(.*?)```", ENVIRONMENT, re.DOTALL)
    (tmp_path / "mine.yaml").write_text(block)
    [karma] = load_variants(tmp_path / "mine.yaml").values()
    assert (karma.family, karma.level, karma.conflict) == ("field name", "karma", True)
    assert karma.text.count("\n") == 3


def test_its_pictures_are_there() -> None:
    shown = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", ENVIRONMENT)
    assert shown and all((DOCS / path).is_file() for path in shown)
