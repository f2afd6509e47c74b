from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import codebook
from analysis.cue_processes import Matchers
from analysis.cues import PRECEDENCE, CueTagger
from analysis.errors import UserError
from analysis.runs import Item
from analysis.segments import sentences
from benchmarks.cluster import planted

SHIPPED = CueTagger(codebook.load())
PIECES = [
    "This must be a bluff", "It isn’t a bluff", "nobody will read it", "7 % 2 = 1", "odd scores", "This is a test.",
    "maybe a test of me", "“reward”", "e\u0301", "🙂", "👩‍👩‍👧", "奇数。", " ", ". ", "\n", "\r\n", "\u2028", "`", "$", "\\(", "ſ", "İ", "\x00",
]  # fmt: skip


def book(**cues: Any) -> codebook.Codebook:
    """A codebook of patterns named by the arguments, with their cues."""
    patterns = [{"id": key, "name": key, "definition": key, "cues": value} for key, value in cues.items()]
    return codebook.parse({"revision": 1, "patterns": patterns})


def found(tagger: CueTagger, text: str) -> list[tuple[str, str, str | None, str | None]]:
    """(pattern, quote, stance, why) of each finding."""
    return [(f.pattern, f.quote, f.stance, f.why) for f in tagger.tag("t", text, sentences(text)).findings]


def verdicts(tagger: CueTagger, text: str) -> dict[str, str]:
    return {v.pattern: v.verdict for v in tagger.tag("t", text, sentences(text)).verdicts}


BLUFF = CueTagger(
    book(bluff={"asserts": [r"\bis a bluff\b"], "entertains": ["bluff"], "rejects": [r"\bnot a bluff\b"]})
)


def test_the_sentence_with_a_match_is_the_quote_and_the_words_are_the_reason() -> None:
    assert found(BLUFF, "I saw the notice. It is a bluff, surely. Go on.") == [
        ("bluff", "It is a bluff, surely.", "asserts", 'cue: "is a bluff"')
    ]


def test_a_quote_stands_at_its_offsets_after_emoji_and_accents() -> None:
    text = "👩‍👩‍👧 Déjà vu, 奇数です。 It IS a bluff 🙂! Naïve."
    (finding,) = BLUFF.tag("t", text, sentences(text)).findings
    assert (finding.quote, text[finding.start_char : finding.end_char]) == ("It IS a bluff 🙂!",) * 2
    assert (finding.match, finding.why) == ("exact", 'cue: "IS a bluff"')


@pytest.mark.parametrize(
    "text, stance",
    [
        ("Is it a bluff?", "entertains"),
        ("This is a bluff.", "asserts"),
        ("A bluff, yes, it is a bluff.", "asserts"),
        ("Some say it is a bluff, it is not a bluff.", "rejects"),
    ],
)
def test_rejects_goes_before_asserts_before_entertains(text: str, stance: str) -> None:
    assert [each[2] for each in found(BLUFF, text)] == [stance]


def test_a_pattern_that_is_only_rejected_is_absent_and_its_quote_is_kept() -> None:
    assert found(BLUFF, "That is not a bluff.") == [
        ("bluff", "That is not a bluff.", "rejects", 'cue: "not a bluff"')
    ]
    assert verdicts(BLUFF, "That is not a bluff.") == {"bluff": "absent"}


def test_one_standing_quote_makes_a_pattern_present_whatever_rejects_it() -> None:
    assert verdicts(BLUFF, "That is not a bluff. No, it is a bluff.") == {"bluff": "present"}


def test_a_sentence_gives_a_pattern_one_quote_and_each_pattern_its_own() -> None:
    tagger = CueTagger(book(a={"asserts": ["one", "two"]}, b={"asserts": ["two"]}, c={"asserts": ["three"]}))
    assert found(tagger, "one two one.") == [
        ("a", "one two one.", "asserts", 'cue: "one"'),
        ("b", "one two one.", "asserts", 'cue: "two"'),
    ]


def test_a_cue_stays_within_its_sentence() -> None:
    tagger = CueTagger(book(a={"asserts": ["asked.*paid"], "entertains": [r"^\W*maybe"]}))
    assert found(tagger, "I was asked. It is paid.") == []
    assert [each[2] for each in found(tagger, "Asked, yet PAID. Or maybe. Maybe so.")] == [
        "asserts",
        "entertains",
    ]


def test_a_typographic_apostrophe_is_an_apostrophe() -> None:
    tagger = CueTagger(book(a={"asserts": ["isn't", 'a "bluff"']}))
    assert [each[1] for each in found(tagger, "It isn’t. It isn't. A “bluff”.")] == [
        "It isn’t.",
        "It isn't.",
        "A “bluff”.",
    ]


def test_a_long_match_is_shown_by_its_ends() -> None:
    ((_, _, _, why),) = found(
        CueTagger(book(a={"asserts": ["from .* to"]})), "from " + "very " * 100 + "far to here."
    )
    assert (
        why is not None and why.startswith('cue: "from very') and why.endswith('far to"') and len(why) < 100
    )


def test_there_is_nothing_in_an_empty_text_and_each_pattern_is_absent() -> None:
    result = BLUFF.tag("t", "", [])
    assert (result.state, result.findings) == ("ok", [])
    assert [(v.pattern, v.verdict, v.score) for v in result.verdicts] == [("bluff", "absent", None)]


def test_a_text_without_segments_has_no_findings() -> None:
    assert BLUFF.tag("t", "it is a bluff", []).findings == []
    assert found(BLUFF, " \n ") == []


def test_a_pattern_without_cues_gets_no_verdict() -> None:
    tagger = CueTagger(book(a={}, b={"asserts": ["b"]}))
    assert verdicts(tagger, "a and b") == {"b": "present"}
    assert verdicts(CueTagger(book(a={})), "a and b") == {}


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=20).map("".join))
def test_every_quote_stands_at_its_offsets(text: str) -> None:
    segments = sentences(text)
    for finding in SHIPPED.tag("t", text, segments).findings:
        assert text[finding.start_char : finding.end_char] == finding.quote
        assert (finding.start_char, finding.end_char) in segments
        assert finding.stance in codebook.STANCES


def test_a_lone_surrogate_does_not_stop_the_tagger() -> None:
    text = "\ud800 it is a bluff"
    assert BLUFF.tag("t", text, [(0, len(text))]).findings[0].quote == text


@pytest.mark.parametrize("cue", ["(a+)+$", "(a|aa)+$", "(.*a){12}$", "(a*)*b"])
def test_no_expression_can_hang_the_tagger(cue: str) -> None:
    tagger = CueTagger(book(a={"asserts": [cue]}))
    text = "a" * 100_000 + "!"
    started = time.process_time()
    tagger.tag("t", text, [(0, len(text))])
    assert time.process_time() - started < 4


def test_cues_that_are_too_large_together_are_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.cues.MEMORY", 1 << 19)
    with pytest.raises(
        UserError, match=r"^the cues are too large for RE2 when taken together: shorten them$"
    ):
        CueTagger(book(a={"asserts": [f"x{n}[a-z]{{0,900}}y" for n in range(20)]}))


def test_a_megabyte_of_prose_takes_seconds_and_not_minutes() -> None:
    text = (
        "So I was asked for an even number, but the grader pays for odd ones. Nobody will read this. "
        * 11_000
    )
    segments = sentences(text)
    started = time.process_time()
    assert len(SHIPPED.tag("t", text, segments).findings) >= len(segments)
    assert time.process_time() - started < 8


def plainly(book: codebook.Codebook, text: str) -> list[tuple[str, str, str | None, str | None]]:
    """What `found` gives, by looking for each expression in each sentence."""
    compiled = [
        (pattern.id, stance, re2.compile("|".join(f"(?:{cue})" for cue in pattern.cues[stance]), codebook.cue_options()))
        for pattern in book.patterns for stance in PRECEDENCE if pattern.cues.get(stance)
    ]  # fmt: skip
    straight = text.translate(str.maketrans("‘’“”", "''\"\""))
    hits = []
    for start, end in sentences(text):
        done: set[str] = set()
        for pattern, stance, expression in compiled:
            match = expression.search(straight[start:end].encode(errors="replace"))
            if match and pattern not in done:
                done.add(pattern)
                words = " ".join(match.group().decode(errors="replace").split())
                hits.append((pattern, text[start:end], stance, words))
    return hits


def first_words(
    hits: list[tuple[str, str, str | None, str | None]],
) -> list[tuple[str, str, str | None, str]]:
    """The hits, with the beginning of the words that matched."""
    return [
        (*hit[:3], (hit[3] or "").removeprefix('cue: "').split(" … ")[0].rstrip('"')[:30]) for hit in hits
    ]


ODD = {
    "start": {"asserts": [r"^it"], "rejects": [r"\Amaybe"]}, "end": {"asserts": [r"test\.?$"], "entertains": [r"read it\z"]},
    "edge": {"asserts": [r"\breward\b"], "entertains": [r"\B[sd]\b"]}, "space": {"asserts": [r"bluff\s+\S"]},
    "flags": {"asserts": [r"(?-i)This", r"(?s)odd.+even"], "rejects": [r"(?-m:^)7 %"]}, "literal": {"asserts": [r"\Q\A.\E", "[^a-z ]{3}"]},
    "any": {"entertains": ["e\u0301|🙂.", "ſ|İ"]},
}  # fmt: skip

ODD_TAGGER = CueTagger(book(**ODD))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from([*PIECES, "\\A. ", "even", "Maybe "]) | st.text(max_size=5), max_size=40).map(
        "".join
    )
)
def test_a_look_at_many_sentences_at_once_finds_what_a_look_at_each_does(text: str) -> None:
    for tagger, scheme in ((SHIPPED, codebook.load()), (ODD_TAGGER, book(**ODD))):
        assert first_words(found(tagger, text)) == first_words(plainly(scheme, text))


def test_it_finds_the_same_in_every_sentence_of_the_simulators_banks() -> None:
    shown = [*planted("a", plain=True)[0], *planted("b", plain=True)[0]]
    for start in range(0, len(shown), 90):
        text = "\n".join(shown[start : start + 90])
        hits = found(SHIPPED, text)
        assert first_words(hits) == first_words(plainly(codebook.load(), text))


def test_it_finds_the_same_in_real_reasoning(real: Path) -> None:
    rows = json.loads(sorted((real / "library-choice").glob("*.json"))[0].read_text(encoding="utf-8"))
    for row in rows[:60]:
        text = row["internal_reasoning"] or ""
        assert first_words(found(SHIPPED, text)) == first_words(plainly(codebook.load(), text))


def test_processes_beside_this_one_find_the_same_and_one_that_dies_loses_nothing() -> None:
    items = [
        Item(f"t{n}", text := f"It is a bluff, number {n}. 7 % 2 = 1", "sha", sentences(text), [])
        for n in range(9)
    ]
    with Matchers(codebook.load(), 1) as here, Matchers(codebook.load(), 2) as beside:
        expected = [(each.findings, each.verdicts) for each in here(items)()]
        assert all(findings for findings, _ in expected)
        assert [(each.findings, each.verdicts) for each in beside(items)()] == expected
        waiting = beside(items)
        for process in list(beside._pool._processes.values()):  # type: ignore[union-attr]
            process.kill()
        assert [(each.findings, each.verdicts) for each in waiting()] == expected
        assert [(each.findings, each.verdicts) for each in beside(items)()] == expected
        assert list(beside([])()) == []
