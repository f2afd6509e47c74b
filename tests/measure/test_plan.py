"""`telltale report plan`."""

from __future__ import annotations

import json

from analysis.measure.planning import labels_needed
from tests.command_line import Telltale


def test_the_command_says_how_many_labels_and_how_many_trajectories(telltale: Telltale) -> None:
    done = telltale(
        "report", "plan", "--width", ".04", "--prevalence", ".05", "--shares", ".05", ".15", "--json"
    )
    labels, trajectories = json.loads(done.stdout)
    assert labels["needed"] == labels_needed(0.04, 0.05, 0.85, 0.97, 2000).labels
    assert labels["of"] == "labels" and 0.035 < labels["width"] <= 0.04
    assert (trajectories["needed"], trajectories["of"]) == (141, "trajectories a checkpoint")


def test_what_can_not_be_planned_is_one_line(telltale: Telltale) -> None:
    done = telltale("report", "plan")
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "--width .04" in done.stderr
    assert "the shares are the same" in telltale("report", "plan", "--shares", ".1", ".1").stdout
    assert "judge more trajectories" in telltale("report", "plan", "--width", ".001").stdout
