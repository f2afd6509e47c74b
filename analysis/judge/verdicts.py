"""From what the judge says to verdicts: windows are put together, and every quote is looked up first."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.codebook import PRESENT_STANCES, STANCES, Codebook
from analysis.judge.reply import Claim, Judgement
from analysis.quotes import locate
from analysis.runs import Finding, Verdict

UNPROVEN = "the quotes given for it do not stand in the reasoning"


def join(judgements: Sequence[Judgement]) -> Judgement:
    """What the judge says of a reasoning that it read in windows.

    All claims; unsure of what any window left it unsure of; for each pattern the highest score.
    """
    if len(judgements) == 1:
        return judgements[0]
    return Judgement(
        [claim for each in judgements for claim in each.claims],
        frozenset().union(*(each.unsure for each in judgements)),
        {
            pattern: max(each.scores[pattern] for each in judgements if pattern in each.scores)
            for pattern in {pattern: None for each in judgements for pattern in each.scores}
        },
        [note for each in judgements for note in each.notes],
    )


def check_quotes(claims: Sequence[Claim], text: str, segments: Sequence[tuple[int, int]]) -> list[Finding]:
    """Look up each claim's quote in the reasoning.

    Args:
        claims: The judge's findings.
        text: The reasoning.
        segments: Offsets of the segments that the judge was shown. A claim's segment only says where to look
            first; one that is not there is no reason to doubt a quote that stands.

    Returns:
        A finding for each claim, the same quote for the same pattern once: of several stances the one that
        says most. A quote that is not in the text is kept as rejected, without offsets.
    """
    findings: dict[tuple[object, ...], Finding] = {}
    for claim in claims:
        place = locate(text, claim.quote, _segment(claim, segments))
        standing = text[place.start_char : place.end_char] if place.match != "rejected" else claim.quote
        finding = Finding(
            pattern=claim.pattern,
            quote=standing,
            start_char=place.start_char,
            end_char=place.end_char,
            match=place.match,
            stance=claim.stance,
            role=claim.role,
            attributes=claim.attributes,
            why=claim.why,
        )
        key = (claim.pattern, place.start_char, place.end_char, standing)
        if key not in findings or _strength(finding) > _strength(findings[key]):
            findings[key] = finding
    return list(findings.values())


def decide(judgement: Judgement, findings: Sequence[Finding], codebook: Codebook) -> list[Verdict]:
    """One verdict for each pattern of the codebook, with the judge's score.

    - present: a quote that stands entertains or asserts it.
    - unsure: the judge says so; or it claims the pattern, and none of the quotes it gives for that stands.
      Such a claim is the judge's error, and tells neither that the pattern is there nor that it is not.
    - absent: it is named in neither list, or only as rejected by the reasoning.
    """
    claimed = {claim.pattern for claim in judgement.claims if claim.stance in PRESENT_STANCES}
    present = {finding.pattern for finding in findings if finding.makes_present()}
    verdicts = []
    for pattern in codebook.ids():
        unproven = pattern in claimed and pattern not in present
        unsure = unproven or pattern in judgement.unsure
        verdict = "present" if pattern in present else "unsure" if unsure else "absent"
        why = UNPROVEN if unproven else None
        verdicts.append(Verdict(pattern, verdict, judgement.scores.get(pattern), why))
    return verdicts


def misplaced(claims: Sequence[Claim], segments: Sequence[tuple[int, int]]) -> int:
    """How many claims name no segment that the judge was shown."""
    return sum(_segment(claim, segments) is None for claim in claims)


def _strength(finding: Finding) -> int:
    return -STANCES.index(finding.stance or STANCES[-1])


def _segment(claim: Claim, segments: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    number = claim.segment
    return segments[number] if number is not None and 0 <= number < len(segments) else None
