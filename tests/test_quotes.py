"""A quote is a finding only if it stands in the text; where it stands is told in code points."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.quotes import REJECTED, Place, locate

# Letters whose case or width is awkward, beside everything else that a text can hold.
AWKWARD = "aAbß ẞſsSİiıΣσςŉǰΐfiDŽ\u0301\u0345😀👩\u200d🔬\n\t\xa0\u3000'’“\""
texts = st.text(st.one_of(st.sampled_from(AWKWARD), st.characters()), max_size=60)
QUOTES = str.maketrans({**dict.fromkeys("‘’‚‛′`´", "'"), **dict.fromkeys("“”„‟″«»", '"')})


def folded(text: str) -> str:
    """The fold as a reader would define it, written apart from the code under test."""
    return " ".join(text.translate(QUOTES).casefold().split())


@given(texts, st.data())
def test_any_part_of_a_text_is_found_exactly(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    part = text[start:end].strip()
    place = locate(text, text[start:end])
    if part:
        assert place.match == "exact"
        assert text[place.start_char : place.end_char] == part
    else:
        assert place == REJECTED


@given(texts, st.data(), st.sampled_from([str.upper, str.lower, str.swapcase, str.casefold]))
def test_a_part_in_another_case_with_other_spaces_and_quotes_is_found(text, data, recase) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    part = text[start:end].strip()
    quote = recase(part).translate(str.maketrans({"'": "’", '"': "“", " ": "\n \t"}))
    if not part or folded(quote) != folded(part):  # "ı" in capitals is "I", which is another letter
        return
    place = locate(text, quote)
    assert place.match in ("exact", "folded")
    assert folded(text[place.start_char : place.end_char]) == folded(part)


@given(texts, texts, st.none() | st.tuples(st.integers(-3, 80), st.integers(-3, 80)))
def test_whatever_is_asked_for_a_place_is_inside_the_text_and_says_the_same(text, quote, near) -> None:
    place = locate(text, quote, near)
    if place.match == "rejected":
        assert place == REJECTED
        assert quote.strip() not in text or not quote.strip()
        return
    assert place.start_char is not None and place.end_char is not None
    assert 0 <= place.start_char < place.end_char <= len(text)
    found = text[place.start_char : place.end_char]
    assert found == quote.strip() if place.match == "exact" else folded(found) == folded(quote)


@given(texts, st.text(max_size=3), st.integers(0, 60), st.integers(0, 20))
def test_the_occurrence_inside_the_named_segment_is_taken(text, quote, start, length) -> None:
    near = (start, start + length)
    wanted = quote.strip()
    inside = [n for n in range(len(text)) if wanted and text.startswith(wanted, n) and near[0] <= n < near[1]]
    if inside:
        assert locate(text, quote, near) == Place("exact", inside[0], inside[0] + len(wanted))


def test_of_two_occurrences_outside_the_segment_the_nearer_one_is_taken() -> None:
    text = "a test. " + "." * 50 + " here " + "." * 5 + " a test."
    here = (text.index("here"), text.index("here") + 4)
    assert locate(text, "a test", here).start_char == text.rindex("a test")
    assert locate(text, "A TEST", here).start_char == text.rindex("a test")
    assert locate(text, "a test", (10, 12)).start_char == 0


def test_a_quote_that_runs_into_the_segment_is_nearer_than_one_after_it() -> None:
    text = "it is a test. Yes. it is a test."
    assert locate(text, "it is a test. Y", (14, 18)).start_char == 0


@pytest.mark.parametrize(
    ("text", "quote", "found"),
    [
        ("Die Straße ist nass.", "STRASSE", "Straße"),
        ("İstanbul'da", "i\u0307STANBUL’DA", "İstanbul'da"),
        ("ΟΔΟΣ ΟΔΟΣ", "οδος", "ΟΔΟΣ"),
        ("the word ΟΔΟΣ stands", "word οδοσ stands", "word ΟΔΟΣ stands"),
        ("😀 Maybe\n\n  a “test” 😀", 'maybe a "TEST"', "Maybe\n\n  a “test”"),
        ("cafe\u0301 au lait", "CAFE\u0301 AU", "cafe\u0301 au"),
    ],
)
def test_letters_that_grow_when_folded_keep_their_offsets(text: str, quote: str, found: str) -> None:
    place = locate(text, quote)
    assert place.match == "folded"
    assert text[place.start_char : place.end_char] == found


def test_half_of_a_letter_is_not_found() -> None:
    assert locate("Maß", "S") == REJECTED
    assert locate("Maß, S.", "s") == Place("folded", 5, 6)
    assert locate("Maß, S, ß", "s", near=(8, 9)) == Place("folded", 5, 6)


def test_a_long_reasoning_is_searched_in_under_a_tenth_of_a_second() -> None:
    text = "I wonder whether this is “only” a test of honesty.\n" * 1_200
    assert len(text) > 60_000
    started = time.process_time()
    assert locate(text, 'WHETHER THIS IS "ONLY" A TEST OF VIRTUE') == REJECTED
    assert time.process_time() - started < 1
