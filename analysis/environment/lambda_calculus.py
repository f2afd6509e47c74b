"""Terms of the lambda calculus, read and applied to Church numerals: what a hint in lambda terms computes.

from analysis.environment.lambda_calculus import apply_to
assert apply_to("λn.λf.λx.n f(f x)", 6) == 7      # the successor
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from analysis.errors import UserError

STEPS = 100_000
"""How many applications a term may take unless it is told otherwise."""

_SIGNS = re.compile(r"\s*([λ\\().]|[A-Za-z_]\w*|\S)")

Value = Callable[[Any], Any]
Term = str | tuple[str, Any, Any]
"""A name, ("λ", name, body), or ("@", function, argument)."""


class TermError(UserError):
    """A term that can't be read, or that does not end within the bound."""


def apply_to(term: str, number: int, steps: int = STEPS) -> int:
    """The natural number that a term makes of a natural number, both as Church numerals.

    Args:
        term: Such as `λn.n`; a backslash does for λ, and names side by side need a space between them.
        number: From 0 up.
        steps: How many applications may be made.

    Raises:
        TermError: The term can't be read, does not end within the bound, or its result is no Church numeral.
    """
    try:
        left = iter(range(steps))
        found = _value(_read(term), {}, left)(_church(number, left))(lambda n: n + 1)(0)
    except RecursionError:
        raise TermError("lambda term: nested too deep, or without an end") from None
    except TypeError:
        found = None  # a number was called, or a function was added to
    if not isinstance(found, int):
        raise TermError("lambda term: its result is no Church numeral")
    return found


def _church(number: int, steps: Iterator[int]) -> Value:
    def repeated(function: Value) -> Value:
        def applied(start: Any) -> Any:
            for _ in range(number):
                _spend(steps)
                start = function(start)
            return start

        return applied

    return repeated


def _read(text: str) -> Term:
    signs = deque(_SIGNS.findall(text.rstrip()))
    term = _application(signs)
    if signs:
        raise TermError("lambda term: `)` closes nothing")
    return term


def _application(signs: deque[str]) -> Term:
    """Terms side by side, up to a closing parenthesis or the end: each is applied to the next."""
    term = _single(signs)
    while signs and signs[0] != ")":
        term = ("@", term, _single(signs))
    return term


def _single(signs: deque[str]) -> Term:
    sign = _take(signs, "a term")
    if sign == "(":
        term = _application(signs)
        _take(signs, "`)`", ")")
        return term
    if sign in "λ\\":
        name = _name(_take(signs, "a name"), "a name")
        _take(signs, "`.`", ".")
        return ("λ", name, _application(signs))
    return _name(sign, "a term")


def _name(sign: str, wanted: str) -> str:
    if sign in "λ\\" or not sign.isidentifier():
        raise TermError(f"lambda term: {wanted} should stand where `{sign}` is")
    return sign


def _take(signs: deque[str], wanted: str, sign: str | None = None) -> str:
    if not signs or (sign and signs[0] != sign):
        raise TermError(
            f"lambda term: {wanted} should stand {f'where `{signs[0]}` is' if signs else 'at the end'}"
        )
    return signs.popleft()


def _value(term: Term, names: Mapping[str, Any], steps: Iterator[int]) -> Any:
    if isinstance(term, str):
        if term not in names:
            raise TermError(f"lambda term: nothing binds `{term}`")
        return names[term]
    kind, first, second = term
    if kind == "λ":
        return lambda given: _value(second, {**names, first: given}, steps)
    _spend(steps)
    return _value(first, names, steps)(_value(second, names, steps))


def _spend(steps: Iterator[int]) -> None:
    """Count one application."""
    if next(steps, None) is None:
        raise TermError("lambda term: not at its end after as many applications as it may take")
