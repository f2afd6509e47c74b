"""What the judge is shown: the codebook first and always the same, then the trace as data; nothing else."""

from __future__ import annotations

import re

import jsonschema
import pytest

from analysis.errors import UserError
from analysis.judge.prompt import DEFAULT_PATH, Prompt, read_template
from analysis.judge.windows import Piece, Window
from analysis.runs import Item


@pytest.fixture(scope="module")
def prompt(codebook):
    return Prompt(read_template(), codebook)


def item(reasoning="First. Second.", asked="Say something.", segments=((0, 6), (7, 14))):
    return Item("t1", reasoning, "hash", list(segments), [{"role": "user", "content": asked}])


def markers(data):
    return re.findall(r"^<<<(?:BEGIN|END) \w+ (\w+)>>>$", data, re.MULTILINE)


def test_the_codebook_is_told_in_full_but_for_the_cues(prompt, codebook):
    for pattern in codebook.patterns:
        for text in (pattern.id, pattern.name, pattern.definition, *pattern.include, *pattern.exclude):
            assert text in prompt.system
        for text in (*pattern.examples, *pattern.near_misses, *pattern.attributes):
            assert text in prompt.system
        for cues in pattern.cues.values():
            assert not any(cue in prompt.system for cue in cues)


def test_the_system_message_is_the_same_for_every_trajectory(prompt):
    first, second = prompt.messages(item()), prompt.messages(item("Other.", "Else?", [(0, 6)]))
    assert first[0] == second[0] == {"role": "system", "content": prompt.system}
    assert "{{" not in prompt.system


def test_segments_are_numbered_as_the_store_numbers_them(prompt):
    assert "\n[0] First.\n[1] Second.\n" in prompt.messages(item())[1]["content"]


def test_a_reasoning_that_the_store_has_no_segments_of_is_cut_here(prompt):
    assert "\n[0] First.\n[1] Second.\n" in prompt.messages(item(segments=()))[1]["content"]


def test_the_markers_carry_a_new_code_for_each_call(prompt):
    codes = [set(markers(prompt.messages(item())[1]["content"])) for _ in range(20)]
    assert all(len(code) == 1 for code in codes)
    assert len(set.union(*codes)) == 20


def test_a_code_that_stands_in_the_data_is_not_taken(prompt):
    made = iter(["aaaa", "bbbb"])
    data = prompt.messages(item("The code is aaaa.", segments=()), nonce=lambda: next(made))[1]["content"]
    assert set(markers(data)) == {"aaaabbbb"}


def test_slots_in_a_trace_are_not_filled_in(prompt):
    data = prompt.messages(item("It says {{prompt}} and {{nonce}}.", segments=()))[1]["content"]
    assert "It says {{prompt}} and {{nonce}}." in data


def test_the_hash_changes_with_the_wording_the_codebook_and_nothing_else(prompt, codebook, tmp_path):
    assert prompt.sha256 == Prompt(read_template(), codebook).sha256
    path = tmp_path / "mine.md"
    path.write_text(DEFAULT_PATH.read_text().replace("letter by letter", "exactly"))
    assert Prompt(read_template(path), codebook).sha256 != prompt.sha256


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("version: ", "Version "), "first line must be `version: NAME`"),
        (("# Repair", "# Mend"), "the section `# Repair` is missing"),
        (("{{codebook}}", ""), "the section `# System` lacks {{codebook}}"),
        (("{{reasoning}}", "{{answer}}"), "the section `# Data` lacks {{reasoning}}"),
        (("{{ids}}", "{{checkpoint}}"), "{{checkpoint}} is nothing to fill in under `# System`"),
        (("## How to code", "# Rules"), "`# Rules` is no section of a prompt, or stands twice"),
        (
            ("# Repair", "# Data\n\n{{nonce}}{{prompt}}{{reasoning}}\n\n# Repair"),
            "`# Data` is no section of a prompt, or stands",
        ),
    ],
)
def test_a_template_with_a_mistake_is_refused_with_what_to_mend(tmp_path, change, said):
    path = tmp_path / "mine.md"
    path.write_text(DEFAULT_PATH.read_text().replace(*change))
    with pytest.raises(UserError, match=re.escape(said)):
        read_template(path)


def test_a_template_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "mine.md").write_bytes(b"version: x\xff")
    with pytest.raises(UserError, match="it is no UTF-8"):
        read_template(tmp_path / "mine.md")


def test_the_section_for_parts_may_be_missing_and_changes_the_hash(prompt, codebook, tmp_path):
    path = tmp_path / "mine.md"
    text = DEFAULT_PATH.read_text()
    path.write_text(text[: text.index("\n# Part\n")] + text[text.index("\n# Data\n") :], encoding="utf-8-sig")
    mine = Prompt(read_template(path), codebook)
    assert mine.sha256 != prompt.sha256 and mine.version == prompt.version
    second = Window([Piece(1, 7, 14)], 2, 2)
    assert "part 2 of 2" in prompt.messages(item(), second)[1]["content"]
    shown = mine.messages(item(), second)[1]["content"]
    assert shown.startswith("The code of this call is") and "[1] Second." in shown and "[0]" not in shown


def test_a_template_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UserError, match="No such file"):
        read_template(tmp_path / "none.md")


def test_the_schema_fits_strict_mode(prompt):
    def objects(schema):
        if isinstance(schema, dict):
            if schema.get("type") == "object":
                yield schema
            for value in schema.values():
                yield from objects(value)

    found = list(objects(prompt.schema))
    assert len(found) == 4
    for each in found:
        assert each["additionalProperties"] is False
        assert each["required"] == list(each["properties"])


def test_the_schema_takes_a_right_reply_and_no_other(prompt, reply, finding):
    jsonschema.validate(reply(finding()), prompt.schema)
    for wrong in (reply(finding(pattern="boredom")), reply(finding(stance="maybe")), {"findings": []}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, prompt.schema)
