"""What docs/environment.md says is tried."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from analysis.environment.choice import choose
from analysis.environment.prompts import FAMILIES, VARIANTS
from analysis.environment.variants_file import load_variants

DOCS = Path(__file__).parents[1] / "docs"
ENVIRONMENT = (DOCS / "environment.md").read_text(encoding="utf-8")
Telltale = Callable[..., subprocess.CompletedProcess[str]]


def commands_of(text: str) -> list[list[str]]:
    """The telltale commands in the shell blocks of a document, as words."""
    blocks = re.findall(r"^ *```sh\n(.*?)```", text, re.DOTALL | re.M)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    found = [shlex.split(line, comments=True) for line in lines]
    return [words for words in found if words and words[0].endswith("telltale")]


def test_the_commands_that_docs_environment_shows_are_understood(telltale: Telltale) -> None:
    commands = commands_of(ENVIRONMENT)
    assert {words[1] for words in commands} == {"collect", "report", "simulate", "tag"}
    for name in {tuple(words[1 : 3 if words[1] == "report" else 2]) for words in commands}:
        help_text = telltale(*name, "--help").stdout
        used = {
            word
            for words in commands
            if tuple(words[1 : len(name) + 1]) == name
            for word in words
            if word.startswith("--")
        }
        assert all(f"{option} " in help_text for option in used), (name, used)
    for words in commands:
        for option, value in pairwise(words):
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
