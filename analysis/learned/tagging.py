"""Running the learned tagger over the store."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from analysis import runs
from analysis.cluster.embedders import STATIC, TFIDF, Embedder, Vectors, find_embedder
from analysis.cluster.embeddings import vectors_of
from analysis.codebook import Codebook
from analysis.learned import crossfit, sentences
from analysis.learned.crossfit import Learnt, Rule, learn
from analysis.learned.examples import Examples, read
from analysis.learned.quality import FEW_PROMPTS, Quality, quality
from analysis.learned.sentences import Array
from analysis.runs import Finding, Item, Result, Verdict
from analysis.store import Store
from analysis.tagging import tag_pending

TAGGER = "learned"
METHOD = {
    "folds": crossfit.FOLDS,
    "strength": sentences.STRENGTH,
    "most_texts": sentences.MOST_TEXTS,
    "words": "1-2",
}
Say = Callable[[str], Callable[[int, int], None] | None]


@dataclass(frozen=True)
class Settings:
    """How the tagger learns.

    Attributes:
        embedder: As `analysis.cluster.embedders.find_embedder` takes it; None for the static model.
        seed: Of what is drawn.
    """

    embedder: str | None = None
    seed: int = 0


@dataclass(frozen=True)
class Tagged:
    """What a call of the tagger did.

    Attributes:
        counts: The attempts of this call by their end state.
        quality: How good it is at each pattern that it learned.
        refused: Why it did not learn each of the others.
        note: What must be said of the embedder.
    """

    run_id: str
    counts: Counter[str]
    quality: list[Quality]
    refused: dict[str, str]
    note: str | None


def tag_with_learned(
    store: Store,
    codebook: Codebook,
    labels: pa.Table,
    settings: Settings = Settings(),
    where: str | None = None,
    say: Say = lambda _: None,
) -> Tagged:
    """Learn from labels, and tag what the run of these labels and settings has not tagged yet.

    Of a trace that it learned from, the run says what the rule says that had no part in that trace: so the run can be
    held against labels like any other, and rates can be corrected by them.

    Args:
        store: Where trajectories are read and results written.
        codebook: Whose patterns are learned.
        labels: As `labels.training.examples` gives them.
        settings: How.
        where: Which trajectories are tagged: a condition in SQL over the columns of `trajectories`.
        say: Called with the name of each stage; gives what is called with (done, total).

    Raises:
        UserError: No pattern has labels enough, or the embedder can't be had.
    """
    examples, embedder = _prepared(store, codebook, labels, settings, say)
    learnt = learn(examples, _vectors(store, embedder, examples.texts), settings.seed, say("learn"))
    found = quality(examples, learnt)
    run_id = runs.start(
        store, TAGGER, _config(examples, settings), codebook, embedder.name, _told(examples, learnt, found)
    )
    tagger = _Tagger(store, embedder, examples, learnt)
    with store.session() as db:
        todo = runs.pending(db, run_id, where)
    counts = tag_pending(store, run_id, todo, lambda items: lambda: tagger.tag(items), say("tag"))
    lone = {
        pattern: FEW_PROMPTS
        for pattern, cut in zip(examples.patterns, learnt.rule.thresholds, strict=True)
        if np.isnan(cut)
    }
    return Tagged(run_id, counts, found, {**examples.refused, **lone}, embedder.note)


def to_tag_with_learned(
    store: Store,
    codebook: Codebook,
    labels: pa.Table,
    settings: Settings = Settings(),
    where: str | None = None,
    say: Say = lambda _: None,
) -> tuple[str, int, Examples]:
    """The run of these labels and settings, how many trajectories it has not tagged yet, and what it would learn from.

    Nothing is learned, and nothing written but the static model, where there is none yet.
    """
    examples, embedder = _prepared(store, codebook, labels, settings, say)
    run_id, _ = runs.identify(TAGGER, _config(examples, settings), codebook, embedder.name)
    with store.session() as db:
        return run_id, len(runs.pending(db, run_id, where)), examples


def _prepared(
    store: Store, codebook: Codebook, labels: pa.Table, settings: Settings, say: Say
) -> tuple[Examples, Embedder]:
    examples = read(store, labels, codebook.ids())
    return examples, find_embedder(settings.embedder, STATIC, store.folder, examples.texts, say("distil"))


def _vectors(store: Store, embedder: Embedder, texts: Sequence[str]) -> Vectors:
    """The vectors of texts. Those that are made faster than they are read are not kept in the store."""
    if embedder.name.startswith((STATIC, TFIDF)):
        return embedder.encode(texts)
    return vectors_of(store, embedder, texts)


def _config(examples: Examples, settings: Settings) -> dict[str, Any]:
    """What makes a run another one."""
    return {
        "labels_sha256": examples.sha256,
        "patterns": examples.patterns,
        "settings": {"seed": settings.seed, **METHOD},
    }


def _told(examples: Examples, learnt: Learnt, found: Sequence[Quality]) -> dict[str, Any]:
    """What the run is told to remember: what it learned from, and how good it is."""
    return {
        "labelled": len(examples.traces),
        "drawn": sum(each.drawn for each in examples.traces),
        "labels": sum(len(each.labels) for each in examples.traces),
        "prompts": int(examples.prompts.max()) + 1,
        "synthetic": sum(each.synthetic for each in examples.traces),
        "split": "prompts" if learnt.by_prompt else "trajectories",
        "refused": examples.refused,
        "quality": [each.as_row() for each in found],
    }


@dataclass(frozen=True)
class _Tagger:
    store: Store
    embedder: Embedder
    examples: Examples
    learnt: Learnt

    @cached_property
    def _held_out(self) -> dict[tuple[str, str], Rule]:
        """The rule of each trace that was learned from, by its id and its text's hash."""
        return {
            (trace.trajectory_id, trace.reasoning_sha256): self.learnt.held_out[fold]
            for trace, fold in zip(self.examples.traces, self.learnt.folds, strict=True)
        }

    def tag(self, items: Sequence[Item]) -> list[Result]:
        """A result for each item, each by the rule that it had no part in."""
        by_rule: dict[int, list[Item]] = defaultdict(list)
        rules = {id(rule): rule for rule in (self.learnt.rule, *self.learnt.held_out)}
        for item in items:
            rule = self._held_out.get((item.trajectory_id, item.reasoning_sha256), self.learnt.rule)
            by_rule[id(rule)].append(item)
        return [result for key, mine in by_rule.items() for result in self._by(rules[key], mine)]

    def _by(self, rule: Rule, items: Sequence[Item]) -> list[Result]:
        started = time.perf_counter()
        numbers: dict[str, int] = {}
        which = [
            [numbers.setdefault(item.reasoning[start:end], len(numbers)) for start, end in item.segments]
            for item in items
        ]
        texts = list(numbers)
        odds = np.zeros((0, len(self.examples.patterns)))
        if texts:
            odds = rule.model.decide(texts, _vectors(self.store, self.embedder, texts))
        seconds = (time.perf_counter() - started) / len(items)
        return [
            self._result(item, rule, odds[np.array(mine, dtype=np.int64)], seconds)
            for item, mine in zip(items, which, strict=True)
        ]

    def _result(self, item: Item, rule: Rule, odds: Array, seconds: float) -> Result:
        """What one trace's sentences come to. A pattern for which this rule has no threshold gets no verdict."""
        best = odds.max(axis=0, initial=-np.inf)
        scores, of_sentences = rule.scores(best), rule.scores(odds)
        shown = odds >= rule.thresholds
        verdicts = [
            Verdict(pattern, "present" if best[at] >= rule.thresholds[at] else "absent", float(scores[at]))
            for at, pattern in enumerate(self.examples.patterns)
            if not np.isnan(rule.thresholds[at])
        ]
        findings = []
        for number, at in np.argwhere(shown):
            start, end = item.segments[number]
            why = f"learned: {of_sentences[number, at]:.0f} of 100"
            quote = item.reasoning[start:end]
            findings.append(
                Finding(self.examples.patterns[at], quote, start, end, "exact", "asserts", why=why)
            )
        return Result(
            item.trajectory_id,
            "ok",
            verdicts,
            findings,
            seconds=seconds,
            reasoning_sha256=item.reasoning_sha256,
        )
