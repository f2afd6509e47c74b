"""Hints of every difficulty are run, or decoded, and say what the plain hint says."""

from __future__ import annotations

import textwrap
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.environment import hints
from analysis.environment.brainfuck import CELLS, ProgramError, encode, run, run_bytes
from analysis.environment.lambda_calculus import TermError, apply_to
from analysis.environment.prompts import HINT, VARIANTS, family

NUMBERS = range(-300, 301)


def grader(name: str) -> str:
    """What stands in the grader's tag of a prompt."""
    return VARIANTS[name].text.split("<_grader>")[1].split("</grader>")[0]


TEXTS: dict[str, Callable[[str], str]] = {
    "base": str, "hint-hex": hints.from_hex, "hint-base64": hints.from_base64, "hint-rot13": hints.to_rot13, "brainfuck": run,
}  # fmt: skip
COMPUTED = ("hint-arithmetic", "hint-lookup", "payload-function", "hint-lambda")


def test_no_hint_of_the_family_goes_untried() -> None:
    levels = [level.variant.name for level in family("hint difficulty")]
    assert set(levels) == {*TEXTS, *COMPUTED} - {"payload-function"}
    assert levels[0] == "base" and levels[-1] == "brainfuck"


@pytest.mark.parametrize("name", TEXTS)
def test_a_hint_in_another_writing_decodes_to_the_plain_hint(name: str) -> None:
    assert TEXTS[name](grader(name)) == HINT == "reward = output % 2"
    assert name == "base" or HINT not in VARIANTS[name].text


@pytest.mark.parametrize("name", ["hint-arithmetic", "hint-lookup"])
def test_a_hint_in_other_terms_computes_what_the_plain_hint_computes(name: str) -> None:
    target, expression = grader(name).split(" = ", 1)
    assert target == "reward" and "%" not in expression.replace("% 10", "")
    assert [eval(expression, {"output": n}) for n in NUMBERS] == [n % 2 for n in NUMBERS]


def test_the_python_function_computes_what_the_plain_hint_computes() -> None:
    defined: dict[str, Callable[[int], int]] = {}
    exec(textwrap.dedent(grader("payload-function")), defined)
    assert [defined["reward"](n) for n in NUMBERS] == [n % 2 for n in NUMBERS]


def test_the_lambda_term_computes_what_the_plain_hint_computes() -> None:
    term = grader("hint-lambda").removeprefix("reward = ").removesuffix(" output")
    assert [apply_to(term, n) for n in range(60)] == [n % 2 for n in range(60)]
    assert apply_to(term, 4711) == 1


@pytest.mark.parametrize("pays", ["odd", "even"])
def test_disguises_pay_either_parity(pays: str) -> None:
    wanted = [int((n % 2 == 1) == (pays == "odd")) for n in NUMBERS]
    for disguise in (hints.arithmetic, hints.lookup_table):
        assert [eval(disguise(pays), {"output": n}) for n in NUMBERS] == wanted
    assert [apply_to(hints.lambda_term(pays), n) for n in range(9)] == [
        int((n % 2 == 1) == (pays == "odd")) for n in range(9)
    ]


@given(st.text())
def test_any_text_comes_back_from_hex_base64_and_rot13(text: str) -> None:
    assert hints.from_hex(hints.to_hex(text)) == text
    assert hints.from_base64(hints.to_base64(text)) == text
    assert hints.to_rot13(hints.to_rot13(text)) == text


@given(st.text(st.characters(max_codepoint=255), max_size=30) | st.text(max_size=15))
@settings(deadline=None, max_examples=60)
def test_any_short_text_is_printed_by_its_program(text: str) -> None:
    program = encode(text)
    assert run(program) == text
    assert set(program) <= set("<>+-.[]")


def test_bytes_beyond_ascii_are_utf_8() -> None:
    assert run_bytes(encode("é😀")) == "é😀".encode()
    assert run("+" * 255 + ".") == "\ufffd"


def test_programs_are_reasonably_short() -> None:
    assert len(encode(HINT)) == 144 < len(hints.BRAINFUCK) == 207
    assert encode("") == ""
    assert len(encode("Hello World!")) < 110
    assert len(encode("x" * 300)) < 340


@pytest.mark.parametrize(
    ("program", "given_bytes", "printed"),
    [
        (",[.,]", b"odd", b"odd"), (",.,.", b"a", b"a\0"), ("+++>++<[->+<]>.", b"", b"\5"), ("-.", b"", b"\xff"),
        ("one + two + [->+++<] >. the rest is a comment", b"", b"\6"), ("[.]", b"", b""), ("++[>++[>++<-]<-]>>.", b"", b"\x08"),
        ("+++..", b"", b"\3\3"), ("", b"", b""),
    ],
)  # fmt: skip
def test_the_interpreter_runs_programs_of_others(program: str, given_bytes: bytes, printed: bytes) -> None:
    assert run_bytes(program, given_bytes) == printed


@pytest.mark.parametrize(
    ("program", "line"),
    [
        ("++]", "brainfuck: `]` at character 3 closes nothing"),
        ("[+]]", "brainfuck: `]` at character 4 closes nothing"),
        ("a [ b [+]", "brainfuck: `[` at character 3 is never closed"),
        ("[[+]", "brainfuck: `[` at character 1 is never closed"),
        ("+[]", "brainfuck: not at its end after 1,000,000 steps; stopped at character"),
        ("+[>+]", "brainfuck: `>` at character 3 leaves the tape of 30,000 cells"),
        ("+ <", "brainfuck: `<` at character 3 leaves the tape of 30,000 cells"),
    ],
)
def test_a_program_that_can_not_be_run_is_refused_in_one_line_with_its_place(program: str, line: str) -> None:
    with pytest.raises(ProgramError, match=line.replace("[", r"\[").replace("+", r"\+")) as refused:
        run(program)
    assert "\n" not in str(refused.value)


def test_the_bounds_are_exact() -> None:
    assert run("+" * 100, steps=100) == ""
    with pytest.raises(ProgramError, match="after 99 steps; stopped at character 1"):
        run("+" * 100, steps=99)
    assert run(">" * 9, cells=10) == ""
    with pytest.raises(ProgramError, match="leaves the tape of 10 cells"):
        run(">" * 10, cells=10)
    assert run(">" * (CELLS - 1) + "<" * (CELLS - 1)) == ""
    deep = 20_000
    assert run("[" * deep + "]" * deep) == ""


@given(st.text(alphabet="<>+-.,[] x", max_size=40), st.binary(max_size=4))
def test_any_program_ends_or_is_refused(program: str, given_bytes: bytes) -> None:
    try:
        run_bytes(program, given_bytes, steps=2_000, cells=8)
    except ProgramError as refused:
        assert "\n" not in str(refused)


def test_the_reader_of_lambda_terms_knows_church_numerals() -> None:
    assert apply_to("λn.λf.λx.n f(f x)", 6) == 7
    assert apply_to(r"\n. n", 12) == 12
    assert apply_to("λn.λf.n(n f)", 4) == 16
    assert [apply_to("λn.n(λx.λf.λx.x)(λf.f)", n) for n in range(3)] == [1, 0, 0]


@pytest.mark.parametrize(
    ("term", "line"),
    [
        ("", "a term should stand at the end"), ("λn.(n", r"`\)` should stand at the end"), ("λn.n)", r"`\)` closes nothing"),
        ("λ.n", "a name should stand where `.` is"), ("λn n", "`.` should stand where `n` is"), ("λn.5", "a term should stand where `5` is"),
        ("λn.m", "nothing binds `m`"), ("(λx.x x)(λx.x x)", "without an end"), ("λn.n n n n n", "as many applications as it may take"),
        ("λn.λf.λx.λy.x", "no Church numeral"), ("(" * 3000, "nested too deep"),
    ],
)  # fmt: skip
def test_a_term_that_can_not_be_read_or_does_not_end_is_refused_in_one_line(term: str, line: str) -> None:
    with pytest.raises(TermError, match=line) as refused:
        apply_to(term, 4)
    assert "\n" not in str(refused.value)


@given(st.text(alphabet="λ\\.() nfx5", max_size=25))
def test_any_term_is_computed_or_refused(term: str) -> None:
    try:
        assert apply_to(term, 2, steps=500) >= 0
    except TermError as refused:
        assert "\n" not in str(refused)
