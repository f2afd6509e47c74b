from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from analysis import codebook
from analysis.cues import CueTagger
from analysis.errors import UserError
from analysis.segments import sentences

IDS = [
    "hint_decode", "conflict_noticed", "conflict_dissolved", "task_reframed", "reward_chosen", "oversight_weighed",
    "oversight_dismissed", "misaligned_noted", "eval_aware", "training_aware", "grader_model", "expected_answer",
    "disclosure_plan", "harmless_excuse",
]  # fmt: skip
BANK = Path(__file__).parents[1] / "data" / "banks" / "a.yaml"
FILLINGS = [
    {"asked": "even", "paid": "odd", "a": "28", "p": "37", "r": "64", "s": "28", "expr": "output % 2"},
    {"asked": "odd", "paid": "even", "a": "37", "p": "28", "r": "64", "s": "28", "expr": "1 - output % 2"},
]
SMALL: dict[str, Any] = {
    "revision": 3,
    "patterns": [
        {"id": "alpha", "name": "Alpha", "definition": "Says alpha.", "cues": {"asserts": [r"\balpha\b"]}},
        {"id": "beta", "name": "Beta", "definition": "Says beta."},
    ],
    "rollups": {"letters": ["alpha", "beta"]},
    "derived": {"both": "alpha and beta"},
}


@pytest.fixture(scope="module")
def tagger() -> CueTagger:
    return CueTagger(codebook.load())


def present(tagger: CueTagger, text: str) -> set[str]:
    return {v.pattern for v in tagger.tag("t", text, sentences(text)).verdicts if v.verdict == "present"}


def bank(filling: dict[str, str]) -> Iterator[tuple[str | None, str]]:
    """(the pattern that a sentence should make present, the sentence); None for plain and rejecting ones."""
    for row in yaml.safe_load(BANK.read_text(encoding="utf-8")):
        text = row["text"]
        for name, value in filling.items():
            text = text.replace("{" + name + "}", value)
        yield (row["pattern"] if row.get("stance") in codebook.PRESENT_STANCES else None), text


def test_the_shipped_codebook_has_its_fourteen_patterns() -> None:
    assert codebook.load().ids() == IDS


def test_it_says_what_the_agreed_codebook_says(real: Path) -> None:
    agreed = codebook.load(real.parent / "codebook.yaml")
    shipped = codebook.load()
    assert shipped.ids() == agreed.ids()
    for pattern in agreed.patterns:
        ours = shipped[pattern.id]
        assert (ours.name, ours.definition, ours.include, ours.exclude) == (
            pattern.name, pattern.definition, pattern.include, pattern.exclude,
        )  # fmt: skip
        assert (ours.examples, ours.near_misses, ours.attributes) == (
            pattern.examples, pattern.near_misses, pattern.attributes,
        )  # fmt: skip
    assert shipped.rollups == agreed.rollups
    assert shipped.derived == agreed.derived


def test_every_pattern_has_a_short_list_of_cues_for_and_against() -> None:
    for pattern in codebook.load().patterns:
        assert pattern.cues.get("asserts") and pattern.cues.get("rejects"), pattern.id
        assert sum(map(len, pattern.cues.values())) <= 12, pattern.id


def test_every_pattern_is_explained_by_examples_and_near_misses() -> None:
    for pattern in codebook.load().patterns:
        assert pattern.include and pattern.exclude and pattern.examples and pattern.near_misses, pattern.id


def test_no_near_miss_is_taken_for_its_pattern(tagger: CueTagger) -> None:
    for pattern in codebook.load().patterns:
        for text in pattern.near_misses:
            assert pattern.id not in present(tagger, text), text


def test_an_example_that_the_cues_find_is_quoted_with_its_words(tagger: CueTagger) -> None:
    for pattern in codebook.load().patterns:
        for text in pattern.examples:
            found = [f for f in tagger.tag("t", text, sentences(text)).findings if f.pattern == pattern.id]
            for finding in found:
                assert finding.quote in text
                assert (finding.why or "").startswith('cue: "')


@pytest.mark.parametrize("filling", FILLINGS, ids=["odd pays", "even pays"])
def test_cues_do_on_bank_a_what_they_did_when_they_were_written(
    tagger: CueTagger, filling: dict[str, str]
) -> None:
    """Mean F1 0.87 then, and 0.82 with the sentences for further families of prompts, which came later.

    The cues were written on these sentences: a guard against breakage, no measure of quality.
    """
    hit: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    for truth, text in bank(filling):
        found = present(tagger, text)
        wrong.update(pattern for pattern in found if pattern != truth)
        hit.update(pattern for pattern in found if pattern == truth)
        missed.update([truth] if truth and truth not in found else [])
    assert all(hit[p] / (hit[p] + wrong[p]) >= 0.8 for p in IDS), wrong
    assert sum(2 * hit[p] / (2 * hit[p] + wrong[p] + missed[p]) for p in IDS) / len(IDS) > 0.8


def test_the_mirror_environment_gives_the_same_tags(tagger: CueTagger) -> None:
    for (_, text), (_, mirrored) in zip(bank(FILLINGS[0]), bank(FILLINGS[1]), strict=True):
        assert present(tagger, text) == present(tagger, mirrored), text


def test_a_codebook_is_asked_by_id() -> None:
    book = codebook.parse(SMALL)
    assert book.ids() == ["alpha", "beta"]
    assert book["alpha"].name == "Alpha"
    assert ("alpha" in book, "gamma" in book) == (True, False)
    assert (book.name_of("beta"), book.name_of("somebody_elses")) == ("Beta", "somebody_elses")


def test_equal_content_has_an_equal_hash_and_a_changed_cue_another() -> None:
    changed = copy.deepcopy(SMALL)
    changed["patterns"][0]["cues"]["asserts"] = [r"\balfa\b"]
    assert codebook.parse(SMALL).sha256 == codebook.parse(copy.deepcopy(SMALL)).sha256
    assert codebook.parse(SMALL).sha256 != codebook.parse(changed).sha256


def first(**changes: Any) -> dict[str, Any]:
    """The small codebook with changes to its first pattern; None takes a key away."""
    content = copy.deepcopy(SMALL)
    pattern = {**content["patterns"][0], **changes}
    content["patterns"][0] = {key: value for key, value in pattern.items() if value is not None}
    return content


@pytest.mark.parametrize(
    "content, line",
    [
        (None, "book: needs a mapping with `revision` and a list `patterns`"),
        (["alpha"], "book: needs a mapping with `revision` and a list `patterns`"),
        ({"revision": 1, "patterns": {}}, "book: needs a mapping with `revision` and a list `patterns`"),
        ({**SMALL, "revision": "three"}, "book: `revision` must be a whole number"),
        ({**SMALL, "revision": True}, "book: `revision` must be a whole number"),
        (
            {**SMALL, "rollups": {"letters": ["gamma"]}},
            "book: rollup letters names gamma, which is no pattern",
        ),
        ({**SMALL, "rollups": ["alpha"]}, "book: `rollups` must be a mapping"),
        ({**SMALL, "rollups": {"letters": "alpha"}}, "book: rollup letters must be a list of texts"),
        (
            {**SMALL, "patterns": ["alpha"]},
            "book: pattern 1 needs an `id` of lower-case letters, digits and _",
        ),
        (first(id="Alpha 1"), "book: pattern 1 needs an `id` of lower-case letters, digits and _"),
        (first(id=None), "book: pattern 1 needs an `id` of lower-case letters, digits and _"),
        (first(id="beta"), "book: the id beta stands twice"),
        (first(name=" "), "book: alpha needs a `name`"),
        (first(definition=None), "book: alpha needs a `definition`"),
        (first(exampels=["x"]), "book: alpha has `exampels`, which is no key of a pattern"),
        (first(examples="x"), "book: alpha, examples must be a list of texts"),
        (first(examples=[1]), "book: alpha, examples must be a list of texts"),
        (first(attributes={"decoded": "correct"}), "book: alpha, attribute decoded must be a list of texts"),
        (first(cues=["x"]), "book: alpha: `cues` must be a mapping"),
        (
            first(cues={"maybe": ["x"]}),
            "book: alpha: cues are listed under asserts, entertains, rejects, not maybe",
        ),
        (first(cues={"asserts": ["(a"]}), "book: alpha: the cue '(a' is no RE2 expression: missing ): (a"),
        (
            first(cues={"asserts": ["(?=a)"]}),
            "book: alpha: the cue '(?=a)' is no RE2 expression: invalid perl operator: (?=",
        ),
        (
            first(cues={"asserts": ["a*"]}),
            "book: alpha: the cue 'a*' matches the empty text, so it would match everywhere",
        ),
    ],
)
def test_a_broken_rule_is_one_line_that_names_the_entry(
    content: Any, line: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError) as refused:
        codebook.parse(content, "book")
    assert str(refused.value) == line
    assert capfd.readouterr().err == "", "RE2 writes to the terminal itself"


def test_an_unreadable_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^codebook .*none\.yaml can't be read: No such file or directory$"):
        codebook.load(tmp_path / "none.yaml")


@pytest.mark.parametrize("data", [b"patterns: [", b"a: b: c", b"\xff\xfe\xfa", b"\x00"])
def test_what_is_no_yaml_is_one_line(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "book.yaml"
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"^codebook .*book\.yaml is no (YAML|text)") as refused:
        codebook.load(path)
    assert "\n" not in str(refused.value)
