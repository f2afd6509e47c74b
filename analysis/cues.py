"""The tagger that needs no model: the codebook's cue expressions, each hit a finding with its sentence.

It is a baseline. It can be read and predicted, and it misses what is said in other words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import re2

from analysis.codebook import Codebook, cue_options
from analysis.errors import UserError
from analysis.runs import Finding, Result, Verdict

PRECEDENCE = ("rejects", "asserts", "entertains")
"""Of several stances whose cues match one sentence, the first of these is taken."""

LONGEST_WHY = 80
MEMORY = 256 << 20
SETS = 12
"""The expressions are dealt out over so many RE2 sets: a set for all would need an automaton of many more states, and
making states is what takes time where the text is new."""
PARTS = 8
"""A text in which something may match is looked at again in so many parts, down to its sentences."""

_OF_ONE_SENTENCE = re.compile(r"\\[AzQ]|\(\?[a-zA-Z]*-")
"""What a cue may have that makes it match in a sentence by itself and not among others, however `^` and `$` are read."""

_STRAIGHT = {"‘": "'", "’": "'", "“": '"', "”": '"'}

_Set = tuple[range, Callable[[bytes], Any]]
"""The numbers of some expressions, and what says whether any of them matches."""


class CueTagger:
    """The cues of a codebook, compiled.

    A cue is matched sentence by sentence, so that `.*` stays within a sentence and `^` is its start. Typographic
    quotation marks match straight ones.

    Usage:
        tagger = CueTagger(codebook.load())
        result = tagger.tag("t1", reasoning, sentences(reasoning))

    Raises:
        UserError: The cues together are larger than RE2 takes.
    """

    def __init__(self, codebook: Codebook) -> None:
        options = cue_options(MEMORY // SETS)
        self.patterns = [pattern.id for pattern in codebook.patterns if pattern.cues]
        self._verdicts = {
            (there, pattern): Verdict(pattern, "present" if there else "absent")
            for pattern in self.patterns
            for there in (True, False)
        }
        joined = [
            (pattern.id, stance, "|".join(f"(?:{cue})" for cue in pattern.cues[stance]))
            for pattern in codebook.patterns
            for stance in PRECEDENCE
            if pattern.cues.get(stance)
        ]
        try:
            self._expressions = [(*key, re2.compile(cues, options)) for *key, cues in joined]
            self._sets = [
                (range(at, len(joined), SETS), _compiled([cues for *_, cues in joined[at::SETS]], options))
                for at in range(min(SETS, len(joined)))
            ]
        except re2.error:
            raise UserError("the cues are too large for RE2 when taken together: shorten them") from None

    def tag(self, trajectory_id: str, text: str, segments: Sequence[tuple[int, int]]) -> Result:
        """Tag one reasoning.

        Args:
            trajectory_id: Whose reasoning it is.
            text: The reasoning.
            segments: (start_char, end_char) of its sentences; a sentence with a match is the quote.

        Returns:
            A result with one verdict for each pattern that has cues; no scores, a cue has none.
        """
        straight = text
        for curly, plain in _STRAIGHT.items():  # str.translate takes as long as all the matching
            straight = straight.replace(curly, plain)
        sentences = [straight[start:end] for start, end in segments]
        findings = [
            Finding(pattern, text[start:end], start, end, "exact", stance, why=why)
            for at, numbers in self._likely(sentences, 0, len(sentences), self._sets)
            for start, end in [segments[at]]
            for pattern, stance, why in self._matches(sentences[at].encode(errors="replace"), numbers)
        ]
        present = {finding.pattern for finding in findings if finding.makes_present()}
        verdicts = [self._verdicts[pattern in present, pattern] for pattern in self.patterns]
        return Result(trajectory_id, "ok", verdicts=verdicts, findings=findings)

    def _likely(
        self, sentences: list[str], first: int, last: int, sets: list[_Set]
    ) -> Iterator[tuple[int, list[int]]]:
        """The numbers of sentences, and of the expressions that may match there; most texts are done with at a look."""
        many = "\n".join(sentences[first:last]).encode(errors="replace")
        sets = [each for each in sets if each[1](many)]
        if last - first == 1 and sets:
            yield first, sorted(number for numbers, _ in sets for number in numbers)
        elif sets:
            step = -(-(last - first) // PARTS)
            for start in range(first, last, step or 1):
                yield from self._likely(sentences, start, min(start + step, last), sets)

    def _matches(self, sentence: bytes, numbers: Sequence[int]) -> list[tuple[str, str, str]]:
        """(pattern, stance, why) of each pattern in a sentence, by these expressions."""
        found: dict[str, tuple[str, str, str]] = {}
        for number in numbers:  # a pattern's expressions are in the order of precedence
            pattern, stance, expression = self._expressions[number]
            if pattern not in found and (match := expression.search(sentence)):
                found[pattern] = pattern, stance, _why(match.group().decode(errors="replace"))
        return list(found.values())


def _among(cues: str) -> str:
    """An expression that matches among sentences, a line each, wherever the cues match in one of them."""
    return "" if _OF_ONE_SENTENCE.search(cues) else f"(?m:{cues})"


def _compiled(expressions: list[str], options: Any) -> Callable[[bytes], Any]:
    compiled = re2.Set.SearchSet(options)
    for expression in expressions:
        compiled.Add(_among(expression))
    compiled.Compile()
    return compiled.Match  # type: ignore[no-any-return]


def _why(words: str) -> str:
    words = " ".join(words.split())
    if len(words) > LONGEST_WHY:
        words = f"{words[: LONGEST_WHY // 2]} … {words[-LONGEST_WHY // 2 :]}"
    return f'cue: "{words}"'
