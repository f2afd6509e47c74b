"""report: figures as a table, CSV or JSON; a module each."""

from __future__ import annotations

import click

from commands.report.agreement import agreement
from commands.report.all import everything
from commands.report.contrast import contrast
from commands.report.frequencies import frequencies
from commands.report.gaming import gaming
from commands.report.judge import judge
from commands.report.plan import plan
from commands.report.truth import truth


@click.group()
def report() -> None:
    """Figures from the store, as a table, CSV or JSON."""


for command in (frequencies, contrast, judge, agreement, gaming, truth, plan, everything):
    report.add_command(command)

COMMANDS = (report,)
