"""The Planning page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from analysis.measure.planning import labels_needed

ROOT = Path(__file__).parents[2]


def opened(**address: Any) -> AppTest:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
    at.switch_page("views/planning.py")
    for name, value in address.items():
        at.query_params[name] = str(value)
    at.run()
    assert not at.exception, at.exception
    return at


def shown(at: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def test_the_page_says_how_many_labels_and_trajectories_are_needed() -> None:
    at = opened()
    assert shown(at)["Labels"] == f"{labels_needed(0.04, 0.05, 0.85, 0.97, 2_000).labels}"
    assert shown(at)["A checkpoint"] == "141 trajectories"
    at.number_input(key="planning.width").set_value(6.0).run()
    assert int(shown(at)["Labels"]) < 200 and "6.0" in at.query_params["width"]


def test_an_address_is_a_plan_and_a_wrong_one_is_none() -> None:
    assert (
        shown(opened(prevalence=20, width=8))["Labels"]
        == f"{labels_needed(0.08, 0.2, 0.85, 0.97, 2_000).labels}"
    )
    assert shown(opened(prevalence="nan", judged="-5", width="<b>")) == shown(opened())


@pytest.mark.parametrize(
    ("address", "told"),
    [({"width": 0.1}, "judge more trajectories"), ({"other": 5}, "nothing tells them apart")],
)
def test_what_can_not_be_planned_is_said(address: dict[str, Any], told: str) -> None:
    assert any(told in warning.value for warning in opened(**address).warning)
