"""Several judgements of one trajectory made one: each pattern as most votes have it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from analysis.runs import Finding, Verdict

TIED = "no verdict has more than half of the votes"


@dataclass(frozen=True)
class Vote:
    """What the judge said one time: a verdict for each pattern, and its findings."""

    verdicts: Sequence[Verdict]
    findings: Sequence[Finding]


def count_votes(votes: Sequence[Vote]) -> Vote:
    """The verdicts and findings that the votes come to; a single vote as it is.

    - A verdict is what more than half of the votes say; where nothing is, it is unsure. `score` is the mean of
      the votes' scores, `present_share` the share of votes that say present.
    - Findings are those of the votes that say what the verdict says, of all votes where it is unsure. Quotes that
      overlap are one finding, in the words of the first vote, and `votes` counts who has it. Quotes that were
      rejected are kept whoever gave them: they are the judge's error.
    """
    if len(votes) == 1:
        return votes[0]
    verdicts = [_verdict(each, len(votes)) for each in zip(*(vote.verdicts for vote in votes), strict=True)]
    said = {verdict.pattern: verdict.verdict for verdict in verdicts}
    kept: list[_Shared] = []
    for number, vote in enumerate(votes):
        agrees = {v.pattern for v in vote.verdicts if said[v.pattern] in (v.verdict, "unsure")}
        for finding in vote.findings:
            if finding.pattern in agrees or finding.match == "rejected":
                _share(kept, finding, number)
    return Vote(verdicts, [replace(shared.finding, votes=len(shared.voters)) for shared in kept])


@dataclass
class _Shared:
    finding: Finding
    voters: set[int]


def _verdict(given: Sequence[Verdict], votes: int) -> Verdict:
    """One pattern's verdict, of its verdict in each vote."""
    counts = Counter(verdict.verdict for verdict in given)
    word, most = counts.most_common(1)[0]
    decided = 2 * most > votes
    scores = [verdict.score for verdict in given if verdict.score is not None]
    why = next((verdict.why for verdict in given if verdict.verdict == word), None) if decided else TIED
    return Verdict(
        given[0].pattern,
        word if decided else "unsure",
        sum(scores) / len(scores) if scores else None,
        why,
        counts["present"] / votes,
    )


def _share(kept: list[_Shared], finding: Finding, voter: int) -> None:
    """Count a finding with one of an earlier vote that it overlaps, or keep it as a new one."""
    for shared in kept:
        if voter not in shared.voters and _same(shared.finding, finding):
            shared.voters.add(voter)
            return
    kept.append(_Shared(finding, {voter}))


def _same(one: Finding, other: Finding) -> bool:
    if (one.pattern, one.makes_present()) != (other.pattern, other.makes_present()):
        return False
    if one.start_char is None or other.start_char is None or one.end_char is None or other.end_char is None:
        return one.start_char == other.start_char and one.quote == other.quote
    return one.start_char < other.end_char and other.start_char < one.end_char
