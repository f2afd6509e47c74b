"""docs/measurement.md is held against the code."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from analysis.measure.clusters import PROMPTS_TO_GENERALISE
from analysis.measure.frequencies import COLUMNS, LABEL_COLUMNS
from analysis.measure.planning import expected_width
from benchmarks.coverage import PREVALENCES
from tests.command_line import Telltale

TEXT = (Path(__file__).parents[1] / "docs/measurement.md").read_text(encoding="utf-8")


def test_every_column_of_a_frequency_table_is_explained() -> None:
    assert [name for name in (*COLUMNS, *LABEL_COLUMNS) if f"`{name}`" not in TEXT] == []


def test_every_estimator_has_two_paragraphs() -> None:
    for section in TEXT.split("\n## ")[1:-1]:
        title, *paragraphs = [part for part in section.split("\n\n") if part.strip()]
        assert len(paragraphs) == 2, title


def test_the_plans_that_are_shown_can_be_made(telltale: Telltale) -> None:
    plans = re.findall(r"^telltale (report plan [^#\n]*)", TEXT, re.MULTILINE)
    assert len(plans) == 2
    for plan in plans:
        assert telltale(*shlex.split(plan)).returncode == 0


def test_widths_that_are_named_are_those_that_are_planned() -> None:
    for named, prevalence in zip((0.0269, 0.0458, 0.0704), PREVALENCES, strict=True):
        assert f"{named:.4f}".lstrip("0") in TEXT
        assert expected_width(200, prevalence, 0.85, 0.97, 2_000) == pytest.approx(named, abs=0.0005)
    assert f"from {PROMPTS_TO_GENERALISE} prompts up" in TEXT
