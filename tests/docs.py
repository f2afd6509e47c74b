"""What the tests of the documents share: the commands in them, and whether the command line knows these."""

from __future__ import annotations

import re
import shlex

import click

from telltale import cli


def commands(text: str) -> list[str]:
    """The `telltale` commands in a document's shell blocks, a continued one as one line."""
    return [
        line.strip().removeprefix(".venv/bin/")
        for block in re.findall(r"```(?:sh|bash)\n(.*?)```", text, re.DOTALL)
        for line in block.replace("\\\n", " ").splitlines()
        if line.strip().removeprefix(".venv/bin/").startswith("telltale ")
    ]


def understood(command: str) -> None:
    """Have the command line read a command without running it; what it does not know raises."""
    words = shlex.split(command, comments=True)[1:]
    asked: click.Command = cli
    while isinstance(asked, click.Group):
        asked = asked.commands[words.pop(0)]
    asked.make_context("telltale", words)
