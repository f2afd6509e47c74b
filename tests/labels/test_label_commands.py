"""telltale codebook and telltale label: what they print, and what they refuse."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from analysis import codebook
from analysis.errors import UserError
from analysis.store import Store
from labels.events import Event
from labels.log import record
from labels.queue_design import current
from telltale import cli

Run = Callable[..., Result]


@pytest.fixture
def run(store: Store) -> Run:
    def call(*words: object) -> Result:
        return CliRunner().invoke(cli, [*map(str, words), "--db", str(store.path)], catch_exceptions=False)

    return call


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return Path(shutil.copy(codebook.DEFAULT_PATH, tmp_path / "book.yaml"))


def test_the_codebook_is_printed_with_definitions_examples_near_misses_and_its_changes(
    book: Path, run: Run
) -> None:
    run("codebook", "rename", "eval_aware", "--name", "Sees a test", "--note", "shorter", "--codebook", book)
    run("codebook", "retire", "harmless_excuse", "--codebook", book)
    printed = CliRunner().invoke(cli, ["codebook", "show", "--codebook", str(book)]).stdout
    assert "revision 3: 13 patterns" in printed and "eval_aware: Sees a test" in printed
    assert "harmless_excuse: Excusing it as harmless (retired at revision 3)" in printed
    assert "    near miss: The user wants unit tests for the parser." in printed
    assert "revision 2: rename eval_aware: Verbalized evaluation awareness → Sees a test; shorter" in printed
    [one] = json.loads(
        CliRunner().invoke(cli, ["codebook", "show", "eval_aware", "--codebook", str(book), "--json"]).stdout
    )
    assert one["id"] == "eval_aware" and one["examples"]


def test_a_change_lists_the_labels_to_look_at_again(labelled: Store, book: Path, run: Run) -> None:
    record(labelled, [
        Event("dee", "t0", "set", pattern="eval_aware", new="present", codebook_revision=1),
        Event("dee", "t0", "set", pattern="grader_model", new="absent", codebook_revision=1),
    ])  # fmt: skip
    split = ("codebook", "split", "eval_aware", "--into", "a", "A", "Says a.", "--into", "b", "B", "Says b.")
    done = run(*split, "--codebook", book, "--json")
    rows = json.loads(done.stdout)
    assert [(row["annotator"], row["was"], row["pattern"], row["value"]) for row in rows] == [
        ("dee", "eval_aware", "a", "present"), ("dee", "eval_aware", "b", "present"),
    ]  # fmt: skip
    assert done.exit_code == 0 and "2 labels to look at again" in done.stderr
    merge = ("codebook", "merge", "a", "b", "--into", "eval_aware2", "Aware", "Says either.")
    assert "at revision 3" in run(*merge, "--codebook", book).stderr
    redefined = run(
        "codebook", "redefine", "grader_model", "--definition", "New.", "--codebook", book, "--json"
    )
    assert {row["pattern"] for row in json.loads(redefined.stdout)} == {"eval_aware2", "grader_model"}
    checked = run("codebook", "check", "--codebook", book, "--json")
    assert json.loads(checked.stdout) == json.loads(redefined.stdout)
    assert "revision 4, 14 patterns, nothing to mend" in checked.stderr


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("show", "nothing"), "there is no pattern nothing"),
        (("check", "--codebook", "none.yaml"), "none.yaml can't be read"),
        (("retire", "nothing"), "there is no pattern nothing"),
        (("rename", "eval_aware"), "--name"),
    ],
)
def test_what_can_not_be_done_is_one_line(run: Run, words: tuple[str, ...], complaint: str) -> None:
    before = codebook.DEFAULT_PATH.read_bytes()
    with pytest.raises(UserError, match=complaint):
        (run if words[0] != "show" else lambda *w: CliRunner().invoke(cli, w, catch_exceptions=False))(
            "codebook", *words
        )
    assert codebook.DEFAULT_PATH.read_bytes() == before


def test_a_queue_is_drawn_shown_and_worked_on(labelled: Store, run: Run) -> None:
    assert "everybody labels everything" in run("label", "queue").stderr
    options: tuple[Any, ...] = ("--run", "r", "--share", "uniform", 1, "--overlap", 1, "--seed", 3)
    made = run("label", "queue", "--size", 2, *options, "--json")
    assert json.loads(made.stdout) == [{"reason": "uniform", "drawn": 2, "labelled": 2, "done": 2}]
    assert "1 conflicts wait" in made.stderr
    with labelled.session() as db:
        queue = current(db)
    assert queue and (queue.settings.run_id, queue.settings.overlap, queue.settings.seed) == ("r", 1.0, 3)
    with pytest.raises(UserError, match="30% of a queue is uniform"):
        run("label", "queue", "--size", 2, "--share", "uniform", 0.1, "--share", "verdict", 0.9)


def test_progress_has_a_row_a_person(labelled: Store, run: Run) -> None:
    rows = json.loads(run("label", "progress", "--json").stdout)
    assert [(row["annotator"], row["done"], row["left"], row["under_way"]) for row in rows] == [
        ("ada", 3, 0, 0), ("bo", 3, 0, 0), ("cy", 0, 2, 1),
    ]  # fmt: skip


def test_without_a_store_each_says_so(run: Run) -> None:
    for words in (("label", "queue"), ("label", "progress")):
        with pytest.raises(UserError, match="there is no store"):
            run(*words)
