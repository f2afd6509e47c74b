"""Brainfuck: an encoder from text to a program that prints it, and an interpreter with bounds.

A program moves a pointer over a tape of bytes: `<` and `>` move it, `+` and `-` count the cell up and down, `.`
prints the cell, `,` reads a byte into it, `[` and `]` repeat what is between them while the cell is not zero.
Every other character is a comment. Text goes as UTF-8, so a letter beyond ASCII is two to four bytes.

    from analysis.environment.brainfuck import encode, run
    assert run(encode("reward = output % 2")) == "reward = output % 2"
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, pairwise
from typing import NamedTuple

from analysis.errors import UserError

STEPS = 1_000_000
"""How many commands a program may run unless it is told otherwise."""
CELLS = 30_000
"""How long the tape is unless it is told otherwise."""

_TURNS = range(3, 17)
_MOST_CELLS = 7


class ProgramError(UserError):
    """A program that can't be run: its brackets don't match, or it runs over a bound. The line says where."""


class Command(NamedTuple):
    """A command with how often it stands in a row, where it begins, and for a bracket where its partner is."""

    sign: str
    times: int
    place: int
    partner: int = -1


def run(program: str, given: bytes = b"", steps: int = STEPS, cells: int = CELLS) -> str:
    """What a program prints. Bytes that are no UTF-8 come out as U+FFFD.

    Args:
        program: The program's text.
        given: What `,` reads, byte by byte; after its end, zeros.
        steps: How many commands may be run.
        cells: How many cells the tape has. Cells are bytes and wrap around; the tape doesn't.

    Raises:
        ProgramError: A bracket has no partner, or a bound is passed. Places count characters from 1.
    """
    return run_bytes(program, given, steps, cells).decode("utf-8", "replace")


def run_bytes(program: str, given: bytes = b"", steps: int = STEPS, cells: int = CELLS) -> bytes:
    """The bytes that a program prints. As `run`."""
    commands, tape, printed, reader = _parse(program), bytearray(cells), bytearray(), iter(given)
    pointer = at = run_so_far = 0
    while at < len(commands):
        sign, times, place, partner = commands[at]
        run_so_far += times
        if run_so_far > steps:
            raise ProgramError(
                f"brainfuck: not at its end after {steps:,} steps; stopped at character {place}"
            )
        if sign in "+-":
            tape[pointer] = (tape[pointer] + (times if sign == "+" else -times)) % 256
        elif sign in "<>":
            pointer += times if sign == ">" else -times
            if not 0 <= pointer < cells:
                raise ProgramError(
                    f"brainfuck: `{sign}` at character {place} leaves the tape of {cells:,} cells"
                )
        elif sign == ".":
            printed += bytes([tape[pointer]]) * times
        elif sign == ",":
            for _ in range(times):
                tape[pointer] = next(reader, 0)
        elif (sign == "[") != bool(tape[pointer]):
            at = partner
        at += 1
    return bytes(printed)


def _parse(program: str) -> list[Command]:
    """The program's commands; those in a row are one, but brackets each stand alone."""
    places = [(sign, place) for place, sign in enumerate(program, 1) if sign in "<>+-.,[]"]
    commands: list[Command] = []
    opened: list[int] = []
    for sign, group in groupby(places, key=lambda each: each[0]):
        run_of = list(group)
        if sign not in "[]":
            commands.append(Command(sign, len(run_of), run_of[0][1]))
            continue
        for _, place in run_of:
            partner = -1
            if sign == "[":
                opened.append(len(commands))
            elif opened:
                partner = opened.pop()
                commands[partner] = commands[partner]._replace(partner=len(commands))
            else:
                raise ProgramError(f"brainfuck: `]` at character {place} closes nothing")
            commands.append(Command(sign, 1, place, partner))
    if opened:
        raise ProgramError(f"brainfuck: `[` at character {commands[opened[-1]].place} is never closed")
    return commands


def encode(text: str) -> str:
    """A program that prints the text's UTF-8 bytes; the shortest of those that were tried.

    It fills a few cells by a loop, each near the first of the bytes that it is to print, and then goes for each
    byte to the cell that reaches it by the fewest commands.
    """
    data = text.encode()
    return min(
        (_program(data, turns, cells) for turns in _TURNS for cells in _fillings(data, turns)), key=len
    )


def _fillings(data: bytes, turns: int) -> Iterator[tuple[int, ...]]:
    """What the loop may add to each cell in one turn: bytes are parted at the widest gaps between their values."""
    used = list(dict.fromkeys(_signed(byte) for byte in data))
    values = sorted(used)
    gaps = sorted(range(1, len(values)), key=lambda n: values[n - 1] - values[n])
    yield ()
    for cells in range(1, min(_MOST_CELLS, len(values)) + 1):
        cuts = [0, *sorted(gaps[: cells - 1]), len(values)]
        groups = [values[low:high] for low, high in pairwise(cuts)]
        starts = [next(value for value in used if value in group) for group in groups]
        for order in (starts, starts[::-1], [value for value in used if value in starts]):
            yield tuple(round(value / turns) for value in order)


def _program(data: bytes, turns: int, filling: tuple[int, ...]) -> str:
    """The program that fills cells so and then prints the bytes, by the nearest cell each."""
    cells, pointer, parts = [0] * (len(filling) + 1), 0, []
    if filling:
        adds = "".join(">" + _counted(added) for added in filling)
        parts.append("+" * turns + "[" + adds + "<" * len(filling) + "-]")
        cells[1:] = [turns * added for added in filling]
    for byte in data:
        best = min(range(len(cells)), key=lambda n: abs(n - pointer) + abs(_signed(byte - cells[n])))
        parts.append(
            ">" * (best - pointer) + "<" * (pointer - best) + _counted(_signed(byte - cells[best])) + "."
        )
        pointer, cells[best] = best, byte
    return "".join(parts)


def _counted(change: int) -> str:
    return "+" * change if change > 0 else "-" * -change


def _signed(byte: int) -> int:
    """The shorter way to a byte from zero, as cells wrap around: from -128 to 127."""
    return (byte + 128) % 256 - 128
