"""What a run says of each trajectory, read whole and read on from what was read before."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np
import pytest

from analysis import runs
from analysis.measure.judged import ABSENT, PRESENT, UNKNOWN, Judged, judged
from analysis.measure.listed import Listed, listed
from analysis.runs import Result, Verdict
from analysis.store import Store
from tests.judged import Lab

PATTERNS = ("eval_aware", "hint_decode", "reward_chosen")
WORDS = ("present", "absent", "unsure")


@pytest.fixture
def lab(store: Store) -> Lab:
    return Lab(store)


@pytest.fixture
def names(lab: Lab) -> list[str]:
    return lab.traces(9)


def read(lab: Lab, run: str, among: Listed | None = None, before: Judged | None = None) -> Judged:
    with lab.store.session() as db:
        return judged(db, run, among, before)


def trajectories(lab: Lab) -> Listed:
    with lab.store.session() as db:
        return listed(db)


def alike(one: Judged, other: Judged) -> bool:
    return one.patterns == other.patterns and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("verdicts", "attempt_id")
    )


def something(chance: Random, names: Sequence[str]) -> dict[str, dict[str, str] | str]:
    """What a run may say next: of a few traces, some of them anew; some end badly; some leave a pattern out."""
    return {
        name: "refused" if chance.random() < 0.2
        else {each: chance.choice(WORDS) for each in PATTERNS if chance.random() < 0.8}
        for name in chance.sample(list(names), chance.randint(1, 4))
    }  # fmt: skip


def test_read_on_a_run_says_what_it_says_read_whole(lab: Lab, names: list[str]) -> None:
    chance, present, among = Random(1), dict(lab.sha), trajectories(lab)
    table = None
    for _ in range(6):
        for _ in range(chance.randint(1, 2)):
            lab.sha = {
                name: sha if chance.random() < 0.8 else "an older text" for name, sha in present.items()
            }
            run = lab.run(something(chance, names))
            lab.run(something(chance, names), model="another-judge")
        table = read(lab, run, among, table)
        assert alike(table, read(lab, run, among))


def test_only_verdicts_that_came_since_are_read(lab: Lab, names: list[str]) -> None:
    run, among = lab.run({name: {"eval_aware": "present"} for name in names[:8]}), trajectories(lab)
    before = read(lab, run, among)
    with lab.store.session() as db:
        db.execute("DELETE FROM log.verdicts")
    lab.run({names[0]: {"eval_aware": "absent"}, names[1]: "refused", names[8]: {"eval_aware": "present"}})
    signs = read(lab, run, among, before).of("eval_aware")[np.argsort(among.trajectory)]
    expected = dict.fromkeys(names, PRESENT) | {names[0]: ABSENT, names[1]: UNKNOWN}
    with lab.store.session() as db:
        ordered = db.execute("SELECT trajectory_id FROM trajectories ORDER BY hash(trajectory_id)").fetchall()
    assert signs.tolist() == [expected[name] for (name,) in ordered]


def test_a_pattern_that_is_new_to_the_run_is_read_of_all(lab: Lab, names: list[str]) -> None:
    run, among = lab.run({name: {"hint_decode": "present"} for name in names[:5]}), trajectories(lab)
    before = read(lab, run, among)
    lab.run({names[6]: {"eval_aware": "absent", "hint_decode": "absent"}})
    after = read(lab, run, among, before)
    assert after.patterns == ("eval_aware", "hint_decode") and alike(after, read(lab, run, among))


def test_what_was_read_of_other_trajectories_is_not_read_on(lab: Lab, names: list[str]) -> None:
    run, among = lab.run({name: {"eval_aware": "present"} for name in names}), trajectories(lab)
    before = read(lab, run, among)
    lab.traces(12)
    more = trajectories(lab)
    assert alike(read(lab, run, more, before), read(lab, run, more))


def test_where_an_older_copy_of_the_store_was_put_back_nothing_is_read_on(lab: Lab, names: list[str]) -> None:
    run = lab.run({name: {"eval_aware": "present"} for name in names[1:]})
    lab.run({names[0]: {"eval_aware": "present", "hint_decode": "present"}})
    among = trajectories(lab)
    before = read(lab, run, among)
    with lab.store.session() as db:
        for table in ("attempts", "verdicts"):
            db.execute(f"DELETE FROM log.{table} WHERE trajectory_id = ?", [names[0]])
    after = read(lab, run, among, before)
    assert after.patterns == ("eval_aware",) and alike(after, read(lab, run, among))


def test_verdicts_are_stored_with_their_attempt_or_neither_is(lab: Lab, names: list[str]) -> None:
    """What is read on leans on it: an attempt that was seen has all its verdicts."""
    run = lab.run({names[0]: {"eval_aware": "present"}})
    with pytest.raises(RuntimeError), lab.store.transaction() as db:
        runs.record(db, run, [Result(names[1], "ok", [Verdict("eval_aware", "present")])])
        raise RuntimeError("cut off")
    table = read(lab, run)
    assert np.count_nonzero(table.attempt_id) == 1 and (table.of("eval_aware") == PRESENT).sum() == 1
