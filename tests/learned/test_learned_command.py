"""telltale tag --tagger learned, as a user runs it: verdicts with scores, quotes that stand, a run that goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from analysis import runs
from analysis.errors import UserError
from analysis.learned import tagging
from analysis.learned.tagging import Settings, tag_with_learned
from analysis.measure.judge_books import books
from analysis.store import Store
from analysis.store.verify import verify
from labels.judged import quality
from labels.training import examples
from telltale import cli
from tests.cluster.made import reasoned, sentences
from tests.learned.made import BOOK, PATTERN, labelled

Telltale = Callable[..., Result]


@pytest.fixture
def learn(store: Store) -> Telltale:
    def run(*words: Any) -> Result:
        words = "tag", "--tagger", "learned", "--embedder", "tfidf", *map(str, words)
        return CliRunner().invoke(cli, words, env={"TELLTALE_DB": str(store.path)}, standalone_mode=False)

    return run


@pytest.fixture
def others(store: Store) -> Store:
    """48 labelled traces and four that nobody has labelled, one of them without reasoning."""
    labelled(store)
    plain = "Fine weather, I think."
    reasoned(store, {"c0": f"😀 {plain} {sentences(PATTERN)[0]}", "c1": plain, "c2": "", "c3": None})
    return store


def test_from_labels_to_a_run_whose_verdicts_have_scores_and_whose_quotes_stand(
    learn: Telltale, others: Store
) -> None:
    done = learn("--json")
    [row] = json.loads(done.stdout)
    assert (row["tagged"], row["ok"], row["no_reasoning"]) == (52, 50, 2)
    assert [each["pattern"] for each in row["quality"]] == [PATTERN] and len(row["refused"]) == len(
        BOOK.ids()
    ) - 1
    assert "hint_decode is left out: 0 labelled traces show it, and 20 are needed" in done.stderr
    with others.session() as db:
        said = db.execute(
            "SELECT trajectory_id, verdict, score FROM verdicts WHERE run_id = ? AND trajectory_id LIKE 'c%' ORDER BY 1",
            [row["run"]],
        ).fetchall()
        quotes = db.execute(
            """SELECT quote = reasoning[start_char + 1:end_char], quote, why FROM findings JOIN trajectories USING (trajectory_id)
               WHERE run_id = ? AND trajectory_id = 'c0'""", [row["run"]],
        ).fetchall()  # fmt: skip
        ended = books(db, row["run"])
    (_, first, high), (_, second, low) = said
    assert (first, second) == ("present", "absent") and 0 <= low < high <= 100
    assert [(stands, quote) for stands, quote, _ in quotes] == [(True, sentences(PATTERN)[0])]
    assert quotes[0][2].startswith("learned: ")
    assert (ended.states["ok"], ended.states["no_reasoning"], ended.judged) == (50, 2, 52)
    assert [each for each in verify(others) if each.broken] == []


def test_the_run_remembers_what_it_learned_from_and_how_good_it_is(learn: Telltale, others: Store) -> None:
    [row] = json.loads(learn("--json").stdout)
    with others.session() as db:
        [(config,)] = db.execute("SELECT config FROM runs WHERE run_id = ?", [row["run"]]).fetchall()
    kept = json.loads(config)
    assert (kept["labelled"], kept["drawn"], kept["prompts"], kept["split"]) == (48, 48, 6, "prompts")
    assert (
        kept["quality"] == row["quality"]
        and kept["settings"]["folds"] == 4
        and len(kept["labels_sha256"]) == 64
    )
    assert kept["refused"].keys() == row["refused"].keys()


def test_of_labelled_traces_the_run_says_what_the_model_without_them_says(
    learn: Telltale, others: Store
) -> None:
    [row] = json.loads(learn("--json").stdout)
    [told] = row["quality"]
    with others.session() as db:
        [held] = quality(db, row["run"], patterns=[PATTERN])
    assert (held.tp, held.fp, held.fn, held.tn) == tuple(told[cell] for cell in ("tp", "fp", "fn", "tn"))
    assert held.figures["sensitivity"].value == told["sensitivity"]


def test_the_next_queue_goes_by_its_uncertainty(learn: Telltale, others: Store) -> None:
    [row] = json.loads(learn("--json").stdout)
    words = f"label queue --size 20 --run {row['run'][:12]} --share uniform 0.4 --share uncertain 0.6 --json".split()
    done = CliRunner().invoke(cli, words, env={"TELLTALE_DB": str(others.path)}, standalone_mode=False)
    assert {each["reason"] for each in json.loads(done.stdout)} == {"uniform", f"uncertain: {PATTERN}"}
    with others.session() as db:
        rows = db.execute(
            "SELECT probability, score FROM queue_items JOIN verdicts USING (trajectory_id) WHERE run_id = ? ORDER BY abs(score - 50)",
            [row["run"]],
        ).fetchall()
    chances = [chance for chance, _ in rows]
    assert len(rows) == 50 and chances == sorted(chances, reverse=True) and 0 < chances[-1] < chances[0]


def test_a_stopped_run_goes_on_and_other_labels_are_another_run(
    others: Store, learn: Telltale, monkeypatch: pytest.MonkeyPatch
) -> None:
    with others.session() as db:
        labels = examples(db, BOOK)

    def stopped(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tag_with_learned(
            others,
            BOOK,
            labels,
            Settings("tfidf"),
            "trajectory_id < 'b'",
            lambda stage: stopped if stage == "tag" else None,
        )
    [dry] = json.loads(learn("--dry-run", "--json").stdout)
    assert (dry["to_tag"], dry["labelled"], dry["patterns"]) == (28, 48, 1)
    [row] = json.loads(learn("--json").stdout)
    assert (row["run"], row["tagged"]) == (dry["run"], 28)
    assert json.loads(learn("--json").stdout)[0]["tagged"] == 0
    fewer = tagging.tag_with_learned(
        others, BOOK, labels.slice(0, len(labels) - 14), Settings("tfidf"), "false"
    )
    assert fewer.run_id != row["run"]
    with others.session() as db:
        assert len(runs.listed(db)) == 2


def test_what_a_user_can_mend_is_one_line(learn: Telltale, store: Store) -> None:
    reasoned(store, {"a": "One."})
    error = learn().exception
    assert isinstance(error, UserError) and "no blind label to learn from yet" in str(error)
    labelled(store, present=19)
    error = learn().exception
    assert isinstance(error, UserError) and "\n" not in str(error) and "has 19 and 24" in str(error)
    assert isinstance(learn("--model", "m").exception, UserError)
    cues = CliRunner().invoke(
        cli, ["tag", "--embedder", "tfidf"], env={"TELLTALE_DB": str(store.path)}, standalone_mode=False
    )
    assert isinstance(cues.exception, UserError) and "add --tagger learned" in str(cues.exception)
