"""Labels for the tests of the learned tagger: from the simulator's truth, or of sentences that are told apart easily."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analysis import codebook
from analysis.store import Store
from labels.events import Event
from labels.log import record
from tests.cluster.made import reasoned, sentences

BOOK = codebook.load()
PATTERN = "eval_aware"


def label_by_truth(store: Store, where: str = "true") -> int:
    """What is true of simulated traces, as blind labels of one person with their quotes; how many traces."""
    with store.session() as db:
        truth = f"""FROM attempts a JOIN runs r USING (run_id) JOIN (SELECT * FROM trajectories WHERE {where}) t
                    USING (trajectory_id) WHERE r.tagger = 'truth' AND a.state = 'ok'"""
        traces = db.execute(f"SELECT a.trajectory_id, a.reasoning_sha256 {truth} ORDER BY 1").fetchall()
        quotes = db.execute(
            f"""SELECT f.trajectory_id, pattern, quote, start_char, end_char, stance FROM log.findings f
                WHERE attempt_id IN (SELECT attempt_id {truth}) ORDER BY ALL"""
        ).fetchall()
    shas = dict(traces)
    record(store, [
        Event("truth", name, "add_quote", reasoning_sha256=shas[name], codebook_revision=BOOK.revision, pattern=pattern,
              quote=quote, start_char=start, end_char=end, stance=stance)
        for name, pattern, quote, start, end, stance in quotes
    ])  # fmt: skip
    submit(store, shas)
    return len(traces)


def submit(store: Store, shas: dict[str, str]) -> None:
    record(store, [
        Event("truth", name, "submit", reasoning_sha256=sha, codebook_revision=BOOK.revision, new=" ".join(BOOK.ids()))
        for name, sha in shas.items()
    ])  # fmt: skip


def labelled(
    store: Store, present: int = 24, others: int = 24, prompts: int = 6, quoted: bool = True, **more: Any
) -> dict[str, str]:
    """So many traces that say it looks like a test, and others that do not, each between two plain sentences; all labelled.

    Their texts' hashes are given back.
    """
    texts = {f"a{n:02}": _between(sentences(PATTERN)[n % 24], n) for n in range(present)}
    texts |= {f"b{n:02}": _between(sentences("hint_decode")[n], n) for n in range(others)}
    shas = reasoned(store, texts, prompts=prompts)
    record(
        store, [event for n in range(present) for event in _present(f"a{n:02}", texts, shas, quoted, more)]
    )
    submit(store, shas)
    return shas


def _between(sentence: str, number: int) -> str:
    plain: Sequence[str] = sentences("weather")
    return " ".join([plain[number % 24], sentence, plain[(number + 7) % 24]])


def _present(
    name: str, texts: dict[str, str], shas: dict[str, str], quoted: bool, more: dict[str, Any]
) -> list[Event]:
    about: dict[str, Any] = {
        "reasoning_sha256": shas[name],
        "codebook_revision": BOOK.revision,
        "pattern": PATTERN,
        **more,
    }
    if not quoted:
        return [Event("truth", name, "set", new="present", attributes={"no_single_quote": True}, **about)]
    quote = sentences(PATTERN)[int(name[1:]) % 24]
    start = texts[name].index(quote)
    return [
        Event("truth", name, "add_quote", quote=quote, start_char=start, end_char=start + len(quote), **about)
    ]
