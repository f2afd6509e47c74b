"""Search by meaning finds what is there now, in context, whatever became of the store or of the index's files."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from analysis.cluster import indexing
from analysis.cluster.embedders import Embedder, Vectors, unit
from analysis.cluster.indexing import bring_up_to_date, folder_of, live_rows
from analysis.cluster.search import chosen, search
from analysis.errors import UserError
from analysis.measure.scope import Scope
from analysis.segment_batches import segment_rows
from analysis.store import Store, append, new_ids
from analysis.store.lake import Lake
from analysis.store.rows import now
from analysis.trajectories import Message, Trajectory, row
from tests.cluster.made import WORDS, reasoned

PLACES = {word: place for place, word in enumerate(dict.fromkeys(WORDS.split()))}


class Words:
    """An embedder that counts known words, remembers what it was asked, and may be killed at a text."""

    def __init__(self, dies_at: str | None = None) -> None:
        self.asked: list[str] = []
        self.dies_at = dies_at
        self.embedder = Embedder("words", self.encode)

    def encode(self, texts: Sequence[str]) -> Vectors:
        if self.dies_at and any(self.dies_at in text for text in texts):
            raise KeyboardInterrupt
        self.asked += texts
        counts = np.zeros((len(texts), len(PLACES)), np.float32)
        for line, text in zip(counts, texts, strict=True):
            for word in text.lower().replace(".", " ").replace("?", " ").split():
                if word in PLACES:
                    line[PLACES[word]] += 1
        return unit(counts)


@pytest.fixture(autouse=True)
def beside_a_lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the tests run on a DuckLake, its files on this machine are the test's own."""
    monkeypatch.setattr(Lake, "folder", property(lambda _: tmp_path))


@pytest.fixture
def words() -> Words:
    return Words()


Found = Callable[..., list[str]]


@pytest.fixture
def found(store: Store, words: Words) -> Found:
    """The sentences that a search gives."""
    return lambda text, **how: [hit.sentence for hit in search(store, text, embedder=words.embedder, **how)]


THREE = {
    "a": "Pick a number. Maybe nobody reads this. So say nothing.",
    "b": "The weather is fine. Rain maybe. Sun and rain.",
    "c": "Maybe nobody reads this. The grader checks the answer.",
}


def test_the_nearest_sentence_is_first_and_stands_in_its_context(store: Store, words: Words) -> None:
    hashes = reasoned(store, THREE, ("step-1", "step-2"))
    first, *rest = search(store, "does nobody read this, nobody reads", k=4, embedder=words.embedder)
    assert first.sentence == "Maybe nobody reads this." and first.places == 2
    assert (first.trajectory_id, first.segment, first.checkpoint) in (("a", 1, "step-1"), ("c", 0, "step-1"))
    text = THREE[first.trajectory_id]
    assert text[first.start_char : first.end_char] == first.sentence and len(hashes) == 3
    beside = {"a": ("Pick a number.", "So say nothing."), "c": (None, "The grader checks the answer.")}
    assert (first.before, first.after) == beside[first.trajectory_id]
    assert [hit.score for hit in (first, *rest)] == sorted(
        (hit.score for hit in (first, *rest)), reverse=True
    )


def test_the_ranking_is_the_exact_one(store: Store, words: Words) -> None:
    chance = np.random.default_rng(9)
    texts = [
        " ".join(chance.choice(list(PLACES), chance.integers(1, 6))).capitalize() + "." for _ in range(300)
    ]
    reasoned(store, {f"t{number}": " ".join(texts[number::10]) for number in range(10)})
    vectors = words.encode(list(dict.fromkeys(texts)))
    for query, k in (
        ("maybe the test", 1),
        ("nobody reads", 7),
        ("sun", 40),
        ("the grader pays seven", 1_000),
    ):
        exact = sorted((vectors @ words.encode([query])[0]).tolist(), reverse=True)[:k]
        hits = search(store, query, k, embedder=words.embedder)
        assert [hit.score for hit in hits] == pytest.approx(exact, abs=1e-6)
        assert len({hit.sentence for hit in hits}) == len(hits)


def test_a_sentence_that_stands_often_is_embedded_once_and_shown_once(
    store: Store, words: Words, found: Found
) -> None:
    reasoned(store, {f"t{number}": f"Nobody reads this. Seven pays {number}." for number in range(30)})
    [hit] = search(store, "nobody reads", k=1, embedder=words.embedder)
    assert hit.places == 30 and words.asked.count("Nobody reads this.") == 1
    hits = search(store, "nobody reads", k=12, every=True, embedder=words.embedder)
    assert len({hit.trajectory_id for hit in hits}) == 12 and {hit.sentence for hit in hits} == {
        "Nobody reads this."
    }


def test_filters_come_before_the_cut(store: Store, words: Words) -> None:
    texts = {f"near{n}": f"Nobody reads this {n}. Fine." for n in range(40)} | {
        f"far{n}": f"Nobody pays seven {n}." for n in range(5)
    }
    reasoned(store, {name: text for name, text in texts.items() if name.startswith("near")}, ("step-1",))
    reasoned(store, {name: text for name, text in texts.items() if name.startswith("far")}, ("step-2",))
    with store.session() as db:
        rows = chosen(db, None, Scope({"checkpoint": ("step-2",)}))
        assert len(chosen(db, "trajectory_id = 'near3'", Scope())) == 1
        with pytest.raises(UserError, match="no trajectory passes"):
            chosen(db, None, Scope({"variant": ("other",)}))
        with pytest.raises(UserError, match="--where"):
            chosen(db, "no such thing", Scope())
    hits = search(store, "nobody reads this", k=5, rows=rows, embedder=words.embedder)
    assert len(hits) == 5 and {hit.checkpoint for hit in hits} == {"step-2"}


def test_what_is_new_is_added_and_nothing_is_embedded_again(store: Store, words: Words, found: Found) -> None:
    reasoned(store, THREE)
    found("test")
    asked = list(words.asked)
    found("rain")
    assert words.asked == [*asked, "rain"], "only the query is new"
    reasoned(store, {"d": "Maybe nobody reads this. An evaluation probably."})
    assert found("evaluation probably", k=1) == ["An evaluation probably."]
    assert words.asked == [*asked, "rain", "evaluation probably", "An evaluation probably."]


def test_what_was_replaced_or_retracted_does_not_show(store: Store, words: Words, found: Found) -> None:
    reasoned(store, THREE)
    assert found("sun and rain", k=1) == ["Sun and rain."]
    reasoned(store, {"b": "Fine weather."})
    assert found("sun and rain", k=1) == ["Fine weather."] or "Sun and rain." not in found("sun and rain")
    with store.transaction() as db:
        append(
            db,
            "retractions",
            [{"trajectory_id": "c", "source": None, "reason": "wrong", "created_at": now()}],
        )
    assert "The grader checks the answer." not in found("the grader checks the answer")
    [hit] = search(store, "maybe nobody reads", k=1, embedder=words.embedder)
    assert (hit.trajectory_id, hit.places) == ("a", 1), "a place that is gone is not counted"


def test_an_index_that_is_mostly_of_what_is_gone_is_made_anew(
    store: Store, words: Words, found: Found
) -> None:
    reasoned(store, {f"t{n}": f"Seven pays {n}. Rain {n}." for n in range(20)})
    found("rain")
    reasoned(store, {f"t{n}": f"Sun {n}." for n in range(20)})
    assert found("rain", k=3)[0].startswith("Sun")
    assert len(bring_up_to_date(store, words.embedder, live_rows(store)).texts) == 20


def test_after_a_stop_it_goes_on_where_it_was(
    store: Store, words: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "SEGMENTS_A_BATCH", 10)
    reasoned(store, {f"t{number}": f"The answer {number}." for number in range(40)})
    stopped, seen = Words(), list[tuple[int, int]]()

    def progress(done: int, whole: int) -> None:
        seen.append((done, whole))
        if done == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(store, "answer", embedder=stopped.embedder, progress=progress)
    with pytest.raises(KeyboardInterrupt):  # in the middle of a batch
        search(store, "answer", embedder=Words(dies_at="The").embedder)
    assert seen == [(10, 40), (20, 40)]
    assert len(search(store, "answer", k=50, embedder=words.embedder)) == 40
    assert sorted(set(stopped.asked) & set(words.asked)) == ["answer"] and len(words.asked) == 21


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-3])


def flipped(file: Path) -> None:
    held = bytearray(file.read_bytes())
    held[len(held) // 2] ^= 0x10
    file.unlink()
    file.write_bytes(held)


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def longer(file: Path) -> None:
    with file.open("ab") as stream:
        stream.write(b"what a stop left behind")


def test_damaged_files_are_noticed_and_made_again(store: Store, found: Found) -> None:
    reasoned(store, THREE)
    before = found("nobody reads the weather", k=9)
    ways = [(flipped, "vectors"), (cut, "vectors"), (emptied, "hashes"), (Path.unlink, "reasonings"), (flipped, "texts"),
            (longer, "texts"), (flipped, "index.json"), (emptied, "index.json"), (Path.unlink, "index.json")]  # fmt: skip
    for damage, name in ways:
        damage(folder_of(store) / name)
        assert found("nobody reads the weather", k=9) == before and len(before) == 7, (damage, name)
    longer(folder_of(store) / "vectors")
    reasoned(store, {"d": "One more test."})
    assert "One more test." in found("nobody reads the test", k=9), "what a stop left behind is written over"


def test_an_index_whose_texts_are_others_is_noticed_and_made_again(
    store: Store, words: Words, found: Found
) -> None:
    reasoned(store, THREE)
    before = found("sun and rain", k=9)
    file = folder_of(store) / "texts"
    file.write_bytes(np.fromfile(file, np.int64)[::-1].tobytes())  # as many words, the same sum
    assert found("sun and rain", k=9) == before


def test_several_at_once_make_it_once(store: Store) -> None:
    reasoned(store, {f"t{n}": f"The answer is {n}. Maybe {n}." for n in range(50)})
    made, given_back = [Words() for _ in range(4)], list[int]()

    def work(words: Words) -> None:
        given_back.append(len(search(store, "answer", k=200, embedder=words.embedder)))

    threads = [threading.Thread(target=work, args=(words,)) for words in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert given_back == [100] * 4
    assert sum(len([text for text in words.asked if text != "answer"]) for words in made) == 100


def test_turns_are_not_mixed_in_a_context(store: Store, words: Words) -> None:
    turns = [Message("user", "Go."), Message("assistant", "1", "Rain.", "text", "r"), Message("user", "On."),
             Message("assistant", "2", "Sun. Seven pays.", "text", "r")]  # fmt: skip
    item, [row_id] = Trajectory("made", turns, "two"), new_ids(1)
    with store.transaction() as db:
        append(db, "trajectories", [row(item, row_id, now())])
        append(db, "cuts", segment_rows([item], [row_id]))
    [hit] = search(store, "sun", k=1, embedder=words.embedder)
    assert (hit.before, hit.sentence, hit.after, hit.segment) == (None, "Sun.", "Seven pays.", 1)


def test_the_same_results_with_and_without_reasoning_that_has_no_sentence(store: Store, found: Found) -> None:
    reasoned(store, {"blank": " \n ", "none": None, **THREE})
    assert found("rain", k=1) == ["Rain maybe."] and len(found("rain", k=99)) == 7
    assert found("rain", k=1) == ["Rain maybe."]


def refused(work: Callable[[], object]) -> str:
    with pytest.raises(UserError) as caught:
        work()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_a_user_can_mend_is_one_line(store: Store, found: Found) -> None:
    assert "there is no reasoning to search" in refused(lambda: found("rain"))
    reasoned(store, {"none": None})
    assert "there is no reasoning to search" in refused(lambda: found("rain"))
    reasoned(store, THREE)
    assert "say what to search for" in refused(lambda: found(" \n"))
    assert "knows no word" in refused(lambda: found("xyzzy"))
    folder_of(store).write_text("a file where the folder shall be")
    assert "can't be written" in refused(lambda: found("rain"))


def test_a_lakes_index_has_a_name_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    lake = Store("ducklake:postgres:host=db dbname=t password=hunter2", data_path="rows")
    assert folder_of(lake).parent == lake.folder and "hunter2" not in str(folder_of(lake))


HOSTILE: Mapping[str, str] = {
    "h": "<img src=x onerror=alert(1)> test\u202e \x1b[31m =cmd|' /C calc'!A0 this. The test.\ud83d lone test. A "
    + "x" * 20_000 + " test.",
}  # fmt: skip


def test_hostile_sentences_come_back_letter_by_letter(store: Store, words: Words) -> None:
    reasoned(store, {"h": HOSTILE["h"].replace("\ud83d", "")})
    hits = search(store, "test", k=9, embedder=words.embedder)
    assert {HOSTILE["h"].replace("\ud83d", "")[hit.start_char : hit.end_char] for hit in hits} == {
        hit.sentence for hit in hits
    }
    assert any("<img src=x" in hit.sentence for hit in hits)
