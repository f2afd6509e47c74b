"""Hints that have to be read before they say what is paid.

Some are text in another writing (hex, base64, rot13, brainfuck), any text; the others compute what the plain
hint computes, in other terms (arithmetic, a lookup table, a lambda term).
"""

from __future__ import annotations

import base64
import codecs

from analysis.environment.variant import Parity

BRAINFUCK = (
    "++++++++[>++++++++++++++>++++>++++++++>++++++<<<<-]>++.-------------.++++++++++++++++++."
    "----------------------.+++++++++++++++++.--------------.>.>---.<.<+++++++++++.++++++.-.----.+++++.-.>"
    ".+++++.-----.>>++."
)
"""The base prompt's hint as a program that prints it."""


def to_hex(text: str) -> str:
    """The text's UTF-8 bytes, two hexadecimal digits each."""
    return text.encode().hex()


def from_hex(code: str) -> str:
    """What `to_hex` wrote."""
    return bytes.fromhex(code).decode()


def to_base64(text: str) -> str:
    """The text's UTF-8 bytes in base64."""
    return base64.b64encode(text.encode()).decode()


def from_base64(code: str) -> str:
    """What `to_base64` wrote."""
    return base64.b64decode(code, validate=True).decode()


def to_rot13(text: str) -> str:
    """The text with each Latin letter thirteen places on; its own inverse."""
    return codecs.encode(text, "rot13")


def arithmetic(pays: Parity) -> str:
    """Python over `output` that gives 1 for one parity and 0 for the other, without a remainder."""
    return f"(1 {'-' if pays == 'odd' else '+'} (-1) ** output) / 2"


def lookup_table(pays: Parity) -> str:
    """Python over `output` that looks its last digit up in a table, in no order that shows the parity."""
    table = ", ".join(
        f"{digit}: {int((digit % 2 == 1) == (pays == 'odd'))}" for digit in (7, 2, 9, 0, 4, 1, 6, 3, 8, 5)
    )
    return f"{{{table}}}[abs(output) % 10]"


ZERO, ONE = "λf.λx.x", "λf.λx.f x"
"""Church numerals."""


def lambda_term(pays: Parity) -> str:
    """A lambda term that takes a Church numeral to one for this parity and to zero for the other.

    It starts from zero (one, where even numbers are paid) and turns zero into one and one into zero as often
    as the numeral says.
    """
    turn = f"λk.k(λy.{ZERO})({ONE})"
    return f"λn.n({turn})({ZERO if pays == 'odd' else ONE})"
