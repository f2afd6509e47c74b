from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.segment_batches import segment_texts
from analysis.segments import segment_turns, sentences
from analysis.trajectories import TURN_SEPARATOR

NASTY = [
    "```", "``", "`", "$$", "$", "\\[", "\\]", "\\(", "\\)", "\\begin{align}", "\\end{align}", "\\", "\\$",
    ". ", ".", "...", "…", "?! ", ".) ", '." ', ".** ", "。", "！」", "e.g. ", "etc. ", "No. ", "Fig. ", "A. ", "J. R. Smith",
    "1. ", "- ", "* ", "\n", "\r\n", "\r", "\u2028", "\u2029", "\x85", "\x1f", "\t", " ", "\u00a0", "\u3000", "\u200b", "\ufeff",
    "3.14", "$5. ", "é", "e\u0301", "🙂", "👩‍👩‍👧", "\u202e", "odd pays", "x",
]  # fmt: skip


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


def hold_every_character_once(text: str, spans: list[tuple[int, int]]) -> None:
    at = 0
    for start, end in spans:
        assert start < end
        assert not text[at:start].strip(), "something between two segments"
        assert text[start:end] == text[start:end].strip()
        at = end
    assert not text[at:].strip(), "something after the last segment"


@given(st.text())
def test_every_character_but_space_is_in_exactly_one_segment(text: str) -> None:
    hold_every_character_once(text, sentences(text))


@settings(max_examples=500)
@given(st.lists(st.sampled_from(NASTY), max_size=40).map("".join))
def test_so_it_is_for_text_glued_from_nasty_pieces(text: str) -> None:
    hold_every_character_once(text, sentences(text))


@pytest.mark.parametrize(
    "text, segments",
    [
        ("", []),
        (" \n\t ", []),
        ("It is odd. It pays.", ["It is odd.", "It pays."]),
        ("Odd? Yes! Fine.", ["Odd?", "Yes!", "Fine."]),
        ("odd pays. choose 7.", ["odd pays.", "choose 7."]),
        ("It is 3.14. Then 2.5 more.", ["It is 3.14.", "Then 2.5 more."]),
        ("So: 28. No wait.", ["So: 28.", "No wait."]),
        ("It costs $5. Then $6 more.", ["It costs $5.", "Then $6 more."]),
        ("Say e.g. 28, i.e. an even one. Fine.", ["Say e.g. 28, i.e. an even one.", "Fine."]),
        ("**e.g.** this one. Yes.", ["**e.g.** this one.", "Yes."]),
        ("Two, four, etc. are even. Stop.", ["Two, four, etc. are even.", "Stop."]),
        ("Two, four, etc. Then stop.", ["Two, four, etc.", "Then stop."]),
        ("See Fig. 3. It shows it.", ["See Fig. 3.", "It shows it."]),
        ("See No. 5 there.", ["See No. 5 there."]),
        ("No. That is odd.", ["No.", "That is odd."]),
        ("By J. R. Smith. He knew.", ["By J. R. Smith.", "He knew."]),
        ("The answer is B. Then stop.", ["The answer is B.", "Then stop."]),
        ("Hmm... maybe not. Hmm... Yes.", ["Hmm... maybe not.", "Hmm...", "Yes."]),
        ("Well… perhaps. Well… No.", ["Well… perhaps.", "Well…", "No."]),
        ('He said "go." Then he left.', ['He said "go."', "Then he left."]),
        ("(It pays.) So what.", ["(It pays.)", "So what."]),
        ("奇数です。次は「偶数！」はい", ["奇数です。", "次は「偶数！」", "はい"]),
        ("1. First. Next.\n2. Second", ["1. First.", "Next.", "2. Second"]),
        ("- a bullet. More.\n* another", ["- a bullet.", "More.", "* another"]),
        ("one\r\ntwo\r\n\r\nthree", ["one", "two", "three"]),
        ("one\u2028two\u2029three\x85four", ["one", "two", "three", "four"]),
        ("Call `f. g` here. Then.", ["Call `f. g` here.", "Then."]),
        ("A lone ` mark. Then.", ["A lone ` mark.", "Then."]),
        ("So `one\u2028two` stays two.", ["So `one", "two` stays two."]),
        (
            "Code:\n```python\nx = 1. \n\ny = 2.\n```\nDone.",
            ["Code:", "```python\nx = 1. \n\ny = 2.\n```", "Done."],
        ),
        ("So \\(x. y\\) holds. And $a. b$ too.", ["So \\(x. y\\) holds.", "And $a. b$ too."]),
        ("\\[\nx = 1. \n\ny\n\\]\nDone.", ["\\[\nx = 1. \n\ny\n\\]", "Done."]),
        ("$$ x. y $$ holds. Done.", ["$$ x. y $$ holds.", "Done."]),
        ("\\begin{align}\nx. \ny\n\\end{align}\nDone.", ["\\begin{align}\nx. \ny\n\\end{align}", "Done."]),
        ("An open \\[ here. Then.", ["An open \\[ here.", "Then."]),
    ],
)
def test_a_segment_is_a_sentence_or_a_line(text: str, segments: list[str]) -> None:
    assert cut(text) == segments


def test_offsets_are_code_points() -> None:
    assert sentences("🙂 é. 👩‍👩‍👧 b.") == [(0, 4), (5, 13)]


def test_a_line_of_10_000_characters_is_one_segment() -> None:
    assert sentences("a" * 10_000) == [(0, 10_000)]


def test_60_000_characters_take_less_than_a_second() -> None:
    text = ("Seven mod two is 1, e.g. `7 % 2`, so it pays $5. Then I wonder... who reads this?\n" * 800)[
        :60_000
    ]
    started = time.process_time()
    assert len(sentences(text)) > 1_400
    assert time.process_time() - started < 4


@pytest.mark.parametrize(
    "piece",
    [
        "\\(",
        "`",
        "$",
        "$a",
        ".",
        ".)",
        ". ",
        '."',
        "A. ",
        "\\begin{a}",
        "\\[\\]",
        "```\n",
        "\n",
        " ",
        "…",
        "e.g. ",
    ],
)
def test_hostile_text_takes_less_than_two_seconds(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    started = time.process_time()
    spans = sentences(text)
    assert time.process_time() - started < 8
    hold_every_character_once(text, spans)


@pytest.mark.parametrize("piece", [" ", "\n", ".", "。", "」", '"', "a. ", "`a. `", "é. ", "...  "])
def test_hostile_text_takes_no_longer_in_a_batch(piece: str) -> None:
    texts = ["One." + piece * (500_000 // len(piece)) + "two."]
    started = time.process_time()
    number, start, end = segment_texts(texts)
    assert time.process_time() - started < 10
    assert len(number) and texts[0][start[0] : end[0]].startswith("One.")
    assert texts[0][start[-1] : end[-1]].endswith("two.")


def test_turns_keep_their_message_and_count_in_the_joined_text() -> None:
    turns = [(1, "First. Second."), (4, "🙂 Third.\nFourth.")]
    joined = TURN_SEPARATOR.join(text for _, text in turns)
    assert [(message, joined[start:end]) for message, start, end in segment_turns(turns)] == [
        (1, "First."), (1, "Second."), (4, "🙂 Third."), (4, "Fourth."),
    ]  # fmt: skip


def test_a_segment_never_spans_two_turns() -> None:
    assert segment_turns([(1, "an open `"), (3, "` and no stop")]) == [(1, 0, 9), (3, 11, 24)]


def test_a_turn_of_white_space_has_no_segment() -> None:
    assert segment_turns([(1, " \n"), (3, "So.")]) == [(3, 4, 7)]
    assert segment_turns([]) == []


def test_published_sentences_are_cut_about_as_their_authors_did(real: Path) -> None:
    for file in sorted((real / "sentences").glob("*.json")):
        chunks = [row["chunk"] for row in json.loads(file.read_text(encoding="utf-8"))]
        text = "\n".join(chunks)
        spans = sentences(text)
        hold_every_character_once(text, spans)
        assert 0.9 < len(spans) / len(chunks) < 2.5, file.name


def test_published_reasoning_is_held_whole(real: Path) -> None:
    for file in sorted((real / "library-choice").glob("*.json")):
        for row in json.loads(file.read_text(encoding="utf-8")):
            text = row["internal_reasoning"] or ""
            hold_every_character_once(text, sentences(text))


# Batches -------------------------------------------------------------------------------------------------------

NASTY = st.lists(st.sampled_from([
    "a", "B", "odd", "even", "e.g", "etc", "No", "p", "J", "I", "1", "12", ".", "..", "…", "!", "?", "?!", '."', ".)", " ", "  ", "\n",
    "\r\n", "\u2028", "\x85", "`", "```", "$", "$$", "\\[", "\\]", "\\(", "\\)", "。", "」", "😀", "\u00a0", "*", "_", "-", "figs", "approx",
    "é", "É", "“", "”", "İ", "Да", "٣", "\u212a", "ixx", "no", "don't", "word", ">", "(",
]), max_size=40).map("".join)  # fmt: skip


@given(st.lists(st.one_of(NASTY, st.text(max_size=60)), max_size=8))
@settings(max_examples=400, deadline=None)
def test_a_batch_is_cut_as_each_text_alone_is(texts: list[str]) -> None:
    number, start, end = (column.tolist() for column in segment_texts(texts))
    found: list[list[tuple[int, int]]] = [[] for _ in texts]
    for text, *span in zip(number, start, end, strict=True):
        found[text].append((span[0], span[1]))
    assert found == [sentences(text) for text in texts]


def test_a_batch_larger_than_a_portion_is_cut_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["One. Two, e.g. this.\nThree!", "", "Four? ", "5. Five.", "x" * 50] * 20
    whole = [column.tolist() for column in segment_texts(texts)]
    monkeypatch.setattr("analysis.segment_batches.BYTES_AT_ONCE", 60)
    assert [column.tolist() for column in segment_texts(texts)] == whole
    assert [column.tolist() for column in segment_texts([])] == [[], [], []]
