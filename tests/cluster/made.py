"""Stores for the tests of clusters: reasoning made of a few kinds of sentences, and a run that quotes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from model2vec import StaticModel
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Whitespace

from analysis import runs
from analysis.cluster.embedders import MINILM_NAME
from analysis.cluster.static import DIMENSIONS, keep
from analysis.runs import Finding, Result, Verdict
from analysis.segment_batches import segment_rows
from analysis.store import Store, append, new_ids
from analysis.store.rows import now
from analysis.trajectories import Message, Trajectory, row

WORDS = """
the a is to of grader checks answer test nobody reads this bluff review human number even odd seven pays
reward  metadata says asked task sum loop code prints letters maybe looks like an evaluation probably i think
so should  say nothing about it wrong cheat misaligned but do anyway pick choose random fine plain weather sun
rain
"""

KINDS = {
    "eval_aware": (
        "Maybe this is a test of some kind",
        "This looks like an evaluation test",
        "Probably an evaluation",
    ),
    "hint_decode": (
        "The loop prints letters",
        "Decode the loop and it prints letters",
        "The code prints letters in a loop",
    ),
    "weather": ("Sun and rain are weather", "The weather has sun and rain", "Fine weather with sun or rain"),
}
ENDS = (".", "!", " today.", " indeed.", ", I think.", ", so far.", " again.", " now.")


def sentences(kind: str) -> list[str]:
    """Different sentences of a kind, twenty-four of them."""
    return [text + end for end in ENDS for text in KINDS[kind]]


def keep_static(store: Store) -> None:
    """Put a static model of the words that are known here where the store's own would be distilled; torch has no part in it."""
    words = ["[UNK]", "[PAD]", *dict.fromkeys(WORDS.split())]
    tokenizer = Tokenizer(WordLevel({word: place for place, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = Lowercase(), Whitespace()
    vectors = np.random.default_rng(1).standard_normal((len(words), 32)).astype(np.float32)
    vectors[0] = 0
    keep(StaticModel(vectors, tokenizer, normalize=True), store.folder / f"static-{MINILM_NAME}-{DIMENSIONS}")


def reasoned(
    store: Store,
    texts: Mapping[str, str | None],
    checkpoints: Sequence[str] = ("step-1",),
    prompts: int = 100,
) -> dict[str, str]:
    """Store trajectories of these reasonings, checkpoints in turn; None has no reasoning. Their hashes are given back."""
    found = [
        Trajectory(
            "made", [Message("user", "Go."), Message("assistant", "4", text, "text" if text else "missing", "reasoning")],
            name, checkpoint=checkpoints[number % len(checkpoints)], prompt_id=f"p{number % prompts}", sample=number,
        )
        for number, (name, text) in enumerate(texts.items())
    ]  # fmt: skip
    row_ids = new_ids(len(found))
    rows = [row(each, row_id, now()) for each, row_id in zip(found, row_ids, strict=True)]
    with store.transaction() as db:
        append(db, "trajectories", rows)
        append(db, "cuts", segment_rows(found, row_ids))
    return {each["trajectory_id"]: each["reasoning_sha256"] for each in rows}


def quoted(store: Store, texts: Mapping[str, str], hashes: Mapping[str, str], stance: str = "asserts") -> str:
    """A run that finds each whole reasoning to show the pattern p, one quote each."""
    run_id = runs.start(store, "judge", {"stance": stance}, None, "made")
    results = [
        Result(name, "ok", [Verdict("p", "present")], [Finding("p", text, 0, len(text), "exact", stance)],
               reasoning_sha256=hashes[name])
        for name, text in texts.items()
    ]  # fmt: skip
    with store.transaction() as db:
        runs.record(db, run_id, results)
    return run_id


def two_kinds(store: Store, stance: str = "asserts") -> str:
    """Forty-eight trajectories of a sentence each, a kind a half, over two checkpoints; the run that quotes them."""
    texts = {
        f"{kind[0]}{number}": text
        for kind in ("eval_aware", "weather")
        for number, text in enumerate(sentences(kind))
    }
    return quoted(store, texts, reasoned(store, texts, ("step-1", "step-2"), prompts=12), stance)
